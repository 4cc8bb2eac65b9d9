#include <gtest/gtest.h>

#include <limits>

#include "core/base/json.hpp"
#include "core/base/random.hpp"

namespace boathouse::base {
namespace {

JsonValue parsed(std::string_view text) {
  Result<JsonValue> value = parse_json(text);
  EXPECT_TRUE(value.ok()) << text.substr(0, 200) << ": " << value.error().text;
  return value.ok() ? *std::move(value) : JsonValue();
}

Error refused(std::string_view text, JsonLimits limits = {}) {
  const Result<JsonValue> value = parse_json(text, limits);
  EXPECT_FALSE(value.ok()) << text.substr(0, 200);
  return value.ok() ? Error{} : value.error();
}

TEST(JsonReader, EveryKindOfValue) {
  const JsonValue value =
      parsed(R"( { "n" : null , "t":true,"f":false,"i":-12,"d":1.5e1,"s":"x","a":[1,[],{}],"o":{"k":0}} )");
  ASSERT_NE(value.object(), nullptr);
  EXPECT_EQ(value.object()->size(), 8U);
  EXPECT_EQ(value.object()->at(1).first, "t") << "the order of the document";
  EXPECT_TRUE(value.find("n")->is_null());
  EXPECT_EQ(value.find("t")->boolean(), true);
  EXPECT_EQ(value.find("f")->boolean(), false);
  EXPECT_EQ(value.find("i")->integer(), -12);
  EXPECT_EQ(value.find("i")->number(), -12.0);
  EXPECT_EQ(value.find("d")->number(), 15.0);
  EXPECT_EQ(value.find("d")->integer(), std::nullopt);
  EXPECT_EQ(*value.find("s")->text(), "x");
  EXPECT_EQ(value.find("a")->array()->size(), 3U);
  EXPECT_EQ(value.find("o")->find("k")->integer(), 0);
  EXPECT_EQ(value.find("absent"), nullptr);
}

TEST(JsonReader, AGetterOfAnotherKindGivesNothing) {
  const JsonValue text = parsed(R"("1")");
  EXPECT_EQ(text.integer(), std::nullopt);
  EXPECT_EQ(text.number(), std::nullopt);
  EXPECT_EQ(text.boolean(), std::nullopt);
  EXPECT_EQ(text.array(), nullptr);
  EXPECT_EQ(text.object(), nullptr);
  EXPECT_EQ(text.find("x"), nullptr);
  EXPECT_FALSE(text.is_null());
  EXPECT_EQ(parsed("1").text(), nullptr);
  EXPECT_EQ(parsed("1").boolean(), std::nullopt);
}

TEST(JsonReader, IntegersAreExactAndOthersTheNearestDouble) {
  EXPECT_EQ(parsed("9223372036854775807").integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parsed("-9223372036854775808").integer(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parsed("-0").integer(), 0);
  EXPECT_EQ(parsed("9223372036854775808").integer(), std::nullopt);
  EXPECT_EQ(parsed("9223372036854775808").number(), 9223372036854775808.0);
  EXPECT_EQ(parsed("0.1").number(), 0.1);
  EXPECT_EQ(parsed("1E-2").number(), 0.01);
  EXPECT_EQ(parsed("1.7976931348623157e+308").number(), std::numeric_limits<double>::max());
  EXPECT_EQ(parsed("4.9406564584124654e-324").number(), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(parsed("0.0e-999").number(), 0.0);
}

TEST(JsonReader, Escapes) {
  EXPECT_EQ(*parsed(R"("\"\\\/\b\f\n\r\t")").text(), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(*parsed(R"("\u0041\u00fc\u20AC\ud83d\udea3\uFFFF")").text(),
            "A\xc3\xbc\xe2\x82\xac\xf0\x9f\x9a\xa3\xef\xbf\xbf");
  EXPECT_EQ(*parsed(R"("a\u0000b")").text(), std::string("a\0b", 3));
  EXPECT_EQ(*parsed("\"\x7f\xf0\x9f\x9a\xa3\"").text(), "\x7f\xf0\x9f\x9a\xa3");
}

struct WrongJson {
  std::string_view text;
  std::string_view place;
};

TEST(JsonReader, RefusesAndNamesLineAndColumn) {
  const WrongJson cases[] = {
      {"", "line 1, column 1"},
      {" \n ", "line 2, column 2"},
      {"nul", "line 1, column 1"},
      {"True", "line 1, column 1"},
      {"truex", "line 1, column 5"},
      {"1 2", "line 1, column 3"},
      {"{} x", "line 1, column 4"},
      {"[1,]", "line 1, column 4"},
      {"[,1]", "line 1, column 2"},
      {"[1 2]", "line 1, column 4"},
      {"[1\n\n", "line 3, column 1"},
      {"[1}", "line 1, column 3"},
      {"{\"a\":1,}", "line 1, column 8"},
      {"{\"a\" 1}", "line 1, column 6"},
      {"{a:1}", "line 1, column 2"},
      {"{1:1}", "line 1, column 2"},
      {"{\"a\":}", "line 1, column 6"},
      {"{\"a\":1", "line 1, column 7"},
      {"{'a':1}", "line 1, column 2"},
      {"]", "line 1, column 1"},
      {"01", "line 1, column 1"},
      {"-01", "line 1, column 2"},
      {"-", "line 1, column 1"},
      {"+1", "line 1, column 1"},
      {".5", "line 1, column 1"},
      {"1.", "line 1, column 3"},
      {"1.e5", "line 1, column 3"},
      {"1e", "line 1, column 3"},
      {"1e+", "line 1, column 4"},
      {"0x10", "line 1, column 2"},
      {"NaN", "line 1, column 1"},
      {"-Infinity", "line 1, column 1"},
      {"1e309", "line 1, column 1"},
      {"[0,-1e400]", "line 1, column 4"},
      {"1e-999", "line 1, column 1"},
      {"\"abc", "line 1, column 5"},
      {"\"a\nb\"", "line 1, column 3"},
      {"\"a\tb\"", "line 1, column 3"},
      {"\"\\x41\"", "line 1, column 2"},
      {"\"\\", "line 1, column 2"},
      {"\"\\u12\"", "line 1, column 2"},
      {"\"\\u12g4\"", "line 1, column 2"},
      {"\"\\ud800\"", "line 1, column 2"},
      {"\"\\ud800x\"", "line 1, column 2"},
      {"\"\\ud800\\n\"", "line 1, column 2"},
      {"\"\\ud800\\ud800\"", "line 1, column 2"},
      {"\"\\ud800\\u0041\"", "line 1, column 2"},
      {"\"\\udc00\"", "line 1, column 2"},
      {"[\n  \"gr\xc3\xbc\xc3\x9f\", x]", "line 2, column 11"},
      {"\"\xff\"", "line 1, column 2"},
      {"\"\xed\xa0\x80\"", "line 1, column 2"},
      {"[1]\n\"\xc3", "line 2, column 2"},
      {"\xef\xbb\xbf{}", "line 1, column 1"},
      {"/* */ 1", "line 1, column 1"},
      {"\f1", "line 1, column 1"},
      {"{\"a\":1,\n \"b\":2,\n \"a\":3}", "line 3, column 2"},
      {"{\"a\":1,\"\\u0061\":2}", "line 1, column 8"},
      {"[{\"x\":{\"b\":1,\"c\":{},\"b\":2}}]", "line 1, column 21"},
  };
  for (const WrongJson& wrong : cases) {
    const Error error = refused(wrong.text);
    EXPECT_EQ(error.code, ErrorCode::invalid_input) << wrong.text;
    EXPECT_NE(error.text.find(std::string(wrong.place) + ":"), std::string::npos)
        << wrong.text << " gave " << error.text;
  }
  refused(std::string_view("1\0", 2));
}

TEST(JsonReader, TheSameKeyInDifferentObjectsIsFine) {
  EXPECT_EQ(parsed(R"([{"a":{"a":{"a":1}}},{"a":2},{"":0,"a":1}])").array()->size(), 3U);
}

TEST(JsonReader, DepthLimit) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_json(nested(64)).ok());
  const Error error = refused(nested(65));
  EXPECT_EQ(error.code, ErrorCode::too_large);
  EXPECT_NE(error.text.find("column 65:"), std::string::npos) << error.text;
  EXPECT_EQ(refused(std::string(1'000'000, '[')).code, ErrorCode::too_large);
  EXPECT_TRUE(parse_json("[{},[],{\"a\":[]}]", {.max_depth = 3}).ok());
  EXPECT_EQ(refused("[{\"a\":[]}]", {.max_depth = 2}).code, ErrorCode::too_large);
  EXPECT_TRUE(parse_json("1", {.max_depth = 0}).ok());
}

TEST(JsonReader, SizeLimit) {
  EXPECT_TRUE(parse_json("[1]", {.max_bytes = 3}).ok());
  EXPECT_EQ(refused("[1] ", {.max_bytes = 3}).code, ErrorCode::too_large);
}

// Quadratic work on any of these megabytes would take minutes to hours.
TEST(JsonReader, HostileTextsStayCheap) {
  constexpr JsonLimits kLimits{.max_bytes = 8U << 20};
  std::string keys = "{";
  for (int i = 0; i < 200'000; ++i) {
    keys += "\"k" + std::to_string(i) + "\":0,";
  }
  EXPECT_EQ(parse_json(keys + "\"last\":0}", kLimits)->object()->size(), 200'001U);
  EXPECT_NE(refused(keys + "\"k7\":0}", kLimits).text.find("twice"), std::string::npos);
  std::string one_text(4'000'002, 'x');
  one_text.front() = '"';
  one_text.back() = '"';
  EXPECT_EQ(parse_json(one_text, kLimits)->text()->size(), 4'000'000U);
  std::string escapes = "\"";
  for (int i = 0; i < 500'000; ++i) {
    escapes += "\\u0041";
  }
  EXPECT_EQ(parse_json(escapes + "\"", kLimits)->text()->size(), 500'000U);
  refused(std::string(4'000'000, '\n') + "x", kLimits);
  EXPECT_EQ(parse_json("0." + std::string(1'000'000, '1'), kLimits)->number(), 0.1111111111111111111);
  refused(std::string(1'000'000, '9'), kLimits);
  std::string objects = "[{}";
  for (int i = 0; i < 500'000; ++i) {
    objects += ",{}";
  }
  EXPECT_EQ(parse_json(objects + "]", kLimits)->array()->size(), 500'001U);
}

// Cutting, changing and mixing a good text must never crash, and what is taken must be taken again when written out.
TEST(JsonReader, DamagedTextsDoNotCrash) {
  const std::string good = R"({"id":"ses_1","n":[1,-2.5e3,null,true],"t":"\u20ac\ud83d\udea3\n","o":{"a":{"b":[]}}})";
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    const std::string part = good.substr(0, cut);
    EXPECT_FALSE(parse_json(part).ok()) << part;
  }
  SeededRandom random(17);
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    for (std::uint64_t i = random.below(3) + 1; i > 0; --i) {
      const std::size_t at = random.below(text.size());
      text[at] = random.below(2) == 0 ? static_cast<char>(random.below(256)) : good[random.below(good.size())];
    }
    const Result<JsonValue> value = parse_json(text);
    taken += value.ok() ? 1 : 0;
    if (!value.ok()) {
      ASSERT_TRUE(value.error().text.starts_with("JSON line 1, column ") ||
                  value.error().text.starts_with("JSON line 2, column ") ||
                  value.error().text.starts_with("JSON line 3, column ") ||
                  value.error().text.starts_with("JSON line 4, column "))
          << value.error().text;
    }
  }
  EXPECT_GT(taken, 100) << "the damage is so great that nothing is tested but refusals";
}

}  // namespace
}  // namespace boathouse::base
