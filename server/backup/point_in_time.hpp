// The ledger as it was at a moment between two backups of one history. A backup has every commit up to its own, in
// order of server_seq, so the state at a moment is the next backup's without what came after it; what was removed
// between the moment and that backup is taken from the one before, as far as that has it.
// Thread rule: any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include "core/base/result.hpp"
#include "server/backup/backup.hpp"
#include "server/backup/tables.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::backup {

// One of the two.
struct Moment {
  std::optional<std::int64_t> server_seq = {};
  std::optional<std::int64_t> utc_ms = {};  // the commits that the ledger's audit puts up to then
};

struct PointInTime {
  std::int64_t server_seq = 0;
  std::filesystem::path later;                        // the first backup that reaches it
  std::optional<std::filesystem::path> earlier = {};  // the last one that reaches not beyond it
};

// `folder`: a destination. Of several histories that of the newest backup that has the moment. not_found: no backup
// reaches so far, naming how far they reach.
base::Result<PointInTime> find_point(const std::filesystem::path& folder, const Moment& moment);

struct Rewound {
  std::uint64_t brought_back = 0;  // recordings of which something had been removed later
  std::uint64_t not_found = 0;     // of these, those of which the earlier backup has nothing: only devices may
};

// `ledger`: a copy of point.later's with its bodies, in a transaction; `tables`: those that it has. `earlier`:
// verified, without differences.
base::Result<Rewound> rewind_ledger(sql::Connection& ledger, std::span<const Table> tables, std::int64_t server_seq,
                                    const std::optional<Verification>& earlier, const Watch& watch);

}  // namespace boathouse::backup
