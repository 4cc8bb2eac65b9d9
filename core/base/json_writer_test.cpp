#include <gtest/gtest.h>

#include <limits>

#include "core/base/decimal.hpp"
#include "core/base/json.hpp"

namespace boathouse::base {
namespace {

// What one text value becomes, without its quotes.
std::string escaped(std::string_view text) {
  std::string out;
  JsonWriter(out).value(text);
  return out.substr(1, out.size() - 2);
}

TEST(JsonWriter, PutsCommasAndColonsWhereTheyBelong) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.key("a").value(1);
  writer.key("empty").begin_object().end_object();
  writer.key("list").begin_array().value("x").null().begin_array().end_array().value(true).end_array();
  writer.key("rows").begin_array();
  writer.begin_object().key("n").value(1).end_object();
  writer.begin_object().key("n").value(2).end_object();
  writer.end_array();
  writer.key("last").value(false);
  writer.end_object();
  EXPECT_EQ(out, R"({"a":1,"empty":{},"list":["x",null,[],true],"rows":[{"n":1},{"n":2}],"last":false})");
}

TEST(JsonWriter, NumbersAreExact) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_array();
  writer.value(std::numeric_limits<std::int64_t>::min()).value(std::numeric_limits<std::uint64_t>::max());
  writer.value(std::uint8_t{200}).value(std::int8_t{-5}).value(0U);
  writer.number(format_scaled(-1184, 1)).number("1e3");
  writer.end_array();
  EXPECT_EQ(out, "[-9223372036854775808,18446744073709551615,200,-5,0,-118.4,1e3]");
}

TEST(JsonWriter, TextOverloadsAreTextAndNotBool) {
  std::string out;
  JsonWriter writer(out);
  const std::string text = "s";
  writer.begin_array().value("literal").value(text).value(std::string_view("view")).end_array();
  EXPECT_EQ(out, R"(["literal","s","view"])");
}

TEST(JsonWriter, EscapesWhatJsonDemands) {
  EXPECT_EQ(escaped("plain /text'"), "plain /text'");
  EXPECT_EQ(escaped("a\"b\\c"), R"(a\"b\\c)");
  EXPECT_EQ(escaped("\b\f\n\r\t"), R"(\b\f\n\r\t)");
  EXPECT_EQ(escaped(std::string_view("\0\x01\x1f\x7f", 4)), "\\u0000\\u0001\\u001f\x7f");
  EXPECT_EQ(escaped("gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\xa3"), "gr\xc3\xbc\xc3\x9f \xf0\x9f\x9a\xa3");
  std::string key;
  JsonWriter(key).begin_object().key("a\"\n").null().end_object();
  EXPECT_EQ(key, R"({"a\"\n":null})");
}

TEST(JsonWriter, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(escaped("a\xff"
                    "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(escaped("\xe2\x82"), "\xef\xbf\xbd");
  EXPECT_EQ(escaped("\xe2\x82\"x"), "\xef\xbf\xbd\\\"x");
  EXPECT_EQ(escaped("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(JsonWriter, TheStringMayBeEmptiedOnTheWay) {
  std::string out;
  std::string sent;
  JsonWriter writer(out);
  writer.begin_array();
  for (int i = 0; i < 3; ++i) {
    writer.value(i);
    sent += out;
    out.clear();
  }
  writer.end_array();
  EXPECT_EQ(sent + out, "[0,1,2]");
}

// Every byte string is written so that our strict reader takes it; valid text comes back as it was.
TEST(JsonWriter, TheReaderTakesWhatItWrites) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second)};
      std::string out;
      JsonWriter(out).value(text);
      const Result<JsonValue> value = parse_json(out);
      ASSERT_TRUE(value.ok()) << out << value.error().text;
      if (first < 128 && second < 128) {
        ASSERT_EQ(*value->text(), text);
      }
    }
  }
}

}  // namespace
}  // namespace boathouse::base
