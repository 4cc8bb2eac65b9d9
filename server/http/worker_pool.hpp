// Two lanes, each with threads of its own and a bounded queue in front of them, in which keys take turns
// (core/base/fair_queue.hpp). The tasks of one key hold at most a quarter of all threads (at least one): whoever has
// many slow requests leaves threads for the others. Every call may come from any thread.
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
    bulk,  // at nice kBulkNice: who asks for little does not wait for the processor behind who brings much
  };

  // Whose task it is; equal for equal clients.
  using Key = std::uint64_t;

  static constexpr int kBulkNice = 5;

  // Each lane has half of the threads, at least one. `queue_length` tasks may wait in each, `queue_share` of them of
  // one key; all counts >= 1.
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

  struct LaneState {
    explicit LaneState(Queue::Most most) : queue(most) {}
    Queue queue;
    std::condition_variable ready;
  };

  void work(Lane lane);
  [[nodiscard]] bool may_run(Key key) const;
  [[nodiscard]] bool is_ready(const Queue& queue) const;
  LaneState& state_of(Lane lane) { return lane == Lane::bulk ? bulk_ : normal_; }

  const Queue::Most most_;
  const std::size_t key_threads_;
  std::mutex mutex_;
  LaneState normal_;
  LaneState bulk_;
  std::map<Key, std::size_t> running_;  // tasks of each key in both lanes, those that have one
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace boathouse::http
