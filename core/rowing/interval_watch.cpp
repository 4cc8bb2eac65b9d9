#include "core/rowing/interval_watch.hpp"

#include <cstdlib>

namespace boathouse::rowing {
namespace {

constexpr std::int64_t kRoundingM = 2;  // the total is in whole metres, and a little newer than the distance

bool differ(std::int64_t a, std::int64_t b) { return a != kNull && b != kNull && a != b; }

bool could_restart_between(const IntervalMoment& before, const IntervalMoment& now) {
  if (before.at_ms == kNull || now.at_ms == kNull) return false;
  const std::int64_t silent_cs = (now.at_ms - before.at_ms) / 10;
  return silent_cs > kSilenceCs && silent_cs + kOvertakenCs >= now.elapsed_cs;
}

IntervalWatch::Verdict judge(const IntervalMoment& before, const IntervalMoment& now) {
  using enum IntervalWatch::Verdict;
  if (!could_restart_between(before, now)) return goes_on;
  if (differ(before.interval, now.interval) || (before.rests && !now.rests)) return another;
  if (differ(before.total_work_distance_m, now.total_work_distance_m)) {
    const std::int64_t surplus_m =
        now.total_work_distance_m - before.total_work_distance_m - now.distance_dm / 10;  // over this interval's own
    const bool is_its_own = std::abs(surplus_m) <= kRoundingM;
    if (before.rests) return surplus_m >= -kRoundingM ? another : goes_on;  // its own was in the total before
    if (is_its_own) return now.rests ? goes_on : unclear;
    return another;
  }
  const bool same_phase = before.rests == now.rests;
  return same_phase && differ(before.interval_count, now.interval_count) ? another : goes_on;
}

}  // namespace

IntervalWatch::Verdict IntervalWatch::observe(const IntervalMoment& now) {
  const Verdict verdict = last_ ? judge(*last_, now) : Verdict::goes_on;
  if (verdict != Verdict::unclear) last_ = now;
  return verdict;
}

}  // namespace boathouse::rowing
