#include "device/sync/retry_after.hpp"

#include <algorithm>

#include "core/base/retry_after.hpp"
#include "device/sync/engine.hpp"

namespace boathouse::sync {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::optional<std::string_view> find_header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (std::ranges::equal(key, name, {}, lower, lower)) return value;
  }
  return std::nullopt;
}

std::optional<std::int64_t> retry_after_ms(const Headers& headers) {
  const auto value = find_header(headers, "retry-after");
  if (!value) return std::nullopt;
  return base::retry_after_ms(*value, find_header(headers, "date").value_or(""), kMaxRetryAfterMs);
}

}  // namespace boathouse::sync
