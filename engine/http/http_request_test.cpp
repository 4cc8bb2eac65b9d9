#include "engine/http/http_request.hpp"

#include <gtest/gtest.h>

#include <string>

#include "engine/http/exception.hpp"

namespace boathouse::engine_http {
namespace {

std::string head(std::string_view lines) {
  std::string out;
  for (const char c : lines) {
    out += c == '\n' ? std::string("\r\n") : std::string(1, c);
  }
  return out + "\r\n\r\n";
}

int head_error(std::string_view lines) {
  const auto request = parse_head(head(lines));
  return request ? 0 : exception_code(request.error().text);
}

TEST(HttpRequest, TakesAddressParametersAndHeadersApart) {
  const auto request =
      parse_head(head("POST /a%20b?query=SELECT+%27x%26y%27&param_v=1%2B1&empty=&flag HTTP/1.1\n"
                      "Host: h\nX-ClickHouse-User:  me \t\nContent-Length: 12\nEXPECT: 100-Continue"));
  ASSERT_TRUE(request) << request.error().text;
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->path, "/a b");
  ASSERT_EQ(request->parameters.size(), 4U);
  EXPECT_EQ(*request->parameter("query"), "SELECT 'x&y'");
  EXPECT_EQ(*request->parameter("param_v"), "1+1");
  EXPECT_EQ(*request->parameter("empty"), "");
  EXPECT_EQ(*request->parameter("flag"), "");
  EXPECT_EQ(request->parameter("QUERY"), nullptr);
  EXPECT_EQ(*request->header("x-clickhouse-user"), "me");
  EXPECT_EQ(request->header("absent"), nullptr);
  EXPECT_EQ(request->framing, Framing::length);
  EXPECT_EQ(request->content_length, 12U);
  EXPECT_TRUE(request->keep_alive);
  EXPECT_TRUE(request->expects_continue);
}

TEST(HttpRequest, ValuesMayHoldAnyByte) {
  const auto request = parse_head(head("GET /?q=%00%ff%0A HTTP/1.1"));
  ASSERT_TRUE(request);
  EXPECT_EQ(*request->parameter("q"), std::string("\0\xff\n", 3));
}

TEST(HttpRequest, KnowsWhenTheConnectionEnds) {
  EXPECT_FALSE(parse_head(head("GET / HTTP/1.0"))->keep_alive);
  EXPECT_TRUE(parse_head(head("GET / HTTP/1.0\nConnection: Keep-Alive"))->keep_alive);
  EXPECT_FALSE(parse_head(head("GET / HTTP/1.1\nConnection: close"))->keep_alive);
  EXPECT_EQ(parse_head(head("POST / HTTP/1.1\nTransfer-Encoding: Chunked"))->framing, Framing::chunked);
}

TEST(HttpRequest, RefusesWhatTwoReadersCouldTakeDifferently) {
  EXPECT_EQ(head_error("POST / HTTP/1.1\nContent-Length: 1\nTransfer-Encoding: chunked"), 408);
  EXPECT_EQ(head_error("POST / HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length: 1"), 408);
  EXPECT_EQ(head_error("POST / HTTP/1.1\nContent-Length: 1\nContent-Length: 1"), 408);
  EXPECT_EQ(head_error("POST / HTTP/1.1\nContent-Length: 1, 1"), 408);
  EXPECT_EQ(head_error("POST / HTTP/1.1\nContent-Length: -1"), 408);
  EXPECT_EQ(head_error("POST / HTTP/1.1\nContent-Length:"), 408);
  EXPECT_EQ(head_error("POST / HTTP/1.1\nContent-Length: 18446744073709551616"), 408);
  EXPECT_EQ(head_error("POST / HTTP/1.0\nTransfer-Encoding: chunked"), 408);
  EXPECT_EQ(head_error("POST / HTTP/1.1\nTransfer-Encoding: gzip, chunked"), 48);
  EXPECT_EQ(head_error("POST / HTTP/1.1\nContent-Length : 1"), 408);
  EXPECT_EQ(head_error("POST / HTTP/1.1\nA: b\n folded: c"), 408);
  EXPECT_EQ(head_error("GET /?query=a&query=b HTTP/1.1"), 408);
  EXPECT_EQ(head_error("GET / HTTP/1.1\nA: b\x01"), 408);
  EXPECT_FALSE(parse_head("GET / HTTP/1.1\nHost: h\r\n\r\n"));
  EXPECT_FALSE(parse_head("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n"));
}

TEST(HttpRequest, RefusesWhatIsNoRequest) {
  EXPECT_EQ(head_error(""), 408);
  EXPECT_EQ(head_error("GET"), 408);
  EXPECT_EQ(head_error("GET /"), 408);
  EXPECT_EQ(head_error("GET / HTTP/2"), 408);
  EXPECT_EQ(head_error("GET x HTTP/1.1"), 408);
  EXPECT_EQ(head_error("GET /a b HTTP/1.1"), 408);
  EXPECT_EQ(head_error("G(T / HTTP/1.1"), 408);
  EXPECT_EQ(head_error("GET /?a=%4 HTTP/1.1"), 408);
  EXPECT_EQ(head_error("GET /%zz HTTP/1.1"), 408);
  EXPECT_EQ(head_error("GET / HTTP/1.1\nno colon"), 408);
  EXPECT_EQ(head_error("GET / HTTP/1.1\nExpect: tea"), 48);
  EXPECT_FALSE(parse_head("GET / HTTP/1.1\r\n"));
}

TEST(HttpRequest, CountsAreLimited) {
  std::string many = "GET / HTTP/1.1";
  for (std::size_t i = 0; i < kMaxHeaders; ++i) many += "\nA: b";
  EXPECT_EQ(head_error(many), 0);
  EXPECT_EQ(head_error(many + "\nA: b"), 229);
  std::string address = "GET /?";
  for (std::size_t i = 0; i < kMaxParameters; ++i) address += "p" + std::to_string(i) + "&";
  EXPECT_EQ(head_error(address + " HTTP/1.1"), 0);
  EXPECT_EQ(head_error(address + "last=1 HTTP/1.1"), 229);
}

TEST(HttpRequest, HeadSizeIsKnownOnlyWhenWhole) {
  const std::string whole = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(head_size(std::string_view(whole).substr(0, i)), std::nullopt);
  }
  EXPECT_EQ(head_size(whole + "body\r\n\r\n"), whole.size());
}

TEST(HttpRequest, NoPrefixOfARequestCrashes) {
  const std::string whole =
      head("POST /x?query=a%20b&param_c=d HTTP/1.1\nContent-Length: 5\nExpect: 100-continue\nConnection: close");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_FALSE(parse_head(std::string(whole, 0, i)));
    std::string flipped = whole;
    for (int bit = 0; bit < 8; ++bit) {
      flipped[i] = static_cast<char>(whole[i] ^ (1 << bit));
      (void)parse_head(flipped);
    }
  }
}

}  // namespace
}  // namespace boathouse::engine_http
