# The keys of the CAs are in it: no package manager removes those, not even when it purges.
what_stays() {
    state=/var/lib/etcd-coordinator
    if test -e "$state"; then
        echo "Left: $state, with the keys of the CAs, which the cluster needs for as long as it is there."
        echo "To remove it, once the cluster is gone or an export is kept elsewhere: rm -rf $state"
    fi
    echo 'Left as well, where there are any: states of other users, in .local/state/etcd-coordinator.'
}
