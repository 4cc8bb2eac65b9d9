#include "core/rowing/edge.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/rowing/record.hpp"

namespace boathouse::rowing {
namespace {

using ColumnValues = std::map<std::string_view, std::int64_t>;

// What the edge shows of a record with these columns, all others null; a null shows as "-".
std::map<std::string_view, std::string> shown(Stream stream, const ColumnValues& columns) {
  std::vector<std::int64_t> values(metrics(stream).size(), kNull);
  for (const auto& [column, value] : columns) values[column_index(stream, column)] = value;
  std::map<std::string_view, std::string> result;
  for (const EdgeField& field : edge_fields(stream)) result[field.name] = field.render(field, values).value_or("-");
  return result;
}

TEST(Edge, ShiftsWireIntegersExactly) {
  const auto sample = shown(Stream::sample, {{"elapsed_cs", 6028}, {"speed_mmps", 4433}, {"distance_dm", 5}});
  EXPECT_EQ(sample.at("elapsed_s"), "60.28");
  EXPECT_EQ(sample.at("speed_mps"), "4.433");
  EXPECT_EQ(sample.at("distance_m"), "0.5");
  EXPECT_EQ(sample.at("pace_s_per_500m"), "-");
}

TEST(Edge, NamesEnumerationsBesideTheirNumber) {
  const auto sample = shown(Stream::sample, {{"workout_type", 8}, {"workout_state", 77}});
  EXPECT_EQ(sample.at("workout_type"), "8");
  EXPECT_EQ(sample.at("workout_type_name"), "variable_interval");
  EXPECT_EQ(sample.at("workout_state"), "77");
  EXPECT_EQ(sample.at("workout_state_name"), "unknown_77") << "new firmware brings new numbers";
  EXPECT_EQ(sample.at("rowing_state_name"), "-");
}

TEST(Edge, WorkoutDurationFollowsItsType) {
  const auto at = [](std::int64_t type) {
    return shown(Stream::sample, {{"workout_duration", 180000}, {"workout_duration_type", type}});
  };
  EXPECT_EQ(at(0x00).at("workout_duration"), "1800.00");
  EXPECT_EQ(at(0x00).at("workout_duration_unit"), "s");
  EXPECT_EQ(at(0x80).at("workout_duration"), "180000");
  EXPECT_EQ(at(0x80).at("workout_duration_unit"), "m");
  EXPECT_EQ(at(0x40).at("workout_duration_unit"), "cal");
  EXPECT_EQ(at(0xC0).at("workout_duration_unit"), "W min");
  EXPECT_EQ(at(0x11).at("workout_duration_unit"), "-");
}

TEST(Edge, NewtonsStandBesidePounds) {
  const auto stroke = shown(Stream::stroke, {{"peak_force_dlbf", 1893}, {"avg_force_dlbf", 0}});
  EXPECT_EQ(stroke.at("peak_force_lbf"), "189.3");
  EXPECT_EQ(stroke.at("peak_force_n"), "842.05");  // 189.3 x 4.44822 = 842.048
  EXPECT_EQ(stroke.at("avg_force_n"), "0.00");
}

TEST(Edge, LogDateAndTime) {
  const auto end = [](std::int64_t date, std::int64_t time) {
    return shown(Stream::summary, {{"log_date", date}, {"log_time", time}}).at("end_local");
  };
  EXPECT_EQ(end(0x356B, 0x1205), "2026-11-22T18:05");
  EXPECT_EQ(end(0x3303, 0x1212), "2025-03-16T18:18");
  EXPECT_EQ(end(0, 0), "-") << "a clock that was never set";
  EXPECT_EQ(end(0x356B, 0x1860), "-") << "hour 24";
  EXPECT_EQ(end(0x356B, kNull), "-");
}

TEST(Edge, LoggedHashIsSixteenDigits) {
  const auto summary = shown(Stream::summary, {{"logged_hash_low", 0x04030201}, {"logged_hash_high", 0x08070605}});
  EXPECT_EQ(summary.at("logged_workout_hash"), "0807060504030201");
}

TEST(Edge, NamesAreUniqueAndNotEmpty) {
  for (const Stream stream : kStreams) {
    std::set<std::string_view> names;
    for (const EdgeField& field : edge_fields(stream)) {
      EXPECT_FALSE(field.name.empty()) << name(stream) << " " << field.metric->column;
      EXPECT_TRUE(names.insert(field.name).second) << name(stream) << " " << field.name;
    }
  }
}

}  // namespace
}  // namespace boathouse::rowing
