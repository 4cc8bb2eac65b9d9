#!/usr/bin/env bash
# Steps of deploy/cloud-init/common.sh that need no machine of their own, each taken out of the file and run here.
set -euo pipefail
common="${BOATHOUSE_SOURCE_DIR:?}/deploy/cloud-init/common.sh"
folder=$(mktemp --directory)
trap 'rm -rf "$folder"' EXIT
result=0
verdict() { # NAME GOOD: GOOD is a command
  if "${@:2}"; then
    echo "ok $1"
  else
    echo "not ok $1"
    result=1
  fi
}
# A step with another folder in the place of the system's.
step() { sed -n "/^$1() {/,/^}/p" "$common" | sed -e "s|/usr/local/bin|$folder/bin|; s|/usr/bin |$folder/bin |"; }

# Archives keep whose a file was where they were made; what root installs is root's.
staging="$folder/staging"
mkdir -p "$folder/bin" "$staging" "$folder/clickhouse-0/usr/bin"
echo program | tee "$folder/boathouse" >"$folder/clickhouse-0/usr/bin/clickhouse"
as_others=(tar --create --owner=somebody:4321 --group=somebody:4321 --directory "$folder")
"${as_others[@]}" --zstd --file "$folder/BOATHOUSE" boathouse
"${as_others[@]}" --gzip --file "$folder/CLICKHOUSE" clickhouse-0
fetch() { cp "$folder/$1" "$2"; }
for name in boathouse clickhouse; do
  eval "$(step "install_$name")"
  "install_$name"
  verdict "$name is installed as a file of who installs it" test "$(stat --format %u:%g "$folder/bin/$name")" = "$(id -u):$(id -g)"
done

# A node that fails before it has Debian's awscli can tell nobody: its log says so.
eval "$(grep '^say() ' "$common")"
eval "$(step signal)"
instance_id() { echo i-0123; }
said=$(PATH="$folder/bin" BOATHOUSE_STACK=stack BOATHOUSE_RESOURCE=group signal FAILURE 2>&1)
verdict "a failure before aws is there is told of in the log" grep -q 'there is no aws yet' <<<"$said"
verdict "and nobody looks for a program that is not there" test "$(grep -c 'not found' <<<"$said")" = 0
cat >"$folder/bin/aws" <<END
#!/bin/sh
echo "\$*" >>"$folder/asked"
END
chmod +x "$folder/bin/aws"
PATH="$folder/bin:$PATH" BOATHOUSE_STACK=stack BOATHOUSE_RESOURCE=group signal FAILURE
verdict "later the stack is told" grep -qx 'cloudformation signal-resource --stack-name stack --logical-resource-id group --unique-id i-0123 --status FAILURE' "$folder/asked"
exit $result
