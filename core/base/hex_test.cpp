#include "core/base/hex.hpp"

#include <gtest/gtest.h>

namespace boathouse::base {
namespace {

TEST(Hex, WritesLowerCase) {
  EXPECT_EQ(to_hex({}), "");
  EXPECT_EQ(to_hex(Bytes{0x00, 0x0a, 0xff, 0x5B}), "000aff5b");
}

TEST(Hex, ReadsEitherCaseWithBlanksBetweenBytes) {
  const Bytes expected = {0xde, 0xad, 0xbe, 0xef};
  for (const char* text : {"deadbeef", "DEADBEEF", "DeAd bEeF", " de ad\tbe  ef ", "dead be ef"}) {
    const Result<Bytes> bytes = from_hex(text);
    ASSERT_TRUE(bytes.ok()) << text << bytes.error().text;
    EXPECT_EQ(*bytes, expected) << text;
  }
  EXPECT_TRUE(from_hex("")->empty());
  EXPECT_TRUE(from_hex("  ")->empty());
}

struct WrongHex {
  std::string_view text;
  std::string_view place;
};

TEST(Hex, NamesThePlaceOfAnError) {
  const WrongHex cases[] = {
      {"0g", "character 2:"},   {"zz", "character 1:"},     {"00 1", "character 4:"}, {"0 0", "character 1:"},
      {"0x12", "character 2:"}, {"00\n11", "character 3:"}, {"abc", "character 3:"},
  };
  for (const WrongHex& wrong : cases) {
    const Result<Bytes> bytes = from_hex(wrong.text);
    ASSERT_FALSE(bytes.ok()) << wrong.text;
    EXPECT_EQ(bytes.error().code, ErrorCode::invalid_input);
    EXPECT_NE(bytes.error().text.find(wrong.place), std::string::npos) << bytes.error().text;
  }
}

TEST(Hex, EveryByteComesBack) {
  Bytes all;
  for (int i = 0; i < 256; ++i) {
    all.push_back(static_cast<std::uint8_t>(i));
  }
  EXPECT_EQ(*from_hex(to_hex(all)), all);
}

}  // namespace
}  // namespace boathouse::base
