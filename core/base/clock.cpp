#include "core/base/clock.hpp"

#include <time.h>

#include <chrono>

namespace boathouse::base {

std::int64_t SystemClock::utc_ms() const {
  using namespace std::chrono;
  return floor<milliseconds>(system_clock::now()).time_since_epoch().count();
}

std::int64_t SystemClock::monotonic_ms() const {
  // The clocks that count sleep: CLOCK_MONOTONIC stops on Linux, and is steered by time corrections on Apple.
#if defined(__APPLE__)
  constexpr clockid_t kClock = CLOCK_MONOTONIC_RAW;
#else
  constexpr clockid_t kClock = CLOCK_BOOTTIME;
#endif
  timespec now{};
  clock_gettime(kClock, &now);  // cannot fail with a clock that the system has
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace boathouse::base
