#include "server/api/parameters.hpp"

#include <algorithm>
#include <charconv>

#include "core/base/utc_time.hpp"

namespace boathouse::api {

using base::Error;
using base::ErrorCode;

base::Status check_names(const http::Parameters& query, std::initializer_list<std::string_view> known) {
  for (const http::Parameter& parameter : query) {
    if (std::ranges::find(known, parameter.name) == known.end()) {
      std::string names;
      for (const std::string_view name : known) names += (names.empty() ? "" : ", ") + std::string(name);
      return Error{ErrorCode::invalid_input, "unknown parameter '" + parameter.name.substr(0, 100) +
                                                 "'; known here: " + (names.empty() ? "none" : names)};
    }
    if (std::ranges::count(query, parameter.name, &http::Parameter::name) > 1) {
      return Error{ErrorCode::invalid_input, "parameter '" + parameter.name + "' is given twice"};
    }
  }
  return base::Done{};
}

base::Result<std::size_t> read_limit(const http::Parameters& query, std::size_t fallback, std::size_t max) {
  const std::string* text = http::find(query, "limit");
  if (text == nullptr) return fallback;
  std::size_t limit = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (code != std::errc{} || end != text->data() + text->size() || limit < 1 || limit > max) {
    return Error{ErrorCode::invalid_input, "limit must be a whole number from 1 to " + std::to_string(max)};
  }
  return limit;
}

base::Result<std::int64_t> read_count(const http::Parameters& query, std::string_view name) {
  const std::string* text = http::find(query, name);
  if (text == nullptr) return std::int64_t{0};
  std::int64_t count = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (code != std::errc{} || end != text->data() + text->size() || count < 0) {
    return Error{ErrorCode::invalid_input, std::string(name) + " must be a whole number from 0"};
  }
  return count;
}

base::Result<std::optional<std::int64_t>> read_time(const http::Parameters& query, std::string_view name) {
  const std::string* text = http::find(query, name);
  if (text == nullptr) return std::optional<std::int64_t>{};
  const auto time = base::parse_iso8601(*text);
  if (!time || !time->has_zone) {
    return Error{ErrorCode::invalid_input,
                 std::string(name) + " must be an ISO 8601 time with a zone, e.g. 2026-11-22T00:00:00Z"};
  }
  return std::optional<std::int64_t>{time->utc_ms};
}

base::Result<bool> read_flag(const http::Parameters& query, std::string_view name) {
  const std::string* text = http::find(query, name);
  if (text == nullptr || *text == "false") return false;
  if (*text == "true") return true;
  return Error{ErrorCode::invalid_input, std::string(name) + " must be true or false"};
}

}  // namespace boathouse::api
