// Randomness comes in through this door only, so that tests and the simulator can repeat a run from its seed.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace boathouse::base {

struct RandomSource {
  virtual ~RandomSource() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;
};

// The operating system's generator: fit for keys and ids. Any thread. Ends the process if the system has none to give,
// because going on with predictable ids and keys would be worse.
class SystemRandom final : public RandomSource {
 public:
  void fill(std::span<std::uint8_t> out) override;
};

// xoshiro256** (Blackman, Vigna 2018) seeded by splitmix64: the same numbers from the same seed on every platform and
// compiler, `normal()` included, because nothing in it rounds. Never for keys. One thread at a time.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed);

  // Takes ceil(size / 8) numbers, their bytes little-endian.
  void fill(std::span<std::uint8_t> out) override;

  std::uint64_t u64();
  // Even over [0, n); n > 0, else std::invalid_argument.
  std::uint64_t below(std::uint64_t n);
  // Even over [0, 1), in steps of 2^-53.
  double unit();
  // Mean 0, standard deviation 1, within [-6, 6]: the sum of twelve even numbers (Irwin-Hall), for noise in
  // simulations.
  double normal();

 private:
  std::array<std::uint64_t, 4> state_;
};

}  // namespace boathouse::base
