#!/usr/bin/env bash
# The alert rules: they are rules, each is seen firing and silent, each points to a heading of the runbooks that is there.
set -euo pipefail
cd "${BOATHOUSE_SOURCE_DIR:?}"
rules=deploy/prometheus/rules.yml
runbooks=docs/operations/runbooks.md
result=0
verdict() { # NAME TEXT: an empty TEXT is good
  if [ -z "$2" ]; then
    echo "ok $1"
  else
    printf 'not ok %s\n' "$1"
    sed 's/^/# /' <<<"$2"
    result=1
  fi
}

verdict "rules.yml is a rules file" "$(promtool check rules "$rules" 2>&1 >/dev/null || true)"
filled=$(mktemp --directory)
trap 'rm -rf "$filled"' EXIT
sed -e 's/@REGION@/eu-central-1/; s/@STACK@/Boathouse/' -e "s#/etc/prometheus/rules.yml#$PWD/$rules#" deploy/prometheus/prometheus.yml >"$filled/prometheus.yml"
verdict "prometheus.yml is a configuration" "$(promtool check config --syntax-only "$filled/prometheus.yml" 2>&1 | grep -v SUCCESS | grep -v '^Checking' || true)"
sed -e 's/@REGION@/eu-central-1/; s/@TOPIC@/arn:aws:sns:eu-central-1:111122223333:Alarms/' deploy/prometheus/alertmanager.yml >"$filled/alertmanager.yml"
verdict "alertmanager.yml is a configuration" "$(said=$(amtool check-config "$filled/alertmanager.yml" 2>&1) || echo "$said")"
for tests in deploy/prometheus/*_test.yml; do
  if output=$(promtool test rules "$tests" 2>&1); then
    verdict "$tests" ""
  else
    verdict "$tests" "$output"
  fi
done

# "ALERT SEVERITY" of the rules, and of the tests those that are seen firing and those that are seen silent.
wanted=$(awk '/^ +- alert: / { alert = $3 } /^ +labels: \{severity: / { gsub(/[{}]/, ""); print alert, $3 }' "$rules" | sort)
firing=$(cat deploy/prometheus/*_test.yml | awk '/alertname: / { alert = $NF } /^ +severity: / { print alert, $2 }' | sort -u)
silent=$(cat deploy/prometheus/*_test.yml | awk '/alertname: / { alert = $NF } /exp_alerts: \[\]/ { print alert }' | sort -u)
verdict "there are alerts: $(wc -l <<<"$wanted")" "$([ "$(wc -l <<<"$wanted")" -ge 30 ] || echo "only $wanted")"
verdict "every alert is seen firing, in each severity" "$(comm -23 <(echo "$wanted") <(echo "$firing"))"
verdict "every alert is seen silent" "$(comm -23 <(cut -d ' ' -f 1 <<<"$wanted" | sort -u) <(echo "$silent"))"

# Headings as anchors: small letters, spaces to -, other signs away.
anchors=$(grep -E '^#+ ' "$runbooks" | sed -E 's/^#+ //' | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9\n-' | sort -u)
pointed=$(awk '/^ +- alert: / { alert = $3 } /runbook_url: / { print tolower(alert), $2 }' "$rules" | sort -u)
verdict "every alert points to the heading of its name in the runbooks" "$(
  while read -r alert url; do
    [ "$url" = "$runbooks#$alert" ] && grep -qx "$alert" <<<"$anchors" || echo "$alert: $url"
  done <<<"$pointed"
  comm -23 <(cut -d ' ' -f 1 <<<"$wanted" | tr 'A-Z' 'a-z' | sort -u) <(cut -d ' ' -f 1 <<<"$pointed" | sort -u))"
# Every unit and program of ours that the runbooks name is in deploy/.
verdict "the runbooks name only what is there" "$(
  grep -oP '(?<![-\w])(boathouse|clickhouse|ledger)-[a-z-]+(\.timer|\.service)?' "$runbooks" | sort -u | while read -r name; do
    case "$name" in clickhouse-1 | clickhouse-2 | clickhouse-drill | boathouse-drill | clickhouse-move-cold | clickhouse-) continue ;; esac
    grep -rqF --exclude='*.yml' --exclude-dir=node_modules -e "$name" deploy ||
      [ -e "deploy/systemd/${name%.service}.service" ] || [ -e "deploy/systemd/$name" ] || echo "$name"
  done)"
exit $result
