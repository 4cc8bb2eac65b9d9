#include "device/store/recorder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/pm5/piece_tracker.hpp"
#include "core/rowing/enumerations.hpp"
#include "device/store/test_feed.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::store {
namespace {

using rowing::EndReason;
using rowing::EventKind;
using rowing::Record;
using rowing::Stream;

constexpr std::int64_t kRowing = 1;
constexpr std::int64_t kLogged = 12;

void erase_by_feed(TestStore& store, const base::Uuid& rec_id) {
  TestFeed::hello(store);
  const std::int64_t since = store->account("")->cursor;
  wire::Change gone;
  gone.kind = wire::ChangeKind::gone;
  gone.rec_id = rec_id;
  gone.seq = since + 1;
  wire::ChangesReply reply;
  reply.epoch = "epoch";
  reply.replica_id = store->identity().replica_id;
  reply.changes = {gone};
  reply.next = gone.seq;
  ASSERT_TRUE(ok(store->take_changes("", since, reply)));
}

class RecorderTest : public testing::Test {
 protected:
  void start(RecorderOptions options = {}) { recorder.emplace(*store, store.clock, store.ids, std::move(options)); }

  void feed(std::uint8_t id, std::vector<std::pair<std::string_view, std::int64_t>> values,
            std::optional<std::int64_t> at_ms) {
    const rowing::Characteristic* const characteristic = rowing::find_characteristic(id);
    const Record record = make_record(characteristic->stream, std::move(values));
    const auto payload = pm5::encode(id, pm5::Form::direct, record.values);
    ASSERT_TRUE(ok(payload));
    EXPECT_TRUE(ok(recorder->feed(id, *payload, at_ms)));
  }
  // One tick of the monitor: the three sample notifications.
  void tick(std::int64_t elapsed_cs, std::int64_t state, std::optional<std::int64_t> at_ms) {
    feed(0x31, {{"elapsed_cs", elapsed_cs}, {"distance_dm", elapsed_cs / 3}, {"workout_state", state}}, at_ms);
    feed(0x32, {{"elapsed_cs", elapsed_cs}, {"stroke_rate_spm", 24}}, at_ms);
    feed(0x33, {{"elapsed_cs", elapsed_cs}, {"total_calories", 3}}, at_ms);
  }
  // `count` ticks of 500 ms.
  void row(int count, std::int64_t first_ms) {
    for (int i = 0; i < count; ++i) tick(50 * (i + 1), kRowing, first_ms + 500 * i);
  }
  std::vector<Record> records(Stream stream, std::size_t recording = 0) {
    auto read = store->records(recorder->recordings().at(recording), stream, 0, 1'000'000);
    EXPECT_TRUE(ok(read));
    return read ? *read : std::vector<Record>();
  }
  std::vector<std::int64_t> column(Stream stream, std::string_view name, std::size_t recording = 0) {
    std::vector<std::int64_t> values;
    for (const Record& record : records(stream, recording)) values.push_back(value_of(record, name));
    return values;
  }
  RecordingInfo info(std::size_t recording = 0) {
    auto read = store->recording(recorder->recordings().at(recording));
    EXPECT_TRUE(ok(read));
    return *read;
  }
  void expect_whole() {
    for (const base::Uuid& id : recorder->recordings()) EXPECT_THAT(store->verify(id)->problems, testing::IsEmpty());
  }

  TestStore store;
  std::optional<Recorder> recorder;
};

TEST_F(RecorderTest, IdleNotificationsAreCountedAndNotStored) {
  start();
  tick(0, 0, 1000);
  tick(0, 0, 1500);
  EXPECT_EQ(recorder->counters().notifications, 6u);
  EXPECT_EQ(recorder->counters().decoded, 6u);
  EXPECT_EQ(recorder->counters().idle, 6u);
  EXPECT_FALSE(recorder->running());
  EXPECT_TRUE(ok(recorder->stop(EndReason::stopped)));
  EXPECT_EQ(store->status()->recordings, 0u);
}

TEST_F(RecorderTest, APieceBecomesARecordingWithTimesFromItsFirstNotification) {
  RecorderOptions options;
  options.athlete = "anna";
  options.monitor_serial = "430000001";
  options.offset_minutes = 60;
  options.zone = "Europe/Berlin";
  start(options);
  tick(0, 0, 70'000);
  row(5, 70'500);
  EXPECT_TRUE(recorder->running());
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));

  EXPECT_EQ(column(Stream::sample, "at_ms"), (std::vector<std::int64_t>{0, 500, 1000, 1500, 2000}));
  EXPECT_EQ(column(Stream::sample, "elapsed_cs"), (std::vector<std::int64_t>{50, 100, 150, 200, 250}));
  EXPECT_EQ(column(Stream::sample, "stroke_rate_spm"), std::vector<std::int64_t>(5, 24));
  EXPECT_EQ(recorder->counters().records[static_cast<std::size_t>(Stream::sample)], 5u);
  EXPECT_EQ(info().reason, EndReason::stopped);
  EXPECT_EQ(info().revision, 1u);
  EXPECT_EQ(info().athlete, "anna");
  EXPECT_EQ(info().birth.started_ms, store.clock.utc_ms());
  EXPECT_TRUE(info().birth.started_known);
  EXPECT_EQ(info().birth.offset_minutes, 60);
  EXPECT_EQ(info().birth.zone, "Europe/Berlin");
  EXPECT_EQ(info().birth.monitor_serial, "430000001");
  expect_whole();
}

TEST_F(RecorderTest, AStartThatIsRefusedIsSaidAtOnceAndIsSavedWholeIfRoomIsMade) {
  const rowing::Birth earlier = make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(earlier, "")));
  ASSERT_TRUE(ok(store->append(earlier.rec_id, make_samples(0, 600))));
  ASSERT_TRUE(ok(store->end(earlier.rec_id, EndReason::stopped)));
  ASSERT_TRUE(ok(store->set_cap(store->space()->used)));
  start();
  const auto status = pm5::encode(
      0x31, pm5::Form::direct,
      make_record(Stream::sample, {{"elapsed_cs", 10}, {"distance_dm", 3}, {"workout_state", kRowing}}).values);
  ASSERT_TRUE(ok(status));
  const auto refused = recorder->feed(0x31, *status, 0);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, base::ErrorCode::no_room);
  EXPECT_TRUE(recorder->start_refused());
  EXPECT_EQ(store->status()->recordings, 1u);
  EXPECT_EQ(recorder->stop(EndReason::stopped).error().code, base::ErrorCode::no_room);

  ASSERT_TRUE(ok(store->set_cap(0)));
  EXPECT_TRUE(ok(recorder->stop(EndReason::stopped)));
  EXPECT_FALSE(recorder->start_refused());
  EXPECT_EQ(column(Stream::sample, "elapsed_cs"), (std::vector<std::int64_t>{10}));
  expect_whole();
}

// Its owner erases it on another device while it is rowed here: the feed says so.
TEST_F(RecorderTest, AnErasedPieceEndsAndTheNextOneIsRecorded) {
  start();
  row(5, 0);
  const base::Uuid erased = recorder->recordings().front();
  erase_by_feed(store, erased);
  row(8, 2500);
  EXPECT_EQ(recorder->counters().erased, 1u);
  EXPECT_GT(recorder->counters().erased_records, 0u);
  EXPECT_EQ(recorder->unsaved(), 0u);
  tick(0, 0, 7000);  // rearmed
  tick(0, 0, 7500);
  row(6, 8000);
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  ASSERT_EQ(recorder->recordings().size(), 2u);
  EXPECT_EQ(column(Stream::sample, "elapsed_cs", 1).size(), 6u);
  EXPECT_EQ(recorder->counters().erased, 1u);
  EXPECT_EQ(store->recording(erased).error().code, base::ErrorCode::not_found);
  EXPECT_THAT(store->verify(recorder->recordings().back())->problems, testing::IsEmpty());
}

TEST_F(RecorderTest, StopAndSealOfAnErasedPieceAreNoErrors) {
  for (const bool seals : {true, false}) {
    start();
    row(5, 0);
    erase_by_feed(store, recorder->recordings().front());
    if (seals) {
      EXPECT_TRUE(ok(recorder->seal()));
    }
    EXPECT_TRUE(ok(recorder->stop(EndReason::stopped)));
    EXPECT_EQ(recorder->counters().erased, 1u);
    EXPECT_EQ(recorder->unsaved(), 0u);
  }
}

TEST_F(RecorderTest, RecordsAreDurableAfterASecondOrTenWhicheverIsFirst) {
  start();
  row(1, 0);
  tick(100, kRowing, 500);  // its first part shows the sample before as complete
  EXPECT_EQ(store->status()->records, 0u);
  tick(150, kRowing, 1000);
  EXPECT_GE(store->status()->records, 2u) << "a second is over";

  const std::uint64_t before = store->status()->records;
  for (int i = 0; i < 12; ++i) tick(200 + i, kRowing, 1000 + i);
  EXPECT_GE(store->status()->records, before + 10) << "ten are there";

  tick(300, kRowing, 1100);
  EXPECT_TRUE(ok(recorder->tick(2200)));
  EXPECT_EQ(store->status()->records, 16u) << "time passes without notifications";
}

TEST_F(RecorderTest, GoingToTheBackgroundSealsWhatIsThereAndThePieceGoesOn) {
  start();
  EXPECT_TRUE(ok(recorder->seal())) << "nothing is there yet";
  row(20, 1000);
  ASSERT_TRUE(ok(recorder->seal()));
  EXPECT_EQ(recorder->unsaved(), 0u);
  EXPECT_EQ(store->status()->open_rows, 0u);
  const std::uint64_t sealed = info().streams[Stream::sample].sealed;
  EXPECT_GE(sealed, 19u);
  EXPECT_TRUE(recorder->running());
  for (int i = 20; i < 30; ++i) tick(50 * (i + 1), kRowing, 1000 + 500 * i);
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  EXPECT_EQ(recorder->recordings().size(), 1u);
  EXPECT_EQ(info().streams[Stream::sample].records, 30u);
  expect_whole();
}

TEST_F(RecorderTest, SealsAtAChunkOfRecordsAndAfterAMinute) {
  start();
  for (int i = 0; i < 300; ++i) tick(10 * (i + 1), kRowing, 100 * i);
  EXPECT_EQ(info().streams[Stream::sample].sealed, 256u);
  for (int i = 300; i < 700; ++i) tick(10 * (i + 1), kRowing, 100 * i);
  const auto sealed = info().streams[Stream::sample];
  EXPECT_EQ(sealed.chunks, 3u) << "two whole ones and one of what a minute left";
  EXPECT_LE(sealed.records - sealed.sealed, 100u);
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  EXPECT_EQ(info().streams[Stream::sample].sealed, 700u);
  expect_whole();
}

TEST_F(RecorderTest, LatePartsBelongToTheEndedRecordingAndItIsSealedOnceTheyHaveCome) {
  start();
  row(4, 0);
  tick(250, kLogged, 2000);
  EXPECT_FALSE(recorder->running());
  feed(0x37, {{"split_number", 1}, {"split_time_ds", 25}}, 3000);
  feed(0x38, {{"split_number", 1}, {"power_w", 150}}, 3200);
  feed(0x39, {{"distance_dm", 83}, {"avg_stroke_rate_spm", 24}}, 4000);
  feed(0x3A, {{"split_count", 1}}, 4100);
  EXPECT_FALSE(info().ended) << "more may come";
  EXPECT_TRUE(ok(recorder->tick(7100)));
  EXPECT_TRUE(info().ended);
  EXPECT_EQ(info().reason, EndReason::logged);
  EXPECT_EQ(info().revision, 1u);
  EXPECT_EQ(column(Stream::split, "power_w"), std::vector<std::int64_t>{150});
  EXPECT_EQ(column(Stream::summary, "split_count").back(), 1);
  EXPECT_EQ(column(Stream::sample, "elapsed_cs").back(), 250);

  // The recovery heart rate, a minute later.
  feed(0x39, {{"distance_dm", 83}, {"avg_stroke_rate_spm", 24}, {"recovery_heart_rate_bpm", 101}}, 63'000);
  EXPECT_TRUE(ok(recorder->tick(66'000)));
  EXPECT_EQ(info().revision, 2u);
  EXPECT_EQ(column(Stream::summary, "recovery_heart_rate_bpm").back(), 101);
  EXPECT_EQ(recorder->recordings().size(), 1u);
  expect_whole();
}

TEST_F(RecorderTest, TheNextPieceIsTheNextRecording) {
  start();
  row(4, 0);
  tick(250, kLogged, 2000);
  tick(0, 0, 10'000);
  store.clock.advance_ms(20'000);
  row(3, 20'000);
  ASSERT_TRUE(ok(recorder->stop(EndReason::end_of_input)));
  ASSERT_EQ(recorder->recordings().size(), 2u);
  EXPECT_EQ(info(0).reason, EndReason::logged);
  EXPECT_EQ(info(1).reason, EndReason::end_of_input);
  EXPECT_EQ(column(Stream::sample, "at_ms", 1), (std::vector<std::int64_t>{0, 500, 1000}));
  EXPECT_EQ(info(1).birth.started_ms, info(0).birth.started_ms + 20'000);
  expect_whole();
}

TEST_F(RecorderTest, TenMinutesOfSilenceEndARecording) {
  start();
  row(4, 0);
  EXPECT_TRUE(ok(recorder->tick(1500 + pm5::kSilenceMs - 1)));
  EXPECT_TRUE(recorder->running());
  EXPECT_TRUE(ok(recorder->tick(1500 + pm5::kSilenceMs)));
  EXPECT_FALSE(recorder->running());
  EXPECT_TRUE(ok(recorder->tick(1500 + pm5::kSilenceMs + pm5::kLatePartsMs)));
  EXPECT_EQ(info().reason, EndReason::silence);
}

TEST_F(RecorderTest, ASilenceOfSecondsIsAGapEvent) {
  start();
  row(2, 0);
  tick(900, kRowing, 8000);
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  const auto events = records(Stream::event);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(value_of(events[0], "kind"), static_cast<std::int64_t>(EventKind::gap));
  EXPECT_EQ(events[0].bytes, R"({"reason":"silence","from_ms":500,"to_ms":8000})");
}

TEST_F(RecorderTest, ATimeThatGoesBackIsToldAndTheAxisGoesOn) {
  start();
  row(3, 5000);
  tick(200, kRowing, 100);
  tick(250, kRowing, 600);
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  EXPECT_EQ(column(Stream::sample, "at_ms"), (std::vector<std::int64_t>{0, 500, 1000, 1000, 1500}));
  const auto events = records(Stream::event);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].bytes, R"({"reason":"time_went_back","from_ms":6000,"to_ms":100})");
}

TEST_F(RecorderTest, HostileTimesDoNotOverflow) {
  start();
  for (int i = 0; i < 10; ++i) {
    tick(50 * (i + 1), kRowing, std::numeric_limits<std::int64_t>::max());
    tick(50 * (i + 1) + 25, kRowing, std::numeric_limits<std::int64_t>::min());
  }
  EXPECT_TRUE(ok(recorder->tick(std::numeric_limits<std::int64_t>::max())));
  EXPECT_TRUE(ok(recorder->stop(EndReason::stopped)));
  expect_whole();
}

TEST_F(RecorderTest, WithoutTimesOfReceiptAtIsNull) {
  RecorderOptions options;
  options.origin = rowing::Origin::replay;
  options.started_known = false;
  options.source_name = "capture.jsonl";
  start(options);
  for (int i = 0; i < 40; ++i) tick(50 * (i + 1), kRowing, std::nullopt);
  ASSERT_TRUE(ok(recorder->stop(EndReason::end_of_input)));
  EXPECT_EQ(column(Stream::sample, "at_ms"), std::vector<std::int64_t>(40, rowing::kNull));
  EXPECT_FALSE(info().birth.started_known);
  EXPECT_EQ(info().birth.source_name, "capture.jsonl");
  EXPECT_EQ(info().birth.origin, rowing::Origin::replay);
}

TEST_F(RecorderTest, WhatCannotBeReadIsCountedAndKeptAsAnEvent) {
  start();
  const base::Bytes bytes{1, 2, 3};
  EXPECT_TRUE(ok(recorder->feed(0x31, bytes, 0)));
  row(2, 100);
  EXPECT_TRUE(ok(recorder->feed(0x31, bytes, 700)));
  EXPECT_TRUE(ok(recorder->feed(0x43, bytes, 710)));
  const base::Bytes malformed{0x11, 5, 0, 0};
  EXPECT_TRUE(ok(recorder->feed(0x3D, malformed, 720)));
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  const RecorderCounters& counters = recorder->counters();
  EXPECT_EQ(counters.notifications, 10u);
  EXPECT_EQ(counters.decoded + counters.refused(), 10u);
  EXPECT_EQ(counters.too_short, 2u);
  EXPECT_EQ(counters.unknown_characteristic, 1u);
  EXPECT_EQ(counters.malformed, 1u);
  EXPECT_EQ(counters.refused_idle, 1u);
  EXPECT_EQ(counters.records[static_cast<std::size_t>(Stream::event)], 3u);
  EXPECT_THAT(records(Stream::event)[1].bytes, testing::HasSubstr("010203"));
  EXPECT_EQ(records(Stream::sample).size(), 2u);
}

TEST_F(RecorderTest, AClockBefore2000IsNamedAndTheDataKept) {
  store.clock.set_utc_ms(1000);
  start();
  row(3, 0);
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  EXPECT_EQ(column(Stream::event, "kind"), std::vector{static_cast<std::int64_t>(EventKind::clock_before_2000)});
  EXPECT_FALSE(info().birth.started_known);
  EXPECT_EQ(records(Stream::sample).size(), 3u);
}

TEST_F(RecorderTest, ANoteWithoutARecordingGoesToTheNextOne) {
  start();
  EXPECT_TRUE(ok(recorder->note(EventKind::rejected_line, R"({"line":1})")));
  row(2, 0);
  EXPECT_TRUE(ok(recorder->note(EventKind::rejected_line, R"({"line":9})")));
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  const auto events = records(Stream::event);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].bytes, R"({"line":1})");
  EXPECT_EQ(events[1].bytes, R"({"line":9})");
}

TEST_F(RecorderTest, AProcessThatDiesLosesAtMostOneGroupAndTheRestIsEndedAsCrashed) {
  start();
  row(40, 0);
  const base::Uuid id = recorder->recordings()[0];
  recorder.reset();
  store.reopen();
  ASSERT_EQ(*store->end_crashed(), 1u);
  const auto samples = store->records(id, Stream::sample, 0, 100);
  ASSERT_TRUE(ok(samples));
  EXPECT_GE(samples->size(), 40u - 3u) << "a second holds two";
  EXPECT_EQ(store->recording(id)->reason, EndReason::crashed);
  EXPECT_TRUE(store->verify(id)->ok());
}

TEST_F(RecorderTest, AStrokeInTheMakingIsNotLostInACrash) {
  start();
  row(2, 0);
  feed(0x35, {{"elapsed_cs", 90}, {"drive_length_cm", 140}, {"stroke_count", 1}}, 900);
  EXPECT_TRUE(ok(recorder->tick(1500)));
  EXPECT_TRUE(ok(recorder->tick(2100)));  // a second after it was heard; its second half never comes
  const base::Uuid id = recorder->recordings()[0];
  EXPECT_TRUE(store->records(id, Stream::stroke, 0, 9)->empty()) << "not finished";
  recorder.reset();
  store.reopen();
  ASSERT_EQ(*store->end_crashed(), 1u);
  const auto strokes = store->records(id, Stream::stroke, 0, 9);
  ASSERT_EQ(strokes->size(), 1u);
  EXPECT_EQ(value_of((*strokes)[0], "drive_length_cm"), 140);
  EXPECT_EQ(store->records(id, Stream::sample, 0, 9)->size(), 2u) << "the last sample waits for nothing any more";
  EXPECT_TRUE(store->verify(id)->ok());
}

TEST_F(RecorderTest, AnotherRecordsCommitKeepsTheUnfinishedOnes) {
  start();
  row(2, 0);
  feed(0x35, {{"elapsed_cs", 90}, {"drive_length_cm", 140}, {"stroke_count", 1}}, 900);
  EXPECT_TRUE(ok(recorder->tick(2100)));
  EXPECT_TRUE(ok(recorder->note(EventKind::rejected_line, "{}")));
  EXPECT_TRUE(ok(recorder->tick(3200)));
  const base::Uuid id = recorder->recordings()[0];
  recorder.reset();
  store.reopen();
  ASSERT_EQ(*store->end_crashed(), 1u);
  EXPECT_EQ(store->records(id, Stream::stroke, 0, 9)->size(), 1u);
  EXPECT_EQ(store->records(id, Stream::event, 0, 9)->size(), 2u) << "the note, and reopened";
}

TEST_F(RecorderTest, WhatWasFinishedLaterIsThereOnce) {
  start();
  for (int i = 0; i < 40; ++i) {
    tick(50 * (i + 1), kRowing, 500 * i);
    feed(0x35, {{"elapsed_cs", 50 * (i + 1)}, {"drive_length_cm", 140}, {"stroke_count", i / 4 + 1}}, 500 * i + 10);
  }
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  EXPECT_EQ(records(Stream::stroke).size(), 10u);
  EXPECT_EQ(records(Stream::sample).size(), 40u);
  store.reopen();
  EXPECT_EQ(*store->end_crashed(), 0u);
  expect_whole();
}

TEST_F(RecorderTest, ARecordingIsThereBeforeItsFirstRecord) {
  start();
  feed(0x31, {{"elapsed_cs", 10}, {"workout_state", kRowing}}, 0);
  EXPECT_EQ(store->status()->recordings, 1u);
  EXPECT_EQ(store->status()->records, 0u);
}

TEST_F(RecorderTest, AGroupWaitsASecondFromItsFirstRecordNotFromTheLastGroup) {
  start();
  row(4, 0);
  EXPECT_TRUE(ok(recorder->tick(3000)));
  const std::uint64_t before = store->status()->records;
  EXPECT_TRUE(ok(recorder->note(EventKind::rejected_line, "{}")));  // at 3000
  tick(900, kRowing, 3999);
  EXPECT_EQ(store->status()->records, before);
  EXPECT_GT(recorder->unsaved(), 0u);
  EXPECT_TRUE(ok(recorder->tick(4000)));
  EXPECT_GT(store->status()->records, before);
  EXPECT_EQ(recorder->unsaved(), 0u);
}

TEST_F(RecorderTest, TheTenthRecordCommitsItsGroupAndThe256thItsChunk) {
  start();
  row(2, 0);
  EXPECT_TRUE(ok(recorder->tick(2000)));
  const std::uint64_t before = store->status()->records;
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(ok(recorder->note(EventKind::rejected_line, "{}")));
  EXPECT_EQ(store->status()->records, before);
  EXPECT_TRUE(ok(recorder->note(EventKind::rejected_line, "{}")));
  EXPECT_EQ(store->status()->records, before + 10);

  for (int i = 10; i < 250; ++i) EXPECT_TRUE(ok(recorder->note(EventKind::rejected_line, "{}")));
  EXPECT_TRUE(ok(recorder->tick(10'000)));
  EXPECT_EQ(info().streams[Stream::event].sealed, 0u);
  for (int i = 250; i < 256; ++i) EXPECT_TRUE(ok(recorder->note(EventKind::rejected_line, "{}")));
  EXPECT_TRUE(ok(recorder->tick(11'000)));
  EXPECT_EQ(info().streams[Stream::event].sealed, 256u);
  EXPECT_EQ(info().streams[Stream::sample].sealed, 0u) << "only what is whole";
}

TEST_F(RecorderTest, RowsAreSealedWhenTheFirstOfThemIsAMinuteOld) {
  start();
  row(4, 0);
  EXPECT_TRUE(ok(recorder->tick(2000)));  // the first group was committed at 1000
  EXPECT_TRUE(ok(recorder->tick(1000 + kSealMs - 1)));
  EXPECT_EQ(info().streams[Stream::sample].sealed, 0u);
  EXPECT_TRUE(ok(recorder->tick(1000 + kSealMs)));
  EXPECT_EQ(info().streams[Stream::sample].sealed, 4u);
}

TEST_F(RecorderTest, AStrokeWithoutASuccessorIsCommittedByTimeAlone) {
  start();
  row(2, 0);
  feed(0x35, {{"elapsed_cs", 90}, {"drive_length_cm", 140}, {"stroke_count", 1}}, 900);
  EXPECT_TRUE(ok(recorder->tick(12'000)));
  EXPECT_TRUE(ok(recorder->tick(14'000)));
  EXPECT_EQ(column(Stream::stroke, "drive_length_cm"), std::vector<std::int64_t>{140});
}

TEST_F(RecorderTest, ANotificationAfterTenMinutesEndsTheOldPieceItselfAndBeginsTheNext) {
  start();
  row(4, 0);
  tick(60, kRowing, 2000 + pm5::kSilenceMs);
  ASSERT_EQ(recorder->recordings().size(), 2u);
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  EXPECT_EQ(info(0).reason, EndReason::silence);
  EXPECT_EQ(records(Stream::event, 0).size(), 0u) << "the silence is its end, no gap in it";
}

TEST_F(RecorderTest, APieceThatFollowsAtOnceEndsTheOneBeforeAndBothAreWhole) {
  start();
  row(8, 0);
  tick(20, kRowing, 4000);  // elapsed fell: the states between were lost on the air
  ASSERT_EQ(recorder->recordings().size(), 2u);
  row(4, 4500);
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  EXPECT_EQ(info(0).reason, EndReason::rearmed);
  EXPECT_EQ(records(Stream::sample, 0).size(), 8u);
  EXPECT_EQ(records(Stream::sample, 1).size(), 5u);
  expect_whole();
}

TEST_F(RecorderTest, TheMonitorBackInItsMenuEndsAPieceThatWasNeverLogged) {
  start();
  row(4, 0);
  tick(0, 0, 2000);
  EXPECT_FALSE(recorder->running());
  EXPECT_TRUE(ok(recorder->tick(2000 + pm5::kLatePartsMs)));
  EXPECT_TRUE(info().ended);
  EXPECT_EQ(info().reason, EndReason::rearmed);
  EXPECT_EQ(records(Stream::sample).size(), 4u) << "the menu's zero is no sample";
}

TEST_F(RecorderTest, AfterTheUsersStopNothingRunsUntilTheNextPiece) {
  start();
  row(4, 0);
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  EXPECT_FALSE(recorder->running());
  tick(250, kRowing, 2000);
  EXPECT_EQ(recorder->recordings().size(), 1u) << "still the piece that the user stopped";
  tick(0, 0, 3000);
  row(2, 4000);
  EXPECT_EQ(recorder->recordings().size(), 2u);
}

TEST_F(RecorderTest, TimesThatGoBackTwiceAreToldInTheSourcesOwnTimeAndTicksFollowIt) {
  start();
  row(3, 5000);
  tick(200, kRowing, 100);  // 6000 on the recorder's line
  tick(250, kRowing, 50);
  const std::uint64_t before = store->status()->records;
  EXPECT_TRUE(ok(recorder->tick(40)));  // never backwards
  EXPECT_TRUE(ok(recorder->tick(1200)));
  EXPECT_GT(store->status()->records, before) << "over a second later in the source's time";
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  const auto events = records(Stream::event);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].bytes, R"({"reason":"time_went_back","from_ms":100,"to_ms":50})");
}

TEST_F(RecorderTest, AGapBeginsAtFiveSeconds) {
  start();
  row(2, 0);
  tick(600, kRowing, 500 + kGapMs - 1);
  tick(1200, kRowing, 500 + kGapMs - 1 + kGapMs);
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  EXPECT_EQ(records(Stream::event).size(), 1u);
}

TEST_F(RecorderTest, NotesForTheNextRecordingAreBoundedAndGoToOneOnly) {
  RecorderOptions options;
  options.monitor_firmware = "210";
  start(options);
  for (int i = 0; i < 1100; ++i) EXPECT_TRUE(ok(recorder->note(EventKind::rejected_line, "{}")));
  row(8, 0);
  tick(20, kRowing, 4000);
  ASSERT_TRUE(ok(recorder->stop(EndReason::stopped)));
  EXPECT_EQ(records(Stream::event, 0).size(), 1000u);
  EXPECT_EQ(records(Stream::event, 1).size(), 0u);
  EXPECT_EQ(info().birth.monitor_firmware, "210");
}

}  // namespace
}  // namespace boathouse::store
