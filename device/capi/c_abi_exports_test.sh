#!/usr/bin/env bash
# The shared library shows the names of boathouse_device.exports and no other, and these are the header's functions.
set -u
here="${BOATHOUSE_SOURCE_DIR:?}/device/capi"
library="${BOATHOUSE_PROGRAMS:?}/libboathouse_device.so"
result=0

expect() { # NAME WANTED GOT
  local difference
  if difference=$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$3")); then
    echo "ok $1"
  else
    printf 'not ok %s\n' "$1"
    sed 's/^/# /' <<<"$difference"
    result=1
  fi
}

listed=$(cat "$here/boathouse_device.exports")
shown=$(nm -D --defined-only --format=posix "$library" | awk '{ print $1 }' | LC_ALL=C sort)
declared=$(grep -h '^BOATHOUSE_API ' "$here"/boathouse_device*.h | grep -o 'boathouse_[a-z_]*(' | tr -d '(' | LC_ALL=C sort)
expect "the library shows what is listed, and nothing else" "$listed" "$shown"
expect "the header declares what is listed" "$listed" "$declared"
expect "it needs no network library" "" "$(readelf -d "$library" | grep NEEDED | grep -E 'curl|ssl|boost')"
exit $result
