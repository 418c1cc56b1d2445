# After the files of an older version have gone, so that the agent that begins finds only its own.
if test -d /run/systemd/system; then
    systemctl daemon-reload
    # Only where it runs. etcd is another service and goes on.
    systemctl try-restart etcd-agent.service || :
fi
