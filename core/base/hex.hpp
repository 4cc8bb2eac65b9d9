// Hexadecimal text of bytes. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace boathouse::base {

// Two lower-case digits a byte, nothing between: {0x0a, 0xff} -> "0aff".
std::string to_hex(ByteView bytes);

// Upper or lower case; blanks (space or tab) may stand before, between and after bytes, not inside one.
// invalid_input names the 1-based character that is wrong.
Result<Bytes> from_hex(std::string_view text);

}  // namespace boathouse::base
