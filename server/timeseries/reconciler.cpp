#include "server/timeseries/reconciler.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "server/timeseries/schema.hpp"

namespace boathouse::timeseries {
namespace {

using CountOf = std::map<base::Uuid, std::uint64_t>;

// What is on its way out of ClickHouse: rows too many of it are no difference.
struct Leaving {
  std::set<base::Uuid> recordings;
  std::set<base::Uuid> athletes;
  std::uint64_t removals = 0;
};

base::Status add_leaving(ledger::Ledger& ledger, Leaving& found) {
  constexpr std::size_t kMost = 100'000;
  const auto rows = ledger.rows_to_erase(kMost);
  if (!rows) return rows.error();
  found.removals = rows->size();
  for (const ledger::RowsToErase& one : *rows) {
    one.rec_id ? found.recordings.insert(*one.rec_id) : found.athletes.insert(one.athlete);
  }
  return {};
}

// Distinct positions, so that a row written twice can never hide a missing one.
base::Result<CountOf> rows_in_clickhouse(ClickHouseClient& client, rowing::Stream stream,
                                         const std::optional<base::Uuid>& athlete, const Leaving& leaving) {
  std::string sql = "SELECT rec_id, count() AS n FROM " + std::string(rowing::name(stream)) + " FINAL";
  std::string left_out;
  for (const base::Uuid& one : leaving.athletes) left_out += (left_out.empty() ? "'" : ",'") + one.text() + "'";
  Parameters parameters;
  if (!left_out.empty()) {
    sql += " WHERE athlete NOT IN {leaving:Array(UUID)}";
    parameters.emplace_back("leaving", "[" + left_out + "]");
  }
  if (athlete) {
    sql += std::string(left_out.empty() ? " WHERE" : " AND") + " athlete = {athlete:UUID}";
    parameters.emplace_back("athlete", athlete->text());
  }
  const auto block = client.select(sql + " GROUP BY rec_id", parameters);
  if (!block) return block.error();
  CountOf counts;
  for (std::size_t row = 0; row < block->rows; ++row) {
    counts[block->find("rec_id")->uuids[row]] = static_cast<std::uint64_t>(block->integer("n", row));
  }
  return counts;
}

// In how many session rows each recording is; `rows` counts the rows.
base::Result<CountOf> places_in_sessions(ClickHouseClient& client, const std::optional<base::Uuid>& athlete,
                                         std::uint64_t& rows) {
  std::string sql = "SELECT recordings FROM session FINAL";
  Parameters parameters;
  if (athlete) {
    sql += " WHERE athlete = {athlete:UUID}";
    parameters.emplace_back("athlete", athlete->text());
  }
  const auto block = client.select(sql, parameters);
  if (!block) return block.error();
  rows = block->rows;
  CountOf places;
  for (std::size_t row = 0; row < block->rows; ++row) {
    for (const base::Uuid& recording : block->find("recordings")->uuid_arrays[row]) ++places[recording];
  }
  return places;
}

base::Result<bool> is_deleted(ledger::Ledger& ledger, const base::Uuid& rec_id) {
  const auto around = ledger.sessions_around(rec_id);
  if (!around) return around.error();
  return std::ranges::any_of(around->sessions, [&](const ledger::SessionState& session) {
    return session.deleted && session.recordings.front().rec_id == rec_id;
  });
}

}  // namespace

base::Result<Reconciliation> reconcile(ledger::Ledger& ledger, ClickHouseClient& client,
                                       std::optional<base::Uuid> athlete) {
  Reconciliation result;
  // Before and after ClickHouse is asked: what leaves, or has left, meanwhile was or is among them.
  Leaving on_their_way_out;
  BOATHOUSE_TRY(add_leaving(ledger, on_their_way_out));
  std::map<rowing::Stream, CountOf> clickhouse;
  for (const rowing::Stream stream : rowing::kStreams) {
    result.streams.push_back({stream, 0, 0, 0, 0});
    if (!has_table(stream)) continue;
    auto counts = rows_in_clickhouse(client, stream, athlete, on_their_way_out);
    if (!counts) return counts.error();
    for (const auto& [rec_id, rows] : *counts) result.streams.back().clickhouse += rows;
    clickhouse[stream] = std::move(*counts);
  }
  auto places = places_in_sessions(client, athlete, result.sessions);
  if (!places) return places.error();

  BOATHOUSE_TRY(add_leaving(ledger, on_their_way_out));
  result.removals_to_erase = on_their_way_out.removals;

  std::optional<base::Uuid> after;
  constexpr std::size_t kPage = 500;
  while (true) {
    const auto page = ledger.recordings(athlete, after, kPage);
    if (!page) return page.error();
    for (const ledger::RecordingState& recording : *page) {
      ++result.recordings;
      after = recording.rec_id;
      if (const std::uint64_t rows = (*places)[recording.rec_id]; rows != 1) {
        const auto deleted = is_deleted(ledger, recording.rec_id);
        if (!deleted) return deleted.error();
        ++(*deleted && rows == 0 ? result.deleted : result.misplaced);
      }
      for (StreamCount& total : result.streams) {
        if (recording.seal && recording.seal->streams.contains(total.stream)) {
          total.sealed += recording.seal->streams.at(total.stream).count;
        }
      }
      for (const auto& [stream, records] : recording.removed) {
        result.streams[static_cast<std::size_t>(stream) - 1].removed += records;
      }
      for (const ledger::StreamState& state : recording.streams) {
        result.streams[static_cast<std::size_t>(state.stream) - 1].ledger += state.records;
        if (!has_table(state.stream)) continue;
        auto& counts = clickhouse[state.stream];
        const auto found = counts.find(recording.rec_id);
        const std::uint64_t rows = found == counts.end() ? 0 : found->second;
        if (found != counts.end()) counts.erase(found);
        const bool leaves = rows > state.loaded_records && on_their_way_out.recordings.contains(recording.rec_id);
        if (rows != state.loaded_records && !leaves)
          result.differences.push_back({recording.rec_id, state.stream, state.loaded_records, rows});
      }
    }
    if (page->size() < kPage) break;
  }
  // Rows of recordings that the ledger does not know.
  for (const auto& [stream, counts] : clickhouse) {
    for (const auto& [rec_id, rows] : counts) {
      if (!on_their_way_out.recordings.contains(rec_id)) result.differences.push_back({rec_id, stream, 0, rows});
    }
  }
  const auto counts = ledger.counts();
  if (!counts) return counts.error();
  result.unloaded_chunks = counts->unloaded_chunks;
  return result;
}

}  // namespace boathouse::timeseries
