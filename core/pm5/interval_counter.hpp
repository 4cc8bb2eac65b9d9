// Counts the intervals of a recording by the restarts of the monitor's counters, and says to which one a split belongs.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "core/pm5/notification.hpp"
#include "core/pm5/piece_counters.hpp"

namespace boathouse::pm5 {

class IntervalCounter {
 public:
  // 0x31. True when a new interval has just begun.
  bool observe_status(const Notification& status);
  // The strokes tell that the counters restarted, where the 0x31 that would have told it was lost.
  void restart_by_stroke(const Counters& counters);

  // From 0; what a record that comes now belongs to.
  [[nodiscard]] std::int64_t current() const { return current_; }
  // The latest counters of the current interval; nullopt before the first 0x31.
  [[nodiscard]] const std::optional<Counters>& counters() const { return counters_; }
  // A split of an interval piece comes when the counters have restarted already, so its number tells the interval.
  std::int64_t of_split(std::int64_t split_number);

 private:
  void advance();

  std::int64_t current_ = 0;
  std::optional<Counters> counters_;
  bool intervals_ = false;  // the workout type has them
  bool ended_ = false;      // the piece is over: no restart stands between a split and its interval
  // Intervals that were over when the recording began; nullopt = the recorder joined in the middle and no split has
  // told yet.
  std::optional<std::int64_t> missed_ = 0;
};

}  // namespace boathouse::pm5
