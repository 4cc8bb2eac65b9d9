// One delivery: what is sent, what an answer means, when the next attempt is.
#include "server/webhooks/delivery.hpp"

#include <gmock/gmock.h>

#include <map>

#include "server/webhooks/test_webhooks.hpp"

namespace boathouse::webhooks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kNow = 1'700'000'000'000;

TEST(Judge, TwoHundredsAreSuccessAndNothingElseIs) {
  for (const int status : {200, 201, 204, 299}) {
    EXPECT_EQ(judge(status, "", 1, {}, kNow, 0).state, DeliveryState::delivered) << status;
  }
  for (const int status : {100, 199, 300, 301, 302, 400, 401, 404, 429, 500, 503}) {
    const Attempt verdict = judge(status, "", 1, {}, kNow, 0);
    EXPECT_EQ(verdict.state, DeliveryState::waiting) << status;
    EXPECT_EQ(verdict.status, status);
    EXPECT_EQ(verdict.error, "the endpoint answered " + std::to_string(status));
  }
}

TEST(Judge, HasTheWaitsOfTheStandard) {
  constexpr std::array<std::int64_t, 9> kSeconds{5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
  for (int attempt = 1; attempt <= 9; ++attempt) {
    const std::int64_t wait_ms = 1000 * kSeconds[static_cast<std::size_t>(attempt) - 1];
    EXPECT_EQ(judge(0, "no answer", attempt, {}, kNow, 0).next_ms, kNow + wait_ms) << attempt;
    EXPECT_EQ(judge(0, "no answer", attempt, {}, kNow, 1).next_ms, kNow + wait_ms + wait_ms / 10) << attempt;
  }
  const Attempt last = judge(0, "no answer", 10, kNow - kDisableAfterMs + 1, kNow, 0);
  EXPECT_EQ(last.state, DeliveryState::failed);
  EXPECT_EQ(last.error, "no answer");
  EXPECT_FALSE(last.status);
  EXPECT_EQ(last.disable_why, "");
}

TEST(Judge, DisablesWhatIsGoneAndWhatHasTakenNothingForFiveDays) {
  EXPECT_EQ(judge(410, "", 1, {}, kNow, 0).state, DeliveryState::failed);
  EXPECT_EQ(judge(410, "", 1, {}, kNow, 0).disable_why, "the endpoint answered 410 (Gone)");
  EXPECT_EQ(judge(500, "", 10, kNow - kDisableAfterMs, kNow, 0).disable_why, "nothing was taken for five days");
  EXPECT_EQ(judge(500, "", 9, kNow - kDisableAfterMs, kNow, 0).disable_why, "");
}

TEST(Judge, WaitsAtLeastAsLongAsTheEndpointAsks) {
  for (const int status : {302, 429, 503}) {
    EXPECT_EQ(judge(status, "", 1, {}, kNow, 0, 60'000).next_ms, kNow + 60'000) << status;
    EXPECT_EQ(judge(status, "", 1, {}, kNow, 1, 60'000).next_ms, kNow + 66'000) << status;
    EXPECT_EQ(judge(status, "", 2, {}, kNow, 0, 60'000).next_ms, kNow + kRetryAfterMs[1]) << "the table waits longer";
  }
  EXPECT_EQ(judge(429, "", 10, {}, kNow, 0, 60'000).state, DeliveryState::failed) << "it is the last all the same";
  EXPECT_EQ(judge(410, "", 1, {}, kNow, 0, 60'000).state, DeliveryState::failed);
  EXPECT_LT(*judge(429, "", 1, {}, kNow, 1, kLongestRetryAfterMs).next_ms - kNow, kLongestWaitMs)
      << "what is farther off is taken for a clock that was ahead";
}

class DeliveryTest : public WebhooksTest {};
INSTANTIATE_TEST_SUITE_P(Both, DeliveryTest, both_databases(), database_name);

TEST_P(DeliveryTest, SendsWhatTheStandardAsksFor) {
  const auto made = endpoint("https://example.com:8443/in?x=1");
  const auto ids = tell("msg_1");
  send_all(ids);
  ASSERT_THAT(posts_, SizeIs(1));
  const Post& post = posts_[0];
  EXPECT_EQ(post.target.url(), "https://example.com:8443/in?x=1");
  EXPECT_THAT(post.addresses, ElementsAre(*Address::parse("8.8.8.8")));
  EXPECT_EQ(post.timeout_ms, kSendTimeoutMs);
  EXPECT_EQ(post.body, R"({"type":"session.created"})");
  EXPECT_EQ(header(post, "webhook-id"), "msg_1");
  EXPECT_EQ(header(post, "webhook-timestamp"), "1700000000");
  EXPECT_EQ(header(post, "webhook-signature"), signatures({&made.secret, 1}, "msg_1", 1'700'000'000, post.body));
  const Delivery log = delivery(ids[0]);
  EXPECT_EQ(log.state, DeliveryState::delivered);
  EXPECT_EQ(log.attempts, 1);
  EXPECT_EQ(log.status, 204);
  EXPECT_EQ(log.last_ms, clock_.utc_ms());
  EXPECT_EQ(log.duration_ms, 12);
  EXPECT_EQ(log.error, "");
}

TEST_P(DeliveryTest, BothSecretsSignForADayAfterARotation) {
  const auto made = endpoint();
  const auto rotated = *store_->rotate(kAnna, made.id);
  send_all(tell("msg_1"));
  const std::array<Secret, 2> both{rotated.secret, made.secret};
  EXPECT_EQ(header(posts_.at(0), "webhook-signature"), signatures(both, "msg_1", 1'700'000'000, posts_[0].body));
  clock_.advance_ms(kOverlapMs);
  send_all(tell("msg_2"));
  EXPECT_EQ(header(posts_.at(1), "webhook-signature"),
            signatures({&rotated.secret, 1}, "msg_2", clock_.utc_ms() / 1000, posts_[1].body));
}

TEST_P(DeliveryTest, TriesTenTimesUnderOneIdThenItFails) {
  const auto made = endpoint();
  answers_ = {500, 0, 302, 404, 500, 500, 500, 500, 500, 500};
  const auto ids = tell("msg_1");
  send_all(ids);
  EXPECT_EQ(store_->endpoint(kAnna, made.id)->failing_since_ms, clock_.utc_ms());
  for (std::size_t i = 0; i < kRetryAfterMs.size(); ++i) {
    const Delivery log = delivery(ids[0]);
    ASSERT_EQ(log.state, DeliveryState::waiting) << i;
    ASSERT_TRUE(log.next_ms);
    const std::int64_t wait_ms = *log.next_ms - clock_.utc_ms();
    EXPECT_GE(wait_ms, kRetryAfterMs[i]);
    EXPECT_LE(wait_ms, kRetryAfterMs[i] * 11 / 10);
    clock_.advance_ms(wait_ms - 1);
    work();
    EXPECT_THAT(posts_, SizeIs(i + 1));
    clock_.advance_ms(1);
    work();
    EXPECT_THAT(posts_, SizeIs(i + 2));
    EXPECT_EQ(header(posts_.back(), "webhook-id"), "msg_1");
  }
  EXPECT_EQ(delivery(ids[0]).state, DeliveryState::failed);
  EXPECT_EQ(delivery(ids[0]).attempts, 10);
  EXPECT_TRUE(store_->endpoint(kAnna, made.id)->enabled);
  clock_.advance_ms(10 * kDisableAfterMs);
  work();
  EXPECT_THAT(posts_, SizeIs(10));
  const std::map<CallResult, int> calls{{CallResult::refused, 9}, {CallResult::unanswered, 1}};
  EXPECT_EQ(calls_, calls);
}

TEST_P(DeliveryTest, WhatComesAgainAndIsTakenIsWell) {
  const auto made = endpoint();
  answers_ = {503};
  const auto ids = tell("msg_1");
  send_all(ids);
  EXPECT_TRUE(store_->endpoint(kAnna, made.id)->failing_since_ms);
  clock_.advance_ms(kRetryAfterMs[0] * 2);
  work();
  EXPECT_EQ(delivery(ids[0]).state, DeliveryState::delivered);
  EXPECT_EQ(delivery(ids[0]).attempts, 2);
  const std::map<CallResult, int> calls{{CallResult::refused, 1}, {CallResult::taken, 1}};
  EXPECT_EQ(calls_, calls);
  EXPECT_FALSE(store_->endpoint(kAnna, made.id)->failing_since_ms);
}

TEST_P(DeliveryTest, WhatAsksForAPauseGetsIt) {
  endpoint();
  answers_ = {429};
  retry_after_ms_ = 3'600'000;
  const auto ids = tell("msg_1");
  send_all(ids);
  ASSERT_TRUE(delivery(ids[0]).next_ms);
  const std::int64_t wait_ms = *delivery(ids[0]).next_ms - clock_.utc_ms();
  EXPECT_GE(wait_ms, 3'600'000);
  clock_.advance_ms(wait_ms - 1);
  work();
  EXPECT_THAT(posts_, SizeIs(1));
  clock_.advance_ms(1);
  work();
  EXPECT_THAT(posts_, SizeIs(2));
  EXPECT_EQ(delivery(ids[0]).state, DeliveryState::delivered);
}

TEST_P(DeliveryTest, AnEndpointThatIsGoneIsDisabledAndHearsNoMore) {
  const auto made = endpoint();
  answers_ = {500, 410};
  const auto first = tell("msg_1");
  send_all(first);
  const auto second = tell("msg_2");
  send_all(second);
  const auto now = store_->endpoint(kAnna, made.id);
  EXPECT_FALSE(now->enabled);
  EXPECT_EQ(now->disabled_why, "the endpoint answered 410 (Gone)");
  clock_.advance_ms(kRetryAfterMs[0] * 2);
  work();
  EXPECT_THAT(posts_, SizeIs(2));
  EXPECT_EQ(delivery(first[0]).state, DeliveryState::failed);
  EXPECT_EQ(delivery(first[0]).error, "the webhook is disabled");
  EXPECT_EQ(calls_[CallResult::refused] + calls_[CallResult::unanswered], 2) << "what was not sent is no call";
  EXPECT_THAT(tell("msg_3"), IsEmpty());
  ASSERT_TRUE(store_->change(kAnna, made.id, {.enabled = true}));
  ASSERT_TRUE(store_->replay(kAnna, made.id, first[0]));
  send_all(first);
  EXPECT_EQ(delivery(first[0]).state, DeliveryState::delivered);
}

TEST_P(DeliveryTest, ADeletedEndpointHearsNoMore) {
  const auto made = endpoint();
  const auto ids = tell("msg_1");
  ASSERT_TRUE(store_->remove(kAnna, made.id));
  send_all(ids);
  EXPECT_THAT(posts_, IsEmpty());
  EXPECT_EQ(queue_->counts()->waiting, 0U);
}

// Died after the attempt was noted, before the job had its next time: it does not come early.
TEST_P(DeliveryTest, AnAttemptThatWasNotedIsNotMadeAgainBeforeItsTime) {
  endpoint();
  answers_ = {500};
  const auto ids = tell("msg_1");
  jobs::Job job;
  job.payload = Deliverer::order(ids[0], 0).payload;
  const jobs::Outcome first = deliverer_->run(job);
  const jobs::Outcome again = deliverer_->run(job);
  EXPECT_THAT(posts_, SizeIs(1));
  EXPECT_EQ(first.kind, jobs::Outcome::Kind::retry);
  EXPECT_EQ(again.kind, jobs::Outcome::Kind::retry);
  EXPECT_EQ(again.after_ms, first.after_ms);
}

TEST_P(DeliveryTest, AnAttemptThatAClockAheadHasPutOffForYearsIsMade) {
  endpoint();
  answers_ = {500};
  const auto ids = tell("msg_1");
  const std::int64_t now_ms = clock_.utc_ms();
  clock_.set_utc_ms(now_ms + std::int64_t{3650} * 86'400'000);
  send_all(ids);
  EXPECT_THAT(posts_, SizeIs(1));
  clock_.set_utc_ms(now_ms);
  clock_.advance_ms(60'000);
  work();
  EXPECT_THAT(posts_, SizeIs(2));
  EXPECT_EQ(delivery(ids[0]).state, DeliveryState::delivered);
}

TEST_P(DeliveryTest, AJobThatNamesNothingFails) {
  jobs::Job job;
  for (const char* payload : {"", "{}", R"({"delivery":1})", R"({"delivery":"x"})"}) {
    job.payload = payload;
    EXPECT_EQ(deliverer_->run(job).kind, jobs::Outcome::Kind::failed) << payload;
  }
  job.payload = Deliverer::order(uuid(77), 0).payload;
  EXPECT_EQ(deliverer_->run(job).kind, jobs::Outcome::Kind::done);
}

class RebindTest : public WebhooksTest {
 protected:
  base::Result<std::vector<Address>> resolve(const std::string& host) override {
    resolved_.push_back(host);
    return std::vector{*Address::parse("8.8.8.8"), *Address::parse("127.0.0.1")};
  }
};
INSTANTIATE_TEST_SUITE_P(Both, RebindTest, both_databases(), database_name);

class SlowNameTest : public WebhooksTest {
 protected:
  base::Result<std::vector<Address>> resolve(const std::string& host) override {
    clock_.advance_ms(4'000);
    return WebhooksTest::resolve(host);
  }
};
INSTANTIATE_TEST_SUITE_P(Both, SlowNameTest, both_databases(), database_name);

TEST_P(SlowNameTest, WhatTheLookUpTookIsNotThereForTheCall) {
  endpoint();
  send_all(tell("msg_1"));
  ASSERT_THAT(posts_, SizeIs(1));
  EXPECT_EQ(posts_[0].timeout_ms, kSendTimeoutMs - 4'000);
}

TEST_P(RebindTest, ANameThatLeadsInsideIsNotCalled) {
  endpoint();
  const auto ids = tell("msg_1");
  send_all(ids);
  EXPECT_THAT(posts_, IsEmpty());
  EXPECT_THAT(resolved_, ElementsAre("example.com"));
  EXPECT_EQ(delivery(ids[0]).state, DeliveryState::waiting);
  EXPECT_EQ(delivery(ids[0]).error, "the host has an address that is not public");
  EXPECT_EQ(calls_[CallResult::unanswered], 1);
}

// While two calls to an endpoint are on their way, a third waits.
class SlowTest : public WebhooksTest {
 protected:
  base::Result<Answer> send(const Post& post) override {
    posts_.push_back(post);
    if (posts_.size() <= jobs_.size()) {
      outcomes_.push_back(deliverer_->run(jobs_[posts_.size() - 1]));
    }
    return Answer{200, 1};
  }
  std::vector<jobs::Job> jobs_;
  std::vector<jobs::Outcome> outcomes_;
};
INSTANTIATE_TEST_SUITE_P(Both, SlowTest, both_databases(), database_name);

TEST_P(SlowTest, ASlowEndpointHoldsTwoCallsAtMost) {
  endpoint();
  jobs::Job first;
  first.payload = Deliverer::order(tell("msg_1").at(0), 0).payload;
  for (const char* id : {"msg_2", "msg_3"}) {
    jobs_.emplace_back();
    jobs_.back().payload = Deliverer::order(tell(id).at(0), 0).payload;
  }
  EXPECT_EQ(deliverer_->run(first).kind, jobs::Outcome::Kind::done);
  EXPECT_THAT(posts_, SizeIs(2));
  ASSERT_THAT(outcomes_, SizeIs(2));
  EXPECT_EQ(outcomes_[0].kind, jobs::Outcome::Kind::retry);
  EXPECT_THAT(outcomes_[0].why, HasSubstr("on their way"));
  EXPECT_EQ(outcomes_[1].kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(deliverer_->run(jobs_[1]).kind, jobs::Outcome::Kind::done);
}

TEST_P(SlowTest, AnAthletesEndpointsHoldThreeCallsAtMost) {
  const Endpoint one = endpoint("https://example.com/one");
  endpoint("https://example.com/two");
  std::vector<base::Uuid> ids;
  for (const char* id : {"msg_1", "msg_2"}) {
    for (const base::Uuid& made : tell(id)) {
      ids.insert(delivery(made).endpoint == one.id ? ids.begin() : ids.end(), made);
    }
  }
  ASSERT_THAT(ids, SizeIs(4));
  for (const base::Uuid& id : ids) {
    jobs_.emplace_back();
    jobs_.back().payload = Deliverer::order(id, 0).payload;
  }
  const jobs::Job first = jobs_.front();
  jobs_.erase(jobs_.begin());
  EXPECT_EQ(deliverer_->run(first).kind, jobs::Outcome::Kind::done);
  EXPECT_THAT(posts_, SizeIs(3));
  ASSERT_THAT(outcomes_, SizeIs(3));
  EXPECT_EQ(outcomes_[0].kind, jobs::Outcome::Kind::retry);
  EXPECT_EQ(deliverer_->run(jobs_[2]).kind, jobs::Outcome::Kind::done);
}

// No call ends before all jobs were taken.
class HangingTest : public WebhooksTest {
 protected:
  base::Result<Answer> send(const Post& post) override {
    ++calls_to_[post.target.host];
    while (next_ < jobs_.size()) {
      (void)deliverer_->run(jobs_[next_++]);
    }
    return Answer{200, 1};
  }
  // An event for so many endpoints of an athlete's, all on one host; their jobs come after those that there are.
  void tell_all(const base::Uuid& athlete, const std::string& host, int endpoints) {
    for (int i = 0; i < endpoints; ++i) {
      ASSERT_TRUE(store_->create(athlete, "https://" + host + "/" + std::to_string(i), {}));
    }
    const Store::News news{athlete, {"msg_" + host, "session.created", "{}"}};
    for (const base::Uuid& id : *store_->fan_out({&news, 1})) {
      jobs_.emplace_back();
      jobs_.back().payload = Deliverer::order(id, 0).payload;
    }
  }

  std::vector<jobs::Job> jobs_;
  std::size_t next_ = 0;
  std::map<std::string, int> calls_to_;
};
INSTANTIATE_TEST_SUITE_P(Both, HangingTest, both_databases(), database_name);

TEST_P(HangingTest, TwoAthletesWithABacklogLeavePlacesToOthers) {
  tell_all(kAnna, "anna.example", 4);
  tell_all(kBen, "ben.example", 4);
  tell_all(uuid(3), "carl.example", 1);
  tell_all(uuid(4), "dora.example", 1);
  const jobs::Job& first = jobs_[next_++];
  EXPECT_EQ(deliverer_->run(first).kind, jobs::Outcome::Kind::done);
  const std::map<std::string, int> expected{
      {"anna.example", kCallsOfAny}, {"ben.example", 1}, {"carl.example", 1}, {"dora.example", 1}};
  EXPECT_EQ(calls_to_, expected);
  // They have ended, and the rest may go.
  next_ = jobs_.size();
  EXPECT_EQ(deliverer_->run(jobs_[3]).kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(deliverer_->run(jobs_[7]).kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(calls_to_.at("ben.example"), 2);
}

}  // namespace
}  // namespace boathouse::webhooks
