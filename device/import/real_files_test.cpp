// The eight real files: every cell of every row is compared with what was stored. What a column should become is
// written down here a second time, on purpose not taken from the dialects' own tables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "core/base/sha256.hpp"
#include "core/base/utc_time.hpp"
#include "device/import/csv_reader.hpp"
#include "device/import/import.hpp"
#include "device/store/test_store.hpp"
#include "tests/support/shared_data.hpp"

namespace boathouse::import {
namespace {

using rowing::kNull;
using rowing::Record;
using rowing::Stream;
using store::ok;
using enum rowing::Stream;

struct Expected {
  Stream stream;
  std::string_view metric;
  double factor;  // wire = cell * factor
};
// Columns with no entry are stored in the source alone.
using Expectations = std::multimap<std::string_view, Expected>;

double number(std::string_view cell) {
  double seconds = 0;
  std::string text(cell);
  std::erase(text, '"');
  std::size_t from = 0;
  for (std::size_t colon = text.find(':'); colon != std::string::npos; colon = text.find(':', from)) {
    seconds = (seconds + std::stod(text.substr(from, colon - from))) * 60;
    from = colon + 1;
  }
  return seconds + std::stod(text.substr(from));
}

std::string trim(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

class RealFile : public testing::Test {
 protected:
  void load(const std::string& content, const std::string& dialect, const ImportOptions& options = {}) {
    auto imported = import_file(*store, store.ids, store.clock, "file.csv", content, options);
    ASSERT_TRUE(ok(imported));
    report = std::move(*imported);
    EXPECT_EQ(report.dialect, dialect);
    EXPECT_EQ(report.rejected_lines, 0u);
    CsvReader reader(content);
    for (CsvRow row; *reader.next(row);) {
      for (std::string& cell : row.cells) cell = trim(cell);
      rows.push_back(std::move(row.cells));
    }
    expect_source(content);
  }

  // The parts of the recordings, one after the other, are the file.
  void expect_source(const std::string& content) {
    std::string bytes;
    for (const base::Uuid& id : report.recordings) {
      for (const Record& block : records(source, id)) {
        EXPECT_LE(block.bytes.size(), rowing::kMaxSourceBlock);
        bytes += block.bytes;
      }
      const auto verified = store->verify(id);
      ASSERT_TRUE(ok(verified));
      EXPECT_THAT(verified->problems, testing::IsEmpty());
      EXPECT_EQ(store->recording(id)->birth.source_sha256, base::sha256(base::as_bytes(content)));
      EXPECT_EQ(store->recording(id)->birth.origin, rowing::Origin::import);
    }
    EXPECT_TRUE(bytes == content) << bytes.size() << " bytes stored, " << content.size() << " in the file";
  }

  std::vector<Record> records(Stream stream, const base::Uuid& id) {
    auto read = store->records(id, stream, 0, 1'000'000);
    EXPECT_TRUE(ok(read));
    return read ? *read : std::vector<Record>();
  }
  std::vector<Record> records(Stream stream) { return records(stream, report.recordings.at(0)); }

  // Exact where the wire unit can hold the cell, else within half a unit; null for an empty cell, and for 0 where the
  // catalogue says so.
  void expect_cell(const std::string& cell, const Record& record, const Expected& expected, const std::string& where) {
    const std::size_t index = rowing::column_index(record.stream, expected.metric);
    const std::int64_t stored = record.values[index];
    ++cells;
    if (cell.empty()) {
      EXPECT_EQ(stored, kNull) << where;
      return;
    }
    const double wire = number(cell) * expected.factor;
    if (stored == kNull) {
      const bool zero_is_null = rowing::metrics(record.stream)[index].null_rule != rowing::NullRule::never;
      EXPECT_TRUE((wire == 0 && zero_is_null) || wire < 0) << where << ": " << cell << " became null";
      nulls += wire < 0 ? 1u : 0u;
      return;
    }
    const double difference = std::abs(static_cast<double>(stored) - wire);
    const bool holds = std::abs(wire - std::round(wire)) < 1e-6;
    EXPECT_LE(difference, holds ? 1e-6 : 0.5 + 1e-6) << where << ": " << cell << " became " << stored;
  }

  // Row `row` (0 = the header's) against the records of a moment.
  void expect_row(std::size_t header, std::size_t row, const Expectations& expectations,
                  const std::map<Stream, const Record*>& stored) {
    for (std::size_t column = 0; column < rows[header].size(); ++column) {
      const auto [from, to] = expectations.equal_range(rows[header][column]);
      for (auto it = from; it != to; ++it) {
        const auto found = stored.find(it->second.stream);
        if (found == stored.end()) continue;
        expect_cell(rows[row][column], *found->second, it->second,
                    "row " + std::to_string(row) + ", " + rows[header][column]);
      }
    }
  }

  void expect_known_columns(std::size_t header, const Expectations& expectations,
                            const std::vector<std::string>& source_only) {
    for (const std::string& name : rows[header]) {
      if (name.empty()) continue;
      const bool known = expectations.contains(name);
      EXPECT_NE(known, std::ranges::find(source_only, name) != source_only.end()) << name;
    }
  }

  store::TestStore store;
  ImportReport report;
  std::vector<std::vector<std::string>> rows;
  std::uint64_t cells = 0;
  std::uint64_t nulls = 0;
};

const Expectations kNativeColumns{
    {"lapIdx", {sample, "interval", 1}},
    {"lapIdx", {stroke, "interval", 1}},
    {"ElapsedTime (sec)", {sample, "elapsed_cs", 100}},
    {"ElapsedTime (sec)", {stroke, "elapsed_cs", 100}},
    {"Horizontal (meters)", {sample, "distance_dm", 10}},
    {"Horizontal (meters)", {stroke, "distance_dm", 10}},
    {"Stroke500mPace (sec/500m)", {sample, "pace_cs_per_500m", 100}},
    {"Cadence (stokes/min)", {sample, "stroke_rate_spm", 1}},
    {"Cadence (strokes/min)", {sample, "stroke_rate_spm", 1}},
    {"HRCur (bpm)", {sample, "heart_rate_bpm", 1}},
    {"Power (watts)", {stroke, "stroke_power_w", 1}},
    {"Calories (kCal)", {sample, "total_calories", 1}},
    {"Speed (m/sec)", {sample, "speed_mmps", 1000}},
    {"StrokeCount", {stroke, "stroke_count", 1}},
    {"StrokeDistance (meters)", {stroke, "stroke_distance_cm", 100}},
    {"DriveLength (meters)", {stroke, "drive_length_cm", 100}},
    {"DriveTime (ms)", {stroke, "drive_time_cs", 0.1}},
    {"StrokeRecoveryTime (ms)", {stroke, "recovery_time_cs", 0.1}},
    {"WorkPerStroke (joules)", {stroke, "work_per_stroke_dj", 10}},
    {"AverageDriveForce (lbs)", {stroke, "avg_force_dlbf", 10}},
    {"PeakDriveForce (lbs)", {stroke, "peak_force_dlbf", 10}},
    {"DragFactor", {sample, "drag_factor", 1}},
    {"WorkoutType", {sample, "workout_type", 1}},
    {"IntervalType", {sample, "interval_type", 1}},
    {"WorkoutState", {sample, "workout_state", 1}},
    {"RowingState", {sample, "rowing_state", 1}},
    {"WorkoutDurationType", {sample, "workout_duration_type", 1}},
    {"WorkoutIntervalCount", {sample, "interval_count", 1}},
};

TEST_F(RealFile, RowingdataNative) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(content, "rowingdata_native_2k.csv");
  ImportOptions options;
  options.time_zone = "+02:00";
  load(content, "rowingdata", options);
  expect_known_columns(0, kNativeColumns, {"TimeStamp (sec)", "activityIdx", "pointIdx"});
  const auto samples = records(sample);
  const auto strokes = records(stroke);
  ASSERT_EQ(samples.size(), 191u);
  ASSERT_EQ(strokes.size(), 191u);
  for (std::size_t i = 0; i < 191; ++i) {
    expect_row(0, i + 1, kNativeColumns, {{sample, &samples[i]}, {stroke, &strokes[i]}});
    const double at_ms = (std::stod(rows[i + 1][0]) - std::stod(rows[1][0])) * 1000;
    EXPECT_NEAR(static_cast<double>(store::value_of(samples[i], "at_ms")), at_ms, 0.5 + 1e-3);
    EXPECT_EQ(store::value_of(strokes[i], "at_ms"), store::value_of(samples[i], "at_ms"));
  }
  EXPECT_EQ(report.rejected_values, 0u);
  EXPECT_EQ(cells, 191u * 21u);
  const rowing::Birth birth = store->recording(report.recordings[0])->birth;
  EXPECT_EQ(base::format_utc_ms(birth.started_ms), "2016-05-20T13:41:26.962Z");
  EXPECT_TRUE(birth.started_known);
  EXPECT_EQ(birth.offset_minutes, 120);
}

TEST_F(RealFile, Painsled) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(content, "rowingdata_painsled_force.csv");
  load(content, "painsled");
  expect_known_columns(
      0, kNativeColumns,
      {"TimeStamp (sec)", "activityIdx", "pointIdx", "ElapsedTimeAtDrive (sec)", "HorizontalAtDrive (meters)"});
  const auto samples = records(sample);
  const auto strokes = records(stroke);
  ASSERT_EQ(samples.size(), 430u);
  ASSERT_EQ(strokes.size(), 430u);
  for (std::size_t i = 0; i < 430; ++i)
    expect_row(0, i + 1, kNativeColumns, {{sample, &samples[i]}, {stroke, &strokes[i]}});
  EXPECT_EQ(cells, 430u * 27u);
  // One cadence of -1.
  EXPECT_EQ(nulls, 1u);
  EXPECT_EQ(report.rejected_values, 1u);
  ASSERT_EQ(report.problems.size(), 1u);
  EXPECT_EQ(report.problems[0].line, 64u);
  EXPECT_EQ(report.problems[0].column, "Cadence (strokes/min)");
  const auto events = records(event);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].bytes,
            R"j({"line":64,"column":"Cadence (strokes/min)","text":" -1","reason":"is not within 0 and 255"})j");
  EXPECT_EQ(store->recording(report.recordings[0])->birth.offset_minutes, std::nullopt);
}

TEST_F(RealFile, Hero) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(content, "rowingdata_hero_force.csv");
  load(content, "hero");
  const Expectations piece{{"Distance", {summary, "distance_dm", 10}},
                           {"Split", {summary, "avg_pace_ds_per_500m", 10}},
                           {"Watts", {summary, "avg_power_w", 1}},
                           {"Stroke Rate", {summary, "avg_stroke_rate_spm", 1}},
                           {"Drag Factor", {summary, "avg_drag_factor", 1}}};
  const double lbf = 10 / 4.44822;
  const Expectations strokes_of{{"Stroke #", {stroke, "stroke_count", 1}},
                                {"Time", {sample, "elapsed_cs", 100}},
                                {"Time", {stroke, "elapsed_cs", 100}},
                                {"Distance", {sample, "distance_dm", 10}},
                                {"Distance", {stroke, "distance_dm", 10}},
                                {"Split", {sample, "pace_cs_per_500m", 100}},
                                {"Watts", {stroke, "stroke_power_w", 1}},
                                {"Stroke Rate", {sample, "stroke_rate_spm", 1}},
                                {"Drag Factor", {sample, "drag_factor", 1}},
                                {"Stroke Length", {stroke, "drive_length_cm", 1}},
                                {"HR", {sample, "heart_rate_bpm", 1}},
                                {"Work (J)", {stroke, "work_per_stroke_dj", 10}},
                                {"Peak Drive Force (N)", {stroke, "peak_force_dlbf", lbf}},
                                {"Average Drive Force (N)", {stroke, "avg_force_dlbf", lbf}},
                                {"Drive Time", {stroke, "drive_time_cs", 100}},
                                {"Recovery Time", {stroke, "recovery_time_cs", 100}},
                                {"Distance per Stroke", {stroke, "stroke_distance_cm", 100}}};
  expect_known_columns(0, piece, {"Date", "Piece", "Stroke Length", "Potential Split"});
  expect_known_columns(3, strokes_of, {});
  const auto summaries = records(summary);
  const auto samples = records(sample);
  const auto strokes = records(stroke);
  ASSERT_EQ(summaries.size(), 1u);
  ASSERT_EQ(samples.size(), 300u);
  ASSERT_EQ(strokes.size(), 300u);
  expect_row(0, 1, piece, {{summary, &summaries[0]}});
  for (std::size_t i = 0; i < 300; ++i) {
    expect_row(3, i + 4, strokes_of, {{sample, &samples[i]}, {stroke, &strokes[i]}});
    EXPECT_EQ(store::value_of(samples[i], "at_ms"), kNull);
  }
  EXPECT_EQ(cells, 5u + 300u * 17u);
  EXPECT_EQ(report.rejected_values, 0u);
  const rowing::Birth birth = store->recording(report.recordings[0])->birth;
  EXPECT_EQ(base::format_utc_ms(birth.started_ms), "2021-04-26T13:37:32.000Z");
  EXPECT_EQ(birth.offset_minutes, -420);
  EXPECT_EQ(birth.title, "15'");
}

const Expectations kStrokeColumns{{"Number", {stroke, "stroke_count", 1}},
                                  {"Stroke Number", {stroke, "stroke_count", 1}},
                                  {"Time (seconds)", {sample, "elapsed_cs", 100}},
                                  {"Time (seconds)", {stroke, "elapsed_cs", 100}},
                                  {"Distance (meters)", {sample, "distance_dm", 10}},
                                  {"Distance (meters)", {stroke, "distance_dm", 10}},
                                  {"Pace (seconds)", {sample, "pace_cs_per_500m", 100}},
                                  {"Pace (seconds per 500m", {sample, "pace_cs_per_500m", 100}},
                                  {"Watts", {stroke, "stroke_power_w", 1}},
                                  {"Cal/Hr", {stroke, "stroke_cal_per_hour", 1}},
                                  {"Stroke Rate", {sample, "stroke_rate_spm", 1}},
                                  {"Heart Rate", {sample, "heart_rate_bpm", 1}}};

TEST_F(RealFile, LogbookStrokes) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(content, "concept2-result-44214428.csv");
  load(content, "logbook_strokes");
  expect_known_columns(0, kStrokeColumns, {});
  const auto samples = records(sample);
  const auto strokes = records(stroke);
  ASSERT_EQ(samples.size(), 689u);
  ASSERT_EQ(strokes.size(), 689u);
  for (std::size_t i = 0; i < 689; ++i) {
    expect_row(0, i + 1, kStrokeColumns, {{sample, &samples[i]}, {stroke, &strokes[i]}});
    EXPECT_EQ(store::value_of(samples[i], "interval"), 0);
  }
  EXPECT_EQ(cells, 689u * 10u);
  EXPECT_EQ(report.rejected_values, 0u);
  EXPECT_FALSE(store->recording(report.recordings[0])->birth.started_known);
  EXPECT_EQ(store->recording(report.recordings[0])->birth.started_ms, store.clock.utc_ms());
}

TEST_F(RealFile, ErgData) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(content, "rowingdata_ergdata_stroke.csv");
  load(content, "ergdata");
  expect_known_columns(0, kStrokeColumns, {});
  const auto samples = records(sample);
  const auto strokes = records(stroke);
  ASSERT_EQ(samples.size(), 180u);
  ASSERT_EQ(strokes.size(), 180u);
  for (std::size_t i = 0; i < 180; ++i)
    expect_row(0, i + 1, kStrokeColumns, {{sample, &samples[i]}, {stroke, &strokes[i]}});
  EXPECT_EQ(cells, 180u * 8u);
  EXPECT_EQ(report.rejected_values, 0u);
}

const Expectations kErgStickColumns{{"Total elapsed time (s)", {sample, "elapsed_cs", 100}},
                                    {"Total distance (m)", {sample, "distance_dm", 10}},
                                    {"Stroke rate (/min)", {sample, "stroke_rate_spm", 1}},
                                    {"Speed (m/s)", {sample, "speed_mmps", 1000}},
                                    {"Current heart rate (bpm)", {sample, "heart_rate_bpm", 1}},
                                    {"Workout type", {sample, "workout_type", 1}},
                                    {"Interval type", {sample, "interval_type", 1}},
                                    {"Workout state", {sample, "workout_state", 1}},
                                    {"Rowing state", {sample, "rowing_state", 1}},
                                    {"Stroke state", {sample, "stroke_state", 1}},
                                    {"Total work distance (m)", {sample, "total_work_distance_m", 1}},
                                    {"Piece duration (s)", {sample, "workout_duration", 100}},
                                    {"Drag factor", {sample, "drag_factor", 1}},
                                    {"Current pace (/500m)", {sample, "pace_cs_per_500m", 100}},
                                    {"Average pace (/500m)", {sample, "avg_pace_cs_per_500m", 100}},
                                    {"Rest distance (m)", {sample, "rest_distance_m", 1}},
                                    {"Rest time (s)", {sample, "rest_time_cs", 100}},
                                    {"Interval count", {sample, "interval_count", 1}},
                                    {"Total average power (W)", {sample, "avg_power_w", 1}},
                                    {"Total average calories (cal)", {sample, "total_calories", 1}},
                                    {"Split average pace (/500m)", {sample, "split_avg_pace_cs_per_500m", 100}},
                                    {"Split average power (W)", {sample, "split_avg_power_w", 1}},
                                    {"Split average calories (cal/hr)", {sample, "split_avg_calories", 1}},
                                    {"Last split time (s)", {sample, "last_split_time_cs", 100}},
                                    {"Last split distance (m)", {sample, "last_split_distance_m", 1}},
                                    {"Drive length (m)", {stroke, "drive_length_cm", 100}},
                                    {"Drive time (s)", {stroke, "drive_time_cs", 100}},
                                    {"Stroke recovery time (s)", {stroke, "recovery_time_cs", 100}},
                                    {"Stroke distance (m)", {stroke, "stroke_distance_cm", 100}},
                                    {"Peak drive force (lbs)", {stroke, "peak_force_dlbf", 10}},
                                    {"Ave. drive force (lbs)", {stroke, "avg_force_dlbf", 10}},
                                    {"Work per stroke (J)", {stroke, "work_per_stroke_dj", 10}},
                                    {"Stroke count", {stroke, "stroke_count", 1}},
                                    {"Stroke power (W)", {stroke, "stroke_power_w", 1}},
                                    {"Stroke calories (cal/hr)", {stroke, "stroke_cal_per_hour", 1}},
                                    {"Projected work time (s)", {stroke, "projected_work_time_s", 1}},
                                    {"Projected work distance (m)", {stroke, "projected_work_distance_m", 1}},
                                    {"Split/interval time (s)", {split, "split_time_ds", 10}},
                                    {"Split/interval distance (m)", {split, "split_distance_m", 1}},
                                    {"Split/interval rest time (s)", {split, "rest_time_s", 1}},
                                    {"Split/interval rest distance (s)", {split, "rest_distance_m", 1}},
                                    {"Split/interval type", {split, "split_type", 1}},
                                    {"Split/interval number", {split, "split_number", 1}},
                                    {"Split/interval ave. stroke rate (/min)", {split, "avg_stroke_rate_spm", 1}},
                                    {"Split/interval ave. pace (/500m", {split, "avg_pace_ds_per_500m", 10}},
                                    {"Split/interval total calories (cals)", {split, "total_calories", 1}},
                                    {"Split/interval average calories (cal/hr)", {split, "avg_cal_per_hour", 1}},
                                    {"Split/interval speed (m/s)", {split, "speed_mmps", 1000}},
                                    {"Split/interval power (W)", {split, "power_w", 1}},
                                    {"Split/interval ave. drag factor", {split, "avg_drag_factor", 1}}};

TEST_F(RealFile, ErgStick) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(content, "rowingdata_ergstick_all_metrics.csv");
  load(content, "ergstick");
  // Of a piece set by time; the other half of that field says the same number again.
  expect_known_columns(0, kErgStickColumns, {"Piece distance (m)"});
  const auto samples = records(sample);
  ASSERT_EQ(samples.size(), 2400u);
  for (std::size_t i = 0; i < 2400; ++i) {
    expect_row(0, i + 1, kErgStickColumns, {{sample, &samples[i]}});
    EXPECT_EQ(store::value_of(samples[i], "at_ms"), kNull);
    EXPECT_EQ(store::value_of(samples[i], "workout_duration_type"), 0);
    EXPECT_EQ(store::value_of(samples[i], "interval"), i < 1199 ? 0 : i < 2398 ? 1 : 2) << i;
  }
  EXPECT_EQ(cells, 2400u * 25u);
  EXPECT_EQ(report.rejected_values, 0u);

  // A stroke is told by the rows from one change of its number to the next; the last of them has all of it.
  const std::size_t number = static_cast<std::size_t>(std::ranges::find(rows[0], "Stroke count") - rows[0].begin());
  const std::size_t split_number =
      static_cast<std::size_t>(std::ranges::find(rows[0], "Split/interval number") - rows[0].begin());
  std::vector<std::size_t> last_of_stroke;
  std::vector<std::size_t> last_of_split;
  for (std::size_t row = 1; row < rows.size(); ++row) {
    const bool last = row + 1 == rows.size();
    if (last || rows[row][number] != rows[row + 1][number]) last_of_stroke.push_back(row);
    if ((last || rows[row][split_number] != rows[row + 1][split_number]) && rows[row][split_number] != "0")
      last_of_split.push_back(row);
  }
  const auto strokes = records(stroke);
  const auto splits = records(split);
  ASSERT_EQ(last_of_stroke.size(), 384u);
  ASSERT_EQ(strokes.size(), 384u);
  ASSERT_EQ(last_of_split.size(), 2u);
  ASSERT_EQ(splits.size(), 2u);
  for (std::size_t i = 0; i < strokes.size(); ++i)
    expect_row(0, last_of_stroke[i], kErgStickColumns, {{stroke, &strokes[i]}});
  for (std::size_t i = 0; i < splits.size(); ++i) {
    expect_row(0, last_of_split[i], kErgStickColumns, {{split, &splits[i]}});
    EXPECT_EQ(store::value_of(splits[i], "interval"), static_cast<std::int64_t>(i));
  }
}

class SeasonFile : public RealFile {
 protected:
  void expect_season(std::size_t workouts) {
    const Expectations columns{{"Work Time (Formatted)", {summary, "work_time_ds", 10}},
                               {"Work Time (Seconds)", {summary, "work_time_ds", 10}},
                               {"Work Time (Seconds)", {summary, "elapsed_cs", 100}},
                               {"Rest Time (Formatted)", {summary, "rest_time_ds", 10}},
                               {"Rest Time (Seconds)", {summary, "rest_time_ds", 10}},
                               {"Work Distance", {summary, "distance_dm", 10}},
                               {"Rest Distance", {summary, "total_rest_distance_m", 1}},
                               {"Stroke Rate/Cadence", {summary, "avg_stroke_rate_spm", 1}},
                               {"Stroke Count", {summary, "stroke_count", 1}},
                               {"Avg Watts", {summary, "avg_power_w", 1}},
                               {"Cal/Hour", {summary, "avg_cal_per_hour", 1}},
                               {"Total Cal", {summary, "total_calories", 1}},
                               {"Avg Heart Rate", {summary, "avg_heart_rate_bpm", 1}},
                               {"Drag Factor", {summary, "avg_drag_factor", 1}}};
    // The ID, age and weight class are in the source alone; date, description, pace and type are checked below.
    expect_known_columns(0, columns,
                         {"ID", "Date", "Description", "Pace", "Age", "Weight", "Type", "Ranked", "Comments"});
    ASSERT_EQ(report.recordings.size(), workouts);
    for (std::size_t i = 0; i < workouts; ++i) {
      const auto summaries = records(summary, report.recordings[i]);
      ASSERT_EQ(summaries.size(), 1u);
      expect_row(0, i + 1, columns, {{summary, &summaries[0]}});
      const std::vector<std::string>& row = rows[i + 1];
      const bool bike = row[19] == "BikeErg";
      expect_cell(row[11], summaries[0], {summary, "avg_pace_ds_per_500m", bike ? 5.0 : 10.0},
                  "pace of row " + std::to_string(i));
      EXPECT_EQ(store::value_of(summaries[0], "erg_machine_type"), bike ? 192 : kNull);
      EXPECT_EQ(store::value_of(summaries[0], "workout_type"), kNull);
      const rowing::Birth birth = store->recording(report.recordings[i])->birth;
      EXPECT_EQ(birth.title, row[2]);
      const double length_s = number(row[4]) + (row[6].empty() ? 0 : number(row[6]));
      const std::int64_t end_ms = base::parse_iso8601(row[1])->utc_ms - offset_ms;
      EXPECT_EQ(birth.started_ms, end_ms - std::llround(length_s * 1000)) << "the date is that of the end";
    }
    EXPECT_EQ(cells, workouts * 15u);
    EXPECT_EQ(report.rejected_values, 0u);
  }
  std::int64_t offset_ms = 0;
};

TEST_F(SeasonFile, Of2019) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(content, "concept2-season-2019.csv");
  load(content, "logbook_season");
  expect_season(60);
  EXPECT_EQ(store->recording(report.recordings[0])->birth.offset_minutes, std::nullopt);
}

TEST_F(SeasonFile, Of2021WithAnOffset) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(content, "concept2-season-2021.csv");
  ImportOptions options;
  options.time_zone = "-05:00";
  offset_ms = -5 * 3600 * 1000;
  load(content, "logbook_season", options);
  expect_season(277);
  EXPECT_EQ(store->recording(report.recordings[0])->birth.offset_minutes, -300);

  const std::uint64_t items = store->status()->items;
  const auto again = import_file(*store, store.ids, store.clock, "other-name.csv", content, {});
  ASSERT_TRUE(ok(again));
  EXPECT_TRUE(again->already_imported);
  EXPECT_EQ(again->recordings, report.recordings);
  EXPECT_EQ(store->status()->items, items) << "nothing new";
}

}  // namespace
}  // namespace boathouse::import
