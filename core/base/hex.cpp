#include "core/base/hex.hpp"

#include <cstddef>

namespace boathouse::base {
namespace {

int digit_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

Error wrong_hex_at(std::size_t offset, std::string_view what) {
  return Error{ErrorCode::invalid_input, "hex: character " + std::to_string(offset + 1) + ": " + std::string(what)};
}

}  // namespace

std::string to_hex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  std::size_t at = 0;
  while (at < text.size()) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    const int high = digit_value(text[at]);
    if (high < 0) {
      return wrong_hex_at(at, "not a hex digit (0-9, a-f)");
    }
    if (at + 1 == text.size() || is_blank(text[at + 1])) {
      return wrong_hex_at(at, "a byte needs two hex digits, this one has no second");
    }
    const int low = digit_value(text[at + 1]);
    if (low < 0) {
      return wrong_hex_at(at + 1, "not a hex digit (0-9, a-f)");
    }
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
    at += 2;
  }
  return bytes;
}

}  // namespace boathouse::base
