#include "server/http/worker_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <limits>
#include <memory>
#include <thread>

namespace boathouse::http {
namespace {

using Lane = WorkerPool::Lane;

TEST(WorkerPool, RunsWhatItTakes) {
  constexpr int kTasks = 1000;
  std::atomic<int> sum{0};
  std::latch done(kTasks);
  WorkerPool pool(3, kTasks);
  for (int i = 0; i < kTasks; ++i) {
    ASSERT_TRUE(pool.try_submit(i % 2 == 0 ? Lane::normal : Lane::bulk, [&sum, &done, i] {
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
  WorkerPool pool(1, 2);
  ASSERT_TRUE(pool.try_submit(Lane::normal, [&] {
    started.count_down();
    release.wait();
  }));
  started.wait();
  const auto task = [&] { done.count_down(); };
  EXPECT_TRUE(pool.try_submit(Lane::normal, task));
  EXPECT_TRUE(pool.try_submit(Lane::normal, task));
  EXPECT_FALSE(pool.try_submit(Lane::normal, task));
  EXPECT_TRUE(pool.try_submit(Lane::bulk, [] {}));  // a queue of its own
  pool.submit_continuation(Lane::normal, task);     // let in already
  release.count_down();
  done.wait();
}

TEST(WorkerPool, BulkLeavesThreadsForTheRest) {
  std::atomic<int> bulk_now{0};
  std::atomic<int> bulk_most{0};
  std::latch two_started(2);
  std::latch release(1);
  std::latch bulk_done(6);
  std::latch normal_done(4);
  WorkerPool pool(4, 100);
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(pool.try_submit(Lane::bulk, [&, i] {
      const int now = ++bulk_now;
      int most = bulk_most;
      while (now > most && !bulk_most.compare_exchange_weak(most, now)) {
      }
      if (i < 2) {
        two_started.count_down();
      }
      release.wait();
      --bulk_now;
      bulk_done.count_down();
    }));
  }
  two_started.wait();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(pool.try_submit(Lane::normal, [&] { normal_done.count_down(); }));
  }
  normal_done.wait();  // although four bulk tasks came first and wait
  release.count_down();
  bulk_done.wait();
  EXPECT_EQ(bulk_most, 2);
}

TEST(WorkerPool, OneThreadServesBothLanes) {
  std::latch done(200);
  WorkerPool pool(1, 100);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(pool.try_submit(Lane::bulk, [&] { done.count_down(); }));
    ASSERT_TRUE(pool.try_submit(Lane::normal, [&] { done.count_down(); }));
  }
  done.wait();
}

TEST(WorkerPool, StopEndsWhatRunsAndDropsWhatWaits) {
  const auto held = std::make_shared<int>(0);
  std::latch started(1);
  std::latch release(1);
  std::atomic<bool> ended{false};
  std::atomic<bool> ran{false};
  WorkerPool pool(1, std::numeric_limits<std::size_t>::max());  // so that only stop() makes it refuse
  ASSERT_TRUE(pool.try_submit(Lane::normal, [&] {
    started.count_down();
    release.wait();
    ended = true;
  }));
  started.wait();
  ASSERT_TRUE(pool.try_submit(Lane::normal, [&ran, held] { ran = true; }));
  std::thread stopper([&] { pool.stop(); });
  while (pool.try_submit(Lane::bulk, [] {})) {  // until stop() has begun
    std::this_thread::yield();
  }
  release.count_down();
  stopper.join();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(ran);
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(pool.try_submit(Lane::normal, [] {}));
  pool.stop();
}

}  // namespace
}  // namespace boathouse::http
