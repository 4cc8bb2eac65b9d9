// Groups, order, refusals, failures of the disk.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <future>
#include <set>
#include <thread>

#include "core/db/sqlite.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ledger/test_ledger.hpp"

namespace boathouse::ledger {
namespace {

using rowing::Stream;
using testing::HasSubstr;
using wire::Outcome;

// Holds the committer inside a completion, so that a test decides what is queued meanwhile.
class Hold {
 public:
  explicit Hold(Ledger& ledger) {
    std::promise<void> held;
    ledger.submit(Submission{uuid(1), uuid(9), {}}, [this, &held](base::Result<Results>) {
      held.set_value();
      release_.get_future().wait();
    });
    held.get_future().wait();
  }
  void release() { release_.set_value(); }

 private:
  std::promise<void> release_;
};

TEST_P(LedgerTest, WhatIsQueuedMeanwhileIsOneTransaction) {
  put({birth_entry(kRec)});
  Hold hold(*ledger_);
  const Counts before = *ledger_->counts();
  std::vector<std::promise<std::int64_t>> receipts(100);
  for (std::size_t i = 0; i < receipts.size(); ++i) {
    ledger_->submit(Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, 10 * i, 10 * i + 10)}},
                    [&receipt = receipts[i]](base::Result<Results> results) {
                      receipt.set_value(results ? results->at(0).server_seq : -1);
                    });
  }
  hold.release();
  std::int64_t last = 0;
  for (auto& receipt : receipts) {
    const std::int64_t server_seq = receipt.get_future().get();
    EXPECT_GT(server_seq, last);
    last = server_seq;
  }
  const Counts after = *ledger_->counts();
  EXPECT_EQ(after.commits - before.commits, 1U);
  EXPECT_GE(after.submissions - before.submissions, 99U);
}

TEST_P(LedgerTest, WhatWaitedWhenItsKeyCameToItsEndIsNotStored) {
  const base::Uuid lost = uuid(70);
  std::atomic<bool> revoked = false;
  ledger_.reset();
  ledger_ = *Ledger::open({.place = place_,
                           .check_key = [&](const base::Uuid& key) -> base::Status {
                             if (revoked && key == lost) {
                               return base::Error{base::ErrorCode::unauthenticated, "it was revoked"};
                             }
                             return {};
                           }},
                          clock_, random_);
  put({birth_entry(kRec)});
  const auto send = [this](const base::Uuid& key, std::uint64_t from) {
    const auto answer = std::make_shared<std::promise<base::Result<Results>>>();
    ledger_->submit(Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, from, from + 10)}, key},
                    [answer](base::Result<Results> results) { answer->set_value(std::move(results)); });
    return answer->get_future();
  };
  EXPECT_EQ(send(lost, 0).get()->at(0).outcome, Outcome::stored);
  Hold hold(*ledger_);
  const Counts before = *ledger_->counts();
  auto of_lost = send(lost, 10);
  auto of_other = send(uuid(71), 20);
  revoked = true;
  hold.release();
  const auto refused = of_lost.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::unauthenticated);
  EXPECT_EQ(of_other.get()->at(0).outcome, Outcome::stored);
  const Counts after = *ledger_->counts();
  EXPECT_EQ(after.chunks - before.chunks, 1U);
  EXPECT_EQ(after.commits - before.commits, 1U) << "nobody else's transaction ends for it";
}

TEST_P(LedgerTest, ReceiptsRiseInTheOrderOfCompletionUnderEightSubmitters) {
  constexpr std::uint64_t kSubmitters = 8;
  constexpr std::uint64_t kEach = 100;
  std::vector<std::int64_t> completed;  // only the committer touches it
  std::atomic<std::uint64_t> wakes = 0;
  ledger_->on_commit([&wakes] { ++wakes; });
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < kSubmitters; ++t) {
    threads.emplace_back([&, t] {
      const base::Uuid rec = uuid(500 + t);
      std::vector<std::future<void>> pending;
      for (std::uint64_t i = 0; i < kEach; ++i) {
        std::vector<Entry> entries;
        if (i == 0) {
          entries.push_back(birth_entry(rec));
        }
        entries.push_back(chunk_entry(rec, Stream::sample, i, i + 1));
        const auto done = std::make_shared<std::promise<void>>();
        pending.push_back(done->get_future());
        ledger_->submit(Submission{uuid(t), uuid(9), std::move(entries)},
                        [&completed, done](base::Result<Results> results) {
                          for (const auto& result : *results) {
                            EXPECT_EQ(result.outcome, Outcome::stored) << result.detail;
                            completed.push_back(result.server_seq);
                          }
                          done->set_value();
                        });
        if (i % 10 == 9) {  // a device waits for its answers
          for (auto& one : pending) {
            one.wait();
          }
          pending.clear();
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  ASSERT_EQ(completed.size(), kSubmitters * (kEach + 1));
  EXPECT_TRUE(std::is_sorted(completed.begin(), completed.end()));
  EXPECT_EQ(std::set(completed.begin(), completed.end()).size(), completed.size());
  const Counts counts = *ledger_->counts();
  EXPECT_EQ(counts.submissions, kSubmitters * kEach);
  EXPECT_LT(counts.commits, counts.submissions);
  EXPECT_LE(wakes, counts.commits);
  EXPECT_GT(wakes, 0U);
  for (std::uint64_t t = 0; t < kSubmitters; ++t) {
    EXPECT_EQ((*ledger_->recording(uuid(500 + t)))->streams.at(0).records, kEach);
  }
}

TEST_P(LedgerTest, WakesOnlyWhenSomethingWasStoredOrIsToBeTold) {
  int wakes = 0;
  ledger_->on_commit([&wakes] { ++wakes; });
  put({birth_entry(kRec)});
  EXPECT_EQ(wakes, 1);
  put({birth_entry(kRec)});
  EXPECT_TRUE(ledger_->check());
  EXPECT_EQ(wakes, 1);
  put({chunk_entry(uuid(5), Stream::sample, 0, 1)});  // refused: there is an event
  EXPECT_EQ(wakes, 2);
  ledger_->on_commit(nullptr);
  put({chunk_entry(kRec, Stream::sample, 0, 1)});
  EXPECT_EQ(wakes, 2);
}

TEST_P(LedgerTest, StopFinishesWhatIsQueuedAndRefusesTheRest) {
  put({birth_entry(kRec)});
  std::vector<Outcome> outcomes;
  {
    Hold hold(*ledger_);
    for (std::uint64_t i = 0; i < 20; ++i) {
      ledger_->submit(Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, i, i + 1)}},
                      [&outcomes](base::Result<Results> results) {
                        outcomes.push_back(results ? results->at(0).outcome : Outcome::rejected);
                      });
    }
    std::thread releaser([&hold] { hold.release(); });
    ledger_->stop();
    releaser.join();
  }
  EXPECT_EQ(outcomes, std::vector<Outcome>(20, Outcome::stored));

  const auto refused = submit(*ledger_, kAnna, {chunk_entry(kRec, Stream::sample, 50, 51)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::unavailable);
  EXPECT_EQ(ledger_->check().error().code, base::ErrorCode::unavailable);
  EXPECT_EQ(ledger_->next_block(10, 10).error().code, base::ErrorCode::unavailable);
  EXPECT_EQ((*ledger_->recording(kRec))->streams.at(0).records, 20U);
  ledger_->stop();

  reopen();
  EXPECT_EQ((*ledger_->recording(kRec))->streams.at(0).records, 20U);
}

TEST_P(LedgerTest, AFullQueueRefusesAtOnceAndRecovers) {
  reopen(10'000);
  put({birth_entry(kRec)});
  const std::string big(6'000, 'x');
  Hold hold(*ledger_);
  std::promise<Outcome> first;
  ledger_->submit(Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, 0, 1, big)}},
                  [&first](base::Result<Results> results) { first.set_value(results->at(0).outcome); });
  const auto refused = submit(*ledger_, kAnna, {chunk_entry(kRec, Stream::sample, 1, 2, big)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::unavailable);
  EXPECT_THAT(refused.error().text, HasSubstr("queue is full"));
  hold.release();
  EXPECT_EQ(first.get_future().get(), Outcome::stored);
  EXPECT_EQ(put_one(chunk_entry(kRec, Stream::sample, 1, 2, big)).outcome, Outcome::stored);
  // Alone it may be larger than the whole queue.
  EXPECT_TRUE(ledger_->check());
  EXPECT_EQ(put_one(chunk_entry(kRec, Stream::sample, 2, 3, big + big)).outcome, Outcome::stored);
}

TEST_P(LedgerTest, AGreedyKeyFillsItsOwnShareAndAnotherIsServedNext) {
  ledger_.reset();
  auto opened = Ledger::open({.place = place_, .max_queued_bytes_of_a_key = 300'000}, clock_, random_);
  ASSERT_TRUE(opened) << opened.error().text;
  ledger_ = std::move(*opened);
  put({birth_entry(kRec)});

  constexpr std::size_t kWaiting = 100;
  const base::Uuid greedy = uuid(70);
  const base::Uuid modest = uuid(71);
  std::vector<base::Uuid> stored;  // in the order of their answers, which is the committer's
  std::vector<std::string> refusals;
  std::uint64_t next = 0;
  const auto send = [&](const base::Uuid& key, std::size_t bytes) {
    const std::uint64_t from = next++;
    ledger_->submit(
        Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, from, from + 1, std::string(bytes, 'x'))}, key},
        [&, key](base::Result<Results> results) {
          if (results) {
            stored.push_back(key);
          } else {
            refusals.push_back(results.error().text);
          }
        });
  };
  Hold hold(*ledger_);
  for (std::size_t i = 0; i < kWaiting; ++i) {
    send(greedy, 1000);
  }
  ASSERT_THAT(refusals, testing::IsEmpty());
  EXPECT_GE(ledger_->counts()->queued_bytes, kWaiting * 1000);
  send(greedy, 250'000);
  ASSERT_THAT(refusals, testing::ElementsAre(HasSubstr("from this key")));
  send(modest, 250'000);
  hold.release();
  ledger_->stop();  // after all that waits
  ASSERT_EQ(stored.size(), kWaiting + 1);
  EXPECT_EQ(stored[1], modest);
  EXPECT_EQ(ledger_->counts()->queued_bytes, 0U);
}

// Whoever comes while a group is committed waits for its end: a backlog's heavy batches are not all in one, and those
// with little go first.
TEST_P(LedgerTest, AKeyHasOnlySoMuchInATransactionAndThoseWithLittleGoFirst) {
  put({birth_entry(kRec)});
  std::vector<base::Uuid> stored;
  const auto send = [&](const base::Uuid& key, std::uint64_t from, std::size_t bytes) {
    ledger_->submit(
        Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, from, from + 1, std::string(bytes, 'x'))}, key},
        [&stored, key](base::Result<Results> results) {
          if (results) stored.push_back(key);
        });
  };
  Hold hold(*ledger_);
  const std::uint64_t before = ledger_->counts()->commits;
  for (std::uint64_t i = 0; i < 3; ++i) send(uuid(70), i, 200'000);
  send(uuid(71), 3, 1000);
  send(uuid(72), 4, 1000);
  hold.release();
  ledger_->stop();
  EXPECT_THAT(stored, testing::ElementsAre(uuid(71), uuid(72), uuid(70), uuid(70), uuid(70)));
  // Both light ones, each heavy one.
  EXPECT_EQ(ledger_->counts()->commits - before, 4U);
}

// Each answer to a light one brings the next: without an end to their precedence the heavy one would wait for all.
TEST_P(LedgerTest, AHeavyBatchIsNotPassedOverForEver) {
  put({birth_entry(kRec)});
  constexpr std::uint64_t kLightOnes = 30;
  std::vector<std::string> stored;
  std::uint64_t next = 1;
  std::function<void()> send_light = [&] {
    const std::uint64_t from = next++;
    ledger_->submit(Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, from, from + 1)}, uuid(71)},
                    [&](const base::Result<Results>&) {
                      stored.emplace_back("light");
                      if (next <= kLightOnes) send_light();
                    });
  };
  Hold hold(*ledger_);
  ledger_->submit(
      Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, 0, 1, std::string(200'000, 'x'))}, uuid(70)},
      [&](const base::Result<Results>&) { stored.emplace_back("heavy"); });
  send_light();
  hold.release();
  // In the line of the ledger's own work, which is light and asks until all are there.
  while (ledger_->counts()->chunks <= kLightOnes) ASSERT_TRUE(ledger_->check());
  ledger_->stop();
  const auto heavy = std::ranges::find(stored, "heavy");
  ASSERT_NE(heavy, stored.end());
  EXPECT_LE(heavy - stored.begin(), 10);
}

// One heavy batch takes 50 ms, and then its key rests for a second while others come: by the test's own time, which
// stands still in between.
TEST_P(LedgerTest, AHeavyKeyRestsWhileOthersCome) {
  std::atomic<int> now_ms = 0;
  ledger_.reset();
  ledger_ = *Ledger::open(
      {.place = place_,
       .steady_now = [&now_ms] { return std::chrono::steady_clock::time_point(std::chrono::milliseconds(now_ms)); }},
      clock_, random_);
  put({birth_entry(kRec)});
  std::atomic<int> heavy_ones = 0;
  const auto send = [&](const base::Uuid& key, std::uint64_t from, std::size_t bytes, std::function<void()> then) {
    ledger_->submit(
        Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, from, from + 1, std::string(bytes, 'x'))}, key},
        [then = std::move(then)](const base::Result<Results>& results) {
          EXPECT_TRUE(results);
          then();
        });
  };
  const auto send_and_wait = [&](const base::Uuid& key, std::uint64_t from, std::size_t bytes, int takes_ms) {
    std::promise<void> stored;
    send(key, from, bytes, [&] {
      now_ms += takes_ms;
      stored.set_value();
    });
    stored.get_future().wait();
  };
  std::promise<void> second;
  send_and_wait(uuid(71), 0, 1000, 0);
  send_and_wait(uuid(70), 1, 200'000, 50);
  send(uuid(70), 2, 200'000, [&] {
    ++heavy_ones;
    now_ms += 50;
    second.set_value();
  });
  send(uuid(70), 3, 200'000, [&] { ++heavy_ones; });
  for (std::uint64_t i = 4; i < 7; ++i) send_and_wait(uuid(71), i, 1000, 0);
  EXPECT_EQ(heavy_ones, 0);
  EXPECT_GT(ledger_->counts()->queued_bytes, 0U) << "they are not refused";
  now_ms += 998;
  send_and_wait(uuid(71), 7, 1000, 0);
  EXPECT_EQ(heavy_ones, 0);
  now_ms += 2;
  second.get_future().wait();
  send_and_wait(uuid(71), 8, 1000, 0);
  EXPECT_EQ(heavy_ones, 1) << "and it rests again";
  ledger_->stop();  // waits for no rest
  EXPECT_EQ(heavy_ones, 2);
  ledger_.reset();  // it looks at the clock until its end
}

// By the test's own time, in which each look at the clock takes `step_ms`: so long, too, does the job between two.
TEST_P(LedgerTest, AKeyWhoseSmallJobTookLongRestsWhileOthersCome) {
  std::atomic<int> now_ms = 0;
  std::atomic<int> step_ms = 0;
  ledger_.reset();
  ledger_ = *Ledger::open(
      {.place = place_,
       .steady_now =
           [&] { return std::chrono::steady_clock::time_point(std::chrono::milliseconds(now_ms += step_ms)); }},
      clock_, random_);
  put({birth_entry(kRec)});
  const auto send = [&](const base::Uuid& key, std::uint64_t from, std::function<void()> then) {
    ledger_->submit(Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, from, from + 1)}, key},
                    [&step_ms, then = std::move(then)](const base::Result<Results>& results) {
                      EXPECT_TRUE(results);
                      step_ms = 0;
                      then();
                    });
  };
  const auto send_and_wait = [&](const base::Uuid& key, std::uint64_t from) {
    std::promise<void> stored;
    send(key, from, [&stored] { stored.set_value(); });
    stored.get_future().wait();
  };
  send_and_wait(uuid(71), 0);
  step_ms = 300;
  send_and_wait(uuid(70), 1);
  std::promise<void> second;
  std::atomic<bool> is_served = false;
  send(uuid(70), 2, [&] {
    is_served = true;
    second.set_value();
  });
  for (std::uint64_t i = 3; i < 6; ++i) send_and_wait(uuid(71), i);
  EXPECT_FALSE(is_served);
  now_ms += 3'999;
  send_and_wait(uuid(71), 6);
  EXPECT_FALSE(is_served);
  now_ms += 1;
  second.get_future().wait();
  ledger_.reset();  // it looks at the clock until its end
}

// A trigger stands for any failure that belongs to one submission's own statements.
TEST_F(SqliteLedgerTest, OneSubmissionThatCannotBeStoredTakesNoOtherAlong) {
  put({birth_entry(kRec)});
  {
    auto connection = db::Connection::open(path());
    ASSERT_TRUE(
        connection->execute("CREATE TRIGGER poison BEFORE INSERT ON chunk WHEN new.version = 666 "
                            "BEGIN SELECT raise(ABORT, 'poison'); END"));
  }
  Entry poison = chunk_entry(kRec, Stream::sample, 5, 6);
  poison.version = 666;
  Hold hold(*ledger_);
  std::vector<std::string> answers;
  const auto note = [&answers](base::Result<Results> results) {
    answers.push_back(results ? std::string(wire::name(results->back().outcome)) : "error");
  };
  ledger_->submit(Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, 0, 1)}}, note);
  ledger_->submit(Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, 1, 2), poison}}, note);
  ledger_->submit(Submission{kAnna, uuid(9), {chunk_entry(kRec, Stream::sample, 2, 3)}}, note);
  hold.release();
  ASSERT_TRUE(submit(*ledger_, kAnna, {}));  // in the same line, so after them
  EXPECT_THAT(answers, testing::ElementsAre("stored", "error", "stored"));
  EXPECT_THAT((*ledger_->recording(kRec))->streams.at(0).have,
              testing::ElementsAre(wire::Range{0, 1}, wire::Range{2, 3}));
  EXPECT_EQ(ledger_->counts()->chunks, 2U);
}

// No file of this process may grow: what a full disk does, without filling one.
class DiskFull {
 public:
  DiskFull() {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit full = before_;
    full.rlim_cur = 0;
    setrlimit(RLIMIT_FSIZE, &full);
  }
  DiskFull(const DiskFull&) = delete;
  DiskFull& operator=(const DiskFull&) = delete;
  ~DiskFull() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST_F(SqliteLedgerTest, AFullDiskStoresNothingAndIsNotForEver) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  std::vector<base::ErrorCode> codes;
  std::int64_t stored = 0;
  {
    const DiskFull full;
    for (int i = 0; i < 3; ++i) {
      const auto results = submit(*ledger_, kAnna, {chunk_entry(kRec, Stream::sample, 10, 20)});
      codes.push_back(results ? base::ErrorCode::internal : results.error().code);
    }
    codes.push_back(ledger_->check().error().code);
    stored = static_cast<std::int64_t>(ledger_->counts()->chunks);
  }
  EXPECT_THAT(codes, testing::Each(base::ErrorCode::io));
  EXPECT_EQ(stored, 1);
  EXPECT_TRUE(ledger_->check());
  EXPECT_EQ(put_one(chunk_entry(kRec, Stream::sample, 10, 20)).outcome, Outcome::stored);
  reopen();
  EXPECT_THAT((*ledger_->recording(kRec))->streams.at(0).have, testing::ElementsAre(wire::Range{0, 20}));
}

}  // namespace
}  // namespace boathouse::ledger
