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

// In a transaction of its own. A mark does not go back by a backup that reaches less far. conflict: the backup is of
// another epoch than this ledger.
base::Status note_backup(sql::Connection& connection, const std::string& epoch, const BackupMark& mark);
// That backup turned out to be damaged: the mark goes back to `instead`, nullopt: nothing is backed up. False: by now
// the mark is another backup's, and stays.
base::Result<bool> take_back_backup(sql::Connection& connection, const std::string& name,
                                    const std::optional<BackupMark>& instead);

}  // namespace boathouse::ledger
