#include "device/sync/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/utc_time.hpp"
#include "device/sync/engine.hpp"

namespace boathouse::sync {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<std::int64_t> digits(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // More than an int64 holds is still a number: the caller cuts it.
  return error == std::errc() ? value : std::int64_t{kMaxRetryAfterMs};
}

}  // namespace

std::optional<std::string_view> find_header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (std::ranges::equal(key, name, {}, lower, lower)) return value;
  }
  return std::nullopt;
}

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
  const base::CivilDate date{*year, static_cast<int>(month - kMonths.begin()) + 1, static_cast<int>(*day)};
  if (!base::is_valid_date(date) || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return ((base::days_from_civil(date) * 24 + *hour) * 60 + *minute) * 60'000 + *second * 1000;
}

std::optional<std::int64_t> retry_after_ms(const Headers& headers) {
  const auto value = find_header(headers, "retry-after");
  if (!value) return std::nullopt;
  if (const auto seconds = digits(*value)) {
    return std::min(*seconds, kMaxRetryAfterMs / 1000) * 1000;
  }
  const auto until = parse_http_date(*value);
  const auto now = parse_http_date(find_header(headers, "date").value_or(""));
  if (!until || !now) return std::nullopt;
  return std::clamp<std::int64_t>(*until - *now, 0, kMaxRetryAfterMs);
}

}  // namespace boathouse::sync
