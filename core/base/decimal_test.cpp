#include "core/base/decimal.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "core/base/random.hpp"

namespace boathouse::base {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

TEST(FormatScaled, KeepsExactlyTheShiftedDigits) {
  EXPECT_EQ(format_scaled(12345, 2), "123.45");
  EXPECT_EQ(format_scaled(2000, 1), "200.0");
  EXPECT_EQ(format_scaled(7, 0), "7");
  EXPECT_EQ(format_scaled(0, 0), "0");
  EXPECT_EQ(format_scaled(0, 3), "0.000");
  EXPECT_EQ(format_scaled(5, 1), "0.5");
  EXPECT_EQ(format_scaled(5, 2), "0.05");
  EXPECT_EQ(format_scaled(10, 1), "1.0");
  EXPECT_EQ(format_scaled(-5, 2), "-0.05");
  EXPECT_EQ(format_scaled(-12345, 2), "-123.45");
  EXPECT_EQ(format_scaled(-100, 0), "-100");
}

TEST(FormatScaled, TheEndsOfInt64) {
  EXPECT_EQ(format_scaled(kMost, 0), "9223372036854775807");
  EXPECT_EQ(format_scaled(kLeast, 0), "-9223372036854775808");
  EXPECT_EQ(format_scaled(kLeast, 2), "-92233720368547758.08");
  EXPECT_EQ(format_scaled(kLeast, 18), "-9.223372036854775808");
  EXPECT_EQ(format_scaled(1, 18), "0.000000000000000001");
}

TEST(FormatScaled, RefusesAShiftOutOfRange) {
  EXPECT_THROW(format_scaled(1, -1), std::invalid_argument);
  EXPECT_THROW(format_scaled(1, 19), std::invalid_argument);
  EXPECT_THROW((void)parse_scaled("1", -1), std::invalid_argument);
}

TEST(FormatScaled, Appends) {
  std::string line = "a,";
  append_scaled(line, -150, 1);
  EXPECT_EQ(line, "a,-15.0");
}

struct GoodNumber {
  std::string_view text;
  int shift;
  Scaled scaled;
};

TEST(ParseScaled, NearestIntegerAndWhetherItIsExact) {
  const GoodNumber cases[] = {
      {"123.45", 2, {12345, true}},
      {"123.45", 1, {1235, false}},
      {"123.44", 1, {1234, false}},
      {"123.4", 2, {12340, true}},
      {"123", 2, {12300, true}},
      {"+1.5", 1, {15, true}},
      {"-1.5", 0, {-2, false}},
      {"-1.49", 0, {-1, false}},
      {"0.5", 0, {1, false}},
      {"-0.5", 0, {-1, false}},
      {"0.4999999999999999999999999", 0, {0, false}},
      {"0.05", 0, {0, false}},
      {"9", 0, {9, true}},
      {"0.9", 0, {1, false}},
      {"0.09", 0, {0, false}},
      {"-0.0", 1, {0, true}},
      {"-0.01", 1, {0, false}},
      {"1.2300000000000000000000000000000000", 2, {123, true}},
      {"0000000000000000000000000000000000012", 1, {120, true}},
      {".5", 1, {5, true}},
      {"5.", 1, {50, true}},
      {"1e3", 2, {100000, true}},
      {"1.5E+2", 0, {150, true}},
      {"1500e-3", 1, {15, true}},
      {"1500e-3", 0, {2, false}},
      {"149e-2", 0, {1, false}},
      {"5e-1", 0, {1, false}},
      {"5e-2", 0, {0, false}},
      {"12e-99999999999999999999999999", 3, {0, false}},
      {"0e99999999999999999999999999", 3, {0, true}},
      {"0.000e5", 3, {0, true}},
      {"9223372036854775807", 0, {kMost, true}},
      {"-9223372036854775808", 0, {kLeast, true}},
      {"9223372036854775807.4", 0, {kMost, false}},
      {"-9223372036854775808.4", 0, {kLeast, false}},
      {"9223372036854775806.5", 0, {kMost, false}},
      {"0.000000000000000000000009223372036854775807e42", 0, {kMost, true}},
  };
  for (const GoodNumber& good : cases) {
    const Result<Scaled> scaled = parse_scaled(good.text, good.shift);
    ASSERT_TRUE(scaled.ok()) << good.text << ": " << scaled.error().text;
    EXPECT_EQ(scaled->value, good.scaled.value) << good.text << " shift " << good.shift;
    EXPECT_EQ(scaled->exact, good.scaled.exact) << good.text << " shift " << good.shift;
  }
}

TEST(ParseScaled, RefusesWhatIsNoNumber) {
  for (const char* text : {"",    " ",    "+",     "-",   ".",        "-.",  "e5",     ".e5",     "1e",    "1e+",
                           "1e-", "1e5.", "1.2.3", " 1",  "1 ",       "--1", "+-1",    "1,5",     "1'000", "0x10",
                           "inf", "-inf", "nan",   "NaN", "infinity", "1f",  "1:58.7", "\xd9\xa3"}) {
    const Result<Scaled> scaled = parse_scaled(text, 1);
    ASSERT_FALSE(scaled.ok()) << text;
    EXPECT_EQ(scaled.error().code, ErrorCode::invalid_input);
  }
  EXPECT_FALSE(parse_scaled(std::string_view("1\0", 2), 0).ok());
  EXPECT_NE(parse_scaled("12x", 0).error().text.find("character 3 "), std::string::npos);
}

TEST(ParseScaled, RefusesOverflow) {
  for (const char* text : {"9223372036854775808", "-9223372036854775809", "9223372036854775807.5",
                           "-9223372036854775808.5", "1e19", "1e99999999999999999999999", "18446744073709551616",
                           "18446744073709551617", "99999999999999999999999999999999"}) {
    EXPECT_FALSE(parse_scaled(text, 0).ok()) << text;
  }
  EXPECT_FALSE(parse_scaled("92233720368547758.08", 2).ok());
  EXPECT_TRUE(parse_scaled("-92233720368547758.08", 2).ok());
}

TEST(ParseScaled, AHugeTextIsReadOnceAndShownShort) {
  EXPECT_EQ(*parse_scaled("1." + std::string(1'000'000, '0'), 0), (Scaled{1, true}));
  const Result<Scaled> wrong = parse_scaled(std::string(1'000'000, '9'), 0);
  ASSERT_FALSE(wrong.ok());
  EXPECT_LT(wrong.error().text.size(), 200U);
}

TEST(ParseScaled, ReadsWhatFormatWrites) {
  SeededRandom random(11);
  for (int round = 0; round < 20'000; ++round) {
    const auto value = static_cast<std::int64_t>(random.u64()) >> random.below(64);
    const int shift = static_cast<int>(random.below(19));
    const Result<Scaled> scaled = parse_scaled(format_scaled(value, shift), shift);
    ASSERT_TRUE(scaled.ok());
    ASSERT_EQ(*scaled, (Scaled{value, true})) << format_scaled(value, shift);
  }
}

}  // namespace
}  // namespace boathouse::base
