// The table of jobs: leases and their fence, one living job per key, what is kept.
#include "server/jobs/queue.hpp"

#include <set>
#include <thread>
#include <vector>

#include "server/jobs/schema.hpp"
#include "server/jobs/test_jobs.hpp"
#include "server/sql/migrations.hpp"

namespace boathouse::jobs {
namespace {

using base::ErrorCode;

class QueueTest : public JobsTest {};
INSTANTIATE_TEST_SUITE_P(Both, QueueTest, both_databases(), database_name);

TEST_P(QueueTest, WhatIsDueTheLongestComesFirstAndNothingBeforeItsTime) {
  add("late", now() + 500);
  add("second", now() - 1);
  add("first", now() - 2);
  EXPECT_EQ((*queue_->take(now(), kLease))->payload, "first");
  EXPECT_EQ((*queue_->take(now(), kLease))->payload, "second");
  EXPECT_FALSE(*queue_->take(now(), kLease));
  clock_.advance_ms(500);
  EXPECT_EQ((*queue_->take(now(), kLease))->payload, "late");
}

TEST_P(QueueTest, ALeasedJobIsNobodyElsesUntilTheLeaseEnds) {
  const auto id = add("a");
  const auto mine = *queue_->take(now(), kLease);
  ASSERT_TRUE(mine);
  EXPECT_EQ(mine->attempt, 1);
  clock_.advance_ms(kLease - 1);
  EXPECT_FALSE(*other_->take(now(), kLease));
  clock_.advance_ms(1);
  const auto theirs = *other_->take(now(), kLease);
  ASSERT_TRUE(theirs);
  EXPECT_EQ(theirs->id, id);
  EXPECT_EQ(theirs->attempt, 2);
  EXPECT_EQ(theirs->lost, 1);
}

TEST_P(QueueTest, AProlongedLeaseGoesOn) {
  add("a");
  const auto mine = *queue_->take(now(), kLease);
  clock_.advance_ms(kLease - 1);
  EXPECT_TRUE(queue_->prolong(*mine, now() + kLease));
  clock_.advance_ms(kLease - 1);
  EXPECT_FALSE(*other_->take(now(), kLease));
  EXPECT_TRUE(queue_->done(*mine, now()));
}

TEST_P(QueueTest, WhoLostTheLeaseChangesNothing) {
  const auto id = add("a");
  const auto mine = *queue_->take(now(), kLease);
  clock_.advance_ms(kLease);
  const auto theirs = *other_->take(now(), kLease);
  ASSERT_TRUE(theirs);
  EXPECT_EQ(queue_->prolong(*mine, now() + 10 * kLease).error().code, ErrorCode::conflict);
  EXPECT_EQ(queue_->done(*mine, now()).error().code, ErrorCode::conflict);
  EXPECT_EQ(queue_->failed(*mine, "no", now()).error().code, ErrorCode::conflict);
  EXPECT_EQ(queue_->retry(*mine, "no", now()).error().code, ErrorCode::conflict);
  EXPECT_EQ(job(id).state, State::running);
  EXPECT_EQ(job(id).due_ms, now() + kLease);
  EXPECT_TRUE(other_->done(*theirs, now()));
  EXPECT_EQ(job(id).state, State::done);
  EXPECT_EQ(other_->done(*theirs, now()).error().code, ErrorCode::conflict);
}

// The fence is the attempt, too: the same worker that takes a job again has another lease.
TEST_P(QueueTest, AnEarlierAttemptOfTheSameWorkerIsFenced) {
  add("a");
  const auto before = *queue_->take(now(), kLease);
  clock_.advance_ms(kLease);
  const auto after = *queue_->take(now(), kLease);
  ASSERT_TRUE(after);
  EXPECT_EQ(queue_->done(*before, now()).error().code, ErrorCode::conflict);
  EXPECT_TRUE(queue_->done(*after, now()));
}

TEST_P(QueueTest, WhoIsAloneDoesNotWaitForTheLeasesOfTheDead) {
  const auto running = add("a");
  const auto waiting = add("b", now() + 500);
  const auto theirs = *other_->take(now(), kLease);
  ASSERT_TRUE(theirs);
  ASSERT_TRUE(queue_->end_leases(now()));
  const auto mine = *queue_->take(now(), kLease);
  ASSERT_TRUE(mine);
  EXPECT_EQ(mine->id, running);
  EXPECT_EQ(mine->lost, 1);
  EXPECT_EQ(job(waiting).due_ms, now() + 500);
  EXPECT_EQ(other_->done(*theirs, now()).error().code, ErrorCode::conflict);
}

// A job that lives long, an endpoint's say, is given up for workers that it kills, not for all that have died with it.
TEST_P(QueueTest, AnAttemptThatEndsForgivesTheLostOnes) {
  const auto id = add("a", now(), "key");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(*other_->take(now(), kLease));
    ASSERT_TRUE(queue_->end_leases(now()));
  }
  auto mine = *queue_->take(now(), kLease);
  EXPECT_EQ(mine->lost, 3);
  ASSERT_TRUE(queue_->retry(*mine, "another's turn", now()));
  mine = *queue_->take(now(), kLease);
  EXPECT_EQ(mine->lost, 0);
  ASSERT_TRUE(other_->end_leases(now()));
  mine = *queue_->take(now(), kLease);
  EXPECT_EQ(mine->lost, 1);
  ASSERT_EQ(*other_->add({"test", "b", "key", now(), true}, now()), id);
  ASSERT_TRUE(queue_->done(*mine, now()));
  EXPECT_EQ((*queue_->take(now(), kLease))->lost, 0);
}

// A node whose clock was ten years ahead has died, and its clock was set right.
TEST_P(QueueTest, ALeaseThatIsLongerThanLeasesAreHasEnded) {
  constexpr std::int64_t kTenYears = std::int64_t{10} * 365 * 86'400'000;
  add("a");
  ASSERT_TRUE(*other_->take(now() + kTenYears, kLease));
  EXPECT_FALSE(*queue_->take(now(), kLease));
  ASSERT_TRUE(other_->bring_back_leases(now(), kLease));
  EXPECT_FALSE(*queue_->take(now(), kLease)) << "who holds it is alive";
  ASSERT_TRUE(queue_->bring_back_leases(now(), kLease));
  const auto taken = *queue_->take(now(), kLease);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->lost, 1);
  ASSERT_TRUE(other_->bring_back_leases(now(), kLease));
  EXPECT_FALSE(*other_->take(now(), kLease)) << "this one is as long as leases are";
}

TEST_P(QueueTest, OnlyWhatWaitsLongerThanItsKindCanIsDueNow) {
  const auto in_time = add("in time", now() + 5000);
  const auto ahead = add("ahead", now() + 5001);
  const auto another = *queue_->add({"another", "", "", now() + 5001}, now());
  ASSERT_TRUE(queue_->bring_back("test", now(), 5000));
  EXPECT_EQ(job(in_time).due_ms, now() + 5000);
  EXPECT_EQ(job(ahead).due_ms, now());
  EXPECT_EQ(job(another).due_ms, now() + 5001);
}

TEST_P(QueueTest, ARetryComesAtItsTimeAndCounts) {
  const auto id = add("a");
  EXPECT_TRUE(queue_->retry(**queue_->take(now(), kLease), "try later", now() + 300));
  EXPECT_EQ(job(id).state, State::waiting);
  EXPECT_EQ(job(id).failures, 1);
  EXPECT_EQ(job(id).last_error, "try later");
  clock_.advance_ms(299);
  EXPECT_FALSE(*queue_->take(now(), kLease));
  clock_.advance_ms(1);
  EXPECT_EQ((*queue_->take(now(), kLease))->failures, 1);
}

TEST_P(QueueTest, AJobWhoseWorkersAllDieIsGivenUp) {
  const auto id = add("a");
  for (int i = 0; i <= kMaxLost; ++i) {
    ASSERT_TRUE(*queue_->take(now(), kLease)) << i;
    clock_.advance_ms(kLease);
  }
  const auto next = add("b", now());
  EXPECT_EQ((*queue_->take(now(), kLease))->id, next);
  EXPECT_EQ(job(id).state, State::failed);
  EXPECT_EQ(job(id).last_error, "given up: 6 workers were not heard of again");
}

TEST_P(QueueTest, OneLivingJobPerKey) {
  const auto first = add("a", 0, "key");
  EXPECT_EQ(add("b", 0, "key"), first);
  EXPECT_EQ(*other_->add({"test", "c", "key", 0}, now()), first);
  EXPECT_NE(*queue_->add({"another kind", "d", "key", 0}, now()), first);
  EXPECT_NE(add("e"), add("e"));
  const auto mine = *queue_->take(now(), kLease);
  ASSERT_EQ(mine->id, first);
  EXPECT_EQ(add("b", 0, "key"), first);
  EXPECT_TRUE(queue_->done(*mine, now()));
  EXPECT_NE(add("b", 0, "key"), first);
}

TEST_P(QueueTest, WhatWaitsForLaterIsBroughtForwardWhenItIsAskedForAgain) {
  const auto id = add("a", now() + 5000, "key");
  add("b", now() + 1000, "key");
  EXPECT_EQ(job(id).due_ms, now() + 5000) << "an order like others changes nothing";
  ASSERT_EQ(*queue_->add({"test", "b", "key", now() + 2000, true}, now()), id);
  EXPECT_EQ(job(id).due_ms, now() + 2000);
  ASSERT_EQ(*queue_->add({"test", "b", "key", now() + 3000, true}, now()), id);
  EXPECT_EQ(job(id).due_ms, now() + 2000) << "it comes before that";
  EXPECT_EQ(job(id).payload, "a");
}

// It may have looked for its work before that was there.
TEST_P(QueueTest, WhatIsAskedForAgainWhileItRunsRunsOnceMore) {
  const auto id = add("a", now(), "key");
  auto mine = *queue_->take(now(), kLease);
  ASSERT_EQ(*other_->add({"test", "b", "key", now() + 10, true}, now()), id);
  ASSERT_EQ(*other_->add({"test", "b", "key", now() + 20, true}, now()), id);
  EXPECT_EQ(job(id).due_ms, now() + kLease) << "its lease is as it was";
  ASSERT_TRUE(queue_->done(*mine, now()));
  EXPECT_EQ(job(id).state, State::waiting);
  EXPECT_EQ(job(id).due_ms, now() + 10);
  EXPECT_FALSE(job(id).finished_ms);
  EXPECT_FALSE(*queue_->take(now(), kLease));
  clock_.advance_ms(10);
  mine = *queue_->take(now(), kLease);
  ASSERT_TRUE(mine);
  ASSERT_EQ(*other_->add({"test", "b", "key", now(), true}, now()), id);
  ASSERT_TRUE(queue_->retry(*mine, "later", now() + 5000));
  EXPECT_EQ(job(id).due_ms, now());
  mine = *queue_->take(now(), kLease);
  ASSERT_TRUE(queue_->retry(*mine, "later", now() + 5000));
  EXPECT_EQ(job(id).due_ms, now() + 5000) << "once is enough";
  clock_.advance_ms(5000);
  mine = *queue_->take(now(), kLease);
  ASSERT_TRUE(queue_->done(*mine, now()));
  EXPECT_EQ(job(id).state, State::done);
}

TEST_P(QueueTest, ADatabaseOfVersion1GoesOn) {
  const sql::TestDatabase old(GetParam(), folder_.file("old.db"));
  {
    auto connection = sql::Connection::open(old.place());
    ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(1)}));
    ASSERT_TRUE(connection->execute(
        "INSERT INTO job (kind, payload, state, due_ms, owner, attempt, failures, lost, last_error, created_ms) "
        "VALUES ('test', 'old', 1, 0, '', 0, 0, 0, '', 0)"));
  }
  const auto queue = Queue::open(old.place(), random_);
  ASSERT_TRUE(queue) << queue.error().text;
  const auto mine = *(*queue)->take(now(), kLease);
  ASSERT_TRUE(mine);
  EXPECT_EQ(mine->payload, "old");
  EXPECT_TRUE((*queue)->done(*mine, now()));
}

TEST_P(QueueTest, ACancelledJobIsNotRunAndItsWorkerIsTold) {
  const auto waiting = add("a", now() + 10'000);
  EXPECT_TRUE(queue_->cancel(waiting, now()));
  EXPECT_EQ(job(waiting).state, State::cancelled);
  const auto running = add("b");
  const auto mine = *queue_->take(now(), kLease);
  EXPECT_TRUE(other_->cancel(running, now()));
  EXPECT_EQ(queue_->prolong(*mine, now() + kLease).error().code, ErrorCode::conflict);
  EXPECT_EQ(queue_->done(*mine, now()).error().code, ErrorCode::conflict);
  EXPECT_EQ(job(running).state, State::cancelled);
  EXPECT_EQ(queue_->cancel(running, now()).error().code, ErrorCode::conflict);
  EXPECT_EQ(queue_->cancel(4711, now()).error().code, ErrorCode::not_found);
  clock_.advance_ms(20'000);
  EXPECT_FALSE(*queue_->take(now(), kLease));
}

TEST_P(QueueTest, WhatIsAddedTogetherIsAddedWholeOrNotAtAll) {
  const std::vector<Order> orders{{"test", "a", "", 0}, {"test", std::string(kMaxPayload + 1, 'x'), "", 0}};
  EXPECT_EQ(queue_->add_all(orders, now()).error().code, ErrorCode::too_large);
  EXPECT_EQ(queue_->counts()->waiting, 0U);
  EXPECT_TRUE(queue_->add_all({orders.data(), 1}, now()));
  EXPECT_EQ(queue_->counts()->waiting, 1U);
  EXPECT_EQ(queue_->add({"", "a", "", 0}, now()).error().code, ErrorCode::invalid_input);
}

TEST_P(QueueTest, AReasonIsCutInWholeCharacters) {
  const auto id = add("a");
  std::string reason(kMaxError - 1, 'x');
  EXPECT_TRUE(queue_->failed(**queue_->take(now(), kLease), reason + "é and more", now()));
  EXPECT_EQ(job(id).last_error, reason);
  const auto second = add("b");
  EXPECT_TRUE(queue_->failed(**queue_->take(now(), kLease), std::string("a\0b\xff", 4), now()));
  EXPECT_EQ(job(second).last_error, "a");
}

TEST_P(QueueTest, OnlyWhatHasEndedLongAgoIsForgotten) {
  const auto old = add("old");
  ASSERT_TRUE(queue_->done(**queue_->take(now(), kLease), now()));
  const auto waiting = add("waiting", now() + 100 * kKeptMs);
  clock_.advance_ms(kKeptMs);
  const auto young = add("young");
  ASSERT_TRUE(queue_->failed(**queue_->take(now(), kLease), "no", now()));
  ASSERT_TRUE(queue_->prune(now()));
  EXPECT_TRUE(*queue_->find(old));
  clock_.advance_ms(1);
  ASSERT_TRUE(queue_->prune(now()));
  EXPECT_FALSE(*queue_->find(old));
  EXPECT_TRUE(*queue_->find(waiting));
  EXPECT_TRUE(*queue_->find(young));
}

TEST_P(QueueTest, NoMoreThanTheMostAreKept) {
  std::vector<Order> orders(kKeptJobs + 3, Order{"test", "{}", "", 0});
  ASSERT_TRUE(queue_->add_all(orders, now()));
  auto connection = sql::Connection::open(database_.place());
  ASSERT_TRUE(connection->execute("UPDATE job SET state = 3, finished_ms = 1700000000000 + id"));
  ASSERT_TRUE(queue_->prune(now()));
  auto select = connection->prepare("SELECT count(*), min(id) FROM job");
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->integer(0), kKeptJobs);
  EXPECT_EQ(select->integer(1), 4);
}

TEST_P(QueueTest, ManyWorkersGetEachJobOnce) {
  constexpr int kJobs = 60;
  std::set<std::int64_t> expected;
  for (int i = 0; i < kJobs; ++i) {
    expected.insert(add("a"));
  }
  std::mutex mutex;
  std::multiset<std::int64_t> taken;
  std::vector<std::thread> workers;
  std::vector<std::unique_ptr<Queue>> queues;
  for (int i = 0; i < 4; ++i) {
    queues.push_back(open());
    workers.emplace_back([&, queue = queues.back().get()] {
      while (true) {
        const auto job = queue->take(now(), kLease);
        if (!job) {
          ADD_FAILURE() << job.error().text;
          return;
        }
        if (!*job) {
          return;
        }
        EXPECT_TRUE(queue->done(**job, now()));
        const std::lock_guard lock(mutex);
        taken.insert((*job)->id);
      }
    });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  EXPECT_EQ(taken, std::multiset<std::int64_t>(expected.begin(), expected.end()));
}

}  // namespace
}  // namespace boathouse::jobs
