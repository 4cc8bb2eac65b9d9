#!/usr/bin/env bash
# deploy/aws: its types, its templates of both sizes and cdk-nag, all without a network. The npm parts are the app's own, not the build's.
set -euo pipefail
source_dir=${BOATHOUSE_SOURCE_DIR:?}
aws="$source_dir/deploy/aws"
bundles=$(mktemp --directory)
trap 'rm -rf "$bundles"' EXIT
cmake -P "$source_dir/cmake/FetchNpmParts.cmake" -- "$aws"

cd "$aws"
if grep -n '"resolved"' package-lock.json; then
  echo "not ok package-lock.json names no download address"
  exit 1
fi
echo "ok package-lock.json names no download address"
node_modules/.bin/tsc --project .
echo "ok the app has no type error"
node_modules/.bin/esbuild test/template_test.ts app.ts --bundle --platform=node --format=cjs --packages=external --outdir="$bundles" \
  --out-extension:.js=.cjs --log-level=warning
export NODE_PATH="$aws/node_modules" BOATHOUSE_DEPLOY_DIR="$source_dir/deploy" CDK_DISABLE_VERSION_CHECK=1

# A network of its own with nothing in it: whoever asks somebody fails.
alone=()
if unshare --net true 2>/dev/null; then
  alone=(unshare --net)
elif unshare --user --map-root-user --net true 2>/dev/null; then
  alone=(unshare --user --map-root-user --net)
else
  echo "ok synthesis without a network # SKIP this system allows no network namespace"
fi
"${alone[@]}" node "$bundles/test/template_test.cjs"

# And as the operator does it, through the CDK's own program.
printf '%s' "$(<cdk.json)" | jq --arg app "node $bundles/app.cjs" --arg out "$bundles/cdk.out" '.app = $app | .output = $out' >"$bundles/cdk.json"
for size in small large; do
  jq --arg size "$size" '.size = $size' site.example.json >"$bundles/site.json"
  (cd "$bundles" && BOATHOUSE_SITE="$bundles/site.json" "${alone[@]}" "$aws/node_modules/.bin/cdk" synth --quiet)
  jq -e '.Resources | length > 100' "$bundles/cdk.out/Boathouse.template.json" >/dev/null
  echo "ok cdk synth of the $size size"
done

# The certificates that every node gets are of one authority and for the names that the nodes use.
./make-tls 30 >"$bundles/tls.json"
for part in ca certificate key; do jq -er ".$part" "$bundles/tls.json" >"$bundles/$part.pem"; done
for host in clickhouse-1 clickhouse-2 keeper-3 service; do
  openssl verify -CAfile "$bundles/ca.pem" -verify_hostname "$host.boathouse.internal" -purpose sslserver "$bundles/certificate.pem" >/dev/null
done
if openssl verify -CAfile "$bundles/ca.pem" -verify_hostname boathouse.example.org "$bundles/certificate.pem" >/dev/null 2>&1; then
  echo "not ok make-tls: the certificate is for the internal names alone"
  exit 1
fi
cmp -s <(openssl x509 -in "$bundles/certificate.pem" -noout -pubkey) <(openssl pkey -in "$bundles/key.pem" -pubout)
echo "ok make-tls: the certificate is for the internal names alone"
