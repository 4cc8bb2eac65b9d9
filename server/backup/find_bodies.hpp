// Bodies of single chunks out of the backups of a destination, for a ledger that has lost them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "server/backup/tables.hpp"

namespace boathouse::backup {

// Those of `server_seqs` that a backup of this epoch has and that can be read: the caller compares hashes. Segments are
// read from their beginning, each at most once. not_found: there is no such destination. Any thread.
base::Result<std::map<std::int64_t, base::Bytes>> find_bodies(const std::filesystem::path& destination,
                                                              const std::string& epoch,
                                                              std::vector<std::int64_t> server_seqs,
                                                              const Watch& watch);

}  // namespace boathouse::backup
