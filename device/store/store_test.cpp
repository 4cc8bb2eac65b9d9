#include "device/store/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/rowing/enumerations.hpp"
#include "core/wire/facts.hpp"
#include "device/store/test_store.hpp"
#include "tests/support/paths.hpp"

namespace boathouse::store {
namespace {

using rowing::EndReason;
using rowing::Record;
using rowing::Stream;
using wire::ItemKind;

std::vector<Record> all(TestStore& store, const base::Uuid& rec_id, Stream stream) {
  auto records = store->records(rec_id, stream, 0, 1'000'000);
  EXPECT_TRUE(ok(records));
  return records ? *records : std::vector<Record>();
}

void expect_whole(TestStore& store, const base::Uuid& rec_id) {
  const auto report = store->verify(rec_id);
  ASSERT_TRUE(ok(report));
  EXPECT_THAT(report->problems, testing::IsEmpty());
}

TEST(Store, KeepsItsIdentity) {
  TestStore store;
  const Identity identity = store->identity();
  EXPECT_NE(identity.replica_id, base::Uuid());
  store.reopen();
  EXPECT_EQ(store->identity().replica_id, identity.replica_id);
  EXPECT_EQ(store->identity().salt, identity.salt);
  EXPECT_NE(TestStore()->identity().salt, std::decay_t<decltype(identity.salt)>{});
}

TEST(Store, ASecondOneOnTheSameFolderIsRefusedUntilTheFirstIsGone) {
  TestStore store;
  auto second = Store::open(store.folder(), store.ids, store.random);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::ErrorCode::unavailable);
  store.close();
  EXPECT_TRUE(ok(Store::open(store.folder(), store.ids, store.random)));
}

TEST(Store, AMissingFolderIsNamed) {
  TestStore store;
  const auto opened = Store::open(store.folder() + "/none", store.ids, store.random);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().text, testing::HasSubstr("/none/"));
}

// Every step is durable by itself: the file is closed and opened again after each.
TEST(Store, ARecordingSurvivesAReopenAfterEachStep) {
  TestStore store;
  const rowing::Birth birth = make_birth(store.ids);
  const base::Uuid id = birth.rec_id;
  ASSERT_TRUE(ok(store->begin(birth, "anna")));
  store.reopen();
  EXPECT_TRUE(all(store, id, Stream::sample).empty());

  std::vector<Record> samples = make_samples(0, 300);
  const Record stroke = make_record(Stream::stroke, {{"stroke_count", 1}, {"stroke_power_w", 180}});
  std::vector<Record> group = samples;
  group.insert(group.begin() + 150, stroke);
  ASSERT_TRUE(ok(store->append(id, group)));
  store.reopen();
  EXPECT_EQ(all(store, id, Stream::sample), samples);
  expect_whole(store, id);

  ASSERT_TRUE(ok(store->seal(id, false)));
  store.reopen();
  EXPECT_EQ(all(store, id, Stream::sample), samples);
  EXPECT_EQ(store->recording(id)->streams[Stream::sample].sealed, kChunkRecords);
  EXPECT_EQ(store->recording(id)->streams[Stream::stroke].sealed, 0u) << "less than a chunk";
  expect_whole(store, id);

  ASSERT_TRUE(ok(store->append(id, make_samples(300, 10))));
  ASSERT_TRUE(ok(store->end(id, EndReason::logged)));
  store.reopen();
  samples = make_samples(0, 310);
  EXPECT_EQ(all(store, id, Stream::sample), samples);
  EXPECT_EQ(all(store, id, Stream::stroke), std::vector<Record>{stroke});
  expect_whole(store, id);

  const auto info = store->recording(id);
  ASSERT_TRUE(ok(info));
  EXPECT_TRUE(info->ended);
  EXPECT_EQ(info->reason, EndReason::logged);
  EXPECT_EQ(info->revision, 1u);
  EXPECT_EQ(info->athlete, "anna");
  EXPECT_EQ(info->birth.started_ms, birth.started_ms);
  EXPECT_EQ(info->streams.at(Stream::sample).records, 310u);
  EXPECT_EQ(info->streams.at(Stream::sample).chunks, 2u);
  EXPECT_EQ(info->items, 5u) << "birth, three chunks, seal";
  EXPECT_EQ(store->status()->open_rows, 0u);
}

// What a SIGKILL leaves is what lies in the files at that moment, the write-ahead log included.
TEST(Store, WhatWasCommittedIsThereWhateverKillsTheProcess) {
  TestStore store;
  const rowing::Birth birth = make_birth(store.ids);
  const auto expect_in_copy = [&](std::size_t records, bool ended) {
    const TemporaryFolder copy;
    for (const char* const file : {"device.db", "device.db-wal"}) {
      std::filesystem::copy_file(std::filesystem::path(store.folder()) / file,
                                 std::filesystem::path(copy.path()) / file);
    }
    auto opened = Store::open(copy.path(), store.ids, store.random);
    ASSERT_TRUE(ok(opened));
    EXPECT_EQ(*opened->records(birth.rec_id, Stream::sample, 0, 1000), make_samples(0, records));
    EXPECT_EQ(opened->recording(birth.rec_id)->ended, ended);
    const auto report = opened->verify(birth.rec_id);
    ASSERT_TRUE(ok(report));
    EXPECT_THAT(report->problems, testing::IsEmpty());
  };
  ASSERT_TRUE(ok(store->begin(birth, "")));
  expect_in_copy(0, false);
  ASSERT_TRUE(ok(store->append(birth.rec_id, make_samples(0, 257))));
  expect_in_copy(257, false);
  ASSERT_TRUE(ok(store->seal(birth.rec_id, false)));
  expect_in_copy(257, false);
  ASSERT_TRUE(ok(store->end(birth.rec_id, EndReason::stopped)));
  expect_in_copy(257, true);
}

TEST(Store, ReadsARangeAcrossChunksAndRows) {
  TestStore store;
  const rowing::Birth birth = make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "")));
  ASSERT_TRUE(ok(store->append(birth.rec_id, make_samples(0, 520))));
  ASSERT_TRUE(ok(store->seal(birth.rec_id, false)));
  ASSERT_TRUE(ok(store->append(birth.rec_id, make_samples(520, 5))));
  for (const auto& [from, limit, expected] : std::vector<std::tuple<std::size_t, std::size_t, std::size_t>>{
           {0, 1, 1}, {250, 20, 20}, {510, 100, 15}, {525, 10, 0}, {0, 9999, 525}}) {
    const auto records = store->records(birth.rec_id, Stream::sample, from, limit);
    ASSERT_TRUE(ok(records));
    EXPECT_EQ(*records, make_samples(from, expected)) << from;
  }
}

TEST(Store, BeginIsIdempotentAndRefusesOtherFacts) {
  TestStore store;
  rowing::Birth birth = make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "")));
  EXPECT_TRUE(ok(store->begin(birth, "")));
  EXPECT_EQ(store->status()->recordings, 1u);
  EXPECT_EQ(store->status()->items, 1u);
  birth.started_ms += 1;
  const auto other = store->begin(birth, "");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, base::ErrorCode::conflict);
}

TEST(Store, ALateRecordIsSealedAtOnceWithTheNextRevision) {
  TestStore store;
  const rowing::Birth birth = make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "")));
  ASSERT_TRUE(ok(store->append(birth.rec_id, make_samples(0, 3))));
  ASSERT_TRUE(ok(store->end(birth.rec_id, EndReason::logged)));
  EXPECT_TRUE(ok(store->end(birth.rec_id, EndReason::stopped))) << "again: nothing new";
  EXPECT_EQ(store->recording(birth.rec_id)->revision, 1u);

  const Record summary = make_record(Stream::summary, {{"distance_dm", 20000}});
  ASSERT_TRUE(ok(store->append(birth.rec_id, {&summary, 1})));
  const auto info = store->recording(birth.rec_id);
  EXPECT_EQ(info->revision, 2u);
  EXPECT_EQ(info->reason, EndReason::logged);
  EXPECT_EQ(store->status()->open_rows, 0u);
  EXPECT_EQ(all(store, birth.rec_id, Stream::summary), std::vector<Record>{summary});
  expect_whole(store, birth.rec_id);
}

TEST(Store, ARecordTheCatalogueDoesNotAllowChangesNothing) {
  TestStore store;
  const rowing::Birth birth = make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "")));
  std::vector<Record> records = make_samples(0, 2);
  records.push_back(make_record(Stream::sample, {{"stroke_rate_spm", 256}}));
  const auto appended = store->append(birth.rec_id, records);
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, base::ErrorCode::invalid_input);
  EXPECT_THAT(appended.error().text, testing::HasSubstr("stroke_rate_spm"));
  EXPECT_EQ(store->status()->records, 0u);
}

TEST(Store, AnUnknownRecordingIsNotFound) {
  TestStore store;
  const base::Uuid none = store.ids.next();
  EXPECT_EQ(store->append(none, make_samples(0, 1)).error().code, base::ErrorCode::not_found);
  EXPECT_EQ(store->end(none, EndReason::stopped).error().code, base::ErrorCode::not_found);
  EXPECT_EQ(store->verify(none).error().code, base::ErrorCode::not_found);
}

TEST(Store, BigRecordsAreCutIntoChunksByTheirSize) {
  TestStore store;
  const rowing::Birth birth = make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "")));
  std::vector<Record> blocks;
  base::SeededRandom random(3);
  for (int i = 0; i < 9; ++i) {
    Record& block = blocks.emplace_back(make_record(Stream::source, {}));
    block.bytes.resize(rowing::kMaxSourceBlock);
    random.fill({reinterpret_cast<std::uint8_t*>(block.bytes.data()), block.bytes.size()});
  }
  ASSERT_TRUE(ok(store->append(birth.rec_id, blocks)));
  ASSERT_TRUE(ok(store->end(birth.rec_id, EndReason::stopped)));
  EXPECT_EQ(store->recording(birth.rec_id)->streams[Stream::source].chunks, 3u) << "four blocks of 64 KiB each";
  EXPECT_EQ(all(store, birth.rec_id, Stream::source), blocks);
  expect_whole(store, birth.rec_id);
}

TEST(Store, WhatACrashLeftOpenIsEndedAndSaysSo) {
  TestStore store;
  const rowing::Birth first = make_birth(store.ids);
  const rowing::Birth second = make_birth(store.ids);
  const rowing::Birth ended = make_birth(store.ids);
  for (const auto* const birth : {&first, &second, &ended}) ASSERT_TRUE(ok(store->begin(*birth, "")));
  ASSERT_TRUE(ok(store->append(first.rec_id, make_samples(0, 7))));
  ASSERT_TRUE(ok(store->end(ended.rec_id, EndReason::silence)));
  store.reopen();

  const auto crashed = store->end_crashed();
  ASSERT_TRUE(ok(crashed));
  EXPECT_EQ(*crashed, 2u);
  EXPECT_EQ(*store->end_crashed(), 0u);
  EXPECT_EQ(store->recording(first.rec_id)->reason, EndReason::crashed);
  EXPECT_EQ(store->recording(ended.rec_id)->reason, EndReason::silence);
  EXPECT_EQ(all(store, first.rec_id, Stream::sample), make_samples(0, 7));
  const auto events = all(store, first.rec_id, Stream::event);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(value_of(events[0], "kind"), static_cast<std::int64_t>(rowing::EventKind::reopened));
  EXPECT_EQ(value_of(events[0], "at_ms"), rowing::kNull);
  expect_whole(store, first.rec_id);
  expect_whole(store, second.rec_id);
}

TEST(Store, RecordingsAreListedNewestFirst) {
  TestStore store;
  std::vector<base::Uuid> ids;
  for (int i = 0; i < 3; ++i) {
    rowing::Birth birth = make_birth(store.ids);
    birth.started_ms -= i * 1000;  // the clock is set back: begun later all the same
    ids.insert(ids.begin(), birth.rec_id);
    ASSERT_TRUE(ok(store->begin(birth, "")));
  }
  const auto infos = store->recordings();
  ASSERT_TRUE(ok(infos));
  std::vector<base::Uuid> listed;
  for (const RecordingInfo& info : *infos) listed.push_back(info.birth.rec_id);
  EXPECT_EQ(listed, ids);
}

// Files of released versions: tests/data/stores has one each, written by that version's own program, with recordings
// that were sent, that wait, and one that a kill -9 left open.
TEST(Store, AFileOfVersion1IsBroughtUpWithItsQueueInside) {
  TemporaryFolder folder;
  std::filesystem::copy_file(test_support::source_dir() / "tests/data/stores/device_v1.db",
                             folder.path() + "/device.db");
  base::ManualClock clock{1'700'000'000'000, 0};
  base::SeededRandom random{1};
  base::UuidV7Source ids{clock, random};
  auto store = Store::open(folder.path(), ids, random);
  ASSERT_TRUE(ok(store));
  EXPECT_EQ(store->identity().replica_id.text(), "01a20417-915f-7b7b-b296-b879a2e4ff9c");
  const auto status = store->status();
  ASSERT_TRUE(ok(status));
  EXPECT_EQ(status->recordings, 3u);
  EXPECT_EQ(status->open_recordings, 1u);
  EXPECT_EQ(status->records, 118u + 118u + 32u);
  EXPECT_EQ(status->items, 25u);
  EXPECT_EQ(status->pending_items, 13u);
  EXPECT_EQ(status->server_epoch, "47c7680181fc0b582b4cf78aabc9c9ac");
  const auto recordings = store->recordings();
  ASSERT_EQ(recordings->size(), 3u);
  EXPECT_TRUE((*recordings)[2].safe());
  EXPECT_FALSE((*recordings)[1].safe());
  EXPECT_FALSE((*recordings)[0].ended);
  for (const RecordingInfo& info : *recordings) {
    EXPECT_THAT(store->verify(info.birth.rec_id)->problems, testing::IsEmpty());
  }
  EXPECT_EQ(*store->end_crashed(), 1u);
  EXPECT_EQ(store->records((*recordings)[0].birth.rec_id, Stream::sample, 0, 100)->size(), 18u);
  EXPECT_EQ(store->space()->cap, 0u);
  EXPECT_EQ(store->pending({})->size(), 13u + 6u) << "four streams, the event and a seal";
}

// Sent: one recording with a title that two devices wrote at once. Waiting: the same capture once more, another one
// with notes. Open: one that a kill -9 left.
TEST(Store, AFileOfVersion2IsBroughtUpAndItsSessionsAreFound) {
  TemporaryFolder folder;
  std::filesystem::copy_file(test_support::source_dir() / "tests/data/stores/device_v2.db",
                             folder.path() + "/device.db");
  base::ManualClock clock{1'800'000'000'000, 0};
  base::SeededRandom random{1};
  base::UuidV7Source ids{clock, random};
  auto store = Store::open(folder.path(), ids, random);
  ASSERT_TRUE(ok(store));
  EXPECT_EQ(store->identity().replica_id.text(), "01a204ac-280d-75f5-9484-e573b57febb3");
  const auto status = store->status();
  EXPECT_EQ(status->recordings, 4u);
  EXPECT_EQ(status->records, 362u);
  EXPECT_EQ(status->items, 32u);
  EXPECT_EQ(status->pending_items, 20u);
  EXPECT_EQ(status->open_conflicts, 1u) << "the title";
  const auto conflict = store->conflicts()->at(0);
  EXPECT_EQ(conflict.kind, ConflictKind::title);
  EXPECT_EQ(conflict.mine.text, "from the phone");
  EXPECT_EQ(conflict.theirs.text, "from the tablet");
  EXPECT_EQ(store->sessions()->size(), 4u);

  EXPECT_EQ(*store->end_crashed(), 1u) << "which looks for overlaps, too";
  EXPECT_EQ(*store->find_overlaps(), 0u);
  const auto sessions = store->sessions();
  ASSERT_EQ(sessions->size(), 3u);
  EXPECT_EQ((*sessions)[2].recordings.size(), 2u) << "the same capture";
  EXPECT_EQ((*sessions)[2].fields.title, "from the tablet");
  ASSERT_TRUE((*sessions)[2].elapsed_cs) << "read from the records, as its seal says nothing";
  for (const RecordingInfo& info : *store->recordings()) {
    EXPECT_THAT(store->verify(info.birth.rec_id)->problems, testing::IsEmpty());
  }
  EXPECT_GT(store->pending({})->size(), 20u);
}

TEST(Store, AFolderThatWasRemovedIsAnErrorOfTheNextSave) {
  TestStore store;
  const rowing::Birth birth = make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "")));
  std::filesystem::remove_all(store.folder());
  // The files are open still, and SQLite would write on into what nobody can find again.
  const base::Status lost = store->append(birth.rec_id, make_samples(0, 3));
  EXPECT_EQ(lost.error().code, base::ErrorCode::io);
  EXPECT_NE(lost.error().text.find("was removed"), std::string::npos) << lost.error().text;
  EXPECT_EQ(store->begin_import({}).error().code, base::ErrorCode::io);
  EXPECT_EQ(store->set_deleted(birth.rec_id, true, 1000).error().code, base::ErrorCode::io);
}

TEST(Store, ALockFileThatSomebodyTidiedAwayStopsNoRecording) {
  TestStore store;
  const rowing::Birth birth = make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "")));
  std::filesystem::remove(store.folder() + "/device.lock");
  EXPECT_TRUE(ok(store->append(birth.rec_id, make_samples(0, 3))));
}

}  // namespace
}  // namespace boathouse::store
