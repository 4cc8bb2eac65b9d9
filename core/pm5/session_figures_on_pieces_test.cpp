// The figures of simulated workouts against the plainest way to find them: every window, one after the other.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/random.hpp"
#include "core/pm5/assembler.hpp"
#include "core/pm5/piece_counters.hpp"
#include "core/pm5/simulated_monitor.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/session_figures.hpp"
#include "tests/support/sanitizers.hpp"

namespace boathouse::pm5 {
namespace {

using rowing::kNull;
using rowing::Record;
using rowing::SessionFigures;
using rowing::Stream;

std::int64_t at(const Record& record, std::string_view column) {
  return record.values[rowing::column_index(record.stream, column)];
}

SimulatedTruth row(std::uint8_t type, std::uint64_t seed) {
  SimulationOptions options;
  options.seed = seed;
  options.rower.pause_probability = seed % 2 == 0 ? 0.02 : 0.0;
  options.rower.power_w = 150.0 + static_cast<double>(seed % 5) * 40.0;
  options.keep_samples = true;
  SimulatedMonitor monitor = SimulatedMonitor::create(sample_workout(type, 20'000), options).value();
  TimedNotification notification;
  while (monitor.next(notification)) {
  }
  return monitor.truth();
}

SessionFigures reckon(const SimulatedTruth& truth) {
  rowing::SessionReckoner reckoner;
  if (truth.summary) reckoner.observe(*truth.summary);
  for (const auto* records : {&truth.splits, &truth.samples, &truth.strokes}) {
    for (const Record& record : *records) reckoner.observe(record);
  }
  return reckoner.finish();
}

struct Point {
  double t = 0;
  double d = 0;
};
using Lines = std::map<std::int64_t, std::vector<Point>>;  // by interval

// What the monitor showed of each interval's work, from 0 to where its own words say that it ended.
Lines lines_of(const SimulatedTruth& truth, std::uint8_t type) {
  Lines lines;
  const auto append = [&lines](std::int64_t interval, std::int64_t t, std::int64_t d) {
    std::vector<Point>& line = lines[interval];
    if (line.empty()) line.push_back({});
    if (static_cast<double>(t) < line.back().t || static_cast<double>(d) < line.back().d) return;
    line.push_back({static_cast<double>(t), static_cast<double>(d)});
  };
  for (const Record& sample : truth.samples) {
    const std::int64_t state = at(sample, "workout_state");
    if (state == 3 || state == 8 || state == 9) continue;
    append(at(sample, "interval"), at(sample, "elapsed_cs"), at(sample, "distance_dm"));
  }
  for (const Record& split : truth.splits) {
    if (!has_intervals(type)) continue;
    std::vector<Point>& line = lines[at(split, "interval")];
    const double d = std::max(line.back().d, static_cast<double>(at(split, "split_distance_m") * 10));
    const auto t = static_cast<double>(at(split, "split_time_ds") * 10);
    if (t >= line.back().t) line.push_back({t, d});
  }
  if (!has_intervals(type)) append(0, at(*truth.summary, "elapsed_cs"), at(*truth.summary, "distance_dm"));
  return lines;
}

double along(double x, double x0, double x1, double y0, double y1) {
  return x1 == x0 ? y1 : y0 + (y1 - y0) * (x - x0) / (x1 - x0);
}

std::optional<double> distance_at(const std::vector<Point>& line, double t) {
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (t >= line[i - 1].t && t <= line[i].t) return along(t, line[i - 1].t, line[i].t, line[i - 1].d, line[i].d);
  }
  return std::nullopt;
}

std::optional<double> first_time_at(const std::vector<Point>& line, double d) {
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i - 1].d <= d && d <= line[i].d && line[i].d > line[i - 1].d) {
      return along(d, line[i - 1].d, line[i].d, line[i - 1].t, line[i].t);
    }
  }
  return std::nullopt;
}

std::optional<double> last_time_at(const std::vector<Point>& line, double d) {
  std::optional<double> last;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i - 1].d <= d && d < line[i].d) {
      last = along(d, line[i - 1].d, line[i].d, line[i - 1].t, line[i].t);
    }
  }
  return last;
}

std::optional<double> least_time(const Lines& lines, double span_dm) {
  std::optional<double> best;
  const auto offer = [&best](std::optional<double> from, std::optional<double> to) {
    if (from && to) best = std::min(best.value_or(1e18), *to - *from);
  };
  for (const auto& [interval, line] : lines) {
    for (const Point& point : line) {
      offer(point.t, first_time_at(line, point.d + span_dm));
      offer(last_time_at(line, point.d - span_dm), point.t);
    }
  }
  return best;
}

std::optional<double> most_distance(const Lines& lines, double span_cs) {
  std::optional<double> best;
  const auto offer = [&best](std::optional<double> from, std::optional<double> to) {
    if (from && to) best = std::max(best.value_or(0.0), *to - *from);
  };
  for (const auto& [interval, line] : lines) {
    for (const Point& point : line) {
      offer(point.d, distance_at(line, point.t + span_cs));
      offer(distance_at(line, point.t - span_cs), point.d);
    }
  }
  return best;
}

class FiguresOnPieces : public testing::TestWithParam<int> {};

TEST_P(FiguresOnPieces, AreWhatTryingEveryWindowFinds) {
  const auto type = static_cast<std::uint8_t>(GetParam());
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const SimulatedTruth truth = row(type, seed);
    ASSERT_TRUE(truth.summary);
    const SessionFigures figures = reckon(truth);
    const Lines lines = lines_of(truth, type);
    SCOPED_TRACE("type " + std::to_string(type) + " seed " + std::to_string(seed));
    for (std::size_t i = 0; i < rowing::kBestDistancesM.size(); ++i) {
      const rowing::Figure& best = figures.best_times_cs[i];
      const auto naive = least_time(lines, static_cast<double>(rowing::kBestDistancesM[i] * 10));
      ASSERT_EQ(best.value == kNull, !naive) << rowing::kBestDistancesM[i];
      if (!naive) continue;
      if (best.source == rowing::FigureSource::derived) {
        EXPECT_GE(static_cast<double>(best.value), *naive - 1e-6);
        EXPECT_LT(static_cast<double>(best.value), *naive + 1.0 + 1e-6);
      } else {
        EXPECT_NEAR(static_cast<double>(best.value), *naive, 10.0);  // a split's time has tenths
      }
    }
    for (std::size_t i = 0; i < rowing::kBestTimesS.size(); ++i) {
      const rowing::Figure& best = figures.best_distances_dm[i];
      const auto naive = most_distance(lines, static_cast<double>(rowing::kBestTimesS[i] * 100));
      ASSERT_EQ(best.value == kNull, !naive) << rowing::kBestTimesS[i];
      if (!naive) continue;
      EXPECT_LE(static_cast<double>(best.value), *naive + 1e-6);
      EXPECT_GT(static_cast<double>(best.value), *naive - 10.0 - 1e-6);
      if (best.source == rowing::FigureSource::derived) {
        EXPECT_GT(static_cast<double>(best.value), *naive - 1.0 - 1e-6);
      }
    }
  }
}

TEST_P(FiguresOnPieces, TotalsAreTheMonitors) {
  const auto type = static_cast<std::uint8_t>(GetParam());
  const SimulatedTruth truth = row(type, 4);
  const SessionFigures figures = reckon(truth);
  EXPECT_EQ(figures.work_time_cs.value, truth.elapsed_cs);
  EXPECT_EQ(figures.work_distance_dm.value, truth.distance_dm);
  EXPECT_EQ(figures.work_distance_dm.source, rowing::FigureSource::monitor);
  EXPECT_EQ(figures.stroke_count.value, static_cast<std::int64_t>(truth.strokes.size()));
  EXPECT_EQ(figures.clock_jumps, 0);
  EXPECT_EQ(figures.power_from, rowing::PowerSource::strokes);
  EXPECT_TRUE(std::ranges::is_sorted(figures.power_w, std::greater<>())) << "a longer time is never stronger";

  // And without the monitor's words nearly the same comes out: samples are half a second apart.
  SimulatedTruth silent = truth;
  silent.summary.reset();
  silent.splits.clear();
  const SessionFigures own = reckon(silent);
  EXPECT_EQ(own.work_time_cs.source, rowing::FigureSource::derived);
  const auto intervals = static_cast<std::int64_t>(lines_of(truth, type).size());
  EXPECT_LE(own.work_time_cs.value, truth.elapsed_cs);
  EXPECT_GE(own.work_time_cs.value, truth.elapsed_cs - 60 * intervals);
  EXPECT_LE(own.work_distance_dm.value, truth.distance_dm);
  EXPECT_GE(own.work_distance_dm.value, truth.distance_dm - 30 * intervals);
}

// Whoever reads records for it reads no more than these.
Record with_needed_columns(Record record) {
  const auto metrics = rowing::metrics(record.stream);
  const auto needed = rowing::figure_columns(record.stream);
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    if (std::ranges::find(needed, metrics[i].column) == needed.end()) record.values[i] = kNull;
  }
  return record;
}

TEST_P(FiguresOnPieces, NeedOnlyTheirColumns) {
  SimulatedTruth truth = row(static_cast<std::uint8_t>(GetParam()), 5);
  const SessionFigures all = reckon(truth);
  for (auto* records : {&truth.samples, &truth.strokes, &truth.splits}) {
    for (Record& record : *records) record = with_needed_columns(record);
  }
  truth.summary = with_needed_columns(*truth.summary);
  EXPECT_EQ(reckon(truth), all);
}

// ---- what is left of them when a while of it was not heard ----

struct Outage {  // of the notifications, by their time
  std::int64_t from_ms = 0;
  std::int64_t to_ms = 0;
};

struct Piece {
  std::vector<TimedNotification> notifications;
  SimulatedTruth truth;
};

Piece long_piece(std::uint8_t type, std::uint64_t seed) {
  SimulationOptions options;
  options.seed = seed;
  options.rower.power_w = 150.0 + static_cast<double>(seed % 5) * 40.0;
  SimulatedMonitor monitor = SimulatedMonitor::create(sample_workout(type, 60'000), options).value();
  Piece piece;
  TimedNotification notification;
  while (monitor.next(notification)) piece.notifications.push_back(notification);
  piece.truth = monitor.truth();
  return piece;
}

std::vector<Record> heard(const Piece& piece, const Outage& outage) {
  const std::int64_t last_ms = at(piece.truth.samples.back(), "at_ms") - *piece.truth.begins_at_ms;
  Assembler assembler;
  std::vector<Record> records;
  for (const TimedNotification& one : piece.notifications) {
    const std::int64_t at_ms = one.at_ms - *piece.truth.begins_at_ms;
    if (at_ms < 0 || (at_ms >= outage.from_ms && at_ms < outage.to_ms)) continue;
    assembler.tick(at_ms, records);
    Notification notification;
    if (decode(one.characteristic, one.payload, notification) != DecodeStatus::ok) continue;
    assembler.push(notification, at_ms, records);
  }
  assembler.flush(records);
  // The monitor goes on after the workout.
  std::erase_if(records,
                [&](const Record& record) { return record.stream == Stream::sample && at(record, "at_ms") > last_ms; });
  return records;
}

SessionFigures reckon(const std::vector<Record>& records, bool only_needed_columns = false) {
  rowing::SessionReckoner reckoner;
  for (const Stream stream : {Stream::summary, Stream::split, Stream::sample, Stream::stroke, Stream::event}) {
    for (const Record& record : records) {
      if (record.stream != stream) continue;
      reckoner.observe(only_needed_columns ? with_needed_columns(record) : record);
    }
  }
  return reckoner.finish();
}

// Numbers samples and strokes anew.
void count_by_falls(std::vector<Record>& records) {
  std::int64_t interval = 0;
  std::map<std::int64_t, std::int64_t> number_of;  // by the recorder's own
  const Record* before = nullptr;
  for (Record& record : records) {
    if (record.stream != Stream::sample || at(record, "distance_dm") == kNull) continue;
    const auto counters = [](const Record& one) { return Counters{at(one, "elapsed_cs"), at(one, "distance_dm")}; };
    if (before != nullptr && restarted(counters(*before), counters(record))) ++interval;
    number_of[at(record, "interval")] = interval;
    before = &record;
  }
  for (Record& record : records) {
    if (record.stream != Stream::sample && record.stream != Stream::stroke) continue;
    std::int64_t& number = record.values[rowing::column_index(record.stream, "interval")];
    number = number_of[number];
  }
}

// A split's time has tenths, and is cut off there.
constexpr std::int64_t kTenthCs = 10;

void expect_no_more_than(const SessionFigures& truth, const SessionFigures& figures) {
  for (std::size_t i = 0; i < truth.best_times_cs.size(); ++i) {
    if (figures.best_times_cs[i].value == kNull) continue;
    ASSERT_NE(truth.best_times_cs[i].value, kNull) << rowing::kBestDistancesM[i] << " m";
    EXPECT_GE(figures.best_times_cs[i].value, truth.best_times_cs[i].value - kTenthCs) << rowing::kBestDistancesM[i];
  }
  for (std::size_t i = 0; i < truth.best_distances_dm.size(); ++i) {
    EXPECT_LE(figures.best_distances_dm[i].value, truth.best_distances_dm[i].value) << rowing::kBestTimesS[i] << " s";
  }
  ASSERT_LE(figures.power_w.size(), truth.power_w.size());
  for (std::size_t i = 0; i < figures.power_w.size(); ++i) {
    EXPECT_LE(figures.power_w[i], truth.power_w[i]) << rowing::kPowerDurationsS[i] << " s";
  }
  EXPECT_LE(figures.work_time_cs.value, truth.work_time_cs.value);
  EXPECT_LE(figures.work_distance_dm.value, truth.work_distance_dm.value);
  EXPECT_LE(figures.rest_time_cs.value, truth.rest_time_cs.value);
  EXPECT_LE(figures.rest_distance_m.value, truth.rest_distance_m.value);
  if (figures.rest_time_cs.source == rowing::FigureSource::monitor) {
    EXPECT_EQ(figures.rest_time_cs, truth.rest_time_cs);
  }
  EXPECT_LE(figures.stroke_count.value, truth.stroke_count.value);
}

TEST_P(FiguresOnPieces, AnOutageNeverMakesThemBetter) {
  const auto type = static_cast<std::uint8_t>(GetParam());
  for (std::uint64_t seed = 1; seed <= (test_support::kSanitized ? 1 : 3); ++seed) {
    const Piece piece = long_piece(type, seed);
    const SessionFigures truth = reckon(piece.truth);
    EXPECT_EQ(reckon(heard(piece, {})), truth) << "nothing was lost";
    const std::int64_t last_ms = at(piece.truth.samples.back(), "at_ms") - *piece.truth.begins_at_ms;
    base::SeededRandom random(seed);
    for (int i = 0; i < (test_support::kSanitized ? 3 : 8); ++i) {
      const auto from_ms = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(last_ms - 20'000)));
      const auto length_ms = 12'000 + static_cast<std::int64_t>(random.below(240'000));
      const Outage outage{from_ms, std::min(from_ms + length_ms, last_ms - 1'000)};
      SCOPED_TRACE("type " + std::to_string(type) + " seed " + std::to_string(seed) + " silent from " +
                   std::to_string(outage.from_ms) + " to " + std::to_string(outage.to_ms) + " ms");
      std::vector<Record> records = heard(piece, outage);
      const SessionFigures figures = reckon(records);
      expect_no_more_than(truth, figures);
      EXPECT_EQ(reckon(records, true), figures);
      std::erase_if(records, [](const Record& record) { return record.stream == Stream::summary; });
      expect_no_more_than(truth, reckon(records));
      // As a recorder wrote them that counted an interval only when it heard the counters fall.
      std::erase_if(records, [](const Record& record) { return record.stream == Stream::split; });
      count_by_falls(records);
      expect_no_more_than(truth, reckon(records));
      EXPECT_EQ(reckon(records, true), reckon(records));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(WorkoutTypes, FiguresOnPieces, testing::Values(1, 2, 3, 5, 6, 7, 8, 9),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace boathouse::pm5
