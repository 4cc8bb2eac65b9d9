// One record of a stream, as plain integers in the monitor's own units.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/rowing/stream.hpp"

namespace boathouse::rowing {

// "Not available". No wire field is wider than 32 bits, so no measured value can collide with it.
inline constexpr std::int64_t kNull = std::numeric_limits<std::int64_t>::min();

// values[i] belongs to metrics(stream)[i] of the catalogue (core/rowing/catalogue.hpp).
struct Record {
  Stream stream = Stream::sample;
  std::vector<std::int64_t> values;  // one per metric of the stream; kNull = not available
  std::vector<std::int64_t> points;  // force_curve only: force in lbf, in order
  std::string bytes;                 // event: detail (JSON text); source: the block; others: appended bytes ("tail")

  bool operator==(const Record&) const = default;
};

}  // namespace boathouse::rowing
