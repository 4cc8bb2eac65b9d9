#include "core/base/utf8.hpp"

#include <gtest/gtest.h>

#include "core/base/bytes.hpp"
#include "core/base/random.hpp"

namespace boathouse::base {
namespace {

TEST(Utf8, AcceptsTheEndsOfEveryLength) {
  for (const char* text :
       {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
        "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "2k \xe2\x80\x93 gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\xa3"}) {
    EXPECT_TRUE(is_valid_utf8(text)) << text;
  }
  EXPECT_TRUE(is_valid_utf8(std::string_view("a\0b", 3)));
}

TEST(Utf8, RefusesWhatUnicodeRefuses) {
  for (const char* text : {"\x80",
                           "\xbf",
                           "\xc0\x80",
                           "\xc1\xbf",
                           "\xc2",
                           "\xc2z",
                           "\xc2\xc2\x80",
                           "\xe0\x80\x80",
                           "\xe0\x9f\xbf",
                           "\xe2\x82",
                           "\xe2\x82z",
                           "\xed\xa0\x80",
                           "\xed\xbf\xbf",
                           "\xf0\x80\x80\x80",
                           "\xf0\x8f\xbf\xbf",
                           "\xf0\x9f\x9a",
                           "\xf4\x90\x80\x80",
                           "\xf5\x80\x80\x80",
                           "\xff",
                           "\xfe",
                           "12345678\xff",
                           "1234567\xff"
                           "8"}) {
    EXPECT_FALSE(is_valid_utf8(text));
  }
}

TEST(Utf8, SaysHowMuchIsValid) {
  EXPECT_EQ(valid_utf8_prefix("abc"), 3U);
  EXPECT_EQ(valid_utf8_prefix("0123456789\xc3\xbc\xff!"), 12U);
  EXPECT_EQ(valid_utf8_prefix("\xe2\x82"), 0U);
}

TEST(Utf8, CountsCodePoints) {
  EXPECT_EQ(code_point_count(""), 0U);
  EXPECT_EQ(code_point_count("gr\xc3\xbc\xc3\x9f"), 4U);
  EXPECT_EQ(code_point_count("\xf0\x9f\x9a\xa3\xe2\x82\xac"), 2U);
}

TEST(Utf8, AnInvalidStepIsTheMaximalSubpart) {
  // Unicode 3.9, table 3-8 and 3-11: 61 F1 80 80 E1 80 C2 62 80 63 80 BF 64 becomes a, three U+FFFD, b, one, c, two, d.
  std::string_view text = "\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64";
  std::string shown;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    shown += step.valid ? text.substr(0, step.length) : "?";
    text.remove_prefix(step.length);
  }
  EXPECT_EQ(shown, "a???b?c??d");
}

TEST(Utf8, EveryScalarValueComesOutValid) {
  for (char32_t c = 0; c <= 0x10ffff; ++c) {
    if (c == 0xd800) {
      c = 0xe000;
    }
    std::string text;
    append_utf8(text, c);
    const Utf8Step step = utf8_step(text);
    ASSERT_TRUE(step.valid) << static_cast<std::uint32_t>(c);
    ASSERT_EQ(step.length, text.size());
    ASSERT_EQ(code_point_count(text), 1U);
  }
  std::string euro;
  append_utf8(euro, U'\u20ac');
  EXPECT_EQ(euro, "\xe2\x82\xac");
}

// Steps always move on and stay inside, whatever the bytes: AddressSanitizer watches the end.
TEST(Utf8, StepsThroughAnyBytes) {
  SeededRandom random(4);
  for (int round = 0; round < 5'000; ++round) {
    Bytes bytes(1 + random.below(12));
    random.fill(bytes);
    if (round % 2 == 0) {
      for (std::uint8_t& byte : bytes) {
        byte |= 0x80;
      }
    }
    std::string_view text = as_text(bytes);
    bool all_valid = true;
    while (!text.empty()) {
      const Utf8Step step = utf8_step(text);
      ASSERT_GE(step.length, 1U);
      ASSERT_LE(step.length, text.size());
      all_valid = all_valid && step.valid;
      text.remove_prefix(step.length);
    }
    EXPECT_EQ(is_valid_utf8(as_text(bytes)), all_valid);
  }
}

}  // namespace
}  // namespace boathouse::base
