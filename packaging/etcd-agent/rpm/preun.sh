@let-etcd-start@
if test "$1" -eq 0; then
    if test -d /run/systemd/system; then
        systemctl stop etcd-agent.service || :
    fi
    # A full disk, say. Failing here would keep the package installed and change nothing about it.
    let_etcd_start || echo 'etcd-agent: the drop-in of etcd.service could not be changed; etcd will not start without an agent.' >&2
    # Last: after a power cut before this the agent starts again, and asks for its clearance again.
    systemctl -q disable etcd-agent.service 2>/dev/null || :
    echo 'etcd-agent is removed. etcd, its data, /etc/etcd and /var/lib/etcd-agent are left as they are.'
    echo 'To remove identity, keys and memory of the agent as well: rm -rf /var/lib/etcd-agent /etc/etcd-agent'
fi
