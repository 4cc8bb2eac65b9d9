#!/usr/bin/env bash
# One of the three Keepers.
. /usr/local/lib/boathouse/common.sh
install_base
make_user clickhouse /nonexistent
install_tls
install_clickhouse
mount_volume /var/lib/clickhouse-keeper clickhouse
announce
systemctl daemon-reload
systemctl enable --now clickhouse-keeper

# Whether another Keeper is there to make a quorum with.
another_answers() {
  local number
  for number in 1 2 3; do
    [ "$number" != "$BOATHOUSE_KEEPER_ID" ] || continue
    if timeout 2 bash -c "</dev/tcp/keeper-$number.boathouse.internal/9234" 2>/dev/null; then return 0; fi
  done
  return 1
}

# The first of three in a new system is alone and must not wait for the others, which wait for its signal. In an update the next one may
# go only when this one decides with the others again.
if another_answers; then
  wait_for curl -sSf http://127.0.0.1:9182/ready
fi
signal SUCCESS
