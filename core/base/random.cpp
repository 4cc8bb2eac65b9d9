#include "core/base/random.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <stdexcept>

#if defined(__APPLE__)
#include <stdlib.h>
#else
#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#endif

namespace boathouse::base {
namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

#if defined(__APPLE__)
void SystemRandom::fill(std::span<std::uint8_t> out) { arc4random_buf(out.data(), out.size()); }
#else
void SystemRandom::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got >= 0) {
      out = out.subspan(static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      std::perror("getrandom");
      std::abort();
    }
  }
}
#endif

SeededRandom::SeededRandom(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    word = splitmix64(seed);
  }
}

std::uint64_t SeededRandom::u64() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

void SeededRandom::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    std::uint64_t word = u64();
    const std::size_t count = std::min<std::size_t>(out.size(), 8);
    for (std::uint8_t& byte : out.first(count)) {
      byte = static_cast<std::uint8_t>(word);
      word >>= 8;
    }
    out = out.subspan(count);
  }
}

std::uint64_t SeededRandom::below(std::uint64_t n) {
  if (n == 0) {
    throw std::invalid_argument("SeededRandom::below(0)");
  }
  // 2^64 mod n numbers too many would favour the small answers: draw again when one of them comes.
  const std::uint64_t surplus = (0 - n) % n;
  std::uint64_t drawn = u64();
  while (drawn < surplus) {
    drawn = u64();
  }
  return drawn % n;
}

double SeededRandom::unit() { return static_cast<double>(u64() >> 11) * 0x1p-53; }

double SeededRandom::normal() {
  // Twelve 32-bit numbers: their sum has the variance 12 * 2^64 / 12, so one deviation is 2^32. The sum is exact in 36
  // bits and so is its division; logarithms, as Box and Muller need, differ between C libraries in the last bit.
  constexpr std::int64_t kMean = 6 * ((std::int64_t{1} << 32) - 1);
  std::int64_t sum = 0;
  for (int i = 0; i < 6; ++i) {
    const std::uint64_t pair = u64();
    sum += static_cast<std::int64_t>((pair >> 32) + (pair & 0xffffffff));
  }
  return static_cast<double>(sum - kMean) * 0x1p-32;
}

}  // namespace boathouse::base
