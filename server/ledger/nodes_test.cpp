// Several nodes on one PostgreSQL: one order of commits, one loader, no reader that skips what commits late.
#include <atomic>
#include <thread>

#include "server/ledger/test_ledger.hpp"

namespace boathouse::ledger {
namespace {

using rowing::Stream;
using wire::Outcome;

class NodesTest : public LedgerFixture {
 protected:
  NodesTest() : LedgerFixture(sql::Dialect::postgres) {}

  std::unique_ptr<Ledger> another_node() {
    auto opened = Ledger::open({.place = place_}, clock_, random_);
    EXPECT_TRUE(opened) << opened.error().text;
    return std::move(*opened);
  }
};

TEST_F(NodesTest, AllHaveOneHistory) {
  const auto other = another_node();
  EXPECT_EQ(other->epoch(), ledger_->epoch());
  EXPECT_TRUE(ledger_->shared());
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  const auto again = submit(*other, kAnna, {birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->at(0).outcome, Outcome::duplicate);
  EXPECT_EQ(again->at(1).outcome, Outcome::duplicate);
  EXPECT_EQ(again->at(1).server_seq, 2);
}

// The node that leads drops what another one was told to purge.
TEST_F(NodesTest, WhatOnePurgesAnotherDrops) {
  const auto other = another_node();
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 10, 20)});
  ASSERT_TRUE(ledger_->remove({kRec, std::nullopt, {}}));
  EXPECT_TRUE(*other->drop_some(1));
  EXPECT_EQ(ledger_->counts()->chunks, 1U);
  while (*other->drop_some(1)) continue;
  EXPECT_FALSE(*ledger_->drop_some(1));
  EXPECT_EQ(ledger_->counts()->chunks, 0U);
}

// Four nodes write, one reads the feed by its cursor all the while: it gets everything, once, in order.
TEST_F(NodesTest, ACursorSkipsNothingWhileAllWrite) {
  constexpr std::uint64_t kNodes = 4;
  constexpr std::uint64_t kChunks = 60;
  std::vector<std::unique_ptr<Ledger>> nodes;
  for (std::uint64_t i = 0; i < kNodes; ++i) nodes.push_back(another_node());
  std::atomic<std::uint64_t> writing = kNodes;
  std::vector<std::thread> writers;
  for (std::uint64_t i = 0; i < kNodes; ++i) {
    writers.emplace_back([&, i] {
      Ledger& node = *nodes[i];
      const base::Uuid rec = uuid(500 + i);
      std::int64_t last = 0;
      for (std::uint64_t n = 0; n < kChunks; ++n) {
        std::vector<Entry> entries;
        if (n == 0) entries.push_back(birth_entry(rec));
        entries.push_back(chunk_entry(rec, Stream::sample, n, n + 1));
        const auto results = submit(node, kAnna, std::move(entries));
        if (!results || results->back().outcome != Outcome::stored || results->back().server_seq <= last) {
          ADD_FAILURE() << "node " << i << ", chunk " << n;
          break;
        }
        last = results->back().server_seq;
      }
      --writing;
    });
  }
  std::vector<std::int64_t> seen;
  std::int64_t cursor = 0;
  for (bool last_round = false; !last_round;) {
    last_round = writing == 0;
    const auto changes = feed(kAnna, cursor, 7);
    for (const wire::Change& change : changes) {
      EXPECT_GT(change.seq, cursor);
      cursor = change.seq;
      seen.push_back(change.seq);
    }
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(seen.size(), kNodes * (kChunks + 1));
  EXPECT_EQ(ledger_->counts()->chunks, kNodes * kChunks);
}

TEST_F(NodesTest, OneLeadsUntilItsEnd) {
  auto other = another_node();
  EXPECT_TRUE(*other->leads());
  EXPECT_FALSE(*ledger_->leads());
  EXPECT_TRUE(*other->leads());
  other.reset();
  // The database notices the end of a session a moment later.
  bool leads = false;
  for (int tries = 0; tries < 100'000 && !leads; ++tries) leads = *ledger_->leads();
  EXPECT_TRUE(leads);
}

// The database would end the session of a leader that it does not hear from.
TEST_F(NodesTest, ALeaderIsHeardFromWhateverItsLoaderDoes) {
  sql::Place place = place_;
  place.patience_ms = 2000;
  auto opened = Ledger::open({.place = place}, clock_, random_);
  ASSERT_TRUE(*(*opened)->leads());
  for (int tries = 0; tries < 60'000; ++tries) ASSERT_FALSE(*ledger_->leads()) << tries;
  EXPECT_TRUE(*(*opened)->leads());
}

// The node that led is cut off without knowing it, another one takes over its unfinished block: the same rows under the
// same token, so ClickHouse counts them once.
TEST_F(NodesTest, AnUnfinishedBlockIsTheSameOnTheNextLoader) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 10, 20)});
  const auto other = another_node();
  const auto first = other->next_block(1000, 1'000'000);
  put({chunk_entry(kRec, Stream::sample, 20, 30)});
  const auto again = ledger_->next_block(1000, 1'000'000);
  ASSERT_TRUE(first && *first && again && *again);
  EXPECT_EQ((*first)->block_id, (*again)->block_id);
  EXPECT_EQ((*first)->token, (*again)->token);
  EXPECT_EQ((*again)->items.size(), 2U);
  EXPECT_TRUE(ledger_->finish_block((*again)->block_id));
  EXPECT_TRUE(other->finish_block((*first)->block_id));
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 1U);
}

// A restore gives the database another history while a node goes on: it must neither take nor answer anything in the
// name of the old one, nor of the new one, whose receipts it cannot tell from its own.
TEST_F(NodesTest, ANodeThatLivesThroughARestoreAnswersNothing) {
  std::atomic<int> told = 0;
  auto opened = Ledger::open({.place = place_, .on_other_epoch = [&told] { ++told; }}, clock_, random_);
  ASSERT_TRUE(opened);
  Ledger& old_node = **opened;
  const std::string dead = old_node.epoch();
  ASSERT_TRUE(submit(old_node, kAnna, {birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)}));
  ASSERT_TRUE(*old_node.next_block(1000, 1'000'000));
  auto restoring = sql::Connection::open(place_);
  ASSERT_TRUE(restoring->execute("UPDATE state SET epoch = 'restored'"));

  const auto chunks = ledger_->counts();
  const auto refused = [](const auto& result) {
    return !result && result.error().code == base::ErrorCode::unavailable &&
           result.error().text.find("restarted") != std::string::npos;
  };
  const Question question{kRec, {}};
  const Ledger::DirtySession dirty{kRec, 1};
  EXPECT_TRUE(refused(submit(old_node, kAnna, {chunk_entry(kRec, Stream::sample, 0, 10)})));
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(refused(submit(old_node, kAnna, {chunk_entry(kRec, Stream::sample, 10, 20)})));
  EXPECT_TRUE(refused(old_node.hello({kAnna, uuid(99), {}})));
  EXPECT_TRUE(refused(old_node.changes(kAnna, 0, 10, 100'000)));
  EXPECT_TRUE(refused(old_node.held(kAnna, {&question, 1}, 10)));
  EXPECT_TRUE(refused(old_node.chunk(kAnna, kRec, Stream::sample, {0, 10})));
  EXPECT_TRUE(refused(old_node.purge_safe_seq()));
  EXPECT_TRUE(refused(old_node.recording(kRec)));
  EXPECT_TRUE(refused(old_node.trail(kAnna, kRec)));
  EXPECT_TRUE(refused(old_node.next_block(1000, 1'000'000)));
  EXPECT_TRUE(refused(old_node.finish_block(1)));
  EXPECT_TRUE(refused(old_node.sessions_written({&dirty, 1})));
  EXPECT_TRUE(refused(old_node.events(10)));
  EXPECT_TRUE(refused(old_node.events_told(1000)));
  EXPECT_TRUE(refused(old_node.remove({kRec, Stream::sample, {0, 10}})));
  EXPECT_TRUE(refused(old_node.append_audit({"restore", {}, {}, {}, ""})));
  EXPECT_TRUE(refused(old_node.check()));
  EXPECT_EQ(old_node.epoch(), dead);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(refused(chunks) || chunks->chunks == 1U);

  reopen();
  EXPECT_EQ(ledger_->epoch(), "restored");
  EXPECT_EQ(ledger_->counts()->chunks, 1U) << "nothing of what was refused is there";
  EXPECT_EQ(put_one(chunk_entry(kRec, Stream::sample, 10, 20)).outcome, Outcome::stored);
}

// In the middle of a restore there are tables and no state yet.
TEST_F(NodesTest, ANodeMeetsADatabaseThatIsBeingRestored) {
  std::atomic<int> told = 0;
  auto opened = Ledger::open({.place = place_, .on_other_epoch = [&told] { ++told; }}, clock_, random_);
  ASSERT_TRUE(opened);
  auto restoring = sql::Connection::open(place_);
  ASSERT_TRUE(restoring->execute("CREATE TABLE kept AS SELECT * FROM state; DELETE FROM state"));
  EXPECT_FALSE(submit(**opened, kAnna, {birth_entry(kRec)}));
  EXPECT_EQ((*opened)->check().error().code, base::ErrorCode::unavailable);
  EXPECT_EQ((*opened)->counts().error().code, base::ErrorCode::unavailable);
  EXPECT_EQ(told, 0) << "it may be its own that comes back";
  ASSERT_TRUE(restoring->execute("INSERT INTO state SELECT * FROM kept"));
  EXPECT_TRUE((*opened)->check());
  EXPECT_TRUE(submit(**opened, kAnna, {birth_entry(kRec)}));
}

// The server is killed under all nodes: what was acknowledged is there, and each node goes on by itself.
TEST_F(NodesTest, ADeadDatabaseComesBack) {
  const auto other = another_node();
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  ASSERT_TRUE(*ledger_->leads());
  sql::TestPostgres::get().kill_and_restart();
  EXPECT_TRUE(submit(*ledger_, kAnna, {chunk_entry(kRec, Stream::sample, 10, 20)}));
  EXPECT_TRUE(submit(*other, kAnna, {chunk_entry(kRec, Stream::sample, 20, 30)}));
  EXPECT_EQ((*ledger_->recording(kRec))->streams.at(0).records, 30U);
  sql::TestPostgres::get().kill_and_restart();
  ASSERT_TRUE(other->counts()) << "whatever is asked first connects anew";
  EXPECT_EQ(other->counts()->chunks, 3U);
  sql::TestPostgres::get().kill_and_restart();
  EXPECT_EQ(other->changes(kAnna, 0, 10, 100'000)->changes.size(), 4U);
  EXPECT_FALSE(other->verify_audit()->difference);
  EXPECT_EQ(other->verify_audit()->records, 3);
  // Its session was lost, and with it the lead, which it or the other takes again.
  EXPECT_NE(*ledger_->leads(), *other->leads());
}

// It hangs under a node: every call ends, what was acknowledged is there, and the node goes on by itself.
TEST_F(NodesTest, ADatabaseThatHangsIsUnavailable) {
  sql::Place place = place_;
  place.patience_ms = 2000;
  auto opened = Ledger::open({.place = place}, clock_, random_);
  Ledger& node = **opened;
  ASSERT_TRUE(submit(node, kAnna, {birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)}));
  ASSERT_TRUE(*node.leads());
  sql::TestPostgres::get().freeze();
  EXPECT_EQ(submit(node, kAnna, {chunk_entry(kRec, Stream::sample, 10, 20)}).error().code,
            base::ErrorCode::unavailable);
  EXPECT_EQ(node.check().error().code, base::ErrorCode::unavailable);
  EXPECT_EQ(node.counts().error().code, base::ErrorCode::unavailable);
  EXPECT_EQ(node.leads().error().code, base::ErrorCode::unavailable);
  sql::TestPostgres::get().thaw();
  while (!submit(node, kAnna, {chunk_entry(kRec, Stream::sample, 10, 20)})) continue;
  while (!node.counts()) continue;
  EXPECT_EQ(node.counts()->chunks, 2U);
  EXPECT_FALSE(node.verify_audit()->difference);
}

}  // namespace
}  // namespace boathouse::ledger
