# shellcheck shell=bash
# What the bench scripts share; sourced. Sets `bin` (BOATHOUSE_PROGRAMS, else the release build), `work` (a folder that goes at the end) and
# ends at the end what it started.
bin=${BOATHOUSE_PROGRAMS:-$PWD/build/release/bin}
engine=${BOATHOUSE_ENGINE_BINARY:-$bin/boathouse-engine}
work=$(mktemp -d)
running=()
finish() {
  for process in "${running[@]}"; do kill "$process" 2> /dev/null && wait "$process" 2> /dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

# start OUT COMMAND...: in the background, until it says where it listens.
start() {
  local out=$1
  shift
  "$@" > "$out" 2> "$out.err" &
  running+=($!)
  for _ in $(seq 600); do
    if grep -q '^listening on' "$out"; then return; fi
    if ! kill -0 $! 2> /dev/null; then break; fi
    sleep 0.1
  done
  echo "$* did not start:" >&2
  tail -n 20 "$out.err" >&2
  exit 1
}
# end: ends the last one started and waits for it.
end() {
  local last=$((${#running[@]} - 1))
  kill "${running[$last]}"
  wait "${running[$last]}" || true
  unset "running[$last]"
}
url_of() { sed -nE 's/^listening on (.*)$/\1/p' "$1"; }
# CPU seconds of a process; what it has of memory, in MB: now, and at most.
cpu_of() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' "/proc/$1/stat"; }
memory_of() { awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$1/status"; }
most_memory_of() { awk '/^VmHWM/ { printf "%.0f", $2 / 1024 }' "/proc/$1/status"; }
reckon() { awk "BEGIN { printf \"$1\", $2 }"; }
holds() { awk "BEGIN { exit !($1) }"; }

# machine: what the numbers are of.
machine() {
  echo "$(nproc) cores ($(sed -nE 's/^model name\s*: (.*)$/\1/p' /proc/cpuinfo | head -n 1)), $(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo),"\
    "load $(cut -d' ' -f1-3 /proc/loadavg) at the beginning, $(date -u +%Y-%m-%d)"
}
# row WHAT NUMBER TARGET CONDITION: a line of the table; CONDITION is awk's, "" = nothing is promised.
row() {
  local verdict=""
  if [ -n "$4" ]; then if holds "$4"; then verdict=met; else verdict=MISSED; fi; fi
  printf '%-66s %14s  %-14s %s\n' "$1" "$2" "$3" "$verdict"
}
