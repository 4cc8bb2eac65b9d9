// What the writer removes for ever: recordings that are purged, ranges that retention takes. A tombstone stays. What
// there may be a million of in a purged recording is dropped later, some at a time: one edit purges it.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/wire/chunk.hpp"
#include "server/ledger/lookups.hpp"
#include "server/ledger/results.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {
namespace {

// The parameters of kChunksOfRange.
void choose(sql::Statement& statement, const Removal& removal) {
  statement.bind(1, removal.rec_id.bytes).bind(2, number(*removal.stream));
  statement.bind(3, removal.range.from).bind(4, removal.range.to);
}

// What a purged recording has beside its chunks: rows of the feed, then the rows that they name. ?1 = the recording,
// ?2 = how many, ?3 = its athlete.
struct Drop {
  std::string_view feed;
  std::string_view rows;
  std::int64_t weight;  // of a row, against the limit of a step
};
constexpr std::int64_t kBytesOfARow = std::int64_t{64} << 10;  // a larger one counts as several
constexpr std::int64_t kWeightOfABody = 32;                    // of up to 2 MiB
constexpr Drop kQuarantined{
    "", "DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE rec_id = ?1 AND athlete = ?3 LIMIT ?2)",
    kWeightOfABody};
constexpr Drop kSeals{
    "DELETE FROM feed WHERE athlete = ?3 AND server_seq IN (SELECT server_seq FROM seal WHERE rec_id = ?1 "
    "ORDER BY revision LIMIT ?2)",
    "DELETE FROM seal WHERE rec_id = ?1 AND ?3 IS NOT NULL AND revision IN (SELECT revision FROM seal "
    "WHERE rec_id = ?1 ORDER BY revision LIMIT ?2)",
    1};
constexpr Drop kRanges{
    "DELETE FROM feed WHERE athlete = ?3 AND server_seq IN (SELECT server_seq FROM gone WHERE rec_id = ?1 "
    "AND stream IS NOT NULL ORDER BY stream, from_seq LIMIT ?2)",
    "DELETE FROM gone WHERE ?3 IS NOT NULL AND server_seq IN (SELECT server_seq FROM gone WHERE rec_id = ?1 "
    "AND stream IS NOT NULL ORDER BY stream, from_seq LIMIT ?2)",
    1};

}  // namespace

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

const std::string_view kChunksOfRange = "rec_id = ?1 AND stream = ?2 AND from_seq >= ?3 AND from_seq < ?4";

Status Writer::remove(const Removal& removal) {
  const auto owner = owner_of(*connection_, removal.rec_id);
  if (!owner) {
    return owner.error();
  }
  if (!*owner || (*owner)->purged) {
    return Error{ErrorCode::not_found, "there is no recording " + removal.rec_id.text()};
  }
  return removal.stream ? remove_range((*owner)->athlete, removal, {}) : purge((*owner)->athlete, removal.rec_id, {});
}

Status Writer::purge(const base::Uuid& athlete, const base::Uuid& rec_id, const Remover& by) {
  const Removal whole{rec_id, std::nullopt, {}};
  const auto started_ms = start_of(rec_id);
  const auto chunks = count_chunks(rec_id);
  if (!started_ms || !chunks) {
    return started_ms ? chunks.error() : started_ms.error();
  }
  BOATHOUSE_TRY(dissolve_blocks_of(whole));
  constexpr std::array<std::string_view, 7> kRemovals{
      "DELETE FROM feed WHERE athlete = ?2 AND server_seq IN (SELECT server_seq FROM recording WHERE rec_id = ?1)",
      "DELETE FROM session_mark WHERE rec_id = ?1 AND ?2 IS NOT NULL",
      "DELETE FROM completed WHERE rec_id = ?1 AND ?2 IS NOT NULL",
      "DELETE FROM kept_figures WHERE rec_id = ?1 AND ?2 IS NOT NULL",
      "DELETE FROM retiring WHERE rec_id = ?1 AND ?2 IS NOT NULL",
      "DELETE FROM erasing WHERE rec_id = ?1 AND athlete = ?2",
      "DELETE FROM recording WHERE rec_id = ?1 AND athlete = ?2"};
  for (const std::string_view sql : kRemovals) {
    auto remove = connection_->prepare(sql);
    if (!remove) {
      return remove.error();
    }
    BOATHOUSE_TRY(remove->bind(1, rec_id.bytes).bind(2, athlete.bytes).run());
  }
  counters_.recordings -= connection_->changes();  // of the last one
  BOATHOUSE_TRY(bury(athlete, whole, *started_ms, {}));
  BOATHOUSE_TRY(drop_later(athlete, rec_id));
  BOATHOUSE_TRY(audit_removal(athlete, whole, by, *chunks));
  BOATHOUSE_TRY(tell_of_session(EventKind::session_deleted, athlete, rec_id, {.purged = true}));
  // Its session's row goes, and those that were linked to it become others.
  return *started_ms ? mark_dirty(rec_id, counters_.last_seq) : Status();
}

Result<std::int64_t> Writer::count_chunks(const base::Uuid& rec_id) {
  const auto chunks = sql::first_integer(*connection_, "SELECT count(*) FROM chunk WHERE rec_id = ?1", rec_id.bytes);
  return chunks ? Result<std::int64_t>(chunks->value_or(0)) : chunks.error();
}

// In the transaction of its tombstone, which is the newest there is.
Status Writer::drop_later(const base::Uuid& athlete, const base::Uuid& rec_id) {
  auto insert = connection_->prepare("INSERT INTO dropping (rec_id, athlete, server_seq) VALUES (?1, ?2, ?3)");
  if (!insert) {
    return insert.error();
  }
  return insert->bind(1, rec_id.bytes).bind(2, athlete.bytes).bind(3, counters_.last_seq).run();
}

Result<bool> Writer::drop_some(std::size_t limit, const std::optional<base::Uuid>& athlete) {
  auto next = connection_->prepare("SELECT rec_id, athlete FROM dropping " +
                                   std::string(athlete ? "WHERE athlete = ?1 " : "") + "ORDER BY rec_id LIMIT 1");
  auto done = connection_->prepare("DELETE FROM dropping WHERE rec_id = ?1");
  if (!next || !done) {
    return next ? done.error() : next.error();
  }
  for (auto left = static_cast<std::int64_t>(limit); left > 0;) {
    if (athlete) {
      next->bind(1, athlete->bytes);
    }
    const auto row = next->step();
    if (!row || !*row) {
      return row;
    }
    const base::Uuid rec_id = uuid_of(next->blob(0));
    const base::Uuid owner = uuid_of(next->blob(1));
    next->reset();
    const auto dropped = drop_first(owner, rec_id, left);
    if (!dropped) {
      return dropped.error();
    }
    left -= std::max<std::int64_t>(*dropped, 1);
    if (*dropped == 0) {
      BOATHOUSE_TRY(done->bind(1, rec_id.bytes).run());
    }
  }
  return true;
}

// Of what is left of a purged recording rows of one kind; what they count against `limit`, 0: nothing was left.
Result<std::int64_t> Writer::drop_first(const base::Uuid& athlete, const base::Uuid& rec_id, std::int64_t limit) {
  auto dropped = drop_first_chunks(athlete, rec_id, limit);
  for (const Drop* const kind : {&kSeals, &kRanges, &kQuarantined}) {
    if (!dropped || *dropped > 0) {
      break;
    }
    for (const std::string_view sql : {kind->feed, kind->rows}) {
      if (sql.empty()) {
        continue;
      }
      auto remove = connection_->prepare(sql);
      if (!remove) {
        return remove.error();
      }
      remove->bind(1, rec_id.bytes).bind(2, std::max<std::int64_t>(limit / kind->weight, 1));
      BOATHOUSE_TRY(remove->bind(3, athlete.bytes).run());
    }
    const std::int64_t rows = connection_->changes();
    counters_.quarantined -= kind == &kQuarantined ? rows : 0;
    dropped = rows * kind->weight;
  }
  return dropped;
}

// Of one of its streams the first chunks; what they count, 0: there are none.
Result<std::int64_t> Writer::drop_first_chunks(const base::Uuid& athlete, const base::Uuid& rec_id,
                                               std::int64_t limit) {
  Removal first{rec_id, {}, {0, wire::kMaxSequence}};
  const auto stream = sql::first_integer(
      *connection_, "SELECT stream FROM chunk WHERE rec_id = ?1 ORDER BY stream, from_seq LIMIT 1", rec_id.bytes);
  if (!stream || !*stream) {
    return stream ? Result<std::int64_t>(0) : stream.error();
  }
  first.stream = static_cast<rowing::Stream>(**stream);
  std::int64_t weight = 0;
  {
    auto select = connection_->prepare(
        "SELECT to_seq, size FROM chunk WHERE rec_id = ?1 AND stream = ?2 ORDER BY from_seq LIMIT ?3");
    if (!select) {
      return select.error();
    }
    select->bind(1, rec_id.bytes).bind(2, number(*first.stream)).bind(3, limit);
    BOATHOUSE_TRY(each_row(*select, [&](const sql::Statement& row) {
      if (weight < limit) {
        first.range.to = static_cast<std::uint64_t>(row.integer(0));
        weight += 1 + row.integer(1) / kBytesOfARow;
      }
    }));
  }
  BOATHOUSE_TRY(drop_chunks(athlete, first));
  return weight;
}

Result<std::optional<std::int64_t>> Writer::start_of(const base::Uuid& rec_id) {
  return sql::first_integer(*connection_, "SELECT started_ms FROM recording WHERE rec_id = ?1", rec_id.bytes);
}

Status Writer::remove_range(const base::Uuid& athlete, const Removal& removal, const Remover& by) {
  const wire::Range& range = removal.range;
  if (range.from >= range.to || range.to > wire::kMaxSequence) {
    return Error{ErrorCode::invalid_input, "the range " + text_of(range.from, range.to) + " is empty or too far"};
  }
  {
    auto cut = connection_->prepare(
        "SELECT from_seq, to_seq FROM chunk WHERE rec_id = ?1 AND stream = ?2 AND from_seq < ?4 AND to_seq > ?3 "
        "AND NOT (from_seq >= ?3 AND to_seq <= ?4) LIMIT 1");
    if (!cut) {
      return cut.error();
    }
    cut->bind(1, removal.rec_id.bytes).bind(2, number(*removal.stream)).bind(3, range.from);
    const auto row = cut->bind(4, range.to).step();
    if (!row) {
      return row.error();
    }
    if (*row) {
      return Error{ErrorCode::invalid_input, "the range " + text_of(range.from, range.to) + " cuts the stored chunk " +
                                                 text_of(static_cast<std::uint64_t>(cut->integer(0)),
                                                         static_cast<std::uint64_t>(cut->integer(1)))};
    }
  }
  const std::int64_t chunks_before = counters_.chunks;
  BOATHOUSE_TRY(dissolve_blocks_of(removal));
  BOATHOUSE_TRY(drop_chunks(athlete, removal));
  BOATHOUSE_TRY(bury(athlete, removal, std::nullopt, by.plan));
  BOATHOUSE_TRY(audit_removal(athlete, removal, by, chunks_before - counters_.chunks));
  return mark_dirty(removal.rec_id, counters_.last_seq);
}

// Chunks may wait for ClickHouse, even in a block that is being sent under a token of its contents. Such a block is
// dissolved: what is left of it goes into another, whose rows replace equal ones. There are never many blocks, and of a
// whole recording their chunks are looked at, for it may have far more than they.
Status Writer::dissolve_blocks_of(const Removal& removal) {
  std::vector<std::int64_t> blocks;
  {
    auto select = connection_->prepare(
        "SELECT block_id FROM load_block WHERE EXISTS (SELECT 1 FROM " +
        (removal.stream
             ? "chunk WHERE " + std::string(kChunksOfRange) +
                   " AND chunk.stream = load_block.stream AND chunk.server_seq BETWEEN first_seq AND last_seq)"
             : "unloaded WHERE rec_id = ?1 AND " + std::string(kIsInBlock) + ")"));
    if (!select) {
      return select.error();
    }
    if (removal.stream) {
      choose(*select, removal);
    } else {
      select->bind(1, removal.rec_id.bytes);
    }
    BOATHOUSE_TRY(each_row(*select, [&blocks](const sql::Statement& row) { blocks.push_back(row.integer(0)); }));
  }
  for (const std::int64_t block_id : blocks) {
    BOATHOUSE_TRY(dissolve_block(block_id));
  }
  return {};
}

Status Writer::drop_chunks(const base::Uuid& athlete, const Removal& removal) {
  const std::string chosen(kChunksOfRange);
  const std::string among = "server_seq IN (SELECT server_seq FROM chunk WHERE " + chosen + ")";
  std::array<std::int64_t, 8> removed{};
  const std::array<std::string, 8> removals{
      "DELETE FROM unloaded WHERE " + among,
      "DELETE FROM chunk_body WHERE " + among,
      "DELETE FROM feed WHERE athlete = ?5 AND " + among,
      "UPDATE segment SET since_ms = ?5 WHERE id IN (SELECT segment_id FROM chunk_place WHERE " + among + ")",
      "DELETE FROM chunk_place WHERE " + among,
      "DELETE FROM lost_body WHERE " + among,
      "DELETE FROM not_in_backup WHERE " + among,
      "DELETE FROM chunk WHERE " + chosen};
  for (std::size_t i = 0; i < removals.size(); ++i) {
    auto remove = connection_->prepare(removals[i]);
    if (!remove) {
      return remove.error();
    }
    if (i == 2) {
      remove->bind(5, athlete.bytes);
    } else if (i == 3) {
      remove->bind(5, now_ms_);
    }
    choose(*remove, removal);
    BOATHOUSE_TRY(remove->run());
    removed[i] = connection_->changes();
  }
  counters_.unloaded -= removed[0];
  counters_.chunks -= removed[7];
  return set_gap_before(removal.rec_id, *removal.stream, removal.range.to, true);
}

// Of a range the tombstone keeps no start: that is the recording's, which is still there.
Status Writer::bury(const base::Uuid& athlete, const Removal& removal, std::optional<std::int64_t> started_ms,
                    const std::string& why) {
  const std::int64_t server_seq = next_seq();
  auto insert = connection_->prepare(
      "INSERT INTO gone (server_seq, athlete, rec_id, started_ms, stream, from_seq, to_seq, removed_ms, why) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, server_seq).bind(2, athlete.bytes).bind(3, removal.rec_id.bytes).bind(4, started_ms);
  insert->bind(5, removal.stream ? std::optional(number(*removal.stream)) : std::nullopt);
  insert->bind(6, removal.range.from).bind(7, removal.range.to).bind(8, now_ms_);
  BOATHOUSE_TRY(insert->bind(9, why).run());
  const auto key = removal.stream ? start_of(removal.rec_id) : Result<std::optional<std::int64_t>>(started_ms);
  if (!key) {
    return key.error();
  }
  // `source` has no table there, and a recording that never came has no rows.
  if (*key && removal.stream != rowing::Stream::source) {
    const wire::Range range = removal.stream ? removal.range : wire::Range{0, wire::kMaxSequence};
    BOATHOUSE_TRY(erase_rows({server_seq, athlete, removal.rec_id, **key, removal.stream, range}));
  }
  return feed({athlete, server_seq, FeedKind::gone, removal.rec_id, {}, {}, {}});
}

Status Writer::erase_rows(const RowsToErase& rows) {
  auto insert = connection_->prepare(
      "INSERT INTO erasing (server_seq, athlete, rec_id, started_ms, stream, from_seq, to_seq) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, rows.server_seq).bind(2, rows.athlete.bytes);
  rows.rec_id ? insert->bind(3, rows.rec_id->bytes) : insert->bind(3, nullptr);
  insert->bind(4, rows.started_ms).bind(5, rows.stream ? std::optional(number(*rows.stream)) : std::nullopt);
  stored_ = true;  // the loader is to know
  return insert->bind(6, rows.range.from).bind(7, rows.range.to).run();
}

Result<bool> Writer::is_gone(const base::Uuid& rec_id, rowing::Stream stream, const wire::Range& range) {
  auto select = connection_->prepare(
      "SELECT 1 FROM gone WHERE rec_id = ?1 AND stream = ?2 AND from_seq < ?4 AND to_seq > ?3 LIMIT 1");
  if (!select) {
    return select.error();
  }
  select->bind(1, rec_id.bytes).bind(2, number(stream)).bind(3, range.from).bind(4, range.to);
  return select->step();
}

}  // namespace boathouse::ledger
