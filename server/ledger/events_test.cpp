// What others are told of: once, and only of what was committed.
#include "server/ledger/events.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "server/ledger/test_ledger.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {
namespace {

using rowing::EditField;
using rowing::Stream;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::Outcome;

constexpr std::size_t kManyEvents = 1000;

class EventsTest : public LedgerTest {
 protected:
  // What is there to be told; then it is told.
  std::vector<Event> take() {
    const auto events = ledger_->events(kManyEvents);
    EXPECT_TRUE(events) << events.error().text;
    if (!events->empty()) {
      EXPECT_TRUE(ledger_->events_told(events->back().id));
    }
    return *events;
  }
  std::vector<std::string> types() {
    std::vector<std::string> types;
    for (const Event& event : take()) {
      types.push_back(event.type);
    }
    return types;
  }
  void hello(std::uint64_t items, std::int64_t oldest_age_s = 0, const base::Uuid& replica = uuid(99)) {
    Hello hello;
    hello.athlete = kAnna;
    hello.replica = replica;
    hello.pending_recordings = items > 0 ? 1 : 0;
    hello.pending_items = items;
    hello.oldest_age_s = oldest_age_s;
    EXPECT_TRUE(ledger_->hello(hello));
  }
  std::int64_t stores_told_of() { return number_in_file("SELECT count(*) FROM replica_news"); }
};
INSTANTIATE_TEST_SUITE_P(Both, EventsTest, both_databases(), database_name);

// A newer program's, or a damaged one: whoever commits in the same transaction has nothing to do with it.
TEST_P(EventsTest, ASealThatCannotBeReadEndsNoTransaction) {
  put({birth_entry(kRec), seal_entry(kRec, 1, 20)});
  {
    auto connection = sql::Connection::open(place_);
    auto update = connection->prepare("UPDATE seal SET seal = ?1");
    ASSERT_TRUE(update->bind(1, base::as_bytes("{}")).run());
  }
  take();
  EXPECT_EQ(put_one(chunk_entry(kRec, Stream::sample, 0, 20)).outcome, Outcome::stored);
  EXPECT_THAT(types(), IsEmpty()) << "nobody knows whether it is complete";
  put({seal_entry(kRec, 2, 20)});
  EXPECT_THAT(types(), ElementsAre("session.complete"));
}

TEST_P(EventsTest, ASessionIsCreatedAndCompleteOnceWhateverTheOrderAndTheRepeats) {
  put({birth_entry(kRec), seal_entry(kRec, 1, 20)});
  auto events = take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, "session.created");
  EXPECT_EQ(events[0].athlete, kAnna);
  EXPECT_EQ(events[0].at_ms, clock_.utc_ms());
  EXPECT_EQ(events[0].data, "{\"athlete_id\":\"ath_" + kAnna.text() + "\",\"session_id\":\"ses_" + kRec.text() + "\"}");
  put({chunk_entry(kRec, Stream::sample, 10, 20)});
  EXPECT_THAT(types(), IsEmpty());
  put({chunk_entry(kRec, Stream::sample, 0, 10)});
  events = take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, "session.complete");
  EXPECT_THAT(events[0].data, HasSubstr("\"revision\":1"));
  reopen();
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), seal_entry(kRec, 1, 20)});
  put({chunk_entry(kRec, Stream::sample, 20, 30)});
  EXPECT_THAT(types(), IsEmpty());
}

// In any order, with ranges that retention takes meanwhile and a seal that ends within or before what is there.
TEST_P(EventsTest, ASessionIsCompleteWhenAllRecordsOfItsSealAreThere) {
  std::minstd_rand random(3);
  int complete = 0;
  for (std::uint64_t n = 0; n < 40; ++n) {
    const base::Uuid rec = uuid(1000 + n);
    std::vector<wire::Range> chunks;
    for (std::uint64_t from = 0; from < 40;) {
      const std::uint64_t to = from + 1 + random() % 12;
      chunks.push_back({from, to});
      from = to;
    }
    std::shuffle(chunks.begin(), chunks.end(), random);
    if (random() % 2 == 0) {
      chunks.pop_back();
    }
    const std::uint64_t count = random() % 3 == 0 ? random() % 50 : chunks[random() % chunks.size()].to;
    const bool removes = random() % 4 == 0;
    const std::size_t sealed_at = removes ? chunks.size() : random() % (chunks.size() + 1);
    std::uint64_t held = 0;
    put({birth_entry(rec)});
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      if (i == sealed_at) {
        put({seal_entry(rec, 1, count)});
      }
      put({chunk_entry(rec, Stream::sample, chunks[i].from, chunks[i].to)});
      held += chunks[i].to <= count ? chunks[i].to - chunks[i].from : 0;
    }
    if (removes) {
      const wire::Range& gone = chunks[random() % chunks.size()];
      ASSERT_TRUE(ledger_->remove({rec, Stream::sample, gone}));
      held -= gone.to <= count ? gone.to - gone.from : 0;
    }
    if (sealed_at == chunks.size()) {
      put({seal_entry(rec, 1, count)});
    }
    EXPECT_EQ(std::ranges::count(types(), "session.complete"), held == count ? 1 : 0) << "recording " << n;
    complete += held == count ? 1 : 0;
  }
  EXPECT_GT(complete, 5);
  EXPECT_LT(complete, 35);
}

TEST_F(SqliteLedgerTest, WhetherAStreamIsCompleteIsFoundInIndexesAlone) {
  auto connection = sql::Connection::open(place_);
  for (const auto& [query, index] :
       {std::pair(kGapQuery, "USING COVERING INDEX chunk_gap (rec_id=? AND stream=? AND from_seq<?)"),
        std::pair(kLastChunkQuery, "USING PRIMARY KEY (rec_id=? AND stream=? AND from_seq<?)")}) {
    auto plan = connection->prepare("EXPLAIN QUERY PLAN " + std::string(query));
    ASSERT_TRUE(plan) << plan.error().text;
    ASSERT_TRUE(*plan->step());
    EXPECT_THAT(std::string(plan->text(3)), HasSubstr(index));
    EXPECT_FALSE(*plan->step()) << "nothing is sorted";
  }
}

// Whoever should hand them on has failed for long: the oldest go, whatever there was before stays as it is.
TEST_P(EventsTest, OfTooManyThatNobodyWasToldOfTheOldestAreForgotten) {
  auto connection = sql::Connection::open(place_);
  const std::string row = ", 'session.created', '{}', 0 FROM state; ";
  const std::string athlete = GetParam() == sql::Dialect::sqlite ? "zeroblob(16)" : "decode(repeat('00', 16), 'hex')";
  ASSERT_TRUE(connection->execute("INSERT INTO outbox (id, athlete, kind, data, at_ms) SELECT 3, " + athlete + row +
                                  "INSERT INTO outbox (id, athlete, kind, data, at_ms) SELECT 100, " + athlete + row +
                                  "INSERT INTO outbox (id, athlete, kind, data, at_ms) SELECT " +
                                  std::to_string(kMaxWaitingEvents + 5) + ", " + athlete + row));
  if (GetParam() == sql::Dialect::postgres) {
    ASSERT_TRUE(connection->execute("SELECT setval(pg_get_serial_sequence('outbox', 'id'), " +
                                    std::to_string(kMaxWaitingEvents + 5) + ")"));
  }
  std::atomic<std::uint64_t> forgotten = 0;
  Ledger::Options options;
  options.place = place_;
  options.on_forgotten_events = [&](std::uint64_t events) { forgotten += events; };
  ledger_.reset();
  ledger_ = *Ledger::open(options, clock_, random_);
  ASSERT_TRUE(ledger_->check());
  EXPECT_EQ(number_in_file("SELECT count(*) FROM outbox WHERE id = 3"), 1) << "nothing was told, nothing is forgotten";
  put({birth_entry(kRec)});
  EXPECT_EQ(number_in_file("SELECT count(*) FROM outbox WHERE id = 3"), 0);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM outbox"), 3);
  EXPECT_EQ(forgotten, 1U);
  put({birth_entry(uuid(101))});
  ledger_.reset();
  EXPECT_EQ(forgotten, 1U) << "the next is not that far behind";
}

TEST_P(EventsTest, ALaterSealUpdatesASessionWhenItsRecordsAreThere) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), seal_entry(kRec, 1, 10)});
  EXPECT_THAT(types(), ElementsAre("session.created", "session.complete"));
  put({seal_entry(kRec, 2, 12)});
  EXPECT_THAT(types(), IsEmpty());
  put({chunk_entry(kRec, Stream::sample, 10, 12)});
  const auto events = take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, "session.updated");
  EXPECT_THAT(events[0].data, HasSubstr("\"revision\":2"));
}

TEST_P(EventsTest, EditsUpdateAndDelete) {
  put({title_entry(kRec, 1)});  // before its birth: there is no session yet
  EXPECT_THAT(types(), IsEmpty());
  put({birth_entry(kRec)});
  EXPECT_THAT(types(), ElementsAre("session.created"));
  put({title_entry(kRec, 2), title_entry(kRec, 3)});
  EXPECT_THAT(types(), ElementsAre("session.updated"));
  put({title_entry(kRec, 3)});
  EXPECT_THAT(types(), IsEmpty());
  constexpr std::int64_t kStamp = 1'700'000'000'000;
  put({flag_entry(kRec, 4, EditField::deleted, true, kStamp + 2)});
  EXPECT_THAT(types(), ElementsAre("session.deleted"));
  put({flag_entry(kRec, 5, EditField::deleted, false, kStamp + 3)});
  EXPECT_THAT(types(), ElementsAre("session.updated"));
  put({flag_entry(kRec, 6, EditField::deleted, true, kStamp + 1)});  // loses
  EXPECT_THAT(types(), ElementsAre("session.updated"));
}

TEST_P(EventsTest, APurgeIsTold) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), seal_entry(kRec, 1, 10)});
  take();
  put({flag_entry(kRec, 1, EditField::deleted, true), flag_entry(kRec, 2, EditField::purged, true)});
  const auto events = take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].type, "session.deleted");
  EXPECT_THAT(events[0].data, HasSubstr("\"purged\":false"));
  EXPECT_THAT(events[1].data, HasSubstr("\"purged\":true"));
  EXPECT_EQ(number_in_file("SELECT count(*) FROM completed"), 0);
}

TEST_P(EventsTest, AConflictIsToldWhenItIsKeptAside) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  take();
  put({chunk_entry(kRec, Stream::sample, 0, 10, "other"), chunk_entry(kRec, Stream::sample, 5, 10, "other")});
  const auto events = take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, "sync.conflict");
  EXPECT_THAT(events[0].data, HasSubstr("\"recording_id\":\"rec_" + kRec.text()));
  put({chunk_entry(kRec, Stream::sample, 0, 10, "other")});
  EXPECT_THAT(types(), IsEmpty());
}

TEST_P(EventsTest, RefusedItemsAreTold) {
  put(kBen, {chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 10, 20)});
  const auto events = take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, "sync.failed");
  EXPECT_EQ(events[0].athlete, kBen);
  EXPECT_EQ(events[0].data,
            "{\"athlete_id\":\"ath_" + kBen.text() + "\",\"replica_id\":\"" + uuid(99).text() + "\",\"items\":2}");
}

TEST_P(EventsTest, ASyncIsCompletedOnceAfterSomethingWasToBeSent) {
  hello(0);
  EXPECT_THAT(types(), IsEmpty());
  hello(3);
  EXPECT_THAT(types(), IsEmpty());
  hello(0, 0, uuid(98));
  EXPECT_THAT(types(), IsEmpty());
  hello(0);
  EXPECT_THAT(types(), ElementsAre("sync.completed"));
  hello(0);
  EXPECT_THAT(types(), IsEmpty());
  put({birth_entry(kRec)});
  take();
  hello(0);
  EXPECT_THAT(types(), ElementsAre("sync.completed"));
  put({birth_entry(kRec)});
  hello(0);
  EXPECT_THAT(types(), IsEmpty());
}

TEST_P(EventsTest, AStuckStoreIsToldOnceAndItsRecovery) {
  hello(3, kStuckAgeS);
  EXPECT_THAT(types(), IsEmpty());
  hello(3, kStuckAgeS + 1);
  hello(3, kStuckAgeS + 50);
  const auto events = take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].type, "sync.stuck");
  EXPECT_THAT(events[0].data, HasSubstr("\"items\":3,\"oldest_age_s\":86401"));
  hello(1, 20);
  EXPECT_THAT(types(), ElementsAre("sync.recovered"));
  hello(1, kStuckAgeS + 1);
  take();
  hello(0);
  EXPECT_THAT(types(), ElementsAre("sync.recovered", "sync.completed"));
}

TEST_P(EventsTest, IdsRiseAndAreNotUsedAgain) {
  put({birth_entry(kRec)});
  const std::int64_t first = take().at(0).id;
  reopen();
  put({birth_entry(uuid(101)), birth_entry(uuid(102))});
  const auto events = ledger_->events(1);
  ASSERT_EQ(events->size(), 1U);
  EXPECT_GT(events->at(0).id, first);
  EXPECT_TRUE(ledger_->events_told(events->at(0).id));
  EXPECT_THAT(ledger_->events(kManyEvents)->at(0).data, HasSubstr(uuid(102).text()));
}

TEST_P(EventsTest, WhoWaitsIsWokenByAHelloThatTells) {
  int woken = 0;
  ledger_->on_commit([&woken] { ++woken; });
  hello(3);
  hello(0);
  ledger_->on_commit({});
  EXPECT_EQ(woken, 1);
}

// Batches under ever new names of stores, with and without a hello.
TEST_P(EventsTest, WhatWasToldOfStoresIsForgottenWithThem) {
  hello(1, kStuckAgeS + 1, uuid(50));
  put_one(birth_entry(kRec));
  std::uint64_t from = 0;
  for (std::uint64_t n = 0; n < 3 * kMaxReplicas; ++n, from += 10) {
    if (n % 2 == 0) hello(1, 0, uuid(1000 + n));
    Submission batch{kAnna, uuid(1000 + n), {}};
    batch.entries.push_back(chunk_entry(kRec, Stream::sample, from, from + 10));
    std::promise<base::Result<Results>> promise;
    ledger_->submit(std::move(batch), [&promise](base::Result<Results> results) { promise.set_value(results); });
    ASSERT_TRUE(promise.get_future().get());
    if (n % 50 == 0) {
      EXPECT_LE(stores_told_of(), 2 * kMaxReplicas);
    }
  }
  EXPECT_GT(stores_told_of(), kMaxReplicas - 2);
  take();
  hello(0, 0, uuid(1000 + 3 * kMaxReplicas - 2));
  EXPECT_THAT(types(), ElementsAre("sync.completed")) << "of a store that is known it is remembered";
}

}  // namespace
}  // namespace boathouse::ledger
