#include "core/rowing/best_stretches.hpp"

#include <algorithm>

namespace boathouse::rowing {
namespace {

// A fall of less than this is a record that was overtaken on its way.
constexpr std::int64_t kOvertakenCs = 200;

}  // namespace

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
  const bool restarted = (far_back && distance_fell) || (other_interval && (time_fell || distance_fell || rested_));
  if (!line_.empty() && (restarted || far_back || rested_)) close(ends);
  if (restarted) {
    over_.elapsed_cs += run_.elapsed_cs;
    over_.distance_dm += run_.distance_dm;
    run_ = {};
  }
  if (line_.empty()) {
    ++lines_;
    if (restarted || lines_ == 1) line_.append(0, 0);
  }
  line_.append(elapsed_cs, distance_dm);
  run_.elapsed_cs = std::max(run_.elapsed_cs, elapsed_cs);
  run_.distance_dm = std::max(run_.distance_dm, distance_dm);
  std::int64_t& end_cs = ends_cs_[interval];
  end_cs = std::max(end_cs, elapsed_cs);
  interval_ = interval;
  rested_ = false;
  return !far_back || restarted;
}

void ProgressBests::close(const WorkEnds& ends) {
  const auto end = ends.find(interval_);
  if (end != ends.end() && end->second.elapsed_cs >= line_.last_x()) {
    // A split's distance is in whole metres.
    line_.append(end->second.elapsed_cs, std::max(end->second.distance_dm, line_.last_y()));
    ends_cs_[interval_] = end->second.elapsed_cs;
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
    line_.append(end->elapsed_cs, end->distance_dm);
    ends_cs_[interval_] = end->elapsed_cs;
  }
  close(ends);
}

PowerBests::PowerBests() { watts_.fill(kNull); }

void PowerBests::hold(std::int64_t interval, std::int64_t elapsed_cs, std::int64_t watts,
                      const std::map<std::int64_t, std::int64_t>& ends_cs) {
  if (!line_.empty() && elapsed_cs <= line_.last_x()) {
    // A record that came late, not a restart.
    if (interval == interval_ && elapsed_cs + kLongestHoldCs > line_.last_x()) return;
    close(ends_cs);
  }
  if (line_.empty()) line_.append(std::max<std::int64_t>(elapsed_cs - kLongestHoldCs, 0), 0);
  interval_ = interval;
  last_watts_ = watts;
  const std::int64_t since = std::max(line_.last_x(), elapsed_cs - kLongestHoldCs);
  const std::int64_t done = line_.last_y();
  line_.append(since, done);
  line_.append(elapsed_cs, done + watts * (elapsed_cs - since));
}

void PowerBests::close(const std::map<std::int64_t, std::int64_t>& ends_cs) {
  const auto end = ends_cs.find(*interval_);
  if (end != ends_cs.end() && end->second > line_.last_x()) {
    const std::int64_t until = std::min(end->second, line_.last_x() + kLongestHoldCs);
    line_.append(until, line_.last_y() + last_watts_ * (until - line_.last_x()));
  }
  for (std::size_t i = 0; i < kPowerDurationsS.size(); ++i) {
    const std::int64_t span_cs = kPowerDurationsS[i] * 100;
    const auto work = line_.most_within(span_cs);
    if (work) watts_[i] = std::max(watts_[i], *work / span_cs);
  }
  line_.clear();
}

void PowerBests::finish(const std::map<std::int64_t, std::int64_t>& ends_cs) {
  if (!line_.empty()) close(ends_cs);
}

}  // namespace boathouse::rowing
