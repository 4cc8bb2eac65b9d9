// `boathouse backup create|list|verify|prune`, `restore` and `migrate`: on a data folder, without a server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/backup/backup.hpp"

namespace boathouse::app {

struct BackupOptions {
  std::string data;       // the server's folder; restore: the new one
  std::string ledger;     // as `serve` has it; empty = ledger.db in `data`
  std::string to;         // the destination
  std::string segments;   // folder of segments; empty = "segments" in `data`
  std::string from;       // a backup, or a destination
  std::string to_ledger;  // migrate: as `ledger`
  bool full = false;
  bool new_epoch = false;  // reload
  bool json = false;
  bool apply = false;  // prune: remove, not only say
  backup::Keep keep;
  bool without_clickhouse = false;
  std::string engine_binary;  // empty = boathouse-engine beside this program
  std::string clickhouse;     // as `serve` has it; several URLs only for reload and `cost`
  std::string clickhouse_user = "default";
  std::string clickhouse_password_file;
  std::string clickhouse_backup_to;  // URL of a folder in S3
  std::string at;                    // restore: ISO 8601 with its zone; empty = not asked for
  std::optional<std::int64_t> server_seq;
};

// Also while the server runs. Exit 1 when the new backup differs from what was written.
int backup_create(const BackupOptions& options);
int backup_list(const BackupOptions& options);
// Exit 1 on a difference.
int backup_verify(const BackupOptions& options);
// Without `apply` it only says what it would remove.
int backup_prune(const BackupOptions& options);
int restore(const BackupOptions& options);
// For a stopped server: what its ClickHouse lacks or has damaged is loaded again when it starts, what it has and the
// ledger does not know is removed. `new_epoch`: its ledger was put back to an earlier state by other means than
// restore(). It is begun only when ClickHouse answers and has read all of its parts. When it fails it says with which
// command to do it again.
int reload(const BackupOptions& options);
int migrate(const BackupOptions& options);

}  // namespace boathouse::app
