#include "apps/boathouse/periodic_job.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace boathouse::app {
namespace {

constexpr std::int64_t kRetryMs = jobs::Runner::Options{}.max_backoff_ms;

}  // namespace

std::int64_t period_of(const jobs::Job& job, std::int64_t every_ms, std::int64_t now_ms) {
  std::int64_t period = 0;
  std::from_chars(job.payload.data(), job.payload.data() + job.payload.size(), period);
  const std::int64_t now = now_ms / every_ms;
  return period > now + 1 ? now : period;
}

PeriodicJob::PeriodicJob(std::string kind, std::int64_t every_ms, Work work, jobs::Runner& runner, base::Clock& clock,
                         std::function<void(std::string_view)> log, Mine mine)
    : kind_(std::move(kind)),
      every_ms_(every_ms),
      work_(std::move(work)),
      mine_(std::move(mine)),
      runner_(runner),
      clock_(clock),
      log_(std::move(log)) {
  runner_.handle(
      kind_, [this](jobs::Runner::Context& context) { return run(context); }, 0, longest_wait_ms(every_ms, kRetryMs));
}

base::Status PeriodicJob::start(std::int64_t after_ms) {
  const std::int64_t now = clock_.utc_ms();
  return order(now / every_ms_, now + std::min(after_ms, every_ms_));
}

base::Status PeriodicJob::order(std::int64_t period, std::int64_t due_ms) {
  const std::string number = std::to_string(period);
  const jobs::Order order{kind_, number, number, due_ms};
  return runner_.add({&order, 1});
}

jobs::Outcome PeriodicJob::run(jobs::Runner::Context& context) {
  using jobs::Outcome;
  if (mine_) {
    const auto mine = mine_();
    if (!mine) return Outcome::retry(mine.error().text, kPassOnMs);
    if (!*mine) return Outcome::retry("it is another node's to do", kPassOnMs);
  }
  const std::int64_t now = clock_.utc_ms();
  const std::int64_t period = period_of(context.job(), every_ms_, now);
  // Before anything can go wrong with this one. After a time when nobody was there, or with a clock that was set, the
  // next is that of now.
  const std::int64_t next = std::max(period, now / every_ms_) + 1;
  if (const base::Status ordered = order(next, next * every_ms_); !ordered) {
    return Outcome::retry(ordered.error().text);
  }
  const std::unique_lock alone(running_, std::try_to_lock);
  if (!alone) return Outcome::done();  // the one of before is at it still
  std::int64_t prolonged = clock_.monotonic_ms();
  const Watch watch = [&]() -> base::Status {
    if (context.stopping()) return base::Error{base::ErrorCode::unavailable, "the server stops"};
    if (clock_.monotonic_ms() - prolonged < kProlongMs) return {};
    prolonged = clock_.monotonic_ms();
    return context.prolong();
  };
  if (const base::Status done = work_(watch); !done && !context.stopping()) {
    log_(kind_ + " failed, to be tried again: " + done.error().text);
  }
  return Outcome::done();
}

}  // namespace boathouse::app
