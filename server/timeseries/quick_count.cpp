#include "server/timeseries/quick_count.hpp"

#include <set>
#include <string>
#include <utility>

namespace boathouse::timeseries {
namespace {

// Distinct positions, as queries show them. By the whole key of the tables: without the start all rows of the athlete
// would be read for a few short recordings.
base::Result<std::map<base::Uuid, std::uint64_t>> rows_before(ClickHouseClient& client, const base::Uuid& athlete,
                                                              rowing::Stream stream,
                                                              const std::map<base::Uuid, std::uint64_t>& up_to,
                                                              const QuickCount::Starts& started_ms,
                                                              std::int64_t within_ms) {
  std::string keys;
  std::string recordings;
  std::string limits;
  std::map<base::Uuid, std::uint64_t> counts;
  for (const auto& [rec_id, limit] : up_to) {
    const std::string comma = counts.empty() ? "" : ",";
    keys += comma + "(" + std::to_string(started_ms.at(rec_id)) + ",'" + rec_id.text() + "')";
    recordings += comma + "'" + rec_id.text() + "'";
    limits += comma + std::to_string(limit);
    counts[rec_id] = 0;
  }
  const auto block = client.select(
      "SELECT rec_id, count() AS n FROM " + std::string(rowing::name(stream)) +
          " FINAL WHERE athlete = {athlete:UUID} AND (started, rec_id) IN (SELECT fromUnixTimestamp64Milli(key.1, "
          "'UTC'), key.2 FROM (SELECT arrayJoin({keys:Array(Tuple(Int64, UUID))}) AS key))"
          " AND seq < transform(rec_id, {recordings:Array(UUID)}, {limits:Array(UInt64)}, 0) GROUP BY rec_id "
          "SETTINGS max_threads = 1",
      {{"athlete", athlete.text()},
       {"keys", "[" + keys + "]"},
       {"recordings", "[" + recordings + "]"},
       {"limits", "[" + limits + "]"}},
      {.within_ms = within_ms});
  if (!block) return block.error();
  for (std::size_t row = 0; row < block->rows; ++row) {
    counts[block->find("rec_id")->uuids[row]] = static_cast<std::uint64_t>(block->integer("n", row));
  }
  return counts;
}

}  // namespace

QuickCount::QuickCount(ClickHouseClient& client, base::Clock& clock, Options options)
    : client_(client), clock_(clock), options_(options) {}

bool QuickCount::begin(const base::Uuid& athlete) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.monotonic_ms();
  std::erase_if(rests_until_ms_, [now](const auto& one) { return one.second <= now; });
  if (asking_.size() >= options_.at_once || now < all_rest_until_ms_ || rests_until_ms_.contains(athlete)) return false;
  return asking_.insert(athlete).second;
}

void QuickCount::end(const base::Uuid& athlete, Rests rests) {
  const std::lock_guard lock(mutex_);
  asking_.erase(athlete);
  const std::int64_t until = clock_.monotonic_ms() + options_.rest_ms;
  if (rests == Rests::all) all_rest_until_ms_ = until;
  if (rests == Rests::athlete) rests_until_ms_[athlete] = until;
}

QuickCount::Records QuickCount::within_budget(const Records& up_to, const Starts& started_ms) const {
  std::map<base::Uuid, std::uint64_t> rows;
  for (const auto& [stream, recordings] : up_to) {
    for (const auto& [rec_id, limit] : recordings) {
      if (started_ms.contains(rec_id)) rows[rec_id] += limit;
    }
  }
  std::uint64_t sum = 0;
  std::set<base::Uuid> chosen;
  for (const auto& [rec_id, of_recording] : rows) {
    if (!chosen.empty() && sum + of_recording > options_.max_rows) break;
    sum += of_recording;
    chosen.insert(rec_id);
  }
  Records within;
  for (const auto& [stream, recordings] : up_to) {
    for (const auto& [rec_id, limit] : recordings) {
      if (chosen.contains(rec_id)) within[stream][rec_id] = limit;
    }
  }
  return within;
}

QuickCount::Records QuickCount::count(const base::Uuid& athlete, const Records& up_to, const Starts& started_ms) {
  if (!begin(athlete)) return {};
  const std::int64_t until = clock_.monotonic_ms() + options_.within_ms;
  Records counted;
  Rests rests = Rests::nobody;
  for (const auto& [stream, recordings] : within_budget(up_to, started_ms)) {
    const std::int64_t left = until - clock_.monotonic_ms();
    auto rows = left > 0 ? rows_before(client_, athlete, stream, recordings, started_ms, left)
                         : base::Error{base::ErrorCode::unavailable, "no time is left"};
    if (!rows) {
      rests = left <= 0 || is_too_much(rows.error()) ? Rests::athlete : Rests::all;
      counted.clear();
      break;
    }
    counted[stream] = std::move(*rows);
  }
  end(athlete, rests);
  return counted;
}

}  // namespace boathouse::timeseries
