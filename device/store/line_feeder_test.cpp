#include "device/store/line_feeder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/rowing/enumerations.hpp"
#include "device/store/test_store.hpp"
#include "tests/support/shared_data.hpp"

namespace boathouse::store {
namespace {

using rowing::EndReason;
using rowing::Record;
using rowing::Stream;

constexpr std::string_view kRowingLine =
    R"({"at_ms": 0, "char": "0031", "hex": "3200000a0000010101010100000000000000000066"})";

TEST(LineFeeder, BadLinesAreNumberedAndTheRestIsKept) {
  TestStore store;
  Recorder recorder(*store, store.clock, store.ids, {});
  LineFeeder feeder(recorder);
  const std::string text = std::string(kRowingLine) +
                           "\n\nnot json\n{\"meta\": \"x\"}\n{\"char\": \"FTMS-2AD1\", \"hex\": \"00\"}\n" +
                           "{\"char\": \"0031\", \"hex\": \"0\"}\n" + std::string(kRowingLine) + "\n" +
                           "{\"char\": \"0031\", \"hex\": \"" + std::string(1026, '0') + "\"}";
  ASSERT_TRUE(ok(feeder.feed_all(text)));
  ASSERT_TRUE(ok(recorder.stop(EndReason::end_of_input)));
  EXPECT_EQ(feeder.counters().lines, 8u);
  EXPECT_EQ(feeder.counters().fed, 2u);
  EXPECT_EQ(feeder.counters().skipped, 3u);
  EXPECT_EQ(feeder.counters().rejected, 3u);
  ASSERT_EQ(feeder.rejected().size(), 3u);
  EXPECT_EQ(feeder.rejected()[0].line, 3u);
  EXPECT_EQ(feeder.rejected()[1].line, 6u);
  EXPECT_EQ(feeder.rejected()[2].line, 8u);
  EXPECT_THAT(feeder.rejected()[2].reason, testing::HasSubstr("513 bytes"));

  ASSERT_EQ(recorder.recordings().size(), 1u);
  const auto events = store->records(recorder.recordings()[0], Stream::event, 0, 100);
  ASSERT_TRUE(ok(events));
  ASSERT_EQ(events->size(), 3u);
  for (const Record& event : *events) {
    EXPECT_EQ(value_of(event, "kind"), static_cast<std::int64_t>(rowing::EventKind::rejected_line));
  }
  EXPECT_THAT((*events)[1].bytes, testing::HasSubstr("\"line\":6"));
}

TEST(LineFeeder, ASilentSourceIsCommittedInItsOwnTime) {
  TestStore store;
  Recorder recorder(*store, store.clock, store.ids, {});
  LineFeeder feeder(recorder);
  constexpr std::int64_t kBoot = 900'000'000;  // far from the lines' at_ms: 10 minutes of silence would end the piece
  ASSERT_TRUE(ok(feeder.tick(kBoot)));
  ASSERT_TRUE(ok(feeder.feed(kRowingLine, kBoot)));
  ASSERT_TRUE(ok(feeder.tick(kBoot + 900)));
  EXPECT_EQ(store->status()->records, 0u);
  ASSERT_TRUE(ok(feeder.tick(kBoot + 20'000)));
  EXPECT_EQ(store->status()->records, 1u);
  EXPECT_TRUE(recorder.running());
  ASSERT_TRUE(ok(feeder.tick(kBoot + 600'000)));
  EXPECT_FALSE(recorder.running());
}

TEST(LineFeeder, ManyBadLinesAreBounded) {
  TestStore store;
  Recorder recorder(*store, store.clock, store.ids, {});
  LineFeeder feeder(recorder);
  ASSERT_TRUE(ok(feeder.feed(kRowingLine, std::nullopt)));
  for (std::uint64_t i = 0; i < kMaxLineEvents + 500; ++i) ASSERT_TRUE(ok(feeder.feed("{", std::nullopt)));
  ASSERT_TRUE(ok(recorder.stop(EndReason::end_of_input)));
  EXPECT_EQ(feeder.counters().rejected, kMaxLineEvents + 500);
  EXPECT_EQ(feeder.rejected().size(), kMaxRejectedLines);
  EXPECT_EQ(recorder.counters().records[static_cast<std::size_t>(Stream::event)], kMaxLineEvents);
}

TEST(LineFeeder, ALinesOwnTimeGoesBeforeTheTimeOfReceipt) {
  TestStore store;
  Recorder recorder(*store, store.clock, store.ids, {});
  LineFeeder feeder(recorder);
  const auto line = [](std::string_view time, std::string_view elapsed) {
    return "{" + std::string(time) + "\"char\": \"0031\", \"hex\": \"" + std::string(elapsed) +
           "00000a0000010101010100000000000000000066\"}";
  };
  ASSERT_TRUE(ok(feeder.feed(line("\"at_ms\": 1000, ", "32"), 77)));
  ASSERT_TRUE(ok(feeder.feed(line("", "64"), 1600)));
  ASSERT_TRUE(ok(recorder.stop(EndReason::end_of_input)));
  const auto samples = store->records(recorder.recordings()[0], Stream::sample, 0, 100);
  ASSERT_EQ(samples->size(), 2u);
  EXPECT_EQ(value_of((*samples)[0], "at_ms"), 0);
  EXPECT_EQ(value_of((*samples)[1], "at_ms"), 600);
}

// The capture: 0x0031 and 0x0032 of a 3 x 250 m piece, without times of receipt.
TEST(LineFeeder, TheRealCapture) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(capture, "pm5_capture_3x250m.jsonl");
  TestStore store;
  RecorderOptions options;
  options.origin = rowing::Origin::replay;
  options.started_known = false;
  Recorder recorder(*store, store.clock, store.ids, options);
  LineFeeder feeder(recorder);
  ASSERT_TRUE(ok(feeder.feed_all(capture)));
  ASSERT_TRUE(ok(recorder.stop(EndReason::end_of_input)));

  EXPECT_EQ(feeder.counters().lines, 458u);
  EXPECT_EQ(feeder.counters().rejected, 0u);
  EXPECT_EQ(feeder.counters().fed + feeder.counters().skipped, 458u);
  const RecorderCounters& counters = recorder.counters();
  EXPECT_EQ(counters.notifications, feeder.counters().fed);
  EXPECT_EQ(counters.decoded, counters.notifications);
  ASSERT_EQ(recorder.recordings().size(), 1u);
  const base::Uuid id = recorder.recordings()[0];
  const auto samples = store->records(id, Stream::sample, 0, 10'000);
  ASSERT_TRUE(ok(samples));

  // Each notification that is not idle is in one sample, and none in two.
  std::uint64_t parts = 0;
  std::uint64_t status_parts = 0;
  for (const Record& sample : *samples) {
    EXPECT_EQ(value_of(sample, "at_ms"), rowing::kNull);
    status_parts += value_of(sample, "workout_state") != rowing::kNull ? 1u : 0u;
    parts += value_of(sample, "stroke_rate_spm") != rowing::kNull ? 1u : 0u;
  }
  EXPECT_EQ(status_parts, 72u)
      << "lines of 0x0031 with a workout state other than 0, and the one of state 0 in which elapsed had grown";
  EXPECT_EQ(status_parts + parts, counters.decoded - counters.idle);
  const auto report = store->verify(id);
  ASSERT_TRUE(ok(report));
  EXPECT_TRUE(report->ok());
  EXPECT_EQ(report->streams.at(Stream::sample).records, samples->size());
}

}  // namespace
}  // namespace boathouse::store
