#!/bin/sh
set -e
if test "$1" = purge; then
    for directory in /var/lib/etcd-agent /etc/etcd-agent; do
        # Somebody's etcd, if it has its data there: that is nobody's to remove.
        if find "$directory" -name '*.wal' 2>/dev/null | grep -q .; then
            echo "Left: $directory, which holds data of an etcd." >&2
        # They may be all that is left of a cluster.
        elif find "$directory/snapshots" -name '*.snapshot.db' 2>/dev/null | grep -q .; then
            find "$directory" -mindepth 1 -maxdepth 1 ! -name snapshots -exec rm -rf --one-file-system {} +
            echo "Removed: $directory, but for snapshots of etcd's data in $directory/snapshots"
        elif test -e "$directory"; then
            # Never another file system that somebody has mounted there.
            rm -rf --one-file-system "$directory"
            echo "Removed: $directory"
        fi
    done
    echo 'Left: etcd, its data, its certificates in /etc/etcd, its unit and drop-ins in /etc/systemd/system, what a'
    echo 'coordinator has installed in /usr/local/lib/etcd-agent, the account etcd.'
fi
if test -d /run/systemd/system; then
    systemctl daemon-reload || :
fi
