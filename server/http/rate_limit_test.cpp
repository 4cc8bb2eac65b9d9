#include "server/http/rate_limit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace boathouse::http {
namespace {

using Refusal = Verdict::Refusal;

class RateLimitTest : public ::testing::Test {
 protected:
  base::ManualClock clock_;
};

TEST_F(RateLimitTest, TheRequestAfterTheLastIsRefusedAndNamesWhenTheNextPasses) {
  RateLimit limit({"sync", 6, 0, 60}, 10, clock_);
  for (std::uint64_t left = 6; left-- > 0;) {
    const Verdict verdict = limit.charge("anna", 0);
    EXPECT_EQ(verdict.refusal, Refusal::none);
    EXPECT_EQ(verdict.requests.left, left);
    EXPECT_EQ(verdict.requests.t_s, left > 0 ? static_cast<std::int64_t>(6 - left) * 10 : 10);
  }
  const Verdict refused = limit.charge("anna", 0);
  EXPECT_EQ(refused.refusal, Refusal::requests);
  EXPECT_EQ(refused.requests.left, 0U);
  EXPECT_EQ(refused.requests.t_s, 10);
  EXPECT_EQ(limit.charge("ben", 0).refusal, Refusal::none);  // somebody else

  clock_.advance_ms(9'999);
  EXPECT_EQ(limit.charge("anna", 0).requests.t_s, 1);
  EXPECT_EQ(limit.charge("anna", 0).refusal, Refusal::requests);
  clock_.advance_ms(1);
  EXPECT_EQ(limit.charge("anna", 0).refusal, Refusal::none);
  EXPECT_EQ(limit.charge("anna", 0).refusal, Refusal::requests);
}

TEST_F(RateLimitTest, ALargeBodyPassesAndItsDebtIsPaidBeforeTheNext) {
  RateLimit limit({"sync", 100, 1000, 10}, 10, clock_);
  const Verdict large = limit.charge("anna", 5000);
  EXPECT_EQ(large.refusal, Refusal::none);
  EXPECT_EQ(large.bytes.left, 0U);
  EXPECT_EQ(large.bytes.t_s, 41);  // 4,000 bytes of debt and one byte more at 100 in a second
  EXPECT_EQ(limit.charge("anna", 1).refusal, Refusal::bytes);
  EXPECT_EQ(limit.charge("anna", 0).refusal, Refusal::none) << "a request without a body waits for no bytes";
  clock_.advance_ms(40'009);
  EXPECT_EQ(limit.charge("anna", 1).refusal, Refusal::bytes);
  clock_.advance_ms(1);
  EXPECT_EQ(limit.charge("anna", 1).refusal, Refusal::none);
}

TEST_F(RateLimitTest, WhatDidNotComeIsGivenBack) {
  RateLimit limit({"sync", 2, 1000, 10}, 10, clock_);
  EXPECT_EQ(limit.charge("anna", 1000).bytes.left, 0U);
  limit.give_back("anna", 0, 900);
  EXPECT_EQ(limit.charge("anna", 1).bytes.left, 899U);
  limit.give_back("anna", 1, 5000);  // never more than the quota
  const Verdict verdict = limit.charge("anna", 1);
  EXPECT_EQ(verdict.refusal, Refusal::none);
  EXPECT_EQ(verdict.bytes.left, 999U);
  limit.give_back("nobody", 1, 1);
}

TEST_F(RateLimitTest, KeepsAtMostSoManyKeysAndNeverForgetsADebt) {
  RateLimit limit({"sync", 1, 0, 60}, 3, clock_);
  for (const std::string_view key : {"a", "b", "c"}) {
    EXPECT_EQ(limit.charge(key, 0).refusal, Refusal::none);
    clock_.advance_ms(1000);
  }
  EXPECT_EQ(limit.charge("d", 0).refusal, Refusal::none);      // the shared bucket's only request
  EXPECT_EQ(limit.charge("e", 0).refusal, Refusal::requests);  // the same bucket
  EXPECT_EQ(limit.charge("a", 0).refusal, Refusal::requests);
  EXPECT_EQ(limit.keys(), 3U);
  clock_.advance_ms(57'000);  // "a" is full again, "b" is not
  EXPECT_EQ(limit.charge("e", 0).refusal, Refusal::none);
  EXPECT_EQ(limit.keys(), 3U);
  EXPECT_EQ(limit.charge("b", 0).refusal, Refusal::requests);
  EXPECT_EQ(limit.charge("a", 0).refusal, Refusal::requests);  // no place of its own now, and "d" was in the shared one
}

TEST_F(RateLimitTest, LongTimesAndTheLargestQuotasDoNotOverflow) {
  RateLimit limit({"sync", kMaxQuota, kMaxQuota, kMaxWindowS}, 10, clock_);
  for (int i = 0; i < 3; ++i) {
    limit.charge("anna", ~std::uint64_t{0});
    limit.charge("anna", kMaxQuota - 1);
    clock_.advance_ms(std::int64_t{1} << 50);
    EXPECT_EQ(limit.charge("anna", 1).bytes.left, kMaxQuota - 1);
    limit.give_back("anna", ~std::uint64_t{0}, ~std::uint64_t{0});
  }
}

TEST_F(RateLimitTest, PoliciesOutOfRangeAreRefused) {
  EXPECT_TRUE(check({"sync", 1, 1, 60}));
  EXPECT_FALSE(check({"", 1, 1, 60}));
  EXPECT_FALSE(check({"a\"b", 1, 1, 60}));
  EXPECT_FALSE(check({"sync", kMaxQuota + 1, 1, 60}));
  EXPECT_FALSE(check({"sync", 1, kMaxQuota + 1, 60}));
  EXPECT_FALSE(check({"sync", 1, 1, 0}));
  EXPECT_FALSE(check({"sync", 1, 1, kMaxWindowS + 1}));
}

// The same, as simply as it can be said: every bucket steps through every millisecond, and none is ever dropped.
class Reference {
 public:
  explicit Reference(RatePolicy policy) : policy_(std::move(policy)), window_ms_(policy_.window_s * 1000) {}

  void pass_millisecond() {
    for (auto& [key, levels] : levels_) {
      levels.requests = std::min(levels.requests + quota(policy_.requests), full(policy_.requests));
      levels.bytes = std::min(levels.bytes + quota(policy_.bytes), full(policy_.bytes));
    }
  }
  Verdict::Refusal charge(int key, std::int64_t bytes) {
    Levels& levels = levels_.try_emplace(key, Levels{full(policy_.requests), full(policy_.bytes)}).first->second;
    if (levels.requests < window_ms_) return Refusal::requests;
    if (bytes > 0 && levels.bytes < window_ms_) return Refusal::bytes;
    levels.requests -= window_ms_;
    levels.bytes -= bytes * window_ms_;
    return Refusal::none;
  }
  void give_back(int key, std::int64_t bytes) {
    Levels& levels = levels_.at(key);
    levels.bytes = std::min(levels.bytes + bytes * window_ms_, full(policy_.bytes));
  }
  std::int64_t bytes_left(int key) { return std::max<std::int64_t>(levels_.at(key).bytes, 0) / window_ms_; }

 private:
  struct Levels {
    std::int64_t requests;
    std::int64_t bytes;
  };
  static std::int64_t quota(std::uint64_t number) { return static_cast<std::int64_t>(number); }
  [[nodiscard]] std::int64_t full(std::uint64_t number) const { return quota(number) * window_ms_; }

  RatePolicy policy_;
  std::int64_t window_ms_;
  std::map<int, Levels> levels_;
};

TEST_F(RateLimitTest, DecidesAsTheNaiveReferenceWhateverComes) {
  std::mt19937 random(20261128);
  int refused = 0;
  for (int round = 0; round < 40; ++round) {
    const RatePolicy policy{"sync", 1 + random() % 7, 1 + random() % 5000, 1 + static_cast<int>(random() % 3)};
    constexpr int kKeys = 6;
    RateLimit limit(policy, kKeys, clock_);
    Reference reference(policy);
    for (int step = 0; step < 500; ++step) {
      for (auto passed = random() % 4 == 0 ? random() % 900 : random() % 3; passed > 0; --passed) {
        clock_.advance_ms(1);
        reference.pass_millisecond();
      }
      const int key = static_cast<int>(random() % kKeys);
      const auto bytes = static_cast<std::int64_t>(random() % 5 == 0 ? 0 : random() % 2000);
      const std::string name = std::to_string(key);
      const Verdict verdict = limit.charge(name, static_cast<std::uint64_t>(bytes));
      ASSERT_EQ(verdict.refusal, reference.charge(key, bytes)) << "round " << round << " step " << step;
      ASSERT_EQ(verdict.bytes.left, static_cast<std::uint64_t>(reference.bytes_left(key)));
      refused += verdict.refusal != Refusal::none ? 1 : 0;
      if (verdict.refusal == Refusal::none && random() % 3 == 0) {
        const std::int64_t back = bytes / 2;
        limit.give_back(name, 0, static_cast<std::uint64_t>(back));
        reference.give_back(key, back);
      }
    }
  }
  EXPECT_GT(refused, 1000);
}

// Dropping full buckets changes no decision, as long as not all of them are in use at once.
TEST_F(RateLimitTest, ASmallTableDecidesAsALargeOne) {
  std::mt19937 random(7);
  const RatePolicy policy{"sync", 3, 1000, 1};
  RateLimit small(policy, 40, clock_);
  RateLimit large(policy, 100'000, clock_);
  for (int step = 0; step < 20'000; ++step) {
    clock_.advance_ms(static_cast<std::int64_t>(random() % 60));
    // Some come again and again; most of the others are full when they come back, 40 are never in use within a second.
    const std::string key = std::to_string(random() % 2 == 0 ? random() % 3 : 3 + random() % 5000);
    const std::uint64_t bytes = random() % 700;
    ASSERT_EQ(static_cast<int>(small.charge(key, bytes).refusal), static_cast<int>(large.charge(key, bytes).refusal))
        << step;
  }
  EXPECT_EQ(small.keys(), 40U);
  EXPECT_GT(large.keys(), 2000U);
}

}  // namespace
}  // namespace boathouse::http
