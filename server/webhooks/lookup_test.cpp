// Resolvers that answer late or never; none of them asks a network.
#include "server/webhooks/lookup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace boathouse::webhooks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::chrono::milliseconds kShort{5};
constexpr std::chrono::hours kForEver{24};

base::Uuid athlete(std::size_t number) { return {{static_cast<std::uint8_t>(number)}}; }
const base::Uuid kAnna = athlete(255);

// Answers when it is let.
class Slow {
 public:
  Resolver resolver() {
    return [this](const std::string& host) -> base::Result<std::vector<Address>> {
      ++asked_;
      if (host.starts_with("slow")) {
        answered_.wait();
      }
      if (host == "nobody.example") {
        return base::Error{base::ErrorCode::unavailable, "the host is not found"};
      }
      return std::vector{*Address::parse("8.8.8.8")};
    };
  }
  void answer() { answer_.set_value(); }
  [[nodiscard]] int asked() const { return asked_; }

 private:
  std::atomic<int> asked_ = 0;
  std::promise<void> answer_;
  std::shared_future<void> answered_ = answer_.get_future().share();
};

std::string refusal(const base::Result<std::vector<Address>>& found,
                    base::ErrorCode code = base::ErrorCode::unavailable) {
  EXPECT_FALSE(found);
  EXPECT_EQ(found.error().code, code);
  return found.error().text;
}

TEST(Lookup, AnswersAsTheResolverDoes) {
  Slow slow;
  const LookUp resolve = resolve_within(kForEver, slow.resolver());
  EXPECT_THAT(*resolve(kAnna, "example.com"), ElementsAre(*Address::parse("8.8.8.8")));
  EXPECT_THAT(refusal(resolve(kAnna, "nobody.example")), HasSubstr("not found"));
  EXPECT_TRUE(resolve(kAnna, "example.com"));
  EXPECT_EQ(slow.asked(), 3) << "an answer is not kept";
}

TEST(Lookup, WhatHangsIsGivenUpAndHoldsUpNobodyElse) {
  Slow slow;
  const LookUp resolve = resolve_within(kShort, slow.resolver());
  EXPECT_THAT(refusal(resolve(kAnna, "slow.example")), HasSubstr("in time"));
  EXPECT_THAT(refusal(resolve(kAnna, "slow.example")), HasSubstr("in time"));
  EXPECT_LE(slow.asked(), 1) << "the same name was not asked for beside itself";
  while (!resolve(kAnna, "example.com")) {  // within so short a time the system may not have run the thread
  }
  slow.answer();
  while (!resolve(kAnna, "slow.example")) {
  }
}

TEST(Lookup, ThereAreNoMoreThreadsThanAreAllowed) {
  Slow slow;
  const LookUp resolve = resolve_within(kShort, slow.resolver());
  for (std::size_t i = 0; i < kMaxLookups; ++i) {
    const base::Uuid whose = athlete(i / kLookupsOfAthlete);
    EXPECT_THAT(refusal(resolve(whose, "slow" + std::to_string(i) + ".example")), HasSubstr("in time"));
  }
  EXPECT_THAT(refusal(resolve(kAnna, "slow.example"), base::ErrorCode::no_room), HasSubstr("too many"));
  EXPECT_THAT(refusal(resolve(kAnna, "slow0.example")), HasSubstr("in time"));
  slow.answer();
  while (!resolve(kAnna, "example.com")) {
  }
}

TEST(Lookup, AnAthletesNamesThatNobodyAnswersForLeavePlacesToOthers) {
  Slow slow;
  const LookUp resolve = resolve_within(kShort, slow.resolver());
  for (std::size_t i = 0; i < kLookupsOfAthlete; ++i) {
    EXPECT_THAT(refusal(resolve(athlete(1), "slow" + std::to_string(i) + ".example")), HasSubstr("in time"));
  }
  EXPECT_THAT(refusal(resolve(athlete(1), "slow.example"), base::ErrorCode::no_room), HasSubstr("too many"));
  while (!resolve(kAnna, "example.com")) {
  }
  slow.answer();
  while (!resolve(athlete(1), "slow.example")) {
  }
}

TEST(Lookup, SeveralMayWaitForOneName) {
  Slow slow;
  const LookUp resolve = resolve_within(kForEver, slow.resolver());
  auto first = std::async(std::launch::async, [&] { return resolve(kAnna, "slow.example"); });
  while (slow.asked() == 0) {
  }
  auto second = std::async(std::launch::async, [&] { return resolve(kAnna, "slow.example"); });
  slow.answer();
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

}  // namespace
}  // namespace boathouse::webhooks
