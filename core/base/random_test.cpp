#include "core/base/random.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace boathouse::base {
namespace {

// The first is the published sequence of seed 0 (splitmix64 seeding); the others come from a Python version.
TEST(SeededRandom, KnownNumbers) {
  SeededRandom zero(0);
  EXPECT_EQ(zero.u64(), 0x99ec5f36cb75f2b4U);
  EXPECT_EQ(zero.u64(), 0xbf6e1f784956452aU);
  EXPECT_EQ(zero.u64(), 0x1a5f849d4933e6e0U);
  EXPECT_EQ(zero.u64(), 0x6aa594f1262d2d2cU);

  SeededRandom units(42);
  EXPECT_EQ(units.unit(), 0.08386297105988216);
  EXPECT_EQ(units.unit(), 0.3789802506626686);

  SeededRandom normals(42);
  EXPECT_EQ(normals.normal(), -0x1.2101d956p-1);
  EXPECT_EQ(normals.normal(), 0x1.1e3a486ap-1);
  EXPECT_EQ(normals.normal(), 0x1.3ae193e88p+1);

  SeededRandom small(42);
  for (const std::uint64_t expected : {742U, 102U, 9U, 193U, 476U}) {
    EXPECT_EQ(small.below(1000), expected);
  }
  // Nearly every second draw is refused here.
  for (const std::uint64_t expected : {4975814793210974775U, 4044606872079424945U, 6456516188463038598U}) {
    EXPECT_EQ(small.below((std::uint64_t{1} << 63) + 1), expected);
  }
}

TEST(SeededRandom, FillIsTheNumbersLittleEndian) {
  SeededRandom random(42);  // 0x15780b2e0c2ec716, 0x6104d9866d113a7e
  std::vector<std::uint8_t> bytes(11);
  random.fill(bytes);
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{0x16, 0xc7, 0x2e, 0x0c, 0x2e, 0x0b, 0x78, 0x15, 0x7e, 0x3a, 0x11}));
  EXPECT_EQ(random.u64(), 0xae17533239e499a1U);
}

TEST(SeededRandom, BelowStaysBelowAndReachesAll) {
  SeededRandom random(7);
  std::vector<int> seen(6);
  for (int i = 0; i < 6'000; ++i) {
    ++seen.at(random.below(6));
  }
  for (const int count : seen) {
    EXPECT_GT(count, 800);
    EXPECT_LT(count, 1'200);
  }
  EXPECT_EQ(random.below(1), 0U);
  EXPECT_THROW(random.below(0), std::invalid_argument);
}

TEST(SeededRandom, UnitAndNormalHaveTheirMoments) {
  SeededRandom random(9);
  constexpr int kCount = 100'000;
  double unit_sum = 0;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double unit = random.unit();
    ASSERT_GE(unit, 0);
    ASSERT_LT(unit, 1);
    unit_sum += unit;
    const double normal = random.normal();
    ASSERT_LE(normal, 6);
    ASSERT_GE(normal, -6);
    sum += normal;
    squares += normal * normal;
  }
  EXPECT_NEAR(unit_sum / kCount, 0.5, 0.005);
  EXPECT_NEAR(sum / kCount, 0, 0.02);
  EXPECT_NEAR(squares / kCount, 1, 0.03);
}

TEST(SystemRandom, FillsAllAndNeverTheSame) {
  SystemRandom random;
  std::vector<std::uint8_t> first(1'000'000);
  std::vector<std::uint8_t> second(32);
  random.fill(first);
  random.fill(second);
  EXPECT_NE(std::vector<std::uint8_t>(first.end() - 32, first.end()), std::vector<std::uint8_t>(32));
  EXPECT_NE(std::vector<std::uint8_t>(first.begin(), first.begin() + 32), second);
  random.fill({});
}

}  // namespace
}  // namespace boathouse::base
