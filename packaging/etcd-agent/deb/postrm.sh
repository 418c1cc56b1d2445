#!/bin/sh
set -e
if test "$1" = purge; then
    # Never another file system that somebody has mounted there.
    rm -rf --one-file-system /var/lib/etcd-agent /etc/etcd-agent
    echo 'Removed: /var/lib/etcd-agent (identity and keys of the agent, its memory, its events), /etc/etcd-agent.'
    echo 'Left: etcd, its data, its certificates in /etc/etcd, its unit and drop-in in /etc/systemd/system, the account etcd.'
fi
if test -d /run/systemd/system; then
    systemctl daemon-reload
fi
