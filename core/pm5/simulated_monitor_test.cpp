#include "core/pm5/simulated_monitor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "core/pm5/assembler.hpp"
#include "core/pm5/piece_counters.hpp"
#include "core/pm5/piece_tracker.hpp"
#include "core/pm5/test_notifications.hpp"
#include "core/rowing/formulas.hpp"

namespace boathouse::pm5 {
namespace {

using rowing::kNull;
using rowing::Record;
using rowing::Stream;

// What a recorder makes of a simulated monitor: one recording.
struct Recorded {
  std::vector<Record> records;
  int begun = 0;
  int ended = 0;
  std::int64_t begins_at_ms = -1;
  std::uint64_t refused = 0;
};

Recorded record(SimulatedMonitor& monitor) {
  Recorded recorded;
  PieceTracker tracker;
  Assembler assembler;
  TimedNotification timed;
  while (monitor.next(timed)) {
    Notification notification;
    if (decode(timed.characteristic, timed.payload, notification) != DecodeStatus::ok) {
      ++recorded.refused;
      continue;
    }
    if (tracker.tick(timed.at_ms)) ++recorded.ended;
    const Verdict verdict = tracker.observe(notification, timed.at_ms);
    if (verdict == Verdict::begins) {
      ++recorded.begun;
      recorded.begins_at_ms = timed.at_ms;
    }
    const std::int64_t at_ms = timed.at_ms - recorded.begins_at_ms;
    if (recorded.begun > 0) assembler.tick(at_ms, recorded.records);
    if (verdict != Verdict::idle && verdict != Verdict::ended) assembler.push(notification, at_ms, recorded.records);
    if (verdict == Verdict::ends || verdict == Verdict::ended) ++recorded.ended;
  }
  assembler.flush(recorded.records);
  return recorded;
}

// Of records with the same key the later one counts.
std::vector<Record> newest(const std::vector<Record>& records, Stream stream,
                           std::vector<std::string_view> key_columns) {
  std::map<std::vector<std::int64_t>, Record> by_key;
  for (const Record& record : of_stream(records, stream)) {
    std::vector<std::int64_t> key;
    for (const std::string_view column : key_columns) key.push_back(at(record, column));
    by_key[key] = record;
  }
  std::vector<Record> result;
  for (auto& [key, record] : by_key) result.push_back(std::move(record));
  return result;
}

std::vector<Record> shifted(std::vector<Record> records, std::int64_t begins_at_ms) {
  for (Record& record : records) record.values[0] -= begins_at_ms;
  return records;
}

std::string text_of(const Record& record) {
  std::string text;
  const auto metrics = rowing::metrics(record.stream);
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const std::int64_t value = record.values[i];
    text += std::string(metrics[i].column) + "=" + (value == kNull ? "-" : std::to_string(value)) + " ";
  }
  for (const std::int64_t point : record.points) text += std::to_string(point) + ",";
  return text;
}

void expect_same(const std::vector<Record>& ours, const std::vector<Record>& truth, std::string_view what) {
  EXPECT_EQ(ours.size(), truth.size()) << what;
  for (std::size_t i = 0; i < std::min(ours.size(), truth.size()); ++i) {
    ASSERT_EQ(text_of(ours[i]), text_of(truth[i])) << what << " " << i;
    ASSERT_EQ(ours[i], truth[i]) << what << " " << i;
  }
}

SimulatedMonitor monitor_of(std::uint8_t type, SimulationOptions options, std::int64_t work_cs = 6000) {
  return SimulatedMonitor::create(sample_workout(type, work_cs), options).value();
}

using Case = std::tuple<int, Machine, Form, int>;

class EveryWorkout : public testing::TestWithParam<Case> {
 protected:
  [[nodiscard]] static SimulationOptions options() {
    const auto& [type, machine, form, hz] = GetParam();
    SimulationOptions options;
    options.seed = static_cast<std::uint64_t>(type) * 31 + static_cast<std::uint64_t>(hz);
    options.machine = machine;
    options.form = form;
    options.sample_hz = hz;
    return options;
  }
  [[nodiscard]] static std::uint8_t type() { return static_cast<std::uint8_t>(std::get<0>(GetParam())); }
};

// Without loss the recorder finds exactly what the monitor meant.
TEST_P(EveryWorkout, IsRecordedAsItWasMeant) {
  SimulationOptions with_pauses = options();
  with_pauses.rower.pause_probability = 0.05;
  SimulatedMonitor monitor = monitor_of(type(), with_pauses);
  const Recorded recorded = record(monitor);
  const SimulatedTruth& truth = monitor.truth();
  ASSERT_TRUE(truth.begins_at_ms);
  EXPECT_EQ(recorded.begun, 1);
  EXPECT_EQ(recorded.ended, 1);
  EXPECT_EQ(recorded.refused, 0U);
  EXPECT_EQ(recorded.begins_at_ms, *truth.begins_at_ms);
  const std::int64_t begins = *truth.begins_at_ms;

  expect_same(of_stream(recorded.records, Stream::sample), shifted(truth.samples, begins), "sample");
  expect_same(newest(recorded.records, Stream::stroke, {"interval", "stroke_count"}), shifted(truth.strokes, begins),
              "stroke");
  expect_same(of_stream(recorded.records, Stream::force_curve), shifted(truth.force_curves, begins), "force curve");
  expect_same(newest(recorded.records, Stream::split, {"split_number"}), shifted(truth.splits, begins), "split");
  expect_same(newest(recorded.records, Stream::summary, {}), shifted({truth.summary.value()}, begins), "summary");
  expect_same(of_stream(recorded.records, Stream::event), {}, "event");
}

TEST_P(EveryWorkout, RowsWhatItWasTold) {
  SimulatedMonitor monitor = monitor_of(type(), options());
  TimedNotification timed;
  while (monitor.next(timed)) EXPECT_LE(timed.payload.size(), 20U);
  const SimulatedTruth& truth = monitor.truth();
  EXPECT_FALSE(truth.strokes.empty());
  EXPECT_EQ(truth.force_curves.empty(), options().machine == Machine::bikeerg);
  std::set<std::int64_t> intervals;
  for (const Record& stroke : truth.strokes) intervals.insert(at(stroke, "interval"));
  EXPECT_EQ(intervals.size(), has_intervals(type()) ? 4U : 1U);
  const bool without_splits = type() == 0 || type() == 2 || type() == 4;
  EXPECT_EQ(truth.splits.empty(), without_splits);
  if (!without_splits) {
    EXPECT_GE(truth.splits.size(), 4U);
  }
  EXPECT_NE(at(truth.summary.value(), "recovery_heart_rate_bpm"), kNull);
  EXPECT_EQ(at(truth.summary.value(), "workout_type"), type());
}

// Pace, watts, calories, distance and forces tell the same story (docs/pm5.md section 5).
TEST_P(EveryWorkout, PhysicsAgree) {
  SimulatedMonitor monitor = monitor_of(type(), options());
  TimedNotification timed;
  while (monitor.next(timed)) {
  }
  const SimulatedTruth& truth = monitor.truth();
  const auto machine = static_cast<std::int64_t>(options().machine);
  for (const Record& sample : truth.samples) {
    const std::int64_t pace = at(sample, "pace_cs_per_500m");
    if (pace != kNull) {
      EXPECT_EQ(pace, 50'000'000 / at(sample, "speed_mmps"));
    }
    const std::int64_t average = at(sample, "avg_pace_cs_per_500m");
    if (average == kNull || average > 40000) continue;
    const double watts = rowing::power_w(static_cast<double>(average) / 50000.0, machine);
    EXPECT_NEAR(static_cast<double>(at(sample, "avg_power_w")), watts, 0.51 + watts * 0.001) << text_of(sample);
  }
  for (const Record& stroke : truth.strokes) {
    const auto watts = static_cast<double>(at(stroke, "stroke_power_w"));
    EXPECT_NEAR(static_cast<double>(at(stroke, "stroke_cal_per_hour")), 3.4416 * watts + 300, 2.8);
    const double drive_s = static_cast<double>(at(stroke, "drive_time_cs")) / 100;
    EXPECT_GT(drive_s, 0.1);
    EXPECT_GT(at(stroke, "peak_force_dlbf"), at(stroke, "avg_force_dlbf"));
    EXPECT_GT(at(stroke, "stroke_distance_cm"), 100);
  }
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> peaks;
  for (const Record& curve : truth.force_curves) {
    EXPECT_GE(curve.points.size(), 16U);
    peaks[{at(curve, "interval"), at(curve, "stroke_count")}] = *std::ranges::max_element(curve.points);
  }
  for (const Record& stroke : truth.strokes) {
    const auto peak = peaks.find({at(stroke, "interval"), at(stroke, "stroke_count")});
    if (peak != peaks.end()) {
      EXPECT_EQ(peak->second, (at(stroke, "peak_force_dlbf") + 5) / 10);
    }
  }
  std::int64_t split_metres = 0;
  for (const Record& split : truth.splits) {
    const std::int64_t time_ds = at(split, "split_time_ds");
    const std::int64_t metres = at(split, "split_distance_m");
    split_metres += metres;
    EXPECT_EQ(at(split, "avg_pace_ds_per_500m"), rowing::average_pace_ds_per_500m(time_ds, metres).value());
    // The split's time and distance are truncated, its power is not made of them.
    const auto watts = static_cast<double>(rowing::average_power_w(time_ds, metres, machine).value());
    const double truncated = 1.0 / static_cast<double>(metres) + 1.0 / static_cast<double>(time_ds);
    EXPECT_NEAR(static_cast<double>(at(split, "power_w")), watts, 1.0 + 3.2 * watts * truncated);
  }
  const Record& summary = truth.summary.value();
  EXPECT_EQ(at(summary, "elapsed_cs"), truth.elapsed_cs);
  EXPECT_EQ(at(summary, "distance_dm"), truth.distance_dm);
  if (!truth.splits.empty()) {
    EXPECT_NEAR(static_cast<double>(split_metres), static_cast<double>(truth.distance_dm) / 10,
                static_cast<double>(truth.splits.size()));
  }
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (int type = 0; type <= 12; ++type) {
    for (const Form form : {Form::direct, Form::multiplexed}) {
      for (const Machine machine : {Machine::rowerg, Machine::skierg, Machine::bikeerg}) {
        constexpr int kRates[] = {1, 2, 4, 10};
        all.emplace_back(type, machine, form, kRates[all.size() % 4]);
      }
    }
  }
  return all;
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  const auto& [type, machine, form, hz] = info.param;
  const char* const name = machine == Machine::rowerg ? "Row" : machine == Machine::skierg ? "Ski" : "Bike";
  const char* const form_name = form == Form::direct ? "Direct" : "Multiplexed";
  return "Type" + std::to_string(type) + name + form_name + std::to_string(hz) + "Hz";
}

INSTANTIATE_TEST_SUITE_P(Simulated, EveryWorkout, testing::ValuesIn(cases()), case_name);

TEST(SimulatedMonitor, TheSameSeedGivesTheSameNotifications) {
  SimulationOptions options;
  options.air = {0.02, 0.02, 0.05, 300};
  options.rower.pause_probability = 0.02;
  for (const std::uint8_t type : {std::uint8_t{3}, std::uint8_t{8}}) {
    options.seed = 1;
    SimulatedMonitor one = monitor_of(type, options);
    SimulatedMonitor same = monitor_of(type, options);
    options.seed = 2;
    SimulatedMonitor other = monitor_of(type, options);
    TimedNotification a;
    TimedNotification b;
    TimedNotification c;
    bool differs = false;
    int count = 0;
    while (one.next(a)) {
      ASSERT_TRUE(same.next(b));
      ASSERT_EQ(a, b);
      differs = differs || !other.next(c) || a != c;
      ++count;
    }
    EXPECT_FALSE(same.next(b));
    EXPECT_TRUE(differs);
    EXPECT_GT(count, 300);
  }
}

TEST(SimulatedMonitor, ArrivalsAreInOrderAndCounted) {
  SimulationOptions options;
  options.air = {0.1, 0.2, 0.3, 300};
  SimulatedMonitor monitor = monitor_of(7, options);
  TimedNotification timed;
  std::int64_t last_ms = 0;
  std::uint64_t arrived = 0;
  while (monitor.next(timed)) {
    EXPECT_GE(timed.at_ms, last_ms);
    last_ms = timed.at_ms;
    ++arrived;
  }
  const AirCounts& air = monitor.air();
  EXPECT_EQ(arrived, air.sent - air.lost + air.repeated);
  const auto share = [&](std::uint64_t count) { return static_cast<double>(count) / static_cast<double>(air.sent); };
  EXPECT_NEAR(share(air.lost), 0.1, 0.03);
  EXPECT_NEAR(share(air.repeated), 0.2 * 0.9, 0.04);
  EXPECT_NEAR(share(air.late), 0.3 * 0.9, 0.04);
}

// Loss, lateness and repetition: nothing that arrived is invented or put in the wrong place.
TEST(SimulatedMonitor, OnABadAirOnlyTheLostIsMissing) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    SimulationOptions options;
    options.seed = seed;
    options.form = seed % 2 == 0 ? Form::direct : Form::multiplexed;
    options.sample_hz = 2;
    options.air = {0.03, 0.03, 0.05, 300};
    SimulatedMonitor monitor = monitor_of(static_cast<std::uint8_t>(seed % 13), options);
    const Recorded recorded = record(monitor);
    const SimulatedTruth& truth = monitor.truth();
    EXPECT_EQ(recorded.begun, 1);
    EXPECT_EQ(recorded.refused, 0U);

    std::map<std::pair<std::int64_t, std::int64_t>, const Record*> strokes;
    for (const Record& stroke : truth.strokes) strokes[{at(stroke, "interval"), at(stroke, "stroke_count")}] = &stroke;
    const auto found = newest(recorded.records, Stream::stroke, {"interval", "stroke_count"});
    EXPECT_GE(found.size() + 3, truth.strokes.size()) << "both parts of a stroke must be lost to lose it";
    for (const Record& stroke : found) {
      const auto meant = strokes.find({at(stroke, "interval"), at(stroke, "stroke_count")});
      ASSERT_NE(meant, strokes.end()) << text_of(stroke);
      for (const std::string_view column : {"drive_length_cm", "peak_force_dlbf", "stroke_power_w"}) {
        if (at(stroke, column) != kNull) {
          EXPECT_EQ(at(stroke, column), at(*meant->second, column));
        }
      }
    }

    // Every arrived 0x31 is in one sample; the interval of each sample is right.
    std::map<std::pair<std::int64_t, std::int64_t>, std::set<std::int64_t>> intervals_of;
    for (const Record& sample : truth.samples) {
      intervals_of[{at(sample, "elapsed_cs"), at(sample, "distance_dm")}].insert(at(sample, "interval"));
    }
    for (const Record& sample : of_stream(recorded.records, Stream::sample)) {
      if (at(sample, "distance_dm") == kNull) continue;
      const auto& intervals = intervals_of[{at(sample, "elapsed_cs"), at(sample, "distance_dm")}];
      EXPECT_TRUE(intervals.contains(at(sample, "interval"))) << text_of(sample);
    }

    std::map<std::int64_t, const Record*> splits;
    for (const Record& split : truth.splits) splits[at(split, "split_number")] = &split;
    for (const Record& split : newest(recorded.records, Stream::split, {"split_number"})) {
      ASSERT_TRUE(splits.contains(at(split, "split_number")));
      EXPECT_EQ(at(split, "interval"), at(*splits[at(split, "split_number")], "interval"));
    }

    std::map<std::pair<std::int64_t, std::int64_t>, const Record*> curves;
    for (const Record& curve : truth.force_curves) curves[{at(curve, "interval"), at(curve, "stroke_count")}] = &curve;
    for (const Record& curve : of_stream(recorded.records, Stream::force_curve)) {
      if (at(curve, "stroke_count") == kNull || at(curve, "lost_packets") != 0) continue;
      const auto meant = curves.find({at(curve, "interval"), at(curve, "stroke_count")});
      ASSERT_NE(meant, curves.end());
      EXPECT_EQ(curve.points, meant->second->points);
    }
  }
}

TEST(SimulatedMonitor, WithoutABeltThereIsNoHeartRate) {
  SimulationOptions options;
  options.rower.has_belt = false;
  SimulatedMonitor monitor = monitor_of(3, options);
  const Recorded recorded = record(monitor);
  for (const Record& sample : of_stream(recorded.records, Stream::sample)) {
    EXPECT_EQ(at(sample, "heart_rate_bpm"), kNull);
  }
  const Record summary = of_stream(recorded.records, Stream::summary).back();
  EXPECT_EQ(at(summary, "ending_heart_rate_bpm"), kNull);
  EXPECT_EQ(at(summary, "belt_id"), kNull);
}

TEST(SimulatedMonitor, RealBehaviourIsInTheStream) {
  SimulatedMonitor monitor = monitor_of(7, {});
  TimedNotification timed;
  int zero_filled = 0;
  int idle = 0;
  int ends_of_workout = 0;
  std::map<std::int64_t, int> strokes_of_first_interval;
  bool clock_before_pull = false;
  std::int64_t last_interval_elapsed = 0;
  int restarts = 0;
  while (monitor.next(timed)) {
    const Notification notification = decoded(timed.characteristic, timed.payload);
    const auto values = spread(notification);
    const auto value = [&](std::string_view column) {
      return values[rowing::column_index(notification.characteristic->stream, column)];
    };
    switch (notification.characteristic->id) {
      case 0x31:
        if (value("workout_state") == 0 && value("elapsed_cs") == 0) ++idle;
        clock_before_pull = clock_before_pull || (value("elapsed_cs") > 0 && value("rowing_state") == 0);
        if (value("elapsed_cs") + 500 < last_interval_elapsed) ++restarts;
        last_interval_elapsed = value("elapsed_cs");
        break;
      case 0x35:
        if (value("drive_time_cs") == 0) {
          ++zero_filled;
        } else if (restarts == 0) {
          ++strokes_of_first_interval[value("stroke_count")];
        }
        break;
      case 0x39:
        ++ends_of_workout;
        break;
      default:
        break;
    }
  }
  EXPECT_EQ(zero_filled, 3) << "one at the end of each rest before another interval";
  EXPECT_GE(idle, 4);
  EXPECT_EQ(ends_of_workout, 2) << "the second with the recovery heart rate";
  EXPECT_TRUE(clock_before_pull);
  EXPECT_EQ(restarts, 3);
  EXPECT_GT(strokes_of_first_interval.size(), 3U);
  for (const auto& [count, times] : strokes_of_first_interval) {
    const bool last = count == strokes_of_first_interval.rbegin()->first;
    EXPECT_EQ(times, last ? times : 2) << "0x35 comes twice a stroke";
  }
}

TEST(SimulatedMonitor, RefusesNonsense) {
  const auto refused = [](SimulatedWorkout workout, SimulationOptions options = {}) {
    const auto monitor = SimulatedMonitor::create(std::move(workout), options);
    return monitor.ok() ? std::string() : monitor.error().text;
  };
  SimulatedWorkout workout;
  EXPECT_EQ(refused(workout), "");
  workout.type = 13;
  EXPECT_NE(refused(workout), "");
  workout = {.type = 7};
  EXPECT_NE(refused(workout).find("needs 1 to 255 intervals"), std::string::npos);
  workout.intervals = {{Goal::distance, 0, 0}};
  EXPECT_NE(refused(workout), "");
  workout = {.length = 0x1000000};
  EXPECT_NE(refused(workout), "");
  workout = {.length = 2000, .split = 0};
  EXPECT_NE(refused(workout), "");
  SimulationOptions options;
  options.sample_hz = 3;
  EXPECT_NE(refused({}, options), "");
  options = {};
  options.air.lost = 1.5;
  EXPECT_NE(refused({}, options), "");
  options = {};
  options.rower.power_w = std::nan("");
  EXPECT_NE(refused({}, options), "");
}

TEST(SimulatedMonitor, AnAirThatLosesEverythingEnds) {
  SimulationOptions options;
  options.air.lost = 1.0;
  SimulatedMonitor monitor = monitor_of(3, options);
  TimedNotification timed;
  EXPECT_FALSE(monitor.next(timed));
  EXPECT_FALSE(monitor.truth().strokes.empty());
}

}  // namespace
}  // namespace boathouse::pm5
