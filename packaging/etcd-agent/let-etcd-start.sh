# etcd's drop-in asks for a clearance that a running agent gives, and that every stop of etcd and every boot takes away.
# Without an agent etcd would not start again, so the condition goes with the agent. That etcd never starts on an empty data
# directory stays. The condition is back as soon as an agent that is installed later has started.
let_etcd_start() {
    umask 022
    dropin=/etc/systemd/system/etcd.service.d/zz-etcd-agent.conf
    test -f "$dropin" || return 0
    clearance=$(sed -n 's|^ConditionPathExists=\(/.*\)$|\1|p' "$dropin" | sed 's|%%|%|g')
    test -n "$clearance" || return 0
    # Neither running nor cleared: the agent has not seen that this disk is the newest, or has seen that it is not.
    target=$dropin
    if ! test -e "$clearance" && ! systemctl -q is-active etcd.service; then
        target=$dropin.without-agent
    fi
    note='# The package etcd-agent was removed: no agent of this host could clear the disk, so no clearance is asked for.'
    {
        sed -n 1p "$dropin" && echo "$note" &&
            sed -e 1d -e '\|^# The agent makes this|d' -e '\|^ConditionPathExists=/|d' "$dropin"
    } >"$dropin.new" && sync "$dropin.new" && mv "$dropin.new" "$target" && sync "${target%/*}" || return 1
    if test "$target" = "$dropin"; then
        echo "etcd starts without an agent from now on (changed $dropin)."
        return 0
    fi
    echo 'etcd does not run, and its agent has not cleared its disk: it stays down. Should the disk be older than what the'
    echo 'cluster has acknowledged, etcd would forget writes. To start it all the same:'
    echo "  mv $target $dropin && systemctl daemon-reload && systemctl start etcd"
}
