// The `boathouse pm5` commands: notifications without a device.
#pragma once

#include <cstdint>
#include <string>

namespace boathouse::app {

// One JSON line out per line in; "-" = standard input. Goes on after an error; exit 1 at the end if there was any.
int pm5_decode(const std::string& file);

struct MonitorOptions {
  int workout_type = 3;         // the monitor's number, 0..12
  std::string machine = "row";  // row, ski, bike
  double minutes = 5;
  int hz = 2;
  double power_w = 200;
  double lost = 0;  // probability of each notification to be lost on the air
  bool multiplexed = false;
  std::uint64_t seed = 1;
};

// The notifications of one simulated workout as JSON lines, as fast as they can be written: input for `device record`
// and `device replay`.
int pm5_simulate(const MonitorOptions& options);

}  // namespace boathouse::app
