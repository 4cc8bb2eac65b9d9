// A fixed number of threads and a bounded queue in front of them, in which keys take turns (core/base/fair_queue.hpp).
// The tasks of one key hold at most a quarter of the threads (at least one): whoever has many slow requests leaves
// threads for the others. Every call may come from any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/fair_queue.hpp"

namespace boathouse::http {

class WorkerPool {
 public:
  // Must not throw.
  using Task = std::function<void()>;

  enum class Lane : std::uint8_t {
    normal,
    bulk,  // holds at most half of the threads (at least one)
  };

  // Whose task it is; equal for equal clients.
  using Key = std::uint64_t;

  // `queue_length` tasks may wait in each lane, `queue_share` of them of one key; all counts >= 1.
  WorkerPool(std::size_t threads, std::size_t queue_length, std::size_t queue_share);
  // stop(), if nobody called it.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False: the lane's queue or the key's share of it is full, or the pool has stopped; the task was dropped.
  [[nodiscard]] bool try_submit(Lane lane, Key key, Task task);

  // The next step of work that was let in already: the queue's length does not count, because refusing half-done work
  // would waste it. Bounded all the same: each open request has at most one such step. Dropped after stop().
  void submit_continuation(Lane lane, Key key, Task task);

  // Ends the tasks that run, drops those that wait (their destructors run here) and joins the threads. Not to be called
  // from a task. The first call does it; later calls do nothing.
  void stop();

 private:
  struct Waiting {
    Key key = 0;
    Task task;
  };
  using Queue = base::FairQueue<Key, Waiting>;

  void work();
  [[nodiscard]] bool may_run(Key key) const;
  [[nodiscard]] bool is_ready(const Queue& queue) const;
  [[nodiscard]] bool bulk_is_ready() const;

  const Queue::Most most_;
  const std::size_t bulk_threads_;
  const std::size_t key_threads_;
  std::mutex mutex_;
  std::condition_variable ready_;
  Queue normal_;
  Queue bulk_;
  std::size_t bulk_running_ = 0;
  std::map<Key, std::size_t> running_;  // tasks of each key, those that have one
  bool bulk_turn_ = false;              // both lanes wait: they take turns
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace boathouse::http
