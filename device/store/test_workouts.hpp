// Simulated workouts as a monitor sends them, and recorders that hear some of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/pm5/simulated_monitor.hpp"
#include "device/store/recorder.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::store {

using Air = std::vector<pm5::TimedNotification>;

inline Air simulated_air(std::uint64_t seed, std::uint8_t type = 3, std::int64_t work_cs = 12'000) {
  pm5::SimulationOptions options;
  options.seed = seed;
  options.rower.has_belt = false;
  auto monitor = pm5::SimulatedMonitor::create(pm5::sample_workout(type, work_cs), options);
  EXPECT_TRUE(ok(monitor));
  Air air;
  for (pm5::TimedNotification notification; monitor->next(notification);) air.push_back(notification);
  return air;
}

using Hears = std::function<bool(const pm5::TimedNotification&)>;

// The air is bad for so many of 100 half seconds, with each seed others; what is sent then is lost. The entry in the
// monitor's log comes through.
inline Hears loses(std::uint64_t of_100, std::uint64_t seed) {
  return [of_100, seed](const pm5::TimedNotification& one) {
    base::SeededRandom random(seed * 1'000'000 + static_cast<std::uint64_t>(one.at_ms / 500));
    return one.characteristic == 0x3F || random.below(100) >= of_100;
  };
}

inline bool is_log_entry(const pm5::TimedNotification& notification) { return notification.characteristic == 0x3F; }

inline base::Uuid record_air(TestStore& store, const Air& air, const std::string& serial, Hears hears) {
  RecorderOptions options;
  options.monitor_serial = serial;
  Recorder recorder(*store, store.clock, store.ids, options);
  for (const pm5::TimedNotification& notification : air) {
    if (!hears(notification)) continue;
    EXPECT_TRUE(ok(recorder.feed(notification.characteristic, notification.payload, notification.at_ms)));
  }
  EXPECT_TRUE(ok(recorder.stop(rowing::EndReason::end_of_input)));
  EXPECT_EQ(recorder.recordings().size(), 1u);
  return recorder.recordings().at(0);
}

}  // namespace boathouse::store
