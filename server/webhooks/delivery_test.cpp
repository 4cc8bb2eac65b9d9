// One delivery: what is sent, what an answer means, when the next attempt is.
#include "server/webhooks/delivery.hpp"

#include <gmock/gmock.h>

#include <algorithm>
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
  const auto made = endpoint();
  answers_ = {500};
  tell("msg_1");
  const jobs::Outcome first = run(made.id);
  const jobs::Outcome again = run(made.id);
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
  for (const char* payload : {"", "{}", R"({"endpoint":1})", R"({"endpoint":"x"})"}) {
    job.payload = payload;
    EXPECT_EQ(run(job).kind, jobs::Outcome::Kind::failed) << payload;
  }
  EXPECT_EQ(run(uuid(77)).kind, jobs::Outcome::Kind::done);
}

// It had one for each delivery; the endpoint's own calls.
TEST_P(DeliveryTest, TheJobsOfAnOlderVersionEnd) {
  const auto made = endpoint();
  const auto id = tell("msg_1").at(0);
  jobs::Job job;
  job.payload = R"({"delivery":")" + id.text() + "\"}";
  EXPECT_EQ(run(job).kind, jobs::Outcome::Kind::done);
  EXPECT_THAT(posts_, IsEmpty());
  const auto backlogs = store_->backlogs();
  ASSERT_THAT(*backlogs, SizeIs(1));
  EXPECT_EQ(backlogs->at(0).endpoint, made.id);
  EXPECT_EQ(run(made.id).kind, jobs::Outcome::Kind::done);
  EXPECT_THAT(posts_, SizeIs(1));
}

TEST_P(DeliveryTest, WhatIsNewDoesNotWaitForWhatComesAgainLater) {
  endpoint();
  answers_ = {500};
  const auto first = tell("msg_1");
  send_all(first);
  send_all(tell("msg_2"));
  ASSERT_THAT(posts_, SizeIs(2));
  EXPECT_EQ(header(posts_[1], "webhook-id"), "msg_2");
  clock_.advance_ms(2 * kRetryAfterMs[0]);
  work();
  ASSERT_THAT(posts_, SizeIs(3));
  EXPECT_EQ(delivery(first[0]).state, DeliveryState::delivered);
}

// Each call takes a second; what the other threads would do meanwhile is done in its midst.
class BacklogTest : public WebhooksTest {
 protected:
  static constexpr std::int64_t kDeliveries = 50;

  base::Result<Answer> send(const Post& post) override {
    auto answer = WebhooksTest::send(post);
    clock_.advance_ms(1000);
    if (others_work_ && !working_) {
      working_ = true;
      work();
      working_ = false;
    }
    return answer;
  }
  void fill(const base::Uuid& athlete) {
    for (int i = 0; i < kDeliveries; ++i) {
      order_all(tell(athlete, "msg_" + std::to_string(i)));
    }
  }
  // Each time costs two transactions of the queue.
  std::int64_t jobs_taken() {
    auto connection = sql::Connection::open(jobs_place());
    auto select = connection->prepare("SELECT CAST(sum(attempt) AS BIGINT) FROM job");
    EXPECT_TRUE(*select->step());
    return select->integer(0);
  }

  bool others_work_ = false;
  bool working_ = false;
};
INSTANTIATE_TEST_SUITE_P(Both, BacklogTest, both_databases(), database_name);

TEST_P(BacklogTest, WhatWaitsForASlowEndpointDoesNotKeepTheQueueBusy) {
  others_work_ = true;
  endpoint();
  fill(kAnna);
  work();
  EXPECT_THAT(posts_, SizeIs(kDeliveries));
  EXPECT_LE(jobs_taken(), kDeliveries);
}

TEST_P(BacklogTest, AnothersNewsDoNotWaitForTheBacklogsEnd) {
  endpoint();
  ASSERT_TRUE(store_->create(kBen, "https://ben.example/in", {}));
  fill(kAnna);
  clock_.advance_ms(1000);
  order_all(tell(kBen, "msg_ben"));
  work();
  ASSERT_THAT(posts_, SizeIs(kDeliveries + 1));
  const auto bens = std::ranges::find(posts_, "ben.example", [](const Post& post) { return post.target.host; });
  EXPECT_LT(bens - posts_.begin(), kDeliveries / 10);
  for (std::int64_t i = 0, place = 0; i <= kDeliveries; ++i) {
    if (posts_[static_cast<std::size_t>(i)].target.host == "example.com") {
      EXPECT_EQ(header(posts_[static_cast<std::size_t>(i)], "webhook-id"), "msg_" + std::to_string(place++));
    }
  }
}

// Too many names are looked up at the moment.
class CrowdedTest : public WebhooksTest {
 protected:
  base::Result<std::vector<Address>> resolve(const std::string& host) override {
    if (crowded_) {
      return base::Error{base::ErrorCode::no_room, "not now"};
    }
    return WebhooksTest::resolve(host);
  }
  bool crowded_ = true;
};
INSTANTIATE_TEST_SUITE_P(Both, CrowdedTest, both_databases(), database_name);

TEST_P(CrowdedTest, WhatCannotBeLookedUpYetHasHadNoAttempt) {
  const auto made = endpoint();
  const auto id = tell("msg_1");
  send_all(id);
  EXPECT_EQ(delivery(id[0]).attempts, 0);
  EXPECT_FALSE(delivery(id[0]).next_ms);
  EXPECT_FALSE(store_->endpoint(kAnna, made.id)->failing_since_ms);
  EXPECT_THAT(calls_, IsEmpty());
  crowded_ = false;
  clock_.advance_ms(kRetryAfterMs[0] - 1);
  work();
  EXPECT_EQ(delivery(id[0]).state, DeliveryState::delivered);
  EXPECT_EQ(delivery(id[0]).attempts, 1);
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

// While calls are on their way other endpoints' jobs begin.
class SlowTest : public WebhooksTest {
 protected:
  base::Result<Answer> send(const Post& post) override {
    posts_.push_back(post);
    if (posts_.size() <= others_.size()) {
      outcomes_.push_back(run(others_[posts_.size() - 1]));
    }
    return Answer{200, 1};
  }
  std::vector<base::Uuid> others_;
  std::vector<jobs::Outcome> outcomes_;
};
INSTANTIATE_TEST_SUITE_P(Both, SlowTest, both_databases(), database_name);

// It has lost its lease meanwhile.
TEST_P(SlowTest, ASlowEndpointIsCalledOnceAtATime) {
  const Endpoint made = endpoint();
  tell("msg_1");
  others_ = {made.id};
  EXPECT_EQ(run(made.id).kind, jobs::Outcome::Kind::done);
  EXPECT_THAT(posts_, SizeIs(1));
  ASSERT_THAT(outcomes_, SizeIs(1));
  EXPECT_EQ(outcomes_[0].kind, jobs::Outcome::Kind::retry);
  EXPECT_THAT(outcomes_[0].why, HasSubstr("on their way"));
}

TEST_P(SlowTest, AnAthletesEndpointsHoldThreeCallsAtMost) {
  for (const char* path : {"one", "two", "three", "four"}) {
    others_.push_back(endpoint("https://example.com/" + std::string(path)).id);
  }
  ASSERT_THAT(tell("msg_1"), SizeIs(4));
  const base::Uuid first = others_.front();
  others_.erase(others_.begin());
  EXPECT_EQ(run(first).kind, jobs::Outcome::Kind::done);
  EXPECT_THAT(posts_, SizeIs(3));
  ASSERT_THAT(outcomes_, SizeIs(3));
  EXPECT_EQ(outcomes_[0].kind, jobs::Outcome::Kind::retry);
  EXPECT_EQ(run(others_[2]).kind, jobs::Outcome::Kind::done);
  EXPECT_THAT(posts_, SizeIs(4));
}

// No call ends before all jobs were taken.
class HangingTest : public WebhooksTest {
 protected:
  base::Result<Answer> send(const Post& post) override {
    ++calls_to_[post.target.host];
    while (next_ < endpoints_.size()) {
      (void)run(endpoints_[next_++]);
    }
    return Answer{200, 1};
  }
  // An event for so many endpoints of an athlete's, all on one host; they come after those that there are.
  void tell_all(const base::Uuid& athlete, const std::string& host, int endpoints) {
    for (int i = 0; i < endpoints; ++i) {
      ASSERT_TRUE(store_->create(athlete, "https://" + host + "/" + std::to_string(i), {}));
    }
    const Store::News news{athlete, {"msg_" + host, "session.created", "{}"}};
    for (const base::Uuid& id : *store_->fan_out({&news, 1})) {
      endpoints_.push_back(id);
    }
  }

  std::vector<base::Uuid> endpoints_;
  std::size_t next_ = 0;
  std::map<std::string, int> calls_to_;
};
INSTANTIATE_TEST_SUITE_P(Both, HangingTest, both_databases(), database_name);

TEST_P(HangingTest, TwoAthletesWithABacklogLeavePlacesToOthers) {
  tell_all(kAnna, "anna.example", 4);
  tell_all(kBen, "ben.example", 4);
  tell_all(uuid(3), "carl.example", 1);
  tell_all(uuid(4), "dora.example", 1);
  const base::Uuid first = endpoints_[next_++];
  EXPECT_EQ(run(first).kind, jobs::Outcome::Kind::done);
  const std::map<std::string, int> expected{
      {"anna.example", kCallsOfAny}, {"ben.example", 1}, {"carl.example", 1}, {"dora.example", 1}};
  EXPECT_EQ(calls_to_, expected);
  // They have ended, and the rest may go.
  next_ = endpoints_.size();
  EXPECT_EQ(run(endpoints_[3]).kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(run(endpoints_[7]).kind, jobs::Outcome::Kind::done);
  EXPECT_EQ(calls_to_.at("ben.example"), 2);
}

}  // namespace
}  // namespace boathouse::webhooks
