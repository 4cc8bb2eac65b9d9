// The streams of a recording: one grain of data each. See design.md's noun list in docs/glossary (README of this
// folder).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace boathouse::rowing {

// The numbers are on disk and on the wire: never change or reuse one.
enum class Stream : std::uint8_t {
  sample = 1,       // the monitor's state at a moment: 0x0031, 0x0032, 0x0033, 0x003E merged
  stroke = 2,       // one stroke: 0x0035, 0x0036 merged
  force_curve = 3,  // the force points of one drive: 0x003D assembled
  split = 4,        // one split or interval: 0x0037, 0x0038 merged
  summary = 5,      // the monitor's end of workout: 0x0039, 0x003A, 0x003B, 0x003C, 0x003F merged
  event = 6,        // what happened to the recording: gaps, unknown or garbled notifications, rejected rows
  source = 7,       // an imported file's own bytes, in blocks of at most kMaxSourceBlock
};

inline constexpr std::array<Stream, 7> kStreams{Stream::sample,  Stream::stroke, Stream::force_curve, Stream::split,
                                                Stream::summary, Stream::event,  Stream::source};

inline constexpr std::size_t kMaxSourceBlock = std::size_t{64} * 1024;

// "sample", "stroke", ... as used in URLs, JSON, table names.
std::string_view name(Stream stream);
std::optional<Stream> stream_from_name(std::string_view text);
// Checks a byte from outside.
std::optional<Stream> stream_from_number(std::uint64_t number);

}  // namespace boathouse::rowing
