#include "core/pm5/interval_counter.hpp"

#include <algorithm>

#include "core/pm5/pending_record.hpp"
#include "core/rowing/enumerations.hpp"

namespace boathouse::pm5 {
namespace {

constexpr std::int64_t kMaxInterval = 0xFFFF;  // the column's width

struct CounterColumns {
  std::size_t elapsed = rowing::column_index(rowing::Stream::sample, "elapsed_cs");
  std::size_t distance = rowing::column_index(rowing::Stream::sample, "distance_dm");
  std::size_t workout_type = rowing::column_index(rowing::Stream::sample, "workout_type");
  std::size_t workout_state = rowing::column_index(rowing::Stream::sample, "workout_state");
  std::size_t total_work_distance = rowing::column_index(rowing::Stream::sample, "total_work_distance_m");
};

bool is_silence(std::int64_t from_ms, std::int64_t to_ms) { return (to_ms - from_ms) / 10 > rowing::kSilenceCs; }

}  // namespace

IntervalCounter::Begin IntervalCounter::observe_status(const Notification& status, std::int64_t at_ms) {
  static const CounterColumns kAt;
  const Counters now{value_at(status, kAt.elapsed), value_at(status, kAt.distance)};
  const std::int64_t state = value_at(status, kAt.workout_state);
  const std::int64_t total_m = value_at(status, kAt.total_work_distance);
  intervals_ = has_intervals(value_at(status, kAt.workout_type));
  ended_ = state >= static_cast<std::int64_t>(rowing::WorkoutState::workout_end);
  // The total grows at interval boundaries only.
  if (!counters_ && total_m > 0) missed_.reset();
  const bool rests = rowing::is_rest(state) || (ended_ && watch_.rested());  // a piece can end in its rest
  const bool unheard = intervals_ && watch_.observe({.at_ms = at_ms,
                                                     .elapsed_cs = now.elapsed_cs,
                                                     .distance_dm = now.distance_dm,
                                                     .total_work_distance_m = total_m,
                                                     .rests = rests}) == rowing::IntervalWatch::Verdict::another;
  const bool fell = counters_ && restarted(*counters_, now);
  const bool silence = is_silence(last_status_ms_, at_ms);
  counters_ = now;
  last_status_ms_ = at_ms;
  if (!fell && !unheard) return Begin::none;
  advance(silence);
  return silence ? Begin::in_silence : Begin::heard;
}

void IntervalCounter::restart_by_stroke(const Counters& counters, std::int64_t at_ms) {
  advance(is_silence(last_status_ms_, at_ms));
  counters_ = counters;
  watch_ = {};  // the next status is of the interval that is counted here
}

void IntervalCounter::advance(bool in_silence) {
  current_ = std::min(current_ + 1, kMaxInterval);
  if (in_silence) missed_.reset();  // it may have been more than one
}

std::int64_t IntervalCounter::of_split(std::int64_t split_number, std::int64_t elapsed_cs) {
  if (!intervals_) return current_;
  if (!missed_) {
    const bool restarts = counters_ && elapsed_cs + kReorderToleranceCs < counters_->elapsed_cs;
    const bool of_current = ended_ || watch_.rested() || restarts;
    const std::int64_t interval = of_current ? current_ : std::max<std::int64_t>(current_ - 1, 0);
    missed_ = split_number - 1 - interval;
  }
  return std::clamp<std::int64_t>(split_number - 1 - *missed_, 0, kMaxInterval);
}

}  // namespace boathouse::pm5
