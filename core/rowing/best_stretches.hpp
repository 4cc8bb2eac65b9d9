// The best stretches of a recording: how fast over a distance, how far in a time, how strong for how long. Counters
// restart at each interval, and rest is not work: no stretch reaches beyond one interval's work. Pure; one thread at a
// time.
//
// Roundings go against the rower, a time up, a distance and a power down: no best says more than was rowed.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "core/rowing/counter_line.hpp"
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

// Time and distance, straight between two moments. A line begins at 0, as counters do.
class ProgressBests {
 public:
  ProgressBests();

  // What comes next is behind a rest.
  void rest() { rested_ = true; }
  // A moment of work. `ends`: of intervals that are told apart by their counters' restart. False: the clock went back
  // within an interval.
  bool work(std::int64_t interval, std::int64_t elapsed_cs, std::int64_t distance_dm, const WorkEnds& ends);
  // After the last one. `end`: of a piece without intervals.
  void finish(const WorkEnds& ends, const std::optional<WorkEnd>& end);

  [[nodiscard]] bool empty() const { return lines_ == 0; }
  // Of all work, each interval's furthest counters added up.
  [[nodiscard]] std::int64_t time_cs() const { return over_.elapsed_cs + run_.elapsed_cs; }
  [[nodiscard]] std::int64_t distance_dm() const { return over_.distance_dm + run_.distance_dm; }
  // The furthest elapsed time of each interval.
  [[nodiscard]] const std::map<std::int64_t, std::int64_t>& ends_cs() const { return ends_cs_; }
  // kNull: no interval is so long.
  [[nodiscard]] const std::array<std::int64_t, kBestDistancesM.size()>& times_cs() const { return times_cs_; }
  [[nodiscard]] const std::array<std::int64_t, kBestTimesS.size()>& distances_dm() const { return distances_dm_; }

 private:
  void close(const WorkEnds& ends);
  void measure();

  CounterLine line_;
  std::uint64_t lines_ = 0;
  std::int64_t interval_ = 0;
  bool rested_ = false;
  WorkEnd over_;  // of counters that have restarted since
  WorkEnd run_;
  std::map<std::int64_t, std::int64_t> ends_cs_;
  std::array<std::int64_t, kBestDistancesM.size()> times_cs_;
  std::array<std::int64_t, kBestTimesS.size()> distances_dm_;
};

// The most that the mean power over so long a time was. A power holds since the moment before it, at most
// kLongestHoldCs; beyond that it is 0.
class PowerBests {
 public:
  PowerBests();

  // `watts` from 0 to 65,535. `ends_cs`: the last power of an interval holds until there, at most kLongestHoldCs.
  void hold(std::int64_t interval, std::int64_t elapsed_cs, std::int64_t watts,
            const std::map<std::int64_t, std::int64_t>& ends_cs);
  void finish(const std::map<std::int64_t, std::int64_t>& ends_cs);

  [[nodiscard]] bool empty() const { return !interval_; }
  // In whole watts; kNull: no interval is so long.
  [[nodiscard]] const std::array<std::int64_t, kPowerDurationsS.size()>& watts() const { return watts_; }

 private:
  void close(const std::map<std::int64_t, std::int64_t>& ends_cs);

  CounterLine line_;  // y: W x 0.01 s
  std::optional<std::int64_t> interval_;
  std::int64_t last_watts_ = 0;
  std::array<std::int64_t, kPowerDurationsS.size()> watts_;
};

}  // namespace boathouse::rowing
