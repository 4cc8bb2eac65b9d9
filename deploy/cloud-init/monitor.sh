#!/usr/bin/env bash
# Prometheus and its alert manager, the ledger's backups (on a volume of their own), the nightly comparison. What is lost when it is replaced, as
# each deployment with a new program does: the history of its graphs, silences, and how long an alert has been pending.
. /usr/local/lib/boathouse/common.sh
install_base
install_tls
# postgresql-client for psql alone (the runbooks): Debian's pg_dump refuses a newer server.
install_packages prometheus prometheus-alertmanager postgresql-client libcurl4 libsodium23 libpq5 libzstd1 zlib1g
install_boathouse
mount_volume /var/lib/boathouse-backup root
# On it lies, too, what backups, drill and comparison say for Prometheus: mounted, because node exporter may not look into that folder; with a dot,
# which keeps it out of the bucket.
keep_texts() { # VOLUME FOLDER FSTAB
  mkdir -p "$1/.texts" "$2"
  chmod 0755 "$1/.texts"
  grep -q " $2 " "$3" || echo "$1/.texts $2 none bind,nofail,x-systemd.requires-mounts-for=$1 0 0" >>"$3"
  mountpoint -q "$2" || mount "$2"
}
keep_texts /var/lib/boathouse-backup /var/lib/prometheus/node-exporter /etc/fstab
fetch RDS_CA /etc/boathouse/rds-ca.pem
install -d -m 0750 -o root -g prometheus /etc/prometheus/secrets
fetch_operator_key() {
  aws secretsmanager get-secret-value --secret-id "$BOATHOUSE_OPERATOR_KEY_SECRET" --query SecretString --output text >/etc/prometheus/secrets/operator.key
}
# The service's first node writes it.
wait_for fetch_operator_key
chown root:prometheus /etc/prometheus/secrets/operator.key
chmod 0640 /etc/prometheus/secrets/operator.key
# The two files have places for what differs; envsubst is not in Debian's base.
sed -e "s|@REGION@|$AWS_REGION|g" -e "s|@STACK@|$BOATHOUSE_STACK|g" /usr/local/lib/boathouse/prometheus.yml >/etc/prometheus/prometheus.yml
sed -e "s|@REGION@|$AWS_REGION|g" -e "s|@TOPIC@|$BOATHOUSE_ALARM_TOPIC|g" /usr/local/lib/boathouse/alertmanager.yml >/etc/prometheus/alertmanager.yml
promtool check config /etc/prometheus/prometheus.yml
amtool check-config /etc/prometheus/alertmanager.yml
systemctl daemon-reload
systemctl restart prometheus prometheus-alertmanager
systemctl enable --now ledger-backup.timer boathouse-reconcile.timer boathouse-watch-monitor.timer
# Now, too: this may be the machine after one that was due.
systemctl start --no-block boathouse-reconcile
wait_for curl -sSf http://127.0.0.1:9090/-/ready
wait_for curl -sSf http://127.0.0.1:9093/-/ready
signal SUCCESS
