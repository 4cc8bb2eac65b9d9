#include "server/control/derived_random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "core/base/hex.hpp"

namespace boathouse::control {
namespace {

base::Digest seed_from_zero() {
  base::Digest seed{};
  std::iota(seed.begin(), seed.end(), std::uint8_t{0});
  return seed;
}

// From another program (Python's hmac): HMAC-SHA256(00 01 .. 1f, "block 0"), then of "block 1".
TEST(DerivedRandom, IsHmacOfACounter) {
  DerivedRandom random(seed_from_zero());
  std::array<std::uint8_t, 40> bytes{};
  random.fill(bytes);
  EXPECT_EQ(base::to_hex(bytes), "0a252e1e03fab01986122a2df86702b71aca956aa7c03e4ca4a8aba0c279e1269be54e23ee801b2f");
}

TEST(DerivedRandom, GoesOnAndNeverRepeats) {
  DerivedRandom random(seed_from_zero());
  DerivedRandom same(seed_from_zero());
  std::array<std::uint8_t, 32> first{};
  std::array<std::uint8_t, 32> second{};
  std::array<std::uint8_t, 64> both{};
  random.fill(first);
  random.fill(second);
  same.fill(both);
  EXPECT_NE(first, second);
  EXPECT_EQ(base::to_hex(first) + base::to_hex(second), base::to_hex(both));
  base::Digest other_seed = seed_from_zero();
  other_seed[31] ^= 1;
  DerivedRandom other(other_seed);
  std::array<std::uint8_t, 32> others{};
  other.fill(others);
  EXPECT_NE(first, others);
}

}  // namespace
}  // namespace boathouse::control
