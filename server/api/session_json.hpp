// JSON of the session API. Numbers are exact decimals with the unit in the name.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/base/json.hpp"
#include "core/rowing/edge.hpp"
#include "core/rowing/stream.hpp"
#include "server/timeseries/native.hpp"

namespace boathouse::api {

inline constexpr std::string_view kSessionPrefix = "ses_";
inline constexpr std::string_view kRecordingPrefix = "rec_";

// One row of table `session` as an object.
void write_session(base::JsonWriter& json, const timeseries::NativeBlock& sessions, std::size_t row);

// Columns as arrays of equal length: {"elapsed_s": [..], ...}; null where a value is not available. `fields` are of
// `stream`.
void write_columns(base::JsonWriter& json, rowing::Stream stream, const timeseries::NativeBlock& block,
                   std::span<const rowing::EdgeField* const> fields);

// Rows as objects: [{"split_number": 1, ...}, ..].
void write_rows(base::JsonWriter& json, rowing::Stream stream, const timeseries::NativeBlock& block,
                std::span<const rowing::EdgeField* const> fields);

}  // namespace boathouse::api
