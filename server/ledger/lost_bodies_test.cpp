// Segments that are damaged or gone: the loss is named and counted, stops nobody else, and is made good from a device,
// a backup or the object itself.
#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "server/ledger/test_bodies.hpp"

namespace boathouse::ledger {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using rowing::Stream;
using testing::ElementsAre;
using testing::HasSubstr;
using wire::Outcome;

class LostBodiesTest : public BodiesTest {
 protected:
  void SetUp() override {
    BodiesTest::SetUp();
    fill(0, 12);
    load();
    run({.segment_bytes = 88});  // what all have together
    ASSERT_EQ(in_ledger(), 0);
    ASSERT_EQ(rows().size(), 1U);
  }

  // The first byte of the first body of the first segment.
  void flip() {
    std::fstream file_in_place(file(), std::ios::in | std::ios::out | std::ios::binary);
    file_in_place.seekp(11);
    file_in_place.put('\xff');
  }
  // What a reader has found is written down by the committer: after this it is.
  void settle() { ASSERT_TRUE(ledger_->check()); }
  std::uint64_t lost() {
    settle();
    return ledger_->bodies().body_counts()->lost;
  }
  // One that was put.
  void lose(std::uint64_t n) {
    LostBody body;
    body.server_seq = put_one(chunk(n)).server_seq;
    ASSERT_TRUE(ledger_->bodies().lose_bodies({&body, 1}));
  }
  // What an offer and a verify are answered from.
  HeldStream held() {
    const Question question{kRec, {{Stream::sample, 120}}};
    const auto answers = ledger_->held(kAnna, {&question, 1}, 1000);
    EXPECT_TRUE(answers) << answers.error().text;
    return answers->at(0).streams.at(Stream::sample);
  }
};

TEST_P(LostBodiesTest, AChangedByteIsNamedAndStopsNobodyElse) {
  flip();
  const auto damaged = ledger_->chunk(kAnna, kRec, Stream::sample, {0, 10});
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, ErrorCode::corrupt);
  EXPECT_THAT(damaged.error().text, HasSubstr("server_seq 2"));
  EXPECT_THAT(damaged.error().text, HasSubstr(rows()[0].key));
  EXPECT_EQ(lost(), 1U);
  const auto named = *ledger_->bodies().lost(10);
  ASSERT_EQ(named.size(), 1U);
  EXPECT_EQ(named[0].rec_id, kRec);
  EXPECT_EQ(named[0].from, 0U);
  EXPECT_EQ(named[0].to, 10U);
  EXPECT_EQ(named[0].sha256, chunk(0).sha256);
  EXPECT_TRUE(ledger_->chunk(kAnna, kRec, Stream::sample, {10, 20})->chunk) << "its neighbour in the file";
  // What is known of the chunk does not change: its receipt stands.
  EXPECT_EQ((*ledger_->recording(kRec))->streams.at(0).records, 120U);
  // Loading all of the stream once more loads the others.
  EXPECT_EQ(*ledger_->load_again(kRec, Stream::sample), 11U);
  load();
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
}

TEST_P(LostBodiesTest, ABlockWithALostBodyIsMadeAnewWithoutIt) {
  ASSERT_EQ(*ledger_->load_again(kRec, Stream::sample), 12U);
  ASSERT_EQ(ledger_->counts()->unloaded_chunks, 12U);
  flip();
  EXPECT_EQ(ledger_->next_block(1'000'000, 1'000'000).error().code, ErrorCode::corrupt);
  settle();
  const auto block = ledger_->next_block(1'000'000, 1'000'000);
  ASSERT_TRUE(block && *block) << block.error().text;
  EXPECT_EQ((*block)->items.size(), 11U);
  ASSERT_TRUE(ledger_->finish_block((*block)->block_id));
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
}

TEST_P(LostBodiesTest, ADeviceThatSendsItAgainBringsItBack) {
  const std::int64_t receipt = put_one(chunk(0)).server_seq;
  flip();
  ASSERT_FALSE(ledger_->chunks(kRec, Stream::sample));
  ASSERT_EQ(lost(), 1U);
  EXPECT_EQ(put_one(chunk_entry(kRec, Stream::sample, 0, 10, "other")).outcome, Outcome::mismatch);
  EXPECT_EQ(lost(), 1U) << "other content heals nothing";
  const auto again = put_one(chunk(0));
  EXPECT_EQ(again.outcome, Outcome::duplicate);
  EXPECT_EQ(again.server_seq, receipt);
  EXPECT_EQ(lost(), 0U);
  expect_all(12);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 1U) << "who knows whether ClickHouse has it";
  load();
  run({.segment_bytes = 1});
  expect_all(12);
}

// Who is told that it is held sends it to nobody, and may remove the last copy.
TEST_P(LostBodiesTest, WhatIsLostIsNotHeldUntilItIsBack) {
  const HeldStream before = held();
  EXPECT_THAT(before.have, ElementsAre(wire::Range{0, 120}));
  EXPECT_EQ(before.visible, 120U);
  lose(3);
  EXPECT_THAT(held().have, ElementsAre(wire::Range{0, 30}, wire::Range{40, 120}));
  EXPECT_EQ(held().records, 110U);
  EXPECT_EQ(held().visible, 110U);
  EXPECT_THAT(put_one(chunk(4)).have, ElementsAre(wire::Range{0, 30}, wire::Range{40, 120}));
  EXPECT_THAT(put_one(chunk(3)).have, ElementsAre(wire::Range{0, 120}));
  EXPECT_THAT(held().have, ElementsAre(wire::Range{0, 120}));
  EXPECT_EQ(held().root, before.root);
  EXPECT_EQ(held().visible, 110U) << "it is to be loaded";
  load();
  EXPECT_EQ(held().visible, 120U);
}

TEST_P(LostBodiesTest, WhatNeverReachedClickHouseIsLoadedWhenItIsBack) {
  EXPECT_EQ(put_one(chunk(12)).outcome, Outcome::stored);
  ASSERT_EQ(ledger_->counts()->unloaded_chunks, 1U);
  lose(12);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
  EXPECT_EQ(put_one(chunk(12)).outcome, Outcome::duplicate);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 1U);
  load();
  expect_all(13);
}

// The whole ledger was to be loaded once more (`boathouse clickhouse reload`), with what was lost before.
TEST_P(LostBodiesTest, WhatWasLostBeforeHoldsUpNoBlockEither) {
  fs::remove(file());
  put({chunk(12)});
  ASSERT_FALSE(ledger_->chunks(kRec, Stream::sample));
  ASSERT_EQ(lost(), 12U);
  auto connection = sql::Connection::open(place_);
  ASSERT_TRUE(connection->execute(
      "INSERT INTO unloaded (server_seq, rec_id, stream, from_seq, records, size) "
      "SELECT server_seq, rec_id, stream, from_seq, to_seq - from_seq, size FROM chunk WHERE server_seq = 2"));
  ASSERT_TRUE(connection->execute("UPDATE state SET unloaded = 2"));
  EXPECT_EQ(ledger_->next_block(1'000'000, 1'000'000).error().code, ErrorCode::corrupt);
  settle();
  const auto block = ledger_->next_block(1'000'000, 1'000'000);
  ASSERT_TRUE(block && *block) << block.error().text;
  EXPECT_EQ((*block)->items.size(), 1U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 1U);
}

TEST_P(LostBodiesTest, ABackupBringsBackAWholeSegment) {
  fs::remove(file());
  EXPECT_THAT(ledger_->chunks(kRec, Stream::sample).error().text, HasSubstr("is missing"));
  EXPECT_EQ(lost(), 12U) << "all of them, not one with each question";
  std::map<std::int64_t, base::Bytes> backup;
  for (std::uint64_t n = 0; n < 12; ++n) backup[static_cast<std::int64_t>(n) + 2] = chunk(n).body;
  backup[2] = chunk(7).body;  // a backup that is damaged itself
  std::size_t asked = 0;
  BodyMover::Options options = small();
  options.check_ms = 0;
  const BodyMover::Find find = [&](std::span<const LostBody> wanted) {
    asked = wanted.size();
    return base::Result<std::map<std::int64_t, base::Bytes>>(backup);
  };
  const BodyMover::Report report = run(options, find);
  EXPECT_EQ(report.damaged, 1U);
  EXPECT_EQ(asked, 12U);
  EXPECT_EQ(report.back, 11U);
  EXPECT_EQ(lost(), 1U);
  EXPECT_TRUE(ledger_->chunk(kAnna, kRec, Stream::sample, {10, 20})->chunk);
  EXPECT_EQ(ledger_->chunk(kAnna, kRec, Stream::sample, {0, 10}).error().code, ErrorCode::corrupt);
  put_one(chunk(0));
  EXPECT_EQ(lost(), 0U);
  expect_all(12);
}

TEST_P(LostBodiesTest, AnObjectThatIsPutBackIsFoundAgain) {
  const fs::path there = file();
  fs::rename(there, folder_.file("elsewhere"));
  ASSERT_FALSE(ledger_->chunks(kRec, Stream::sample));
  ASSERT_GT(lost(), 0U);
  EXPECT_GT(run().lost, 0U);
  fs::rename(folder_.file("elsewhere"), there);
  EXPECT_GT(run().back, 0U);
  EXPECT_EQ(lost(), 0U);
  expect_all(12);
}

// By the look at every byte of it; what waited to be loaded when it was lost waits again.
TEST_P(LostBodiesTest, WhatIsFoundInItsSegmentAgainIsLoaded) {
  ASSERT_EQ(*ledger_->load_again(kRec, Stream::sample), 12U);
  const fs::path there = file();
  fs::rename(there, folder_.file("elsewhere"));
  ASSERT_FALSE(ledger_->next_block(1'000'000, 1'000'000));
  ASSERT_EQ(lost(), 12U);
  ASSERT_EQ(ledger_->counts()->unloaded_chunks, 0U);
  fs::rename(folder_.file("elsewhere"), there);
  ASSERT_TRUE(ledger_->bodies().segment_is_well(rows()[0].id));
  EXPECT_EQ(lost(), 0U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 12U);
  EXPECT_EQ(held().visible, 0U);
  load();
  EXPECT_EQ(held().visible, 120U);
}

TEST_P(LostBodiesTest, ADiskThatIsNotMountedLosesNothing) {
  fs::rename(root_, folder_.file("unmounted"));
  EXPECT_EQ(ledger_->chunks(kRec, Stream::sample).error().code, ErrorCode::unavailable);
  EXPECT_FALSE(mover(ledger_->bodies(), *store_).run([] { return base::Status(); }));
  EXPECT_EQ(lost(), 0U);
  fs::rename(folder_.file("unmounted"), root_);
  expect_all(12);
}

// Nobody has read it for a week: every byte of every segment is looked at by itself.
TEST_P(LostBodiesTest, DamageIsFoundWithoutAReader) {
  flip();
  EXPECT_TRUE(run().nothing()) << "it was looked at lately";
  clock_.advance_ms(small().check_ms);
  EXPECT_GE(run().damaged, 1U);
  EXPECT_EQ(lost(), 1U);
  // The others of that file lie in a good one now.
  for (std::uint64_t n = 1; n < 12; ++n) {
    EXPECT_TRUE(ledger_->chunk(kAnna, kRec, Stream::sample, {10 * n, 10 * n + 10})->chunk) << n;
  }
  put_one(chunk(0));
  expect_all(12);
}

TEST_P(LostBodiesTest, ABodyThatIsWrongInTheLedgerItselfIsNotMovedButNamed) {
  fill(12, 30);
  load();
  auto connection = sql::Connection::open(place_);
  const std::int64_t victim = number_in_file("SELECT min(server_seq) FROM chunk_body");
  const std::string wrong = GetParam() == sql::Dialect::sqlite ? "x'00'" : "'\\x00'::bytea";
  ASSERT_TRUE(
      connection->execute("UPDATE chunk_body SET body = " + wrong + " WHERE server_seq = " + std::to_string(victim)));
  run();
  EXPECT_EQ(lost(), 1U);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM chunk_body WHERE server_seq = " + std::to_string(victim)), 1);
  EXPECT_EQ(ledger_->bodies().lost(10)->at(0).server_seq, victim);
}

TEST_P(LostBodiesTest, WhatWasPurgedIsNotLostAnyMore) {
  flip();
  ASSERT_FALSE(ledger_->chunks(kRec, Stream::sample));
  ASSERT_EQ(lost(), 1U);
  ASSERT_TRUE(ledger_->remove({kRec, Stream::sample, {0, 10}}));
  EXPECT_EQ(lost(), 0U);
}

// What somebody wants to be gone leaves the files, whatever another segment has lost.
TEST_P(LostBodiesTest, WhatWasPurgedLeavesOtherSegments) {
  fill(12, 24);
  load();
  run({.segment_bytes = 88});
  ASSERT_EQ(rows().size(), 2U);
  fs::rename(file(), folder_.file("elsewhere"));
  ASSERT_FALSE(ledger_->chunks(kRec, Stream::sample));
  ASSERT_GT(lost(), 0U);
  const std::string damaged = rows()[0].key;
  const std::string sound = rows()[1].key;
  ASSERT_TRUE(ledger_->remove({kRec, Stream::sample, {200, 210}}).ok());
  EXPECT_EQ(run().written, 1U);
  const auto left = rows();
  EXPECT_EQ(std::ranges::count(left, damaged, &SegmentRow::key), 1) << "its object may be put back";
  ASSERT_EQ(left.size(), 3U);
  EXPECT_EQ(std::ranges::find(left, sound, &SegmentRow::key)->live, 0U) << "its object is kept for a day yet";
  EXPECT_TRUE(ledger_->chunk(kAnna, kRec, Stream::sample, {190, 200})->chunk) << "the others lie in a new one";
  EXPECT_EQ(run().written, 0U) << "once";
}

INSTANTIATE_TEST_SUITE_P(Databases, LostBodiesTest, both_databases(), database_name);

}  // namespace
}  // namespace boathouse::ledger
