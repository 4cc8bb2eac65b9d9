// The best stretches of a recording: how fast over a distance, how far in a time, how strong for how long. Counters
// restart at each interval, and rest is not work: no stretch reaches beyond one interval's work. Pure; one thread at a
// time.
//
// Roundings go against the rower, a time up, a distance and a power down, and so does what was not heard: no best says
// more than was rowed.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "core/rowing/counter_line.hpp"
#include "core/rowing/interval_watch.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::rowing {

inline constexpr std::array<std::int64_t, 7> kBestDistancesM{500, 1000, 2000, 5000, 6000, 10'000, 21'097};
inline constexpr std::array<std::int64_t, 4> kBestTimesS{60, 240, 1800, 3600};
inline constexpr std::array<std::int64_t, 14> kPowerDurationsS{1,   2,   5,   10,  20,   30,   60,
                                                               120, 240, 300, 600, 1200, 1800, 3600};
inline constexpr std::int64_t kLongestHoldCs = 1000;  // below 6 strokes a minute nobody rows

// Where the monitor says that an interval's work ended.
struct WorkEnd {
  std::int64_t elapsed_cs = 0;
  std::int64_t distance_dm = 0;
};
using WorkEnds = std::map<std::int64_t, WorkEnd>;  // by interval

// How far an interval's work went.
struct Reached {
  std::int64_t elapsed_cs = 0;
  std::int64_t silent_until_cs = 0;  // the end of the last silence in it; 0 = there was none

  bool operator==(const Reached&) const = default;
};
using ReachedEnds = std::map<std::int64_t, Reached>;  // by interval

// Time and distance, straight between two moments that are no silence apart. A line begins at 0, as counters do.
class ProgressBests {
 public:
  ProgressBests();

  // What comes next is behind a rest.
  void rest() { rested_ = true; }
  // What comes next is of another interval, however high its counters are.
  void end_interval(const WorkEnds& ends);
  // A moment of work. `ends`: of intervals that are told apart by their counters' restart. False: the clock went back
  // within an interval.
  bool work(std::int64_t interval, std::int64_t elapsed_cs, std::int64_t distance_dm, const WorkEnds& ends);
  // After the last one. `end`: of a piece without intervals.
  void finish(const WorkEnds& ends, const std::optional<WorkEnd>& end);

  [[nodiscard]] bool empty() const { return lines_ == 0; }
  // How many times work began, from 0 or behind a break.
  [[nodiscard]] std::uint64_t lines() const { return lines_; }
  // An interval that began from 0; a lap whose counters went on did not.
  [[nodiscard]] bool begins(std::int64_t interval) const { return begun_.contains(interval); }
  // Of all work, each interval's furthest counters added up.
  [[nodiscard]] std::int64_t time_cs() const { return over_.elapsed_cs + run_.elapsed_cs; }
  [[nodiscard]] std::int64_t distance_dm() const { return over_.distance_dm + run_.distance_dm; }
  [[nodiscard]] const ReachedEnds& reached() const { return reached_; }
  // kNull: no interval is so long.
  [[nodiscard]] const std::array<std::int64_t, kBestDistancesM.size()>& times_cs() const { return times_cs_; }
  [[nodiscard]] const std::array<std::int64_t, kBestTimesS.size()>& distances_dm() const { return distances_dm_; }

 private:
  void reach(std::int64_t interval, const WorkEnd& moment);
  void close(const WorkEnds& ends);
  void measure();

  CounterLine line_{kSilenceCs};
  std::uint64_t lines_ = 0;
  std::int64_t interval_ = 0;
  bool rested_ = false;
  bool ended_ = false;  // what comes next is of another interval
  WorkEnd over_;        // of counters that have restarted since
  WorkEnd run_;
  ReachedEnds reached_;
  std::set<std::int64_t> begun_;
  std::array<std::int64_t, kBestDistancesM.size()> times_cs_;
  std::array<std::int64_t, kBestTimesS.size()> distances_dm_;
};

// The most that the mean power over so long a time was. A power holds since the moment before it, at most
// kLongestHoldCs; beyond that it is 0.
class PowerBests {
 public:
  PowerBests();

  // `watts` from 0 to 65,535. `ends`: the last power of an interval holds until there, at most kLongestHoldCs, and not
  // into a silence. `lost`: others before it were not heard; if it was for longer than kLongestHoldCs, this one says
  // nothing of before.
  void hold(std::int64_t interval, std::int64_t elapsed_cs, std::int64_t watts, const ReachedEnds& ends,
            bool lost = false);
  // What comes next is of another interval or behind a break, or nothing does.
  void finish(const ReachedEnds& ends);

  [[nodiscard]] bool empty() const { return !interval_; }
  // In whole watts; kNull: no interval is so long.
  [[nodiscard]] const std::array<std::int64_t, kPowerDurationsS.size()>& watts() const { return watts_; }

 private:
  void close(const ReachedEnds& ends);

  CounterLine line_;  // y: W x 0.01 s
  std::optional<std::int64_t> interval_;
  std::int64_t last_watts_ = 0;
  std::array<std::int64_t, kPowerDurationsS.size()> watts_;
};

}  // namespace boathouse::rowing
