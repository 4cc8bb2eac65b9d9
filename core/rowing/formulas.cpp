#include "core/rowing/formulas.hpp"

#include <cmath>

namespace boathouse::rowing {

namespace {

double pace_factor(std::int64_t erg_machine_type) { return static_cast<double>(pace_metres(erg_machine_type)) / 500.0; }

}  // namespace

std::int64_t pace_metres(std::int64_t erg_machine_type) {
  const bool is_bike = (erg_machine_type >= 192 && erg_machine_type <= 207) || erg_machine_type == 226;
  return is_bike ? 1000 : 500;
}

std::int64_t shown_pace(std::int64_t pace_per_500m, std::int64_t erg_machine_type) {
  return pace_per_500m * pace_metres(erg_machine_type) / 500;
}

double power_w(double seconds_per_metre, std::int64_t erg_machine_type) {
  const double pace = seconds_per_metre * pace_factor(erg_machine_type);
  return 2.80 / (pace * pace * pace);
}

double seconds_per_metre(double watts, std::int64_t erg_machine_type) {
  return std::cbrt(2.80 / watts) / pace_factor(erg_machine_type);
}

std::optional<std::int64_t> average_power_w(std::int64_t time_ds, std::int64_t distance_m,
                                            std::int64_t erg_machine_type) {
  if (time_ds <= 0 || distance_m <= 0) return std::nullopt;
  return std::llround(power_w(static_cast<double>(time_ds) / 10.0 / static_cast<double>(distance_m), erg_machine_type));
}

std::int64_t calories_per_hour(double watts) { return static_cast<std::int64_t>(3.4416 * watts + 300.0); }

std::optional<std::int64_t> average_pace_ds_per_500m(std::int64_t time_ds, std::int64_t distance_m) {
  if (time_ds < 0 || distance_m <= 0) return std::nullopt;
  return 500 * time_ds / distance_m;
}

std::int64_t force_cn(std::int64_t force_dlbf) { return (force_dlbf * 444822 + 5000) / 10000; }

}  // namespace boathouse::rowing
