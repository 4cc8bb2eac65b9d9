// A simulated PM5: a pure, seeded generator of the notifications that a monitor sends during one workout, with the
// truth of what it meant beside it. It behaves as real monitors were seen to (docs/pm5.md section 7): counters restart
// at each interval; 0x35 comes twice a stroke; 0x38, the last split and 0x39 come late, 0x39 again after a minute with
// the recovery heart rate; speed, rate and pace keep their value when rowing stops; the clock runs before the first
// pull; a planned rest ends with zero-filled 0x35 and 0x36; elapsed can jump back inside a rest. Physics by
// rowing/formulas.hpp. The same workout and options give the same notifications. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/result.hpp"
#include "core/pm5/simulated_air.hpp"
#include "core/pm5/simulated_workout.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::pm5 {

// What the monitor meant, as the records that a perfect recorder would make of it. Values that the form (direct,
// multiplexed) does not carry are kNull. at_ms is the moment of sending the first notification (summary: the last),
// since the simulation began: a recording's own is at_ms - begins_at_ms.
struct SimulatedTruth {
  std::optional<std::int64_t> begins_at_ms;  // the first notification that belongs to the recording
  std::vector<rowing::Record> samples;       // from then to the first in state 12; empty without keep_samples
  std::vector<rowing::Record> strokes;       // one per stroke, in order
  std::vector<rowing::Record> force_curves;  // one per stroke; none on a BikeErg
  std::vector<rowing::Record> splits;        // splits or intervals
  std::optional<rowing::Record> summary;
  std::int64_t elapsed_cs = 0;   // work only
  std::int64_t distance_dm = 0;  // work only
};

class SimulatedMonitor {
 public:
  // Errors: see check().
  static base::Result<SimulatedMonitor> create(SimulatedWorkout workout, SimulationOptions options);
  ~SimulatedMonitor();
  SimulatedMonitor(SimulatedMonitor&&) noexcept;
  SimulatedMonitor& operator=(SimulatedMonitor&&) noexcept;

  // The next notification that arrives, in order of arrival; false when the monitor has fallen silent. A workout begins
  // with a few idle seconds and ends with some (a minute with a heart rate belt) in state 12.
  bool next(TimedNotification& out);

  // Grows with next(); complete when that gave false.
  [[nodiscard]] const SimulatedTruth& truth() const;
  [[nodiscard]] const AirCounts& air() const;

 private:
  struct Impl;
  explicit SimulatedMonitor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace boathouse::pm5
