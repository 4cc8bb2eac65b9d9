// Strokes, force curves, splits and the summary; samples, intervals and events are in assembler_test.cpp.
#include <gtest/gtest.h>

#include <string>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/pm5/curve_merger.hpp"
#include "core/pm5/split_merger.hpp"
#include "core/pm5/stroke_merger.hpp"
#include "core/pm5/summary_merger.hpp"
#include "core/pm5/test_assembler.hpp"

namespace boathouse::pm5 {
namespace {

using rowing::EventKind;
using rowing::kNull;
using rowing::Record;
using rowing::Stream;

// ---- strokes ----

TEST_F(AssemblerTest, TheThreePartsOfAStrokeAreOneRecord) {
  EXPECT_TRUE(
      push(1000, 0x35, {{"stroke_count", 30}, {"elapsed_cs", 7595}, {"recovery_time_cs", 165}, {"drive_time_cs", 85}})
          .empty());
  EXPECT_TRUE(push(1001, 0x36, {{"stroke_count", 30}, {"elapsed_cs", 7595}, {"stroke_power_w", 179}}).empty());
  EXPECT_TRUE(
      push(2600, 0x35, {{"stroke_count", 30}, {"elapsed_cs", 7760}, {"recovery_time_cs", 170}, {"drive_time_cs", 85}})
          .empty());
  const auto records = push(3400, 0x35, {{"stroke_count", 31}, {"elapsed_cs", 7840}, {"drive_time_cs", 84}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "at_ms"), 1000);
  EXPECT_EQ(at(records[0], "stroke_count"), 30);
  EXPECT_EQ(at(records[0], "elapsed_cs"), 7760);
  EXPECT_EQ(at(records[0], "recovery_time_cs"), 170) << "its own, not the one before";
  EXPECT_EQ(at(records[0], "stroke_power_w"), 179);
}

TEST_F(AssemblerTest, AnOverdueStrokeComesAgainWhenItsRecoveryEnds) {
  EXPECT_TRUE(push(1000, 0x35, {{"stroke_count", 5}, {"elapsed_cs", 1000}, {"drive_time_cs", 80}}).empty());
  EXPECT_TRUE(tick(1000 + kStrokeOverdueMs - 1).empty());
  EXPECT_EQ(tick(1000 + kStrokeOverdueMs).size(), 1U);
  EXPECT_TRUE(tick(20000).empty());
  EXPECT_TRUE(
      push(31000, 0x35, {{"stroke_count", 5}, {"elapsed_cs", 4000}, {"drive_time_cs", 80}, {"recovery_time_cs", 3000}})
          .empty());
  const auto records = flush();
  ASSERT_EQ(records.size(), 1U) << "of two records with the same key the later one counts";
  EXPECT_EQ(at(records[0], "stroke_count"), 5);
  EXPECT_EQ(at(records[0], "recovery_time_cs"), 3000);
  EXPECT_EQ(at(records[0], "at_ms"), 1000);
  EXPECT_TRUE(flush().empty());
}

TEST_F(AssemblerTest, RepeatedStrokeNotificationsChangeNothing) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(push(1000 + i, 0x35, {{"stroke_count", 5}, {"elapsed_cs", 1000}, {"drive_time_cs", 80}}).empty());
  }
  EXPECT_EQ(flush().size(), 1U);
  EXPECT_TRUE(push(1100, 0x35, {{"stroke_count", 5}, {"elapsed_cs", 1000}, {"drive_time_cs", 80}}).empty());
  EXPECT_TRUE(flush().empty());
}

TEST_F(AssemblerTest, AnOvertakenPartFillsOnlyWhatIsMissing) {
  EXPECT_TRUE(
      push(1000, 0x35, {{"stroke_count", 5}, {"elapsed_cs", 1170}, {"drive_time_cs", 80}, {"recovery_time_cs", 170}})
          .empty());
  EXPECT_TRUE(push(1001, 0x36, {{"stroke_count", 5}, {"elapsed_cs", 1000}, {"stroke_power_w", 179}}).empty());
  EXPECT_TRUE(
      push(1002, 0x35, {{"stroke_count", 5}, {"elapsed_cs", 1000}, {"drive_time_cs", 80}, {"recovery_time_cs", 150}})
          .empty());
  const auto records = flush();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "elapsed_cs"), 1170);
  EXPECT_EQ(at(records[0], "recovery_time_cs"), 170);
  EXPECT_EQ(at(records[0], "stroke_power_w"), 179);
}

TEST_F(AssemblerTest, APartOvertakenByTheNextStrokeStillReachesItsOwn) {
  EXPECT_TRUE(push(1000, 0x35, {{"stroke_count", 5}, {"elapsed_cs", 1000}, {"drive_time_cs", 80}}).empty());
  EXPECT_EQ(push(2000, 0x35, {{"stroke_count", 6}, {"elapsed_cs", 1250}, {"drive_time_cs", 81}}).size(), 1U);
  const auto records =
      push(2001, 0x35, {{"stroke_count", 5}, {"elapsed_cs", 1170}, {"drive_time_cs", 80}, {"recovery_time_cs", 170}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "stroke_count"), 5);
  EXPECT_EQ(at(records[0], "recovery_time_cs"), 170);
  EXPECT_EQ(at(flush().at(0), "stroke_count"), 6);
}

TEST_F(AssemblerTest, TheSameCountInTheNextIntervalIsAnotherStroke) {
  EXPECT_TRUE(status(0, 900, 300, 7).empty());
  EXPECT_TRUE(
      push(10, 0x35, {{"stroke_count", 1}, {"elapsed_cs", 900}, {"distance_dm", 300}, {"drive_time_cs", 80}}).empty());
  EXPECT_EQ(status(500, 15, 0, 7, 30).size(), 1U);
  const auto records =
      push(1500, 0x35, {{"stroke_count", 1}, {"elapsed_cs", 95}, {"distance_dm", 30}, {"drive_time_cs", 82}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "interval"), 0);
  EXPECT_EQ(at(flush().back(), "interval"), 1);
}

TEST_F(AssemblerTest, TheEndOfTheLastStrokeFindsItAfterTheRestart) {
  EXPECT_TRUE(status(0, 6000, 2480, 7).empty());
  EXPECT_TRUE(push(10, 0x35, {{"stroke_count", 25}, {"elapsed_cs", 6000}, {"distance_dm", 2480}, {"drive_time_cs", 80}})
                  .empty());
  EXPECT_EQ(status(500, 15, 0, 7, 250).size(), 1U);
  EXPECT_TRUE(
      push(510, 0x35, {{"stroke_count", 25}, {"elapsed_cs", 6100}, {"distance_dm", 2490}, {"drive_time_cs", 80}})
          .empty());
  EXPECT_TRUE(
      push(520, 0x35, {{"stroke_count", 26}, {"elapsed_cs", 6190}, {"distance_dm", 2495}, {"drive_time_cs", 79}})
          .size() == 1U)
      << "a whole stroke of the old interval, told late";
  const auto records =
      push(1500, 0x35, {{"stroke_count", 1}, {"elapsed_cs", 95}, {"distance_dm", 30}, {"drive_time_cs", 82}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "stroke_count"), 26);
  EXPECT_EQ(at(records[0], "interval"), 0);
  EXPECT_EQ(at(flush().back(), "interval"), 1);
}

TEST_F(AssemblerTest, StrokesTellTheIntervalWhenTheStatusIsLost) {
  EXPECT_TRUE(status(0, 6000, 2480, 7).empty());
  EXPECT_TRUE(push(10, 0x35, {{"stroke_count", 25}, {"elapsed_cs", 6000}, {"distance_dm", 2480}, {"drive_time_cs", 80}})
                  .empty());
  EXPECT_EQ(push(9000, 0x36, {{"stroke_count", 3}, {"elapsed_cs", 700}, {"stroke_power_w", 200}}).size(), 1U);
  const auto records = status(9500, 750, 280, 7, 250);
  EXPECT_EQ(at(records.at(0), "interval"), 0);
  const auto last = flush();
  EXPECT_EQ(at(last.at(0), "interval"), 1) << "not counted twice";
  EXPECT_EQ(at(last.at(1), "interval"), 1);
}

TEST_F(AssemblerTest, AStrokeThatComesBeforeTheStatusAfterASilenceIsOfTheNewInterval) {
  std::vector<Record> strokes;
  const auto drive = [&](std::int64_t ms, std::int64_t elapsed_cs, std::int64_t count) {
    const auto more = push(ms, 0x35, {{"elapsed_cs", elapsed_cs}, {"stroke_count", count}, {"drive_length_cm", 140}});
    for (const Record& stroke : of_stream(more, Stream::stroke)) strokes.push_back(stroke);
  };
  status(0, 6000, 3000, 7, 0);
  drive(100, 6005, 24);
  drive(200'000, 8000, 33);
  status(200'200, 8020, 3910, 7, 315);
  drive(201'500, 8150, 33);
  drive(202'000, 8300, 34);
  ASSERT_EQ(strokes.size(), 2U);
  EXPECT_EQ(at(strokes[0], "stroke_count"), 24);
  EXPECT_EQ(at(strokes[0], "interval"), 0);
  EXPECT_EQ(at(strokes[1], "stroke_count"), 33);
  EXPECT_EQ(at(strokes[1], "interval"), 1);
}

TEST_F(AssemblerTest, ZeroFilledStrokesAreNone) {
  EXPECT_TRUE(push(1000, 0x35, {{"stroke_count", 25}, {"elapsed_cs", 6000}, {"drive_time_cs", 80}}).empty());
  EXPECT_TRUE(push_bytes(2000, 0x35, base::Bytes(20, 0)).empty()) << "nothing in it";
  EXPECT_TRUE(push_bytes(2001, 0x36, base::Bytes(15, 0)).empty());
  const auto records = push(2002, 0x35, {{"stroke_count", 25}, {"elapsed_cs", 6500}});
  ASSERT_EQ(records.size(), 1U) << "a count and a time: kept, but no stroke";
  EXPECT_EQ(at(records[0], "kind"), static_cast<std::int64_t>(EventKind::rejected_notification));
  const auto detail = base::parse_json(records[0].bytes).value();
  EXPECT_EQ(*detail.find("reason")->text(), "zero_filled");
  EXPECT_EQ(*detail.find("char")->text(), "0x0035");
  EXPECT_EQ(*detail.find("hex")->text(), "6419000000000000000000000000000000001900");
  const auto stroke = flush();
  ASSERT_EQ(stroke.size(), 1U);
  EXPECT_EQ(at(stroke[0], "drive_time_cs"), 80);
  EXPECT_EQ(at(stroke[0], "elapsed_cs"), 6000);
}

// ---- force curves ----

TEST_F(AssemblerTest, PacketsMakeACurve) {
  EXPECT_TRUE(push(1000, 0x35, {{"stroke_count", 42}, {"elapsed_cs", 6000}, {"drive_time_cs", 80}}).empty());
  EXPECT_TRUE(force(1010, 3, 0, {1, 2, 3}).empty());
  EXPECT_TRUE(force(1020, 3, 1, {4, 5, 6}).empty());
  const auto records = force(1030, 3, 2, {7});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "at_ms"), 1010);
  EXPECT_EQ(at(records[0], "stroke_count"), 42);
  EXPECT_EQ(at(records[0], "packets"), 3);
  EXPECT_EQ(at(records[0], "lost_packets"), 0);
  EXPECT_EQ(records[0].points, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(AssemblerTest, TheStrokeMayBeToldAfterItsCurve) {
  EXPECT_TRUE(force(1000, 2, 0, {1, 2}).empty());
  EXPECT_TRUE(force(1010, 2, 1, {3}).empty()) << "waits for its stroke";
  const auto records = push(1100, 0x36, {{"stroke_count", 7}, {"elapsed_cs", 500}, {"stroke_power_w", 200}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "stroke_count"), 7);
}

TEST_F(AssemblerTest, ACurveWithoutAStrokeIsKept) {
  EXPECT_TRUE(force(1000, 2, 0, {1, 2}).empty());
  EXPECT_TRUE(force(1010, 2, 1, {3}).empty());
  EXPECT_TRUE(tick(1010 + kCurveOverdueMs - 1).empty());
  const auto records = tick(1010 + kCurveOverdueMs);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "stroke_count"), kNull);
}

TEST_F(AssemblerTest, TheStrokeOfAnotherDriveIsNotTaken) {
  EXPECT_TRUE(push(0, 0x35, {{"stroke_count", 1}, {"elapsed_cs", 500}, {"drive_time_cs", 80}}).empty());
  EXPECT_TRUE(force(kSameDriveMs + 1, 1, 0, {1}).empty());
  EXPECT_EQ(at(tick(5000).at(0), "stroke_count"), kNull);
}

TEST_F(AssemblerTest, LostPacketsAreBits) {
  EXPECT_TRUE(force(1000, 4, 1, {4}).empty());
  EXPECT_TRUE(force(1010, 4, 3, {6}).empty());
  const auto records = flush();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "lost_packets"), 0b0101);
  EXPECT_EQ(records[0].points, (std::vector<std::int64_t>{4, 6}));
}

TEST_F(AssemblerTest, PacketsOutOfOrderAndRepeated) {
  EXPECT_TRUE(push(990, 0x35, {{"stroke_count", 1}, {"elapsed_cs", 500}, {"drive_time_cs", 80}}).empty());
  EXPECT_TRUE(force(1000, 3, 1, {2}).empty());
  EXPECT_TRUE(force(1001, 3, 1, {2}).empty());
  EXPECT_TRUE(force(1010, 3, 0, {1}).empty());
  const auto records = force(1020, 3, 2, {3});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].points, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_TRUE(force(1030, 3, 2, {3}).empty()) << "the last one repeated begins no curve";
  EXPECT_TRUE(of_stream(flush(), Stream::force_curve).empty());
}

TEST_F(AssemblerTest, ANewCurveClosesTheOpenOne) {
  EXPECT_TRUE(force(1000, 3, 0, {1}).empty());
  EXPECT_EQ(at(force(1010, 3, 0, {9}).at(0), "lost_packets"), 0b110) << "packet 0 with other points";
  EXPECT_EQ(force(1020, 4, 1, {9}).size(), 1U) << "another number of packets";
  EXPECT_EQ(force(1020 + kCurveGapMs + 1, 4, 2, {9}).size(), 1U) << "too far away to be the same drive";
  EXPECT_EQ(flush().size(), 1U);
}

TEST_F(AssemblerTest, TailsOfCurves) {
  auto payload = encode_force_packet({1, 1, 0, {5}}, Form::direct).value();
  payload.push_back(0xEE);
  EXPECT_TRUE(push_bytes(1, 0x3D, payload).empty());
  EXPECT_EQ(base::to_hex(base::as_bytes(flush().at(0).bytes)), "3d01ee");
}

// ---- splits ----

TEST_F(AssemblerTest, SplitsPairByNumber) {
  EXPECT_TRUE(push(1000, 0x37, {{"split_number", 1}, {"split_time_ds", 1265}, {"elapsed_cs", 12650}}).empty());
  const auto records = push(1300, 0x38, {{"split_number", 1}, {"power_w", 173}, {"elapsed_cs", 12680}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "at_ms"), 1000);
  EXPECT_EQ(at(records[0], "split_time_ds"), 1265);
  EXPECT_EQ(at(records[0], "power_w"), 173);
  EXPECT_TRUE(push(1400, 0x38, {{"split_number", 1}, {"power_w", 173}, {"elapsed_cs", 12680}}).empty()) << "repeated";
  EXPECT_TRUE(flush().empty());
}

TEST_F(AssemblerTest, ALate0x38MakesASecondRecord) {
  EXPECT_TRUE(push(1000, 0x37, {{"split_number", 1}, {"split_time_ds", 1265}}).empty());
  EXPECT_TRUE(tick(1000 + kSplitOverdueMs - 1).empty());
  EXPECT_EQ(at(tick(1000 + kSplitOverdueMs).at(0), "power_w"), kNull);
  const auto records = push(9000, 0x38, {{"split_number", 1}, {"power_w", 173}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "split_time_ds"), 1265) << "holds all that the earlier one knew";
  EXPECT_EQ(at(records[0], "power_w"), 173);
  EXPECT_EQ(at(records[0], "at_ms"), 1000);
}

TEST_F(AssemblerTest, AChangedSplitDoesNotHideTheOldOne) {
  EXPECT_TRUE(push(1000, 0x37, {{"split_number", 1}, {"split_time_ds", 1265}}).empty());
  const auto first = push(1001, 0x37, {{"split_number", 1}, {"split_time_ds", 1300}});
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(at(first[0], "split_time_ds"), 1265);
  EXPECT_EQ(at(flush().at(0), "split_time_ds"), 1300);
}

TEST_F(AssemblerTest, SplitsOfIntervalPiecesNameTheirInterval) {
  EXPECT_TRUE(status(0, 6097, 2496, 7, 0).empty());
  status(500, 15, 0, 7, 265);  // interval 1 has begun when the split of interval 0 comes
  EXPECT_TRUE(push(600, 0x37, {{"split_number", 1}, {"elapsed_cs", 25}}).empty());
  EXPECT_EQ(at(push(700, 0x38, {{"split_number", 1}, {"elapsed_cs", 35}}).at(0), "interval"), 0);
  status(60000, 6000, 2500, 7, 515, 10);  // the last one comes without a restart before it
  EXPECT_TRUE(push(61000, 0x37, {{"split_number", 2}, {"elapsed_cs", 6000}}).empty());
  EXPECT_EQ(at(push(61100, 0x38, {{"split_number", 2}, {"elapsed_cs", 6000}}).at(0), "interval"), 1);
}

TEST_F(AssemblerTest, SplitsOfAPieceJoinedInTheMiddle) {
  EXPECT_TRUE(status(0, 3000, 1200, 7, 530).empty());  // two intervals were over
  status(500, 15, 0, 7, 795);
  EXPECT_TRUE(push(600, 0x37, {{"split_number", 3}, {"elapsed_cs", 25}}).empty());
  EXPECT_EQ(at(push(700, 0x38, {{"split_number", 3}, {"elapsed_cs", 35}}).at(0), "interval"), 0)
      << "the first interval of the recording";
  status(60000, 6000, 2500, 7, 1045, 10);
  EXPECT_TRUE(push(61000, 0x37, {{"split_number", 4}}).empty());
  EXPECT_EQ(at(push(61100, 0x38, {{"split_number", 4}}).at(0), "interval"), 1);
}

TEST_F(AssemblerTest, SplitsAfterASilenceAreOfTheIntervalBeforeThem) {
  status(0, 3000, 1200, 7, 0);
  status(300'000, 4500, 1900, 7, 530);  // two intervals later: one ended, one was not heard at all
  status(335'000, 6000, 2500, 7, 780, 3);
  EXPECT_TRUE(push(340'000, 0x37, {{"split_number", 3}, {"elapsed_cs", 5}}).empty()) << "before the 0x31 that tells it";
  EXPECT_EQ(at(push(340'100, 0x38, {{"split_number", 3}, {"elapsed_cs", 15}}).at(0), "interval"), 1);
  status(340'200, 20, 0, 7, 795);
  EXPECT_TRUE(push(340'300, 0x37, {{"split_number", 5}, {"elapsed_cs", 25}}).empty());
  EXPECT_EQ(at(push(340'400, 0x38, {{"split_number", 5}, {"elapsed_cs", 35}}).at(0), "interval"), 3)
      << "nothing was heard of it";
}

TEST_F(AssemblerTest, SplitsOfOtherPiecesAreInIntervalZero) {
  status(0, 30006, 11306, 5);
  EXPECT_TRUE(push(1, 0x37, {{"split_number", 4}}).empty());
  const auto records = flush();
  EXPECT_EQ(at(of_stream(records, Stream::split).at(0), "interval"), 0);
}

TEST_F(AssemblerTest, TooManySplitsAreNamedOnceAndKept) {
  std::vector<Record> records;
  for (std::int64_t number = 1; number <= 60; ++number) {
    for (const int id : {0x37, 0x38}) {
      const auto more = push(number, static_cast<std::uint8_t>(id), {{"split_number", number}});
      records.insert(records.end(), more.begin(), more.end());
    }
  }
  EXPECT_EQ(of_stream(records, Stream::split).size(), 60U);
  const auto events = of_stream(records, Stream::event);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(at(events[0], "kind"), static_cast<std::int64_t>(EventKind::too_many_splits));
  EXPECT_EQ(at(events[0], "at_ms"), 51);
}

// ---- summary ----

TEST_F(AssemblerTest, TheSummaryComesWhole) {
  EXPECT_TRUE(push(1000, 0x39, {{"log_date", 0x356B}, {"elapsed_cs", 48000}}).empty());
  auto records = push(1030, 0x3A, {{"log_date", 0x356B}, {"split_count", 4}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "elapsed_cs"), 48000);
  EXPECT_EQ(at(records[0], "split_count"), 4);
  EXPECT_EQ(at(records[0], "at_ms"), 1030);
  EXPECT_EQ(at(records[0], "logged_size"), kNull);

  records = push(1060, 0x3F, {{"logged_size", 176}});
  ASSERT_EQ(records.size(), 1U) << "again with every news";
  EXPECT_EQ(at(records[0], "logged_size"), 176);
  EXPECT_EQ(at(records[0], "elapsed_cs"), 48000);

  EXPECT_TRUE(push(1090, 0x39, {{"log_date", 0x356B}, {"elapsed_cs", 48000}}).empty()) << "repeated: no news";
  records = push(61000, 0x39, {{"log_date", 0x356B}, {"elapsed_cs", 48000}, {"recovery_heart_rate_bpm", 128}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "recovery_heart_rate_bpm"), 128);
  EXPECT_EQ(at(records[0], "split_count"), 4);
  EXPECT_EQ(at(records[0], "at_ms"), 61000);
}

TEST_F(AssemblerTest, MultiplexedSummary) {
  EXPECT_TRUE(push(1, 0x39, {{"elapsed_cs", 48000}}, Form::multiplexed).empty());
  EXPECT_EQ(push(2, 0x3A, {{"split_count", 4}}, Form::multiplexed).size(), 1U);
  const auto records = push(3, 0x3C, {{"avg_pace_ds_per_500m", 1200}, {"verified", 1}}, Form::multiplexed);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "avg_pace_ds_per_500m"), 1200);
  EXPECT_EQ(at(records[0], "verified"), 1);
  EXPECT_EQ(at(records[0], "split_type"), kNull) << "not in this form";
}

TEST_F(AssemblerTest, AnIncompleteSummaryIsHandedOutWhenOverdue) {
  EXPECT_TRUE(push(1000, 0x39, {{"elapsed_cs", 48000}}).empty());
  EXPECT_TRUE(tick(1000 + kSummaryOverdueMs - 1).empty());
  EXPECT_EQ(tick(1000 + kSummaryOverdueMs).size(), 1U);
  EXPECT_EQ(push(9000, 0x3A, {{"split_count", 4}}).size(), 1U);
}

TEST_F(AssemblerTest, TheBeltWaitsForTheSummary) {
  EXPECT_TRUE(push(1000, 0x3B, {{"belt_id", 0x12345678}}).empty());
  EXPECT_TRUE(tick(500'000).empty());
  EXPECT_TRUE(push(600'000, 0x39, {{"elapsed_cs", 48000}}).empty());
  const auto records = push(600'030, 0x3A, {{"split_count", 4}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "belt_id"), 0x12345678);
}

TEST_F(AssemblerTest, AnotherBeltDoesNotHideTheFirst) {
  EXPECT_TRUE(push(1000, 0x3B, {{"belt_id", 1}}).empty());
  const auto records = push(2000, 0x3B, {{"belt_id", 2}});
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(at(records[0], "belt_id"), 1);
  EXPECT_EQ(at(records[1], "belt_id"), 2);
  EXPECT_TRUE(flush().empty());
}

}  // namespace
}  // namespace boathouse::pm5
