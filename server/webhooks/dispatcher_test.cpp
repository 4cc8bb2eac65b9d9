// From the ledger's commit to the endpoint: everything, in order, under one id, whatever dies in between.
#include "server/webhooks/dispatcher.hpp"

#include <gmock/gmock.h>

#include <future>

#include "core/base/json.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/webhooks/test_webhooks.hpp"

namespace boathouse::webhooks {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class DispatcherTest : public WebhooksTest {
 protected:
  void SetUp() override {
    WebhooksTest::SetUp();
    sql::Place place = database_.place();
    if (!place.sqlite_file.empty()) {
      place.sqlite_file = folder_.file("ledger.db");
    }
    auto opened = ledger::Ledger::open({.place = place}, clock_, ledger_random_);
    ASSERT_TRUE(opened) << opened.error().text;
    ledger_ = std::move(*opened);
    dispatcher_ = std::make_unique<Dispatcher>(*ledger_, *store_, *runner_, clock_, [](std::string_view) {});
  }

  void put(std::uint64_t recording) {
    ASSERT_TRUE(ledger::submit(*ledger_, kAnna, {ledger::birth_entry(ledger::uuid(recording))}));
  }
  bool step() {
    const auto more = dispatcher_->step();
    EXPECT_TRUE(more) << more.error().text;
    return *more;
  }
  std::size_t left() { return ledger_->events(1000)->size(); }

  base::SeededRandom ledger_random_{8};
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<Dispatcher> dispatcher_;
};
INSTANTIATE_TEST_SUITE_P(Both, DispatcherTest, both_databases(), database_name);

TEST_P(DispatcherTest, AnEventArrives) {
  const auto made = endpoint();
  put(100);
  EXPECT_FALSE(step());
  EXPECT_EQ(left(), 0U);
  work();
  ASSERT_THAT(posts_, SizeIs(1));
  EXPECT_EQ(header(posts_[0], "webhook-id"), "msg_" + ledger_->epoch() + "_1");
  EXPECT_EQ(posts_[0].body,
            R"({"type":"session.created","timestamp":"2023-11-14T22:13:20.000Z","data":{"athlete_id":"ath_)" +
                kAnna.text() + R"(","session_id":"ses_)" + ledger::uuid(100).text() + "\"}}");
  EXPECT_TRUE(base::parse_json(posts_[0].body));
}

TEST_P(DispatcherTest, WhatNobodyWantsIsForgotten) {
  put(100);
  EXPECT_FALSE(step());
  EXPECT_EQ(left(), 0U);
  endpoint();
  EXPECT_FALSE(step());
  work();
  EXPECT_THAT(posts_, IsEmpty());
}

TEST_P(DispatcherTest, ManyGoInOrder) {
  const auto made = endpoint();
  std::vector<ledger::Entry> births;
  for (std::uint64_t i = 0; i < 450; ++i) {
    births.push_back(ledger::birth_entry(ledger::uuid(100 + i)));
  }
  ASSERT_TRUE(ledger::submit(*ledger_, kAnna, std::move(births)));
  EXPECT_TRUE(step());
  EXPECT_TRUE(step());
  EXPECT_FALSE(step());
  EXPECT_EQ(left(), 0U);
  const auto log = store_->deliveries(kAnna, made.id, {}, 1000);
  ASSERT_THAT(*log, SizeIs(450));
  const std::string epoch = ledger_->epoch();
  for (std::size_t i = 0; i < log->size(); ++i) {
    EXPECT_EQ(log->at(i).event_id, "msg_" + epoch + "_" + std::to_string(450 - i));
  }
}

// Died after the log was written: the jobs are missing, the events still there.
TEST_P(DispatcherTest, DeathBeforeTheJobsLosesNothing) {
  endpoint();
  put(100);
  const auto events = ledger_->events(10);
  const Store::News news{kAnna, message_of(events->at(0), ledger_->epoch())};
  ASSERT_TRUE(store_->fan_out({&news, 1}));
  EXPECT_EQ(queue_->counts()->waiting, 0U);
  EXPECT_FALSE(step());
  EXPECT_EQ(queue_->counts()->waiting, 1U);
  work();
  EXPECT_THAT(posts_, SizeIs(1));
}

// Died before the ledger was told, once before and once after the delivery: one row, one call.
TEST_P(DispatcherTest, DeathBeforeTheLedgerForgetsMakesNothingTwice) {
  endpoint();
  put(100);
  const auto events = ledger_->events(10);
  const Store::News news{kAnna, message_of(events->at(0), ledger_->epoch())};
  const auto told = store_->fan_out({&news, 1});
  const jobs::Order order = Deliverer::order(*told->begin(), clock_.utc_ms());
  ASSERT_TRUE(runner_->add({&order, 1}));
  const auto again = store_->fan_out({&news, 1});
  ASSERT_EQ(*again, *told);
  ASSERT_TRUE(runner_->add({&order, 1}));
  EXPECT_EQ(queue_->counts()->waiting, 1U);
  work();
  EXPECT_FALSE(step());
  EXPECT_EQ(left(), 0U);
  work();
  EXPECT_THAT(posts_, SizeIs(1));
}

// A call of the API died between the log and the job, or the job's workers died too often.
TEST_P(DispatcherTest, WhatWaitsWithoutAJobGetsOneAtTheStart) {
  endpoint("https://example.com/one");
  answers_ = {500};
  send_all(tell("msg_1"));  // comes again in some seconds, by its own job
  endpoint("https://example.com/other", {"session.complete"});
  const auto without = tell("msg_2", "session.complete");
  ASSERT_THAT(without, SizeIs(2));
  EXPECT_EQ(queue_->counts()->waiting, 1U);
  ASSERT_TRUE(dispatcher_->recover());
  EXPECT_EQ(queue_->counts()->waiting, 2U);
  work();
  for (const base::Uuid& id : without) {
    EXPECT_EQ(delivery(id).state, DeliveryState::delivered);
  }
  EXPECT_THAT(posts_, SizeIs(3));
  ASSERT_TRUE(dispatcher_->recover());
  EXPECT_EQ(queue_->counts()->waiting, 1U);
  clock_.advance_ms(2 * kRetryAfterMs[0]);
  work();
  EXPECT_THAT(posts_, SizeIs(4));
}

TEST_P(DispatcherTest, WhatLosesItsJobWhileTheServerRunsGetsAnother) {
  endpoint();
  EXPECT_FALSE(step());
  const auto without = tell("msg_1").at(0);
  clock_.advance_ms(kRecoverEveryMs - 1);
  EXPECT_FALSE(step());
  EXPECT_EQ(queue_->counts()->waiting, 0U);
  clock_.advance_ms(1);
  EXPECT_FALSE(step());
  EXPECT_EQ(queue_->counts()->waiting, 1U);
  work();
  EXPECT_EQ(delivery(without).state, DeliveryState::delivered);
}

class ThreadsTest : public DispatcherTest {
 protected:
  base::Result<Answer> send(const Post& post) override {
    sent_.set_value(post);
    return Answer{200, 1};
  }
  std::promise<Post> sent_;
};
INSTANTIATE_TEST_SUITE_P(Both, ThreadsTest, both_databases(), database_name);

TEST_P(ThreadsTest, ACommitWakesTheOneAndThatTheOther) {
  const auto made = endpoint();
  ledger_->on_commit([this] { dispatcher_->wake(); });
  runner_->start(2);
  dispatcher_->start();
  put(100);
  EXPECT_EQ(sent_.get_future().get().target.host, "example.com");
  ledger_->on_commit({});
  dispatcher_->stop();
  runner_->stop();
  EXPECT_EQ(store_->deliveries(kAnna, made.id, {}, 10)->at(0).state, DeliveryState::delivered);
}

}  // namespace
}  // namespace boathouse::webhooks
