#include "core/pm5/piece_tracker.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "core/pm5/notification_line.hpp"
#include "core/pm5/test_notifications.hpp"
#include "tests/support/shared_data.hpp"

namespace boathouse::pm5 {
namespace {

using rowing::EndReason;

struct Status {
  std::int64_t state = 1;
  std::int64_t elapsed_cs = 0;
  std::int64_t distance_dm = 0;
  std::int64_t workout_type = 3;
  std::int64_t total_work_distance_m = 0;
};

class PieceTrackerTest : public testing::Test {
 protected:
  Verdict status(std::int64_t ms, const Status& status) {
    return observe(ms, 0x31,
                   payload_of(0x31, {{"workout_state", status.state},
                                     {"elapsed_cs", status.elapsed_cs},
                                     {"distance_dm", status.distance_dm},
                                     {"workout_type", status.workout_type},
                                     {"total_work_distance_m", status.total_work_distance_m}}));
  }
  Verdict part(std::int64_t ms, std::uint8_t id, std::int64_t elapsed_cs = 0) {
    const bool has_elapsed = id <= 0x38 || id == 0x39;
    return observe(ms, id, has_elapsed ? payload_of(id, {{"elapsed_cs", elapsed_cs}}) : payload_of(id, {}));
  }
  Verdict observe(std::int64_t ms, std::uint16_t id, const base::Bytes& payload) {
    tracker_.tick(ms);
    return tracker_.observe(decoded(id, payload), ms);
  }
  // A piece from 0 to 60 s of the test's time.
  void row_a_minute() {
    EXPECT_EQ(status(0, {.state = 0}), Verdict::idle);
    EXPECT_EQ(status(1000, {.state = 1, .elapsed_cs = 50}), Verdict::begins);
    EXPECT_EQ(status(60000, {.state = 1, .elapsed_cs = 6000, .distance_dm = 2500}), Verdict::belongs);
  }

  PieceTracker tracker_;
};

TEST_F(PieceTrackerTest, BeginsWhenTheStateLeavesZero) {
  EXPECT_EQ(status(0, {.state = 0}), Verdict::idle);
  EXPECT_EQ(part(10, 0x3E), Verdict::idle);
  EXPECT_EQ(status(500, {.state = 2}), Verdict::begins) << "countdown";
  EXPECT_EQ(part(510, 0x32), Verdict::belongs);
  EXPECT_TRUE(tracker_.running());
}

TEST_F(PieceTrackerTest, BeginsWhenElapsedGrowsInStateZero) {  // as in the capture: 0.46 s in state 0
  EXPECT_EQ(status(0, {.state = 0}), Verdict::idle);
  EXPECT_EQ(status(500, {.state = 0, .elapsed_cs = 46, .distance_dm = 11}), Verdict::begins);
  EXPECT_EQ(status(1000, {.state = 0, .elapsed_cs = 60}), Verdict::belongs) << "that 0 is not a new one";
  EXPECT_EQ(status(1500, {.state = 5, .elapsed_cs = 97}), Verdict::belongs);
  EXPECT_EQ(status(2000, {.state = 0}), Verdict::ended);
}

TEST_F(PieceTrackerTest, BeginsWithAStrokeOrStatusThatComesFirst) {
  EXPECT_EQ(status(0, {.state = 0}), Verdict::idle);
  EXPECT_EQ(part(5, 0x32, 0), Verdict::idle);
  EXPECT_EQ(part(900, 0x35, 90), Verdict::begins);
  tracker_ = PieceTracker();
  EXPECT_EQ(part(0, 0x33, 0), Verdict::idle) << "the first one ever tells no growth";
  EXPECT_EQ(part(500, 0x33, 40), Verdict::begins);
}

TEST_F(PieceTrackerTest, JoinsAPieceUnderWay) {
  EXPECT_EQ(status(0, {.state = 3, .elapsed_cs = 6031}), Verdict::begins);
}

TEST_F(PieceTrackerTest, UnknownStatesAreKept) { EXPECT_EQ(status(0, {.state = 200}), Verdict::begins); }

TEST_F(PieceTrackerTest, AFinishedPieceOnTheScreenIsNone) {
  for (const std::int64_t state : {10, 11, 12, 13}) {
    EXPECT_EQ(status(0, {.state = state, .elapsed_cs = 6000}), Verdict::idle) << state;
    EXPECT_EQ(part(1, 0x32, 6100), Verdict::idle) << state;
  }
}

TEST_F(PieceTrackerTest, EndsWhenLogged) {
  row_a_minute();
  EXPECT_EQ(status(60500, {.state = 10, .elapsed_cs = 6010, .distance_dm = 2500}), Verdict::belongs);
  EXPECT_EQ(status(61000, {.state = 12, .elapsed_cs = 6010, .distance_dm = 2500}), Verdict::ends);
  EXPECT_FALSE(tracker_.running());
  EXPECT_EQ(tracker_.end_reason(), EndReason::logged);
  // The rest of that same moment is its last sample; what repeats it is idle.
  EXPECT_EQ(part(61001, 0x32, 6010), Verdict::late);
  EXPECT_EQ(part(61002, 0x33, 6010), Verdict::late);
  EXPECT_EQ(status(61500, {.state = 12, .elapsed_cs = 6010, .distance_dm = 2500}), Verdict::idle);
  EXPECT_EQ(part(61501, 0x32, 6010), Verdict::idle);
  EXPECT_EQ(part(61502, 0x33, 6010), Verdict::idle);
}

TEST_F(PieceTrackerTest, EndsWhenRearmed) {
  row_a_minute();
  EXPECT_EQ(status(61000, {.state = 13, .elapsed_cs = 6000, .distance_dm = 2500}), Verdict::ends);
  EXPECT_EQ(tracker_.end_reason(), EndReason::rearmed);
}

TEST_F(PieceTrackerTest, ResetCountersAreNoLastSample) {
  row_a_minute();
  EXPECT_EQ(status(61000, {.state = 13}), Verdict::ended);
  EXPECT_FALSE(tracker_.running());
}

TEST_F(PieceTrackerTest, LateParts) {
  row_a_minute();
  EXPECT_EQ(status(61000, {.state = 12, .elapsed_cs = 6010, .distance_dm = 2500}), Verdict::ends);
  for (const int id : {0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x3B, 0x3F}) {
    EXPECT_EQ(part(66000, static_cast<std::uint8_t>(id), 6010), Verdict::late) << id;
  }
  EXPECT_EQ(part(66001, 0x37), Verdict::idle) << "5 s are over";
  EXPECT_EQ(part(66001, 0x3A), Verdict::idle);
  EXPECT_EQ(part(121000, 0x39), Verdict::late) << "the recovery heart rate";
  EXPECT_EQ(part(151000, 0x39), Verdict::late) << "90 s";
  EXPECT_EQ(part(151001, 0x39), Verdict::idle);
}

TEST_F(PieceTrackerTest, LatePartsWhileTheNextPieceRuns) {
  row_a_minute();
  EXPECT_EQ(status(61000, {.state = 12, .elapsed_cs = 6010, .distance_dm = 2500}), Verdict::ends);
  EXPECT_EQ(status(62000, {.state = 0}), Verdict::idle);
  EXPECT_EQ(status(63000, {.state = 1, .elapsed_cs = 20}), Verdict::begins);
  EXPECT_EQ(part(63500, 0x39, 6010), Verdict::late);
  EXPECT_EQ(part(63600, 0x35, 80), Verdict::belongs) << "strokes are those of the new one";
  EXPECT_EQ(part(120000, 0x39, 5000), Verdict::belongs) << "a new piece cancels the second 0x39 of the old one";
}

TEST_F(PieceTrackerTest, ANewZeroEnds) {
  row_a_minute();
  EXPECT_EQ(status(61000, {.state = 0}), Verdict::ended);
  EXPECT_EQ(tracker_.end_reason(), EndReason::rearmed);
  EXPECT_EQ(part(61500, 0x39), Verdict::late);
}

TEST_F(PieceTrackerTest, AnotherPieceWhoseBeginningWasLost) {
  row_a_minute();
  EXPECT_EQ(status(61000, {.state = 1, .elapsed_cs = 300, .distance_dm = 100}), Verdict::begins)
      << "counters of a piece without intervals never restart";
  EXPECT_EQ(status(62000, {.state = 11, .elapsed_cs = 400, .distance_dm = 140}), Verdict::belongs);
  EXPECT_EQ(status(63000, {.state = 1, .elapsed_cs = 450, .distance_dm = 150}), Verdict::begins) << "after its end";
}

TEST_F(PieceTrackerTest, IntervalsAreOnePiece) {
  EXPECT_EQ(status(0, {.state = 5, .elapsed_cs = 6000, .distance_dm = 2500, .workout_type = 7}), Verdict::begins);
  const Status second{.state = 5, .elapsed_cs = 15, .workout_type = 7, .total_work_distance_m = 265};
  EXPECT_EQ(status(30000, second), Verdict::belongs);
  EXPECT_EQ(status(60000, {5, 6000, 2500, 7, 265}), Verdict::belongs);
  EXPECT_EQ(status(61000, {5, 15, 0, 7, 0}), Verdict::begins) << "the total of finished intervals fell: another piece";
  EXPECT_EQ(status(90000, {5, 6000, 2500, 7, 0}), Verdict::belongs);
  EXPECT_EQ(status(91000, {4, 15, 0, 6, 0}), Verdict::begins) << "another workout type";
}

TEST_F(PieceTrackerTest, AnOvertakenNotificationEndsNothing) {
  row_a_minute();
  EXPECT_EQ(status(60200, {.state = 1, .elapsed_cs = 5850, .distance_dm = 2430}), Verdict::belongs);
}

TEST_F(PieceTrackerTest, SilenceEnds) {
  row_a_minute();
  EXPECT_FALSE(tracker_.tick(60000 + kSilenceMs - 1));
  EXPECT_TRUE(tracker_.tick(60000 + kSilenceMs));
  EXPECT_FALSE(tracker_.tick(60000 + kSilenceMs + 1)) << "only once";
  EXPECT_EQ(tracker_.end_reason(), EndReason::silence);
  EXPECT_EQ(status(800000, {.state = 1, .elapsed_cs = 74000, .distance_dm = 9000}), Verdict::begins);
}

TEST_F(PieceTrackerTest, AnyNotificationBreaksTheSilence) {
  row_a_minute();
  EXPECT_EQ(part(400000, 0x3E), Verdict::belongs);
  EXPECT_EQ(part(900000, 0x3E), Verdict::belongs);
  EXPECT_TRUE(tracker_.running());
}

TEST_F(PieceTrackerTest, TheUsersStopHoldsUntilTheMonitorLeavesThePiece) {
  row_a_minute();
  tracker_.stop(EndReason::stopped, 60500);
  EXPECT_EQ(tracker_.end_reason(), EndReason::stopped);
  EXPECT_EQ(status(61000, {.state = 1, .elapsed_cs = 6100, .distance_dm = 2550}), Verdict::idle);
  EXPECT_EQ(part(61001, 0x32, 6100), Verdict::idle);
  EXPECT_EQ(part(61002, 0x35, 6150), Verdict::late) << "the stroke that was under way";
  EXPECT_EQ(status(70000, {.state = 12, .elapsed_cs = 7000, .distance_dm = 2900}), Verdict::idle);
  EXPECT_EQ(status(80000, {.state = 1, .elapsed_cs = 10}), Verdict::begins);
}

TEST_F(PieceTrackerTest, AfterTheUsersStopAnotherPieceBeginsEvenIfItsStartWasLost) {
  row_a_minute();
  tracker_.stop(EndReason::stopped, 60500);
  EXPECT_EQ(status(90000, {.state = 1, .elapsed_cs = 500, .distance_dm = 200}), Verdict::begins);
}

TEST_F(PieceTrackerTest, TheEndOfTheInputHoldsNothing) {
  row_a_minute();
  tracker_.stop(EndReason::end_of_input, 60500);
  EXPECT_EQ(status(61000, {.state = 1, .elapsed_cs = 6100, .distance_dm = 2550}), Verdict::begins);
}

TEST_F(PieceTrackerTest, StopWithoutARecordingChangesNothing) {
  tracker_.stop(EndReason::stopped, 0);
  EXPECT_EQ(status(1, {.state = 1, .elapsed_cs = 10}), Verdict::begins);
}

TEST(PieceTrackerOnRecordings, Capture3x250mIsOnePiece) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(text, "pm5_capture_3x250m.jsonl");
  PieceTracker tracker;
  int begun = 0;
  int idle = 0;
  int belong = 0;
  std::int64_t ms = 0;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const auto parsed = parse_notification_line(std::string_view(text).substr(begin, end - begin)).value();
    begin = end + 1;
    const auto* const line = std::get_if<NotificationLine>(&parsed);
    if (line == nullptr) continue;
    switch (tracker.observe(decoded(line->characteristic, line->payload), ms += 100)) {
      case Verdict::begins:
        ++begun;
        break;
      case Verdict::idle:
        ++idle;
        break;
      default:
        ++belong;
    }
  }
  EXPECT_EQ(begun, 1);
  EXPECT_GT(idle, 100) << "before the first pull";
  EXPECT_EQ(begun + idle + belong, 307);
  EXPECT_TRUE(tracker.running()) << "the capture stops in the third interval";
}

}  // namespace
}  // namespace boathouse::pm5
