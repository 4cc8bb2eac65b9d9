#include "core/rowing/best_stretches.hpp"

#include <algorithm>
#include <limits>

namespace boathouse::rowing {

ProgressBests::ProgressBests() {
  times_cs_.fill(kNull);
  distances_dm_.fill(kNull);
}

bool ProgressBests::work(std::int64_t interval, std::int64_t elapsed_cs, std::int64_t distance_dm,
                         const WorkEnds& ends) {
  const bool other_interval = lines_ > 0 && interval != interval_;
  const bool time_fell = !line_.empty() && elapsed_cs < line_.last_x();
  const bool distance_fell = !line_.empty() && distance_dm < line_.last_y();
  const bool far_back = time_fell && elapsed_cs + kOvertakenCs < line_.last_x();
  if (!other_interval && !far_back && (time_fell || distance_fell)) return true;
  // A file may call laps intervals, whose counters go on.
  const bool restarted =
      ended_ || (far_back && distance_fell) || (other_interval && (time_fell || distance_fell || rested_));
  if (!line_.empty() && (restarted || far_back || rested_)) close(ends);
  if (restarted) {
    over_.elapsed_cs += run_.elapsed_cs;
    over_.distance_dm += run_.distance_dm;
    run_ = {};
  }
  if (line_.empty()) {
    ++lines_;
    if (restarted || lines_ == 1) {
      line_.append(0, 0);
      begun_.insert(interval);
    }
  }
  reach(interval, {elapsed_cs, distance_dm});
  run_.elapsed_cs = std::max(run_.elapsed_cs, elapsed_cs);
  run_.distance_dm = std::max(run_.distance_dm, distance_dm);
  interval_ = interval;
  rested_ = ended_ = false;
  return !far_back || restarted;
}

void ProgressBests::end_interval(const WorkEnds& ends) {
  if (!line_.empty()) {
    close(ends);
    // Its last power was not the last one.
    if (!rested_) reached_[interval_].silent_until_cs = std::numeric_limits<std::int64_t>::max();
  }
  ended_ = lines_ > 0;
}

void ProgressBests::reach(std::int64_t interval, const WorkEnd& moment) {
  Reached& reached = reached_[interval];
  reached.elapsed_cs = std::max(reached.elapsed_cs, moment.elapsed_cs);
  if (!line_.empty() && moment.elapsed_cs - line_.last_x() > kSilenceCs) reached.silent_until_cs = moment.elapsed_cs;
  line_.append(moment.elapsed_cs, moment.distance_dm);
}

void ProgressBests::close(const WorkEnds& ends) {
  const auto end = ends.find(interval_);
  if (end != ends.end() && end->second.elapsed_cs >= line_.last_x()) {
    // A split's distance is in whole metres.
    reach(interval_, {end->second.elapsed_cs, std::max(end->second.distance_dm, line_.last_y())});
  }
  measure();
  line_.clear();
}

void ProgressBests::measure() {
  for (std::size_t i = 0; i < kBestDistancesM.size(); ++i) {
    const auto time_cs = line_.least_for(kBestDistancesM[i] * 10);
    if (time_cs && (times_cs_[i] == kNull || *time_cs < times_cs_[i])) times_cs_[i] = *time_cs;
  }
  for (std::size_t i = 0; i < kBestTimesS.size(); ++i) {
    const auto distance_dm = line_.most_within(kBestTimesS[i] * 100);
    if (distance_dm) distances_dm_[i] = std::max(distances_dm_[i], *distance_dm);
  }
}

void ProgressBests::finish(const WorkEnds& ends, const std::optional<WorkEnd>& end) {
  if (line_.empty()) return;
  if (end && lines_ == 1 && end->elapsed_cs >= line_.last_x() && end->distance_dm >= line_.last_y()) {
    reach(interval_, *end);
  }
  close(ends);
}

PowerBests::PowerBests() { watts_.fill(kNull); }

void PowerBests::hold(std::int64_t interval, std::int64_t elapsed_cs, std::int64_t watts, const ReachedEnds& ends,
                      bool lost) {
  if (!line_.empty() && elapsed_cs <= line_.last_x()) {
    // A record that came late, not a restart.
    if (interval == interval_ && elapsed_cs + kLongestHoldCs > line_.last_x()) return;
    close(ends);
  }
  const std::int64_t before_cs = line_.empty() ? 0 : line_.last_x();
  const bool unheard = lost && elapsed_cs - before_cs > kLongestHoldCs;
  const std::int64_t held_since = unheard ? elapsed_cs : std::max(before_cs, elapsed_cs - kLongestHoldCs);
  if (line_.empty()) line_.append(held_since, 0);
  interval_ = interval;
  last_watts_ = watts;
  const std::int64_t done = line_.last_y();
  line_.append(held_since, done);
  line_.append(elapsed_cs, done + watts * (elapsed_cs - held_since));
}

void PowerBests::close(const ReachedEnds& ends) {
  const auto end = ends.find(*interval_);
  const bool is_heard = end != ends.end() && end->second.silent_until_cs <= line_.last_x();
  if (is_heard && end->second.elapsed_cs > line_.last_x()) {
    const std::int64_t until = std::min(end->second.elapsed_cs, line_.last_x() + kLongestHoldCs);
    line_.append(until, line_.last_y() + last_watts_ * (until - line_.last_x()));
  }
  for (std::size_t i = 0; i < kPowerDurationsS.size(); ++i) {
    const std::int64_t span_cs = kPowerDurationsS[i] * 100;
    const auto work = line_.most_within(span_cs);
    if (work) watts_[i] = std::max(watts_[i], *work / span_cs);
  }
  line_.clear();
}

void PowerBests::finish(const ReachedEnds& ends) {
  if (!line_.empty()) close(ends);
}

}  // namespace boathouse::rowing
