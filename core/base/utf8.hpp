// UTF-8 as Unicode 15 table 3-7 has it: no surrogates, no over-long forms, nothing above U+10FFFF. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace boathouse::base {

bool is_valid_utf8(std::string_view text);

// How many bytes at the front are valid; text.size() if all are.
std::size_t valid_utf8_prefix(std::string_view text);

// Code points of valid UTF-8 (bytes that do not continue another, whatever the text).
std::size_t code_point_count(std::string_view text);

// U+0000 to U+001F or U+007F to U+009F is in it.
bool has_control(std::string_view text);

// What stands at the front of `text` (not empty): one code point of `length` 1 to 4 bytes, or, if not `valid`, `length`
// bytes that one U+FFFD stands for (Unicode 3.9, "maximal subpart").
struct Utf8Step {
  std::size_t length = 1;
  bool valid = false;
};
Utf8Step utf8_step(std::string_view text);

// Appends the 1 to 4 bytes of `code_point`, which must be a Unicode scalar value.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace boathouse::base
