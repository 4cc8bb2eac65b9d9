#include "server/http/negotiation.hpp"

#include <gtest/gtest.h>

namespace boathouse::http {
namespace {

TEST(ChooseCoding, TakesGzipWhereItIsWanted) {
  for (const std::string_view header :
       {"gzip", "GZip", "x-gzip", "deflate, gzip;q=0.5, br", "gzip;q=1.000", "*", "gzip ; Q=0.001",
        "identity;q=0.5, gzip;q=0.5", ",gzip,", "*;q=0.1, br", "gzip, gzip;q=0", "gzip;q=1."}) {
    EXPECT_EQ(choose_coding(header), Coding::gzip) << header;
  }
}

TEST(ChooseCoding, SendsPlainWhereItIsNot) {
  for (const std::string_view header :
       {"", "identity", "br, deflate", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *", "identity, gzip;q=0.9"}) {
    EXPECT_EQ(choose_coding(header), Coding::identity) << header;
  }
}

TEST(ChooseCoding, SendsPlainWhereTheHeaderIsBroken) {
  for (const std::string_view header : {"gzip;q=2", "gzip;q=1.001", "gzip;q=0.1234", "gzip;q=", "gzip;q", "gzip;x=1",
                                        "gz ip", "gzip;q=-1", "gzip;q=.5", "gzip;q=1;q=1", "gzip, b@d", ";q=1"}) {
    EXPECT_EQ(choose_coding(header), Coding::identity) << header;
  }
}

TEST(IsCompressible, KnowsText) {
  for (const std::string_view type :
       {"text/csv", "text/plain; charset=utf-8", "application/json", "Application/JSON", "application/problem+json",
        "application/graphql-response+json", "image/svg+xml", "application/x-ndjson"}) {
    EXPECT_TRUE(is_compressible(type)) << type;
  }
  for (const std::string_view type : {"", "image/png", "application/zip", "application/octet-stream",
                                      "text/event-stream", "TEXT/Event-Stream;x", "application/jsonx", "json"}) {
    EXPECT_FALSE(is_compressible(type)) << type;
  }
}

RequestHead with_condition(std::string_view value) {
  RequestHead request;
  request.headers.add("If-None-Match", value);
  return request;
}

TEST(NotModified, ComparesWeaklyInEitherCoding) {
  const std::string etag = make_etag("abc");
  EXPECT_EQ(etag, "\"abc\"");
  EXPECT_EQ(gzip_etag(etag), "\"abc-gzip\"");
  for (const std::string_view value :
       {"\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "\"x\" , W/\"y\",\"abc\"", "*", "\"a,b\", \"abc\"", ",,\"abc\""}) {
    const auto response = not_modified(with_condition(value), etag);
    ASSERT_TRUE(response) << value;
    EXPECT_EQ(response->status, 304);
    EXPECT_EQ(*response->headers.find("ETag"), "\"abc\"");
    EXPECT_EQ(*response->headers.find("Vary"), "Accept-Encoding");
  }
  EXPECT_EQ(*not_modified(with_condition("W/\"abc-gzip\""), etag)->headers.find("ETag"), "\"abc-gzip\"");
}

TEST(NotModified, IsNothingWhereNothingMatches) {
  EXPECT_FALSE(not_modified(RequestHead(), make_etag("abc")));
  for (const std::string_view value :
       {"\"abd\"", "abc", "\"abc", "\"ABC\"", "\"abc-gzip-gzip\"", "", "w/\"abc\"", "x \"abc\""}) {
    EXPECT_FALSE(not_modified(with_condition(value), make_etag("abc"))) << value;
  }
}

TEST(NotModified, ReadsAListOverSeveralHeaders) {
  RequestHead request = with_condition("\"x\"");
  request.headers.add("if-none-match", "\"abc\"");
  EXPECT_TRUE(not_modified(request, make_etag("abc")));
}

}  // namespace
}  // namespace boathouse::http
