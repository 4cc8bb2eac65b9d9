// Counts the intervals of a recording by the restarts of the monitor's counters, heard or not, and says to which one a
// split belongs.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "core/pm5/notification.hpp"
#include "core/pm5/piece_counters.hpp"
#include "core/rowing/interval_watch.hpp"

namespace boathouse::pm5 {

class IntervalCounter {
 public:
  enum class Begin : std::uint8_t { none, heard, in_silence };
  // 0x31. Whether an interval has begun since the last one.
  Begin observe_status(const Notification& status, std::int64_t at_ms);
  // The strokes tell that the counters restarted, where the 0x31 that would have told it was lost.
  void restart_by_stroke(const Counters& counters, std::int64_t at_ms);

  // From 0; what a record that comes now belongs to.
  [[nodiscard]] std::int64_t current() const { return current_; }
  // The latest counters of the current interval; nullopt before the first 0x31.
  [[nodiscard]] const std::optional<Counters>& counters() const { return counters_; }
  // A split of an interval piece comes when the counters have restarted already, so its number tells the interval.
  // Where nobody knows how many intervals were missed, it is the one before the current, or, before the 0x31 that tells
  // the restart, the current one.
  std::int64_t of_split(std::int64_t split_number, std::int64_t elapsed_cs);

 private:
  void advance(bool in_silence);

  std::int64_t current_ = 0;
  std::optional<Counters> counters_;
  bool intervals_ = false;  // the workout type has them
  bool ended_ = false;      // the piece is over: no restart stands between a split and its interval
  rowing::IntervalWatch watch_;
  std::int64_t last_status_ms_ = 0;
  // Intervals of which nothing was heard: over when the recording began, or begun and ended in a silence. nullopt = no
  // split has told yet.
  std::optional<std::int64_t> missed_ = 0;
};

}  // namespace boathouse::pm5
