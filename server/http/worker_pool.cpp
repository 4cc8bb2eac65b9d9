#include "server/http/worker_pool.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace boathouse::http {

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_length, std::size_t queue_share)
    : most_{queue_length, queue_share},
      key_threads_(std::max<std::size_t>(1, threads / 4)),
      normal_(most_),
      bulk_(most_) {
  const std::size_t bulk_threads = std::max<std::size_t>(1, threads / 2);
  const std::size_t normal_threads = std::max<std::size_t>(1, threads - bulk_threads);
  threads_.reserve(normal_threads + bulk_threads);
  for (std::size_t i = 0; i < normal_threads + bulk_threads; ++i) {
    threads_.emplace_back([this, lane = i < normal_threads ? Lane::normal : Lane::bulk] { work(lane); });
  }
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::try_submit(Lane lane, Key key, Task task) {
  LaneState& state = state_of(lane);
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || state.queue.push(key, {key, std::move(task)}, 1) != Queue::Push::taken) {
      return false;
    }
  }
  state.ready.notify_one();
  return true;
}

void WorkerPool::submit_continuation(Lane lane, Key key, Task task) {
  LaneState& state = state_of(lane);
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      return;
    }
    state.queue.push_always(key, {key, std::move(task)}, 1);
  }
  state.ready.notify_one();
}

bool WorkerPool::may_run(Key key) const {
  const auto running = running_.find(key);
  return running == running_.end() || running->second < key_threads_;
}

bool WorkerPool::is_ready(const Queue& queue) const {
  return queue.any_of([this](Key key) { return may_run(key); });
}

void WorkerPool::work(Lane lane) {
  if (lane == Lane::bulk) {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kBulkNice);  // Linux: of this thread alone
  }
  LaneState& mine = state_of(lane);
  LaneState& other = state_of(lane == Lane::bulk ? Lane::normal : Lane::bulk);
  std::unique_lock lock(mutex_);
  while (true) {
    mine.ready.wait(lock, [&] { return stopped_ || is_ready(mine.queue); });
    if (stopped_) {
      return;
    }
    auto [key, task] = std::move(mine.queue.pop_if([this](Key one) { return may_run(one); })->value);
    ++running_[key];

    lock.unlock();
    task();
    task = nullptr;  // what it holds dies outside of the lock
    lock.lock();

    // The key's place that gets free lets one task more run. In this lane no notify: this thread looks at the queue
    // next, and if it takes another task, the thread that was woken for that one finds this one instead.
    if (--running_[key] == 0) {
      running_.erase(key);
    }
    if (is_ready(other.queue)) {
      other.ready.notify_one();
    }
  }
}

void WorkerPool::stop() {
  Queue dropped_normal(most_);
  Queue dropped_bulk(most_);
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    std::swap(dropped_normal, normal_.queue);
    std::swap(dropped_bulk, bulk_.queue);
    threads.swap(threads_);
  }
  normal_.ready.notify_all();
  bulk_.ready.notify_all();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace boathouse::http
