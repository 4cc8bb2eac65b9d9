// What of the ledger lies in a verified backup: the last server_seq, under which devices may remove what they sent.
// Kept in the ledger, so that every node knows it. Thread rule: that of the connection. Errors as of server/sql.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

struct BackupMark {
  std::string name;  // of the backup
  std::int64_t up_to_seq = 0;
  std::int64_t made_ms = 0;
};

base::Result<std::optional<BackupMark>> backup_mark(sql::Connection& connection);

// In a transaction of its own. A mark never goes back. conflict: the backup is of another epoch than this ledger.
base::Status note_backup(sql::Connection& connection, const std::string& epoch, const BackupMark& mark);

}  // namespace boathouse::ledger
