#include "core/base/utc_time.hpp"

#include <cstddef>
#include <optional>

namespace boathouse::base {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kMinuteMs = 60'000;

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

bool is_leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

void append_padded(std::string& out, std::int64_t value, std::size_t width) {
  const std::string digits = std::to_string(value);
  out.append(width > digits.size() ? width - digits.size() : 0, '0');
  out += digits;
}

// Walks over the text; every take_ either takes its part or leaves the text as it is.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  bool take(char c) {
    if (!rest_.starts_with(c)) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  // Exactly `count` digits.
  std::optional<int> take_number(std::size_t count) {
    if (rest_.size() < count) {
      return std::nullopt;
    }
    int value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') {
        return std::nullopt;
      }
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }

  // One digit or more, read as thousandths; what is finer is dropped.
  std::optional<int> take_milliseconds() {
    int value = 0;
    int weight = 100;
    bool any = false;
    while (const auto digit = take_number(1)) {
      value += *digit * weight;
      weight /= 10;
      any = true;
    }
    return any ? std::optional(value) : std::nullopt;
  }

 private:
  std::string_view rest_;
};

Error wrong_time(std::string_view text, std::string_view why) {
  constexpr std::size_t kShown = 40;
  const std::string shown = std::string(text.substr(0, kShown)) + (text.size() > kShown ? "..." : "");
  return Error{ErrorCode::invalid_input, "time \"" + shown + "\": " + std::string(why)};
}

std::optional<std::int64_t> take_date(Scanner& scanner) {
  const auto year = scanner.take_number(4);
  if (!year || !scanner.take('-')) {
    return std::nullopt;
  }
  const auto month = scanner.take_number(2);
  if (!month || !scanner.take('-')) {
    return std::nullopt;
  }
  const auto day = scanner.take_number(2);
  if (!day) {
    return std::nullopt;
  }
  const CivilDate date{*year, *month, *day};
  return is_valid_date(date) ? std::optional(days_from_civil(date) * kDayMs) : std::nullopt;
}

// hh:mm in minutes.
std::optional<int> take_hour_minute(Scanner& scanner) {
  const auto hour = scanner.take_number(2);
  if (!hour || *hour > 23 || !scanner.take(':')) {
    return std::nullopt;
  }
  const auto minute = scanner.take_number(2);
  if (!minute || *minute > 59) {
    return std::nullopt;
  }
  return *hour * 60 + *minute;
}

std::optional<std::int64_t> take_time_of_day(Scanner& scanner) {
  const auto minutes = take_hour_minute(scanner);
  if (!minutes) {
    return std::nullopt;
  }
  std::int64_t ms = *minutes * kMinuteMs;
  if (scanner.take(':')) {
    const auto second = scanner.take_number(2);
    if (!second || *second > 59) {
      return std::nullopt;
    }
    ms += *second * 1000;
    if (scanner.take('.')) {
      const auto fraction = scanner.take_milliseconds();
      if (!fraction) {
        return std::nullopt;
      }
      ms += *fraction;
    }
  }
  return ms;
}

}  // namespace

bool is_valid_date(const CivilDate& date) {
  if (date.year < 1 || date.year > 9999 || date.month < 1 || date.month > 12 || date.day < 1) {
    return false;
  }
  if (date.month == 2) {
    return date.day <= (is_leap(date.year) ? 29 : 28);
  }
  const bool short_month = date.month == 4 || date.month == 6 || date.month == 9 || date.month == 11;
  return date.day <= (short_month ? 30 : 31);
}

// Both ways count years from 1 March, so that the leap day is the last of its year, in eras of 400 years (146,097
// days). Day 0 of era 0 is 0000-03-01, which lies 719,468 days before 1970-01-01.
std::int64_t days_from_civil(const CivilDate& date) {
  const std::int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const std::int64_t era = floor_div(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month_from_march = (date.month + 9) % 12;
  const std::int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

CivilDate civil_from_days(std::int64_t days) {
  const std::int64_t shifted = days + 719'468;
  const std::int64_t era = floor_div(shifted, 146'097);
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const auto month = static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

std::string format_utc_ms(std::int64_t utc_ms) {
  const std::int64_t days = floor_div(utc_ms, kDayMs);
  const std::int64_t ms_of_day = (utc_ms % kDayMs + kDayMs) % kDayMs;
  const CivilDate date = civil_from_days(days);
  std::string text;
  if (date.year < 0 || date.year > 9999) {
    text += date.year < 0 ? '-' : '+';
    append_padded(text, date.year < 0 ? -date.year : date.year, 6);
  } else {
    append_padded(text, date.year, 4);
  }
  const auto part = [&text](char before, std::int64_t value, std::size_t width) {
    text += before;
    append_padded(text, value, width);
  };
  part('-', date.month, 2);
  part('-', date.day, 2);
  part('T', ms_of_day / 3'600'000, 2);
  part(':', ms_of_day / kMinuteMs % 60, 2);
  part(':', ms_of_day / 1000 % 60, 2);
  part('.', ms_of_day % 1000, 3);
  return text += 'Z';
}

Result<IsoTime> parse_iso8601(std::string_view text) {
  Scanner scanner(text);
  IsoTime time;
  const auto date_ms = take_date(scanner);
  if (!date_ms) {
    return wrong_time(text, "must begin with a date that exists, yyyy-mm-dd, year 0001 to 9999");
  }
  time.utc_ms = *date_ms;
  if (scanner.at_end()) {
    return time;
  }
  if (!scanner.take('T') && !scanner.take(' ')) {
    return wrong_time(text, "after the date must come 'T' or one blank, then the time of day");
  }
  const auto day_ms = take_time_of_day(scanner);
  if (!day_ms) {
    return wrong_time(text, "the time of day must be hh:mm, hh:mm:ss or hh:mm:ss.fff, up to 23:59:59");
  }
  time.utc_ms += *day_ms;
  if (scanner.at_end()) {
    return time;
  }
  scanner.take(' ');
  if (!scanner.take('Z')) {
    const bool west = scanner.take('-');
    const auto offset = west || scanner.take('+') ? take_hour_minute(scanner) : std::nullopt;
    if (!offset) {
      return wrong_time(text, "the zone must be Z, +hh:mm or -hh:mm");
    }
    time.offset_minutes = west ? -*offset : *offset;
    time.utc_ms -= time.offset_minutes * kMinuteMs;
  }
  if (!scanner.at_end()) {
    return wrong_time(text, "nothing may follow the zone");
  }
  const std::int64_t year = civil_from_days(floor_div(time.utc_ms, kDayMs)).year;
  if (year < 1 || year > 9999) {
    return wrong_time(text, "the year in UTC must be 0001 to 9999");
  }
  time.has_zone = true;
  return time;
}

}  // namespace boathouse::base
