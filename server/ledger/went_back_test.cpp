// A ledger that is older than what was seen of it in the same epoch: nothing is taken, nothing answered.
#include <atomic>
#include <thread>

#include "server/ledger/test_ledger.hpp"

namespace boathouse::ledger {
namespace {

using rowing::Stream;
using wire::Outcome;

class WentBackTest : public LedgerTest {
 protected:
  void open(const std::optional<Seen>& seen) {
    ledger_.reset();
    Ledger::Options options;
    options.place = place_;
    options.seen = seen;
    options.on_went_back = [this](const WentBack& went_back) { told_.push_back(went_back); };
    auto opened = Ledger::open(options, clock_, random_);
    ASSERT_TRUE(opened) << opened.error().text;
    ledger_ = std::move(*opened);
  }
  void execute(const std::string& sql) {
    auto connection = sql::Connection::open(place_);
    const auto done = connection->execute(sql);
    ASSERT_TRUE(done) << done.error().text;
  }
  template <typename Found>
  static bool refused(const Found& found) {
    return !found && found.error().code == base::ErrorCode::unavailable &&
           found.error().text.find("reload --new-epoch") != std::string::npos;
  }

  std::vector<WentBack> told_;
};
INSTANTIATE_TEST_SUITE_P(Both, WentBackTest, both_databases(), database_name);

TEST_P(WentBackTest, IsNoticedByAProcessThatHasSeenMore) {
  open({});
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  ASSERT_EQ(ledger_->seen(), (Seen{ledger_->epoch(), 2}));
  execute("UPDATE state SET last_seq = 1");

  const Question question{kRec, {}};
  EXPECT_TRUE(refused(ledger_->changes(kAnna, 0, 10, 100'000)));
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_[0].seen_seq, 2);
  EXPECT_EQ(told_[0].found_seq, 1);
  EXPECT_TRUE(refused(submit(*ledger_, kAnna, {chunk_entry(kRec, Stream::sample, 0, 10)})));
  EXPECT_TRUE(refused(submit(*ledger_, kAnna, {chunk_entry(kRec, Stream::sample, 10, 20)})));
  EXPECT_TRUE(refused(ledger_->hello({kAnna, uuid(99), {}})));
  EXPECT_TRUE(refused(ledger_->held(kAnna, {&question, 1}, 10)));
  EXPECT_TRUE(refused(ledger_->chunk(kAnna, kRec, Stream::sample, {0, 10})));
  EXPECT_TRUE(refused(ledger_->purge_safe_seq()));
  EXPECT_TRUE(refused(ledger_->next_block(1000, 1'000'000)));
  EXPECT_TRUE(refused(ledger_->remove({kRec, Stream::sample, {0, 10}})));
  EXPECT_TRUE(refused(ledger_->check()));
  EXPECT_EQ(ledger_->seen().server_seq, 2) << "a later process has to know";

  // Another node has gone on: under the number that was given out lies something else.
  execute("UPDATE state SET last_seq = 7");
  EXPECT_TRUE(refused(ledger_->counts()));
  EXPECT_TRUE(refused(ledger_->check()));
  EXPECT_EQ(ledger_->seen().server_seq, 2);
  EXPECT_EQ(told_.size(), 1U);
}

TEST_P(WentBackTest, IsNoticedByWhoeverComesFirst) {
  open({});
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  execute("UPDATE state SET last_seq = 1");
  EXPECT_TRUE(refused(submit(*ledger_, kAnna, {chunk_entry(kRec, Stream::sample, 10, 20)})));
  EXPECT_EQ(told_.size(), 1U);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM chunk"), 1);
}

TEST_P(WentBackTest, IsNoticedByWhatAnEarlierProcessHasSeen) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  const std::string epoch = ledger_->epoch();
  open(Seen{epoch, 3});
  ASSERT_EQ(told_.size(), 1U) << "before anybody has asked anything";
  EXPECT_EQ(told_[0].seen_seq, 3);
  EXPECT_EQ(told_[0].found_seq, 2);
  ASSERT_TRUE(ledger_->went_back());
  EXPECT_TRUE(refused(ledger_->check()));
  EXPECT_EQ(ledger_->seen(), (Seen{epoch, 3}));
  EXPECT_EQ(told_.size(), 1U);

  open(Seen{epoch, 2});
  EXPECT_FALSE(ledger_->went_back());
  EXPECT_EQ(put_one(chunk_entry(kRec, Stream::sample, 10, 20)).server_seq, 3);
  open(Seen{epoch, 1});  // it was written some time before the end
  EXPECT_EQ(ledger_->seen(), (Seen{epoch, 3}));
  open(Seen{"another", 1000});
  EXPECT_EQ(ledger_->seen(), (Seen{epoch, 3}));
  EXPECT_TRUE(ledger_->check());
  EXPECT_EQ(told_.size(), 1U);
}

// It would never be found again, and the ledger be taken for one that went back.
TEST_P(WentBackTest, WhatWasNotCommittedWasNotSeen) {
  open({});
  put({birth_entry(kRec)});
  if (GetParam() == sql::Dialect::sqlite) {
    execute(
        "CREATE TABLE parent (x INTEGER PRIMARY KEY);"
        "CREATE TABLE child (x INTEGER REFERENCES parent (x) DEFERRABLE INITIALLY DEFERRED);"
        "CREATE TRIGGER at_commit AFTER UPDATE ON state BEGIN INSERT INTO child VALUES (1); END");
  } else {
    execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$no$$; END';"
        "CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON state DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION refuse()");
  }
  EXPECT_FALSE(submit(*ledger_, kAnna, {chunk_entry(kRec, Stream::sample, 0, 10)}));
  EXPECT_EQ(ledger_->seen().server_seq, 1);
  EXPECT_EQ(ledger_->counts()->chunks, 0U);
  execute(GetParam() == sql::Dialect::sqlite ? "DROP TRIGGER at_commit" : "DROP TRIGGER at_commit ON state");
  EXPECT_EQ(put_one(chunk_entry(kRec, Stream::sample, 0, 10)).server_seq, 2);
  EXPECT_EQ(ledger_->seen().server_seq, 2);
  EXPECT_TRUE(told_.empty());
}

// What is read may be older than what was committed since it was begun to be read.
TEST_P(WentBackTest, NobodyIsRefusedWhileAllWriteAndRead) {
  constexpr std::uint64_t kWriters = 3;
  constexpr std::uint64_t kChunks = 60;
  open({});
  // On PostgreSQL another node too: what it commits is seen here by reading.
  std::unique_ptr<Ledger> other;
  if (ledger_->shared()) {
    other = *Ledger::open({.place = place_}, clock_, random_);
  }
  const auto node = [&](std::uint64_t i) -> Ledger& { return other && i % 2 == 1 ? *other : *ledger_; };
  std::atomic<std::uint64_t> writing = kWriters;
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < kWriters; ++i) {
    threads.emplace_back([&, i] {
      const base::Uuid rec = uuid(500 + i);
      EXPECT_TRUE(submit(node(i), kAnna, {birth_entry(rec)}));
      for (std::uint64_t n = 0; n < kChunks; ++n) {
        const auto results = submit(node(i), kAnna, {chunk_entry(rec, Stream::sample, n, n + 1)});
        if (!results) {
          ADD_FAILURE() << results.error().text;
          break;
        }
      }
      --writing;
    });
  }
  for (std::uint64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      while (writing > 0) {
        const auto page = node(i).changes(kAnna, 0, 1, 100'000);
        if (!page) {
          ADD_FAILURE() << page.error().text;
          break;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(told_.empty());
  EXPECT_TRUE(ledger_->check());
  EXPECT_EQ(ledger_->seen().server_seq, number_in_file("SELECT last_seq FROM state"));
}

}  // namespace
}  // namespace boathouse::ledger
