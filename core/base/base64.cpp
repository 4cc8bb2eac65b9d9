#include "core/base/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace boathouse::base {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNone = 0xff;

using Values = std::array<std::uint8_t, 256>;

constexpr Values values_of(std::string_view alphabet) {
  Values values{};
  values.fill(kNone);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    values[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr Values kStandardValues = values_of(kStandard);
constexpr Values kUrlValues = values_of(kUrl);

// Without padding.
std::string encode(ByteView bytes, std::string_view alphabet) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  unsigned count = 0;  // of the low bits of `bits` that are not written yet
  for (const std::uint8_t byte : bytes) {
    bits = (bits << 8) | byte;
    count += 8;
    while (count >= 6) {
      count -= 6;
      text.push_back(alphabet[(bits >> count) & 63]);
    }
  }
  if (count > 0) {
    text.push_back(alphabet[(bits << (6 - count)) & 63]);
  }
  return text;
}

Error wrong_base64_at(std::size_t offset, std::string_view what) {
  return Error{ErrorCode::invalid_input, "base64: character " + std::to_string(offset + 1) + ": " + std::string(what)};
}

// `text` is without padding.
Result<Bytes> decode(std::string_view text, const Values& values) {
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::uint8_t value = values[static_cast<std::uint8_t>(text[at])];
    if (value == kNone) {
      return wrong_base64_at(at, text[at] == '=' ? "padding is not allowed here" : "not in the alphabet");
    }
    bits = (bits << 6) | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<std::uint8_t>(bits >> count));
    }
  }
  if (count == 6) {
    return wrong_base64_at(text.size() - 1, "the text ends inside a byte");
  }
  if ((bits & ((1U << count) - 1)) != 0) {
    return wrong_base64_at(text.size() - 1, "the unused last bits must be zero");
  }
  return bytes;
}

}  // namespace

std::string to_base64(ByteView bytes) {
  std::string text = encode(bytes, kStandard);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return Error{ErrorCode::invalid_input, "base64: " + std::to_string(text.size()) +
                                               " characters, but with its padding (=) it has a multiple of 4"};
  }
  for (int i = 0; i < 2 && text.ends_with('='); ++i) {
    text.remove_suffix(1);
  }
  return decode(text, kStandardValues);
}

std::string to_base64url(ByteView bytes) { return encode(bytes, kUrl); }

Result<Bytes> from_base64url(std::string_view text) { return decode(text, kUrlValues); }

}  // namespace boathouse::base
