#include "core/base/utc_time.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "core/base/random.hpp"

namespace boathouse::base {
namespace {

constexpr std::int64_t kFirstMs = -62'135'596'800'000;  // 0001-01-01T00:00:00.000Z
constexpr std::int64_t kLastMs = 253'402'300'799'999;   // 9999-12-31T23:59:59.999Z

TEST(CivilDate, KnownDays) {
  const std::pair<CivilDate, std::int64_t> cases[] = {
      {{1, 1, 1}, -719'162}, {{1600, 2, 29}, -135'081}, {{1900, 3, 1}, -25'508},  {{1969, 12, 31}, -1},
      {{1970, 1, 1}, 0},     {{2000, 2, 29}, 11'016},   {{2026, 11, 22}, 20'779}, {{9999, 12, 31}, 2'932'896},
  };
  for (const auto& [date, days] : cases) {
    EXPECT_EQ(days_from_civil(date), days);
    EXPECT_EQ(civil_from_days(days), date) << days;
  }
}

// Steps through every day of the years -400 to 9999 with a calendar of its own.
TEST(CivilDate, EveryDayFollowsTheOneBefore) {
  CivilDate date{-400, 1, 1};
  std::int64_t days = days_from_civil(date);
  while (date.year <= 9999) {
    ASSERT_EQ(days_from_civil(date), days);
    ASSERT_EQ(civil_from_days(days), date);
    const bool leap = date.year % 400 == 0 || (date.year % 4 == 0 && date.year % 100 != 0);
    const int lengths[] = {31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int length = lengths[date.month - 1];
    if (date.year >= 1) {
      ASSERT_TRUE(is_valid_date(date));
      ASSERT_FALSE(is_valid_date({date.year, date.month, length + 1}));
    }
    ++days;
    date = date.day < length ? CivilDate{date.year, date.month, date.day + 1}
           : date.month < 12 ? CivilDate{date.year, date.month + 1, 1}
                             : CivilDate{date.year + 1, 1, 1};
  }
}

TEST(CivilDate, RefusesWhatDoesNotExist) {
  for (const CivilDate& date :
       {CivilDate{0, 1, 1}, CivilDate{10000, 1, 1}, CivilDate{2026, 0, 1}, CivilDate{2026, 13, 1},
        CivilDate{2026, 1, 0}, CivilDate{2026, 2, 29}, CivilDate{1900, 2, 29}, CivilDate{2026, -1, 1}}) {
    EXPECT_FALSE(is_valid_date(date));
  }
  EXPECT_TRUE(is_valid_date({2000, 2, 29}));
}

TEST(FormatUtc, KnownTimes) {
  EXPECT_EQ(format_utc_ms(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_utc_ms(1'795'370'700'000), "2026-11-22T18:05:00.000Z");
  EXPECT_EQ(format_utc_ms(1'795'370'707'250), "2026-11-22T18:05:07.250Z");
  EXPECT_EQ(format_utc_ms(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_utc_ms(kFirstMs), "0001-01-01T00:00:00.000Z");
  EXPECT_EQ(format_utc_ms(kLastMs), "9999-12-31T23:59:59.999Z");
}

// As JavaScript's toISOString and Java's Instant show them.
TEST(FormatUtc, YearsOfMoreOrLessThanFourDigits) {
  EXPECT_EQ(format_utc_ms(kLastMs + 1), "+010000-01-01T00:00:00.000Z");
  EXPECT_EQ(format_utc_ms(-62'167'219'200'000), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(format_utc_ms(-62'167'219'200'001), "-000001-12-31T23:59:59.999Z");
  EXPECT_EQ(format_utc_ms(8'640'000'000'000'000), "+275760-09-13T00:00:00.000Z");
  EXPECT_EQ(format_utc_ms(std::numeric_limits<std::int64_t>::max()), "+292278994-08-17T07:12:55.807Z");
  EXPECT_EQ(format_utc_ms(std::numeric_limits<std::int64_t>::min()), "-292275055-05-16T16:47:04.192Z");
}

struct GoodTime {
  std::string_view text;
  IsoTime time;
};

TEST(ParseIso8601, TakesTheUsualForms) {
  constexpr std::int64_t kDay = 1'795'305'600'000;     // 2026-11-22T00:00Z
  constexpr std::int64_t kMoment = 1'795'370'700'000;  // 18:05
  const GoodTime cases[] = {
      {"2026-11-22", {kDay, 0, false}},
      {"2026-11-22T18:05", {kMoment, 0, false}},
      {"2026-11-22 18:05:07", {kMoment + 7'000, 0, false}},
      {"2026-11-22T18:05:07.25", {kMoment + 7'250, 0, false}},
      {"2026-11-22T18:05:00Z", {kMoment, 0, true}},
      {"2026-11-22T18:05:00 Z", {kMoment, 0, true}},
      {"2026-11-22T18:05:00.1239999999Z", {kMoment + 123, 0, true}},
      {"2026-11-22T18:05:00.000000000000000001Z", {kMoment, 0, true}},
      {"2026-11-22T19:05:00+01:00", {kMoment, 60, true}},
      {"2026-11-22 10:05:00 -08:00", {kMoment, -480, true}},
      {"2026-11-22 23:35:00.500+05:30", {kMoment + 500, 330, true}},
      {"2026-11-22T18:05-00:00", {kMoment, 0, true}},
      {"2026-11-22T18:05+23:59", {kMoment - 86'340'000, 1439, true}},
      {"1969-12-31T23:59:59.999Z", {-1, 0, true}},
      {"2000-02-29", {951'782'400'000, 0, false}},
      {"0001-01-01T00:00:00Z", {kFirstMs, 0, true}},
      {"9999-12-31T23:59:59.999Z", {kLastMs, 0, true}},
  };
  for (const GoodTime& good : cases) {
    const Result<IsoTime> time = parse_iso8601(good.text);
    ASSERT_TRUE(time.ok()) << good.text << ": " << time.error().text;
    EXPECT_EQ(time->utc_ms, good.time.utc_ms) << good.text;
    EXPECT_EQ(time->offset_minutes, good.time.offset_minutes) << good.text;
    EXPECT_EQ(time->has_zone, good.time.has_zone) << good.text;
  }
}

TEST(ParseIso8601, SaysWhichPartIsWrong) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "date"},
      {"2026", "date"},
      {"2026-11", "date"},
      {"2026-11-2", "date"},
      {"2026-13-01", "date"},
      {"2026-02-29", "date"},
      {"1900-02-29", "date"},
      {"0000-01-01", "date"},
      {"-001-01-01", "date"},
      {"26-11-22", "date"},
      {"2026/11/22", "date"},
      {"22.11.2026", "date"},
      {" 2026-11-22", "date"},
      {"2026-11-22t18:05", "'T'"},
      {"2026-11-22_18:05", "'T'"},
      {"2026-11-22Z", "'T'"},
      {"2026-11-22T", "time of day"},
      {"2026-11-22  18:05", "time of day"},
      {"2026-11-22T18", "time of day"},
      {"2026-11-22T18:5", "time of day"},
      {"2026-11-22T24:00:00", "time of day"},
      {"2026-11-22T18:60", "time of day"},
      {"2026-11-22T18:05:60Z", "time of day"},
      {"2026-11-22T18:05:00.Z", "time of day"},
      {"2026-11-22T18:05:00,5Z", "zone"},
      {"2026-11-22T18:05:00z", "zone"},
      {"2026-11-22T18:05:00 ", "zone"},
      {"2026-11-22T18:05:00  +01:00", "zone"},
      {"2026-11-22T18:05:00+0100", "zone"},
      {"2026-11-22T18:05:00+01", "zone"},
      {"2026-11-22T18:05:00+24:00", "zone"},
      {"2026-11-22T18:05:00+01:60", "zone"},
      {"2026-11-22T18:05:00 UTC", "zone"},
      {"2026-11-22T18:05:00Z ", "follow"},
      {"2026-11-22T18:05:00+01:000", "follow"},
      {"0001-01-01T00:00:00+00:01", "year in UTC"},
      {"9999-12-31T23:59:59-00:01", "year in UTC"},
  };
  for (const auto& [text, part] : cases) {
    const Result<IsoTime> time = parse_iso8601(text);
    ASSERT_FALSE(time.ok()) << text;
    EXPECT_EQ(time.error().code, ErrorCode::invalid_input);
    EXPECT_NE(time.error().text.find(part), std::string::npos) << text << " gave " << time.error().text;
  }
  EXPECT_LT(parse_iso8601(std::string(1'000'000, '2')).error().text.size(), 200U);
}

TEST(ParseIso8601, ReadsWhatFormatWrites) {
  SeededRandom random(13);
  for (int round = 0; round < 20'000; ++round) {
    const std::int64_t ms =
        kFirstMs + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(kLastMs - kFirstMs)));
    ASSERT_EQ(*parse_iso8601(format_utc_ms(ms)), (IsoTime{ms, 0, true})) << format_utc_ms(ms);
  }
}

TEST(ParseIso8601, DoesNotReadTheMachinesZone) {
  ASSERT_EQ(setenv("TZ", "America/New_York", 1), 0);
  EXPECT_EQ(parse_iso8601("2026-07-01 12:00")->utc_ms, 1'782'907'200'000);
  EXPECT_EQ(format_utc_ms(1'782'907'200'000), "2026-07-01T12:00:00.000Z");
  unsetenv("TZ");
}

}  // namespace
}  // namespace boathouse::base
