#include "core/pm5/assembler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <variant>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/base/random.hpp"
#include "core/pm5/notification_line.hpp"
#include "core/pm5/sample_merger.hpp"
#include "core/pm5/test_assembler.hpp"
#include "tests/support/shared_data.hpp"

namespace boathouse::pm5 {
namespace {

using rowing::EventKind;
using rowing::kNull;
using rowing::Record;
using rowing::Stream;

// ---- samples ----

TEST_F(AssemblerTest, ThreePartsMakeASample) {
  EXPECT_TRUE(status(100, 2315, 894).empty());
  EXPECT_TRUE(push(101, 0x32, {{"elapsed_cs", 2315}, {"speed_mmps", 4433}}).empty());
  const auto records = push(102, 0x33, {{"elapsed_cs", 2315}, {"avg_power_w", 54}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].stream, Stream::sample);
  EXPECT_EQ(at(records[0], "at_ms"), 100);
  EXPECT_EQ(at(records[0], "interval"), 0);
  EXPECT_EQ(at(records[0], "distance_dm"), 894);
  EXPECT_EQ(at(records[0], "speed_mmps"), 4433);
  EXPECT_EQ(at(records[0], "avg_power_w"), 54);
  EXPECT_EQ(at(records[0], "operational_state"), kNull);
  EXPECT_TRUE(flush().empty());
}

TEST_F(AssemblerTest, TheOrderOfPartsIsFree) {
  EXPECT_TRUE(push(1, 0x33, {{"elapsed_cs", 50}, {"total_calories", 7}}).empty());
  EXPECT_TRUE(push(2, 0x32, {{"elapsed_cs", 50}}).empty());
  const auto records = status(3, 50, 10);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "total_calories"), 7);
}

TEST_F(AssemblerTest, AnotherElapsedClosesTheSample) {
  EXPECT_TRUE(status(100, 50, 10).empty());
  const auto records = status(600, 100, 20);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "elapsed_cs"), 50);
  EXPECT_EQ(at(records[0], "speed_mmps"), kNull) << "0x32 was lost";
}

TEST_F(AssemblerTest, StandingInARestTheRepeatedPartBeginsTheNextSample) {
  std::vector<Record> records;
  const auto add = [&](std::vector<Record> more) { records.insert(records.end(), more.begin(), more.end()); };
  for (std::int64_t i = 0; i < 5; ++i) {
    add(status(i * 500, 6031, 2532, 7, 518, 3));
    add(push(i * 500 + 1, 0x32, {{"elapsed_cs", 6031}, {"rest_time_cs", 2991 - 100 * i}}));
  }
  add(flush());
  ASSERT_EQ(records.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(at(records[i], "at_ms"), static_cast<std::int64_t>(i) * 500);
    EXPECT_EQ(at(records[i], "rest_time_cs"), 2991 - 100 * static_cast<std::int64_t>(i));
    EXPECT_EQ(at(records[i], "workout_state"), 3);
  }
}

TEST_F(AssemblerTest, AnOverdueSampleIsHandedOut) {
  EXPECT_TRUE(status(100, 50, 10).empty());
  EXPECT_TRUE(tick(100 + kSampleOverdueMs - 1).empty());
  EXPECT_EQ(tick(100 + kSampleOverdueMs).size(), 1U);
  EXPECT_TRUE(tick(5000).empty());
}

TEST_F(AssemblerTest, Status3JoinsTheOpenSampleOrTheNext) {
  EXPECT_TRUE(status(100, 50, 10).empty());
  EXPECT_TRUE(push(101, 0x3E, {{"operational_state", 2}}).empty());
  EXPECT_TRUE(push(102, 0x32, {{"elapsed_cs", 50}}).empty());
  auto records = push(103, 0x33, {{"elapsed_cs", 50}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "operational_state"), 2);

  EXPECT_TRUE(push(104, 0x3E, {{"operational_state", 6}}).empty()) << "behind the sample: waits for the next one";
  EXPECT_TRUE(tick(50000).empty());
  EXPECT_TRUE(status(600, 100, 20).empty());
  EXPECT_TRUE(push(601, 0x32, {{"elapsed_cs", 100}}).empty());
  records = push(602, 0x33, {{"elapsed_cs", 100}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "operational_state"), 6);
  EXPECT_EQ(at(records[0], "at_ms"), 600) << "the moment of the sample, not of the 0x3E";
}

TEST_F(AssemblerTest, Status3WithoutASampleIsKeptWhenItIsNews) {
  EXPECT_TRUE(push(1, 0x3E, {{"operational_state", 2}}).empty());
  EXPECT_TRUE(push(501, 0x3E, {{"operational_state", 2}}).empty()) << "the same again";
  auto records = push(1001, 0x3E, {{"operational_state", 6}});
  ASSERT_EQ(records.size(), 1U) << "covering the older one would lose it";
  EXPECT_EQ(at(records[0], "operational_state"), 2);
  EXPECT_EQ(at(records[0], "elapsed_cs"), kNull);
  records = flush();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "operational_state"), 6);
  EXPECT_TRUE(push(1501, 0x3E, {{"operational_state", 6}}).empty());
  EXPECT_TRUE(flush().empty()) << "nothing new";
}

TEST_F(AssemblerTest, AppendedBytesOfAllPartsAreKept) {
  auto status3 = payload_of(0x3E, {{"operational_state", 2}, {"battery_percent", 78}});
  status3.insert(status3.end(), {0xAA, 0xBB});
  auto status1 = payload_of(0x32, {{"elapsed_cs", 50}, {"erg_machine_type", 0}});
  status1.push_back(0xCC);
  EXPECT_TRUE(push_bytes(1, 0x3E, status3).empty());
  EXPECT_TRUE(push_bytes(2, 0x32, status1).empty());
  EXPECT_TRUE(status(3, 50, 10).empty());
  const auto records = push(4, 0x33, {{"elapsed_cs", 50}});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(base::to_hex(base::as_bytes(records[0].bytes)),
            "3201cc"
            "3e02aabb")
      << "[id][length][bytes] by id";
}

TEST_F(AssemblerTest, LongTailsGoOnInAFurtherEntry) {
  auto payload = payload_of(0x39, {{"elapsed_cs", 50}});
  payload.resize(payload.size() + 300, 0x11);
  EXPECT_TRUE(push_bytes(1, 0x39, payload).empty());
  const auto records = flush();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].bytes.size(), 2 + 255 + 2 + 45U);
  EXPECT_EQ(records[0].bytes.substr(0, 3), "\x39\xff\x11");
  EXPECT_EQ(records[0].bytes.substr(257, 3), "\x39\x2d\x11");
}

TEST_F(AssemblerTest, TimesBeyondTheColumnStayAtItsEnd) {
  EXPECT_TRUE(status(0x1'0000'0000, 50, 10).empty());
  EXPECT_EQ(at(flush().at(0), "at_ms"), 0xFFFFFFFF);
}

// Every 0x31, 0x32 and 0x33 lands in exactly one sample, whatever the order.
TEST_F(AssemblerTest, NoPartIsLostOrDoubled) {
  base::SeededRandom random(5);
  std::vector<Record> records;
  std::array<int, 3> sent{};
  std::int64_t elapsed_cs = 0;
  for (int i = 0; i < 3000; ++i) {
    if (random.below(3) == 0) elapsed_cs += static_cast<std::int64_t>(random.below(50));
    const auto part = static_cast<std::uint8_t>(random.below(3));
    ++sent[part];
    const auto id = static_cast<std::uint8_t>(0x31 + part);
    // A mark that is not null shows the part in its sample.
    const char* const mark = part == 0 ? "workout_state" : part == 1 ? "stroke_rate_spm" : "interval_count";
    const auto more = push(i, id, {{"elapsed_cs", elapsed_cs}, {mark, 1}});
    records.insert(records.end(), more.begin(), more.end());
  }
  const auto more = flush();
  records.insert(records.end(), more.begin(), more.end());
  std::array<int, 3> found{};
  for (const Record& record : records) {
    found[0] += at(record, "workout_state") != kNull;
    found[1] += at(record, "stroke_rate_spm") != kNull;
    found[2] += at(record, "interval_count") != kNull;
  }
  EXPECT_EQ(found, sent);
}

// ---- intervals ----

TEST_F(AssemblerTest, IntervalsAreCountedByRestarts) {
  EXPECT_TRUE(status(0, 6097, 2496, 7, 250).empty());
  EXPECT_EQ(at(status(500, 6031, 2532, 7, 250, 3).at(0), "interval"), 0);
  EXPECT_EQ(at(status(1000, 15, 0, 7, 265).at(0), "interval"), 0);
  EXPECT_EQ(at(flush().at(0), "interval"), 1);
}

TEST_F(AssemblerTest, ElapsedAloneJumpingBackInARestIsNoInterval) {
  EXPECT_TRUE(status(0, 6996, 2532, 7, 250, 3).empty());
  EXPECT_EQ(status(500, 6457, 2534, 7, 250, 3).size(), 1U);
  EXPECT_EQ(at(flush().at(0), "interval"), 0);
}

TEST_F(AssemblerTest, AnIntervalThatBeganInASilenceIsCounted) {
  status(0, 6000, 3000, 7, 0);
  status(60'000, 12'000, 6000, 7, 0);
  EXPECT_EQ(at(flush().at(0), "interval"), 0) << "only a silence";
  status(300'000, 12'500, 5000, 7, 615);
  EXPECT_EQ(at(flush().at(0), "interval"), 1);
}

TEST_F(AssemblerTest, AnOvertakenStatusIsNoInterval) {
  EXPECT_TRUE(status(0, 1000, 400).empty());
  EXPECT_EQ(status(1, 950, 380).size(), 1U);
  EXPECT_EQ(at(flush().at(0), "interval"), 0);
}

TEST_F(AssemblerTest, PartsBeforeTheStatusThatTellsTheIntervalBelongToIt) {
  EXPECT_TRUE(status(0, 6031, 2532, 7, 250, 3).empty());
  EXPECT_EQ(push(500, 0x32, {{"elapsed_cs", 15}}).size(), 1U);
  const auto records = status(1000, 65, 12, 7, 265);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(at(records[0], "elapsed_cs"), 15);
  EXPECT_EQ(at(records[0], "interval"), 1);
}

// ---- events ----

TEST_F(AssemblerTest, RefusedNotificationsAreEvents) {
  std::vector<Record> out;
  const base::Bytes payload(100, 0xAB);
  assembler_.push_refused(DecodeStatus::unknown_characteristic, 0x43, payload, 77, out);
  assembler_.push_refused(DecodeStatus::too_short, 0x31, {}, 78, out);
  assembler_.push_refused(DecodeStatus::malformed, 0x80, payload, 79, out);
  ASSERT_EQ(out.size(), 3U);
  EXPECT_EQ(at(out[0], "kind"), static_cast<std::int64_t>(EventKind::unknown_characteristic));
  EXPECT_EQ(at(out[0], "at_ms"), 77);
  const auto detail = base::parse_json(out[0].bytes).value();
  EXPECT_EQ(*detail.find("char")->text(), "0x0043");
  EXPECT_EQ(detail.find("length")->integer(), 100);
  EXPECT_EQ(detail.find("hex")->text()->size(), kMaxEventHex * 2) << "bounded";
  EXPECT_EQ(at(out[1], "kind"), static_cast<std::int64_t>(EventKind::rejected_notification));
  EXPECT_EQ(out[1].bytes, R"({"char":"0x0031","reason":"too_short","length":0,"hex":""})");
  EXPECT_EQ(at(out[2], "kind"), static_cast<std::int64_t>(EventKind::rejected_notification));
}

// ---- anything at all ----

// Garbage gives records that the columns can hold, and no crash.
TEST_F(AssemblerTest, RandomNotificationsGiveSoundRecords) {
  base::SeededRandom random(99);
  std::vector<Record> out;
  std::int64_t ms = 0;
  for (int i = 0; i < 40000; ++i) {
    ms += static_cast<std::int64_t>(random.below(400));
    base::Bytes payload(random.below(24));
    random.fill(payload);
    if (random.below(3) == 0) std::ranges::fill(payload, static_cast<std::uint8_t>(random.below(2) * 255));
    const auto id = static_cast<std::uint16_t>(0x30 + random.below(16));
    const bool multiplexed = random.below(2) == 0 && !payload.empty();
    if (multiplexed) payload[0] = static_cast<std::uint8_t>(id);
    Notification notification;
    const auto characteristic = multiplexed ? kMultiplexed : id;
    const DecodeStatus decode_status = decode(characteristic, payload, notification);
    if (decode_status == DecodeStatus::ok) {
      assembler_.push(notification, ms, out);
    } else {
      assembler_.push_refused(decode_status, characteristic, payload, ms, out);
    }
    if (random.below(10) == 0) assembler_.tick(ms, out);
    if (random.below(500) == 0) assembler_.flush(out);
  }
  EXPECT_GT(out.size(), 10000U);
  for (const Record& record : out) {
    const auto metrics = rowing::metrics(record.stream);
    ASSERT_EQ(record.values.size(), metrics.size());
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      ASSERT_TRUE(rowing::in_range(metrics[i], record.values[i])) << metrics[i].column << " " << record.values[i];
    }
    ASSERT_LE(record.points.size(), 135U);
  }
}

TEST(AssemblerOnRecordings, Capture3x250mKeepsEveryNotification) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(text, "pm5_capture_3x250m.jsonl");
  Assembler assembler;
  std::vector<Record> records;
  int status = 0;
  int status1 = 0;
  std::int64_t ms = 0;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const auto parsed = parse_notification_line(std::string_view(text).substr(begin, end - begin)).value();
    begin = end + 1;
    const auto* const line = std::get_if<NotificationLine>(&parsed);
    if (line == nullptr) continue;
    assembler.push(decoded(line->characteristic, line->payload), ms += 100, records);
    ++(line->characteristic == 0x31 ? status : status1);
  }
  assembler.flush(records);
  int with_status = 0;
  int with_status1 = 0;
  std::set<std::int64_t> intervals;
  for (const Record& record : records) {
    ASSERT_EQ(record.stream, Stream::sample);
    with_status += at(record, "workout_type") != kNull;
    with_status1 += at(record, "rest_time_cs") != kNull;
    intervals.insert(at(record, "interval"));
  }
  EXPECT_EQ(with_status, status);
  EXPECT_EQ(with_status1, status1);
  EXPECT_EQ(intervals, (std::set<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(at(records.back(), "interval"), 2);
  EXPECT_EQ(at(records.back(), "total_work_distance_m"), 518);
}

}  // namespace
}  // namespace boathouse::pm5
