#include "server/timeseries/quick_count.hpp"

#include <string>
#include <utility>

namespace boathouse::timeseries {
namespace {

// Distinct positions, as queries show them.
base::Result<std::map<base::Uuid, std::uint64_t>> rows_before(ClickHouseClient& client, const base::Uuid& athlete,
                                                              rowing::Stream stream,
                                                              const std::map<base::Uuid, std::uint64_t>& up_to,
                                                              std::int64_t within_ms) {
  std::string recordings;
  std::string limits;
  std::map<base::Uuid, std::uint64_t> counts;
  for (const auto& [rec_id, limit] : up_to) {
    recordings += (recordings.empty() ? "'" : ",'") + rec_id.text() + "'";
    limits += (limits.empty() ? "" : ",") + std::to_string(limit);
    counts[rec_id] = 0;
  }
  const auto block = client.select(
      "SELECT rec_id, count() AS n FROM " + std::string(rowing::name(stream)) +
          " FINAL WHERE athlete = {athlete:UUID} AND rec_id IN {recordings:Array(UUID)}"
          " AND seq < transform(rec_id, {recordings:Array(UUID)}, {limits:Array(UInt64)}, 0) GROUP BY rec_id",
      {{"athlete", athlete.text()}, {"recordings", "[" + recordings + "]"}, {"limits", "[" + limits + "]"}}, within_ms);
  if (!block) return block.error();
  for (std::size_t row = 0; row < block->rows; ++row) {
    counts[block->find("rec_id")->uuids[row]] = static_cast<std::uint64_t>(block->integer("n", row));
  }
  return counts;
}

}  // namespace

QuickCount::QuickCount(ClickHouseClient& client, base::Clock& clock, Options options)
    : client_(client), clock_(clock), options_(options) {}

bool QuickCount::begin() {
  const std::lock_guard lock(mutex_);
  if (running_ >= options_.at_once || clock_.monotonic_ms() < rests_until_ms_) return false;
  ++running_;
  return true;
}

void QuickCount::end(bool counted) {
  const std::lock_guard lock(mutex_);
  --running_;
  if (!counted) rests_until_ms_ = clock_.monotonic_ms() + options_.rest_ms;
}

std::optional<QuickCount::Records> QuickCount::count(const base::Uuid& athlete, const Records& up_to) {
  if (!begin()) return std::nullopt;
  const std::int64_t until = clock_.monotonic_ms() + options_.within_ms;
  std::optional<Records> counted = Records();
  for (const auto& [stream, recordings] : up_to) {
    const std::int64_t left = until - clock_.monotonic_ms();
    auto rows = left > 0 ? rows_before(client_, athlete, stream, recordings, left)
                         : base::Error{base::ErrorCode::unavailable, "no time is left"};
    if (!rows) {
      counted.reset();
      break;
    }
    (*counted)[stream] = std::move(*rows);
  }
  end(counted.has_value());
  return counted;
}

}  // namespace boathouse::timeseries
