#include "core/rowing/fill.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/rowing/survey.hpp"
#include "core/rowing/test_workout.hpp"

namespace boathouse::rowing {
namespace {

RecordSource source(std::uint8_t id, std::vector<Record> records) {
  base::Uuid rec_id;
  rec_id.bytes[0] = id;
  return [rec_id, records = std::move(records), seq = std::size_t{0}]() mutable {
    if (seq == records.size()) return base::Result<std::optional<PlacedRecord>>(std::optional<PlacedRecord>());
    PlacedRecord placed{rec_id, seq, records[seq]};
    ++seq;
    return base::Result<std::optional<PlacedRecord>>(std::optional(std::move(placed)));
  };
}

std::vector<PlacedRecord> all_of(RecordSource source) {
  std::vector<PlacedRecord> records;
  for (;;) {
    auto next = source();
    EXPECT_TRUE(next.ok());
    if (!next || !*next) return records;
    records.push_back(std::move(**next));
  }
}

std::vector<Record> plain(const std::vector<PlacedRecord>& placed) {
  std::vector<Record> records;
  for (const PlacedRecord& one : placed) records.push_back(one.record);
  return records;
}

TEST(Fill, AHoleIsFilledAndSaysFromWhom) {
  const auto workout = rowed(1, 100);
  const auto first = heard(workout, [](std::size_t i) { return i < 40 || i >= 60; });
  const auto second = heard(workout, [](std::size_t i) { return i < 70; });
  const auto filled = all_of(fill_holes(source(1, first), source(2, second), 50));
  EXPECT_EQ(plain(filled), workout);
  for (std::size_t i = 0; i < filled.size(); ++i) {
    const bool missing = i >= 40 && i < 60;
    EXPECT_EQ(filled[i].rec_id.bytes[0], missing ? 2 : 1) << i;
    EXPECT_EQ(filled[i].seq, missing || i < 40 ? i : i - 20) << i;
  }
}

TEST(Fill, TheStartAndTheEndAreHolesToo) {
  const auto workout = rowed(1, 100);
  const auto middle = heard(workout, [](std::size_t i) { return i >= 30 && i < 50; });
  EXPECT_EQ(plain(all_of(fill_holes(source(1, middle), source(2, workout), 50))), workout);
  EXPECT_EQ(plain(all_of(fill_holes(source(1, {}), source(2, workout), 50))), workout);
  EXPECT_EQ(plain(all_of(fill_holes(source(1, workout), source(2, {}), 50))), workout);
}

TEST(Fill, WhatIsThereStaysAndNothingComesTwice) {
  const auto workout = rowed(1, 100);
  // Another recorder that hears each moment a little later.
  auto late = workout;
  for (Record& record : late) record.values[column_index(Stream::sample, "elapsed_cs")] += 20;
  const auto filled = all_of(fill_holes(source(1, workout), source(2, late), 50));
  EXPECT_EQ(plain(filled), workout);
}

TEST(Fill, AWholeIntervalThatIsMissingComesInItsPlace) {
  std::vector<Record> workout;
  std::vector<Record> first;
  for (std::int64_t interval = 0; interval < 3; ++interval) {
    const auto part = rowed(static_cast<std::uint64_t>(interval) + 1, 50, interval);
    workout.insert(workout.end(), part.begin(), part.end());
    if (interval != 1) first.insert(first.end(), part.begin(), part.end());
  }
  EXPECT_EQ(plain(all_of(fill_holes(source(1, first), source(2, workout), 50))), workout);
}

TEST(Fill, ARestThatJumpsBackIsNotTakenForAHole) {
  auto workout = rowed(1, 100);
  for (std::int64_t i = 60; i < 140; ++i) workout.push_back(sample_at(0, i * 50, 9000));
  EXPECT_EQ(plain(all_of(fill_holes(source(1, workout), source(2, workout), 50))), workout);
}

TEST(Fill, RecordsWithoutAPlaceStayWhereTheyAre) {
  auto workout = rowed(1, 20);
  workout.insert(workout.begin() + 10, sample_at(0, kNull, 5));
  const auto first = heard(workout, [](std::size_t i) { return i < 5 || i > 8; });
  const auto second = heard(workout, [](std::size_t i) { return i != 10; });
  EXPECT_EQ(plain(all_of(fill_holes(source(1, first), source(2, second), 50))), workout);
}

TEST(Fill, AnyLossesOfThreeListenersAreFilledInOrderAndOnce) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const auto workout = rowed(seed, 200);
    const auto a = lossy(workout, seed + 1, 30);
    const auto b = lossy(workout, seed + 2, 30);
    const auto c = lossy(workout, seed + 3, 30);
    const auto filled = plain(all_of(fill_holes(fill_holes(source(1, a), source(2, b), 50), source(3, c), 50)));
    std::set<std::int64_t> known;
    for (const auto* one : {&a, &b, &c}) {
      for (const Record& record : *one) known.insert(position_of(record)->at);
    }
    std::vector<std::int64_t> places;
    for (const Record& record : filled) places.push_back(position_of(record)->at);
    EXPECT_EQ(places, std::vector<std::int64_t>(known.begin(), known.end())) << seed;
  }
}

TEST(Fill, AnErrorOfASourceIsTold) {
  const RecordSource broken = [] { return base::Error{base::ErrorCode::corrupt, "no"}; };
  EXPECT_FALSE(fill_holes(source(1, rowed(1, 5)), broken, 50)().ok());
  EXPECT_FALSE(fill_holes(broken, source(1, rowed(1, 5)), 50)().ok());
}

}  // namespace
}  // namespace boathouse::rowing
