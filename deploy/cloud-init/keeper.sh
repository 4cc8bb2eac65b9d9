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
# It answers its metrics before it has a quorum: the first of three must not wait for the others.
wait_for curl -sSf http://127.0.0.1:9363/metrics
signal SUCCESS
