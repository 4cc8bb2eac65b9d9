// One line of the service's log: text for people, or a JSON object for programs. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace boathouse::ops {

enum class LogFormat : std::uint8_t { text, json };

// A number goes out as it is: decimal digits, perhaps with a fraction.
struct LogNumber {
  std::string decimal;
};
struct LogField {
  std::string_view name;  // [a-z_]+
  std::variant<std::string_view, std::int64_t, bool, LogNumber> value;
};

struct LogEntry {
  std::string_view level = "info";  // info, warning, error
  std::string_view event;           // one word
  std::string_view text;            // "" = the fields say all
  std::vector<LogField> fields;     // an empty text is left out
};

// With its line end, and no other: control characters are escaped. All text passes redact().
std::string log_line(LogFormat format, std::int64_t utc_ms, const LogEntry& entry);

// Whatever looks like a secret of ours becomes "***": API keys (rk_live_...), webhook secrets (whsec_...), what follows
// "Bearer " or "password=", user and password of a URL. The parts of the service log no secrets; this is for the
// message of a library, or a URL that somebody else wrote.
std::string redact(std::string_view text);

}  // namespace boathouse::ops
