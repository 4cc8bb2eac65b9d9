#include "server/jobs/runner.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <utility>

namespace boathouse::jobs {
namespace {

using base::ErrorCode;
using base::Result;
using base::Status;

constexpr std::int64_t kTendEveryMs = 60'000;
constexpr std::int64_t kUnknownKindMs = 60'000;
// How late a job may be that another node has added, or that has become due.
constexpr std::chrono::milliseconds kLookEvery(500);

}  // namespace

Status Runner::Context::prolong() {
  return runner_.queue_.prolong(job_, runner_.clock_.utc_ms() + runner_.options_.lease_ms);
}

Runner::Runner(Queue& queue, base::Clock& clock, base::RandomSource& random, const Options& options,
               std::function<void(std::string_view)> log)
    : queue_(queue),
      clock_(clock),
      random_(random),
      options_(options),
      log_(std::move(log)),
      next_tend_ms_(clock.monotonic_ms()) {}

Runner::~Runner() { stop(); }

void Runner::handle(std::string kind, Handler handler, int at_once, std::int64_t longest_wait_ms) {
  kinds_[std::move(kind)] = {std::move(handler), at_once, longest_wait_ms};
}

void Runner::start(int threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { loop(); });
  }
}

void Runner::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

Status Runner::add(std::span<const Order> orders) {
  BOATHOUSE_TRY(queue_.add_all(orders, clock_.utc_ms()));
  {
    const std::lock_guard lock(mutex_);
    ++added_;
  }
  wake_.notify_all();
  return {};
}

void Runner::loop() {
  while (true) {
    std::uint64_t seen = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) {
        return;
      }
      seen = added_;
    }
    const auto worked = step();
    if (worked.ok() != queue_is_well_.exchange(worked.ok())) {
      log_(worked ? "the jobs can be reached again" : "the jobs cannot be reached: " + worked.error().text);
    }
    if (worked && *worked) {
      continue;
    }
    std::unique_lock lock(mutex_);
    const bool may_wake = worked.ok();  // what does not answer is not asked more often
    wake_.wait_for(lock, kLookEvery, [&] { return stopping_ || (may_wake && added_ != seen); });
  }
}

Result<bool> Runner::step() {
  BOATHOUSE_TRY(tend_now_and_then());
  const auto job = take();
  if (!job) {
    return job.error();
  }
  if (!*job) {
    return false;
  }
  const Status noted = note(**job, run(**job));
  let_go(**job);
  // Somebody else has the job now, or it was cancelled: what this worker did counts by its key alone.
  if (!noted && noted.error().code != ErrorCode::conflict) {
    return noted.error();
  }
  return true;
}

// One at a time, so that no two threads take a kind's last place.
Result<std::optional<Job>> Runner::take() {
  const std::lock_guard lock(kinds_mutex_);
  std::vector<std::string> full;
  for (const auto& [name, kind] : kinds_) {
    if (kind.at_once > 0 && kind.running >= kind.at_once) {
      full.push_back(name);
    }
  }
  auto job = queue_.take(clock_.utc_ms(), options_.lease_ms, full);
  if (job && *job) {
    if (const auto kind = kinds_.find((*job)->kind); kind != kinds_.end()) {
      ++kind->second.running;
    }
  }
  return job;
}

void Runner::let_go(const Job& job) {
  const std::lock_guard lock(kinds_mutex_);
  if (const auto kind = kinds_.find(job.kind); kind != kinds_.end()) {
    --kind->second.running;
  }
}

Outcome Runner::run(const Job& job) {
  const auto kind = kinds_.find(job.kind);
  if (kind == kinds_.end()) {
    return Outcome::retry("this program has no handler for " + job.kind, kUnknownKindMs);
  }
  try {
    Context context(*this, job);
    return kind->second.handler(context);
  } catch (const std::exception& exception) {
    return Outcome::retry(std::string("the handler threw: ") + exception.what());
  }
}

Status Runner::note(const Job& job, const Outcome& outcome) {
  const std::int64_t now_ms = clock_.utc_ms();
  switch (outcome.kind) {
    case Outcome::Kind::done:
      return queue_.done(job, now_ms);
    case Outcome::Kind::failed:
      return queue_.failed(job, outcome.why, now_ms);
    case Outcome::Kind::retry:
      break;
  }
  if (outcome.after_ms) {
    return queue_.retry(job, outcome.why, now_ms + *outcome.after_ms);
  }
  if (job.failures + 1 >= options_.max_failures) {
    return queue_.failed(job, outcome.why, now_ms);
  }
  return queue_.retry(job, outcome.why, now_ms + backoff_ms(job.failures));
}

std::int64_t Runner::backoff_ms(int failures) {
  std::int64_t most = options_.first_backoff_ms;
  for (int i = 0; i < failures && most < options_.max_backoff_ms; ++i) {
    most *= 2;
  }
  most = std::min(most, options_.max_backoff_ms);
  std::array<std::uint8_t, 8> bytes{};
  {
    const std::lock_guard lock(random_mutex_);
    random_.fill(bytes);
  }
  std::uint64_t number = 0;
  for (const std::uint8_t byte : bytes) {
    number = number << 8 | byte;
  }
  return static_cast<std::int64_t>(number % (static_cast<std::uint64_t>(most) + 1));
}

Status Runner::tend_now_and_then() {
  const std::int64_t now_ms = clock_.monotonic_ms();
  std::int64_t due_ms = next_tend_ms_;
  if (now_ms < due_ms || !next_tend_ms_.compare_exchange_strong(due_ms, now_ms + kTendEveryMs)) {
    return {};
  }
  const std::int64_t utc_ms = clock_.utc_ms();
  BOATHOUSE_TRY(bring_back(utc_ms));
  return queue_.prune(utc_ms);
}

// The clock may have been set back.
Status Runner::bring_back(std::int64_t now_ms) {
  BOATHOUSE_TRY(queue_.bring_back_leases(now_ms, options_.lease_ms));
  for (const auto& [name, kind] : kinds_) {  // their names and waits stay as they are once it runs
    if (kind.longest_wait_ms > 0) {
      BOATHOUSE_TRY(queue_.bring_back(name, now_ms, kind.longest_wait_ms));
    }
  }
  return {};
}

}  // namespace boathouse::jobs
