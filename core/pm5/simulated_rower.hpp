// The rower of a simulated PM5: one stroke after the other, and a heart. Seeded; thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/random.hpp"
#include "core/pm5/simulated_workout.hpp"

namespace boathouse::pm5 {

// One stroke as the monitor measures it, in wire units. Power, speed and calories per hour agree by
// rowing/formulas.hpp.
struct SimulatedStroke {
  std::int64_t period_cs = 0;
  std::int64_t drive_cs = 0;
  std::int64_t speed_mmps = 0;
  std::int64_t power_w = 0;
  std::int64_t cal_per_hour = 0;
  std::int64_t rate_spm = 0;
  std::int64_t drive_length_cm = 0;
  std::int64_t stroke_distance_cm = 0;
  std::int64_t work_dj = 0;
  std::int64_t avg_force_dlbf = 0;
  std::int64_t peak_force_dlbf = 0;
  std::vector<std::uint16_t> force_lbf;  // its largest is peak_force_dlbf / 10, rounded; empty on a BikeErg
};

class RowerModel {
 public:
  RowerModel(const SimulatedRower& rower, Machine machine, std::uint64_t seed);

  // `number`: of the stroke since the rower last stood still, from 0; the first few get the flywheel going.
  SimulatedStroke next_stroke(std::int64_t number);
  // 0.01 s of standing still after a stroke; mostly 0.
  std::int64_t next_pause_cs();
  // One second passes at this power (0 at rest).
  void beat(std::int64_t power_w);
  // 0 without a belt.
  [[nodiscard]] std::int64_t heart_rate_bpm() const;

 private:
  SimulatedRower rower_;
  Machine machine_;
  base::SeededRandom random_;
  double heart_rate_ = 85.0;
};

}  // namespace boathouse::pm5
