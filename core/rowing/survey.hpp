// What the records of a recording say of its workout as a whole: its facts, how far each stream reaches, and the points
// by which two recordings of one workout are known. Pure; one thread at a time.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/rowing/record.hpp"
#include "core/rowing/recording.hpp"

namespace boathouse::rowing {

// Where a record stands in its workout. The monitor's counters restart at each interval, so neither is enough alone.
struct Position {
  std::int64_t interval = 0;
  std::int64_t at = 0;  // elapsed_cs of a sample or stroke; stroke_count of a force curve; split_number of a split

  auto operator<=>(const Position&) const = default;
};
// nullopt: the stream has no such place (summary, event, source), or the record does not say it.
std::optional<Position> position_of(const Record& record);

// A step from one record to the next that is more than half as long again as usual: something is missing between them.
bool is_hole(std::int64_t length, std::int64_t usual_step);

// A moment of the workout at which the distance had grown.
struct ProgressPoint {
  Position position;
  std::int64_t distance_dm = 0;

  auto operator<=>(const ProgressPoint&) const = default;
};
inline constexpr std::size_t kMaxPoints = 200'000;  // of one recording: 5 hours at 10 Hz

class Survey {
 public:
  // All records of a recording; those of one stream in their order.
  void observe(const Record& record);

  // Totals and the logged hash are the latest summary's. A total that no summary tells is taken from the samples' last
  // counters if these never restarted: never a sum.
  [[nodiscard]] WorkoutFacts facts() const;
  // Ascending. Moments at which the distance stood still (before the first pull, in a rest) are left out: they look the
  // same in every workout. So are those with two distances, as elapsed can jump back inside a rest.
  [[nodiscard]] std::vector<ProgressPoint> points() const;

 private:
  struct Steps {
    std::optional<Position> last;
    std::map<std::int64_t, std::uint64_t> counts;  // by length, the longest together
  };
  void observe_sample(const Record& record);
  void observe_summary(const Record& record);

  WorkoutFacts facts_;
  std::map<Stream, Steps> steps_;
  std::vector<ProgressPoint> moments_;
  std::optional<std::int64_t> interval_;  // of the samples
  bool counters_restarted_ = false;
  std::optional<std::int64_t> last_elapsed_cs_;
  std::optional<std::int64_t> last_distance_dm_;
  std::optional<std::int64_t> summary_type_;
};

}  // namespace boathouse::rowing
