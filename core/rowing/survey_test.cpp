#include "core/rowing/survey.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/rowing/test_workout.hpp"

namespace boathouse::rowing {
namespace {

Record summary(std::vector<std::pair<std::string_view, std::int64_t>> values) {
  Record record;
  record.stream = Stream::summary;
  record.values.assign(metrics(Stream::summary).size(), kNull);
  for (const auto& [column, value] : values) record.values[column_index(Stream::summary, column)] = value;
  return record;
}

Survey survey_of(const std::vector<Record>& records) {
  Survey survey;
  for (const Record& record : records) survey.observe(record);
  return survey;
}

TEST(Survey, NothingObservedSaysNothing) {
  EXPECT_EQ(Survey().facts(), WorkoutFacts());
  EXPECT_TRUE(Survey().points().empty());
}

TEST(Survey, TotalsAreTheLatestSummarysAndThatIsNeverASum) {
  std::vector<Record> records = rowed(1, 100);
  records.push_back(summary({{"elapsed_cs", 4000}, {"distance_dm", 1500}, {"logged_hash_low", 7}}));
  records.push_back(summary({{"elapsed_cs", 4900}, {"logged_hash_low", 7}, {"logged_hash_high", 1}}));
  const WorkoutFacts facts = survey_of(records).facts();
  EXPECT_EQ(facts.elapsed_cs, 4900);
  EXPECT_EQ(facts.distance_dm, 1500);
  EXPECT_EQ(facts.logged_hash, (std::uint64_t{1} << 32) + 7);
  EXPECT_EQ(facts.type, 3);
}

TEST(Survey, WithoutASummaryTheLastCountersAreTheTotalsIfTheyNeverRestarted) {
  std::vector<Record> records = rowed(1, 100);
  EXPECT_EQ(survey_of(records).facts().elapsed_cs, 5000);
  std::vector<Record> laps = records;
  laps.push_back(sample_at(1, 5050, 2000));
  EXPECT_EQ(survey_of(laps).facts().distance_dm, 2000) << "a lap whose counters go on";
  const std::vector<Record> second = rowed(2, 50, 1);
  records.insert(records.end(), second.begin(), second.end());
  EXPECT_FALSE(survey_of(records).facts().elapsed_cs) << "of several intervals nobody adds up";
}

TEST(Survey, WhatWasMissedIsNotCovered) {
  const std::vector<Record> all = rowed(1, 200);
  EXPECT_EQ(survey_of(all).facts().reach[Stream::sample], (Reach{199 * 50, 50}));
  const auto with_hole = heard(all, [](std::size_t i) { return i < 50 || i >= 90; });
  EXPECT_EQ(survey_of(with_hole).facts().reach[Stream::sample], (Reach{158 * 50, 50}));
  EXPECT_EQ(survey_of({all.front()}).facts().reach[Stream::sample], Reach());
}

TEST(Survey, OnlyMomentsThatMovedOnAreTold) {
  std::vector<Record> records = rowed(1, 100);
  EXPECT_EQ(survey_of(records).points().size(), 96u) << "the clock ran for 4 of them";
  // A rest: the distance stands still, and elapsed jumps back.
  const std::int64_t end_dm = records.back().values[column_index(Stream::sample, "distance_dm")];
  for (std::int64_t i = 101; i < 400; ++i) records.push_back(sample_at(0, i * 50, end_dm));
  EXPECT_EQ(survey_of(records).points().size(), 96u);
  records.push_back(sample_at(0, 2000, end_dm + 5));
  EXPECT_EQ(survey_of(records).points().size(), 95u) << "one moment has two distances";
  std::ranges::reverse(records);
  EXPECT_EQ(survey_of(records).points().size(), 95u);
}

TEST(Survey, APlaceIsTheIntervalAndWhatCountsInIt) {
  EXPECT_EQ(position_of(sample_at(2, 150, 9)), (Position{2, 150}));
  EXPECT_FALSE(position_of(sample_at(2, kNull, 9)));
  EXPECT_FALSE(position_of(summary({})));
  Record curve;
  curve.stream = Stream::force_curve;
  curve.values.assign(metrics(Stream::force_curve).size(), kNull);
  EXPECT_FALSE(position_of(curve));
  curve.values[column_index(Stream::force_curve, "interval")] = 0;
  curve.values[column_index(Stream::force_curve, "stroke_count")] = 17;
  EXPECT_EQ(position_of(curve), (Position{0, 17}));
}

}  // namespace
}  // namespace boathouse::rowing
