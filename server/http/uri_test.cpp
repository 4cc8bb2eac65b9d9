#include "server/http/uri.hpp"

#include <gtest/gtest.h>

namespace boathouse::http {
namespace {

std::string error_of(const auto& result) { return result.ok() ? "no error" : result.error().text; }

TEST(PercentDecode, TakesWhatIsWellFormed) {
  EXPECT_EQ(*percent_decode(""), "");
  EXPECT_EQ(*percent_decode("a%20b%2Fc%2fd"), "a b/c/d");
  EXPECT_EQ(*percent_decode("+"), "+");
  EXPECT_EQ(*percent_decode("%E2%9C%93"), "\xE2\x9C\x93");
  EXPECT_EQ(*percent_decode("%2520"), "%20");
}

TEST(PercentDecode, RefusesTheRestAndNamesThePlace) {
  EXPECT_EQ(error_of(percent_decode("ab%")), "'%' at character 3 needs two hexadecimal digits after it");
  EXPECT_EQ(error_of(percent_decode("%4")), "'%' at character 1 needs two hexadecimal digits after it");
  EXPECT_EQ(error_of(percent_decode("%zz")), "'%' at character 1 needs two hexadecimal digits after it");
  EXPECT_EQ(error_of(percent_decode("%+1")), "'%' at character 1 needs two hexadecimal digits after it");
  EXPECT_EQ(error_of(percent_decode("x%00")), "the control character at character 2 is not allowed");
  EXPECT_EQ(error_of(percent_decode("%0d%0a")), "the control character at character 1 is not allowed");
  EXPECT_EQ(error_of(percent_decode("%7F")), "the control character at character 1 is not allowed");
  EXPECT_EQ(error_of(percent_decode("a b")), "character 2 must be percent-encoded");
  EXPECT_EQ(error_of(percent_decode("\xE2\x9C\x93")), "character 1 must be percent-encoded");
  EXPECT_EQ(error_of(percent_decode("%E2%9C")), "the percent-encoded bytes are not valid UTF-8");
  EXPECT_EQ(error_of(percent_decode("%C0%AF")), "the percent-encoded bytes are not valid UTF-8");
  EXPECT_EQ(percent_decode("%").error().code, base::ErrorCode::invalid_input);
}

TEST(ParseQuery, KeepsOrderAndRepeats) {
  const Parameters expected = {{"limit", "50"}, {"a b", "1+2"}, {"flag", ""}, {"limit", ""}, {"x", "=y"}};
  EXPECT_EQ(*parse_query("limit=50&a+b=1%2B2&flag&limit=&x==y"), expected);
  EXPECT_EQ(*find(expected, "limit"), "50");
  EXPECT_EQ(find(expected, "Limit"), nullptr);
}

TEST(ParseQuery, BracketsOfOperatorsStay) {
  const Parameters expected = {{"distance_m[gte]", "2000"}, {"distance_m[lt]", "5000"}};
  EXPECT_EQ(*parse_query("distance_m[gte]=2000&distance_m%5Blt%5D=5000"), expected);
}

TEST(ParseQuery, PassesOverEmptyPieces) {
  EXPECT_TRUE(parse_query("")->empty());
  EXPECT_EQ(parse_query("&a=1&&b=2&")->size(), 2U);
}

TEST(ParseQuery, RefusesTheRestAndNamesThePlace) {
  EXPECT_EQ(error_of(parse_query("a=1&=2")), "query parameter 2 has no name");
  EXPECT_EQ(error_of(parse_query("a=1&b=%f")),
            "query parameter 2 (value): '%' at character 1 needs two hexadecimal digits after it");
  EXPECT_EQ(error_of(parse_query("%00=1")),
            "query parameter 1 (name): the control character at character 1 is not allowed");
  std::string many;
  for (std::size_t i = 0; i < kMaxQueryParameters; ++i) {
    many += "a&";
  }
  many.pop_back();
  EXPECT_EQ(parse_query(many)->size(), kMaxQueryParameters);
  EXPECT_EQ(error_of(parse_query(many + "&a")), "more than 100 query parameters");
}

TEST(ParseTarget, CutsThePathBeforeItDecodes) {
  const auto target = parse_target("/v1/a%2Fb/%E2%9C%93?x=%2F");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->path, "/v1/a%2Fb/%E2%9C%93");
  EXPECT_EQ(target->segments, (std::vector<std::string>{"v1", "a/b", "\xE2\x9C\x93"}));
  EXPECT_EQ(target->query, (Parameters{{"x", "/"}}));
}

TEST(ParseTarget, KnowsAllForms) {
  EXPECT_TRUE(parse_target("/")->segments.empty());
  EXPECT_EQ(parse_target("/a/")->segments, (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(parse_target("*")->path, "*");
  EXPECT_EQ(parse_target("http://host:80/a?b=c")->path, "/a");
  EXPECT_EQ(parse_target("HTTPS://host")->path, "/");
  EXPECT_EQ(parse_target("http://host?b=c")->path, "/");
  EXPECT_EQ(parse_target("http://host?b=c")->query, (Parameters{{"b", "c"}}));
}

TEST(ParseTarget, RefusesTheRestAndNamesThePlace) {
  EXPECT_EQ(error_of(parse_target("")), "the request target must begin with '/'");
  EXPECT_EQ(error_of(parse_target("?a")), "no error");
  EXPECT_EQ(error_of(parse_target("v1")), "the request target must begin with '/'");
  EXPECT_EQ(error_of(parse_target("/a#b")), "the request target has a fragment ('#'), which a client must not send");
  EXPECT_EQ(error_of(parse_target("/a//b")), "path segment 2 is empty");
  EXPECT_EQ(error_of(parse_target("//")), "path segment 1 is empty");
  EXPECT_EQ(error_of(parse_target("/a/../b")), "path segment 2 is \".\" or \"..\", which is not allowed");
  EXPECT_EQ(error_of(parse_target("/%2e%2E")), "path segment 1 is \".\" or \"..\", which is not allowed");
  EXPECT_EQ(error_of(parse_target("/a/%zz")),
            "path segment 2: '%' at character 1 needs two hexadecimal digits after it");
}

}  // namespace
}  // namespace boathouse::http
