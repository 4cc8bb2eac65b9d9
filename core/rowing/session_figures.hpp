// What a session comes to: totals, bests, a power-duration curve, histograms, signs of trouble. Pure; one
// thread at a time.
//
// Everything is an integer in the wire's own units. A figure says where it is from: the monitor's own word (a summary
// or a split, also as a file states them), or derived here:
//
//   work       of each interval the furthest elapsed time and distance outside of its rest, added up
//   rest       the splits' words; if one is missing, for it the distance and the countdown that the samples showed
//   pace       500 m x time / distance, truncated; power from it (formulas.hpp), as the monitor does
//   average    of stroke rate (work, above 0), heart rate and drag factor: the mean of the samples, rounded half up
//   bests      between any two moments of one interval's work (best_stretches.hpp), by the samples, or the strokes
//   where
//              no sample tells; or a split or a whole piece of just that length, in the monitor's words
//   power      of the strokes, where they tell it, else of the samples' current pace, 0 while nobody rows
//   histogram  a sample's value holds since the sample before it, at most kLongestHoldCs; heart rate at rest counts,
//   pace
//              only while somebody rows
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/rowing/best_stretches.hpp"
#include "core/rowing/interval_watch.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::rowing {

// Of the rules above: a session row that was made by an older version is made again.
inline constexpr std::uint32_t kFiguresVersion = 2;

// Stored: never change or reuse a number.
enum class FigureSource : std::uint8_t { none = 0, monitor = 1, derived = 2 };
enum class PowerSource : std::uint8_t { none = 0, strokes = 1, pace = 2 };

struct Figure {
  std::int64_t value = kNull;
  FigureSource source = FigureSource::none;

  bool operator==(const Figure&) const = default;
};

struct SessionFigures {
  std::int64_t workout_type = kNull;
  std::int64_t erg_machine_type = kNull;
  Figure work_time_cs;
  Figure work_distance_dm;
  Figure rest_time_cs;
  Figure rest_distance_m;
  Figure avg_pace_cs_per_500m;
  Figure avg_power_w;
  Figure max_power_w;  // of a stroke
  Figure avg_stroke_rate_spm;
  Figure avg_heart_rate_bpm;
  Figure min_heart_rate_bpm;
  Figure max_heart_rate_bpm;
  Figure total_calories;
  Figure stroke_count;
  Figure avg_drag_factor;

  std::array<Figure, kBestDistancesM.size()> best_times_cs;
  std::array<Figure, kBestTimesS.size()> best_distances_dm;
  PowerSource power_from = PowerSource::none;
  std::vector<std::int64_t> power_w;  // for the first so many of kPowerDurationsS: no interval is longer
  std::map<std::int64_t, std::int64_t> heart_rate_ms;  // by 1/min
  std::map<std::int64_t, std::int64_t> pace_ms;        // by the whole seconds of the pace per 500 m

  std::int64_t gaps = 0;         // events that say so
  std::int64_t clock_jumps = 0;  // a clock went back: elapsed within an interval's work, at_ms
  bool has_summary = false;      // one that tells a distance

  bool operator==(const SessionFigures&) const = default;
};

// The totals by the names of their columns (server/timeseries/session_columns.hpp). Stored as bits by their place:
// append only.
struct NamedFigure {
  std::string_view name;
  Figure SessionFigures::*figure;
};
inline constexpr std::array<NamedFigure, 14> kTotals{{{"work_time_cs", &SessionFigures::work_time_cs},
                                                      {"work_distance_dm", &SessionFigures::work_distance_dm},
                                                      {"rest_time_cs", &SessionFigures::rest_time_cs},
                                                      {"rest_distance_m", &SessionFigures::rest_distance_m},
                                                      {"avg_pace_cs_per_500m", &SessionFigures::avg_pace_cs_per_500m},
                                                      {"avg_power_w", &SessionFigures::avg_power_w},
                                                      {"max_power_w", &SessionFigures::max_power_w},
                                                      {"avg_stroke_rate_spm", &SessionFigures::avg_stroke_rate_spm},
                                                      {"avg_heart_rate_bpm", &SessionFigures::avg_heart_rate_bpm},
                                                      {"min_heart_rate_bpm", &SessionFigures::min_heart_rate_bpm},
                                                      {"max_heart_rate_bpm", &SessionFigures::max_heart_rate_bpm},
                                                      {"total_calories", &SessionFigures::total_calories},
                                                      {"stroke_count", &SessionFigures::stroke_count},
                                                      {"avg_drag_factor", &SessionFigures::avg_drag_factor}}};

// What a SessionReckoner looks at: the columns of a stream, in no order; none of the others matters. Static storage.
std::span<const std::string_view> figure_columns(Stream stream);

class SessionReckoner {
 public:
  // summary, split, sample, stroke and then the others; records of one stream in their order. Of two records about the
  // same split, of two summaries the later counts.
  void observe(const Record& record);
  // After the last record, once.
  [[nodiscard]] SessionFigures finish();

 private:
  struct Mean {
    std::int64_t sum = 0;
    std::int64_t count = 0;

    void add(std::int64_t value);
    [[nodiscard]] Figure rounded() const;
  };
  struct Rest {  // what one rest showed
    std::int64_t interval = 0;
    std::int64_t distance_m = 0;
    std::int64_t most_left_cs = kNull;
    std::int64_t least_left_cs = kNull;
  };
  struct Rested {  // what those behind an interval came to
    Figure time_cs;
    Figure distance_m;
  };

  void observe_sample(const Record& record);
  std::int64_t observe_silence_cs(std::int64_t at_ms, std::int64_t workout_state);
  void observe_work(const Record& record, bool silence);
  bool is_of_an_interval(const Record& record, bool rests);  // false: of which is not clear
  void observe_rest(const Record& record);
  void observe_calories(const Record& record);
  void observe_times(const Record& record, bool works);
  void observe_stroke(const Record& record);
  [[nodiscard]] std::int64_t interval_at(std::int64_t interval, std::int64_t at_ms) const;
  [[nodiscard]] bool strokes_were_lost(std::int64_t interval, std::int64_t count) const;
  [[nodiscard]] bool splits_are_complete() const;
  [[nodiscard]] std::int64_t workout_type() const;
  [[nodiscard]] std::int64_t summary_value(std::string_view column) const;
  [[nodiscard]] std::optional<WorkEnd> whole_piece() const;  // without intervals, in the summary's words
  [[nodiscard]] const ProgressBests& progress() const;
  const WorkEnds& interval_ends();
  void end_rest();
  void end_samples();
  void take_samples(SessionFigures& figures) const;
  void take_rests(SessionFigures& figures) const;
  void take_summary(SessionFigures& figures) const;
  void take_bests(SessionFigures& figures) const;

  SessionFigures figures_;                 // what is known as it comes
  std::map<std::int64_t, Record> splits_;  // by number
  std::optional<Record> summary_;
  ProgressBests of_samples_;
  ProgressBests of_strokes_;
  PowerBests power_of_pace_;
  PowerBests power_of_strokes_;
  Mean rate_;
  Mean heart_rate_;
  Mean drag_;
  std::int64_t last_at_ms_ = kNull;
  std::int64_t last_elapsed_cs_ = kNull;
  std::int64_t last_state_ms_ = kNull;  // of the last sample that had the workout's state
  std::int64_t last_interval_ = 0;
  IntervalWatch watch_;
  // Intervals that began in silences and that the recorder did not count: the middle of each silence. What came later
  // has so many intervals more before it (interval_at).
  std::vector<std::int64_t> uncounted_ms_;
  bool ended_in_silence_ = false;
  std::optional<Rest> rest_;
  std::map<std::int64_t, Rested> rests_;  // by interval, as the recorder counted
  std::int64_t calories_over_ = 0;        // of intervals that are over
  std::int64_t calories_ = kNull;         // of the running one
  bool calories_restart_ = false;
  std::int64_t last_stroke_interval_ = kNull;
  std::int64_t last_stroke_count_ = kNull;
  std::vector<std::uint64_t> stroke_keys_;
  std::int64_t strokes_without_key_ = 0;
  WorkEnds ends_;
  bool ends_known_ = false;
  bool samples_ended_ = false;
};

}  // namespace boathouse::rowing
