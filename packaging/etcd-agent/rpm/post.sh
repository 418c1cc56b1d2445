@first-steps@
systemd-sysusers etcd-agent.conf
systemd-tmpfiles --create etcd-agent.conf
if test "$1" -eq 1; then
    first_steps
fi
