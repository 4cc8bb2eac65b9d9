# Counts test cases in the output of `ctest -V`. GoogleTest programs count by case; a script counts by its lines
# "ok ...", "not ok ..." and "ok ... # SKIP why", or as one case when it prints none of them.
# Writes: one line "skip TAB name TAB why" or "fail TAB name TAB why" each, then "count TAB passed TAB failed TAB skipped".
# A program that fails without a failed case of its own (a crash, a time-out) is one failure; so is one that ran nothing.

function text_of(line) { sub(/^[0-9]+: ?/, "", line); return line }

/^[0-9]+: / {
  id = $1; sub(/:.*/, "", id)
  text = text_of($0)
  if (text ~ /^\[==========\] [0-9]+ tests? from .* ran/) is_gtest[id] = 1
  else if (text ~ /^\[ RUN      \] /) running[id] = substr(text, 14)
  else if (text ~ /^\[  PASSED  \] [0-9]+ test/) { split(text, w, /[ \]]+/); passed[id] += w[3] }
  else if (text ~ /^\[  FAILED  \] [0-9]+ tests?, listed below/) { split(text, w, /[ \]]+/); failed[id] += w[3]; listing[id] = 1 }
  else if (text ~ /^\[  SKIPPED \] [0-9]+ tests?, listed below/) { split(text, w, /[ \]]+/); skipped[id] += w[3] }
  else if (listing[id] && text ~ /^\[  FAILED  \] /) failures[id] = failures[id] "fail\t" substr(text, 14) "\t\n"
  else if (text ~ /: Skipped$/) { why_next[id] = 1 }
  else if (why_next[id]) { skips[id] = skips[id] "skip\t" running[id] "\t" text "\n"; why_next[id] = 0 }
  else if (text ~ /^ok .*# SKIP/) { scripted[id] = 1; skipped[id]++; skips[id] = skips[id] "skip\t" substr(text, 4) "\t\n" }
  else if (text ~ /^ok /) { scripted[id] = 1; passed[id]++ }
  else if (text ~ /^not ok /) { scripted[id] = 1; failed[id]++; failures[id] = failures[id] "fail\t" substr(text, 8) "\t\n" }
  else if (text ~ /^skip: /) skip_why[id] = substr(text, 7)
  next
}

# " 3/17 Test  #3: pm5_test ......   Passed    0.05 sec"
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
  line = $0
  sub(/^ *[0-9]+\/[0-9]+ Test +#/, "", line)
  id = line; sub(/:.*/, "", id)
  name = line; sub(/^[0-9]+: /, "", name); sub(/ .*/, "", name)
  if (line ~ /\*\*\*Skipped/) {
    total_skipped++
    printf "skip\t%s\t%s\n", name, skip_why[id]
  } else if (line ~ / Passed +[0-9.]+ sec/) {
    if (is_gtest[id] && passed[id] + skipped[id] == 0) { total_failed++; printf "fail\t%s\tran no test\n", name }
    else if (!is_gtest[id] && !scripted[id]) total_passed++
    else {  # a script may print "not ok" and still end with 0
      total_passed += passed[id]; total_failed += failed[id]; total_skipped += skipped[id]
      printf "%s%s", skips[id], failures[id]
    }
  } else {
    why = line; sub(/.*\*\*\*/, "", why); sub(/ +[0-9.]+ sec.*/, "", why)
    total_passed += passed[id]; total_skipped += skipped[id]; printf "%s", skips[id]
    if (failed[id] + 0 == 0) { failed[id] = 1; failures[id] = "fail\t" name "\t" why " after " running[id] "\n" }
    total_failed += failed[id]
    printf "%s", failures[id]
  }
}

END { printf "count\t%d\t%d\t%d\n", total_passed, total_failed, total_skipped }
