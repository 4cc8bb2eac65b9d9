#include "core/pm5/interval_counter.hpp"

#include <algorithm>

#include "core/pm5/pending_record.hpp"
#include "core/rowing/enumerations.hpp"

namespace boathouse::pm5 {
namespace {

struct Columns {
  std::size_t elapsed = rowing::column_index(rowing::Stream::sample, "elapsed_cs");
  std::size_t distance = rowing::column_index(rowing::Stream::sample, "distance_dm");
  std::size_t workout_type = rowing::column_index(rowing::Stream::sample, "workout_type");
  std::size_t workout_state = rowing::column_index(rowing::Stream::sample, "workout_state");
  std::size_t total_work_distance = rowing::column_index(rowing::Stream::sample, "total_work_distance_m");
};

}  // namespace

bool IntervalCounter::observe_status(const Notification& status) {
  static const Columns kAt;
  const Counters now{value_at(status, kAt.elapsed), value_at(status, kAt.distance)};
  const std::int64_t state = value_at(status, kAt.workout_state);
  intervals_ = has_intervals(value_at(status, kAt.workout_type));
  ended_ = state >= static_cast<std::int64_t>(rowing::WorkoutState::workout_end);
  // The total grows at interval boundaries only.
  if (!counters_ && value_at(status, kAt.total_work_distance) > 0) missed_.reset();
  const bool begins = counters_ && restarted(*counters_, now);
  if (begins) advance();
  counters_ = now;
  return begins;
}

void IntervalCounter::restart_by_stroke(const Counters& counters) {
  advance();
  counters_ = counters;
}

void IntervalCounter::advance() {
  current_ = std::min<std::int64_t>(current_ + 1, 0xFFFF);  // the column's width
}

std::int64_t IntervalCounter::of_split(std::int64_t split_number) {
  if (!intervals_) return current_;
  if (!missed_) {
    const std::int64_t interval = ended_ ? current_ : std::max<std::int64_t>(current_ - 1, 0);
    missed_ = split_number - 1 - interval;
  }
  return std::clamp<std::int64_t>(split_number - 1 - *missed_, 0, current_);
}

}  // namespace boathouse::pm5
