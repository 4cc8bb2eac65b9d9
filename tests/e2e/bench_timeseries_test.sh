#!/bin/bash
# bench/run_timeseries runs to its end at sizes whose numbers say nothing, and prints every line that docs/benchmarks.md quotes.
set -euo pipefail
source=${BOATHOUSE_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
for build in "$(dirname "${BOATHOUSE_PROGRAMS:-$source/build/release/bin}")" "$source/build/release"; do
  if [ -x "$build/bin/bench-timeseries" ] && [ -x "$build/bin/bench-engine-in-process" ]; then break; fi
  build=
done
if [ -z "$build" ]; then
  echo "ok bench/run_timeseries # SKIP the benchmarks are not built (preset release)"
  exit 0
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if BUILD=${build#"$source/"} "$source/bench/run_timeseries" --small > "$log" 2>&1; then echo "ok it runs to its end"; else
  echo "not ok it runs to its end"
  sed 's/^/# /' "$log"
  exit 1
fi
failed=0
while read -r what; do
  if grep -q "^$what" "$log"; then echo "ok $what"; else
    echo "not ok $what"
    failed=1
  fi
done << 'WHAT'
the nine core metrics
stroke, 12 metrics
force curve of 35 points
naive: on disk
time_first: on disk
one session's samples, every metric, p99
page of 50 sessions, p99
leaderboard of a team of 30, one season, p99
chart of a session, 1,000 points, p99
while ingestion runs: page of 50 sessions, p99
the loader of the raw insert
from commit's queue until visible, p99
behind HTTP of in process
SQLite .*: on disk
WHAT
exit $failed
