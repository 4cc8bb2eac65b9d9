// The sport's formulas (docs/pm5.md section 5; Concept2's, checked against 1255 Logbook rows). Pure functions, safe
// from any thread. Integers in and out where the wire or the Logbook has integers, with its own rounding; doubles
// between them.
#pragma once

#include <cstdint>
#include <optional>

namespace boathouse::rowing {

// The distance that a machine's pace is shown and filed for: 1000 m on a BikeErg, 500 m on all others. On the air it is
// always 500 m.
std::int64_t pace_metres(std::int64_t erg_machine_type);
// A pace per 500 m (any unit) as the machine shows it.
std::int64_t shown_pace(std::int64_t pace_per_500m, std::int64_t erg_machine_type);

// P = 2.80 / (s per metre)^3 in watts; on a BikeErg two metres count as one, so that its pace per 1000 m means what a
// rower's per 500 m does. `seconds_per_metre` > 0.
double power_w(double seconds_per_metre, std::int64_t erg_machine_type);
// The inverse; `watts` > 0.
double seconds_per_metre(double watts, std::int64_t erg_machine_type);

// As the Logbook shows it: power of the mean speed, rounded to 1 W. nullopt when time or distance is not above 0.
std::optional<std::int64_t> average_power_w(std::int64_t time_ds, std::int64_t distance_m,
                                            std::int64_t erg_machine_type);

// cal/h = 3.4416 W + 300 of the unrounded power, truncated.
std::int64_t calories_per_hour(double watts);

// 500 t / d, truncated to 0.1 s; time in 0.1 s, distance in whole metres. nullopt when the distance is not above 0.
std::optional<std::int64_t> average_pace_ds_per_500m(std::int64_t time_ds, std::int64_t distance_m);

// 1 lbf = 4.44822 N: 0.1 lbf to 0.01 N, rounded half up.
std::int64_t force_cn(std::int64_t force_dlbf);

}  // namespace boathouse::rowing
