#!/bin/sh
set -e
@what-stays@
# Here and not when it is purged: a package without configuration files is forgotten with its removal.
if test "$1" = remove; then
    what_stays
fi
