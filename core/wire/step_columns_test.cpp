#include "core/wire/step_columns.hpp"

#include <gtest/gtest.h>

#include <array>
#include <tuple>

namespace boathouse::wire {
namespace {

using rowing::kNull;
using Put = std::tuple<std::size_t, std::size_t, std::int64_t>;

std::vector<Put> puts(const StepColumn& column) {
  std::vector<Put> all;
  for_each_step(
      column, [&all](std::size_t begin, std::size_t end, std::int64_t value) { all.emplace_back(begin, end, value); });
  return all;
}

TEST(StepColumns, AStepHoldsUntilTheNext) {
  const std::array<Step, 3> steps{{{0, 5}, {2, 7}, {3, 5}}};
  EXPECT_EQ(puts({6, steps, {}}), (std::vector<Put>{{0, 2, 5}, {2, 3, 7}, {3, 6, 5}}));
  EXPECT_EQ(values_of({6, steps, {}}), (std::vector<std::int64_t>{5, 5, 7, 5, 5, 5}));
}

TEST(StepColumns, WithoutAStepAllIsNull) { EXPECT_EQ(puts({3, {}, {}}), (std::vector<Put>{{0, 3, kNull}})); }

// Nulls do not count among the values: a step may hold across them, and begin just behind them.
TEST(StepColumns, NullsStandBetweenTheValues) {
  const std::array<Step, 2> steps{{{0, 1}, {3, 2}}};
  const std::array<std::uint32_t, 4> across{{2, 1, 3, 1}};
  EXPECT_EQ(puts({7, steps, across}),
            (std::vector<Put>{{0, 2, 1}, {2, 3, kNull}, {3, 4, 1}, {4, 6, 2}, {6, 7, kNull}}));
  const std::array<std::uint32_t, 3> between{{3, 2, 1}};
  EXPECT_EQ(puts({6, steps, between}), (std::vector<Put>{{0, 3, 1}, {3, 5, kNull}, {5, 6, 2}}));
  const std::array<std::uint32_t, 3> before{{0, 1, 4}};
  EXPECT_EQ(puts({5, steps, before}), (std::vector<Put>{{0, 1, kNull}, {1, 4, 1}, {4, 5, 2}}));
}

TEST(StepColumns, EachColumnHasItsOwn) {
  StepColumns columns(4);
  const std::array<Step, 2> two{{{0, 1}, {2, 9}}};
  const std::array<Step, 1> one{{{0, 3}}};
  const std::array<std::uint32_t, 2> runs{{1, 3}};
  columns.add(two, {});
  columns.add({}, {});
  columns.add(one, runs);
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_EQ(values_of(columns[0]), (std::vector<std::int64_t>{1, 1, 9, 9}));
  EXPECT_EQ(values_of(columns[1]), (std::vector<std::int64_t>{kNull, kNull, kNull, kNull}));
  EXPECT_EQ(values_of(columns[2]), (std::vector<std::int64_t>{3, kNull, kNull, kNull}));
  columns.drop_last(2);
  columns.add(one, {});
  ASSERT_EQ(columns.size(), 2U);
  EXPECT_EQ(values_of(columns[0]), (std::vector<std::int64_t>{1, 1, 9, 9}));
  EXPECT_EQ(values_of(columns[1]), (std::vector<std::int64_t>{3, 3, 3, 3}));
}

}  // namespace
}  // namespace boathouse::wire
