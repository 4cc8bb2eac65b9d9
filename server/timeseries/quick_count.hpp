// What queries count of an athlete's recordings, for an answer that must not wait for ClickHouse: in a bounded time or
// not at all, and a few at once. A ClickHouse that is away is left alone for a while, so that one that hangs takes
// little of the threads that uploads need too; an athlete whose rows are too many for the time rests alone.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>

#include "core/base/clock.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::timeseries {

class QuickCount {
 public:
  struct Options {
    std::int64_t within_ms = 2'000;  // one call of count(), all streams together
    std::size_t at_once = 4;         // one of each athlete, on one processor: others wait for their acknowledgements
    std::int64_t rest_ms = 10'000;   // after a call that failed
    // Of one call, together: what ClickHouse counts in that time on a busy machine. One recording may have more.
    std::uint64_t max_rows = 2'000'000;
  };
  using Records = std::map<rowing::Stream, std::map<base::Uuid, std::uint64_t>>;
  using Starts = std::map<base::Uuid, std::int64_t>;

  // Both must outlive it.
  QuickCount(ClickHouseClient& client, base::Clock& clock, Options options);

  // Of each stream and recording how many different records before this number there are; one query a stream, which
  // must be one that has a table. `started_ms`: the recordings' first stored starts, UTC, as in the key of their rows;
  // only rows with that key count, as in queries, and one without a start is not counted. The first recordings that
  // max_rows has room for, each with all of its streams: what is missing is not to be known now, and if ClickHouse does
  // not answer that is all. Any thread.
  Records count(const base::Uuid& athlete, const Records& up_to, const Starts& started_ms);

 private:
  enum class Rests : std::uint8_t { nobody, athlete, all };
  bool begin(const base::Uuid& athlete);
  void end(const base::Uuid& athlete, Rests rests);
  [[nodiscard]] Records within_budget(const Records& up_to, const Starts& started_ms) const;

  ClickHouseClient& client_;
  base::Clock& clock_;
  const Options options_;

  std::mutex mutex_;
  std::set<base::Uuid> asking_;
  std::int64_t all_rest_until_ms_ = 0;                 // monotonic
  std::map<base::Uuid, std::int64_t> rests_until_ms_;  // those whose rows were too many
};

}  // namespace boathouse::timeseries
