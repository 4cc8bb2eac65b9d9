// What of the ledger lies in a verified backup: the last server_seq, under which devices may remove what they sent.
// Kept in the ledger, so that every node knows it. Thread rule: that of the connection. Errors as of server/sql.
//
// A backup is made without the bodies that the ledger has lost, and the device that sent one may be the last that has
// it: it may have been told long ago that all of the recording had arrived, and then asks no more. So the ledger keeps,
// with the mark, which chunks that backup lacks, until a later verified one has them; also while they are back in the
// ledger, for the next backup may be a day away. An athlete's devices are told of no server_seq from the first on that
// is lost or not in the backup (Ledger::first_lacking_seq()); others are not held up. What is lost but in the backup
// counts too: of two copies one has proved bad. It ends when a backup has them all, or when the athlete purges what
// nobody can bring back.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/base/result.hpp"
#include "server/ledger/bodies.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

struct BackupMark {
  std::string name;  // of the backup
  std::int64_t up_to_seq = 0;
  std::int64_t made_ms = 0;
};

base::Result<std::optional<BackupMark>> backup_mark(sql::Connection& connection);

// In a transaction of its own. `lacking`: chunks up to there that it lacks. A mark does not go back by a backup that
// reaches less far. conflict: the backup is of another epoch than this ledger.
base::Status note_backup(sql::Connection& connection, const std::string& epoch, const BackupMark& mark,
                         std::span<const std::int64_t> lacking = {});
// That backup turned out to be damaged: the mark goes back to `instead`, which lacks those chunks, nullopt: nothing is
// backed up. False: by now the mark is another backup's, and stays.
base::Result<bool> take_back_backup(sql::Connection& connection, const std::string& name,
                                    const std::optional<BackupMark>& instead,
                                    std::span<const std::int64_t> lacking = {});

// What a backup found to be lost, as Bodies::lose_bodies(), for a process that has no Ledger; some in a transaction
// each. unavailable: this ledger has another epoch.
base::Status note_lost(sql::Connection& connection, const std::string& epoch, std::span<const LostBody> bodies,
                       std::int64_t now_ms);

}  // namespace boathouse::ledger
