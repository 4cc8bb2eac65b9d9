#include "core/pm5/simulated_workout.hpp"

#include <algorithm>
#include <string>

#include "core/pm5/piece_counters.hpp"

namespace boathouse::pm5 {
namespace {

constexpr std::int64_t kMaxLength = 0xFFFFFF;  // u24
constexpr std::size_t kMaxIntervals = 255;     // the split number is a byte

base::Error invalid_workout(std::string text) {
  return {base::ErrorCode::invalid_input, "simulated workout: " + std::move(text)};
}

std::int64_t length_of(Goal goal, std::int64_t work_cs) {
  switch (goal) {
    case Goal::time:
      return work_cs;
    case Goal::distance:
      return work_cs * 415 / 10000;  // 4.15 m/s
    case Goal::calories:
      return work_cs * 988 / 360000;  // cal/h at 200 W
    case Goal::watt_minutes:
      return work_cs * 200 / 6000;
  }
  return 0;
}

Goal goal_of(std::uint8_t type) {
  switch (type) {
    case 2:
    case 3:
    case 7:
      return Goal::distance;
    case 10:
    case 12:
      return Goal::calories;
    case 11:
      return Goal::watt_minutes;
    default:
      return Goal::time;
  }
}

}  // namespace

SimulatedWorkout sample_workout(std::uint8_t type, std::int64_t work_cs) {
  constexpr std::int64_t kParts = 4;
  constexpr Goal kMixed[] = {Goal::distance, Goal::time, Goal::calories, Goal::watt_minutes};
  SimulatedWorkout workout;
  workout.type = type;
  workout.goal = goal_of(type);
  workout.split = std::max<std::int64_t>(length_of(workout.goal, work_cs) / kParts, 1);
  workout.length = workout.split * kParts;
  if (!has_intervals(type)) return workout;
  for (std::int64_t i = 0; i < kParts; ++i) {
    const bool is_variable = type == 8 || type == 9;
    const Goal goal = is_variable ? kMixed[i] : workout.goal;
    workout.intervals.push_back(
        {goal, std::max<std::int64_t>(length_of(goal, work_cs / kParts), 1), 10 + 5 * (is_variable ? i : 0)});
  }
  return workout;
}

base::Status check(const SimulatedWorkout& workout, const SimulationOptions& options) {
  const auto in_range = [](std::int64_t length) { return length >= 1 && length <= kMaxLength; };
  if (workout.type > 12) return invalid_workout("the type is " + std::to_string(workout.type) + ", known are 0 to 12");
  if (has_intervals(workout.type)) {
    if (workout.intervals.empty() || workout.intervals.size() > kMaxIntervals) {
      return invalid_workout("type " + std::to_string(workout.type) + " needs 1 to 255 intervals");
    }
    for (const SimulatedInterval& interval : workout.intervals) {
      if (!in_range(interval.length)) return invalid_workout("an interval's length is out of range");
      if (interval.rest_s < 0 || interval.rest_s > 0xFFFF) return invalid_workout("a rest must be 0 to 65535 s");
    }
  } else {
    if (!in_range(workout.length)) return invalid_workout("the length is out of range");
    if (workout.split < 1 || workout.length / workout.split >= static_cast<std::int64_t>(kMaxIntervals)) {
      return invalid_workout("the split must be at least 1 and give fewer than 255 splits");
    }
  }
  const int hz = options.sample_hz;
  if (hz != 1 && hz != 2 && hz != 4 && hz != 10) return invalid_workout("the sample rate must be 1, 2, 4 or 10 Hz");
  const SimulatedAir& air = options.air;
  for (const double probability : {air.lost, air.repeated, air.late, options.rower.pause_probability}) {
    if (!(probability >= 0.0 && probability <= 1.0)) return invalid_workout("a probability must be 0 to 1");
  }
  if (air.late_ms < 0) return invalid_workout("late_ms must not be negative");
  if (!(options.rower.power_w >= 30.0 && options.rower.power_w <= 1000.0))
    return invalid_workout("the power must be 30 to 1000 W");
  const double rate = options.rower.rate_spm;
  if (rate != 0.0 && !(rate >= 10.0 && rate <= 120.0))
    return invalid_workout("the stroke rate must be 10 to 120 per minute, or 0");
  return {};
}

}  // namespace boathouse::pm5
