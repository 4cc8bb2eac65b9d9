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

// Milliseconds to wait by Retry-After (core/base/retry_after.hpp). nullopt: no such header, or none that can be
// understood. At most kMaxRetryAfterMs of engine.hpp.
std::optional<std::int64_t> retry_after_ms(const Headers& headers);

}  // namespace boathouse::sync
