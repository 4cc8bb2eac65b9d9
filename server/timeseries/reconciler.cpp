#include "server/timeseries/reconciler.hpp"

#include <algorithm>
#include <map>

#include "server/timeseries/schema.hpp"

namespace boathouse::timeseries {
namespace {

using CountOf = std::map<base::Uuid, std::uint64_t>;

// Distinct positions, so that a row written twice can never hide a missing one.
base::Result<CountOf> rows_in_clickhouse(ClickHouseClient& client, rowing::Stream stream,
                                         const std::optional<base::Uuid>& athlete) {
  std::string sql = "SELECT rec_id, count() AS n FROM " + std::string(rowing::name(stream)) + " FINAL";
  Parameters parameters;
  if (athlete) {
    sql += " WHERE athlete = {athlete:UUID}";
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
  std::map<rowing::Stream, CountOf> clickhouse;
  for (const rowing::Stream stream : rowing::kStreams) {
    result.streams.push_back({stream, 0, 0, 0});
    if (!has_table(stream)) continue;
    auto counts = rows_in_clickhouse(client, stream, athlete);
    if (!counts) return counts.error();
    for (const auto& [rec_id, rows] : *counts) result.streams.back().clickhouse += rows;
    clickhouse[stream] = std::move(*counts);
  }
  auto places = places_in_sessions(client, athlete, result.sessions);
  if (!places) return places.error();

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
      for (const ledger::StreamState& state : recording.streams) {
        result.streams[static_cast<std::size_t>(state.stream) - 1].ledger += state.records;
        if (!has_table(state.stream)) continue;
        auto& counts = clickhouse[state.stream];
        const auto found = counts.find(recording.rec_id);
        const std::uint64_t rows = found == counts.end() ? 0 : found->second;
        if (found != counts.end()) counts.erase(found);
        if (rows != state.loaded_records)
          result.differences.push_back({recording.rec_id, state.stream, state.loaded_records, rows});
      }
    }
    if (page->size() < kPage) break;
  }
  // Rows of recordings that the ledger does not know.
  for (const auto& [stream, counts] : clickhouse) {
    for (const auto& [rec_id, rows] : counts) result.differences.push_back({rec_id, stream, 0, rows});
  }
  const auto counts = ledger.counts();
  if (!counts) return counts.error();
  result.unloaded_chunks = counts->unloaded_chunks;
  return result;
}

}  // namespace boathouse::timeseries
