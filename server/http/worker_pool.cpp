#include "server/http/worker_pool.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace boathouse::http {

WorkerPool::WorkerPool(std::size_t threads, std::size_t queue_length)
    : queue_length_(queue_length), bulk_threads_(std::max<std::size_t>(1, threads / 2)) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

WorkerPool::~WorkerPool() { stop(); }

bool WorkerPool::try_submit(Lane lane, Task task) { return submit(lane, std::move(task), queue_length_); }

void WorkerPool::submit_continuation(Lane lane, Task task) {
  submit(lane, std::move(task), std::numeric_limits<std::size_t>::max());
}

bool WorkerPool::submit(Lane lane, Task task, std::size_t most_waiting) {
  {
    const std::lock_guard lock(mutex_);
    std::deque<Task>& queue = lane == Lane::bulk ? bulk_ : normal_;
    if (stopped_ || queue.size() >= most_waiting) {
      return false;
    }
    queue.push_back(std::move(task));
  }
  ready_.notify_one();
  return true;
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
    std::deque<Task>& queue = take_bulk ? bulk_ : normal_;
    Task task = std::move(queue.front());
    queue.pop_front();
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
  std::deque<Task> dropped_normal;
  std::deque<Task> dropped_bulk;
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped_normal.swap(normal_);
    dropped_bulk.swap(bulk_);
    threads.swap(threads_);
  }
  ready_.notify_all();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace boathouse::http
