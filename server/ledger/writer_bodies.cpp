// The writer's half for bodies that leave the ledger and those that are lost: bodies.hpp.
#include <string>
#include <utility>

#include "server/ledger/bodies.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

namespace {

std::int64_t state_number(SegmentState state) { return static_cast<std::int64_t>(state); }

}  // namespace

Result<std::int64_t> Writer::begin_segment(const std::string& key) {
  {
    auto insert = connection_->prepare(
        "INSERT INTO segment (name, state, bodies, bytes, since_ms) VALUES (?1, ?2, 0, 0, ?3) "
        "ON CONFLICT (name) DO NOTHING");
    if (!insert) {
      return insert.error();
    }
    BOATHOUSE_TRY(insert->bind(1, key).bind(2, state_number(SegmentState::begun)).bind(3, now_ms_).run());
    if (connection_->changes() != 1) {
      return Error{ErrorCode::conflict, "segment " + key + " was begun before"};
    }
  }
  auto select = connection_->prepare("SELECT id FROM segment WHERE name = ?1");
  if (!select) {
    return select.error();
  }
  if (const auto row = select->bind(1, key).step(); !row) {
    return row.error();
  }
  return select->integer(0);
}

Status Writer::place_bodies(std::int64_t id, std::uint64_t bytes, std::uint64_t bodies,
                            std::span<const segments::Place> places) {
  auto whole = connection_->prepare(
      "UPDATE segment SET state = ?2, bytes = ?3, bodies = ?4, since_ms = ?5 WHERE id = ?1 AND state <> ?6");
  if (!whole) {
    return whole.error();
  }
  whole->bind(1, id).bind(2, state_number(SegmentState::whole)).bind(3, bytes).bind(4, bodies).bind(5, now_ms_);
  BOATHOUSE_TRY(whole->bind(6, state_number(SegmentState::doomed)).run());
  if (connection_->changes() != 1) {
    return Error{ErrorCode::conflict, "segment " + std::to_string(id) + " was given up meanwhile"};
  }
  auto drop = connection_->prepare("DELETE FROM chunk_body WHERE server_seq = ?1");
  if (!drop) {
    return drop.error();
  }
  auto insert = connection_->prepare(
      "INSERT INTO chunk_place (server_seq, segment_id, position, size, sha256) VALUES (?1, ?2, ?3, ?4, ?5)");
  if (!insert) {
    return insert.error();
  }
  auto change = connection_->prepare(
      "UPDATE chunk_place SET segment_id = ?2, position = ?3 WHERE server_seq = ?1 AND size = ?4 AND sha256 = ?5");
  if (!change) {
    return change.error();
  }
  auto left = connection_->prepare(
      "UPDATE segment SET since_ms = ?2 WHERE id = (SELECT segment_id FROM chunk_place WHERE server_seq = ?1)");
  if (!left) {
    return left.error();
  }
  for (const segments::Place& place : places) {
    BOATHOUSE_TRY(drop->bind(1, place.server_seq).run());
    // Not in the ledger: it lies in another segment, or was removed.
    const bool was_here = connection_->changes() == 1;
    if (!was_here) {
      BOATHOUSE_TRY(left->bind(1, place.server_seq).bind(2, now_ms_).run());
    }
    sql::Statement& set = was_here ? *insert : *change;
    set.bind(1, place.server_seq).bind(2, id).bind(3, place.position);
    BOATHOUSE_TRY(set.bind(4, place.size).bind(5, place.sha256).run());
  }
  return {};
}

Status Writer::doom_segment(std::int64_t id) {
  auto doom = connection_->prepare(
      "UPDATE segment SET state = ?2 WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM chunk_place WHERE segment_id = ?1)");
  if (!doom) {
    return doom.error();
  }
  BOATHOUSE_TRY(doom->bind(1, id).bind(2, state_number(SegmentState::doomed)).run());
  return connection_->changes() == 1
             ? Status()
             : Status(Error{ErrorCode::conflict, "bodies lie in segment " + std::to_string(id)});
}

Status Writer::forget_segment(std::int64_t id) {
  auto forget = connection_->prepare("DELETE FROM segment WHERE id = ?1 AND state = ?2");
  if (!forget) {
    return forget.error();
  }
  return forget->bind(1, id).bind(2, state_number(SegmentState::doomed)).run();
}

Status Writer::segment_is_well(std::int64_t id) {
  auto well = connection_->prepare("UPDATE segment SET since_ms = ?2 WHERE id = ?1");
  if (!well) {
    return well.error();
  }
  BOATHOUSE_TRY(well->bind(1, id).bind(2, now_ms_).run());
  // Some may have waited to be loaded when they were lost.
  BOATHOUSE_TRY(
      load_again("chunk.server_seq IN (SELECT lost_body.server_seq FROM lost_body JOIN chunk_place "
                 "ON chunk_place.server_seq = lost_body.server_seq WHERE segment_id = ?3)",
                 [id](sql::Statement& statement) { statement.bind(3, id); }));
  auto found = connection_->prepare(
      "DELETE FROM lost_body WHERE server_seq IN (SELECT server_seq FROM chunk_place WHERE segment_id = ?1)");
  if (!found) {
    return found.error();
  }
  return found->bind(1, id).run();
}

Status Writer::lose_body(std::int64_t server_seq, const std::string& reason) {
  auto insert = connection_->prepare(
      "INSERT INTO lost_body (server_seq, found_ms, reason) SELECT server_seq, ?2, ?3 FROM chunk "
      "WHERE server_seq = ?1 ON CONFLICT DO NOTHING");
  if (!insert) {
    return insert.error();
  }
  BOATHOUSE_TRY(insert->bind(1, server_seq).bind(2, now_ms_).bind(3, reason.substr(0, 500)).run());
  // Others must not wait for it in a block that cannot be read. Also if it was known before: when all of the ledger is
  // loaded once more, what is lost is among it.
  auto block = connection_->prepare("SELECT block_id FROM unloaded JOIN load_block ON " + std::string(kIsInBlock) +
                                    " WHERE server_seq = ?1");
  if (!block) {
    return block.error();
  }
  const auto row = block->bind(1, server_seq).step();
  if (!row) {
    return row.error();
  }
  if (*row) {
    BOATHOUSE_TRY(dissolve_block(block->integer(0)));
  }
  auto wait = connection_->prepare("DELETE FROM unloaded WHERE server_seq = ?1");
  if (!wait) {
    return wait.error();
  }
  BOATHOUSE_TRY(wait->bind(1, server_seq).run());
  counters_.unloaded -= connection_->changes();
  return {};
}

Status Writer::body_is_back(std::int64_t server_seq, base::ByteView body) {
  auto known = connection_->prepare("DELETE FROM lost_body WHERE server_seq = ?1");
  if (!known) {
    return known.error();
  }
  BOATHOUSE_TRY(known->bind(1, server_seq).run());
  if (connection_->changes() == 0) {
    return {};  // somebody else brought it, or it was removed
  }
  for (const std::string_view sql :
       {"DELETE FROM chunk_place WHERE server_seq = ?1", "DELETE FROM chunk_body WHERE server_seq = ?1"}) {
    auto remove = connection_->prepare(sql);
    if (!remove) {
      return remove.error();
    }
    BOATHOUSE_TRY(remove->bind(1, server_seq).run());
  }
  auto insert = connection_->prepare("INSERT INTO chunk_body (server_seq, body) VALUES (?1, ?2)");
  if (!insert) {
    return insert.error();
  }
  BOATHOUSE_TRY(insert->bind(1, server_seq).bind(2, body).run());
  auto size = connection_->prepare("UPDATE chunk SET size = ?2 WHERE server_seq = ?1");
  if (!size) {
    return size.error();
  }
  BOATHOUSE_TRY(size->bind(1, server_seq).bind(2, body.size()).run());
  return load_again("chunk.server_seq = ?3",
                    [server_seq](sql::Statement& statement) { statement.bind(3, server_seq); });
}

Status Writer::heal_duplicate(std::int64_t server_seq, const Entry& entry) {
  bool lost = false;
  {
    auto select = connection_->prepare("SELECT 1 FROM lost_body WHERE server_seq = ?1");
    if (!select) {
      return select.error();
    }
    const auto row = select->bind(1, server_seq).step();
    if (!row) {
      return row.error();
    }
    lost = *row;
  }
  return lost ? body_is_back(server_seq, entry.body) : Status();
}

// Chunks that ClickHouse had, or nobody knows whether it had them. Their blocks have tokens that were never used: it
// remembers those of before though the rows are gone.
Status Writer::load_again(const std::string& which, const std::function<void(sql::Statement&)>& bind) {
  auto insert = connection_->prepare(
      "INSERT INTO unloaded (server_seq, rec_id, stream, from_seq, records, size, round, since_ms) "
      "SELECT chunk.server_seq, chunk.rec_id, chunk.stream, chunk.from_seq, to_seq - chunk.from_seq, size, "
      "CAST(?1 AS BIGINT), CAST(?2 AS BIGINT) FROM chunk WHERE " +
      which + " AND chunk.stream <> " + std::to_string(ledger::number(rowing::Stream::source)) +
      " AND NOT EXISTS (SELECT 1 FROM unloaded WHERE unloaded.server_seq = chunk.server_seq)");
  if (!insert) {
    return insert.error();
  }
  bind(*insert);
  BOATHOUSE_TRY(insert->bind(1, next_seq()).bind(2, now_ms_).run());
  counters_.unloaded += connection_->changes();
  stored_ = stored_ || connection_->changes() > 0;
  return {};
}

Result<std::uint64_t> Writer::load_recording_again(const base::Uuid& rec_id, rowing::Stream stream) {
  const std::int64_t before = counters_.unloaded;
  BOATHOUSE_TRY(load_again(
      "chunk.rec_id = ?3 AND chunk.stream = ?4 AND chunk.server_seq NOT IN (SELECT server_seq FROM lost_body)",
      [&](sql::Statement& statement) { statement.bind(3, rec_id.bytes).bind(4, ledger::number(stream)); }));
  return static_cast<std::uint64_t>(counters_.unloaded - before);
}

Status Writer::write_session_again(const base::Uuid& rec_id) {
  auto mark = connection_->prepare(
      "UPDATE session_mark SET seq = ?2, dirty_since = coalesce(dirty_since, ?2) WHERE rec_id = ?1");
  if (!mark) {
    return mark.error();
  }
  BOATHOUSE_TRY(mark->bind(1, rec_id.bytes).bind(2, next_seq()).run());
  stored_ = stored_ || connection_->changes() > 0;
  return {};
}

}  // namespace boathouse::ledger
