// Names of the monitor's enumerations (docs/pm5.md section 3) and of the recorder's event kinds. The number is what is
// stored: unknown values will come and are kept.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/rowing/catalogue.hpp"

namespace boathouse::rowing {

struct EnumerationValue {
  std::int64_t number;
  std::string_view name;  // snake_case
};

std::span<const EnumerationValue> values(Enumeration enumeration);

// nullopt for a number that is not known.
std::optional<std::string_view> name(Enumeration enumeration, std::int64_t number);

// "workout_type", ... for documents.
std::string_view name(Enumeration enumeration);

enum class WorkoutState : std::uint8_t {
  wait_to_begin = 0,
  workout_row = 1,
  countdown_pause = 2,
  interval_rest = 3,
  interval_work_time = 4,
  interval_work_distance = 5,
  rest_end_to_work_time = 6,
  rest_end_to_work_distance = 7,
  work_time_to_rest = 8,
  work_distance_to_rest = 9,
  workout_end = 10,
  terminate = 11,
  workout_logged = 12,
  rearm = 13,
};

// Workout types whose counters restart at each interval; with an unknown type they may.
constexpr bool has_intervals(std::int64_t workout_type) {
  return (workout_type >= 6 && workout_type <= 9) || workout_type >= 12;
}

// 3, 8 and 9. Without a state (files) everything counts as work.
constexpr bool is_rest(std::int64_t workout_state) {
  return workout_state == 3 || workout_state == 8 || workout_state == 9;
}

// Stored in stream `event`: never change or reuse a number.
enum class EventKind : std::uint16_t {
  gap = 1,                     // notifications are known or presumed lost; detail: {"reason", "from_ms", "to_ms"}
  unknown_characteristic = 2,  // detail: {"char", "hex"}
  rejected_notification = 3,   // too short or not readable; detail: {"char", "hex", "reason"}
  reopened = 4,                // the recorder was started again on an unfinished recording
  reconnected = 5,             // same monitor, same piece
  rejected_value = 6,          // an imported value that no wire unit can hold; detail: {"line", "column", "text"}
  rejected_line = 7,           // a line of the input that cannot be read; detail: {"line", "reason"}
  too_many_splits = 8,         // more than the monitor's 50
  clock_before_2000 = 9,       // the start is from a clock that was not set
};

inline constexpr int kMaxSplits = 50;  // the monitor holds at most 50 splits or intervals

}  // namespace boathouse::rowing
