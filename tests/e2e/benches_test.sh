#!/usr/bin/env bash
# The bench scripts still run, with very few devices and rows; no number is held against anything but errors and lost rows.
set -u
cd "${BOATHOUSE_SOURCE_DIR:-$(dirname "$0")/../..}" || exit 2
export BOATHOUSE_PROGRAMS="$PWD/build/release/bin"
if [ ! -x "$BOATHOUSE_PROGRAMS/bench-bulk" ] || [ ! -x "$BOATHOUSE_PROGRAMS/boathouse" ]; then
  echo "ok the benches run # SKIP no release build in build/release/bin"
  exit 0
fi
failures=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
# try NAME PATTERN COMMAND...: ends with 0 and says PATTERN.
try() {
  local name=$1 pattern=$2
  shift 2
  if "$@" > "$out" 2>&1 && grep -qE "$pattern" "$out" && ! grep -q 'ROWS ARE MISSING' "$out"; then
    echo "ok $name"
  else
    echo "not ok $name"
    sed 's/^/# /' "$out" | tail -n 40
    failures=$((failures + 1))
  fi
}
try "bench-bulk counts every row" '^ratio to the limit' "$BOATHOUSE_PROGRAMS/bench-bulk" --rows 5000 --minutes 2 --block 3000 \
  ${BOATHOUSE_ENGINE_BINARY:+--engine "$BOATHOUSE_ENGINE_BINARY"}
try "run_load ends with a storm without errors" 'come back at once over TLS with an upload: errors +0 +0 +met' bench/run_load --smoke
try "run_backups measures a week and PostgreSQL" '^PostgreSQL.s database by its bodies.* [0-9]+[.][0-9]' env SAMPLES=20000 DAY=1000 bench/run_backups
try "run_peers puts PostgreSQL or its absence beside us" '^PostgreSQL' bench/run_peers --smoke
exit $((failures > 0))
