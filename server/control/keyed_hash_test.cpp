#include "server/control/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "core/base/hex.hpp"

namespace boathouse::control {
namespace {

// From `openssl dgst -sha256 -mac HMAC -macopt hexkey:0001...1f`.
TEST(KeyedHash, IsHmacSha256) {
  Pepper pepper{};
  std::iota(pepper.begin(), pepper.end(), std::uint8_t{0});
  EXPECT_EQ(base::to_hex(keyed_hash(pepper, "boathouse pepper")),
            "49c1a17e485b294cf4f1c627cd1e4eaf5f0b4ec0d720e7cd57ecfc95aca29546");
}

TEST(KeyedHash, ComparesEveryByte) {
  const base::Digest zero{};
  EXPECT_TRUE(equal_in_constant_time(zero, base::Digest{}));
  for (std::size_t i = 0; i < zero.size(); ++i) {
    base::Digest other{};
    other[i] = 1;
    EXPECT_FALSE(equal_in_constant_time(zero, other)) << i;
  }
}

}  // namespace
}  // namespace boathouse::control
