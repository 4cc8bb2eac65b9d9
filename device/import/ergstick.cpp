#include "device/import/ergstick.hpp"

#include <array>
#include <utility>

#include "core/pm5/piece_counters.hpp"
#include "core/rowing/enumerations.hpp"

namespace boathouse::import {
namespace {

using enum rowing::Stream;

constexpr std::string_view kTotalElapsed = "Total elapsed time (s)";
constexpr std::int64_t kTimeDuration = 0;
constexpr std::int64_t kDistanceDuration = 0x80;

// "Piece duration" and "Piece distance" are one field of the monitor, told twice: see piece_length().
constexpr auto kErgStickRules = std::to_array<ColumnRule>({
    {kTotalElapsed, sample, "elapsed_cs"},
    {"Total distance (m)", sample, "distance_dm"},
    {"Stroke rate (/min)", sample, "stroke_rate_spm"},
    {"Speed (m/s)", sample, "speed_mmps"},
    {"Current heart rate (bpm)", sample, "heart_rate_bpm"},
    {"Workout type", sample, "workout_type"},
    {"Interval type", sample, "interval_type"},
    {"Workout state", sample, "workout_state"},
    {"Rowing state", sample, "rowing_state"},
    {"Stroke state", sample, "stroke_state"},
    {"Total work distance (m)", sample, "total_work_distance_m"},
    {"Drag factor", sample, "drag_factor"},
    {"Current pace (/500m)", sample, "pace_cs_per_500m"},
    {"Average pace (/500m)", sample, "avg_pace_cs_per_500m"},
    {"Rest distance (m)", sample, "rest_distance_m"},
    {"Rest time (s)", sample, "rest_time_cs"},
    {"Interval count", sample, "interval_count"},
    {"Total average power (W)", sample, "avg_power_w"},
    {"Total average calories (cal)", sample, "total_calories"},
    {"Split average pace (/500m)", sample, "split_avg_pace_cs_per_500m"},
    {"Split average power (W)", sample, "split_avg_power_w"},
    {"Split average calories (cal/hr)", sample, "split_avg_calories"},
    {"Last split time (s)", sample, "last_split_time_cs"},
    {"Last split distance (m)", sample, "last_split_distance_m"},
    {"Drive length (m)", stroke, "drive_length_cm"},
    {"Drive time (s)", stroke, "drive_time_cs"},
    {"Stroke recovery time (s)", stroke, "recovery_time_cs"},
    {"Stroke distance (m)", stroke, "stroke_distance_cm"},
    {"Peak drive force (lbs)", stroke, "peak_force_dlbf"},
    {"Ave. drive force (lbs)", stroke, "avg_force_dlbf"},
    {"Work per stroke (J)", stroke, "work_per_stroke_dj"},
    {"Stroke count", stroke, "stroke_count"},
    {"Stroke power (W)", stroke, "stroke_power_w"},
    {"Stroke calories (cal/hr)", stroke, "stroke_cal_per_hour"},
    {"Projected work time (s)", stroke, "projected_work_time_s"},
    {"Projected work distance (m)", stroke, "projected_work_distance_m"},
    {"Split/interval time (s)", split, "split_time_ds"},
    {"Split/interval distance (m)", split, "split_distance_m"},
    {"Split/interval rest time (s)", split, "rest_time_s"},
    {"Split/interval rest distance (s)", split, "rest_distance_m"},
    {"Split/interval type", split, "split_type"},
    {"Split/interval number", split, "split_number"},
    {"Split/interval ave. stroke rate (/min)", split, "avg_stroke_rate_spm"},
    {"Split/interval ave. pace (/500m", split, "avg_pace_ds_per_500m"},
    {"Split/interval total calories (cals)", split, "total_calories"},
    {"Split/interval average calories (cal/hr)", split, "avg_cal_per_hour"},
    {"Split/interval speed (m/s)", split, "speed_mmps"},
    {"Split/interval power (W)", split, "power_w"},
    {"Split/interval ave. drag factor", split, "avg_drag_factor"},
});

// The set length: one field of the monitor whose unit is a second one that the file lacks. The workout type tells which
// of both columns means something.
constexpr auto kTimeRule =
    std::to_array<ColumnRule>({{"Piece duration (s)", sample, "workout_duration", {false, 100, 1}}});
constexpr auto kDistanceRule = std::to_array<ColumnRule>({{"Piece distance (m)", sample, "workout_duration"}});

bool is_timed(std::int64_t workout_type) { return workout_type >= 4 && workout_type <= 6; }
bool is_by_distance(std::int64_t workout_type) { return workout_type == 2 || workout_type == 3 || workout_type == 7; }

bool recognises_ergstick(const Header& header) {
  return header.has(kTotalElapsed) && header.has("Total average power (W)");
}

class ErgStickReader {
 public:
  explicit ErgStickReader(Input& input)
      : sink_(input.sink),
        rules_(kErgStickRules, input.header),
        time_(kTimeRule, input.header),
        distance_(kDistanceRule, input.header) {}

  base::Status take(const CsvRow& row) {
    if (!sink_.begun()) BOATHOUSE_TRY(sink_.begin({}, 0));
    RowRecords records;
    BOATHOUSE_TRY(rules_.fill(row, records, sink_));
    const std::int64_t type = value_in(records.sample, "workout_type");
    if (is_timed(type)) {
      BOATHOUSE_TRY(time_.fill(row, records, sink_));
      value_in(records.sample, "workout_duration_type") = kTimeDuration;
    } else if (is_by_distance(type)) {
      BOATHOUSE_TRY(distance_.fill(row, records, sink_));
      value_in(records.sample, "workout_duration_type") = kDistanceDuration;
    }
    const std::int64_t interval =
        intervals_.observe(value_in(records.sample, "elapsed_cs"), value_in(records.sample, "distance_dm"));
    value_in(records.sample, "interval") = interval;
    BOATHOUSE_TRY(take_stroke(records, interval));
    BOATHOUSE_TRY(take_split(records, interval));
    return sink_.add(std::move(records.sample));
  }

  base::Status finish() {
    BOATHOUSE_TRY(flush(stroke_));
    return flush(split_);
  }

 private:
  base::Status flush(std::optional<rowing::Record>& open) {
    if (!open) return {};
    rowing::Record record = std::move(*open);
    open.reset();
    return sink_.add(std::move(record));
  }

  // A new number is a new stroke. When an interval begins, the old stroke is still repeated until the next one ends: it
  // stays where it was.
  base::Status take_stroke(RowRecords& records, std::int64_t interval) {
    rowing::Record& now = records.stroke;
    const std::int64_t number = value_in(now, "stroke_count");
    if (number == rowing::kNull || number == 0) return {};
    if (stroke_ && value_in(*stroke_, "stroke_count") == number) {
      // Its time is that of its latest news, not of the rows that repeat it.
      for (const char* const metric : {"interval", "elapsed_cs", "distance_dm"})
        value_in(now, metric) = value_in(*stroke_, metric);
      if (now == *stroke_) return {};
      interval = value_in(*stroke_, "interval");
    } else {
      BOATHOUSE_TRY(flush(stroke_));
    }
    value_in(now, "interval") = interval;
    value_in(now, "elapsed_cs") = value_in(records.sample, "elapsed_cs");
    value_in(now, "distance_dm") = value_in(records.sample, "distance_dm");
    stroke_ = std::move(now);
    return {};
  }

  base::Status take_split(RowRecords& records, std::int64_t interval) {
    rowing::Record& now = records.split;
    const std::int64_t number = value_in(now, "split_number");
    if (number == rowing::kNull || number == 0) return {};
    if (split_ && value_in(*split_, "split_number") != number) BOATHOUSE_TRY(flush(split_));
    // An interval is told when the next one has begun.
    const bool of_intervals = pm5::has_intervals(value_in(records.sample, "workout_type"));
    value_in(now, "interval") = of_intervals ? number - 1 : interval;
    split_ = std::move(now);
    return {};
  }

  ImportSink& sink_;
  ColumnMap rules_;
  ColumnMap time_;
  ColumnMap distance_;
  IntervalByRestart intervals_;
  std::optional<rowing::Record> stroke_;
  std::optional<rowing::Record> split_;
};

base::Status run_ergstick(Input& input) {
  ErgStickReader reader(input);
  BOATHOUSE_TRY(for_each_row(input, kTotalElapsed, kPlain, [&](const CsvRow& row) { return reader.take(row); }));
  return reader.finish();
}

}  // namespace

const Dialect kErgStick{{"ergstick", "ErgStick all metrics (first column \"Total elapsed time (s)\")"},
                        &recognises_ergstick,
                        &run_ergstick};

}  // namespace boathouse::import
