// Work that is done once a period, by one of several nodes: a job of server/jobs that orders its own next. What fails
// is logged and done in the next period. Thread rule: the constructor and start() from one thread; the work is on the
// runner's, and never twice at a time in one process.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "server/jobs/runner.hpp"

namespace boathouse::app {

inline constexpr std::int64_t kPassOnMs = 2'000;    // until a node asks again whether work has become its own
inline constexpr std::int64_t kProlongMs = 30'000;  // how often long work prolongs its lease

// Which period a job is for that has it as its payload. One that is farther ahead than the next is of a clock that was
// ahead and has been set back: then it is for that of now, and what follows is, too.
std::int64_t period_of(const jobs::Job& job, std::int64_t every_ms, std::int64_t now_ms);

// Longer than two periods no job of a period waits, for a retry no longer than `retry_ms`.
constexpr std::int64_t longest_wait_ms(std::int64_t every_ms, std::int64_t retry_ms) { return 2 * every_ms + retry_ms; }

class PeriodicJob {
 public:
  // Keeps the lease, and fails when it is lost or the server stops; the work calls it now and then.
  using Watch = std::function<base::Status()>;
  using Work = std::function<base::Status(const Watch&)>;
  // Whether this node may do it; one that may not leaves it to another within seconds. Empty: every node may.
  using Mine = std::function<base::Result<bool>()>;

  // `kind`: the job's, also what the log calls it. `every_ms`: at least 1000; periods are counted from 1970, so that
  // all nodes agree. All must outlive the runner's threads.
  PeriodicJob(std::string kind, std::int64_t every_ms, Work work, jobs::Runner& runner, base::Clock& clock,
              std::function<void(std::string_view)> log, Mine mine = {});

  // Orders this period's work, to be done in `after_ms`, at most a period.
  base::Status start(std::int64_t after_ms = 0);

 private:
  jobs::Outcome run(jobs::Runner::Context& context);
  base::Status order(std::int64_t period, std::int64_t due_ms);

  const std::string kind_;
  const std::int64_t every_ms_;
  const Work work_;
  const Mine mine_;
  jobs::Runner& runner_;
  base::Clock& clock_;
  const std::function<void(std::string_view)> log_;
  std::mutex running_;
};

}  // namespace boathouse::app
