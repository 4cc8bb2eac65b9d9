// Civil time in the proleptic Gregorian calendar, without leap seconds and without the machine's time zone.
// Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::base {

struct CivilDate {
  std::int64_t year = 1970;
  int month = 1;  // 1 to 12
  int day = 1;    // 1 to 31

  friend bool operator==(const CivilDate&, const CivilDate&) = default;
};

// Year 1 to 9999 and a day that its month has.
bool is_valid_date(const CivilDate& date);

// Days since 1970-01-01, negative before (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
// The month must be right; any year that an int64 of milliseconds reaches is.
std::int64_t days_from_civil(const CivilDate& date);
CivilDate civil_from_days(std::int64_t days);

// "2026-11-22T18:05:00.000Z". A year outside of 0 to 9999 is written with its sign and six digits or more, as
// JavaScript does: "+010000-01-01T00:00:00.000Z".
std::string format_utc_ms(std::int64_t utc_ms);

struct IsoTime {
  std::int64_t utc_ms = 0;  // without a zone: the local reading as if it were UTC
  int offset_minutes = 0;   // local = UTC + offset; 0 without a zone
  bool has_zone = false;

  friend bool operator==(const IsoTime&, const IsoTime&) = default;
};

// Takes "yyyy-mm-dd" (midnight) or "yyyy-mm-dd", then 'T' or one blank, "hh:mm" or "hh:mm:ss" or "hh:mm:ss.f" (one
// digit or more, cut to milliseconds), then nothing, "Z" or "+hh:mm" / "-hh:mm" with a blank before it or not. Years 1
// to 9999, also in UTC; no second 60, no hour 24. invalid_input says which part is wrong.
Result<IsoTime> parse_iso8601(std::string_view text);

}  // namespace boathouse::base
