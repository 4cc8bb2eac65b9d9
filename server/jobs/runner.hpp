// Does the jobs of a queue: handlers by kind, some threads, another attempt after a failure.
//
// A handler may run more than once for a job (this process died, or was so slow that its lease ended), never twice at
// the same time while it keeps to its lease. It does its work under a key of its own that makes the second time change
// nothing.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "server/jobs/queue.hpp"

namespace boathouse::jobs {

// What became of an attempt.
struct Outcome {
  enum class Kind : std::uint8_t { done, retry, failed };
  Kind kind = Kind::done;
  std::string why;                       // not of done
  std::optional<std::int64_t> after_ms;  // retry: when; nullopt = the runner's back-off and its limit of attempts

  static Outcome done() { return {}; }
  static Outcome failed(std::string why) { return {Kind::failed, std::move(why), {}}; }
  static Outcome retry(std::string why, std::optional<std::int64_t> after_ms = {}) {
    return {Kind::retry, std::move(why), after_ms};
  }
};

class Runner {
 public:
  struct Options {
    std::int64_t lease_ms = 120'000;       // a handler that takes longer calls Context::prolong()
    std::int64_t first_backoff_ms = 1000;  // doubled for every failure; the wait is even over [0, it] ("full jitter")
    std::int64_t max_backoff_ms = 600'000;
    int max_failures = 12;
  };

  // What a handler sees of its job. Valid while it runs.
  class Context {
   public:
    Context(Runner& runner, const Job& job) : runner_(runner), job_(job) {}
    [[nodiscard]] const Job& job() const { return job_; }
    // Another whole lease from now on. conflict: it is lost, or the job was cancelled: stop, what you do is in vain.
    base::Status prolong();
    // The runner is to end: a long handler asks for a retry soon.
    [[nodiscard]] bool stopping() const { return runner_.stopping_; }

   private:
    Runner& runner_;
    const Job& job_;
  };
  // On a runner's thread; may block. An exception is a failure like another.
  using Handler = std::function<Outcome(Context&)>;

  // All must outlive the runner. `log` gets what went wrong with the queue itself, from any thread.
  Runner(Queue& queue, base::Clock& clock, base::RandomSource& random, const Options& options,
         std::function<void(std::string_view)> log);
  // stop().
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Before start() and step(). A job whose kind has no handler waits for a program that has one. `at_once`: as many
  // jobs of the kind run here at a time, so that those of a kind that may hang do not hold every thread; 0 = no limit.
  // `longest_wait_ms`: what waits for longer was ordered by a clock that was ahead, and is due now; 0 = may wait for
  // ever.
  void handle(std::string kind, Handler handler, int at_once = 0, std::int64_t longest_wait_ms = 0);

  void start(int threads);
  // Waits for the handlers that run; no other begins. Later calls do nothing.
  void stop();

  // As of Queue, and wakes the threads. Any thread.
  base::Status add(std::span<const Order> orders);

  // Does one job that is due, on this thread: what the threads do all the time. False: none was due. Errors are the
  // queue's; what a handler says is in the job. Any thread.
  base::Result<bool> step();

 private:
  struct Kind {
    Handler handler;
    int at_once = 0;
    std::int64_t longest_wait_ms = 0;
    int running = 0;  // with kinds_mutex_ held
  };

  void loop();
  base::Result<std::optional<Job>> take();
  void let_go(const Job& job);
  Outcome run(const Job& job);
  base::Status note(const Job& job, const Outcome& outcome);
  std::int64_t backoff_ms(int failures);
  base::Status tend_now_and_then();
  base::Status bring_back(std::int64_t now_ms);

  Queue& queue_;
  base::Clock& clock_;
  base::RandomSource& random_;
  const Options options_;
  const std::function<void(std::string_view)> log_;
  std::mutex kinds_mutex_;
  std::map<std::string, Kind, std::less<>> kinds_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> queue_is_well_ = true;
  std::atomic<std::int64_t> next_tend_ms_;  // monotonic

  std::mutex random_mutex_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::uint64_t added_ = 0;  // grows with each add(): nobody sleeps over one
  std::vector<std::thread> threads_;
};

}  // namespace boathouse::jobs
