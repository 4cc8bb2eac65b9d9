// One backup of a server from begin to end: what `boathouse backup create` and the daily job both do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "server/backup/backup.hpp"

namespace boathouse::app {

// What a backup of the server with this data folder has. Jobs that are under way are not in it: they belong to the
// machine, and what nobody was told of is in the ledger. The caller adds the segments.
backup::Source backup_source(const std::filesystem::path& data, const sql::Place& ledger);

// Where bodies lie that have left the ledger: `given`, or if that is empty a folder in `data`.
std::filesystem::path segments_folder(const std::filesystem::path& data, const std::string& given);

struct BackupRun {
  backup::Created created;
  backup::Verification verification;
  bool noted = false;  // the ledger says that devices may remove what is in it
};

// Creates and verifies; leaning on nothing that an earlier backup of this destination has from before the last erasure
// of an athlete, and again in full when it leans on damaged files. When nothing differs, ClickHouse's part apart, the
// ledger notes how far it reaches and which bodies it lacks. It notes in any case what was found to be lost.
base::Result<BackupRun> run_backup(const backup::Source& source, const std::filesystem::path& destination,
                                   backup::CreateOptions options, base::Clock& clock, const backup::Watch& watch);

// When `found` differs from what was written and the ledger's mark is that backup's: the mark goes back to the farthest
// older one of its folder that is still good, which is verified for that. What the ledger says now, 0: nothing is
// backed up; nullopt: it said nothing of `found`, or that is good.
base::Result<std::optional<std::int64_t>> take_mark_back(const sql::Place& ledger, const backup::Verification& found,
                                                         base::Clock& clock, const backup::Watch& watch);

// Of a backup that was made without bodies: how many and which, for the log. Empty: it has all.
std::string left_out_trouble(const backup::Verification& found);

// Why a restore of it would have to load all of ClickHouse again; empty: it would not, or no part was wanted.
std::string clickhouse_trouble(const BackupRun& run);

}  // namespace boathouse::app
