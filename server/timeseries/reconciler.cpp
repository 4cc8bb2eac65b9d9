#include "server/timeseries/reconciler.hpp"

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

base::Result<std::uint64_t> session_rows(ClickHouseClient& client, const std::optional<base::Uuid>& athlete) {
  const auto block = athlete ? client.select("SELECT count() AS n FROM session FINAL WHERE athlete = {athlete:UUID}",
                                             {{"athlete", athlete->text()}})
                             : client.select("SELECT count() AS n FROM session FINAL");
  if (!block) return block.error();
  return static_cast<std::uint64_t>(block->integer("n", 0));
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
  const auto sessions = session_rows(client, athlete);
  if (!sessions) return sessions.error();
  result.sessions = *sessions;

  std::optional<base::Uuid> after;
  constexpr std::size_t kPage = 500;
  while (true) {
    const auto page = ledger.recordings(athlete, after, kPage);
    if (!page) return page.error();
    for (const ledger::RecordingState& recording : *page) {
      ++result.recordings;
      after = recording.rec_id;
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
