#include "core/pm5/simulated_rower.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/rowing/formulas.hpp"

namespace boathouse::pm5 {
namespace {

constexpr double kNewtonsPerDlbf = 0.444822;

double usual_rate(Machine machine) {
  switch (machine) {
    case Machine::skierg:
      return 38.0;
    case Machine::bikeerg:
      return 80.0;
    case Machine::rowerg:
      break;
  }
  return 24.0;
}

double usual_drive_length_cm(Machine machine) {
  switch (machine) {
    case Machine::skierg:
      return 110.0;
    case Machine::bikeerg:
      return 34.0;  // two cranks
    case Machine::rowerg:
      break;
  }
  return 138.0;
}

// Half a sine, leaning to the catch. The mean of a half sine is 2/pi of its peak.
std::vector<std::uint16_t> force_curve(std::int64_t drive_cs, std::int64_t peak_lbf) {
  const auto points = static_cast<std::size_t>(std::clamp<std::int64_t>(drive_cs / 2, 16, 60));
  std::vector<std::uint16_t> curve(points);
  for (std::size_t i = 0; i < points; ++i) {
    const double x = (static_cast<double>(i) + 0.5) / static_cast<double>(points);
    const double shape = std::sin(std::numbers::pi * std::pow(x, 0.85));
    curve[i] = static_cast<std::uint16_t>(std::llround(shape * static_cast<double>(peak_lbf)));
  }
  *std::ranges::max_element(curve) = static_cast<std::uint16_t>(peak_lbf);
  return curve;
}

}  // namespace

RowerModel::RowerModel(const SimulatedRower& rower, Machine machine, std::uint64_t seed)
    : rower_(rower), machine_(machine), random_(seed) {
  if (rower_.rate_spm == 0.0) rower_.rate_spm = usual_rate(machine);
}

SimulatedStroke RowerModel::next_stroke(std::int64_t number) {
  constexpr double kStart[] = {0.45, 0.75, 0.92};
  const auto machine = static_cast<std::int64_t>(machine_);
  const double start = number < 3 ? kStart[number] : 1.0;
  const double watts = std::clamp(rower_.power_w * start * (1.0 + 0.03 * random_.normal()), 25.0, 1500.0);
  const double period_s = 60.0 / rower_.rate_spm * (1.0 + 0.015 * random_.normal());
  const double drive_share = 0.36 + 0.01 * random_.normal();

  SimulatedStroke stroke;
  stroke.period_cs = std::llround(period_s * 100.0);
  stroke.drive_cs = std::min<std::int64_t>(std::llround(period_s * 100.0 * drive_share), 255);
  stroke.speed_mmps = std::llround(1000.0 / rowing::seconds_per_metre(watts, machine));
  stroke.power_w = std::llround(watts);
  stroke.cal_per_hour = rowing::calories_per_hour(watts);
  stroke.rate_spm = std::llround(60.0 / period_s);
  const double length_cm = usual_drive_length_cm(machine_) * (1.0 + 0.01 * random_.normal());
  stroke.drive_length_cm = std::llround(length_cm);
  stroke.stroke_distance_cm = stroke.speed_mmps * stroke.period_cs / 1000;
  stroke.work_dj = std::llround(watts * period_s * 10.0);
  // Mean force times drive length is about 1.22 of the work per stroke on real machines (docs/pm5.md section 5).
  const double force_n = 1.22 * watts * period_s / (length_cm / 100.0);
  stroke.avg_force_dlbf = std::llround(force_n / kNewtonsPerDlbf);
  stroke.peak_force_dlbf = std::llround(force_n / kNewtonsPerDlbf * std::numbers::pi / 2.0);
  if (machine_ != Machine::bikeerg) {
    stroke.force_lbf = force_curve(stroke.drive_cs, (stroke.peak_force_dlbf + 5) / 10);
  }
  return stroke;
}

std::int64_t RowerModel::next_pause_cs() {
  if (random_.unit() >= rower_.pause_probability) return 0;
  return 300 + static_cast<std::int64_t>(random_.below(1700));
}

void RowerModel::beat(std::int64_t power_w) {
  const double target = power_w == 0 ? 88.0 : 100.0 + 75.0 * std::min(1.0, static_cast<double>(power_w) / 280.0);
  heart_rate_ += (target - heart_rate_) * (power_w == 0 ? 0.02 : 0.035);
}

std::int64_t RowerModel::heart_rate_bpm() const { return rower_.has_belt ? std::llround(heart_rate_) : 0; }

}  // namespace boathouse::pm5
