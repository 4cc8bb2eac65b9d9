#include "core/base/fair_queue.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace boathouse::base {
namespace {

using Queue = FairQueue<std::string, int>;
using Push = Queue::Push;

int next(Queue& queue) {
  const auto item = queue.pop();
  return item ? item->value : -1;
}

TEST(FairQueue, KeysTakeTurnsAndEachKeepsItsOrder) {
  Queue queue({1000, 1000});
  for (const int value : {1, 2, 3}) {
    ASSERT_EQ(queue.push("a", int{value}, 1), Push::taken);
  }
  ASSERT_EQ(queue.push("b", 11, 1), Push::taken);
  ASSERT_EQ(queue.push("c", 21, 1), Push::taken);
  ASSERT_EQ(queue.push("c", 22, 1), Push::taken);
  std::vector<int> order;
  while (!queue.empty()) {
    order.push_back(next(queue));
  }
  EXPECT_EQ(order, (std::vector<int>{1, 11, 21, 2, 22, 3}));
  EXPECT_FALSE(queue.pop());
}

TEST(FairQueue, WhoMayNotGoKeepsItsTurn) {
  Queue queue({1000, 1000});
  ASSERT_EQ(queue.push("a", 1, 1), Push::taken);
  ASSERT_EQ(queue.push("b", 11, 1), Push::taken);
  ASSERT_EQ(queue.push("b", 12, 1), Push::taken);
  ASSERT_EQ(queue.push("c", 21, 1), Push::taken);
  const auto not_a = [](const std::string& key) { return key != "a"; };
  const auto nobody = [](const std::string&) { return false; };
  EXPECT_TRUE(queue.any_of(not_a));
  EXPECT_FALSE(queue.any_of(nobody));
  EXPECT_FALSE(queue.pop_if(nobody));
  EXPECT_EQ(queue.pop_if(not_a)->value, 11);
  EXPECT_EQ(queue.weight(), 3U);
  EXPECT_EQ(next(queue), 1) << "its turn came first";
  EXPECT_EQ(queue.pop_if(not_a)->value, 21);
  EXPECT_EQ(queue.pop_if(not_a)->value, 12);
  EXPECT_TRUE(queue.empty());
}

TEST(FairQueue, AThousandWaitingItemsOfOneKeyDelayAnotherByOne) {
  Queue queue({10'000, 10'000});
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(queue.push("greedy", int{i}, 1), Push::taken);
  }
  for (int round = 0; round < 100; ++round) {
    ASSERT_EQ(queue.push("modest", 5000, 1), Push::taken);
    int slots = 1;
    while (next(queue) != 5000) {
      ++slots;
    }
    EXPECT_LE(slots, 2);
  }
}

TEST(FairQueue, AGreedyKeyFillsItsOwnShareAlone) {
  Queue queue({100, 30});
  EXPECT_EQ(queue.push("greedy", 1, 20), Push::taken);
  EXPECT_EQ(queue.push("greedy", 2, 11), Push::share_full);
  EXPECT_EQ(queue.push("greedy", 2, 10), Push::taken);
  EXPECT_EQ(queue.push("greedy", 3, 1), Push::share_full);
  EXPECT_EQ(queue.push("modest", 4, 30), Push::taken);
  EXPECT_EQ(queue.push("large", 5, 40), Push::taken) << "alone in its line";
  EXPECT_EQ(queue.weight(), 100U);
  EXPECT_EQ(queue.weight_of("greedy"), 30U);
  EXPECT_EQ(queue.weight_of("nobody"), 0U);
  EXPECT_EQ(queue.push("late", 6, 1), Push::full);
  queue.push_always("late", 7, 1);
  EXPECT_EQ(queue.weight(), 101U);
  EXPECT_EQ(next(queue), 1);
  EXPECT_EQ(queue.weight(), 81U);
  EXPECT_EQ(queue.push("greedy", 8, 15), Push::taken);
}

TEST(FairQueue, AloneAnItemMayBeHeavierThanTheWholeQueue) {
  Queue queue({10, 5});
  EXPECT_EQ(queue.push("a", 1, 1000), Push::taken);
  EXPECT_EQ(queue.push("b", 2, 1), Push::full);
  EXPECT_EQ(queue.push("b", 2, 0), Push::taken);
}

TEST(FairQueue, WhatIsRefusedStaysTheCallers) {
  FairQueue<int, std::unique_ptr<int>> queue({1, 1});
  auto first = std::make_unique<int>(1);
  auto second = std::make_unique<int>(2);
  ASSERT_EQ(queue.push(7, std::move(first), 1), (FairQueue<int, std::unique_ptr<int>>::Push::taken));
  ASSERT_EQ(queue.push(7, std::move(second), 1), (FairQueue<int, std::unique_ptr<int>>::Push::full));
  ASSERT_TRUE(second);
  EXPECT_EQ(*second, 2);
}

// Whatever comes: nothing is lost or doubled, a key's order stays, and between two of a key's items every other key
// that waits all the time is served exactly once.
TEST(FairQueue, HoldsItsPromisesUnderRandomLoad) {
  std::mt19937 random(3);
  Queue queue({1'000'000, 1'000'000});
  constexpr int kKeys = 5;
  std::vector<int> pushed(kKeys);
  std::vector<int> popped(kKeys);
  std::size_t weight = 0;
  std::vector<int> served_since(kKeys);
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      const auto key = random() % 3 == 0 ? random() % kKeys : 0;
      const std::size_t its_weight = random() % 10;
      ASSERT_EQ(queue.push(std::to_string(key), static_cast<int>(key) * 100'000 + pushed[key]++, its_weight),
                Push::taken);
      weight += its_weight;
    } else if (const auto item = queue.pop()) {
      const auto key = static_cast<std::size_t>(item->value / 100'000);
      ASSERT_EQ(item->value % 100'000, popped[key]++);
      weight -= item->weight;
      for (std::size_t other = 0; other < kKeys; ++other) {
        const bool waits = popped[other] < pushed[other];
        served_since[other] = other == key || !waits ? 0 : served_since[other] + 1;
        ASSERT_LT(served_since[other], kKeys);
      }
    }
    ASSERT_EQ(queue.weight(), weight);
  }
}

}  // namespace
}  // namespace boathouse::base
