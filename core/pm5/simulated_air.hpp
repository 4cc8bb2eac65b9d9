// The way from a simulated PM5 to the phone: loses, repeats and delays notifications, and hands them out in order of
// their arrival. Seeded; thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/random.hpp"
#include "core/pm5/simulated_workout.hpp"

namespace boathouse::pm5 {

struct TimedNotification {
  std::int64_t at_ms = 0;            // of arrival, since the simulation began
  std::uint16_t characteristic = 0;  // 0x0031..0x003F, or 0x0080
  base::Bytes payload;

  bool operator==(const TimedNotification&) const = default;
};

struct AirCounts {
  std::uint64_t sent = 0;  // by the monitor
  std::uint64_t lost = 0;
  std::uint64_t repeated = 0;
  std::uint64_t late = 0;
};

class AirModel {
 public:
  AirModel(const SimulatedAir& air, std::uint64_t seed) : air_(air), random_(seed) {}

  void send(TimedNotification notification);
  // The next one that has arrived by `now_ms`; false when there is none. Nothing may be sent for a time before `now_ms`
  // any more.
  bool receive(std::int64_t now_ms, TimedNotification& out);
  [[nodiscard]] bool empty() const { return under_way_.empty(); }
  [[nodiscard]] const AirCounts& counts() const { return counts_; }

 private:
  void put(TimedNotification notification);

  SimulatedAir air_;
  base::SeededRandom random_;
  AirCounts counts_;
  std::uint64_t next_ = 0;
  std::map<std::pair<std::int64_t, std::uint64_t>, TimedNotification> under_way_;  // by (arrival, order of sending)
};

}  // namespace boathouse::pm5
