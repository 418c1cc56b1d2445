@first-steps@
systemd-sysusers etcd-agent.conf
# In an image that is being made there may be no /proc, which it needs; a boot does it too.
systemd-tmpfiles --create etcd-agent.conf || :
if test "$1" -eq 1; then
    first_steps
fi
