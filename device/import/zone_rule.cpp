// POSIX TZ rules, the footer of zone files (RFC 8536 3.3.1): what holds after the last listed change.
#include <algorithm>

#include "core/base/utc_time.hpp"
#include "device/import/time_zone.hpp"

namespace boathouse::import {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool is_next(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool take(char c) {
    if (!is_next(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok_ = take(c) && ok_; }

  // "CET" or "<+0330>".
  void name() {
    const std::size_t begin = rest_.size();
    if (take('<')) {
      while (!rest_.empty() && rest_.front() != '>') rest_.remove_prefix(1);
      expect('>');
    } else {
      while (!rest_.empty() && is_letter(rest_.front())) rest_.remove_prefix(1);
    }
    ok_ = ok_ && begin - rest_.size() >= 3;
  }
  std::int64_t number(std::int64_t least, std::int64_t most) {
    std::int64_t value = 0;
    std::size_t digits = 0;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9' && digits < 4) {
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
      ++digits;
    }
    ok_ = ok_ && digits > 0 && value >= least && value <= most;
    return value;
  }
  // [+-]h[hh][:mm[:ss]] in seconds; up to 167 hours (RFC 8536).
  std::int64_t time() {
    const bool minus = take('-');
    if (!minus) take('+');
    std::int64_t seconds = number(0, 167) * 3600;
    if (take(':')) seconds += number(0, 59) * 60;
    if (take(':')) seconds += number(0, 59);
    return minus ? -seconds : seconds;
  }
  ZoneRule::Change change() {
    ZoneRule::Change change;
    expect(',');
    expect('M');
    change.month = static_cast<int>(number(1, 12));
    expect('.');
    change.week = static_cast<int>(number(1, 5));
    expect('.');
    change.weekday = static_cast<int>(number(0, 6));
    if (take('/')) change.at_s = time();
    return change;
  }

 private:
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

  std::string_view rest_;
  bool ok_ = true;
};

// The local moment of a change in a year, in seconds since 1970 as if it were UTC.
std::int64_t local_moment(const ZoneRule::Change& change, std::int64_t year) {
  const std::int64_t first = base::days_from_civil({year, change.month, 1});
  const std::int64_t next =
      change.month == 12 ? base::days_from_civil({year + 1, 1, 1}) : base::days_from_civil({year, change.month + 1, 1});
  const std::int64_t weekday = ((first + 4) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
  std::int64_t day = first + (change.weekday - weekday + 7) % 7 + 7 * (change.week - 1);
  while (day >= next) day -= 7;
  return day * kDayS + change.at_s;
}

}  // namespace

std::optional<ZoneRule> ZoneRule::parse(std::string_view text) {
  Parser in(text);
  ZoneRule rule;
  in.name();
  rule.standard_s = -in.time();  // POSIX counts west as positive
  if (in.ok() && !in.at_end()) {
    in.name();
    rule.daylight_s = rule.standard_s + 3600;
    if (!in.is_next(',')) rule.daylight_s = -in.time();
    rule.begins = in.change();
    rule.ends = in.change();
  }
  return in.ok() && in.at_end() ? std::optional(rule) : std::nullopt;
}

std::int64_t ZoneRule::offset_at(std::int64_t utc_s) const {
  if (!daylight_s) return standard_s;
  const std::int64_t local = utc_s + standard_s;
  const std::int64_t year = base::civil_from_days(local / kDayS - (local % kDayS < 0 ? 1 : 0)).year;
  // Each moment is told in the local time that holds before it.
  const std::int64_t begin = local_moment(begins, year) - standard_s;
  const std::int64_t end = local_moment(ends, year) - *daylight_s;
  const bool daylight = begin < end ? utc_s >= begin && utc_s < end : utc_s >= begin || utc_s < end;
  return daylight ? *daylight_s : standard_s;
}

}  // namespace boathouse::import
