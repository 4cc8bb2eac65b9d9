// The loader's half of the writer: blocks and the sessions that wait to be written.
#include <string>

#include "core/base/hex.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

// What the plan holds may only have become less since: a chunk that comes has a later number, one that is to be loaded
// once more a round of its own. So it is the same if it is as many.
Result<std::int64_t> Writer::make_block(const BlockPlan& plan) {
  auto now = connection_->prepare(
      "SELECT (SELECT count(*) FROM unloaded WHERE stream = ?1 AND round = ?2 AND server_seq BETWEEN ?3 AND ?4 AND " +
      is_kept("unloaded") +
      "), "
      "(SELECT count(*) FROM load_block WHERE stream = ?1 AND round = ?2 AND first_seq <= ?4 AND last_seq >= ?3)");
  if (!now) {
    return now.error();
  }
  now->bind(1, plan.stream).bind(2, plan.round).bind(3, plan.first_seq).bind(4, plan.last_seq);
  const auto row = now->step();
  if (!row) {
    return row.error();
  }
  if (now->integer(0) != plan.chunks || now->integer(1) != 0) {
    return 0;
  }
  const std::int64_t block_id = next_seq();
  auto insert = connection_->prepare(
      "INSERT INTO load_block (block_id, stream, token, round, first_seq, last_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, block_id).bind(2, plan.stream).bind(3, plan.token).bind(4, plan.round);
  BOATHOUSE_TRY(insert->bind(5, plan.first_seq).bind(6, plan.last_seq).run());
  return block_id;
}

Status Writer::finish_block(std::int64_t block_id) {
  if (block_id <= 0 || block_id > counters_.last_seq) {
    return Error{ErrorCode::not_found, "there has never been a load block " + std::to_string(block_id)};
  }
  std::vector<base::Uuid> recordings;
  {
    auto select = connection_->prepare("SELECT DISTINCT rec_id FROM unloaded JOIN load_block ON " +
                                       std::string(kIsInBlock) + " WHERE block_id = ?1");
    if (!select) {
      return select.error();
    }
    select->bind(1, block_id);
    while (true) {
      const auto row = select->step();
      if (!row) {
        return row.error();
      }
      if (!*row) {
        break;
      }
      recordings.push_back(uuid_of(select->blob(0)));
    }
  }
  if (recordings.empty()) {
    return {};  // finished before
  }
  const std::int64_t seq = next_seq();
  for (const base::Uuid& rec_id : recordings) {
    BOATHOUSE_TRY(mark_dirty(rec_id, seq));
  }
  auto loaded = connection_->prepare(
      "DELETE FROM unloaded WHERE server_seq IN (SELECT server_seq FROM load_block JOIN unloaded ON " +
      std::string(kIsInBlock) + " WHERE block_id = ?1)");
  if (!loaded) {
    return loaded.error();
  }
  BOATHOUSE_TRY(loaded->bind(1, block_id).run());
  counters_.unloaded -= connection_->changes();
  return dissolve_block(block_id);
}

// Its chunks that still wait are in no block then.
Status Writer::dissolve_block(std::int64_t block_id) {
  auto block = connection_->prepare("DELETE FROM load_block WHERE block_id = ?1");
  if (!block) {
    return block.error();
  }
  return block->bind(1, block_id).run();
}

Status Writer::sessions_written(std::span<const Ledger::DirtySession> sessions) {
  // What changed meanwhile waits since the first change that the row does not show.
  auto written = connection_->prepare(
      "UPDATE session_mark SET dirty_since = CASE WHEN seq > ?2 THEN ?2 + 1 END "
      "WHERE rec_id = ?1 AND dirty_since IS NOT NULL");
  if (!written) {
    return written.error();
  }
  for (const Ledger::DirtySession& session : sessions) {
    BOATHOUSE_TRY(written->bind(1, session.rec_id.bytes).bind(2, session.up_to_seq).run());
  }
  return {};
}

}  // namespace boathouse::ledger
