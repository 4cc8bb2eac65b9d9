// What a simulated PM5 is told to do: the workout, the rower, the machine, the air between monitor and phone. Plain
// values.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "core/pm5/notification.hpp"

namespace boathouse::pm5 {

enum class Goal : std::uint8_t { time, distance, calories, watt_minutes };  // lengths in 0.01 s, m, cal, W min

struct SimulatedInterval {
  Goal goal = Goal::distance;
  std::int64_t length = 250;
  std::int64_t rest_s =
      0;  // planned rest behind it; of workout type 9: what the rower takes, the monitor does not know it
};

struct SimulatedWorkout {
  std::uint8_t type = 3;  // the monitor's workout type, 0..12
  // Types 0 to 5, 10, 11. A just-row (0, 1) has no goal on the monitor: `length` is the time after which its rower
  // stops.
  Goal goal = Goal::distance;
  std::int64_t length = 2000;
  std::int64_t split = 500;  // in the goal's unit; types 1, 3, 5, 10, 11
  // Types 6 to 9 and 12.
  std::vector<SimulatedInterval> intervals{};
};

// A plausible workout of that type with about `work_cs` (0.01 s) of rowing at 200 W: 4 splits, or 4 intervals with
// short rests.
SimulatedWorkout sample_workout(std::uint8_t type, std::int64_t work_cs);

enum class Machine : std::uint8_t { rowerg = 0, skierg = 128, bikeerg = 192 };  // numbers of erg_machine_type

struct SimulatedRower {
  double power_w = 200.0;
  double rate_spm = 0.0;           // 0: what is usual on the machine
  double pause_probability = 0.0;  // of an unplanned pause of 3 to 20 s after a stroke
  bool has_belt = true;            // heart rate
};

// What happens to notifications on their way. Probabilities 0..1, each notification for itself.
struct SimulatedAir {
  double lost = 0.0;
  double repeated = 0.0;
  double late = 0.0;
  std::int64_t late_ms = 300;  // at most; a late one can be overtaken
};

struct SimulationOptions {
  std::uint64_t seed = 1;
  Machine machine = Machine::rowerg;
  Form form = Form::direct;
  int sample_hz = 2;  // 1, 2, 4 or 10
  SimulatedRower rower;
  SimulatedAir air;
  bool keep_samples = true;  // in the truth; off saves 400 bytes a sample
  std::int64_t local_start_ms =
      1'795'372'620'000;  // the monitor's clock (ms since 1970, its own zone); 2026-11-22 18:37
};

// invalid_input with the reason, e.g. a workout of intervals without any.
base::Status check(const SimulatedWorkout& workout, const SimulationOptions& options);

}  // namespace boathouse::pm5
