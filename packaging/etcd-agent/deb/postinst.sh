#!/bin/sh
set -e
@first-steps@
if test "$1" = configure; then
    systemd-sysusers etcd-agent.conf
    # In an image that is being made there may be no /proc, which it needs; a boot does it too.
    systemd-tmpfiles --create etcd-agent.conf || :
    ran=
    if test -d /run/systemd/system; then
        systemctl daemon-reload
        ran=$(systemctl is-active etcd-agent.service) || :
        # Only where it runs. etcd is another service and goes on.
        systemctl try-restart etcd-agent.service ||
            echo 'etcd-agent does not start: systemctl status etcd-agent. etcd goes on meanwhile.' >&2
    fi
    # One that ran, or that systemd tries again and again, has been started. A former version in $2 would not tell: it is
    # there after a removal, too.
    case $ran in
        active | activating) ;;
        *) first_steps ;;
    esac
fi
if test "$1" = abort-remove; then
    echo 'etcd-agent was stopped, and may be disabled. To have it again: systemctl enable --now etcd-agent' >&2
fi
