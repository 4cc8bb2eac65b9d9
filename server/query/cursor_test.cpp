#include "server/query/cursor.hpp"

#include <gtest/gtest.h>

namespace boathouse::query {
namespace {

PageKey some_key() {
  PageKey key;
  key.started_ms = 1795372620123;
  for (std::size_t i = 0; i < 16; ++i) key.session.bytes[i] = static_cast<std::uint8_t>(i * 7);
  return key;
}

base::Digest secret(std::uint8_t fill) {
  base::Digest digest{};
  digest.fill(fill);
  return digest;
}

TEST(Cursor, ComesBackInItsScope) {
  const CursorCodec codec(secret(1));
  const auto decoded = codec.decode(codec.encode(some_key(), "anna\nfrom=1"), "anna\nfrom=1");
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->started_ms, some_key().started_ms);
  EXPECT_EQ(decoded->session, some_key().session);
}

TEST(Cursor, IsOfNoUseToAnotherTenantFilterOrServer) {
  const CursorCodec codec(secret(1));
  const std::string text = codec.encode(some_key(), "anna\nfrom=1");
  EXPECT_FALSE(codec.decode(text, "ben\nfrom=1").ok());
  EXPECT_FALSE(codec.decode(text, "anna\nfrom=2").ok());
  EXPECT_FALSE(CursorCodec(secret(2)).decode(text, "anna\nfrom=1").ok());
}

TEST(Cursor, AnyOtherTextIsRefused) {
  const CursorCodec codec(secret(1));
  const std::string good = codec.encode(some_key(), "s");
  EXPECT_FALSE(codec.decode("", "s").ok());
  EXPECT_FALSE(codec.decode("AAAA", "s").ok());
  EXPECT_FALSE(codec.decode(good + "A", "s").ok());
  EXPECT_FALSE(codec.decode(good.substr(1), "s").ok());
  for (std::size_t i = 0; i + 1 < good.size(); ++i) {  // the last character holds unused bits
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(codec.decode(bad, "s").ok()) << i;
  }
}

}  // namespace
}  // namespace boathouse::query
