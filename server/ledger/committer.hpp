// One thread that owns the writing connection. Whatever is queued while a transaction runs becomes the next one: nobody
// waits for company, and under load many share one fsync.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "server/ledger/writer.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

class Committer {
 public:
  // Inside the transaction; an error ends it. May run again in another transaction, so it starts from nothing each
  // time.
  using Work = std::function<base::Status(Writer&)>;
  // After the commit (or its failure), on the committer's thread. Must not throw.
  using Done = std::function<void(const base::Status&)>;

  // `clock` must outlive the committer.
  Committer(sql::Connection connection, base::Clock& clock, std::size_t max_queued_bytes);
  // stop().
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // unavailable: more than the most bytes wait, or it has stopped; then `done` is not called. `bytes` = what the job
  // holds in memory. A job that is alone in the queue is taken whatever its size.
  [[nodiscard]] base::Status post(Work work, Done done, std::size_t bytes);

  // Posts and waits.
  [[nodiscard]] base::Status run(Work work);

  // As of Ledger.
  void stop();
  void on_commit(std::function<void()> wake);
  [[nodiscard]] std::uint64_t commits() const { return commits_; }

 private:
  struct Job {
    Work work;
    Done done;
    std::size_t bytes = 0;
  };

  void loop();
  void commit(std::span<Job> jobs);
  base::Status transact(std::span<Job> jobs);

  sql::Connection connection_;
  base::Clock& clock_;
  const std::size_t max_queued_bytes_;

  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<Job> queue_;
  std::size_t queued_bytes_ = 0;  // of the queue and of the group that is being committed
  bool stopping_ = false;

  std::mutex wake_mutex_;
  std::function<void()> wake_;

  std::atomic<std::uint64_t> commits_ = 0;
  std::once_flag joined_;
  std::thread thread_;
};

}  // namespace boathouse::ledger
