// Base64 of RFC 4648: section 4 (`base64`, "+/", always padded) and section 5 (`base64url`, "-_", never padded).
// Decoding is strict: no blanks or line ends, no other alphabet, right padding, unused last bits zero, so one byte
// string has exactly one text. invalid_input names the 1-based character that is wrong. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace boathouse::base {

std::string to_base64(ByteView bytes);
Result<Bytes> from_base64(std::string_view text);

std::string to_base64url(ByteView bytes);
Result<Bytes> from_base64url(std::string_view text);

}  // namespace boathouse::base
