#include "core/rowing/best_stretches.hpp"

#include <gtest/gtest.h>

namespace boathouse::rowing {
namespace {

constexpr std::size_t k500m = 0;
constexpr std::size_t k1000m = 1;
constexpr std::size_t k1min = 0;
const WorkEnds kNoEnds;

// 5 m/s is 500 m in 100 s.
void row(ProgressBests& bests, std::int64_t interval, std::int64_t from_s, std::int64_t to_s, std::int64_t from_dm,
         std::int64_t dm_per_s, const WorkEnds& ends = kNoEnds) {
  for (std::int64_t s = from_s; s <= to_s; ++s) {
    EXPECT_TRUE(bests.work(interval, s * 100, from_dm + (s - from_s) * dm_per_s, ends));
  }
}

TEST(ProgressBests, TheFastestPartOfAPieceCounts) {
  ProgressBests bests;
  row(bests, 0, 1, 100, 40, 40);      // 4 m/s: 400 m
  row(bests, 0, 101, 200, 4050, 50);  // 5 m/s: 900 m
  row(bests, 0, 201, 300, 9040, 40);  // 1300 m
  bests.finish(kNoEnds, std::nullopt);
  EXPECT_EQ(bests.times_cs()[k500m], 10'000);
  EXPECT_EQ(bests.times_cs()[k1000m], 10'000 + 12'500);
  EXPECT_EQ(bests.times_cs()[2], kNull);
  EXPECT_EQ(bests.distances_dm()[k1min], 3000);
  EXPECT_EQ(bests.distances_dm()[1], 5000 + 140 * 40);
  EXPECT_EQ(bests.distances_dm()[2], kNull);
  EXPECT_EQ(bests.time_cs(), 30'000);
  EXPECT_EQ(bests.distance_dm(), 13'000);
}

TEST(ProgressBests, NoStretchReachesOverARest) {
  ProgressBests bests;
  for (std::int64_t interval = 0; interval < 3; ++interval) {
    row(bests, interval, 1, 60, 50, 50);  // 300 m in a minute
    bests.rest();
  }
  bests.finish(kNoEnds, std::nullopt);
  EXPECT_EQ(bests.times_cs()[k500m], kNull);
  EXPECT_EQ(bests.distances_dm()[k1min], 3000);
  EXPECT_EQ(bests.time_cs(), 18'000);
  EXPECT_EQ(bests.distance_dm(), 9'000);
}

// The first thing heard of the second interval is further than the last of the first: only the rest tells them apart.
TEST(ProgressBests, ARestAndAnotherIntervalAreARestartWhateverTheCounters) {
  ProgressBests bests;
  row(bests, 0, 1, 10, 50, 50);
  bests.rest();
  row(bests, 1, 100, 110, 5000, 50);
  bests.finish(kNoEnds, std::nullopt);
  EXPECT_EQ(bests.time_cs(), 1'000 + 11'000);
  EXPECT_EQ(bests.times_cs()[k500m], 10'000);
}

TEST(ProgressBests, LapsWhoseCountersGoOnAreOnePiece) {
  ProgressBests bests;
  row(bests, 0, 1, 60, 50, 50);
  row(bests, 1, 61, 120, 3050, 50);
  bests.finish(kNoEnds, std::nullopt);
  EXPECT_EQ(bests.times_cs()[k500m], 10'000);
  EXPECT_EQ(bests.time_cs(), 12'000);
  EXPECT_EQ(bests.distance_dm(), 6'000);
}

TEST(ProgressBests, WhereTheMonitorSaysThatWorkEndedTheLineEnds) {
  ProgressBests bests;
  const WorkEnds ends{{0, {6'000, 3'000}}, {1, {6'000, 3'001}}};
  row(bests, 0, 1, 59, 50, 50, ends);  // the last second was not heard
  row(bests, 1, 1, 59, 50, 50, ends);
  bests.finish(ends, std::nullopt);
  EXPECT_EQ(bests.distances_dm()[k1min], 3'001);
  EXPECT_EQ(bests.reached(), (ReachedEnds{{0, {6'000, 0}}, {1, {6'000, 0}}}));

  ProgressBests whole;
  row(whole, 0, 1, 99, 50, 50);
  whole.finish(kNoEnds, WorkEnd{10'000, 5'000});
  EXPECT_EQ(whole.times_cs()[k500m], 10'000);
}

TEST(ProgressBests, AnOvertakenRecordIsPassedOver) {
  ProgressBests bests;
  row(bests, 0, 1, 50, 50, 50);
  EXPECT_TRUE(bests.work(0, 4'900, 2'450, kNoEnds));
  EXPECT_TRUE(bests.work(0, 5'100, 0, kNoEnds));  // a distance that is stale
  row(bests, 0, 51, 100, 2'550, 50);
  bests.finish(kNoEnds, std::nullopt);
  EXPECT_EQ(bests.times_cs()[k500m], 10'000);
}

TEST(ProgressBests, AClockThatGoesBackIsToldAndBreaksTheLine) {
  ProgressBests bests;
  row(bests, 0, 1, 80, 50, 50);
  EXPECT_FALSE(bests.work(0, 7'000, 4'000, kNoEnds));
  EXPECT_TRUE(bests.work(0, 9'000, 5'000, kNoEnds));
  bests.finish(kNoEnds, std::nullopt);
  EXPECT_EQ(bests.times_cs()[k500m], kNull);
  EXPECT_EQ(bests.time_cs(), 9'000);
}

TEST(ProgressBests, AnIntervalThatEndedUnheardIsNotTheNext) {
  ProgressBests bests;
  row(bests, 0, 1, 59, 33, 33);
  bests.end_interval(kNoEnds);
  row(bests, 0, 61, 240, 3'050, 50);  // the recorder did not count it
  bests.finish(kNoEnds, std::nullopt);
  EXPECT_EQ(bests.times_cs()[k500m], 10'000);
  EXPECT_EQ(bests.distances_dm()[k1min], 3'000);
  EXPECT_EQ(bests.time_cs(), 5'900 + 24'000);
  EXPECT_EQ(bests.distance_dm(), 33 * 59 + 12'000);
}

// 600 m in two minutes that nobody heard: where in them they were rowed is not known.
TEST(ProgressBests, OfASilenceOnlyWhatLiesAroundItIsKnown) {
  ProgressBests bests;
  row(bests, 0, 1, 60, 50, 50);
  row(bests, 0, 180, 200, 9'000, 20);
  bests.finish(kNoEnds, std::nullopt);
  EXPECT_EQ(bests.distances_dm()[k1min], 3'000);
  EXPECT_EQ(bests.times_cs()[k500m], 18'000 - 6'000);
  EXPECT_EQ(bests.reached().at(0), (Reached{20'000, 18'000}));
}

// ---- power ----

const ReachedEnds kOpen;

TEST(PowerBests, TheBestMeanOverEachTime) {
  PowerBests bests;
  for (std::int64_t s = 2; s <= 60; s += 2) bests.hold(0, s * 100, s > 20 && s <= 30 ? 400 : 200, kOpen);
  bests.finish(kOpen);
  EXPECT_EQ(bests.watts()[0], 400);  // 1 s
  EXPECT_EQ(bests.watts()[3], 400);  // 10 s
  EXPECT_EQ(bests.watts()[4], 300);  // 20 s
  EXPECT_EQ(bests.watts()[5], (400 * 10 + 200 * 20) / 30);
  EXPECT_EQ(bests.watts()[6], (400 * 10 + 200 * 50) / 60);
  EXPECT_EQ(bests.watts()[7], kNull);
}

TEST(PowerBests, NobodyHoldsAPowerThroughAPause) {
  PowerBests bests;
  bests.hold(0, 200, 300, kOpen);
  bests.hold(0, 60'000, 300, kOpen);  // ten minutes later: 10 s of it are rowing
  bests.finish(kOpen);
  EXPECT_EQ(bests.watts()[3], 300);            // 10 s
  EXPECT_EQ(bests.watts()[4], 300 * 10 / 20);  // 20 s
  EXPECT_EQ(bests.watts()[10], 300 * 12 / 600);
}

TEST(PowerBests, TheLastStrokeHoldsUntilTheWorkEnds) {
  const ReachedEnds ends{{0, {6'000, 0}}};
  PowerBests bests;
  for (std::int64_t s = 3; s < 60; s += 3) bests.hold(0, s * 100, 200, ends);
  bests.hold(1, 300, 200, ends);  // the next interval
  bests.finish(ends);
  EXPECT_EQ(bests.watts()[6], 200);

  PowerBests open;
  for (std::int64_t s = 3; s < 60; s += 3) open.hold(0, s * 100, 200, kOpen);
  open.finish(kOpen);
  EXPECT_EQ(open.watts()[6], kNull);
}

TEST(PowerBests, WhatWasLostIsNotCredited) {
  PowerBests bests;
  for (std::int64_t s = 2; s <= 60; s += 2) bests.hold(0, s * 100, 200, kOpen);
  bests.hold(0, 9'000, 900, kOpen, true);
  const ReachedEnds ends{{0, {12'000, 12'000}}};  // a silence follows
  bests.finish(ends);
  EXPECT_EQ(bests.watts()[0], 200) << "900 W, but for how long?";
  EXPECT_EQ(bests.watts()[7], kNull);
}

TEST(PowerBests, AnotherIntervalIsAnotherLineHoweverHighItsClock) {
  PowerBests bests;
  for (std::int64_t s = 2; s <= 60; s += 2) bests.hold(0, s * 100, 600, kOpen);
  bests.finish(kOpen);
  for (std::int64_t s = 62; s <= 240; s += 2) bests.hold(1, s * 100, 200, kOpen, s == 62);
  bests.finish(kOpen);
  EXPECT_EQ(bests.watts()[6], 600);
  EXPECT_EQ(bests.watts()[7], 200);
}

TEST(PowerBests, ALateRecordDoesNotBreakTheLine) {
  PowerBests bests;
  for (std::int64_t s = 3; s <= 60; s += 3) {
    bests.hold(0, s * 100, 200, kOpen);
    bests.hold(0, s * 100 - 250, 900, kOpen);
  }
  bests.finish(kOpen);
  EXPECT_EQ(bests.watts()[6], 200);
}

TEST(PowerBests, WhoJoinsLateIsNotCreditedWithStandingStill) {
  PowerBests bests;
  for (std::int64_t s = 600; s <= 630; s += 3) bests.hold(0, s * 100, 200, kOpen);
  bests.finish(kOpen);
  EXPECT_EQ(bests.watts()[6], kNull);  // a minute
  EXPECT_EQ(bests.watts()[5], 200);
}

}  // namespace
}  // namespace boathouse::rowing
