#include "core/base/decimal.hpp"

#include <cstddef>
#include <limits>
#include <stdexcept>

#include "core/base/digit.hpp"

namespace boathouse::base {
namespace {

constexpr int kMaxShift = 18;

void require_shift(int shift) {
  if (shift < 0 || shift > kMaxShift) {
    throw std::invalid_argument("decimal shift " + std::to_string(shift) + " is not in 0 to 18");
  }
}

Error wrong_number(std::string_view text, std::string_view why) {
  constexpr std::size_t kShown = 40;
  const std::string shown = std::string(text.substr(0, kShown)) + (text.size() > kShown ? "..." : "");
  return Error{ErrorCode::invalid_input, "number \"" + shown + "\": " + std::string(why)};
}

// A decimal taken apart: the digits stand before and behind the point in `whole` and `fraction`.
struct Parts {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  std::int64_t exponent = 0;
};

std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) {
    ++count;
  }
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

bool take_sign(std::string_view& text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  return negative;
}

Result<Parts> take_apart(const std::string_view text) {
  Parts parts;
  std::string_view rest = text;
  parts.negative = take_sign(rest);
  parts.whole = take_digits(rest);
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    parts.fraction = take_digits(rest);
  }
  if (parts.whole.empty() && parts.fraction.empty()) {
    return wrong_number(text, "not a decimal number");
  }
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    const bool negative = take_sign(rest);
    const std::string_view digits = take_digits(rest);
    if (digits.empty()) {
      return wrong_number(text, "the exponent has no digits");
    }
    // Beyond any text's length the exact size makes no difference: the value is zero or does not fit.
    constexpr std::int64_t kEnough = std::int64_t{1} << 56;
    for (const char digit : digits) {
      parts.exponent = parts.exponent < kEnough ? parts.exponent * 10 + (digit - '0') : parts.exponent;
    }
    parts.exponent = negative ? -parts.exponent : parts.exponent;
  }
  if (!rest.empty()) {
    return wrong_number(text,
                        "character " + std::to_string(text.size() - rest.size() + 1) + " does not belong to a number");
  }
  return parts;
}

}  // namespace

void append_scaled(std::string& out, std::int64_t value, int shift) {
  require_shift(shift);
  // Written from the right end: at most 19 digits, a zero before the point, the point and the sign.
  char buffer[24];
  char* const end = buffer + sizeof(buffer);
  char* at = end;
  std::uint64_t magnitude =
      value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);  // INT64_MIN too
  int written = 0;
  do {
    if (written == shift && shift > 0) {
      *--at = '.';
    }
    *--at = static_cast<char>('0' + magnitude % 10);
    magnitude /= 10;
    ++written;
  } while (magnitude != 0 || written <= shift);
  if (value < 0) {
    *--at = '-';
  }
  out.append(at, end);
}

std::string format_scaled(std::int64_t value, int shift) {
  std::string text;
  append_scaled(text, value, shift);
  return text;
}

Result<Scaled> parse_scaled(std::string_view text, int shift) {
  require_shift(shift);
  const Result<Parts> taken = take_apart(text);
  if (!taken.ok()) {
    return taken.error();
  }
  const Parts& parts = taken.value();
  const auto whole_size = static_cast<std::int64_t>(parts.whole.size());
  const std::int64_t size = whole_size + static_cast<std::int64_t>(parts.fraction.size());
  const auto digit_at = [&](std::int64_t i) {
    return static_cast<std::uint64_t>((i < whole_size ? parts.whole[static_cast<std::size_t>(i)]
                                                      : parts.fraction[static_cast<std::size_t>(i - whole_size)]) -
                                      '0');
  };
  // The digits before `cut` make the integer; the one at `cut` rounds it.
  const std::int64_t cut = whole_size + parts.exponent + shift;
  const std::uint64_t limit = std::uint64_t{std::numeric_limits<std::int64_t>::max()} + (parts.negative ? 1 : 0);
  const auto overflow = [&] {
    return wrong_number(text, "too large for 64 bits at " + std::to_string(shift) + " decimal places");
  };

  std::uint64_t magnitude = 0;
  std::int64_t at = 0;
  for (; at < cut && (at < size || magnitude != 0); ++at) {
    const std::uint64_t digit = at < size ? digit_at(at) : 0;
    if (magnitude > (limit - digit) / 10) {
      return overflow();
    }
    magnitude = magnitude * 10 + digit;
  }
  bool exact = true;
  for (std::int64_t i = cut < 0 ? 0 : cut; i < size; ++i) {
    exact = exact && digit_at(i) == 0;
  }
  if (cut >= 0 && cut < size && digit_at(cut) >= 5) {
    if (magnitude == limit) {
      return overflow();
    }
    ++magnitude;
  }
  return Scaled{static_cast<std::int64_t>(parts.negative ? ~magnitude + 1 : magnitude), exact};
}

}  // namespace boathouse::base
