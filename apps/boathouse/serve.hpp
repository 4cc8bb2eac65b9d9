// `boathouse serve`: the cloud side in one process (and the engine process beside it).
#pragma once

#include <cstdint>
#include <string>

#include "server/backup/backup.hpp"

namespace boathouse::app {

struct ServeOptions {
  std::string data;  // folder of ledger, accounts, keys and ClickHouse
  std::string listen = "127.0.0.1:8080";
  std::string tls_certificate;                         // PEM; empty = plain HTTP
  std::string tls_key;                                 // its key
  int max_connections = 16'384;                        // fewer where the system allows this process fewer open files
  int max_connections_per_address = 2'000;             // 0 = as many as in all; not counted when listening on loopback
  std::uint64_t limit_requests = 30'000;               // of one key in a minute; 0 = no limit
  std::uint64_t limit_bytes = std::uint64_t{2} << 30;  // of request bodies of one key in a minute; 0 = no limit
  bool log_json = false;                               // one JSON object a line instead of text
  std::string ledger;                                  // sqlite:FILE, postgresql://...; empty = ledger.db in `data`
  std::string clickhouse;  // URL of a server, or of a cluster's replicas with commas; empty = start boathouse-engine
  std::string clickhouse_user = "default";
  std::string clickhouse_read_user;  // asks what athletes ask, with the same password; empty = clickhouse_user
  std::string clickhouse_password_file;
  std::string clickhouse_cluster;          // its tables are replicated there; empty = tables of one server
  std::string clickhouse_quorum = "auto";  // ClickHouse's insert_quorum, there
  std::string engine_binary;               // empty = boathouse-engine beside this program
  std::string backup_to;                   // folder of backups; empty = none are made
  std::int64_t backup_every_s = 86'400;
  backup::Keep backup_keep;
  std::string clickhouse_backup_to;         // URL of a folder in S3, for the part of `clickhouse`; empty = no such part
  std::int64_t clickhouse_backup_days = 0;  // after which that folder's bucket removes a copy; 0 = nobody has said
  std::int64_t backups_elsewhere_days = 0;  // for which others keep the backups that they make; 0 = nobody has said
  std::string segments;                     // folder of segments; empty = "segments" in `data`
  bool keep_bodies_in_ledger = false;       // no body leaves the ledger for a segment from now on
  std::uint64_t segment_bytes = std::uint64_t{16} << 20;  // of bodies that are loaded before they leave
  std::int64_t segments_every_s = 3'600;
  std::int64_t reconcile_every_s = 3'600;
  bool purge_without_backup = false;         // devices may remove what the ledger has, without a backup of it
  bool webhook_allow_private = false;        // webhooks may go into the operator's own network
  bool webhook_allow_http_loopback = false;  // and, without TLS, to this machine
};

// Runs until SIGTERM or SIGINT, or until the ledger was restored under it. The exit code.
int serve(const ServeOptions& options);

}  // namespace boathouse::app
