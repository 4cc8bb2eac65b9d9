#include "server/http/response_writer.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "server/http/test_client.hpp"

namespace boathouse::http {
namespace {

ResponseContext context() {
  ResponseContext context;
  context.problem_head.request_id = "req-12345";
  context.problem_head.path = "/x";
  context.keep_alive = true;
  return context;
}

ResponseContext with_gzip() {
  ResponseContext with = context();
  with.accepts_gzip = true;
  return with;
}

bool has_line(const WireResponse& response, std::string_view line) {
  return response.head.find("\r\n" + std::string(line) + "\r\n") != std::string::npos;
}

// Gives the pieces one after the other.
BodySource pieces(std::vector<std::string> texts) {
  return [texts = std::move(texts), at = std::size_t{0}](std::string& out) mutable -> base::Result<bool> {
    out += texts[at];
    return ++at < texts.size();
  };
}

Response streamed(std::vector<std::string> texts, std::string_view type = "application/octet-stream") {
  Response response = make_response(200, type, "");
  response.source = pieces(std::move(texts));
  return response;
}

std::string all_of(WireResponse response) {
  std::string all = response.body;
  while (response.source) {
    pull(response);
    all += response.body;
  }
  EXPECT_FALSE(response.broken);
  return all;
}

TEST(WriteResponse, WritesTheHead) {
  const WireResponse response = write_response(make_response(404, "text/plain", "gone"), context());
  EXPECT_TRUE(response.head.starts_with("HTTP/1.1 404 Not Found\r\nDate: "));
  EXPECT_TRUE(has_line(response, "Request-Id: req-12345"));
  EXPECT_TRUE(has_line(response, "X-Content-Type-Options: nosniff"));
  EXPECT_TRUE(has_line(response, "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'"));
  EXPECT_TRUE(has_line(response, "Content-Type: text/plain"));
  EXPECT_TRUE(has_line(response, "Content-Length: 4"));
  EXPECT_EQ(response.head.find("Server"), std::string::npos);
  EXPECT_EQ(response.head.find("Strict-Transport-Security"), std::string::npos) << "never without TLS";
  EXPECT_EQ(response.body, "gone");
  EXPECT_TRUE(response.keep_alive);
  EXPECT_EQ(response.failure, "");
}

TEST(WriteResponse, APageBringsItsOwnPolicy) {
  Response page = make_response(200, "text/html", "<p>");
  page.headers.set("content-security-policy", "default-src 'self'");
  const WireResponse response = write_response(page, context());
  EXPECT_TRUE(has_line(response, "content-security-policy: default-src 'self'"));
  EXPECT_EQ(response.head.find("'none'"), std::string::npos);
}

TEST(WriteResponse, LeavesFramingToItself) {
  Response response = make_response(200, "text/plain", "12345");
  response.headers.add("content-length", "1");
  response.headers.add("Transfer-Encoding", "gzip");
  response.headers.add("Server", "boathouse/1");
  response.headers.add("Request-ID", "other");
  const WireResponse wire = write_response(std::move(response), context());
  EXPECT_TRUE(has_line(wire, "Content-Length: 5"));
  EXPECT_EQ(wire.head.find("gzip"), std::string::npos);
  EXPECT_EQ(wire.head.find("boathouse/1"), std::string::npos);
  EXPECT_EQ(wire.head.find("other"), std::string::npos);
}

TEST(WriteResponse, HeadHasTheLengthButNotTheBody) {
  ResponseContext head = context();
  head.head_only = true;
  const WireResponse response = write_response(make_response(200, "text/plain", "12345"), head);
  EXPECT_TRUE(has_line(response, "Content-Length: 5"));
  EXPECT_EQ(response.body, "");
  Response stream = make_response(200, "text/csv", "");
  stream.source = [](std::string&) -> base::Result<bool> { throw std::logic_error("HEAD must not ask for a body"); };
  const WireResponse streaming = write_response(std::move(stream), head);
  EXPECT_EQ(streaming.status, 200);
  EXPECT_TRUE(has_line(streaming, "Transfer-Encoding: chunked"));
  EXPECT_FALSE(streaming.source);
}

TEST(WriteResponse, SomeStatusesHaveNoBody) {
  for (const int status : {204, 304}) {
    Response response = make_response(status, "text/plain", "text");
    const WireResponse wire = write_response(std::move(response), context());
    EXPECT_EQ(wire.body, "");
    EXPECT_EQ(wire.head.find("Content-Length"), std::string::npos);
  }
}

TEST(WriteResponse, NeverSendsAHeaderThatItsAuthorDidNotMean) {
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"X-A", "b\r\nSet-Cookie: c"},
                                                                                    {"X-A", "b\nc"},
                                                                                    {"X-A", std::string("b\0c", 3)},
                                                                                    {"X A", "b"},
                                                                                    {"X:A", "b"},
                                                                                    {"", "b"},
                                                                                    {"X-A\r\nB", "b"}}) {
    Response response = make_response(200, "text/plain", "text");
    response.headers.add(name, value);
    const WireResponse wire = write_response(std::move(response), context());
    EXPECT_EQ(wire.status, 500) << name << value;
    EXPECT_NE(wire.failure, "");
    EXPECT_NE(wire.body.find("urn:boathouse:problem:internal"), std::string::npos);
    EXPECT_NE(wire.body.find("req-12345"), std::string::npos);
  }
}

TEST(WriteResponse, RefusesAStatusOutOfRange) {
  for (const int status : {0, 100, 199, 600, -1}) {
    const WireResponse wire = write_response(make_response(status, "text/plain", ""), context());
    EXPECT_EQ(wire.status, 500);
    EXPECT_EQ(wire.failure, "a handler answered with status " + std::to_string(status));
  }
}

TEST(WriteResponse, GivesTheNoteToTheLog) {
  Response response = make_response(500, "text/plain", "sorry");
  response.note = "disk 3";
  const WireResponse wire = write_response(std::move(response), context());
  EXPECT_EQ(wire.failure, "disk 3");
  EXPECT_EQ((wire.head + wire.body).find("disk 3"), std::string::npos);
}

TEST(WriteResponse, CompressesLargeText) {
  const std::string text(kCompressFrom, 'x');
  Response response = make_response(200, "application/json", text);
  response.headers.set("ETag", "\"v1\"");
  EXPECT_TRUE(needs_work(response, with_gzip()));
  EXPECT_FALSE(needs_work(response, context()));

  const WireResponse packed = write_response(response, with_gzip());
  EXPECT_TRUE(has_line(packed, "Content-Encoding: gzip"));
  EXPECT_TRUE(has_line(packed, "Vary: Accept-Encoding"));
  EXPECT_TRUE(has_line(packed, "ETag: \"v1-gzip\""));
  EXPECT_TRUE(has_line(packed, "Content-Length: " + std::to_string(packed.body.size())));
  EXPECT_EQ(testing::gunzip(packed.body), text);

  const WireResponse plain = write_response(response, context());
  EXPECT_TRUE(has_line(plain, "Vary: Accept-Encoding"));
  EXPECT_TRUE(has_line(plain, "ETag: \"v1\""));
  EXPECT_EQ(plain.body, text);
}

TEST(WriteResponse, LeavesTheRestAsItIs) {
  const std::string text(kCompressFrom, 'x');
  Response coded = make_response(200, "text/plain", text);
  coded.headers.set("Content-Encoding", "br");
  Response part = make_response(206, "text/plain", text);
  part.headers.set("Content-Range", "bytes 0-1023/2000");
  for (const Response& response :
       {make_response(200, "text/plain", text.substr(1)), make_response(200, "application/zip", text), coded, part}) {
    EXPECT_FALSE(needs_work(response, with_gzip()));
    const WireResponse wire = write_response(response, with_gzip());
    EXPECT_EQ(wire.body, response.body);
    EXPECT_EQ(wire.head.find("Vary"), std::string::npos);
  }
}

TEST(WriteResponse, AddsToVaryOnlyOnce) {
  Response response = make_response(200, "text/plain", std::string(kCompressFrom, 'x'));
  response.headers.set("Vary", "Authorization, accept-encoding");
  EXPECT_EQ(write_response(response, context()).head.find("Vary: Accept-Encoding"), std::string::npos);
  response.headers.set("Vary", "Authorization");
  const WireResponse both = write_response(response, context());
  EXPECT_TRUE(has_line(both, "Vary: Authorization"));
  EXPECT_TRUE(has_line(both, "Vary: Accept-Encoding"));
}

TEST(WriteResponse, StreamsInChunks) {
  const std::string large(300, 'y');
  const WireResponse wire = write_response(streamed({"abc", "", large, ""}), context());
  EXPECT_TRUE(has_line(wire, "Transfer-Encoding: chunked"));
  EXPECT_EQ(wire.head.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(wire.keep_alive);
  EXPECT_EQ(all_of(wire), "3\r\nabc\r\n12c\r\n" + large + "\r\n0\r\n\r\n");
  EXPECT_EQ(all_of(write_response(streamed({""}), context())), "0\r\n\r\n");
  EXPECT_EQ(all_of(write_response(streamed({"a"}), context())), "1\r\na\r\n0\r\n\r\n");
}

TEST(WriteResponse, StreamsToTheEndOfTheConnectionForOldClients) {
  ResponseContext old = context();
  old.http11 = false;
  const WireResponse wire = write_response(streamed({"abc", "def"}), old);
  EXPECT_EQ(wire.head.find("chunked"), std::string::npos);
  EXPECT_FALSE(wire.keep_alive);
  EXPECT_EQ(all_of(wire), "abcdef");
}

TEST(WriteResponse, CompressesStreams) {
  const std::string line = "1,2,3,4,5,6\n";
  ResponseContext old = with_gzip();
  old.http11 = false;
  const WireResponse wire = write_response(streamed({line, line, line}, "text/csv"), old);
  EXPECT_TRUE(has_line(wire, "Content-Encoding: gzip"));
  EXPECT_EQ(testing::gunzip(all_of(wire)), line + line + line);
}

TEST(WriteResponse, AFirstPieceThatFailsIsACleanError) {
  Response response = make_response(200, "text/csv", "");
  response.source = [](std::string& out) -> base::Result<bool> {
    out += "half a row";
    return base::Error{base::ErrorCode::unavailable, "the engine is away"};
  };
  const WireResponse wire = write_response(response, context());
  EXPECT_EQ(wire.status, 503);
  EXPECT_TRUE(has_line(wire, "Retry-After: 5"));
  EXPECT_FALSE(wire.source);
  EXPECT_EQ(wire.body.find("half a row"), std::string::npos);
  EXPECT_EQ(wire.body.find("the engine is away"), std::string::npos);
  EXPECT_NE(wire.failure.find("the engine is away"), std::string::npos);

  response.source = [](std::string&) -> base::Result<bool> { throw std::runtime_error("secret path"); };
  const WireResponse thrown = write_response(response, context());
  EXPECT_EQ(thrown.status, 500);
  EXPECT_EQ(thrown.body.find("secret path"), std::string::npos);
  EXPECT_NE(thrown.failure.find("secret path"), std::string::npos);
}

TEST(WriteResponse, ALaterPieceThatFailsBreaksTheBody) {
  Response response = make_response(200, "application/octet-stream", "");
  response.source = [count = 0](std::string& out) mutable -> base::Result<bool> {
    out += "piece";
    return ++count < 3 ? base::Result<bool>(true) : base::Error{base::ErrorCode::io, "disk"};
  };
  WireResponse wire = write_response(std::move(response), context());
  EXPECT_EQ(wire.status, 200);
  pull(wire);
  EXPECT_EQ(wire.body, "5\r\npiece\r\n");
  EXPECT_FALSE(wire.broken);
  pull(wire);
  EXPECT_TRUE(wire.broken);
  EXPECT_EQ(wire.failure, "the body broke off: disk");
  EXPECT_FALSE(wire.source);
}

TEST(HttpDate, IsImfFixdate) {
  EXPECT_EQ(http_date(784111777000), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(1709164799999), "Wed, 28 Feb 2024 23:59:59 GMT");
  EXPECT_EQ(http_date(1709164800000), "Thu, 29 Feb 2024 00:00:00 GMT");
  EXPECT_EQ(http_date(-1), "Thu, 01 Jan 1970 00:00:00 GMT");
}

}  // namespace
}  // namespace boathouse::http
