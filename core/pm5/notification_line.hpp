// One line of a file of captured notifications: a JSON object. The project's own form, and what else is understood, is
// in docs/pm5.md section 8:
//   {"at_ms": 1520, "char": "0031", "hex": "b01d00e00b000301010102000000d007008079"}
// Pure function, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace boathouse::pm5 {

inline constexpr std::size_t kMaxLine = std::size_t{64} * 1024;  // bytes

struct NotificationLine {
  std::optional<std::int64_t> at_ms;  // monotonic, from any zero; nullopt = the line does not tell
  std::uint16_t characteristic = 0;   // 16-bit short id
  base::Bytes payload;
};

// Not of the monitor's own services, and rightly in such a file.
struct SkippedLine {
  std::string reason;  // "blank", "meta", "foreign characteristic FTMS-2AD1"
};

using ParsedLine = std::variant<NotificationLine, SkippedLine>;

// `line` is without its line feed. `char` may be 0x0031, 0031, CE060031 or the full UUID, in any case; `hex` may have
// blanks between bytes; other keys are ignored. Errors: invalid_input, too_large; the text names what is wrong, not the
// line number.
base::Result<ParsedLine> parse_notification_line(std::string_view line);

}  // namespace boathouse::pm5
