#include "server/ledger/heavy_keys.hpp"

#include <gtest/gtest.h>

#include "server/ledger/test_ledger.hpp"

namespace boathouse::ledger {
namespace {

using std::chrono::milliseconds;

const base::Uuid kGreedy = uuid(70);
const base::Uuid kRower = uuid(71);

class HeavyKeysTest : public testing::Test {
 protected:
  HeavyKeys keys_;
  HeavyKeys::Time now_{std::chrono::hours(1)};
};

TEST_F(HeavyKeysTest, RestsFortyTimesWhatItTookWhileOthersCome) {
  keys_.served_light(kRower, now_);
  keys_.served_heavy(kGreedy, now_, milliseconds(5));
  EXPECT_TRUE(keys_.rests(kGreedy, now_));
  EXPECT_FALSE(keys_.rests(kRower, now_));
  EXPECT_EQ(keys_.next_end(now_), now_ + milliseconds(200));
  EXPECT_TRUE(keys_.rests(kGreedy, now_ + milliseconds(199)));
  EXPECT_FALSE(keys_.rests(kGreedy, now_ + milliseconds(200)));
}

TEST_F(HeavyKeysTest, RestsASecondAtMost) {
  keys_.served_light(kRower, now_);
  keys_.served_heavy(kGreedy, now_, milliseconds(500));
  EXPECT_EQ(keys_.next_end(now_), now_ + std::chrono::seconds(1));
}

TEST_F(HeavyKeysTest, DoesNotRestAlone) {
  keys_.served_heavy(kGreedy, now_, milliseconds(5));
  EXPECT_FALSE(keys_.rests(kGreedy, now_));
  // Its own light batches are no company.
  keys_.served_light(kGreedy, now_);
  keys_.served_heavy(kGreedy, now_, milliseconds(5));
  EXPECT_FALSE(keys_.rests(kGreedy, now_));
}

TEST_F(HeavyKeysTest, OthersAreCompanyForASecond) {
  keys_.served_light(kRower, now_);
  now_ += milliseconds(999);
  keys_.served_light(kGreedy, now_);  // which does not hide the other's
  keys_.served_heavy(kGreedy, now_, milliseconds(5));
  EXPECT_TRUE(keys_.rests(kGreedy, now_));
  now_ += milliseconds(200);
  keys_.served_heavy(kGreedy, now_, milliseconds(5));
  EXPECT_FALSE(keys_.rests(kGreedy, now_));
}

// However little it weighs.
TEST_F(HeavyKeysTest, WhoTakesLongRestsForWhatIsBeyondItsOwnTime) {
  keys_.served_light(kRower, now_);
  keys_.served(kGreedy, now_, milliseconds(200));
  EXPECT_FALSE(keys_.rests(kGreedy, now_)) << "now and then any job is slow";
  keys_.served(kGreedy, now_, milliseconds(10));
  EXPECT_TRUE(keys_.rests(kGreedy, now_));
  EXPECT_EQ(keys_.next_end(now_), now_ + milliseconds(400));
  EXPECT_FALSE(keys_.rests(kRower, now_));
}

TEST_F(HeavyKeysTest, WhatWasTakenIsPaidForWithTime) {
  keys_.served_light(kRower, now_);
  keys_.served(kGreedy, now_, milliseconds(200));
  now_ += std::chrono::seconds(8);
  keys_.served_light(kRower, now_);
  keys_.served(kGreedy, now_, milliseconds(200));
  EXPECT_FALSE(keys_.rests(kGreedy, now_));
}

TEST_F(HeavyKeysTest, WhoTookVeryLongRestsFiveSeconds) {
  keys_.served_light(kRower, now_);
  now_ += std::chrono::seconds(13);
  keys_.served(kGreedy, now_, std::chrono::seconds(13));
  EXPECT_TRUE(keys_.rests(kGreedy, now_)) << "the other came just before, and could not come since";
  EXPECT_EQ(keys_.next_end(now_), now_ + std::chrono::seconds(5));
}

TEST_F(HeavyKeysTest, WhoTakesLongDoesNotRestAlone) {
  keys_.served(kGreedy, now_, std::chrono::seconds(13));
  EXPECT_FALSE(keys_.rests(kGreedy, now_));
  keys_.served_light(kRower, now_);
  keys_.served(kGreedy, now_, milliseconds(1));
  EXPECT_FALSE(keys_.rests(kGreedy, now_)) << "what nobody waited for is not charged";
}

TEST_F(HeavyKeysTest, EachRestsForItself) {
  keys_.served_light(kRower, now_);
  keys_.served_heavy(kGreedy, now_, milliseconds(5));
  now_ += milliseconds(100);
  keys_.served_heavy(uuid(72), now_, milliseconds(10));
  EXPECT_EQ(keys_.next_end(now_), now_ + milliseconds(100));
  now_ += milliseconds(100);
  EXPECT_FALSE(keys_.rests(kGreedy, now_));
  EXPECT_TRUE(keys_.rests(uuid(72), now_));
  EXPECT_EQ(keys_.next_end(now_), now_ + milliseconds(300));
}

}  // namespace
}  // namespace boathouse::ledger
