# boathouse-simulation as a program: repeatable, its kept seeds hold, and its planted bugs are in no other program.
# bash fleet_test.sh; needs BOATHOUSE_PROGRAMS and BOATHOUSE_SOURCE_DIR. The many seeds are run by ./test itself.
set -u
simulation=$BOATHOUSE_PROGRAMS/boathouse-simulation
build=$(dirname "$BOATHOUSE_PROGRAMS")
failed=0
check() {
  if eval "$2"; then
    echo "ok $1"
  else
    echo "not ok $1"
    failed=1
  fi
}

check "the same seed is the same run" '[ "$("$simulation" --seed 3)" = "$("$simulation" --seed 3)" ]'
check "another seed is another one" '[ "$("$simulation" --seed 3)" != "$("$simulation" --seed 4)" ]'
check "a bug that is planted is found, and its seed ends with 1" '"$simulation" --seed 1 --plant dedup_by_start | grep -q "^seed 1: I7"'
check "an unknown plant is refused" '"$simulation" --plant none_such 2>&1 | grep -q "plant list names them"'
check "ten plants are there" '[ "$("$simulation" --plant list | wc -l)" -eq 10 ]'

while read -r seed what; do
  case $seed in "" | "#"*) continue ;; esac
  check "kept seed $seed: $what" '"$simulation" --seed "$seed"'
done <"$BOATHOUSE_SOURCE_DIR/tests/simulation/fleet/seeds.txt"

has_plants() { nm "$1" 2>/dev/null | grep -q plant_in_force; }
check "the planted bugs are in the simulation" 'has_plants "$simulation"'
for file in "$BOATHOUSE_PROGRAMS/boathouse" "$build"/device/store/libstore.a "$build"/device/sync/libsync.a \
  "$build"/server/ledger/libledger.a "$build"/server/webhooks/libwebhooks.a "$build"/device/capi/*.so "$BOATHOUSE_PROGRAMS"/*.so; do
  case $file in *\*.so) continue ;; esac
  check "and not in ${file#"$build"/}" '[ -s "$file" ] && ! has_plants "$file"'
done
exit $failed
