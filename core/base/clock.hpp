// Time comes in through this door only, so that tests and the simulator own it. All times are milliseconds.
// Thread rule: every call of the clocks here may come from any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace boathouse::base {

struct Clock {
  virtual ~Clock() = default;

  // Since 1970-01-01T00:00:00Z without leap seconds; can jump either way, may be wrong by years.
  [[nodiscard]] virtual std::int64_t utc_ms() const = 0;

  // Since some fixed moment of this boot; never goes back, and goes on while the device sleeps (a recording's time axis
  // must not lose a nap). Only differences mean something.
  [[nodiscard]] virtual std::int64_t monotonic_ms() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t utc_ms() const override;
  [[nodiscard]] std::int64_t monotonic_ms() const override;
};

// Stands still until it is told otherwise.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t utc_ms = 0, std::int64_t monotonic_ms = 0)
      : utc_ms_(utc_ms), monotonic_ms_(monotonic_ms) {}

  [[nodiscard]] std::int64_t utc_ms() const override { return utc_ms_; }
  [[nodiscard]] std::int64_t monotonic_ms() const override { return monotonic_ms_; }

  // Time passes: both readings move by `ms` (>= 0).
  void advance_ms(std::int64_t ms) {
    utc_ms_ += ms;
    monotonic_ms_ += ms;
  }
  // Somebody sets the wall clock: monotonic_ms() stays.
  void set_utc_ms(std::int64_t utc_ms) { utc_ms_ = utc_ms; }

 private:
  std::atomic<std::int64_t> utc_ms_;
  std::atomic<std::int64_t> monotonic_ms_;
};

}  // namespace boathouse::base
