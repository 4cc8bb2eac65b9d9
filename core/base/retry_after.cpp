#include "core/base/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "core/base/utc_time.hpp"

namespace boathouse::base {
namespace {

std::optional<std::int64_t> digits(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // More than an int64 holds is still a number: the caller cuts it.
  return error == std::errc() ? value : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" || text[7] != ' ' ||
      text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':') {
    return std::nullopt;
  }
  const auto* const month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto day = digits(text.substr(5, 2));
  const auto year = digits(text.substr(12, 4));
  const auto hour = digits(text.substr(17, 2));
  const auto minute = digits(text.substr(20, 2));
  const auto second = digits(text.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  const CivilDate date{*year, static_cast<int>(month - kMonths.begin()) + 1, static_cast<int>(*day)};
  if (!is_valid_date(date) || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return ((days_from_civil(date) * 24 + *hour) * 60 + *minute) * 60'000 + *second * 1000;
}

std::optional<std::int64_t> retry_after_ms(std::string_view value, std::string_view date, std::int64_t most_ms) {
  if (const auto seconds = digits(value)) return std::min(*seconds, most_ms / 1000) * 1000;
  const auto until = parse_http_date(value);
  const auto now = parse_http_date(date);
  if (!until || !now) return std::nullopt;
  return std::clamp<std::int64_t>(*until - *now, 0, most_ms);
}

}  // namespace boathouse::base
