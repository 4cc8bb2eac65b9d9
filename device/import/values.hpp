// A cell's text as the wire integer of a metric: exact where the wire unit can hold it, else the nearest. Pure
// functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/rowing/catalogue.hpp"

namespace boathouse::import {

// How a file writes a value whose metric has another unit at the edges (Metric::field). value = text * multiply /
// divide.
struct Conversion {
  bool clock = false;  // "m:ss.s", "h:mm:ss", or seconds alone; maybe in quotes of its own, as the Logbook has it
  std::int64_t multiply = 1;
  std::int64_t divide = 1;
};

inline constexpr Conversion kPlain{};
inline constexpr Conversion kClock{true, 1, 1};
inline constexpr Conversion kMilli{false, 1, 1000};  // ms for s
inline constexpr Conversion kCenti{false, 1, 100};   // cm for m
inline constexpr Conversion kNewton{false, 100'000,
                                    444'822};  // N for lbf: 1 lbf = 4.44822 N, as rowing::force_cn has it

// Without blanks around it.
std::string_view trimmed(std::string_view text);

// kNull for an empty cell and for what the metric's null rule says. invalid_input: "is not a number", "is not within 0
// and 255".
base::Result<std::int64_t> to_wire(std::string_view text, const rowing::Metric& metric, const Conversion& conversion);

// The text as a multiple of 10^-9, by the clock form or as a decimal; nearest. The way of all conversions but the plain
// one.
base::Result<std::int64_t> to_nano(std::string_view text, bool clock);

// At most `code_points`, of valid UTF-8.
std::string cut_text(std::string_view text, std::size_t code_points);

}  // namespace boathouse::import
