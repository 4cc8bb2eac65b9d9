#include "core/rowing/session_figures.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>
#include <utility>

#include "core/rowing/catalogue.hpp"
#include "core/rowing/enumerations.hpp"

namespace boathouse::rowing {
namespace {

using Values = std::initializer_list<std::pair<std::string_view, std::int64_t>>;

Record record_of(Stream stream, Values values) {
  Record record;
  record.stream = stream;
  record.values.assign(metrics(stream).size(), kNull);
  for (const auto& [column, value] : values) record.values[column_index(stream, column)] = value;
  return record;
}

class SessionFiguresTest : public testing::Test {
 protected:
  void observe(Stream stream, Values values) { reckoner_.observe(record_of(stream, values)); }

  // 2 samples a second from 0.5 s at 5 m/s and 1:40.
  void row(std::int64_t interval, std::int64_t to_s, std::int64_t workout_type, std::int64_t at_ms = 0) {
    for (std::int64_t half = 1; half <= 2 * to_s; ++half) {
      observe(Stream::sample, {{"at_ms", at_ms + half * 500},
                               {"interval", interval},
                               {"elapsed_cs", half * 50},
                               {"distance_dm", half * 25},
                               {"workout_type", workout_type},
                               {"workout_state", 1},
                               {"rowing_state", 1},
                               {"stroke_rate_spm", 24},
                               {"heart_rate_bpm", half <= to_s ? 120 : 160},
                               {"pace_cs_per_500m", 10'000},
                               {"drag_factor", 110},
                               {"total_calories", half / 10}});
    }
  }

  SessionReckoner reckoner_;
};

Figure monitor(std::int64_t value) { return {value, FigureSource::monitor}; }
Figure derived(std::int64_t value) { return {value, FigureSource::derived}; }
const Figure kNothing;

TEST_F(SessionFiguresTest, NothingIsKnownOfNothing) {
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.work_time_cs, kNothing);
  EXPECT_EQ(figures.stroke_count, kNothing);
  EXPECT_EQ(figures.best_times_cs[0], kNothing);
  EXPECT_EQ(figures.power_from, PowerSource::none);
  EXPECT_TRUE(figures.power_w.empty());
  EXPECT_FALSE(figures.has_summary);
}

TEST_F(SessionFiguresTest, WithoutASummaryEverythingIsDerived) {
  row(0, 200, 1);
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.work_time_cs, derived(20'000));
  EXPECT_EQ(figures.work_distance_dm, derived(10'000));
  EXPECT_EQ(figures.avg_pace_cs_per_500m, derived(10'000));
  EXPECT_EQ(figures.avg_power_w, derived(350));  // 2.80 / 0.2^3
  EXPECT_EQ(figures.avg_stroke_rate_spm, derived(24));
  EXPECT_EQ(figures.avg_heart_rate_bpm, derived(140));
  EXPECT_EQ(figures.min_heart_rate_bpm, derived(120));
  EXPECT_EQ(figures.max_heart_rate_bpm, derived(160));
  EXPECT_EQ(figures.avg_drag_factor, derived(110));
  EXPECT_EQ(figures.total_calories, derived(40));
  EXPECT_EQ(figures.best_times_cs[0], derived(10'000));
  EXPECT_EQ(figures.best_times_cs[1], derived(20'000));
  EXPECT_EQ(figures.best_times_cs[2], kNothing);
  EXPECT_EQ(figures.best_distances_dm[0], derived(3'000));
  EXPECT_EQ(figures.power_from, PowerSource::pace);
  EXPECT_EQ(figures.power_w, std::vector<std::int64_t>(8, 350));  // up to 2 min
  EXPECT_EQ(figures.heart_rate_ms, (std::map<std::int64_t, std::int64_t>{{120, 99'500}, {160, 100'000}}));
  EXPECT_EQ(figures.pace_ms, (std::map<std::int64_t, std::int64_t>{{100, 199'500}}));
  EXPECT_EQ(figures.clock_jumps, 0);
}

TEST_F(SessionFiguresTest, TheMonitorsWordGoesBeforeWhatIsDerived) {
  observe(Stream::summary, {{"elapsed_cs", 20'010},
                            {"distance_dm", 10'000},
                            {"avg_pace_ds_per_500m", 1'000},
                            {"avg_power_w", 349},
                            {"avg_stroke_rate_spm", 23},
                            {"avg_heart_rate_bpm", 141},
                            {"max_heart_rate_bpm", 163},
                            {"total_calories", 41},
                            {"workout_type", 3}});
  row(0, 199, 3);
  const SessionFigures figures = reckoner_.finish();
  EXPECT_TRUE(figures.has_summary);
  EXPECT_EQ(figures.work_time_cs, monitor(20'010));
  EXPECT_EQ(figures.work_distance_dm, monitor(10'000));
  EXPECT_EQ(figures.avg_pace_cs_per_500m, monitor(10'000));
  EXPECT_EQ(figures.avg_power_w, monitor(349));
  EXPECT_EQ(figures.avg_heart_rate_bpm, monitor(141));
  EXPECT_EQ(figures.min_heart_rate_bpm, derived(120));
  EXPECT_EQ(figures.best_times_cs[0], derived(10'000));
  EXPECT_EQ(figures.best_times_cs[1], monitor(20'010));  // the piece itself
}

TEST_F(SessionFiguresTest, ASummaryWithoutDistanceSaysNothingOfTheWork) {
  observe(Stream::summary, {{"elapsed_cs", 5'720}, {"distance_dm", 0}, {"avg_drag_factor", 123}});
  row(0, 60, 1);
  const SessionFigures figures = reckoner_.finish();
  EXPECT_FALSE(figures.has_summary);
  EXPECT_EQ(figures.work_distance_dm, derived(3'000));
  EXPECT_EQ(figures.avg_drag_factor, monitor(123));
}

TEST_F(SessionFiguresTest, ALineOfALogbookIsAPieceUnlessItHasRest) {
  observe(Stream::summary, {{"elapsed_cs", 48'000}, {"distance_dm", 20'000}, {"work_time_ds", 4'800}});
  EXPECT_EQ(reckoner_.finish().best_times_cs[2], monitor(48'000));

  reckoner_ = {};  // 4 x 500 m
  observe(Stream::summary,
          {{"elapsed_cs", 42'000}, {"distance_dm", 20'000}, {"work_time_ds", 4'200}, {"rest_time_ds", 3'600}});
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.best_times_cs[2], kNothing);
  EXPECT_EQ(figures.rest_time_cs, monitor(36'000));
}

TEST_F(SessionFiguresTest, IntervalsAddUpAndTheirSplitsAreTheMonitorsWords) {
  observe(Stream::summary, {{"elapsed_cs", 12'000}, {"distance_dm", 6'000}, {"workout_type", 6}});
  for (std::int64_t number = 1; number <= 2; ++number) {
    observe(Stream::split, {{"interval", number - 1},
                            {"split_number", number},
                            {"split_type", 0},
                            {"split_time_ds", 600},
                            {"split_distance_m", 300 + number},
                            {"rest_time_s", 30},
                            {"rest_distance_m", 20}});
  }
  row(0, 59, 6);
  observe(Stream::sample, {{"interval", 0}, {"workout_state", 3}, {"rest_distance_m", 15}, {"heart_rate_bpm", 170}});
  row(1, 59, 6, 100'000);
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.rest_time_cs, monitor(6'000));
  EXPECT_EQ(figures.rest_distance_m, monitor(40));
  EXPECT_EQ(figures.best_distances_dm[0], monitor(3'020));
  EXPECT_EQ(figures.best_times_cs[0], kNothing) << "600 m in all, but no interval has 500";
  EXPECT_EQ(figures.total_calories, derived(22));
  EXPECT_EQ(figures.max_heart_rate_bpm, derived(170));
  EXPECT_EQ(figures.power_w.size(), 7U) << "a minute, as the split says";
}

TEST_F(SessionFiguresTest, WithoutSplitsTheRestIsWhatTheSamplesShowed) {
  row(0, 60, 7);
  for (std::int64_t left = 30; left >= 1; --left) {
    observe(Stream::sample,
            {{"interval", 0}, {"workout_state", 3}, {"rest_time_cs", left * 100}, {"rest_distance_m", 30 - left}});
  }
  row(1, 60, 7, 100'000);
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.rest_time_cs, derived(2'900));
  EXPECT_EQ(figures.rest_distance_m, derived(29));
  EXPECT_EQ(figures.work_time_cs, derived(12'000));
}

// Three intervals of a minute, each with a minute of rest.
class RestsTest : public SessionFiguresTest {
 protected:
  void row_all(bool third_rest = true) {
    for (std::int64_t interval = 0; interval < 3; ++interval) {
      row(interval, 60, 7, interval * 120'000);
      if (interval == 2 && !third_rest) return;
      for (std::int64_t left = 60; left >= 0; --left) {
        observe(Stream::sample, {{"interval", interval},
                                 {"at_ms", interval * 120'000 + 120'000 - left * 1000},
                                 {"workout_type", 7},
                                 {"workout_state", 3},
                                 {"rest_time_cs", left * 100},
                                 {"rest_distance_m", (60 - left) / 3}});
      }
    }
  }
  void split(std::int64_t number, std::int64_t rest_time_s = 61) {
    observe(Stream::split, {{"interval", number - 1},
                            {"split_number", number},
                            {"split_time_ds", 600},
                            {"split_distance_m", 300},
                            {"rest_time_s", rest_time_s},
                            {"rest_distance_m", 21}});
  }
};

TEST_F(RestsTest, AllSplitsAreTheMonitorsWord) {
  for (std::int64_t number = 1; number <= 3; ++number) split(number);
  row_all();
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.rest_time_cs, monitor(18'300));
  EXPECT_EQ(figures.rest_distance_m, monitor(63));
}

TEST_F(RestsTest, ForALostSplitTheSamplesSpeak) {
  split(1);
  split(3);
  row_all();
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.rest_time_cs, derived(18'200));
  EXPECT_EQ(figures.rest_distance_m, derived(62));
}

TEST_F(RestsTest, TheLastSplitIsMissedToo) {
  split(1);
  split(2);
  row_all();
  EXPECT_EQ(reckoner_.finish().rest_time_cs, derived(18'200));
}

TEST_F(RestsTest, ASplitThatOnlyTheSummaryKnowsOfIsMissing) {
  observe(Stream::summary, {{"elapsed_cs", 18'000}, {"distance_dm", 9'000}, {"split_count", 3}});
  split(1);
  split(2);
  EXPECT_EQ(reckoner_.finish().rest_time_cs, derived(12'200));
}

TEST_F(RestsTest, ASplitOfWhichHalfWasLostSaysNothingOfItsRest) {
  split(1);
  split(2, kNull);
  split(3);
  row_all();
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.rest_time_cs, derived(18'200));
  EXPECT_EQ(figures.rest_distance_m, monitor(63));
}

// An interval of 1 min and 200 m; its rest is not heard; 4 min at 5 m/s are heard from 61 s on.
class UnheardIntervalTest : public SessionFiguresTest {
 protected:
  void sample(std::int64_t interval, std::int64_t at_s, std::int64_t elapsed_s, std::int64_t distance_dm,
              std::int64_t total_m, std::int64_t pace_cs, std::int64_t calories = kNull) {
    observe(Stream::sample, {{"interval", interval},
                             {"at_ms", at_s * 1000},
                             {"elapsed_cs", elapsed_s * 100},
                             {"distance_dm", distance_dm},
                             {"total_work_distance_m", total_m},
                             {"workout_type", 8},
                             {"workout_state", 4},
                             {"rowing_state", 1},
                             {"total_calories", calories},
                             {"pace_cs_per_500m", pace_cs}});
  }
  void row_both(std::int64_t second_interval, std::int64_t second_total_m) {
    for (std::int64_t s = 1; s < 60; ++s) sample(0, s, s, s * 200 / 6, 0, 15'000, 10);
    for (std::int64_t s = 61; s <= 240; ++s) sample(second_interval, 120 + s, s, s * 50, second_total_m, 10'000, 30);
  }
  void expect_what_was_rowed() {
    const SessionFigures figures = reckoner_.finish();
    EXPECT_EQ(figures.best_times_cs[0], derived(10'000));
    EXPECT_EQ(figures.best_distances_dm[0], derived(3'000));
    EXPECT_EQ(figures.best_distances_dm[1], derived(12'000));
    EXPECT_EQ(figures.work_time_cs, derived(5'900 + 24'000));
    EXPECT_EQ(figures.total_calories, derived(40));
  }
};

TEST_F(UnheardIntervalTest, TheRecordersCountTellsIt) {
  row_both(1, kNull);
  expect_what_was_rowed();
}

TEST_F(UnheardIntervalTest, TheTotalTellsItWhereTheRecorderDidNotCount) {
  row_both(0, 203);
  expect_what_was_rowed();
}

TEST_F(UnheardIntervalTest, PowerIsOfOneIntervalByPaceAndByStrokes) {
  for (std::int64_t s = 1; s <= 60; ++s) sample(0, s, s, s * 60, 0, 8'355);  // 600 W
  observe(Stream::sample, {{"interval", 0}, {"at_ms", 70'000}, {"workout_type", 8}, {"workout_state", 3}});
  for (std::int64_t s = 65; s <= 240; ++s) sample(1, 360 + s, s, s * 42, 360, 12'051);  // 200 W
  const SessionReckoner with_samples = reckoner_;
  std::vector<std::int64_t> watts = reckoner_.finish().power_w;
  ASSERT_EQ(watts.size(), 8U);
  EXPECT_EQ(watts[6], 600);
  EXPECT_EQ(watts[7], 200);

  for (const std::int64_t second_interval : {1, 0}) {  // the recorder counted, or it did not
    reckoner_ = with_samples;
    if (second_interval == 0) {
      reckoner_ = {};
      for (std::int64_t s = 1; s <= 60; ++s) sample(0, s, s, s * 60, 0, 8'355);
      for (std::int64_t s = 65; s <= 240; ++s) sample(0, 360 + s, s, s * 42, 365, 12'051);
    }
    for (std::int64_t stroke = 1; stroke <= 120; ++stroke) {
      if (stroke > 30 && stroke < 33) continue;
      observe(Stream::stroke, {{"interval", stroke <= 30 ? 0 : second_interval},
                               {"at_ms", (stroke <= 30 ? 0 : 360'000) + stroke * 2000},
                               {"stroke_count", stroke},
                               {"elapsed_cs", stroke * 200},
                               {"stroke_power_w", stroke <= 30 ? 600 : 200}});
    }
    watts = reckoner_.finish().power_w;
    ASSERT_EQ(watts.size(), 8U);
    EXPECT_EQ(watts[6], 600);
    EXPECT_EQ(watts[7], 200);
  }
}

TEST_F(UnheardIntervalTest, StrokesWithTheSameNumberAreTwo) {
  row_both(0, 203);
  for (const std::int64_t at_s : {58, 190}) {
    observe(Stream::stroke, {{"interval", 0}, {"at_ms", at_s * 1000}, {"stroke_count", 25}, {"elapsed_cs", 5'800}});
  }
  EXPECT_EQ(reckoner_.finish().stroke_count, derived(2));
}

// A rest drifts on: of an end behind a silence nobody knows whether it was in one.
TEST_F(UnheardIntervalTest, AnEndBehindASilenceIsNoWork) {
  for (std::int64_t s = 1; s <= 60; ++s) sample(0, s, s, s * 50, 0, 10'000);
  for (std::int64_t s = 80; s <= 82; ++s) {
    observe(Stream::sample, {{"interval", 0},
                             {"at_ms", s * 1000},
                             {"elapsed_cs", 6'050},
                             {"distance_dm", 3'110},
                             {"workout_type", 8},
                             {"workout_state", 11}});
  }
  EXPECT_EQ(reckoner_.finish().work_distance_dm, derived(3'000));
}

TEST_F(SessionFiguresTest, WhatDriftsInARestThatEndsThePieceIsNoWork) {
  row(0, 60, 7);
  observe(Stream::sample, {{"interval", 0}, {"workout_state", 3}, {"elapsed_cs", 6'000}, {"distance_dm", 3'010}});
  observe(Stream::sample, {{"interval", 0}, {"workout_state", 11}, {"elapsed_cs", 6'000}, {"distance_dm", 3'050}});
  EXPECT_EQ(reckoner_.finish().work_distance_dm, derived(3'000));
}

TEST_F(SessionFiguresTest, OfTwoRecordsAboutASplitTheLaterCounts) {
  observe(Stream::split, {{"split_number", 1}, {"split_type", 1}, {"split_time_ds", 900}, {"split_distance_m", 500}});
  observe(Stream::split, {{"split_number", 1}, {"split_type", 1}, {"split_time_ds", 1'100}, {"split_distance_m", 500}});
  EXPECT_EQ(reckoner_.finish().best_times_cs[0], monitor(11'000));
}

TEST_F(SessionFiguresTest, ASplitOfATimeIsNoWordAboutADistance) {
  observe(Stream::split, {{"split_number", 1}, {"split_type", 0}, {"split_time_ds", 1'100}, {"split_distance_m", 500}});
  observe(Stream::split, {{"split_number", 2}, {"split_type", 2}, {"split_time_ds", 600}, {"split_distance_m", 90}});
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.best_times_cs[0], kNothing);
  EXPECT_EQ(figures.best_distances_dm[0], kNothing);
}

TEST_F(SessionFiguresTest, StrokesGiveThePowerAndARepeatedOneIsOne) {
  row(0, 60, 1);
  for (std::int64_t stroke = 1; stroke <= 20; ++stroke) {
    for (int i = 0; i < (stroke == 7 ? 2 : 1); ++i) {
      observe(Stream::stroke, {{"interval", 0},
                               {"elapsed_cs", stroke * 300},
                               {"stroke_count", stroke},
                               {"stroke_power_w", stroke == 10 ? 500 : 260}});
    }
  }
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.stroke_count, derived(20));
  EXPECT_EQ(figures.max_power_w, derived(500));
  EXPECT_EQ(figures.power_from, PowerSource::strokes);
  EXPECT_EQ(figures.power_w, (std::vector<std::int64_t>{500, 500, (500 * 3 + 260 * 2) / 5, (500 * 3 + 260 * 7) / 10,
                                                        (500 * 3 + 260 * 17) / 20, (500 * 3 + 260 * 27) / 30,
                                                        (500 * 3 + 260 * 57) / 60}));
}

TEST_F(SessionFiguresTest, AFileOfStrokesAloneHasBestsToo) {
  for (std::int64_t stroke = 1; stroke <= 50; ++stroke) {
    observe(Stream::stroke, {{"elapsed_cs", stroke * 250}, {"distance_dm", stroke * 110}});
  }
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.best_times_cs[0], derived(11'364));  // 500 m at 4.4 m/s is 113.636.. s
  EXPECT_EQ(figures.work_distance_dm, derived(5'500));
  EXPECT_EQ(figures.stroke_count, derived(50));
}

TEST_F(SessionFiguresTest, WhoStandsStillHasNoPowerAndNoPace) {
  row(0, 10, 1);
  for (std::int64_t s = 11; s <= 20; ++s) {  // the monitor goes on showing the last pace
    observe(Stream::sample, {{"at_ms", s * 1000},
                             {"interval", 0},
                             {"elapsed_cs", s * 100},
                             {"distance_dm", 500},
                             {"workout_type", 1},
                             {"workout_state", 1},
                             {"rowing_state", 0},
                             {"pace_cs_per_500m", 10'000}});
  }
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.power_w, (std::vector<std::int64_t>{350, 350, 350, 350, 175}));
  EXPECT_EQ(figures.pace_ms, (std::map<std::int64_t, std::int64_t>{{100, 9'500}}));
}

TEST_F(SessionFiguresTest, AValueIsNotHeldThroughAGap) {
  observe(Stream::sample, {{"at_ms", 0}, {"heart_rate_bpm", 100}});
  observe(Stream::sample, {{"at_ms", 600'000}, {"heart_rate_bpm", 140}});
  EXPECT_EQ(reckoner_.finish().heart_rate_ms, (std::map<std::int64_t, std::int64_t>{{140, 10'000}}));
}

TEST_F(SessionFiguresTest, WhatIsWrongIsCounted) {
  row(0, 60, 1);
  observe(Stream::sample, {{"at_ms", 1'000}, {"interval", 0}, {"elapsed_cs", 4'000}, {"distance_dm", 3'000}});
  observe(Stream::event, {{"kind", static_cast<std::int64_t>(EventKind::gap)}});
  observe(Stream::event, {{"kind", static_cast<std::int64_t>(EventKind::reconnected)}});
  const SessionFigures figures = reckoner_.finish();
  EXPECT_EQ(figures.gaps, 1);
  EXPECT_EQ(figures.clock_jumps, 2);  // elapsed and at_ms
}

}  // namespace
}  // namespace boathouse::rowing
