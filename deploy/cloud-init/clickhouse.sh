#!/usr/bin/env bash
# A ClickHouse replica.
. /usr/local/lib/boathouse/common.sh
install_base
make_user clickhouse /nonexistent
install_tls
install_clickhouse
mount_volume /var/lib/clickhouse clickhouse
announce
systemctl daemon-reload
systemctl enable --now clickhouse-server clickhouse-move-cold.timer clickhouse-watch.timer
if [ "$BOATHOUSE_HOST" = clickhouse-1.boathouse.internal ]; then
  systemctl enable --now clickhouse-backup.timer
fi
wait_for curl -sSf --cacert /etc/boathouse/tls/ca.crt "https://$BOATHOUSE_HOST:8443/ping"
# The next replica of an update may go only when this one has what the other has.
wait_for curl -sSf --cacert /etc/boathouse/tls/ca.crt "https://$BOATHOUSE_HOST:8443/replicas_status"
signal SUCCESS
