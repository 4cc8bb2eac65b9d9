// Local time to UTC and back, by a fixed offset or by the system's zone files (TZif, RFC 8536, with the rule in its
// footer for times after the last listed change). The machine's own zone plays no part.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace boathouse::import {

inline constexpr std::int64_t kDayS = 86'400;

// Daylight saving by a rule, e.g. "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX TZ).
struct ZoneRule {
  struct Change {
    int month = 0;             // 1 to 12
    int week = 0;              // 1 to 5, 5 = the last
    int weekday = 0;           // 0 = Sunday
    std::int64_t at_s = 7200;  // local seconds of the day, can be negative or above a day
  };
  std::int64_t standard_s = 0;  // local minus UTC
  std::optional<std::int64_t> daylight_s;
  Change begins;
  Change ends;

  // Only the M form, which all zones of today have; nullopt for anything else.
  static std::optional<ZoneRule> parse(std::string_view text);
  [[nodiscard]] std::int64_t offset_at(std::int64_t utc_s) const;
};

class TimeZone {
 public:
  // "", an IANA name such as "Europe/Berlin", "Z", "+hh:mm" or "-hh:mm" (up to 18 hours). invalid_input for anything
  // else, and for a name without a file in `zoneinfo_folder`.
  static base::Result<TimeZone> find(std::string_view text, const std::string& zoneinfo_folder);
  // The bytes of a zone file. Errors: corrupt.
  static base::Result<TimeZone> parse_tzif(std::string_view name, std::string_view file);

  // False: made of ""; all offsets are 0 then.
  [[nodiscard]] bool is_known() const { return known_; }
  // IANA name; "" for an offset.
  [[nodiscard]] const std::string& name() const { return name_; }

  // Local minus UTC in seconds.
  [[nodiscard]] std::int64_t offset_at(std::int64_t utc_s) const;
  // A local reading that happens twice (clocks set back) is the first of both; one that never happens (set forward)
  // counts by the offset before.
  [[nodiscard]] std::int64_t to_utc_ms(std::int64_t local_ms) const;
  // Rounded to a minute; nullopt when not known.
  [[nodiscard]] std::optional<int> offset_minutes_at(std::int64_t utc_ms) const;

 private:
  struct Change {
    std::int64_t from_s = 0;
    std::int64_t offset_s = 0;
  };
  bool known_ = false;
  std::string name_;
  std::int64_t first_offset_s_ = 0;  // before the first change
  std::vector<Change> changes_;      // in order
  std::optional<ZoneRule> rule_;     // after the last one
};

}  // namespace boathouse::import
