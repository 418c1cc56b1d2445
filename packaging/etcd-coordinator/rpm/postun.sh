@what-stays@
if test "$1" -eq 0; then
    what_stays
fi
