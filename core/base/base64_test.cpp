#include "core/base/base64.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "core/base/random.hpp"

namespace boathouse::base {
namespace {

TEST(Base64, VectorsOfRfc4648) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), coded);
    const Result<Bytes> decoded = from_base64(coded);
    ASSERT_TRUE(decoded.ok()) << coded;
    EXPECT_EQ(as_text(*decoded), plain);

    const std::string_view bare = coded.substr(0, coded.find('='));
    EXPECT_EQ(to_base64url(as_bytes(plain)), bare);
    EXPECT_EQ(as_text(*from_base64url(bare)), plain);
  }
}

TEST(Base64, TheTwoAlphabets) {
  const Bytes bytes = {0xfb, 0xff, 0xfe};
  EXPECT_EQ(to_base64(bytes), "+//+");
  EXPECT_EQ(to_base64url(bytes), "-__-");
  EXPECT_FALSE(from_base64("-__-").ok());
  EXPECT_FALSE(from_base64url("+//+").ok());
}

TEST(Base64, RefusesAllButTheOneForm) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Z===", "====", "Zm9v====", "Zh==", "Zm9=", "Zm 9v===", "Zm9v\n",
                           "=Zm9", "Zg==Zg==", "Zm=v", "Zm9\xc3"}) {
    const Result<Bytes> decoded = from_base64(text);
    ASSERT_FALSE(decoded.ok()) << text;
    EXPECT_EQ(decoded.error().code, ErrorCode::invalid_input);
  }
  for (const char* text : {"Z", "Zg==", "Zh", "Zm9", "Zm9vY", "Zm9v\n", " "}) {
    EXPECT_FALSE(from_base64url(text).ok()) << text;
  }
}

TEST(Base64, NamesThePlaceOfAnError) {
  EXPECT_NE(from_base64("Zm!v").error().text.find("character 3:"), std::string::npos);
  EXPECT_NE(from_base64url("Zh").error().text.find("character 2:"), std::string::npos);
}

TEST(Base64, RandomBytesComeBack) {
  SeededRandom random(5);
  for (std::size_t size = 0; size < 100; ++size) {
    Bytes bytes(size);
    random.fill(bytes);
    EXPECT_EQ(*from_base64(to_base64(bytes)), bytes);
    EXPECT_EQ(*from_base64url(to_base64url(bytes)), bytes);
  }
}

}  // namespace
}  // namespace boathouse::base
