#include "server/api/parameters.hpp"

#include <gtest/gtest.h>

namespace boathouse::api {
namespace {

TEST(Parameters, AnUnknownOrRepeatedNameIsRefusedByName) {
  EXPECT_TRUE(check_names({}, {}).ok());
  EXPECT_TRUE(check_names({{"limit", "1"}, {"from", "x"}}, {"from", "limit"}).ok());
  const auto unknown = check_names({{"colour", "red"}}, {"from", "limit"});
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().text.find("'colour'"), std::string::npos);
  EXPECT_NE(unknown.error().text.find("from, limit"), std::string::npos);
  EXPECT_FALSE(check_names({{"limit", "1"}, {"limit", "2"}}, {"limit"}).ok());
}

TEST(Parameters, ALimitIsAWholeNumberInRange) {
  EXPECT_EQ(*read_limit({}, 50, 200), 50U);
  EXPECT_EQ(*read_limit({{"limit", "1"}}, 50, 200), 1U);
  EXPECT_EQ(*read_limit({{"limit", "200"}}, 50, 200), 200U);
  for (const char* bad : {"", "0", "201", "-1", "1.5", "1x", " 1", "99999999999999999999"}) {
    EXPECT_FALSE(read_limit({{"limit", bad}}, 50, 200).ok()) << bad;
  }
}

TEST(Parameters, ACountIsAWholeNumber) {
  EXPECT_EQ(*read_count({}, "after"), 0);
  EXPECT_EQ(*read_count({{"after", "9223372036854775807"}}, "after"), INT64_MAX);
  for (const char* bad : {"", "-1", "1.5", "1x", " 1", "9223372036854775808"}) {
    EXPECT_FALSE(read_count({{"after", bad}}, "after").ok()) << bad;
  }
}

TEST(Parameters, ATimeNeedsAZone) {
  EXPECT_FALSE(read_time({}, "from")->has_value());
  EXPECT_EQ(read_time({{"from", "2026-11-22T18:05:00Z"}}, "from")->value(), 1795370700000);
  EXPECT_EQ(read_time({{"from", "2026-11-22T18:05:00+01:00"}}, "from")->value(), 1795370700000 - 3600000);
  EXPECT_FALSE(read_time({{"from", "2026-11-22T18:05:00"}}, "from").ok());
  EXPECT_FALSE(read_time({{"from", "yesterday"}}, "from").ok());
}

TEST(Parameters, AFlagIsTrueOrFalse) {
  EXPECT_FALSE(*read_flag({}, "superseded"));
  EXPECT_TRUE(*read_flag({{"superseded", "true"}}, "superseded"));
  EXPECT_FALSE(*read_flag({{"superseded", "false"}}, "superseded"));
  EXPECT_FALSE(read_flag({{"superseded", "1"}}, "superseded").ok());
}

}  // namespace
}  // namespace boathouse::api
