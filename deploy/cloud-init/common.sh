# shellcheck shell=bash
# What every node does at its first boot; sourced by the role's script, which cloud-init runs as root. /etc/boathouse/site.env names this node
# and its places. Each step can be run again.
set -Eeuo pipefail
set -a
. /etc/boathouse/site.env
set +a

# Where what is fetched lies until it is installed.
staging=$(mktemp --directory)

say() { printf 'boathouse-boot: %s\n' "$*"; }

# In every other case than success the group takes this instance away again and tries another.
signal() { # STATUS
  local instance
  if ! command -v aws >/dev/null; then
    say "$1, and there is no aws yet to say it with: the stack waits until its time is over"
    return 0
  fi
  instance=$(instance_id)
  aws cloudformation signal-resource --stack-name "$BOATHOUSE_STACK" --logical-resource-id "$BOATHOUSE_RESOURCE" \
    --unique-id "$instance" --status "$1" || say "no update of the stack waits for this node"
}

# What the instance says of itself (IMDSv2).
metadata() { # PATH
  local token
  token=$(curl -sSf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
  curl -sSf -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}
instance_id() { metadata instance-id; }

# fetch NAME FILE: an artifact of the stack's list, refused unless its SHA-256 is the listed one.
fetch() {
  local name=$1 file=$2 key="BOATHOUSE_ARTIFACT_$1_KEY" sum="BOATHOUSE_ARTIFACT_$1_SHA256"
  : "${!key:?no artifact $name}" "${!sum:?no sum of $name}"
  aws s3 cp --only-show-errors "s3://$BOATHOUSE_ARTIFACT_BUCKET/${!key}" "$file"
  sha256sum --check --status <<<"${!sum}  $file" || { say "${!key} has another SHA-256 than the stack lists"; rm -f "$file"; return 1; }
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update
  apt-get install --yes --no-install-recommends "$@"
}

# Access without SSH, and updates of the system by themselves.
install_base() {
  install_packages awscli ca-certificates curl jq zstd xfsprogs unattended-upgrades prometheus-node-exporter
  fetch SSM_AGENT "$staging/amazon-ssm-agent.deb"
  dpkg --install "$staging/amazon-ssm-agent.deb"
  systemctl enable --now amazon-ssm-agent
}

# make_user NAME HOME: before install_tls, which hands this node's secrets to their reader.
make_user() {
  id "$1" >/dev/null 2>&1 || useradd --system --home-dir "$2" --shell /usr/sbin/nologin "$1"
}

install_tls() {
  systemctl enable --now boathouse-secrets
  ln -sfn /etc/boathouse/tls/ca.crt /usr/local/share/ca-certificates/boathouse.crt
  update-ca-certificates
}

# mount_volume FOLDER OWNER: this node's own volume, attached here if it is free; made a file system only when it has none.
mount_volume() {
  local folder=$1 owner=$2 device tries
  device="/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${BOATHOUSE_VOLUME/-/}"
  for tries in $(seq 60); do
    [ ! -e "$device" ] || break
    # Still attached to the instance before this one: that one is ending.
    aws ec2 attach-volume --volume-id "$BOATHOUSE_VOLUME" --instance-id "$(instance_id)" --device /dev/sdf >/dev/null 2>&1 || true
    say "waiting for $BOATHOUSE_VOLUME ($tries)"
    sleep 10
  done
  [ -e "$device" ] || { say "$BOATHOUSE_VOLUME did not come"; return 1; }
  if ! blkid "$device" >/dev/null; then
    mkfs.xfs "$device"
  fi
  mkdir -p "$folder"
  grep -q " $folder " /etc/fstab || printf '%s %s xfs noatime,nofail,x-systemd.device-timeout=120 0 2\n' "$device" "$folder" >>/etc/fstab
  mountpoint -q "$folder" || mount "$folder"
  xfs_growfs "$folder" >/dev/null
  chown "$owner:$owner" "$folder"
  chmod 0700 "$folder"
}

# The name under which the others know this node now points here.
announce() {
  local address
  address=$(metadata local-ipv4)
  aws route53 change-resource-record-sets --hosted-zone-id "$BOATHOUSE_ZONE" --change-batch "$(jq -n --arg name "$BOATHOUSE_HOST" --arg ip "$address" \
    '{Changes: [{Action: "UPSERT", ResourceRecordSet: {Name: $name, Type: "A", TTL: 10, ResourceRecords: [{Value: $ip}]}}]}')" >/dev/null
  hostnamectl set-hostname "$BOATHOUSE_HOST"
}

install_boathouse() {
  fetch BOATHOUSE "$staging/boathouse.tar.zst"
  tar --extract --no-same-owner --zstd --file "$staging/boathouse.tar.zst" --directory /usr/local/bin boathouse
}

install_clickhouse() {
  fetch CLICKHOUSE "$staging/clickhouse.tgz"
  tar --extract --no-same-owner --gzip --file "$staging/clickhouse.tgz" --directory /usr/bin --strip-components=3 --wildcards '*/usr/bin/clickhouse'
  rm "$staging/clickhouse.tgz"
}

# wait_for COMMAND...: until it succeeds, at most 10 minutes.
wait_for() {
  local tries
  for tries in $(seq 120); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    [ $((tries % 12)) -ne 0 ] || say "waiting for: $*"
    sleep 5
  done
  return 1
}

trap 'signal FAILURE' ERR
