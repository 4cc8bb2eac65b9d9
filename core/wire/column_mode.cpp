#include "core/wire/column_mode.hpp"

namespace boathouse::wire {

Mode smallest_mode(std::size_t values, std::span<const ColumnChange> changes) {
  if (changes.empty()) {
    return Mode::constant;
  }
  std::size_t sparse = base::varint_size(changes.size());
  std::size_t delta = values - 1;        // one byte for each difference of 0 ...
  std::size_t delta_delta = values - 1;  // ... and more for the others, below
  std::uint32_t previous_at = 0;
  std::uint64_t previous = 0;  // difference of the value before, if that was a change
  for (const ColumnChange& change : changes) {
    const std::size_t size = base::varint_size(zigzag(change.difference));
    sparse += base::varint_size(change.at - previous_at - 1) + size;
    delta += size - 1;
    if (change.at != previous_at + 1) {
      delta_delta += base::varint_size(zigzag(0 - previous)) - 1;
      previous = 0;
    }
    delta_delta += base::varint_size(zigzag(change.difference - previous)) - 1;
    previous_at = change.at;
    previous = change.difference;
  }
  if (previous_at + 1 < values) {
    delta_delta += base::varint_size(zigzag(0 - previous)) - 1;
  }
  if (sparse <= delta && sparse <= delta_delta) {
    return Mode::sparse;
  }
  return delta <= delta_delta ? Mode::delta : Mode::delta_delta;
}

}  // namespace boathouse::wire
