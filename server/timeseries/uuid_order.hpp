// ClickHouse's order of UUIDs, in its keys and for its operators: by the second half, then by the first. Pages of
// athletes are cut by it, for `athlete` is what the keys of all tables begin with.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/base/uuid.hpp"

namespace boathouse::timeseries {

inline bool is_before(const base::Uuid& a, const base::Uuid& b) {
  const auto halves = [](const base::Uuid& id) {
    std::array<std::uint8_t, 16> turned = id.bytes;
    std::rotate(turned.begin(), turned.begin() + 8, turned.end());
    return turned;
  };
  return halves(a) < halves(b);
}

}  // namespace boathouse::timeseries
