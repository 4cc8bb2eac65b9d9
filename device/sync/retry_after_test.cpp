#include "device/sync/retry_after.hpp"

#include <gtest/gtest.h>

#include "device/sync/engine.hpp"
#include "device/sync/reply.hpp"

namespace boathouse::sync {
namespace {

TEST(RetryAfter, IsFoundInAnAnswersHeaders) {
  EXPECT_EQ(retry_after_ms({{"Retry-After", "120"}}), 120'000);
  EXPECT_EQ(retry_after_ms({{"RETRY-AFTER", "0"}}), 0);
  EXPECT_EQ(retry_after_ms({{"retry-after", "7200"}}), kMaxRetryAfterMs);
  EXPECT_EQ(retry_after_ms({{"x", "5"}}), std::nullopt);
  EXPECT_EQ(
      retry_after_ms({{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"}, {"Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"}}),
      30'000);
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
