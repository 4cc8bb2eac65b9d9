#!/usr/bin/env bash
# Every source is as clang-format-14 writes it (other versions differ). format.sh ROOT [--fix]
set -euo pipefail
cd "$1"
if ! command -v clang-format-14 >/dev/null; then
  echo "skip: clang-format-14 is not installed (apt-get install clang-format-14)"
  exit 77
fi
mapfile -t files < <(find apps bench core device engine graphql server tests -name node_modules -prune -o \( -name '*.[ch]pp' -o -name '*.[ch]' \) -print 2>/dev/null)
if [ "${#files[@]}" -eq 0 ]; then
  echo "no source found under $1"
  exit 1
fi
if [ "${2:-}" = --fix ]; then
  exec clang-format-14 -i "${files[@]}"
fi
if ! clang-format-14 --dry-run --Werror "${files[@]}" 2>/dev/null; then
  echo "not formatted (mend: tests/structure/format.sh . --fix):"
  for file in "${files[@]}"; do
    clang-format-14 --dry-run --Werror "$file" 2>/dev/null || echo "  $file"
  done
  exit 1
fi
echo "${#files[@]} files are formatted"
