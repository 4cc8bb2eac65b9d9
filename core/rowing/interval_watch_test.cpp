#include "core/rowing/interval_watch.hpp"

#include <gtest/gtest.h>

namespace boathouse::rowing {
namespace {

using IntervalVerdict = IntervalWatch::Verdict;

IntervalMoment at(std::int64_t s, std::int64_t elapsed_s, std::int64_t distance_m, std::int64_t total_m) {
  return {.at_ms = s * 1000,
          .elapsed_cs = elapsed_s * 100,
          .distance_dm = distance_m * 10,
          .total_work_distance_m = total_m};
}

IntervalMoment resting(IntervalMoment moment) {
  moment.rests = true;
  return moment;
}

IntervalVerdict after(const IntervalMoment& before, const IntervalMoment& now) {
  IntervalWatch watch;
  EXPECT_EQ(watch.observe(before), IntervalVerdict::goes_on);
  return watch.observe(now);
}

TEST(IntervalWatch, ASilenceWithinAnIntervalIsNone) {
  EXPECT_EQ(after(at(60, 60, 300, 0), at(120, 120, 600, 0)), IntervalVerdict::goes_on);
  EXPECT_EQ(after(at(60, 60, 300, 0), at(300, 120, 600, 0)), IntervalVerdict::goes_on) << "a clock that stood";
}

TEST(IntervalWatch, ATotalThatGrewTellsAnotherInterval) {
  EXPECT_EQ(after(at(60, 60, 300, 0), at(200, 70, 280, 315)), IntervalVerdict::another);
  EXPECT_EQ(after(at(60, 60, 300, 500), at(200, 70, 280, 1010)), IntervalVerdict::another);
}

// A total that grew with nothing lost is of this interval's own end, or was brought up to date late.
TEST(IntervalWatch, WithoutASilenceNoneBegan) {
  EXPECT_EQ(after(at(60, 60, 300, 0), at(61, 61, 305, 305)), IntervalVerdict::goes_on);
  EXPECT_EQ(after(at(60, 1, 5, 500), at(61, 2, 10, 512)), IntervalVerdict::goes_on);
}

TEST(IntervalWatch, AnIntervalCannotHaveRunLongerThanTheSilence) {
  EXPECT_EQ(after(at(60, 60, 300, 0), at(120, 120, 600, 650)), IntervalVerdict::goes_on);
  EXPECT_EQ(after(at(60, 60, 300, 0), at(180, 118, 600, 650)), IntervalVerdict::another);
}

TEST(IntervalWatch, AnIntervalsOwnEndIsNoOther) {
  EXPECT_EQ(after(at(60, 60, 300, 500), at(400, 120, 600, 1100)), IntervalVerdict::unclear)
      << "or one of just that length";
  EXPECT_EQ(after(at(60, 60, 300, 500), resting(at(400, 120, 600, 1100))), IntervalVerdict::goes_on);
  IntervalWatch watch;
  watch.observe(at(60, 60, 300, 500));
  EXPECT_EQ(watch.observe(at(400, 120, 600, 1100)), IntervalVerdict::unclear);
  EXPECT_EQ(watch.observe(at(401, 121, 605, 1100)), IntervalVerdict::another) << "it goes on: it was not the end";
}

TEST(IntervalWatch, WorkBehindARestIsOfAnotherInterval) {
  EXPECT_EQ(after(resting(at(60, 60, 300, 300)), at(200, 70, 350, 300)), IntervalVerdict::another);
  EXPECT_EQ(after(resting(at(60, 60, 300, 300)), at(62, 60, 300, 300)), IntervalVerdict::goes_on)
      << "not restarted yet";
}

TEST(IntervalWatch, ARestCanBeOfAnotherInterval) {
  EXPECT_EQ(after(resting(at(60, 60, 300, 300)), resting(at(90, 60, 310, 300))), IntervalVerdict::goes_on);
  EXPECT_EQ(after(resting(at(60, 60, 300, 300)), resting(at(90, 60, 310, 310))), IntervalVerdict::goes_on)
      << "it drifted";
  EXPECT_EQ(after(resting(at(60, 60, 300, 300)), resting(at(190, 60, 305, 610))), IntervalVerdict::another);
  EXPECT_EQ(after(at(40, 40, 200, 0), resting(at(190, 60, 305, 610))), IntervalVerdict::another);
}

TEST(IntervalWatch, OtherNumbersTellItToo) {
  const auto numbered = [](IntervalMoment moment, std::int64_t interval, std::int64_t count) {
    moment.interval = interval;
    moment.interval_count = count;
    return moment;
  };
  const IntervalMoment before = at(60, 60, 300, 0);
  const IntervalMoment later = at(200, 70, 280, 0);
  EXPECT_EQ(after(numbered(before, 0, 0), numbered(later, 0, 0)), IntervalVerdict::goes_on);
  EXPECT_EQ(after(numbered(before, 0, 0), numbered(later, 1, 0)), IntervalVerdict::another);
  EXPECT_EQ(after(numbered(before, 0, 0), numbered(later, 0, 2)), IntervalVerdict::another);
  EXPECT_EQ(after(numbered(before, 0, 0), resting(numbered(later, 0, 1))), IntervalVerdict::goes_on)
      << "its own rest counts";
}

TEST(IntervalWatch, WithoutATimeOfReceiptNothingIsTold) {
  IntervalMoment before = at(60, 60, 300, 0);
  before.at_ms = kNull;
  EXPECT_EQ(after(before, at(200, 70, 280, 315)), IntervalVerdict::goes_on);
}

}  // namespace
}  // namespace boathouse::rowing
