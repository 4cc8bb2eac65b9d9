// The loader's half of the writer: blocks and the sessions that wait to be written.
#include <string>

#include "core/base/hex.hpp"
#include "server/ledger/block_token.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {

namespace {

// Every chunk of a block is some rows to change, twice, and acknowledgements wait meanwhile. A backlog's chunks of 256
// records are still half a million rows.
constexpr int kMaxBlockChunks = 2'500;

}  // namespace

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

Result<std::int64_t> Writer::next_block(std::uint64_t max_records, std::size_t max_bytes, std::int64_t after) {
  {
    auto select = connection_->prepare("SELECT block_id FROM load_block WHERE block_id > ?1 ORDER BY block_id LIMIT 1");
    if (!select) {
      return select.error();
    }
    const auto row = select->bind(1, after).step();
    if (!row) {
      return row.error();
    }
    if (*row) {
      return select->integer(0);
    }
  }
  return make_block(max_records, max_bytes);
}

Result<std::int64_t> Writer::make_block(std::uint64_t max_records, std::size_t max_bytes) {
  std::int64_t stream = 0;
  std::int64_t round = 0;
  {
    auto oldest =
        connection_->prepare("SELECT stream, round FROM unloaded WHERE block_id IS NULL ORDER BY server_seq LIMIT 1");
    if (!oldest) {
      return oldest.error();
    }
    const auto row = oldest->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return 0;
    }
    stream = oldest->integer(0);
    round = oldest->integer(1);
  }
  BlockToken token(stream, round);
  std::int64_t last = 0;
  {
    auto select = connection_->prepare(
        "SELECT unloaded.server_seq, records, unloaded.size, rec_id, from_seq, to_seq, sha256 "
        "FROM unloaded JOIN chunk USING (rec_id, stream, from_seq) "
        "WHERE stream = ?1 AND block_id IS NULL AND round = ?3 ORDER BY unloaded.server_seq LIMIT ?2");
    if (!select) {
      return select.error();
    }
    select->bind(1, stream).bind(2, kMaxBlockChunks).bind(3, round);
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    while (true) {
      const auto row = select->step();
      if (!row) {
        return row.error();
      }
      if (!*row) {
        break;
      }
      records += static_cast<std::uint64_t>(select->integer(1));
      bytes += static_cast<std::uint64_t>(select->integer(2));
      if (last != 0 && (records > max_records || bytes > max_bytes)) {
        break;
      }
      last = select->integer(0);
      token.add(uuid_of(select->blob(3)), static_cast<std::uint64_t>(select->integer(4)),
                static_cast<std::uint64_t>(select->integer(5)), digest_of(select->blob(6)));
    }
  }
  const std::int64_t block_id = next_seq();
  auto insert = connection_->prepare("INSERT INTO load_block (block_id, stream, token) VALUES (?1, ?2, ?3)");
  if (!insert) {
    return insert.error();
  }
  BOATHOUSE_TRY(insert->bind(1, block_id).bind(2, stream).bind(3, token.finish()).run());
  auto assign = connection_->prepare(
      "UPDATE unloaded SET block_id = ?1 WHERE stream = ?2 AND block_id IS NULL AND server_seq <= ?3 AND round = ?4");
  if (!assign) {
    return assign.error();
  }
  BOATHOUSE_TRY(assign->bind(1, block_id).bind(2, stream).bind(3, last).bind(4, round).run());
  return block_id;
}

Status Writer::finish_block(std::int64_t block_id) {
  if (block_id <= 0 || block_id > counters_.last_seq) {
    return Error{ErrorCode::not_found, "there has never been a load block " + std::to_string(block_id)};
  }
  std::vector<base::Uuid> recordings;
  {
    auto select = connection_->prepare("SELECT DISTINCT rec_id FROM unloaded WHERE block_id = ?1");
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
  auto loaded = connection_->prepare("DELETE FROM unloaded WHERE block_id = ?1");
  if (!loaded) {
    return loaded.error();
  }
  BOATHOUSE_TRY(loaded->bind(1, block_id).run());
  counters_.unloaded -= connection_->changes();
  auto block = connection_->prepare("DELETE FROM load_block WHERE block_id = ?1");
  if (!block) {
    return block.error();
  }
  return block->bind(1, block_id).run();
}

Status Writer::sessions_written(std::span<const Ledger::DirtySession> sessions) {
  // What changed meanwhile waits since that change.
  auto written = connection_->prepare(
      "UPDATE session_mark SET dirty_since = CASE WHEN seq > ?2 THEN seq END "
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
