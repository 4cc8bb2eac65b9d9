// Endpoints and the log: who may see what, one row for an endpoint and an event, what is kept.
#include "server/webhooks/store.hpp"

#include <gmock/gmock.h>

#include "core/base/sha256.hpp"
#include "server/control/test_audit_log.hpp"
#include "server/webhooks/test_webhooks.hpp"

namespace boathouse::webhooks {
namespace {

using base::ErrorCode;
using control::IdempotentCall;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class StoreTest : public WebhooksTest {};
INSTANTIATE_TEST_SUITE_P(Both, StoreTest, both_databases(), database_name);

TEST_P(StoreTest, AnAthleteHasTenEndpointsAndOneForAUrl) {
  for (std::size_t i = 0; i < kMaxEndpoints; ++i) {
    endpoint("https://example.com/" + std::to_string(i));
  }
  EXPECT_EQ(store_->create(kAnna, "https://example.com/more", {}).error().code, ErrorCode::conflict);
  EXPECT_EQ(store_->create(kAnna, "https://example.com/0", {}).error().code, ErrorCode::conflict);
  EXPECT_TRUE(store_->create(kBen, "https://example.com/0", {}));
  EXPECT_THAT(*store_->endpoints(kAnna), SizeIs(kMaxEndpoints));
}

TEST_P(StoreTest, WhatIsAnothersIsNotThere) {
  const auto mine = endpoint();
  const auto id = tell("msg_1").at(0);
  EXPECT_EQ(store_->endpoint(kBen, mine.id).error().code, ErrorCode::not_found);
  EXPECT_EQ(store_->change(kBen, mine.id, {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(store_->rotate(kBen, mine.id).error().code, ErrorCode::not_found);
  EXPECT_EQ(store_->remove(kBen, mine.id).error().code, ErrorCode::not_found);
  EXPECT_EQ(store_->deliveries(kBen, mine.id, {}, 10).error().code, ErrorCode::not_found);
  EXPECT_EQ(store_->replay(kBen, mine.id, id).error().code, ErrorCode::not_found);
  EXPECT_EQ(store_->add(kBen, mine.id, {"msg_2", "webhook.test", "{}"}).error().code, ErrorCode::not_found);
  const auto other = store_->create(kBen, "https://example.com/", {});
  EXPECT_EQ(store_->replay(kBen, other->id, id).error().code, ErrorCode::not_found);
  EXPECT_TRUE(store_->endpoint(kAnna, mine.id));
  EXPECT_THAT(*store_->endpoints(kBen), SizeIs(1));
}

TEST_P(StoreTest, WhoIsErasedLeavesNothing) {
  endpoint();
  endpoint("https://example.com/other");
  ASSERT_FALSE(tell("msg_1").empty());
  ASSERT_TRUE(store_->create(kBen, "https://example.com/", {}));
  ASSERT_TRUE(store_->rotate(IdempotentCall{"key", {}}, kAnna, store_->endpoints(kAnna)->front().id));
  EXPECT_EQ(store_->count_of(kAnna)->endpoints, 2U);
  EXPECT_EQ(store_->count_of(kAnna)->deliveries, 2U);
  ASSERT_TRUE(store_->forget(kAnna));
  ASSERT_TRUE(store_->forget(kAnna));
  EXPECT_EQ(store_->count_of(kAnna)->endpoints, 0U);
  EXPECT_EQ(store_->count_of(kAnna)->deliveries, 0U);
  EXPECT_EQ(store_->count_of(kBen)->endpoints, 1U);
}

TEST_P(StoreTest, ARotatedSecretStaysForADay) {
  const auto made = endpoint();
  const auto rotated = store_->rotate(kAnna, made.id);
  ASSERT_TRUE(rotated);
  EXPECT_NE(rotated->secret, made.secret);
  EXPECT_EQ(rotated->previous_secret, made.secret);
  EXPECT_EQ(rotated->previous_until_ms, clock_.utc_ms() + kOverlapMs);
  EXPECT_EQ(store_->endpoint(kAnna, made.id)->secret, rotated->secret);
  EXPECT_EQ(store_->rotate(kAnna, made.id)->previous_secret, rotated->secret);
}

// The answer to a call may be lost, and a second rotation would end the secret that still signs.
TEST_P(StoreTest, ACallThatComesAgainIsDoneOnce) {
  const IdempotentCall making{"first", base::sha256(base::as_bytes("POST"))};
  const auto made = store_->create(making, kAnna, "https://example.com/in", {});
  ASSERT_TRUE(made && *made);
  const auto again = store_->create(making, kAnna, "https://example.com/in", {});
  ASSERT_TRUE(again && *again) << again.error().text;
  EXPECT_EQ((*again)->id, (*made)->id);
  EXPECT_EQ((*again)->secret, (*made)->secret);

  const IdempotentCall rotating{"second", base::sha256(base::as_bytes("rotate"))};
  const auto rotated = store_->rotate(rotating, kAnna, (*made)->id);
  const auto rotated_again = store_->rotate(rotating, kAnna, (*made)->id);
  ASSERT_TRUE(rotated && *rotated && rotated_again && *rotated_again);
  EXPECT_EQ((*rotated_again)->secret, (*rotated)->secret);
  EXPECT_EQ((*rotated_again)->previous_secret, (*made)->secret);

  const auto others = store_->rotate(IdempotentCall{"first", rotating.asked}, kAnna, (*made)->id);
  ASSERT_TRUE(others);
  EXPECT_FALSE(*others) << "the key is that of the making";
  EXPECT_EQ(store_->endpoint(kAnna, (*made)->id)->secret, (*rotated)->secret);

  const auto bens = store_->create(making, kBen, "https://example.com/in", {});  // a key is its athlete's own
  ASSERT_TRUE(bens && *bens);
  EXPECT_NE((*bens)->id, (*made)->id);

  clock_.advance_ms(control::kCallKeptMs);
  const auto a_day_later = store_->rotate(rotating, kAnna, (*made)->id);
  ASSERT_TRUE(a_day_later && *a_day_later);
  EXPECT_NE((*a_day_later)->secret, (*rotated)->secret);
}

TEST_P(StoreTest, ACallThatFailedIsTriedAgain) {
  const auto other = endpoint("https://example.com/in");
  const IdempotentCall making{"key", base::sha256(base::as_bytes("POST"))};
  EXPECT_EQ(store_->create(making, kAnna, "https://example.com/in", {}).error().code, ErrorCode::conflict);
  ASSERT_TRUE(store_->remove(kAnna, other.id));
  const auto made = store_->create(making, kAnna, "https://example.com/in", {});
  ASSERT_TRUE(made && *made);
  ASSERT_TRUE(store_->remove(kAnna, (*made)->id));
  EXPECT_TRUE(store_->create(making, kAnna, "https://example.com/in", {})) << "what it had made is gone";
}

TEST_P(StoreTest, OfAnEndpointTheNewestCallsAreKept) {
  const auto made = endpoint();
  const auto call = [](std::size_t n) { return IdempotentCall{"key " + std::to_string(n), base::Digest{}}; };
  std::vector<Secret> secrets;
  for (std::size_t n = 0; n <= kMaxCallsKept; ++n) {
    const auto rotated = store_->rotate(call(n), kAnna, made.id);
    ASSERT_TRUE(rotated && *rotated);
    secrets.push_back((*rotated)->secret);
    clock_.advance_ms(1);
  }
  EXPECT_EQ((*store_->rotate(call(1), kAnna, made.id))->secret, secrets.back());
  EXPECT_NE((*store_->rotate(call(0), kAnna, made.id))->secret, secrets.back());
}

TEST_P(StoreTest, WhatIsNamedIsChanged) {
  const auto made = endpoint();
  endpoint("https://example.com/other");
  EXPECT_EQ(store_->change(kAnna, made.id, {.url = "https://example.com/other"}).error().code, ErrorCode::conflict);
  EXPECT_EQ((*store_->change(kAnna, made.id, {.url = "https://example.com/new"}))->url, "https://example.com/new");
  EXPECT_THAT((*store_->change(kAnna, made.id, {.events = {{"sync.failed", "sync.stuck"}}}))->events,
              ElementsAre("sync.failed", "sync.stuck"));
  EXPECT_FALSE((*store_->change(kAnna, made.id, {.enabled = false}))->enabled);
  const auto now = store_->endpoint(kAnna, made.id);
  EXPECT_EQ(now->url, "https://example.com/new");
  EXPECT_THAT(now->events, ElementsAre("sync.failed", "sync.stuck"));
  EXPECT_FALSE(now->enabled);
  EXPECT_EQ(now->secret, made.secret);
}

// Whatever is shown of it has changed.
TEST_P(StoreTest, AnOlderVersionIsNotWrittenOver) {
  const auto made = endpoint();
  EXPECT_EQ(made.version, 1);
  const auto changed = store_->change(kAnna, made.id, {.events = {{"sync.failed"}}}, 1);
  ASSERT_TRUE(changed && *changed);
  EXPECT_EQ((*changed)->version, 2);
  const auto refused = store_->change(kAnna, made.id, {.enabled = false}, 1);
  ASSERT_TRUE(refused);
  EXPECT_FALSE(*refused);
  EXPECT_TRUE(store_->endpoint(kAnna, made.id)->enabled);
  EXPECT_EQ((*store_->change(kAnna, made.id, {.enabled = true}, 2))->version, 2) << "it was so already";
  EXPECT_EQ(store_->rotate(kAnna, made.id)->version, 3);
  const auto id = tell("msg_1", "sync.failed").at(0);
  Attempt attempt;
  attempt.state = DeliveryState::waiting;
  ASSERT_TRUE(store_->note(delivery(id), attempt));
  ASSERT_TRUE(store_->note(delivery(id), attempt));
  EXPECT_EQ(store_->endpoint(kAnna, made.id)->version, 4) << "it fails since then";
  ASSERT_TRUE(store_->note(delivery(id), {}));
  EXPECT_EQ(store_->endpoint(kAnna, made.id)->version, 5);
}

TEST_P(StoreTest, EachEventGoesOnceToEachEndpointThatWantsIt) {
  const auto all = endpoint("https://example.com/all");
  const auto some = endpoint("https://example.com/some", {"session.complete"});
  const auto off = endpoint("https://example.com/off");
  ASSERT_TRUE(store_->change(kAnna, off.id, {.enabled = false}));
  ASSERT_TRUE(store_->create(kBen, "https://example.com/ben", {}));
  const auto first = tell("msg_1");
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(delivery(first[0]).endpoint, all.id);
  EXPECT_EQ(tell("msg_1"), first);
  EXPECT_THAT(tell("msg_2", "session.complete"), SizeIs(2));
  EXPECT_THAT(*store_->deliveries(kAnna, all.id, {}, 10), SizeIs(2));
  EXPECT_THAT(*store_->deliveries(kAnna, some.id, {}, 10), SizeIs(1));
  EXPECT_THAT(*store_->deliveries(kAnna, off.id, {}, 10), IsEmpty());
  // What has ended is not sent again by a repeat.
  ASSERT_TRUE(store_->note(delivery(first[0]), {}));
  EXPECT_THAT(tell("msg_1"), IsEmpty());
}

TEST_P(StoreTest, TheLogComesInPagesTheNewestFirst) {
  const auto made = endpoint();
  for (int i = 0; i < 5; ++i) {
    tell("msg_" + std::to_string(i));
  }
  std::vector<std::string> seen;
  std::optional<base::Uuid> before;
  while (true) {
    const auto page = store_->deliveries(kAnna, made.id, before, 2);
    for (const Delivery& one : *page) {
      seen.push_back(one.event_id);
    }
    if (page->size() < 2) {
      break;
    }
    before = page->back().id;
  }
  EXPECT_THAT(seen, ElementsAre("msg_4", "msg_3", "msg_2", "msg_1", "msg_0"));
}

TEST_P(StoreTest, AReplayBeginsAnewUnderTheSameId) {
  const auto made = endpoint();
  const auto id = tell("msg_1").at(0);
  Attempt failed;
  failed.state = DeliveryState::failed;
  failed.error = "no";
  ASSERT_TRUE(store_->note(delivery(id), failed));
  EXPECT_EQ(delivery(id).attempts, 1);
  const auto again = store_->replay(kAnna, made.id, id);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->state, DeliveryState::waiting);
  EXPECT_EQ(delivery(id).attempts, 0);
  EXPECT_EQ(delivery(id).event_id, "msg_1");
  EXPECT_TRUE(store_->replay(kAnna, made.id, id));
  ASSERT_TRUE(store_->change(kAnna, made.id, {.enabled = false}));
  EXPECT_EQ(store_->replay(kAnna, made.id, id).error().code, ErrorCode::conflict);
  EXPECT_EQ(store_->add(kAnna, made.id, {"msg_2", "webhook.test", "{}"}).error().code, ErrorCode::conflict);
}

TEST_P(StoreTest, WhatHasFailedSinceATimeIsReplayedTheOldestFirst) {
  const auto made = endpoint();
  Attempt failed;
  failed.state = DeliveryState::failed;
  failed.error = "no";
  std::vector<base::Uuid> ids;
  std::vector<std::int64_t> times;
  for (const char* name : {"msg_0", "msg_1", "msg_2", "msg_3", "msg_4"}) {
    ids.push_back(tell(name).at(0));
    times.push_back(clock_.utc_ms());
    clock_.advance_ms(1000);
  }
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(store_->note(delivery(ids[i]), i == 2 ? Attempt{} : failed));
  }
  const auto first = store_->replay_failed(kAnna, made.id, times[0], 1);
  ASSERT_TRUE(first);
  EXPECT_THAT(first->deliveries, ElementsAre(ids[0]));
  EXPECT_TRUE(first->has_more);
  const auto rest = store_->replay_failed(kAnna, made.id, times[1], 1);
  EXPECT_THAT(rest->deliveries, ElementsAre(ids[1]));
  EXPECT_TRUE(rest->has_more);
  const auto last = store_->replay_failed(kAnna, made.id, times[0]);
  EXPECT_THAT(last->deliveries, ElementsAre(ids[3]));
  EXPECT_FALSE(last->has_more);
  EXPECT_THAT(store_->replay_failed(kAnna, made.id, times[0])->deliveries, IsEmpty());
  EXPECT_EQ(delivery(ids[0]).state, DeliveryState::waiting);
  EXPECT_EQ(delivery(ids[0]).attempts, 0);
  EXPECT_EQ(delivery(ids[2]).state, DeliveryState::delivered);
  EXPECT_EQ(store_->replay_failed(kBen, made.id, 0).error().code, ErrorCode::not_found);
  ASSERT_TRUE(store_->change(kAnna, made.id, {.enabled = false}));
  EXPECT_EQ(store_->replay_failed(kAnna, made.id, 0).error().code, ErrorCode::conflict);
}

TEST_P(StoreTest, ADeletedEndpointTakesItsLogAlong) {
  const auto made = endpoint();
  const auto id = tell("msg_1").at(0);
  const Delivery before = delivery(id);
  ASSERT_TRUE(store_->remove(kAnna, made.id));
  EXPECT_FALSE(find(id));
  EXPECT_TRUE(store_->note(before, {}));
  EXPECT_EQ(store_->lag()->waiting, 0U);
}

// What of an endpoint's log is kept. Times are those of the deliveries' end.
class KeepingTest : public WebhooksTest {
 protected:
  void SetUp() override {
    WebhooksTest::SetUp();
    made_ = endpoint();
    connection_ = std::make_unique<sql::Connection>(*sql::Connection::open(database_.place()));
  }
  // So many that ended now, under the ids "name_N" from 1 on.
  void fill(const std::string& name, DeliveryState state, std::int64_t number) {
    const bool sqlite = GetParam() == sql::Dialect::sqlite;
    const std::string id = sqlite ? "CAST(printf('%s%09d', '" + id_of(name) + "', i) AS BLOB)"
                                  : "convert_to('" + id_of(name) + "' || lpad(i::text, 9, '0'), 'UTF8')";
    const std::string now = std::to_string(clock_.utc_ms());
    const auto filled = connection_->execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(number) +
        ") INSERT INTO delivery (id, endpoint, event_id, type, body, state, attempts, created_ms, last_ms, error) "
        "SELECT " +
        id + ", (SELECT id FROM endpoint), '" + name + "_' || i, 't', '{}', " +
        std::to_string(static_cast<int>(state)) + ", 1, " + now + ", " + now + ", '' FROM n");
    ASSERT_TRUE(filled) << filled.error().text;
  }
  std::int64_t number_of(const std::string& where) {
    auto select = connection_->prepare("SELECT count(*) FROM delivery WHERE " + where);
    EXPECT_TRUE(*select->step());
    return select->integer(0);
  }

  Endpoint made_;
  std::unique_ptr<sql::Connection> connection_;

 private:
  static std::string id_of(const std::string& name) { return (name + "_______").substr(0, 7); }
};
INSTANTIATE_TEST_SUITE_P(Both, KeepingTest, both_databases(), database_name);

TEST_P(KeepingTest, OldAndManyAreForgottenButNotWhatWaits) {
  const auto waiting = tell("waits").at(0);
  fill("first", DeliveryState::delivered, 5);
  clock_.advance_ms(1);
  fill("then", DeliveryState::delivered, kKeptDelivered);
  tell("more");
  EXPECT_EQ(number_of("event_id LIKE 'then%'"), kKeptDelivered);
  EXPECT_EQ(number_of("event_id LIKE 'first%'"), 0);
  EXPECT_TRUE(find(waiting));
  EXPECT_EQ(store_->forgotten(), 0U);
  clock_.advance_ms(kKeptMs + 1);
  tell("later");
  EXPECT_EQ(number_of("state <> 1"), 0);
  EXPECT_TRUE(find(waiting));
}

TEST_P(KeepingTest, WhatHasFailedStaysToBeReplayedHoweverMuchIsDelivered) {
  const auto early = tell("early").at(0);
  clock_.advance_ms(kLongestWaitMs);
  fill("others", DeliveryState::delivered, kKeptDelivered + 5);
  Attempt failed;
  failed.state = DeliveryState::failed;
  failed.error = "the tenth attempt";
  ASSERT_TRUE(store_->note(delivery(early), failed));
  fill("unsent", DeliveryState::failed, 6000);
  tell("more");
  EXPECT_EQ(number_of("state = 2"), kKeptDelivered);
  EXPECT_EQ(number_of("state = 3"), 6001);
  EXPECT_EQ(store_->replay_failed(kAnna, made_.id, 0)->deliveries.at(0), early);
  // Thirty days from its end, not from the event.
  ASSERT_TRUE(store_->note(delivery(early), failed));
  clock_.advance_ms(kKeptMs - 1);
  tell("again");
  EXPECT_TRUE(find(early));
}

TEST_P(KeepingTest, OfTooManyThatFailedThoseThatEndedFirstGoAndAreCounted) {
  fill("first", DeliveryState::failed, 3);
  clock_.advance_ms(1);
  fill("then", DeliveryState::failed, kKeptFailed - 1);
  tell("more");
  EXPECT_EQ(number_of("event_id LIKE 'first%'"), 1);
  EXPECT_EQ(number_of("state = 3"), kKeptFailed);
  EXPECT_EQ(store_->forgotten(), 2U);
  ASSERT_TRUE(store_->add(kAnna, made_.id, {"msg_t", "webhook.test", "{}"}));
  EXPECT_EQ(store_->forgotten(), 2U);
}

// Every call that may be an act: its outcome is committed with what it changes, and there is none of what changed
// nothing.
TEST_P(StoreTest, AnActsOutcomeIsInItsOwnTransaction) {
  control::TestAuditLog log;
  log.fails_outcomes = true;
  const auto act = [&](auto work) {
    auto begun = control::AuditedAct::begin(log, store_->outcomes(), {"webhook.act", {}, kAnna, ""});
    const auto result = work(&*begun);
    EXPECT_TRUE(result);
    begun->ended(result);
  };
  base::Uuid id;
  const IdempotentCall call{"a", {}};
  const auto create = [&](control::AuditedAct* one) {
    auto made = store_->create(call, kAnna, "https://example.com/", {}, one);
    id = (*made)->id;
    return made;
  };
  act(create);
  act(create);
  act([&](control::AuditedAct* one) { return store_->change(kAnna, id, {.enabled = false}, {}, one); });
  act([&](control::AuditedAct* one) { return store_->change(kAnna, id, {.enabled = false}, {}, one); });
  act([&](control::AuditedAct* one) { return store_->rotate(std::nullopt, kAnna, id, one); });
  act([&](control::AuditedAct* one) { return store_->remove(kAnna, id, one); });
  std::vector<std::string> committed;
  for (const control::Outcome& outcome : *store_->outcomes().waiting()) committed.push_back(outcome.act.what);
  EXPECT_THAT(committed, ElementsAre("step=done intent=1 webhook=" + id.text(), "step=done intent=3",
                                     "step=done intent=5", "step=done intent=6"));
}

// A database of before outcomes, with an endpoint in it.
TEST_P(StoreTest, ADatabaseOfVersion2TakesActs) {
  const sql::TestDatabase old(GetParam(), folder_.file("old.db"));
  const base::Uuid id{{7}};
  {
    auto connection = sql::Connection::open(old.place());
    ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(2)}));
    auto insert = connection->prepare(
        "INSERT INTO endpoint (id, athlete, url, events, secret, enabled, disabled_why, created_ms) "
        "VALUES (?1, ?2, 'https://example.com/', '', ?3, 1, '', 5)");
    ASSERT_TRUE(insert->bind(1, id.bytes).bind(2, kAnna.bytes).bind(3, Secret{}).run());
  }
  const auto store = Store::open(old.place(), clock_, random_);
  ASSERT_TRUE(store) << store.error().text;
  control::TestAuditLog log;
  log.fails_outcomes = true;
  auto act = control::AuditedAct::begin(log, (*store)->outcomes(), {"webhook.rotate", {}, kAnna, ""});
  EXPECT_TRUE((*store)->rotate(std::nullopt, kAnna, id, &*act));
  EXPECT_THAT(*(*store)->outcomes().waiting(), SizeIs(1));
}

TEST_P(StoreTest, NotEverythingWaitsForAnEndpointThatIsAway) {
  const auto made = endpoint();
  tell("msg_1");
  auto connection = sql::Connection::open(database_.place());
  const std::string id = GetParam() == sql::Dialect::sqlite ? "CAST(printf('%016d', i) AS BLOB)"
                                                            : "convert_to(lpad(i::text, 16, '0'), 'UTF8')";
  const auto filled = connection->execute(
      "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(kMaxWaiting) +
      ") INSERT INTO delivery (id, endpoint, event_id, type, body, state, attempts, created_ms, error) SELECT " + id +
      ", (SELECT id FROM endpoint), 'msg_' || i, 't', '{}', 1, 0, 1, '' FROM n");
  ASSERT_TRUE(filled) << filled.error().text;
  EXPECT_EQ(store_->lag()->waiting, static_cast<std::uint64_t>(kMaxWaiting));
  EXPECT_EQ(store_->lag()->oldest_ms, 1);
  EXPECT_THAT(tell("one_more"), IsEmpty());
  auto failed = connection->prepare("SELECT event_id, error FROM delivery WHERE state = 3");
  ASSERT_TRUE(*failed->step());
  EXPECT_EQ(failed->text(0), "one_more");
  EXPECT_EQ(failed->text(1), "too many deliveries waited already");
  EXPECT_EQ(store_->add(kAnna, made.id, {"msg_t", "webhook.test", "{}"}).error().code, ErrorCode::conflict);
  EXPECT_EQ(store_->replay_failed(kAnna, made.id, 0).error().code, ErrorCode::conflict);
  ASSERT_TRUE(connection->execute("UPDATE delivery SET state = 2 WHERE event_id = 'msg_1'"));
  EXPECT_THAT(store_->replay_failed(kAnna, made.id, 0)->deliveries, SizeIs(1)) << "as many as may wait";
}

}  // namespace
}  // namespace boathouse::webhooks
