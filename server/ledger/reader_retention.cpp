// The reader's half for retention and erasure.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "server/ledger/reader.hpp"
#include "server/ledger/rows.hpp"

namespace boathouse::ledger {
namespace {

using base::Result;
using base::Status;

constexpr std::int64_t kStreamsOfARecording = static_cast<std::int64_t>(rowing::kStreams.size());

// Where an athlete has rows, and how they are counted. Not the audit, nor `refusal`, which finds the audit's records of
// refused items, nor `erasure`: docs/retention.md says that they stay.
struct OwnTable {
  std::string_view name;
  std::string_view condition;  // ?1 = the athlete
};
constexpr std::string_view kOfAthlete = "athlete = ?1";
constexpr std::string_view kOfDroppedToo =
    "rec_id IN (SELECT rec_id FROM recording WHERE athlete = ?1 UNION ALL SELECT rec_id FROM dropping WHERE athlete = "
    "?1)";
constexpr std::string_view kOfRemovedToo =
    "rec_id IN (SELECT rec_id FROM recording WHERE athlete = ?1 UNION ALL SELECT rec_id FROM gone WHERE athlete = ?1)";
constexpr std::string_view kOfBodies =
    "server_seq IN (SELECT server_seq FROM chunk WHERE rec_id IN (SELECT rec_id FROM recording WHERE athlete = ?1 "
    "UNION ALL SELECT rec_id FROM dropping WHERE athlete = ?1))";
constexpr std::array kOwnedTables{
    OwnTable{"recording", kOfAthlete},   OwnTable{"chunk", kOfDroppedToo},        OwnTable{"chunk_body", kOfBodies},
    OwnTable{"chunk_place", kOfBodies},  OwnTable{"lost_body", kOfBodies},        OwnTable{"not_in_backup", kOfBodies},
    OwnTable{"dropping", kOfAthlete},    OwnTable{"session_mark", kOfRemovedToo}, OwnTable{"completed", kOfRemovedToo},
    OwnTable{"retiring", kOfRemovedToo}, OwnTable{"unloaded", kOfDroppedToo},     OwnTable{"seal", kOfDroppedToo},
    OwnTable{"edit", kOfAthlete},        OwnTable{"quarantine", kOfAthlete},      OwnTable{"feed", kOfAthlete},
    OwnTable{"gone", kOfAthlete},        OwnTable{"replica", kOfAthlete},         OwnTable{"replica_news", kOfAthlete},
    OwnTable{"outbox", kOfAthlete},      OwnTable{"kept_figures", kOfRemovedToo}, OwnTable{"erasing", kOfAthlete}};
constexpr std::array<std::string_view, 2> kTablesByScope{"retention_rule", "legal_hold"};

}  // namespace

Result<std::vector<RowsToErase>> Reader::rows_to_erase(std::size_t limit) {
  auto select = connection_.prepare(
      "SELECT server_seq, athlete, rec_id, started_ms, stream, from_seq, to_seq FROM erasing ORDER BY server_seq LIMIT "
      "?1");
  if (!select) {
    return select.error();
  }
  select->bind(1, std::min(limit, std::size_t{1} << 32));
  std::vector<RowsToErase> all;
  BOATHOUSE_TRY(each_row(*select, [&all](const sql::Statement& row) {
    RowsToErase& rows = all.emplace_back();
    rows.server_seq = row.integer(0);
    rows.athlete = uuid_of(row.blob(1));
    if (!row.is_null(2)) {
      rows.rec_id = uuid_of(row.blob(2));
    }
    rows.started_ms = row.integer(3);
    if (!row.is_null(4)) {
      rows.stream = static_cast<rowing::Stream>(row.integer(4));
    }
    rows.range = {static_cast<std::uint64_t>(row.integer(5)), static_cast<std::uint64_t>(row.integer(6))};
  }));
  return all;
}

Result<bool> Reader::has_to_drop() {
  auto select = connection_.prepare("SELECT 1 FROM dropping LIMIT 1");
  if (!select) {
    return select.error();
  }
  return select->step();
}

Result<std::vector<RetentionRule>> Reader::retention_rules() {
  auto select = connection_.prepare("SELECT scope, stream, years, set_ms FROM retention_rule ORDER BY scope, stream");
  if (!select) {
    return select.error();
  }
  std::vector<RetentionRule> rules;
  BOATHOUSE_TRY(each_row(*select, [&rules](const sql::Statement& row) {
    RetentionRule& rule = rules.emplace_back();
    rule.scope = row.text(0);
    rule.stream = static_cast<rowing::Stream>(row.integer(1));
    if (const auto years = row.optional_integer(2)) {
      rule.years = static_cast<int>(*years);
    }
    rule.set_ms = row.integer(3);
  }));
  return rules;
}

Result<std::vector<LegalHold>> Reader::legal_holds() {
  auto select = connection_.prepare("SELECT scope, reason, set_ms FROM legal_hold ORDER BY scope");
  if (!select) {
    return select.error();
  }
  std::vector<LegalHold> holds;
  BOATHOUSE_TRY(each_row(*select, [&holds](const sql::Statement& row) {
    holds.push_back({std::string(row.text(0)), std::string(row.text(1)), row.integer(2)});
  }));
  return holds;
}

// A page ends with a whole recording.
Result<std::vector<AgedStream>> Reader::aged_streams(std::int64_t before_ms, const std::optional<base::Uuid>& after,
                                                     std::size_t limit) {
  auto select = connection_.prepare(
      "SELECT recording.rec_id, athlete, started_ms, recording.received_ms, dirty_since IS NOT NULL, "
      "(SELECT max(received_ms) FROM seal WHERE seal.rec_id = recording.rec_id), chunk.stream, count(*), "
      "CAST(sum(to_seq - chunk.from_seq) AS BIGINT), CAST(sum(chunk.size) AS BIGINT), max(to_seq), "
      "max(chunk.server_seq), count(unloaded.server_seq), max(chunk.received_ms), count(not_in_backup.server_seq), "
      "count(lost_body.server_seq) "
      "FROM recording JOIN session_mark USING (rec_id) JOIN chunk ON chunk.rec_id = recording.rec_id "
      "LEFT JOIN unloaded ON unloaded.server_seq = chunk.server_seq "
      "LEFT JOIN not_in_backup ON not_in_backup.server_seq = chunk.server_seq "
      "LEFT JOIN lost_body ON lost_body.server_seq = not_in_backup.server_seq "
      "WHERE recording.rec_id > ?1 AND started_ms < ?2 AND recording.received_ms < ?2 "
      "GROUP BY recording.rec_id, athlete, started_ms, recording.received_ms, dirty_since, chunk.stream "
      "ORDER BY recording.rec_id, chunk.stream LIMIT ?3");
  if (!select) {
    return select.error();
  }
  const auto rows = std::max<std::int64_t>(static_cast<std::int64_t>(limit), kStreamsOfARecording + 1);
  select->bind(1, after ? base::ByteView(after->bytes) : base::ByteView()).bind(2, before_ms).bind(3, rows);
  std::vector<AgedStream> streams;
  BOATHOUSE_TRY(each_row(*select, [&streams](const sql::Statement& row) {
    AgedStream& one = streams.emplace_back();
    one.rec_id = uuid_of(row.blob(0));
    one.athlete = uuid_of(row.blob(1));
    one.age_from_ms = std::max({row.integer(2), row.integer(3), row.integer(5), row.integer(13)});
    one.stream = static_cast<rowing::Stream>(row.integer(6));
    one.chunks = static_cast<std::uint64_t>(row.integer(7));
    one.records = static_cast<std::uint64_t>(row.integer(8));
    one.bytes = static_cast<std::uint64_t>(row.integer(9));
    one.to = static_cast<std::uint64_t>(row.integer(10));
    one.newest_seq = row.integer(11);
    one.on_its_way = row.integer(4) != 0 || row.integer(12) > 0;
    one.lacking = row.integer(14) > 0;
    one.lost = row.integer(15) > 0;
  }));
  if (static_cast<std::int64_t>(streams.size()) == rows) {
    const base::Uuid cut = streams.back().rec_id;
    std::erase_if(streams, [&cut](const AgedStream& one) { return one.rec_id == cut; });
  }
  return streams;
}

Result<std::vector<Retirement>> Reader::retirements(std::size_t limit) {
  auto select = connection_.prepare(
      "SELECT rec_id, stream, to_seq, plan, newest_seq FROM retiring ORDER BY rec_id, stream LIMIT ?1");
  if (!select) {
    return select.error();
  }
  select->bind(1, std::min(limit, std::size_t{1} << 32));
  std::vector<Retirement> all;
  BOATHOUSE_TRY(each_row(*select, [&all](const sql::Statement& row) {
    all.push_back({uuid_of(row.blob(0)), static_cast<rowing::Stream>(row.integer(1)),
                   static_cast<std::uint64_t>(row.integer(2)), std::string(row.text(3)), row.integer(4)});
  }));
  return all;
}

Result<base::Bytes> Reader::kept_figures(const base::Uuid& rec_id) {
  auto select = connection_.prepare("SELECT figures FROM kept_figures WHERE rec_id = ?1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, rec_id.bytes).step();
  if (!row) {
    return row.error();
  }
  return *row ? bytes_of(select->blob(0)) : base::Bytes();
}

Result<std::vector<Erasure>> Reader::erasures() {
  auto select = connection_.prepare(
      "SELECT athlete, asked_ms, due_ms, erasing_ms, erased_ms FROM erasure ORDER BY asked_ms, athlete");
  if (!select) {
    return select.error();
  }
  std::vector<Erasure> all;
  BOATHOUSE_TRY(each_row(*select, [&all](const sql::Statement& row) {
    all.push_back(
        {uuid_of(row.blob(0)), row.integer(1), row.integer(2), row.optional_integer(3), row.optional_integer(4)});
  }));
  return all;
}

Result<bool> Reader::is_hidden(const base::Uuid& athlete) {
  auto select = connection_.prepare("SELECT 1 FROM erasure WHERE athlete = ?1");
  if (!select) {
    return select.error();
  }
  return select->bind(1, athlete.bytes).step();
}

Result<std::vector<TableCount>> Reader::rows_of_athlete(const base::Uuid& athlete) {
  std::vector<TableCount> counts;
  for (const OwnTable& table : kOwnedTables) {
    auto select = connection_.prepare("SELECT count(*) FROM " + std::string(table.name) + " WHERE " +
                                      std::string(table.condition));
    if (!select) {
      return select.error();
    }
    if (const auto row = select->bind(1, athlete.bytes).step(); !row) {
      return row.error();
    }
    counts.push_back({std::string(table.name), static_cast<std::uint64_t>(select->integer(0))});
  }
  for (const std::string_view table : kTablesByScope) {
    auto select = connection_.prepare("SELECT count(*) FROM " + std::string(table) + " WHERE scope = ?1");
    if (!select) {
      return select.error();
    }
    if (const auto row = select->bind(1, scope_of_athlete(athlete)).step(); !row) {
      return row.error();
    }
    counts.push_back({std::string(table), static_cast<std::uint64_t>(select->integer(0))});
  }
  return counts;
}

}  // namespace boathouse::ledger
