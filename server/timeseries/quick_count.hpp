// What queries count of an athlete's recordings, for an answer that must not wait for ClickHouse: in a bounded time or
// not at all, a few at once, and when ClickHouse could not be asked it is left alone for a while. So a ClickHouse that
// hangs takes little of the threads that uploads need too.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "core/base/clock.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::timeseries {

class QuickCount {
 public:
  struct Options {
    std::int64_t within_ms = 2'000;  // one call of count(), all streams together
    int at_once = 4;
    std::int64_t rest_ms = 10'000;  // after a call that failed
  };
  using Records = std::map<rowing::Stream, std::map<base::Uuid, std::uint64_t>>;

  // Both must outlive it.
  QuickCount(ClickHouseClient& client, base::Clock& clock, Options options);

  // Of each stream and recording how many different records before this number there are; one query a stream, which
  // must be one that has a table. nullopt: not to be known now. Any thread.
  std::optional<Records> count(const base::Uuid& athlete, const Records& up_to);

 private:
  bool begin();
  void end(bool counted);

  ClickHouseClient& client_;
  base::Clock& clock_;
  const Options options_;

  std::mutex mutex_;
  int running_ = 0;
  std::int64_t rests_until_ms_ = 0;  // monotonic
};

}  // namespace boathouse::timeseries
