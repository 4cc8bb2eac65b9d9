// What the ledger shows to those who watch over it.
#include "server/ledger/gauges.hpp"

#include <gmock/gmock.h>

#include <atomic>

#include "server/ledger/backup_mark.hpp"
#include "server/ledger/test_ledger.hpp"

namespace boathouse::ledger {
namespace {

using rowing::Stream;
using testing::ElementsAre;

class GaugesTest : public LedgerTest {
 protected:
  void hello(std::uint64_t replica, std::uint64_t items, std::int64_t oldest_age_s) {
    Hello hello;
    hello.athlete = kAnna;
    hello.replica = uuid(replica);
    hello.pending_items = items;
    hello.oldest_age_s = oldest_age_s;
    ASSERT_TRUE(ledger_->hello(hello));
  }
  std::vector<base::Uuid> changed(Ledger::DirtySession after, std::size_t page) {
    std::vector<base::Uuid> all;
    while (true) {
      const auto found = ledger_->changed_recordings(after, page);
      EXPECT_TRUE(found) << found.error().text;
      for (const Ledger::DirtySession& one : found->recordings) {
        all.push_back(one.rec_id);
        after = one;
      }
      if (found->recordings.size() < page) return all;
    }
  }
};

TEST_P(GaugesTest, TellWhatWaitsAndSinceWhen) {
  auto now = ledger_->gauges();
  ASSERT_TRUE(now) << now.error().text;
  EXPECT_EQ(now->last_seq, 0);
  EXPECT_FALSE(now->oldest_chunk_ms);
  EXPECT_EQ(now->waiting_events, 0U);
  EXPECT_FALSE(now->oldest_event_ms);
  EXPECT_FALSE(now->backup);

  const std::int64_t first = clock_.utc_ms();
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  clock_.advance_ms(5000);
  const auto results = put({birth_entry(uuid(101)), chunk_entry(kRec, Stream::sample, 10, 20)});
  now = ledger_->gauges();
  EXPECT_EQ(now->last_seq, results[1].server_seq);
  EXPECT_EQ(now->oldest_chunk_ms, first);
  EXPECT_EQ(now->waiting_events, 2U);
  EXPECT_EQ(now->oldest_event_ms, first);

  const auto block = ledger_->next_block(1000, 1'000'000);
  ASSERT_TRUE(block && *block);
  ASSERT_TRUE(ledger_->finish_block((*block)->block_id));
  ASSERT_TRUE(ledger_->events_told(ledger_->events(10)->back().id));
  auto connection = sql::Connection::open(place_);
  ASSERT_TRUE(note_backup(*connection, ledger_->epoch(), {"backup-1", 3, first}));
  now = ledger_->gauges();
  EXPECT_FALSE(now->oldest_chunk_ms);
  EXPECT_EQ(now->waiting_events, 0U);
  ASSERT_TRUE(now->backup);
  EXPECT_EQ(now->backup->up_to_seq, 3);
  EXPECT_EQ(now->backup->made_ms, first);
}

TEST_P(GaugesTest, StoresAreToldApartByTheirLastHello) {
  hello(1, 5, 900'000);  // never comes again
  clock_.advance_ms(25 * kDay);
  hello(2, 1, 70);
  clock_.advance_ms(10 * kDay);
  hello(3, 0, 0);
  clock_.advance_ms(3 * kDay);
  hello(4, 7, 30);
  hello(5, 7, 3600);
  hello(6, 0, 0);
  const auto cohorts = ledger_->cohorts();
  ASSERT_TRUE(cohorts) << cohorts.error().text;
  const auto expect = [&](std::size_t i, std::uint64_t replicas, std::uint64_t owing, std::int64_t oldest_s) {
    EXPECT_EQ((*cohorts)[i].replicas, replicas) << kCohorts[i];
    EXPECT_EQ((*cohorts)[i].owing, owing) << kCohorts[i];
    EXPECT_EQ((*cohorts)[i].oldest_unsynced_s, oldest_s) << kCohorts[i];
  };
  expect(0, 3, 2, 3600);
  expect(1, 1, 0, 0);
  expect(2, 1, 1, 70);
  expect(3, 1, 1, 900'000);
  hello(5, 0, 0);
  EXPECT_EQ(ledger_->cohorts()->at(0).oldest_unsynced_s, 30);
}

// Whoever makes up a new store with each hello fills no disk with them, and hides no store that owes something.
TEST_P(GaugesTest, StoresThatWereSilentLongestAreForgotten) {
  hello(1, 5, 900'000);  // owes something, and was silent for too long
  clock_.advance_ms(31 * kDay);
  hello(2, 3, 70);
  hello(3, 0, 0);
  const auto known = [this](std::uint64_t replica) {
    return number_in_file("SELECT count(*) FROM replica WHERE replica_id = ?1", uuid(replica)) == 1;
  };
  constexpr std::uint64_t kMost = kMaxReplicas;
  for (std::uint64_t n = 4; n <= kMost; ++n) {
    clock_.advance_ms(1);
    hello(n, 0, 0);
  }
  EXPECT_TRUE(known(1)) << "as many as may be";
  hello(3, 0, 0);  // speaks again
  hello(kMost + 1, 0, 0);
  EXPECT_FALSE(known(1));
  EXPECT_EQ(ledger_->cohorts()->at(3).replicas, 0U);
  hello(kMost + 2, 0, 0);
  EXPECT_FALSE(known(4)) << "silent for longer than 3";
  for (std::uint64_t n = kMost + 3; n <= 2 * kMost; ++n) {
    clock_.advance_ms(1);
    hello(n, 0, 0);
  }
  EXPECT_FALSE(known(3));
  EXPECT_TRUE(known(2)) << "it owes something";
  EXPECT_EQ(number_in_file("SELECT count(*) FROM replica"), kMaxReplicas);
  EXPECT_EQ(ledger_->cohorts()->at(0).replicas, kMost);
  EXPECT_EQ(ledger_->cohorts()->at(0).oldest_unsynced_s, 70);
  // Also when all of them say that they owe something.
  for (std::uint64_t n = 1000; n < 1000 + kMost; ++n) {
    clock_.advance_ms(1);
    hello(n, 1, 10);
  }
  EXPECT_FALSE(known(2));
  EXPECT_EQ(number_in_file("SELECT count(*) FROM replica"), kMaxReplicas);
  EXPECT_TRUE(known(1000));
  Hello bens;
  bens.athlete = kBen;
  bens.replica = uuid(1);
  ASSERT_TRUE(ledger_->hello(bens));
  EXPECT_EQ(number_in_file("SELECT count(*) FROM replica"), kMaxReplicas + 1) << "each athlete's alone";
}

TEST_P(GaugesTest, RecordingsThatChangedComeInTheOrderOfTheChange) {
  for (std::uint64_t n = 0; n < 5; ++n)
    put({birth_entry(uuid(200 + n)), chunk_entry(uuid(200 + n), Stream::sample, 0, 10)});
  EXPECT_THAT(changed({}, 2), ElementsAre(uuid(200), uuid(201), uuid(202), uuid(203), uuid(204)));
  const std::int64_t before = ledger_->changed_recordings({}, 0)->newest_seq;
  EXPECT_THAT(changed({{}, before}, 2), ElementsAre());
  // All in one block, so under one number.
  const auto block = ledger_->next_block(1000, 1'000'000);
  ASSERT_TRUE(block && *block);
  ASSERT_TRUE(ledger_->finish_block((*block)->block_id));
  EXPECT_THAT(changed({{}, before}, 2), ElementsAre(uuid(200), uuid(201), uuid(202), uuid(203), uuid(204)));
}

TEST_P(GaugesTest, CommitsAndAnswersAreTimed) {
  std::atomic<int> commits = 0;
  std::atomic<int> answers = 0;
  Ledger::Options options;
  options.place = place_;
  options.on_commit_time = [&](double seconds) { commits += seconds >= 0 && seconds < 60 ? 1 : 1000; };
  options.on_answer_time = [&](double seconds) { answers += seconds >= 0 && seconds < 60 ? 1 : 1000; };
  ledger_.reset();
  auto opened = Ledger::open(options, clock_, random_);
  ASSERT_TRUE(opened);
  ledger_ = std::move(*opened);
  put({birth_entry(kRec)});
  put({chunk_entry(kRec, Stream::sample, 0, 10)});
  EXPECT_TRUE(ledger_->check());
  EXPECT_EQ(commits, 3);
  EXPECT_EQ(answers, 2);
  ledger_.reset();
}

INSTANTIATE_TEST_SUITE_P(Databases, GaugesTest, both_databases(), database_name);

}  // namespace
}  // namespace boathouse::ledger
