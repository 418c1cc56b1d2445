first_steps() {
    systemctl -q is-enabled etcd-agent.service 2>/dev/null && return 0
    echo 'etcd-agent is installed; nothing was enabled or started. Next: systemctl enable --now etcd-agent'
}
