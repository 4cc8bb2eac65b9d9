#include "device/import/rowingdata.hpp"

#include <array>
#include <utility>

namespace boathouse::import {
namespace {

using enum rowing::Stream;

constexpr std::string_view kTimeStamp = "TimeStamp (sec)";
constexpr std::string_view kElapsed = "ElapsedTime (sec)";
constexpr std::int64_t kNanoPerMs = 1'000'000;

// activityIdx and pointIdx count rows; ElapsedTimeAtDrive and HorizontalAtDrive say of a stroke where its drive began:
// no metric of the monitor. They stay in the source. lapIdx is the only word about intervals.
constexpr auto kRowingDataRules = std::to_array<ColumnRule>({
    {"lapIdx", sample, "interval"},
    {"lapIdx", stroke, "interval"},
    {kElapsed, sample, "elapsed_cs"},
    {kElapsed, stroke, "elapsed_cs"},
    {"Horizontal (meters)", sample, "distance_dm"},
    {"Horizontal (meters)", stroke, "distance_dm"},
    {"Stroke500mPace (sec/500m)", sample, "pace_cs_per_500m"},
    {"Cadence (stokes/min)", sample, "stroke_rate_spm"},
    {"Cadence (strokes/min)", sample, "stroke_rate_spm"},
    {"HRCur (bpm)", sample, "heart_rate_bpm"},
    {"Power (watts)", stroke, "stroke_power_w"},
    {"Calories (kCal)", sample, "total_calories"},
    {"Speed (m/sec)", sample, "speed_mmps"},
    {"StrokeCount", stroke, "stroke_count"},
    {"StrokeDistance (meters)", stroke, "stroke_distance_cm"},
    {"DriveLength (meters)", stroke, "drive_length_cm"},
    {"DriveTime (ms)", stroke, "drive_time_cs", kMilli},
    {"StrokeRecoveryTime (ms)", stroke, "recovery_time_cs", kMilli},
    {"WorkPerStroke (joules)", stroke, "work_per_stroke_dj"},
    {"AverageDriveForce (lbs)", stroke, "avg_force_dlbf"},
    {"PeakDriveForce (lbs)", stroke, "peak_force_dlbf"},
    {"DragFactor", sample, "drag_factor"},
    {"WorkoutType", sample, "workout_type"},
    {"IntervalType", sample, "interval_type"},
    {"WorkoutState", sample, "workout_state"},
    {"RowingState", sample, "rowing_state"},
    {"WorkoutDurationType", sample, "workout_duration_type"},
    {"WorkoutIntervalCount", sample, "interval_count"},
});

bool is_native(const Header& header) { return header.has(kTimeStamp) && header.has(kElapsed); }
bool recognises_painsled(const Header& header) { return is_native(header) && header.has("ElapsedTimeAtDrive (sec)"); }
bool recognises_rowingdata(const Header& header) { return is_native(header) && !recognises_painsled(header); }

std::int64_t nano_to_ms(std::int64_t nano) {
  const std::int64_t half = kNanoPerMs / 2;
  return (nano + (nano < 0 ? -half : half)) / kNanoPerMs;
}

class RowingDataReader {
 public:
  explicit RowingDataReader(Input& input)
      : input_(input), rules_(kRowingDataRules, input.header), time_cell_(*input.header.find(kTimeStamp)) {}

  base::Status take(const CsvRow& row) {
    const std::string_view cell = trimmed(row.cells[time_cell_]);
    const auto time = to_nano(cell, false);
    if (!input_.sink.begun()) BOATHOUSE_TRY(begin(time ? std::optional(*time) : std::nullopt));
    RowRecords records;
    BOATHOUSE_TRY(rules_.fill(row, records, input_.sink));
    if (!time) {
      if (!cell.empty()) BOATHOUSE_TRY(input_.sink.reject_value(row.line, kTimeStamp, cell, time.error().text));
    } else if (first_) {
      const std::int64_t at_ms = nano_to_ms(*time - *first_);
      if (at_ms < 0 || at_ms > 0xFFFFFFFF) {
        BOATHOUSE_TRY(input_.sink.reject_value(row.line, kTimeStamp, cell,
                                               "is before the first row's, or more than 49 days after it"));
      } else {
        value_in(records.sample, "at_ms") = at_ms;
        value_in(records.stroke, "at_ms") = at_ms;
      }
    }
    BOATHOUSE_TRY(input_.sink.add(std::move(records.sample)));
    return input_.sink.add(std::move(records.stroke));
  }

 private:
  base::Status begin(std::optional<std::int64_t> first) {
    first_ = first;
    Start start;
    if (first) {
      start.utc_ms = nano_to_ms(*first);
      start.offset_minutes = input_.zone.offset_minutes_at(*start.utc_ms);
      start.zone = input_.zone.name();
    }
    return input_.sink.begin(start, 0);
  }

  Input& input_;
  ColumnMap rules_;
  std::size_t time_cell_;
  std::optional<std::int64_t> first_;  // 10^-9 s since 1970
};

base::Status run_rowingdata(Input& input) {
  RowingDataReader reader(input);
  return for_each_row(input, kElapsed, kPlain, [&](const CsvRow& row) { return reader.take(row); });
}

}  // namespace

const Dialect kRowingdata{{"rowingdata", "rowingdata or rowsandall (first column \"TimeStamp (sec)\")"},
                          &recognises_rowingdata,
                          &run_rowingdata};
const Dialect kPainsled{{"painsled", "Painsled for iOS (as rowingdata, with \"ElapsedTimeAtDrive (sec)\")"},
                        &recognises_painsled,
                        &run_rowingdata};

}  // namespace boathouse::import
