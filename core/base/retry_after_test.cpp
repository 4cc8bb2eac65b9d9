#include "core/base/retry_after.hpp"

#include <gtest/gtest.h>

namespace boathouse::base {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

TEST(RetryAfter, TakesSeconds) {
  EXPECT_EQ(retry_after_ms("120", "", kHourMs), 120'000);
  EXPECT_EQ(retry_after_ms("0", "", kHourMs), 0);
  EXPECT_EQ(retry_after_ms("99999999999999999999999", "", kHourMs), kHourMs);
  EXPECT_EQ(retry_after_ms("7200", "", kHourMs), kHourMs);
  for (const char* const bad : {"", "-1", "1.5", "soon", " 5", "5 "}) {
    EXPECT_EQ(retry_after_ms(bad, "", kHourMs), std::nullopt) << bad;
  }
}

TEST(RetryAfter, ADateCountsFromTheAnswersOwnDate) {
  const char* const date = "Sun, 06 Nov 1994 08:49:37 GMT";
  EXPECT_EQ(retry_after_ms("Sun, 06 Nov 1994 08:50:07 GMT", date, kHourMs), 30'000);
  EXPECT_EQ(retry_after_ms("Sun, 06 Nov 1994 08:00:00 GMT", date, kHourMs), 0);
  EXPECT_EQ(retry_after_ms("Mon, 07 Nov 1994 08:00:00 GMT", date, kHourMs), kHourMs);
  EXPECT_EQ(retry_after_ms(date, "", kHourMs), std::nullopt) << "no clock of ours is trusted";
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

}  // namespace
}  // namespace boathouse::base
