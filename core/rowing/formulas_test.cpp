#include "core/rowing/formulas.hpp"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/base/decimal.hpp"
#include "tests/support/shared_data.hpp"

namespace boathouse::rowing {
namespace {

constexpr std::int64_t kRower = 0;
constexpr std::int64_t kBike = 192;

TEST(Formulas, PowerOfPace) {
  EXPECT_NEAR(power_w(120.0 / 500, kRower), 202.5, 0.05);
  EXPECT_NEAR(power_w(105.0 / 500, kRower), 302.3, 0.05);
  EXPECT_NEAR(power_w(150.0 / 500, kRower), 103.7, 0.05);
  // A BikeErg's 2:00 per 1000 m is a rower's 2:00 per 500 m.
  EXPECT_NEAR(power_w(120.0 / 1000, kBike), 202.5, 0.05);
}

TEST(Formulas, PaceOfPowerIsTheInverse) {
  for (const std::int64_t machine : {kRower, std::int64_t{128}, kBike}) {
    for (const double watts : {25.0, 100.0, 202.5, 999.0}) {
      EXPECT_NEAR(power_w(seconds_per_metre(watts, machine), machine), watts, 1e-9);
    }
  }
}

TEST(Formulas, CaloriesPerHourAreTruncated) {
  EXPECT_EQ(calories_per_hour(0), 300);
  EXPECT_EQ(calories_per_hour(2.8 / (0.262 * 0.262 * 0.262)), 835);  // 835.9
  EXPECT_EQ(calories_per_hour(2.8 / (0.424 * 0.424 * 0.424)), 426);
}

TEST(Formulas, AveragePaceIsTruncated) {
  EXPECT_EQ(average_pace_ds_per_500m(4240, 1000), 2120);
  EXPECT_EQ(average_pace_ds_per_500m(4800, 2000), 1200);
  EXPECT_EQ(average_pace_ds_per_500m(2419, 1000), 1209);  // 120.95 s
  EXPECT_EQ(average_pace_ds_per_500m(100, 0), std::nullopt);
}

TEST(Formulas, AveragePowerNeedsTimeAndDistance) {
  EXPECT_EQ(average_power_w(4240, 1000, kRower), 37);
  EXPECT_EQ(average_power_w(0, 1000, kRower), std::nullopt);
  EXPECT_EQ(average_power_w(100, 0, kRower), std::nullopt);
}

TEST(Formulas, Newtons) {
  EXPECT_EQ(force_cn(0), 0);
  EXPECT_EQ(force_cn(10), 445);  // 1 lbf
  EXPECT_EQ(force_cn(1893), 84205);
  EXPECT_EQ(force_cn(65535), 2915141);
}

TEST(Formulas, OnlyBikesShowPacePerThousandMetres) {
  for (const std::int64_t bike : {192, 193, 194, 207, 226}) EXPECT_EQ(pace_metres(bike), 1000) << bike;
  for (const std::int64_t other : {0, 8, 128, 143, 191, 208, 224, 225}) EXPECT_EQ(pace_metres(other), 500) << other;
  EXPECT_EQ(shown_pace(6050, kBike), 12100);
  EXPECT_EQ(shown_pace(12000, kRower), 12000);
}

// Quoted cells with doubled quotes inside; one record a line.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back() += line[++i];
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      cells.emplace_back();
    } else if (line[i] != '\r') {
      cells.back() += line[i];
    }
  }
  return cells;
}

std::vector<std::map<std::string, std::string>> rows_of(const std::string& text) {
  std::vector<std::map<std::string, std::string>> rows;
  std::vector<std::string> header;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const auto cells = cells_of(text.substr(begin, end - begin));
    begin = end + 1;
    if (header.empty()) {
      header = cells;
      continue;
    }
    std::map<std::string, std::string> row;
    for (std::size_t i = 0; i < cells.size() && i < header.size(); ++i) row[header[i]] = cells[i];
    rows.push_back(std::move(row));
  }
  return rows;
}

std::int64_t scaled(const std::string& text, int shift) { return base::parse_scaled(text, shift).value().value; }

// "2:06.7" -> 1267
std::int64_t tenths_of_clock(const std::string& text) {
  std::int64_t tenths = 0;
  std::size_t begin = 0;
  for (std::size_t colon = text.find(':'); colon != std::string::npos; colon = text.find(':', begin)) {
    tenths = (tenths + scaled(text.substr(begin, colon - begin), 0)) * 60;
    begin = colon + 1;
  }
  return tenths * 10 + scaled(text.substr(begin), 1);
}

struct SeasonCounts {
  int rows = 0;
  int power_off = 0;
  int calories_off = 0;
  int pace_off = 0;
};

SeasonCounts compare_season(const std::string& text) {
  SeasonCounts counts;
  for (const auto& row : rows_of(text)) {
    const std::int64_t time_ds = scaled(row.at("Work Time (Seconds)"), 1);
    const std::int64_t metres = scaled(row.at("Work Distance"), 0);
    const std::int64_t machine = row.at("Type") == "BikeErg" ? kBike : kRower;
    const double watts = power_w(static_cast<double>(time_ds) / 10 / static_cast<double>(metres), machine);
    ++counts.rows;
    const std::string& power = row.at("Avg Watts");  // the Logbook leaves 0 W empty
    if (average_power_w(time_ds, metres, machine) != scaled(power.empty() ? "0" : power, 0)) ++counts.power_off;
    if (calories_per_hour(watts) != scaled(row.at("Cal/Hour"), 0)) ++counts.calories_off;
    // Where the exact pace has one decimal, binary fractions show 0.1 s less.
    const std::int64_t pace = time_ds * pace_metres(machine) / metres;
    const std::int64_t shown = tenths_of_clock(row.at("Pace"));
    if (pace != shown && pace != shown + 1) ++counts.pace_off;
  }
  return counts;
}

TEST(FormulasOnRecordings, Season2019) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(text, "concept2-season-2019.csv");
  const SeasonCounts counts = compare_season(text);
  EXPECT_EQ(counts.rows, 60);
  EXPECT_EQ(counts.power_off, 0);
  EXPECT_EQ(counts.calories_off, 0);
  EXPECT_EQ(counts.pace_off, 0);
}

TEST(FormulasOnRecordings, Season2021) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(text, "concept2-season-2021.csv");
  const SeasonCounts counts = compare_season(text);
  EXPECT_EQ(counts.rows, 277);
  EXPECT_EQ(counts.power_off, 0);
  EXPECT_EQ(counts.calories_off, 0);
  EXPECT_EQ(counts.pace_off, 0);
}

TEST(FormulasOnRecordings, StrokesOfAWorkout) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(text, "concept2-result-44214428.csv");
  int rows = 0;
  for (const auto& row : rows_of(text)) {
    if (row.at("Pace (seconds)").empty()) continue;
    const double pace = static_cast<double>(scaled(row.at("Pace (seconds)"), 1)) / 10.0 / 500.0;
    const double watts = power_w(pace, kRower);
    ++rows;
    EXPECT_EQ(std::llround(watts), scaled(row.at("Watts"), 0)) << "row " << rows;
    EXPECT_EQ(calories_per_hour(watts), scaled(row.at("Cal/Hr"), 0)) << "row " << rows;
  }
  EXPECT_EQ(rows, 689);
}

}  // namespace
}  // namespace boathouse::rowing
