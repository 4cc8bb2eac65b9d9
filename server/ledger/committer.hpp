// One thread that owns the writing connection. What is queued while a transaction runs becomes the next one: nobody
// waits for company, and under load many share one fsync. A group is bounded and keys take turns in it, those with
// little first, so that nobody waits for all that a greedy device has sent; see also HeavyKeys.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/fair_queue.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/ledger/epoch.hpp"
#include "server/ledger/heavy_keys.hpp"
#include "server/ledger/writer.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

class Committer {
 public:
  // Inside the transaction; an error ends it. May run again in another transaction, so it starts from nothing each
  // time. Its time is its key's: HeavyKeys.
  using Work = std::function<base::Status(Writer&)>;
  // After the commit (or its failure), on the committer's thread. Must not throw.
  using Done = std::function<void(const base::Status&)>;
  struct Job {
    Work work;
    Done done;
    base::Uuid key = {};
    HeavyKeys::Duration took = {};  // its work, in all transactions that it was tried in
  };

  // As of Ledger::Options; each may be empty.
  struct Hooks {
    std::function<void(double seconds)> on_commit_time;
    std::function<void(std::uint64_t events)> on_forgotten_events;
  };

  // Of bytes that wait. `epoch` and `clock` must outlive the committer. `steady_now`: as of Ledger::Options.
  using Queue = base::FairQueue<base::Uuid, Job>;
  Committer(sql::Connection connection, Epoch& epoch, base::Clock& clock, Queue::Most most, Hooks hooks,
            std::function<HeavyKeys::Time()> steady_now);
  // stop().
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // unavailable: more than the most bytes wait, of all or of this key, or it has stopped; then `done` is not called.
  // `bytes` = what the job holds in memory. A job that is alone in the queue is taken whatever its size. Jobs of one
  // key stay in their order.
  [[nodiscard]] base::Status post(const base::Uuid& key, Work work, Done done, std::size_t bytes);

  // Posts under a key of the ledger's own and waits.
  [[nodiscard]] base::Status run(Work work);

  // As of Ledger.
  void stop();
  void on_commit(std::function<void()> wake);
  [[nodiscard]] std::uint64_t commits() const { return commits_; }
  [[nodiscard]] std::size_t queued_bytes() const;

 private:
  // Jobs that share a transaction, and what they are of each key.
  struct Group {
    std::vector<Job> jobs;
    std::map<base::Uuid, std::size_t> bytes_of;
  };

  void loop();
  Group take_group(HeavyKeys::Time now);  // under mutex_; empty: all that wait rest
  void note(const Group& group, HeavyKeys::Time begun);
  void commit(std::span<Job> jobs);
  base::Status transact(std::span<Job> jobs);

  sql::Connection connection_;
  Epoch& epoch_;
  base::Clock& clock_;
  const Hooks hooks_;
  const std::function<HeavyKeys::Time()> steady_now_;

  mutable std::mutex mutex_;
  std::condition_variable ready_;
  Queue queue_;
  bool stopping_ = false;
  int light_groups_ = 0;  // one after the other
  HeavyKeys heavy_keys_;  // of the committer's thread alone

  std::mutex wake_mutex_;
  std::function<void()> wake_;

  std::atomic<std::uint64_t> commits_ = 0;
  std::once_flag joined_;
  std::thread thread_;
};

}  // namespace boathouse::ledger
