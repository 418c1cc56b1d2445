#!/bin/sh
set -e
@let-etcd-start@
if test "$1" = remove; then
    if test -d /run/systemd/system; then
        systemctl stop etcd-agent.service || :
    fi
    # A full disk, say. Failing here would keep the package installed and change nothing about it.
    let_etcd_start || echo 'etcd-agent: the drop-in of etcd.service could not be changed; etcd will not start without an agent.' >&2
    # Last: after a power cut before this the agent starts again, and asks for its clearance again.
    systemctl -q disable etcd-agent.service 2>/dev/null || true
    echo 'etcd-agent is removed. etcd, its data, /etc/etcd and /var/lib/etcd-agent are left as they are.'
fi
