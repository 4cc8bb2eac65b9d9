#!/usr/bin/env bash
# A node of the service: `boathouse serve` behind nginx.
. /usr/local/lib/boathouse/common.sh
install_base
make_user boathouse /var/lib/boathouse
install_tls
install_packages nginx-light libcurl4 libsodium23 libpq5 libzstd1 zlib1g
install_boathouse
fetch RDS_CA /etc/boathouse/rds-ca.pem
chmod 0644 /etc/boathouse/rds-ca.pem
install -d -m 0700 -o boathouse -g boathouse /var/lib/boathouse
install -m 0600 -o boathouse -g boathouse /run/boathouse/pepper.key /var/lib/boathouse/pepper.key
rm -f /etc/nginx/sites-enabled/default
# Callers come through the load balancer, which is in the VPC and adds a caller's address as the last one.
printf 'set_real_ip_from %s;\nreal_ip_header X-Forwarded-For;\n' "$BOATHOUSE_VPC_CIDR" >/etc/nginx/conf.d/real_ip.conf
systemctl daemon-reload
systemctl enable --now boathouse boathouse-operator-key.path
systemctl restart nginx
wait_for curl -sSf --cacert /etc/boathouse/tls/ca.crt --resolve service.boathouse.internal:8443:127.0.0.1 https://service.boathouse.internal:8443/healthz
signal SUCCESS
