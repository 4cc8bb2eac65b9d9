#include "server/http/worker_pool.hpp"

#include <algorithm>
#include <utility>

namespace boathouse::http {

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_length, std::size_t queue_share)
    : most_{queue_length, queue_share},
      bulk_threads_(std::max<std::size_t>(1, threads / 2)),
      key_threads_(std::max<std::size_t>(1, threads / 4)),
      normal_(most_),
      bulk_(most_) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::try_submit(Lane lane, Key key, Task task) {
  {
    const std::lock_guard lock(mutex_);
    Queue& queue = lane == Lane::bulk ? bulk_ : normal_;
    if (stopped_ || queue.push(key, {key, std::move(task)}, 1) != Queue::Push::taken) {
      return false;
    }
  }
  ready_.notify_one();
  return true;
}

void WorkerPool::submit_continuation(Lane lane, Key key, Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      return;
    }
    (lane == Lane::bulk ? bulk_ : normal_).push_always(key, {key, std::move(task)}, 1);
  }
  ready_.notify_one();
}

bool WorkerPool::may_run(Key key) const {
  const auto running = running_.find(key);
  return running == running_.end() || running->second < key_threads_;
}

bool WorkerPool::is_ready(const Queue& queue) const {
  return queue.any_of([this](Key key) { return may_run(key); });
}

bool WorkerPool::bulk_is_ready() const { return bulk_running_ < bulk_threads_ && is_ready(bulk_); }

void WorkerPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ready_.wait(lock, [this] { return stopped_ || is_ready(normal_) || bulk_is_ready(); });
    if (stopped_) {
      return;
    }
    const bool take_bulk = bulk_is_ready() && (!is_ready(normal_) || bulk_turn_);
    bulk_turn_ = !take_bulk;
    auto [key, task] = std::move((take_bulk ? bulk_ : normal_).pop_if([this](Key one) { return may_run(one); })->value);
    bulk_running_ += take_bulk ? 1 : 0;
    ++running_[key];

    lock.unlock();
    task();
    task = nullptr;  // what it holds dies outside of the lock
    lock.lock();

    // No notify for the place that gets free, of the lane or of the key: it lets one task more run, and this thread
    // looks at the queues next. If it takes another task, the thread that was woken for that one finds this one
    // instead.
    bulk_running_ -= take_bulk ? 1 : 0;
    if (--running_[key] == 0) {
      running_.erase(key);
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
    std::swap(dropped_normal, normal_);
    std::swap(dropped_bulk, bulk_);
    threads.swap(threads_);
  }
  ready_.notify_all();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace boathouse::http
