// The modes of an integer column and the rule that picks one: shared by writer and reader of
// core/wire/integer_columns.hpp and by nobody else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/bytes.hpp"
#include "core/wire/step_columns.hpp"

namespace boathouse::wire {

// On disk and on the wire: never change. The order is also the one that breaks ties between equal sizes.
enum class Mode : std::uint8_t {
  null = 0,         // no value
  constant = 1,     // all values are the first
  sparse = 2,       // only the changes: rows between them, differences
  delta = 3,        // every difference to the value before
  delta_delta = 4,  // every difference to the difference before
};
inline constexpr std::uint8_t kSomeNull =
    0x08;  // added to a mode other than null: a run list says which rows have a value

// Differences wrap around in 64 bits, so that every pair of values has one.
inline std::uint64_t bits(std::int64_t value) { return static_cast<std::uint64_t>(value); }
inline std::uint64_t difference(std::int64_t value, std::int64_t before) { return bits(value) - bits(before); }
inline std::uint64_t zigzag(std::uint64_t difference) {
  return base::zigzag_encode(static_cast<std::int64_t>(difference));
}

// The mode that takes the fewest bytes. Both sides call this: the writer to pick, the reader to check. The first value
// is there in each mode and does not count. Time grows with the steps, of which there is at least one, not with the
// values.
Mode smallest_mode(std::size_t values, std::span<const Step> steps);

}  // namespace boathouse::wire
