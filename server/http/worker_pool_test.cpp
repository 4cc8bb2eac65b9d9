#include "server/http/worker_pool.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

namespace boathouse::http {
namespace {

using Lane = WorkerPool::Lane;

constexpr WorkerPool::Key kKey = 1;

// How many tasks were at work together at most.
class Crowd {
 public:
  void enter() {
    const int now = ++now_;
    int most = most_;
    while (now > most && !most_.compare_exchange_weak(most, now)) {
    }
  }
  void leave() { --now_; }
  [[nodiscard]] int most() const { return most_; }

 private:
  std::atomic<int> now_{0};
  std::atomic<int> most_{0};
};

TEST(WorkerPool, RunsWhatItTakes) {
  constexpr int kTasks = 1000;
  std::atomic<int> sum{0};
  std::latch done(kTasks);
  WorkerPool pool(3, kTasks, kTasks);
  for (int i = 0; i < kTasks; ++i) {
    ASSERT_TRUE(pool.try_submit(i % 2 == 0 ? Lane::normal : Lane::bulk, kKey, [&sum, &done, i] {
      sum += i;
      done.count_down();
    }));
  }
  done.wait();
  EXPECT_EQ(sum, kTasks * (kTasks - 1) / 2);
}

TEST(WorkerPool, RefusesWhenTheQueueIsFull) {
  std::latch started(1);
  std::latch release(1);
  std::latch done(3);
  WorkerPool pool(1, 2, 2);
  ASSERT_TRUE(pool.try_submit(Lane::normal, kKey, [&] {
    started.count_down();
    release.wait();
  }));
  started.wait();
  const auto task = [&] { done.count_down(); };
  EXPECT_TRUE(pool.try_submit(Lane::normal, kKey, task));
  EXPECT_TRUE(pool.try_submit(Lane::normal, kKey, task));
  EXPECT_FALSE(pool.try_submit(Lane::normal, kKey, task));
  EXPECT_TRUE(pool.try_submit(Lane::bulk, kKey, [] {}));  // a queue of its own
  pool.submit_continuation(Lane::normal, kKey, task);     // let in already
  release.count_down();
  done.wait();
}

TEST(WorkerPool, BulkLeavesThreadsForTheRest) {
  Crowd bulk;
  std::latch two_started(2);
  std::latch release(1);
  std::latch bulk_done(6);
  std::latch normal_done(4);
  WorkerPool pool(4, 100, 100);
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(pool.try_submit(Lane::bulk, static_cast<WorkerPool::Key>(i), [&, i] {
      bulk.enter();
      if (i < 2) {
        two_started.count_down();
      }
      release.wait();
      bulk.leave();
      bulk_done.count_down();
    }));
  }
  two_started.wait();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(pool.try_submit(Lane::normal, 100, [&] { normal_done.count_down(); }));
  }
  normal_done.wait();  // although four bulk tasks came first and wait
  release.count_down();
  bulk_done.wait();
  EXPECT_EQ(bulk.most(), 2);
}

TEST(WorkerPool, AKeyLeavesThreadsForTheRest) {
  Crowd of_key;
  std::atomic<int> begun{0};
  std::latch two_started(2);
  std::latch release(1);
  std::latch done(6);
  std::latch others_done(4);
  WorkerPool pool(8, 100, 100);
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(pool.try_submit(i % 2 == 0 ? Lane::normal : Lane::bulk, kKey, [&] {
      of_key.enter();
      if (++begun <= 2) {
        two_started.count_down();
      }
      release.wait();
      of_key.leave();
      done.count_down();
    }));
  }
  two_started.wait();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(pool.try_submit(i % 2 == 0 ? Lane::normal : Lane::bulk, kKey + 1, [&] { others_done.count_down(); }));
  }
  others_done.wait();
  release.count_down();
  done.wait();  // all of them had their turn
  EXPECT_EQ(of_key.most(), 2);
}

TEST(WorkerPool, OneThreadIsOneForEachLane) {
  std::latch done(200);
  WorkerPool pool(1, 100, 100);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(pool.try_submit(Lane::bulk, kKey, [&] { done.count_down(); }));
    ASSERT_TRUE(pool.try_submit(Lane::normal, kKey, [&] { done.count_down(); }));
  }
  done.wait();
}

TEST(WorkerPool, BulkGivesWayToTheRest) {
  std::atomic<int> nice_of_normal{-1};
  std::atomic<int> nice_of_bulk{-1};
  std::latch done(2);
  WorkerPool pool(2, 2, 2);
  const auto note = [&done](std::atomic<int>& nice) {
    nice = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
    done.count_down();
  };
  const int mine = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
  ASSERT_TRUE(pool.try_submit(Lane::normal, kKey, [&] { note(nice_of_normal); }));
  ASSERT_TRUE(pool.try_submit(Lane::bulk, kKey, [&] { note(nice_of_bulk); }));
  done.wait();
  EXPECT_EQ(nice_of_normal, mine);
  EXPECT_EQ(nice_of_bulk, std::max(mine, WorkerPool::kBulkNice));
}

// The last task of a key that holds its quarter ends in one lane, its next one waits in the other.
TEST(WorkerPool, APlaceOfAKeyThatGetsFreeServesTheOtherLane) {
  for (int i = 0; i < 200; ++i) {
    std::latch started(1);
    std::latch release(1);
    std::latch done(1);
    WorkerPool pool(4, 10, 10);
    ASSERT_TRUE(pool.try_submit(Lane::bulk, kKey, [&] {
      started.count_down();
      release.wait();
    }));
    started.wait();
    ASSERT_TRUE(pool.try_submit(Lane::normal, kKey, [&] { done.count_down(); }));
    std::this_thread::yield();
    release.count_down();
    done.wait();
  }
}

TEST(WorkerPool, AGreedyKeyNeitherDelaysAnotherNorTakesItsPlace) {
  constexpr WorkerPool::Key kGreedy = 2;
  constexpr WorkerPool::Key kModest = 3;
  std::latch started(1);
  std::latch release(1);
  std::latch done(1003);
  std::vector<WorkerPool::Key> order;  // of one thread
  WorkerPool pool(1, 1003, 1000);
  ASSERT_TRUE(pool.try_submit(Lane::normal, kKey, [&] {
    started.count_down();
    release.wait();
    done.count_down();
  }));
  started.wait();
  const auto task_of = [&](WorkerPool::Key key) {
    return [&, key] {
      order.push_back(key);
      done.count_down();
    };
  };
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(pool.try_submit(Lane::normal, kGreedy, task_of(kGreedy)));
  }
  EXPECT_FALSE(pool.try_submit(Lane::normal, kGreedy, task_of(kGreedy)));
  ASSERT_TRUE(pool.try_submit(Lane::normal, kModest, task_of(kModest)));
  pool.submit_continuation(Lane::normal, kModest, task_of(kModest));
  release.count_down();
  done.wait();
  ASSERT_EQ(order.size(), 1002U);
  EXPECT_EQ(order[1], kModest);
  EXPECT_EQ(order[3], kModest);
}

TEST(WorkerPool, StopEndsWhatRunsAndDropsWhatWaits) {
  const auto held = std::make_shared<int>(0);
  std::latch started(1);
  std::latch release(1);
  std::atomic<bool> ended{false};
  std::atomic<bool> ran{false};
  constexpr std::size_t kEndless = std::numeric_limits<std::size_t>::max();
  WorkerPool pool(1, kEndless, kEndless);  // so that only stop() makes it refuse
  ASSERT_TRUE(pool.try_submit(Lane::normal, kKey, [&] {
    started.count_down();
    release.wait();
    ended = true;
  }));
  started.wait();
  ASSERT_TRUE(pool.try_submit(Lane::normal, kKey, [&ran, held] { ran = true; }));
  std::thread stopper([&] { pool.stop(); });
  while (pool.try_submit(Lane::bulk, kKey, [] {})) {  // until stop() has begun
    std::this_thread::yield();
  }
  release.count_down();
  stopper.join();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(ran);
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(pool.try_submit(Lane::normal, kKey, [] {}));
  pool.stop();
}

}  // namespace
}  // namespace boathouse::http
