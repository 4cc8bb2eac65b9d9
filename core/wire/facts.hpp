// JSON text of the facts of a recording: birth and seal. The bytes that the device makes are what both sides store,
// hash and compare, so they are made once and never made again from the struct. docs/protocol.md section 3. Pure
// functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/rowing/recording.hpp"

namespace boathouse::wire {

inline constexpr std::size_t kMaxFactsBytes = std::size_t{16} << 10;
inline constexpr std::size_t kMaxTitle = 200;     // code points
inline constexpr std::size_t kMaxFactText = 255;  // code points of each other text

// What encode_* writes, decode_* takes: texts are cut to their limit in whole code points (an import keeps the file's
// own bytes in stream `source`), what is not UTF-8 becomes U+FFFD. Requires started_ms within the years 1 to 9999 and
// an offset within 18 hours.
std::string encode_birth(const rowing::Birth& birth);
std::string encode_seal(const rowing::Seal& seal);

// Keys that are not known are ignored here and kept in the stored bytes. Errors: invalid_input, naming the key;
// too_large over kMaxFactsBytes; unsupported for an origin, end reason or stream that only a newer program knows.
base::Result<rowing::Birth> decode_birth(std::string_view json);
base::Result<rowing::Seal> decode_seal(std::string_view json);

}  // namespace boathouse::wire
