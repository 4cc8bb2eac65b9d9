// When a server says that it wants to be left alone: Retry-After (RFC 9110 10.2.3). Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace boathouse::base {

// Milliseconds to wait, 0 to `most_ms`: `value` is the field's, seconds or a date, which counts from the same answer's
// `date` so that no clock of ours is trusted. nullopt: it cannot be understood.
std::optional<std::int64_t> retry_after_ms(std::string_view value, std::string_view date, std::int64_t most_ms);

// "Sun, 06 Nov 1994 08:49:37 GMT" as milliseconds since 1970.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace boathouse::base
