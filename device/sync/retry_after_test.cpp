#include "device/sync/retry_after.hpp"

#include <gtest/gtest.h>

#include "device/sync/engine.hpp"
#include "device/sync/reply.hpp"

namespace boathouse::sync {
namespace {

TEST(RetryAfter, TakesSeconds) {
  EXPECT_EQ(retry_after_ms({{"Retry-After", "120"}}), 120'000);
  EXPECT_EQ(retry_after_ms({{"RETRY-AFTER", "0"}}), 0);
  EXPECT_EQ(retry_after_ms({{"retry-after", "99999999999999999999999"}}), kMaxRetryAfterMs);
  EXPECT_EQ(retry_after_ms({{"retry-after", "7200"}}), kMaxRetryAfterMs);
  for (const char* const bad : {"", "-1", "1.5", "soon", " 5", "5 "}) {
    EXPECT_EQ(retry_after_ms({{"retry-after", bad}}), std::nullopt) << bad;
  }
  EXPECT_EQ(retry_after_ms({{"x", "5"}}), std::nullopt);
}

TEST(RetryAfter, ADateCountsFromTheAnswersOwnDate) {
  const char* const date = "Sun, 06 Nov 1994 08:49:37 GMT";
  EXPECT_EQ(retry_after_ms({{"date", date}, {"retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"}}), 30'000);
  EXPECT_EQ(retry_after_ms({{"date", date}, {"retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"}}), 0);
  EXPECT_EQ(retry_after_ms({{"retry-after", date}}), std::nullopt) << "no clock of ours is trusted";
}

TEST(RetryAfter, HttpDates) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777000);
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
  for (const char* const bad :
       {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT"}) {
    EXPECT_EQ(parse_http_date(bad), std::nullopt) << bad;
  }
}

TEST(DescribeError, SaysWhatTheProblemDocumentSays) {
  HttpResponse response{
      1, 403, {{"Content-Type", "application/problem+json; charset=utf-8"}}, R"({"title":"Forbidden"})"};
  EXPECT_EQ(describe_error(response), "403 (Forbidden)");
  response.body = R"({"title":"Forbidden","detail":"use another key"})";
  EXPECT_EQ(describe_error(response), "403 (use another key)");
  response.body = R"({"detail":")" + std::string(1000, 'x') + R"("})";
  EXPECT_EQ(describe_error(response).size(), 250u + 6u);
  response.body = R"({"detail":5})";
  EXPECT_EQ(describe_error(response), "403");
  response.body = "{";
  EXPECT_EQ(describe_error(response), "403");
  response.headers = {{"Content-Type", "text/html"}};
  response.body = "<h1>";
  EXPECT_EQ(describe_error(response), "403");
}

}  // namespace
}  // namespace boathouse::sync
