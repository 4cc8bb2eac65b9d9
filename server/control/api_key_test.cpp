#include "server/control/api_key.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace boathouse::control {
namespace {

// The check was made by another program (Python's zlib.crc32).
constexpr std::string_view kKnown =
    "rk_live_018bcfe568007abc8def0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA360nWr";

TEST(ApiKey, ParsesAKnownOne) {
  const auto id = parse_api_key(kKnown);
  ASSERT_TRUE(id) << id.error().text;
  EXPECT_EQ(id->text(), "018bcfe5-6800-7abc-8def-0123456789ab");
}

TEST(ApiKey, WhatIsMadeIsParsed) {
  base::SystemRandom random;
  const auto id = base::Uuid::parse("018bcfe5-6800-7abc-8def-0123456789ab");
  std::set<std::string> keys;
  for (int i = 0; i < 200; ++i) {
    const std::string key = make_api_key(*id, random);
    EXPECT_EQ(key.size(), 90U);
    EXPECT_TRUE(std::all_of(key.begin(), key.end(),
                            [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; }));
    const auto parsed = parse_api_key(key);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, *id);
    keys.insert(key);
  }
  EXPECT_EQ(keys.size(), 200U);
}

TEST(ApiKey, EveryDigitOfTheSecretIsUsed) {
  base::SeededRandom random(5);
  std::set<char> digits;
  for (int i = 0; i < 100; ++i) {
    const std::string key = make_api_key(base::Uuid{}, random);
    digits.insert(key.begin() + 41, key.begin() + 84);
  }
  EXPECT_EQ(digits.size(), 62U);
}

TEST(ApiKey, AnyOneWrongCharacterIsSeen) {
  for (std::size_t i = 0; i < kKnown.size(); ++i) {
    std::string key(kKnown);
    key[i] = key[i] == '7' ? '8' : '7';
    const auto parsed = parse_api_key(key);
    ASSERT_FALSE(parsed) << i;
    EXPECT_EQ(parsed.error().code, base::ErrorCode::unauthenticated);
  }
}

TEST(ApiKey, AnyOtherLengthIsSeenAndNothingIsRepeated) {
  for (std::size_t length = 0; length < kKnown.size(); ++length) {
    const auto parsed = parse_api_key(kKnown.substr(0, length));
    ASSERT_FALSE(parsed) << length;
    EXPECT_EQ(parsed.error().text.find("018bcfe5"), std::string::npos);
  }
  EXPECT_FALSE(parse_api_key(std::string(kKnown) + " "));
  EXPECT_FALSE(parse_api_key("rk_test" + std::string(kKnown.substr(7))));
  EXPECT_FALSE(parse_api_key(std::string(1 << 20, 'x')));
}

}  // namespace
}  // namespace boathouse::control
