// How the monitor's running counters tell one interval, and one piece, from the next (docs/pm5.md section 7). Pure
// functions.
#pragma once

#include <cstdint>

#include "core/rowing/enumerations.hpp"

namespace boathouse::pm5 {

// What 0x0031 and 0x0035 both carry.
struct Counters {
  std::int64_t elapsed_cs = 0;
  std::int64_t distance_dm = 0;
};

// A fall of less than this is a notification that was overtaken on its way, not a restart: no interval is that short.
inline constexpr std::int64_t kReorderToleranceCs = 200;

// Elapsed AND distance fall when an interval or a piece begins. Elapsed alone can jump back inside a rest.
constexpr bool restarted(const Counters& before, const Counters& now) {
  return now.elapsed_cs + kReorderToleranceCs < before.elapsed_cs && now.distance_dm < before.distance_dm;
}

using rowing::has_intervals;

}  // namespace boathouse::pm5
