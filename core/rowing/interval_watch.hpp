// Whether an interval ended while nothing was heard of the monitor. Counters that fell say it themselves; this is about
// those that are higher than they were left. Pure; one thread at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "core/rowing/record.hpp"

namespace boathouse::rowing {

// Nothing for longer than this is a silence: the monitor sends several samples a second, in every state.
inline constexpr std::int64_t kSilenceCs = 1000;
// What came so much later than it was sent, or earlier than what it overtook, is still in its place.
inline constexpr std::int64_t kOvertakenCs = 200;

// What a sample shows of where the workout is; kNull = it does not.
struct IntervalMoment {
  std::int64_t at_ms = kNull;                  // monotonic, at receipt
  std::int64_t interval = kNull;               // as the recorder counted
  std::int64_t elapsed_cs = kNull;             // of the interval
  std::int64_t distance_dm = kNull;            // of the interval
  std::int64_t total_work_distance_m = kNull;  // of the intervals that are over
  std::int64_t interval_count = kNull;         // the monitor's own; has two for an interval and its rest
  bool rests = false;
};

class IntervalWatch {
 public:
  enum class Verdict : std::uint8_t {
    goes_on,
    another,  // an interval began in a silence
    unclear   // it may have, or the interval has just ended: of no use for either
  };

  // Of a workout of intervals. Another interval needs a silence that is as long as its own clock shows, and one of
  // these: work behind a rest, another number of the interval (the recorder's or the monitor's), or a total of finished
  // work that grew by more than what this interval, if it has just ended, brought to it.
  Verdict observe(const IntervalMoment& now);
  // The last moment was of a rest.
  [[nodiscard]] bool rested() const { return last_ && last_->rests; }

 private:
  std::optional<IntervalMoment> last_;
};

}  // namespace boathouse::rowing
