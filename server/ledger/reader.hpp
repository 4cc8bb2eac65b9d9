// What the ledger's connection for reading answers. Every call sees one state of the file, that of some commit.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/result.hpp"
#include "core/db/sqlite.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::ledger {

class Reader {
 public:
  explicit Reader(db::Connection connection) : connection_(std::move(connection)) {}

  // As of Ledger.
  base::Result<std::optional<RecordingState>> recording(const base::Uuid& rec_id);
  base::Result<std::vector<RecordingState>> recordings(const std::optional<base::Uuid>& athlete,
                                                       const std::optional<base::Uuid>& after, std::size_t limit);
  base::Result<std::vector<LoadItem>> chunks(const base::Uuid& rec_id, rowing::Stream stream);
  base::Result<std::vector<Ledger::DirtySession>> dirty_sessions(std::size_t limit);
  base::Result<Counts> counts();

  // corrupt if it is not what its token was made of.
  base::Result<LoadBlock> block(std::int64_t block_id);

 private:
  base::Result<RecordingState> state_of(db::Statement& recording_row);
  base::Status read_streams(RecordingState& state);
  base::Status read_seals(RecordingState& state);
  base::Status count_quarantined(RecordingState& state);

  db::Connection connection_;
};

}  // namespace boathouse::ledger
