// `boathouse backup create|list|verify|prune`, `restore` and `migrate`: on a data folder, without a server.
#pragma once

#include <string>

namespace boathouse::app {

struct BackupOptions {
  std::string data;       // the server's folder; restore: the new one
  std::string ledger;     // as `serve` has it; empty = ledger.db in `data`
  std::string to;         // the destination
  std::string from;       // a backup, or a destination
  std::string to_ledger;  // migrate: as `ledger`
  bool full = false;
  bool json = false;
};

// Also while the server runs. Exit 1 when the new backup differs from what was written.
int backup_create(const BackupOptions& options);
int backup_list(const BackupOptions& options);
// Exit 1 on a difference.
int backup_verify(const BackupOptions& options);
int backup_prune(const BackupOptions& options);
int restore(const BackupOptions& options);
int migrate(const BackupOptions& options);

}  // namespace boathouse::app
