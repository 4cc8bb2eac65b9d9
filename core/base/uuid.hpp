// UUIDs of RFC 9562, and the one source of new ones (version 7: they sort by time of making).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"

namespace boathouse::base {

// Sixteen bytes in the order of the text; compares bytewise, so as the text does. Default: the nil UUID.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  friend auto operator<=>(const Uuid&, const Uuid&) = default;

  // Lower case 8-4-4-4-12, e.g. "018bcfe5-6800-7abc-8def-0123456789ab".
  [[nodiscard]] std::string text() const;

  // Takes exactly what text() gives (any version, no braces, no upper case: an id has one spelling);
  // otherwise invalid_input naming the 1-based character.
  static Result<Uuid> parse(std::string_view text);
};

// Makes version 7 UUIDs: 48 bits of clock.utc_ms(), 74 random bits. Each is greater than the one before, also within a
// millisecond and when the clock steps back (RFC 9562 6.2, method 2: the random part grows by a random step, its
// overflow goes into the time), but only among the ids of one source. A clock outside of 48 bits counts as the nearest
// end. Any thread, if nobody else uses `random` at the same time (SystemRandom is free of that).
class UuidV7Source {
 public:
  // Both must outlive the source.
  UuidV7Source(Clock& clock, RandomSource& random) : clock_(clock), random_(random) {}

  Uuid next();

 private:
  void draw_counter();

  Clock& clock_;
  RandomSource& random_;
  std::mutex mutex_;
  std::int64_t time_ms_ = -1;       // of the last id; -1 before the first
  std::uint64_t counter_high_ = 0;  // the 12 bits of rand_a
  std::uint64_t counter_low_ = 0;   // the 62 bits of rand_b
};

}  // namespace boathouse::base

template <>
struct std::hash<boathouse::base::Uuid> {
  std::size_t operator()(const boathouse::base::Uuid& uuid) const noexcept;
};
