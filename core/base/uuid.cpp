#include "core/base/uuid.hpp"

#include <algorithm>
#include <cstring>

namespace boathouse::base {
namespace {

constexpr std::int64_t kLastTimeMs = (std::int64_t{1} << 48) - 1;
constexpr std::uint64_t kLowMask = (std::uint64_t{1} << 62) - 1;

constexpr bool is_hyphen_place(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

}  // namespace

std::string Uuid::text() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (const std::uint8_t byte : bytes) {
    if (is_hyphen_place(text.size())) {
      text.push_back('-');
    }
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

Result<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 36) {
    return Error{ErrorCode::invalid_input,
                 "UUID: " + std::to_string(text.size()) + " characters, but 8-4-4-4-12 hex digits are 36"};
  }
  Uuid uuid;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool decimal = c >= '0' && c <= '9';
    if (is_hyphen_place(i) ? c != '-' : !decimal && (c < 'a' || c > 'f')) {
      return Error{ErrorCode::invalid_input, "UUID: character " + std::to_string(i + 1) + " must be " +
                                                 (is_hyphen_place(i) ? "a hyphen" : "a lower-case hex digit")};
    }
    if (!is_hyphen_place(i)) {
      const int value = decimal ? c - '0' : c - 'a' + 10;
      std::uint8_t& byte = uuid.bytes[digits / 2];
      byte = static_cast<std::uint8_t>(byte * 16 + value);
      ++digits;
    }
  }
  return uuid;
}

Uuid UuidV7Source::next() {
  const std::lock_guard lock(mutex_);
  const std::int64_t now_ms = std::clamp<std::int64_t>(clock_.utc_ms(), 0, kLastTimeMs);
  if (now_ms > time_ms_) {
    time_ms_ = now_ms;
    draw_counter();
  } else {
    // A random step, so that one id does not give away the next.
    std::array<std::uint8_t, 4> raw{};
    random_.fill(raw);
    std::uint64_t step = 1;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      step += std::uint64_t{raw[i]} << (8 * i);
    }
    counter_low_ += step;
    counter_high_ += counter_low_ >> 62;
    counter_low_ &= kLowMask;
    if (counter_high_ >> 12 != 0) {
      ++time_ms_;
      draw_counter();
    }
  }
  Uuid uuid;
  for (std::size_t i = 0; i < 6; ++i) {
    uuid.bytes[i] = static_cast<std::uint8_t>(time_ms_ >> (40 - 8 * i));
  }
  uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | (counter_high_ >> 8));
  uuid.bytes[7] = static_cast<std::uint8_t>(counter_high_);
  for (std::size_t i = 0; i < 8; ++i) {
    uuid.bytes[8 + i] = static_cast<std::uint8_t>(counter_low_ >> (56 - 8 * i));
  }
  uuid.bytes[8] |= 0x80;
  return uuid;
}

void UuidV7Source::draw_counter() {
  std::array<std::uint8_t, 10> raw{};
  random_.fill(raw);
  counter_high_ = (std::uint64_t{raw[0]} << 8 | raw[1]) & 0xfff;
  counter_low_ = 0;
  for (std::size_t i = 2; i < raw.size(); ++i) {
    counter_low_ = counter_low_ << 8 | raw[i];
  }
  counter_low_ &= kLowMask;
}

}  // namespace boathouse::base

// The last 8 bytes are the random ones of both version 4 and 7; the multiplication spreads ids of one millisecond,
// which differ by small steps, over the high bits too.
std::size_t std::hash<boathouse::base::Uuid>::operator()(const boathouse::base::Uuid& uuid) const noexcept {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, uuid.bytes.data(), 8);
  std::memcpy(&low, uuid.bytes.data() + 8, 8);
  std::uint64_t mixed = (high ^ (low << 32 | low >> 32)) * 0x9e3779b97f4a7c15;
  mixed ^= mixed >> 32;
  return static_cast<std::size_t>(mixed * 0xd6e8feb86659fd93);
}
