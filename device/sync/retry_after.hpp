// When a server says that it wants to be left alone. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace boathouse::sync {

using Headers = std::vector<std::pair<std::string, std::string>>;

// The first value of a header, by name without regard to case.
std::optional<std::string_view> find_header(const Headers& headers, std::string_view name);

// Milliseconds to wait by Retry-After (RFC 9110 10.2.3): seconds, or a date, which counts from the same answer's Date
// header so that no clock of ours is trusted. nullopt: no such header, or none that can be understood. At most
// kMaxRetryAfterMs of engine.hpp.
std::optional<std::int64_t> retry_after_ms(const Headers& headers);

// "Sun, 06 Nov 1994 08:49:37 GMT" as milliseconds since 1970.
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace boathouse::sync
