#include "server/http/body_budget.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace boathouse::http {
namespace {

using BudgetRefusal = BodyBudget::Refusal;

TEST(BodyBudget, IsSharedByAllClients) {
  BodyBudget budget(100, 60);
  const auto first = budget.take(1, 60);
  ASSERT_TRUE(first.share);
  EXPECT_EQ(budget.take(2, 41).refusal, BudgetRefusal::by_all);
  EXPECT_TRUE(budget.take(2, 40).share) << "and is given back at once";
  EXPECT_TRUE(budget.take(2, 40).share);
  EXPECT_EQ(budget.take(3, 101).refusal, BudgetRefusal::by_all);
  EXPECT_EQ(budget.take(3, static_cast<std::size_t>(-1)).refusal, BudgetRefusal::by_all);
}

TEST(BodyBudget, OneClientHoldsItsShareAlone) {
  BodyBudget budget(1000, 60);
  auto first = budget.take(1, 50);
  EXPECT_EQ(budget.take(1, 11).refusal, BudgetRefusal::by_client);
  EXPECT_EQ(budget.take(1, static_cast<std::size_t>(900)).refusal, BudgetRefusal::by_client);
  const auto second = budget.take(1, 10);
  EXPECT_TRUE(second.share);
  EXPECT_TRUE(budget.take(2, 60).share);
  first.share.reset();
  EXPECT_TRUE(budget.take(1, 50).share);
}

TEST(BodyBudget, OneBodyIsLetInWhateverItsLength) {
  BodyBudget budget(1000, 60);
  const auto large = budget.take(1, 500);
  EXPECT_TRUE(large.share);
  EXPECT_EQ(budget.take(1, 1).refusal, BudgetRefusal::by_client);
}

TEST(BodyBudget, AShareMayOutliveIt) {
  std::optional<BodyBudget> budget(std::in_place, 100, 60);
  auto taken = budget->take(1, 50);
  budget.reset();
  EXPECT_EQ(taken.share.use_count(), 1);
  taken.share.reset();
  EXPECT_FALSE(taken.share);
}

}  // namespace
}  // namespace boathouse::http
