// The reader's half for the trail of one recording.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "server/ledger/reader.hpp"
#include "server/ledger/rows.hpp"

namespace boathouse::ledger {
namespace {

using base::Result;
using base::Status;

void add_trail_range(std::vector<wire::Range>& ranges, std::uint64_t from, std::uint64_t to) {
  if (!ranges.empty() && ranges.back().to >= from) {
    ranges.back().to = std::max(ranges.back().to, to);
  } else {
    ranges.push_back({from, to});
  }
}

}  // namespace

Result<std::optional<Trail>> Reader::trail(const std::optional<base::Uuid>& athlete, const base::Uuid& rec_id) {
  Trail trail;
  trail.rec_id = rec_id;
  auto owner = connection_.prepare(
      "SELECT athlete, CAST(NULL AS BIGINT) AS removed_ms FROM recording WHERE rec_id = ?1 "
      "UNION ALL SELECT athlete, removed_ms FROM gone WHERE rec_id = ?1 AND stream IS NULL");
  if (!owner) {
    return owner.error();
  }
  owner->bind(1, rec_id.bytes);
  BOATHOUSE_TRY(each_row(*owner, [&](const sql::Statement& row) {
    // Somebody else's is as unknown as one that there never was.
    if (!athlete || *athlete == uuid_of(row.blob(0))) {
      trail.athlete = uuid_of(row.blob(0));
      trail.purged_ms = row.optional_integer(1);
    }
  }));
  if (trail.athlete && !trail.purged_ms) {
    BOATHOUSE_TRY(read_trail(trail));
  }
  if (!trail.purged_ms) {
    BOATHOUSE_TRY(read_refused(trail, athlete ? athlete : trail.athlete));
  }
  return trail.athlete || !trail.refused.empty() ? std::optional(std::move(trail)) : std::nullopt;
}

Status Reader::read_trail(Trail& trail) {
  auto state = readable_recording(trail.rec_id);
  if (!state) {
    return state.error();
  }
  if (*state) {
    trail.state = std::make_shared<const RecordingState>(std::move(**state));
  }
  const auto select = [&](std::string_view sql) {
    auto statement = connection_.prepare(sql);
    if (statement) {
      statement->bind(1, trail.rec_id.bytes);
    }
    return statement;
  };
  auto birth = select(
      "SELECT replica, recording.server_seq, dirty_since IS NOT NULL FROM recording JOIN session_mark USING (rec_id) "
      "WHERE recording.rec_id = ?1");
  auto seal = select("SELECT received_ms FROM seal WHERE rec_id = ?1 ORDER BY revision DESC LIMIT 1");
  auto gone = select(
      "SELECT stream, from_seq, to_seq FROM gone WHERE rec_id = ?1 AND stream IS NOT NULL ORDER BY stream, from_seq");
  auto waiting = select(
      "SELECT chunk.stream, count(*), CAST(sum(to_seq - chunk.from_seq) AS BIGINT), count(block_id) FROM chunk "
      "JOIN unloaded ON unloaded.server_seq = chunk.server_seq LEFT JOIN load_block ON " +
      std::string(kIsInBlock) + " WHERE chunk.rec_id = ?1 AND " + is_kept("chunk") + " GROUP BY chunk.stream");
  auto quarantined = select(
      "SELECT kind, stream, from_seq, to_seq, revision, sha256, received_ms, reason FROM quarantine "
      "WHERE rec_id = ?1 ORDER BY id DESC LIMIT " +
      std::to_string(kMaxTrailItems));
  for (const auto* statement : {&birth, &seal, &gone, &waiting, &quarantined}) {
    if (!*statement) {
      return statement->error();
    }
  }
  BOATHOUSE_TRY(each_row(*birth, [&trail](const sql::Statement& row) {
    trail.replica = uuid_of(row.blob(0));
    trail.birth_seq = row.integer(1);
    trail.session_waits = row.integer(2) != 0;
  }));
  BOATHOUSE_TRY(
      each_row(*seal, [&trail](const sql::Statement& row) { trail.seal_received_ms = row.optional_integer(0); }));
  BOATHOUSE_TRY(each_row(*gone, [&trail](const sql::Statement& row) {
    add_trail_range(trail.gone[static_cast<rowing::Stream>(row.integer(0))], static_cast<std::uint64_t>(row.integer(1)),
                    static_cast<std::uint64_t>(row.integer(2)));
  }));
  BOATHOUSE_TRY(each_row(*waiting, [&trail](const sql::Statement& row) {
    trail.waiting[static_cast<rowing::Stream>(row.integer(0))] = {static_cast<std::uint64_t>(row.integer(1)),
                                                                  static_cast<std::uint64_t>(row.integer(2)),
                                                                  static_cast<std::uint64_t>(row.integer(3))};
  }));
  return each_row(*quarantined, [&trail](const sql::Statement& row) {
    Quarantined& item = trail.quarantined.emplace_back();
    item.kind = static_cast<wire::ItemKind>(row.integer(0));
    item.stream = static_cast<rowing::Stream>(row.integer(1));
    item.range = {static_cast<std::uint64_t>(row.integer(2)), static_cast<std::uint64_t>(row.integer(3))};
    item.revision = static_cast<std::uint32_t>(row.integer(4));
    item.sha256 = digest_of(row.blob(5));
    item.received_ms = row.integer(6);
    item.reason = row.text(7);
  });
}

// Of one athlete's items, or, where nobody is known to own it, of everybody's.
Status Reader::read_refused(Trail& trail, const std::optional<base::Uuid>& athlete) {
  auto select = connection_.prepare(
      "SELECT audit.n, at_ms, what FROM refusal JOIN audit ON audit.n = refusal.n WHERE rec_id = ?1" +
      std::string(athlete ? " AND refusal.athlete = ?3" : "") + " ORDER BY refusal.n DESC LIMIT ?2");
  if (!select) {
    return select.error();
  }
  select->bind(1, trail.rec_id.bytes).bind(2, kMaxTrailItems);
  if (athlete) {
    select->bind(3, athlete->bytes);
  }
  return each_row(*select, [&trail](const sql::Statement& row) {
    trail.refused.push_back({row.integer(0), row.integer(1), {"refused", {}, {}, {}, std::string(row.text(2))}, {}});
  });
}

}  // namespace boathouse::ledger
