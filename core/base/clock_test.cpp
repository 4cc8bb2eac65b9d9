#include "core/base/clock.hpp"

#include <gtest/gtest.h>

namespace boathouse::base {
namespace {

TEST(ManualClock, StandsStillUntilTold) {
  ManualClock clock(1'000, 50);
  EXPECT_EQ(clock.utc_ms(), 1'000);
  EXPECT_EQ(clock.monotonic_ms(), 50);
  clock.advance_ms(25);
  EXPECT_EQ(clock.utc_ms(), 1'025);
  EXPECT_EQ(clock.monotonic_ms(), 75);
}

TEST(ManualClock, SettingTheWallClockLeavesMonotonicTime) {
  ManualClock clock(1'000, 50);
  clock.set_utc_ms(-5);
  EXPECT_EQ(clock.utc_ms(), -5);
  EXPECT_EQ(clock.monotonic_ms(), 50);
}

TEST(SystemClock, GivesMillisecondsAndDoesNotGoBack) {
  const SystemClock clock;
  EXPECT_GT(clock.utc_ms(), 1'577'836'800'000) << "2020, when nothing of this existed: a unit other than ms shows here";
  EXPECT_LT(clock.utc_ms(), 253'402'300'800'000) << "year 10000";
  std::int64_t before = clock.monotonic_ms();
  for (int i = 0; i < 1'000; ++i) {
    const std::int64_t now = clock.monotonic_ms();
    ASSERT_GE(now, before);
    before = now;
  }
}

}  // namespace
}  // namespace boathouse::base
