#include "server/http/worker_pool.hpp"

#include <algorithm>
#include <utility>

namespace boathouse::http {

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_length, std::size_t queue_share)
    : most_{queue_length, queue_share},
      bulk_threads_(std::max<std::size_t>(1, threads / 2)),
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
    if (stopped_ || queue.push(key, std::move(task), 1) != Queue::Push::taken) {
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
    (lane == Lane::bulk ? bulk_ : normal_).push_always(key, std::move(task), 1);
  }
  ready_.notify_one();
}

bool WorkerPool::bulk_is_ready() const { return !bulk_.empty() && bulk_running_ < bulk_threads_; }

void WorkerPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ready_.wait(lock, [this] { return stopped_ || !normal_.empty() || bulk_is_ready(); });
    if (stopped_) {
      return;
    }
    const bool take_bulk = bulk_is_ready() && (normal_.empty() || bulk_turn_);
    bulk_turn_ = !take_bulk;
    Task task = std::move((take_bulk ? bulk_ : normal_).pop()->value);
    bulk_running_ += take_bulk ? 1 : 0;

    lock.unlock();
    task();
    task = nullptr;  // what it holds dies outside of the lock
    lock.lock();

    // No notify for the place that gets free: this thread looks at the queues next, and if it takes a normal task, the
    // thread that was woken for that one finds the bulk task instead.
    bulk_running_ -= take_bulk ? 1 : 0;
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
