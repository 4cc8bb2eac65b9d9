#include "device/import/values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/rowing/formulas.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::import {
namespace {

using rowing::kNull;
using rowing::Stream;

const rowing::Metric& metric(Stream stream, std::string_view column) {
  return rowing::metrics(stream)[rowing::column_index(stream, column)];
}

// The wire value, or the error's text as -1.
std::int64_t wire(std::string_view text, Stream stream, std::string_view column,
                  const Conversion& conversion = kPlain) {
  const auto value = to_wire(text, metric(stream, column), conversion);
  return value ? *value : -1;
}

TEST(Values, PlainDecimalsAreExactOrNearest) {
  EXPECT_EQ(wire("12.34", Stream::sample, "elapsed_cs"), 1234);
  EXPECT_EQ(wire(" 12.3 ", Stream::sample, "elapsed_cs"), 1230);
  EXPECT_EQ(wire("12.345", Stream::sample, "elapsed_cs"), 1235);
  EXPECT_EQ(wire("12.3449999", Stream::sample, "elapsed_cs"), 1234);
  EXPECT_EQ(wire("1e2", Stream::sample, "distance_dm"), 1000);
  EXPECT_EQ(wire("0.0", Stream::sample, "avg_power_w"), 0);
}

TEST(Values, EmptyIsNullAndZeroIsNullOnlyWhereTheCatalogueSaysSo) {
  EXPECT_EQ(wire("", Stream::sample, "elapsed_cs"), kNull);
  EXPECT_EQ(wire("  ", Stream::sample, "elapsed_cs"), kNull);
  EXPECT_EQ(wire("0", Stream::sample, "stroke_rate_spm"), 0);
  EXPECT_EQ(wire("0", Stream::sample, "heart_rate_bpm"), kNull);
  EXPECT_EQ(wire("0.00", Stream::sample, "pace_cs_per_500m"), kNull);
  EXPECT_EQ(wire("0", Stream::sample, "drag_factor"), kNull);
}

TEST(Values, WhatNoWireUnitCanHoldIsSaid) {
  const auto too_large = to_wire("655.36", metric(Stream::sample, "pace_cs_per_500m"), kPlain);
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().text, "is not within 0 and 655.35");
  EXPECT_EQ(wire("655.35", Stream::sample, "pace_cs_per_500m"), 65535);
  EXPECT_EQ(wire("-1", Stream::sample, "stroke_rate_spm"), -1);
  EXPECT_EQ(wire("256", Stream::sample, "stroke_rate_spm"), -1);
  EXPECT_EQ(wire("167772.16", Stream::sample, "elapsed_cs"), -1) << "24 bits";
  for (const char* const text : {"abc", "inf", "nan", "1,5", "1 2", "0x10", "99999999999999999999", "--", "\"\""}) {
    EXPECT_EQ(to_wire(text, metric(Stream::sample, "elapsed_cs"), kPlain).error().text, "is not a number") << text;
  }
}

TEST(Values, ClockTimes) {
  EXPECT_EQ(wire("2:05.1", Stream::sample, "pace_cs_per_500m", kClock), 12510);
  EXPECT_EQ(wire("\"5:00.0\"", Stream::summary, "work_time_ds", kClock), 3000);
  EXPECT_EQ(wire("1:02:03.4", Stream::summary, "work_time_ds", kClock), 37234);
  EXPECT_EQ(wire("79.3", Stream::summary, "work_time_ds", kClock), 793);
  EXPECT_EQ(wire("90:00", Stream::sample, "elapsed_cs", kClock), 540000);
  EXPECT_EQ(wire("0:00.0", Stream::sample, "elapsed_cs", kClock), 0);
  for (const char* const text :
       {":", "1:", ":30", "1:60", "1:-5", "-1:05", "1:2:3:4", "1:99:00", "a:05", "1:05x", "1:+5", "\"", "9999999:00"}) {
    EXPECT_EQ(wire(text, Stream::sample, "elapsed_cs", kClock), -1) << text;
  }
}

TEST(Values, OtherUnits) {
  EXPECT_EQ(wire("960", Stream::stroke, "drive_time_cs", kMilli), 96);
  EXPECT_EQ(wire("965", Stream::stroke, "drive_time_cs", kMilli), 97);
  EXPECT_EQ(wire("964.9", Stream::stroke, "drive_time_cs", kMilli), 96);
  EXPECT_EQ(wire("2560", Stream::stroke, "drive_time_cs", kMilli), -1);
  EXPECT_EQ(wire("103", Stream::stroke, "drive_length_cm", kCenti), 103);
  EXPECT_EQ(wire("4.44822", Stream::stroke, "peak_force_dlbf", kNewton), 10);
  EXPECT_EQ(wire("241.1", Stream::stroke, "peak_force_dlbf", kNewton), 542);
  EXPECT_EQ(wire("-0.2", Stream::stroke, "peak_force_dlbf", kNewton), 0);
  EXPECT_EQ(wire("-5", Stream::stroke, "peak_force_dlbf", kNewton), -1);
}

// A force taken as newtons and shown as newtons again is the same within half a unit.
TEST(Values, NewtonsAgreeWithTheFormulas) {
  for (std::int64_t dlbf = 0; dlbf <= 3000; dlbf += 7) {
    const std::int64_t centinewtons = rowing::force_cn(dlbf);
    const std::string text = std::to_string(centinewtons / 100) + "." + (centinewtons % 100 < 10 ? "0" : "") +
                             std::to_string(centinewtons % 100);
    EXPECT_EQ(wire(text, Stream::stroke, "peak_force_dlbf", kNewton), dlbf) << text;
  }
}

TEST(Values, CutsAtCodePoints) {
  EXPECT_EQ(cut_text("abc", 2), "ab");
  EXPECT_EQ(cut_text("\xc3\xa4\xc3\xb6", 1), "\xc3\xa4");
  EXPECT_EQ(cut_text("\xff\xfe", 5), "\xff\xfe");
  EXPECT_EQ(cut_text("", 5), "");
}

}  // namespace
}  // namespace boathouse::import
