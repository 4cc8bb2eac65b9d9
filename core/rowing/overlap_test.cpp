#include "core/rowing/overlap.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/rowing/test_workout.hpp"

namespace boathouse::rowing {
namespace {

// Whichever is asked first.
Overlap judged(const Evidence& a, const Evidence& b) {
  const Verdict verdict = judge(a, b);
  const Verdict turned = judge(b, a);
  EXPECT_EQ(verdict.overlap, turned.overlap);
  EXPECT_EQ(verdict.reason, turned.reason);
  EXPECT_EQ(verdict.reason.empty(), verdict.overlap == Overlap::none);
  return verdict.overlap;
}

std::size_t common(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  return static_cast<std::size_t>(
      std::ranges::count_if(a, [&](std::uint64_t key) { return std::ranges::find(b, key) != b.end(); }));
}

// What an index would find.
bool found_by_keys(const Evidence& a, const Evidence& b) {
  const OverlapKeys here = overlap_keys(a);
  const OverlapKeys there = overlap_keys(b);
  return common(here.exact, there.exact) > 0 ||
         share_enough(common(here.points, there.points), here.points.size(), there.points.size());
}

TEST(Overlap, TheSameRecordsAreCertainWhateverElseIsKnown) {
  const auto records = rowed(1, 100);
  EXPECT_EQ(judged(evidence_of(1, records, ""), evidence_of(2, records, "430")), Overlap::certain);
  EXPECT_EQ(judged(evidence_of(1, records), evidence_of(1, records)), Overlap::none) << "it is itself";
  const auto given_up = rowed(1, kMinCommonPoints - 1);
  EXPECT_EQ(judged(evidence_of(1, given_up), evidence_of(2, given_up)), Overlap::none) << "too few to tell";
}

TEST(Overlap, TheSameBytesOfAFileAreCertain) {
  Evidence a = evidence_of(1, {}, "");
  a.seal.streams[Stream::source] = {1, base::sha256(base::as_bytes("a row"))};
  Evidence b = a;
  b.birth.rec_id.bytes[0] = 2;
  EXPECT_EQ(judged(a, b), Overlap::certain);
  EXPECT_TRUE(found_by_keys(a, b));
  b.birth.dialect = "hero";
  EXPECT_EQ(judged(a, b), Overlap::none);
}

TEST(Overlap, TheSameEntryOfTheMonitorsLogIsCertain) {
  Evidence a = evidence_of(1, rowed(1, 100));
  Evidence b = evidence_of(2, rowed(2, 40));
  EXPECT_EQ(judged(a, b), Overlap::none);
  a.seal.workout->logged_hash = b.seal.workout->logged_hash = 0x1122334455667788;
  EXPECT_EQ(judged(a, b), Overlap::certain);
  EXPECT_TRUE(found_by_keys(a, b));
  b.birth.monitor_serial = "431";
  EXPECT_EQ(judged(a, b), Overlap::none) << "another monitor's log";
  EXPECT_FALSE(found_by_keys(a, b));
}

TEST(Overlap, WhatOneMonitorShowedToTwoListenersIsFlagged) {
  const auto workout = rowed(1, 400);
  const Evidence a = evidence_of(1, lossy(workout, 11, 20));
  Evidence b = evidence_of(2, lossy(workout, 12, 20));
  EXPECT_EQ(judged(a, b), Overlap::flagged);
  EXPECT_TRUE(found_by_keys(a, b));
  b.birth.monitor_serial = "431";
  EXPECT_EQ(judged(a, b), Overlap::none);
  b.birth.monitor_serial = "430";
  b.seal.workout->type = 5;
  EXPECT_EQ(judged(a, b), Overlap::none) << "another workout type";
  b.seal.workout->type = 3;
  b.points.clear();
  EXPECT_EQ(judged(a, b), Overlap::none) << "its samples are not here";
  EXPECT_TRUE(points_may_tell(a, b));
}

TEST(Overlap, SixtyMomentsAreNeededAndNineOfTenMustAgree) {
  const auto workout = rowed(1, 400);
  const Evidence whole = evidence_of(1, workout);
  const auto part = [&](std::size_t moments) {
    return evidence_of(2, heard(workout, [&](std::size_t i) { return i >= 100 && i < 100 + moments; }));
  };
  EXPECT_EQ(judged(whole, part(59)), Overlap::none);
  EXPECT_EQ(judged(whole, part(60)), Overlap::flagged);
  for (const std::size_t wrong : {40u, 41u}) {
    // Still growing, a tenth of a metre off.
    auto other = workout;
    for (std::size_t i = 4; i < 404 - 4 && i < 4 + wrong; ++i) {
      ++other[i].values[column_index(Stream::sample, "distance_dm")];
    }
    const Evidence b = evidence_of(2, other);
    const bool enough = (b.points.size() - wrong) * 10 >= b.points.size() * 9;
    EXPECT_EQ(judged(whole, b), enough ? Overlap::flagged : Overlap::none) << wrong;
  }
}

TEST(Overlap, TwoPiecesOfOneEveningAreTwo) {
  // The same type, nearly the same time and distance, minutes apart, from the same monitor.
  for (std::uint64_t seed = 1; seed < 30; ++seed) {
    const Evidence first = evidence_of(1, rowed(seed, 900));
    Evidence second = evidence_of(2, rowed(seed + 1000, 900));
    second.seal.workout->elapsed_cs = first.seal.workout->elapsed_cs;
    second.seal.workout->distance_dm = first.seal.workout->distance_dm;
    EXPECT_EQ(judged(first, second), Overlap::none) << seed;
    EXPECT_FALSE(found_by_keys(first, second)) << seed;
  }
}

TEST(Overlap, LongRestsLookAlikeAndProveNothing) {
  const auto session = [](std::uint64_t seed) {
    std::vector<Record> records;
    for (std::int64_t interval = 0; interval < 8; ++interval) {
      const auto work = rowed(seed * 100 + static_cast<std::uint64_t>(interval), 20, interval);
      records.insert(records.end(), work.begin(), work.end());
      for (std::int64_t i = 21; i < 600; ++i) records.push_back(sample_at(interval, i * 50, 1000));
    }
    return records;
  };
  EXPECT_EQ(judged(evidence_of(1, session(1)), evidence_of(2, session(2))), Overlap::none);
}

TEST(Overlap, WithoutAMonitorEqualTotalsAndANearStartSuggest) {
  const auto with_totals = [](std::uint8_t id, std::int64_t elapsed_cs, std::int64_t distance_dm) {
    Evidence evidence = evidence_of(id, {}, id == 1 ? "430" : "");
    evidence.seal.workout->elapsed_cs = elapsed_cs;
    evidence.seal.workout->distance_dm = distance_dm;
    return evidence;
  };
  const Evidence rowed_here = with_totals(1, 47'324, 20'000);
  EXPECT_EQ(judged(rowed_here, with_totals(2, 47'330, 20'010)), Overlap::suggested);
  EXPECT_EQ(judged(rowed_here, with_totals(2, 47'335, 20'000)), Overlap::none);
  EXPECT_EQ(judged(rowed_here, with_totals(2, 47'324, 20'011)), Overlap::none);
  EXPECT_EQ(judged(with_totals(2, 0, 0), with_totals(3, 0, 0)), Overlap::none) << "nobody rowed";
  Evidence file = with_totals(2, 47'324, 20'000);
  file.birth.started_ms = rowed_here.birth.started_ms + kMaxStartDifferenceMs;
  EXPECT_EQ(judged(rowed_here, file), Overlap::suggested) << "another zone";
  ++file.birth.started_ms;
  EXPECT_EQ(judged(rowed_here, file), Overlap::none);
  file.birth.started_ms = rowed_here.birth.started_ms;
  file.birth.started_known = false;
  EXPECT_EQ(judged(rowed_here, file), Overlap::none);
  file.birth.started_known = true;
  Evidence next_row = with_totals(3, 47'324, 20'000);
  file.birth.source_sha256 = next_row.birth.source_sha256 = base::sha256(base::as_bytes("a season"));
  EXPECT_EQ(judged(file, next_row), Overlap::none) << "a file names each of its workouts once";
  next_row.birth.source_sha256.reset();
  EXPECT_EQ(judged(file, next_row), Overlap::suggested);
  Evidence other_monitor = with_totals(1, 47'324, 20'000);
  other_monitor.birth.rec_id.bytes[0] = 9;
  EXPECT_EQ(judged(rowed_here, other_monitor), Overlap::none) << "with a serial equal totals prove nothing";
  other_monitor.birth.monitor_serial = "431";
  EXPECT_EQ(judged(rowed_here, other_monitor), Overlap::none);
}

TEST(Overlap, TheIndexFindsWhatTheRulesFind) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    base::SeededRandom random(seed);
    const auto workout = rowed(seed, 300 + random.below(600));
    const std::uint64_t lost = random.below(40);
    const Evidence a = evidence_of(1, lossy(workout, seed + 1, lost));
    const Evidence b = evidence_of(2, lossy(workout, seed + 2, lost));
    ASSERT_NE(judged(a, b), Overlap::none) << seed;
    EXPECT_TRUE(found_by_keys(a, b)) << seed;
    EXPECT_LE(overlap_keys(a).points.size(), kMaxKeys);
  }
}

TEST(Primary, WidestThenFasterThenLiveThenSmaller) {
  const auto workout = rowed(1, 400);
  const auto half = heard(workout, [](std::size_t i) { return i < 300; });
  const auto slow = heard(workout, [](std::size_t i) { return i % 2 == 1 || i == 0; });
  Evidence whole = evidence_of(5, workout);
  Evidence narrow = evidence_of(1, half);
  Evidence rare = evidence_of(2, slow);
  Evidence file = evidence_of(3, workout);
  file.birth.origin = Origin::import;
  Evidence twin = evidence_of(6, workout);
  std::vector<Evidence> all{narrow, rare, file, whole, twin};
  const auto best = [&] { return choose_primary(Stream::sample, all)->bytes[0]; };
  std::ranges::sort(all, {}, [](const Evidence& one) { return one.birth.rec_id; });
  do {
    EXPECT_EQ(best(), 5);
  } while (std::ranges::next_permutation(all, {}, [](const Evidence& one) { return one.birth.rec_id; }).found);
  all = {narrow, rare, file};
  EXPECT_EQ(best(), 3) << "a whole import before a part";
  all = {narrow, rare};
  EXPECT_EQ(best(), 2) << "coverage before rate";
  EXPECT_FALSE(choose_primary(Stream::stroke, all));
  for (Evidence& one : all) one.seal.workout.reset();
  EXPECT_EQ(best(), 1) << "of old seals the one with more records";
}

TEST(Primary, OnlyRecordingsThatAgreeFillEachOther) {
  const auto workout = rowed(1, 300);
  EXPECT_TRUE(may_fill(evidence_of(1, lossy(workout, 1, 30)), evidence_of(2, lossy(workout, 2, 30))));
  // Joined in the second interval and counted from there.
  EXPECT_FALSE(may_fill(evidence_of(1, workout), evidence_of(2, rowed(2, 300))));
  const auto first = heard(workout, [](std::size_t i) { return i < 100; });
  const auto second = heard(workout, [](std::size_t i) { return i > 200; });
  EXPECT_TRUE(may_fill(evidence_of(1, first), evidence_of(2, second))) << "nothing speaks against it";
}

}  // namespace
}  // namespace boathouse::rowing
