// Exact decimals of scaled integers, without floating point: a wire integer of 0.01 s is `shift` 2. Pure functions.
// `shift` is the number of decimal digits that the integer holds behind the point: 0 to 18.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::base {

// value / 10^shift with exactly `shift` digits behind the point: (12345, 2) -> "123.45", (2000, 1) -> "200.0",
// (-5, 2) -> "-0.05", (7, 0) -> "7". Every int64 is right. std::invalid_argument for a shift out of range.
std::string format_scaled(std::int64_t value, int shift);

// The same, put at the end of `out`; for writers of many numbers.
void append_scaled(std::string& out, std::int64_t value, int shift);

struct Scaled {
  std::int64_t value = 0;  // in units of 10^-shift, nearest, half away from zero
  bool exact = true;       // false when digits other than zero were lost

  friend bool operator==(const Scaled&, const Scaled&) = default;
};

// Takes [+-] digits [. digits] [e [+-] digits], at least one digit before or behind the point, no blanks, no separators
// of thousands, no inf or nan. invalid_input for anything else and for what int64 cannot hold.
Result<Scaled> parse_scaled(std::string_view text, int shift);

}  // namespace boathouse::base
