#!/usr/bin/env bash
# ./test believes tools/count_cases.awk: here it counts a kept output of ctest that holds every way to end: passed,
# failed, parameterised, skipped with and without a reason, crash, time-out, no test at all, a program that is not there,
# and scripts that print "ok" lines or nothing.
set -u
cd "${BOATHOUSE_SOURCE_DIR:?}" || exit 1
result=0

expect() { # NAME WANTED GOT
  if [ "$2" = "$3" ]; then
    echo "ok $1"
  else
    printf 'not ok %s\n# wanted: %s\n# got:    %s\n' "$1" "$2" "$3"
    result=1
  fi
}

counted=$(awk -f tools/count_cases.awk tests/structure/ctest_output.txt)
tab=$'\t'
expect "counts" "count${tab}9${tab}10${tab}4" "$(tail -n 1 <<<"$counted")"
expect "a crash names its case" "fail${tab}crash_test${tab}Exception: after C.b" "$(grep crash_test <<<"$counted")"
expect "a time-out names its case" "fail${tab}hang_test${tab}Timeout after H.b" "$(grep hang_test <<<"$counted")"
expect "an empty program fails" "fail${tab}none_test${tab}ran no test" "$(grep none_test <<<"$counted")"
expect "not ok counts whatever the exit code" "fail${tab}ends with 0 all the same" "$(grep 'with 0' <<<"$counted" | sed 's/\t$//')"
expect "a skip keeps its reason" "skip${tab}G.c${tab}no engine here" "$(grep G.c <<<"$counted")"
expect "no output is no test" "count${tab}0${tab}0${tab}0" "$(awk -f tools/count_cases.awk /dev/null)"
exit $result
