// Decimal digits of ASCII, whatever the locale.
#pragma once

namespace boathouse::base {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace boathouse::base
