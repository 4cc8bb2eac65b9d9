#include "core/base/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace boathouse::base {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) { return static_cast<std::uint8_t>(text[i]); }

// How many bytes at the front of `text` are ASCII, eight at a time.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080) != 0) {
      break;
    }
  }
  while (at < text.size() && byte_at(text, at) < 0x80) {
    ++at;
  }
  return at;
}

}  // namespace

Utf8Step utf8_step(std::string_view text) {
  const std::uint8_t lead = byte_at(text, 0);
  if (lead < 0x80) {
    return {1, true};
  }
  // The second byte's range is narrower after some leads: that is what keeps out over-long forms, surrogates and
  // everything above U+10FFFF.
  std::size_t length = 0;
  std::uint8_t second_low = 0x80;
  std::uint8_t second_high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    second_low = lead == 0xe0 ? 0xa0 : 0x80;
    second_high = lead == 0xed ? 0x9f : 0xbf;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    second_low = lead == 0xf0 ? 0x90 : 0x80;
    second_high = lead == 0xf4 ? 0x8f : 0xbf;
  } else {
    return {1, false};
  }
  if (text.size() < 2 || byte_at(text, 1) < second_low || byte_at(text, 1) > second_high) {
    return {1, false};
  }
  for (std::size_t i = 2; i < length; ++i) {
    if (i == text.size() || (byte_at(text, i) & 0xc0) != 0x80) {
      return {i, false};
    }
  }
  return {length, true};
}

bool is_valid_utf8(std::string_view text) { return valid_utf8_prefix(text) == text.size(); }

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  for (;;) {
    at += ascii_prefix(text.substr(at));
    if (at == text.size()) {
      return at;
    }
    const Utf8Step step = utf8_step(text.substr(at));
    if (!step.valid) {
      return at;
    }
    at += step.length;
  }
}

std::size_t code_point_count(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) {
    count += (static_cast<std::uint8_t>(c) & 0xc0) != 0x80 ? 1 : 0;
  }
  return count;
}

bool has_control(std::string_view text) {
  for (; !text.empty(); text.remove_prefix(utf8_step(text).length)) {
    const std::uint8_t first = byte_at(text, 0);
    if (first < 0x20 || first == 0x7f || (text.size() > 1 && first == 0xc2 && byte_at(text, 1) < 0xa0)) {
      return true;
    }
  }
  return false;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(static_cast<std::uint8_t>(byte))); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3f));
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

}  // namespace boathouse::base
