// Spans of time as the tests of this folder write them, in milliseconds.
#pragma once

#include <cstdint>

namespace boathouse::app {

inline constexpr std::int64_t kMinute = 60'000;
inline constexpr std::int64_t kHour = 60 * kMinute;
inline constexpr std::int64_t kDay = 24 * kHour;

}  // namespace boathouse::app
