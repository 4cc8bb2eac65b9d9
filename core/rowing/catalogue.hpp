// THE METRIC CATALOGUE: every value that a PM5 sends, defined once.
//
// Derived from this table and never listed again: the notification decoder and encoder, the chunk codec's columns, the
// ClickHouse tables, CSV headers, the API's fields and docs/metrics.md. To add a metric: append one line to kMetrics in
// catalogue.cpp (at the END of its stream, with the next catalogue version) and a test vector.
//
// Layouts, units and null values: Concept2 "PM Bluetooth Smart Communication Interface Definition" 1.25 to 1.30 and
// captures of real monitors, as collected in docs/pm5.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/rowing/stream.hpp"

namespace boathouse::rowing {

// The catalogue version in which a stream's newest metric appeared. A chunk names the version it was sealed with; its
// columns are the metrics of its stream with since <= version, in table order. Versions are only ever added.
inline constexpr std::uint32_t kCatalogueVersion = 1;

// How a field lies in its notification. All multi-byte fields are little-endian and unsigned.
enum class WireType : std::uint8_t {
  recorder_u8,   // not on the wire: made by the recorder, 0..255
  recorder_u16,  // 0..65535
  recorder_u32,  // 0..4294967295
  u8,
  u16,
  u24,
  u32,
  low_nibble,
  high_nibble,
};

// Which wire values mean "not available".
enum class NullRule : std::uint8_t { never, zero, zero_or_all_ones };

// ClickHouse column codec, by the shape of the series.
enum class Codec : std::uint8_t { plain, delta, double_delta };

enum class Enumeration : std::uint8_t {
  none,
  workout_type,
  interval_type,
  workout_state,
  rowing_state,
  stroke_state,
  duration_type,
  erg_machine_type,
  erg_model,
  operational_state,
  game_id,
  event_kind,
};

// Where a metric stands: the characteristic's short id (0x31 = 0x0031) and the byte offset in its payload in direct and
// in multiplexed form (the multiplexed payload begins after the id byte); kAbsent = not in that form.
inline constexpr std::int8_t kAbsent = -1;
struct Placement {
  std::uint8_t characteristic = 0;  // 0 = unused
  std::int8_t direct = kAbsent;
  std::int8_t multiplexed = kAbsent;
};

struct Metric {
  Stream stream;
  std::string_view column;  // wire integer with its unit: chunk and ClickHouse column, e.g. "elapsed_cs"
  std::string_view field;   // value shown at an edge with its unit: JSON, CSV, e.g. "elapsed_s"
  int shift;                // field = column / 10^shift, exact decimal
  std::string_view unit;    // of the field; "" = a number without one
  WireType type;
  NullRule null_rule;
  Codec codec;
  Enumeration enumeration;
  std::array<Placement, 4> placements;
  std::string_view description;
  std::uint32_t since = 1;  // catalogue version
};

// The metrics of a stream, in column order. Static storage.
std::span<const Metric> metrics(Stream stream);
// Index into metrics(stream) by column name; nullopt when there is none.
std::optional<std::size_t> find_column(Stream stream, std::string_view column);
// The same for a name known at the call's writing: aborts on a name that is not in the catalogue (a programming error).
std::size_t column_index(Stream stream, std::string_view column);

// How many leading metrics of the stream exist in that catalogue version.
std::size_t column_count(Stream stream, std::uint32_t version);

// Largest value that the metric's column can hold (smallest is 0).
std::int64_t max_value(const Metric& metric);
// True for kNull and 0..max_value.
bool in_range(const Metric& metric, std::int64_t value);
// The wire value as stored: kNull when the metric's null rule says so.
std::int64_t apply_null_rule(const Metric& metric, std::int64_t wire);

// A characteristic of the rowing service (0x0030).
struct Characteristic {
  std::uint8_t id;  // 0x31 for 0x0031
  std::string_view name;
  Stream stream;
  std::int8_t min_direct;       // shortest accepted payload; kAbsent = is never sent in that form
  std::int8_t min_multiplexed;  // without the id byte
};

std::span<const Characteristic> characteristics();
const Characteristic* find_characteristic(std::uint8_t id);

// Streams with a list of points (force_curve) and what `Record::bytes` is called at the edges ("tail", "detail",
// "block").
bool has_points(Stream stream);
std::string_view bytes_column(Stream stream);

}  // namespace boathouse::rowing
