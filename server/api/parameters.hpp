// Reading query parameters strictly: an unknown or repeated name, or a bad value, is an error that names it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "server/http/message.hpp"

namespace boathouse::api {

// invalid_input when the query has a name that is not in `known`, or one twice.
base::Status check_names(const http::Parameters& query, std::initializer_list<std::string_view> known);

// 1..max; `fallback` when absent.
base::Result<std::size_t> read_limit(const http::Parameters& query, std::size_t fallback, std::size_t max);

// A whole number from 0 to 2^63 - 1; 0 when absent.
base::Result<std::int64_t> read_count(const http::Parameters& query, std::string_view name);

// ISO 8601 with a zone, as UTC milliseconds.
base::Result<std::optional<std::int64_t>> read_time(const http::Parameters& query, std::string_view name);

// "true" or "false".
base::Result<bool> read_flag(const http::Parameters& query, std::string_view name);

}  // namespace boathouse::api
