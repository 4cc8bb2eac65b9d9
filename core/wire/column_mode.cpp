#include "core/wire/column_mode.hpp"

namespace boathouse::wire {

Mode smallest_mode(std::size_t values, std::span<const Step> steps) {
  if (steps.size() == 1) {
    return Mode::constant;
  }
  std::size_t sparse = base::varint_size(steps.size() - 1);
  std::size_t delta = values - 1;        // one byte for each difference of 0 ...
  std::size_t delta_delta = values - 1;  // ... and more for the others, below
  std::uint32_t previous_at = 0;
  std::uint64_t previous = 0;  // difference of the value before, if that was a step
  for (std::size_t n = 1; n < steps.size(); ++n) {
    const std::uint32_t at = steps[n].at;
    const std::uint64_t change = difference(steps[n].value, steps[n - 1].value);
    const std::size_t size = base::varint_size(zigzag(change));
    sparse += base::varint_size(at - previous_at - 1) + size;
    delta += size - 1;
    if (at != previous_at + 1) {
      delta_delta += base::varint_size(zigzag(0 - previous)) - 1;
      previous = 0;
    }
    delta_delta += base::varint_size(zigzag(change - previous)) - 1;
    previous_at = at;
    previous = change;
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
