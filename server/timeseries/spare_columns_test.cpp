#include "server/timeseries/spare_columns.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace boathouse::timeseries {
namespace {

constexpr std::size_t kSmall = 2 * SpareColumns::kLeast;
constexpr std::size_t kLarge = 10 * SpareColumns::kLeast;

std::vector<base::Bytes> only(base::Bytes column) {
  std::vector<base::Bytes> columns;
  columns.push_back(std::move(column));
  return columns;
}

TEST(SpareColumns, TheSmallestThatIsLargeEnoughIsUsedAgainAndEmpty) {
  SpareColumns spare;
  base::Bytes small(kSmall, 1);
  base::Bytes large(kLarge, 2);
  const std::uint8_t* const small_at = small.data();
  const std::uint8_t* const large_at = large.data();
  std::vector<base::Bytes> out = only(std::move(large));
  out.push_back(std::move(small));
  spare.give_back(std::move(out));

  const base::Bytes first = spare.take(kSmall - 1);
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(first.data(), small_at);
  const base::Bytes second = spare.take(kSmall - 1);
  EXPECT_TRUE(second.empty());
  EXPECT_EQ(second.data(), large_at);
  EXPECT_GE(spare.take(kSmall - 1).capacity(), kSmall);
}

TEST(SpareColumns, OneThatIsTooSmallIsLeftWhereItIs) {
  SpareColumns spare;
  base::Bytes column(kSmall, 1);
  const std::uint8_t* const at = column.data();
  spare.give_back(only(std::move(column)));
  EXPECT_GE(spare.take(kSmall + 1).capacity(), kSmall + 1);
  EXPECT_LT(spare.take(SpareColumns::kLeast - 1).capacity(), kSmall);
  EXPECT_EQ(spare.take(kSmall).data(), at);
}

TEST(SpareColumns, NothingIsKeptOnceCleared) {
  SpareColumns spare;
  spare.give_back(only(base::Bytes(kLarge)));
  spare.clear();
  EXPECT_LT(spare.take(SpareColumns::kLeast).capacity(), kLarge);
}

}  // namespace
}  // namespace boathouse::timeseries
