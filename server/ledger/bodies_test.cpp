// Bodies that leave the ledger for segments: they are read as before, whatever fails in between.
#include "server/ledger/bodies.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "server/ledger/block_token.hpp"
#include "server/ledger/schema.hpp"
#include "server/ledger/test_bodies.hpp"

namespace boathouse::ledger {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using rowing::EditField;
using rowing::Stream;
using testing::HasSubstr;
using testing::StartsWith;
using wire::Outcome;

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_P(BodiesTest, WhatIsLoadedIsReadFromItsSegment) {
  fill(0, 30);
  put_one(chunk_entry(kRec, Stream::source, 0, 5));  // stays in the ledger as far as ClickHouse goes, but not its body
  load();
  const auto before = *ledger_->chunks(kRec, Stream::sample);
  const auto counts = *ledger_->counts();
  const BodyMover::Report report = run({.segment_bytes = 100, .at_once = 4});
  EXPECT_GE(report.moved, 20U);
  EXPECT_GE(report.written, 2U);
  EXPECT_LT(in_ledger(), 12);
  expect_all(30);
  expect_order();
  EXPECT_EQ(ledger_->counts()->chunks, counts.chunks);
  const auto found = ledger_->chunk(kAnna, kRec, Stream::sample, {0, 10});
  ASSERT_TRUE(found && found->chunk);
  EXPECT_EQ(found->chunk->body, chunk(0).body);
  EXPECT_EQ(ledger_->chunks(kRec, Stream::sample)->at(3).server_seq, before[3].server_seq);
  EXPECT_EQ(put_one(chunk(0)).outcome, Outcome::duplicate);
  for (const SegmentRow& row : rows()) EXPECT_THAT(row.key, StartsWith("2023/11/" + ledger_->epoch().substr(0, 16)));
  const BodyCounts bodies = *ledger_->bodies().body_counts();
  EXPECT_EQ(bodies.segments, report.written);
  EXPECT_EQ(bodies.bodies, report.moved);
  EXPECT_EQ(bodies.lost, 0U);
  reopen();
  EXPECT_EQ(ledger_->chunk(kAnna, kRec, Stream::sample, {0, 10}).error().code, ErrorCode::unavailable)
      << "a server without the folder says so";
  ledger_->use_segments(*store_);
  expect_all(30);
  EXPECT_TRUE(run().nothing());
}

TEST_P(BodiesTest, WhatWaitsForClickHouseStays) {
  fill(0, 30);
  EXPECT_TRUE(run().nothing());
  ASSERT_TRUE(*ledger_->next_block(1'000'000, 1'000'000)) << "also in a block";
  EXPECT_TRUE(run().nothing());
  EXPECT_EQ(in_ledger(), 30);
}

TEST_P(BodiesTest, LessThanASegmentStays) {
  fill(0, 5);
  load();
  EXPECT_TRUE(run().nothing());
  EXPECT_EQ(in_ledger(), 5);
}

TEST_P(BodiesTest, WithoutMovingWhatLiesInSegmentsIsKeptInOrder) {
  fill(0, 20);
  load();
  ASSERT_GT(run().moved, 0U);
  fill(20, 40);
  load();
  const std::int64_t kept = in_ledger();
  EXPECT_TRUE(run({.move = false, .segment_bytes = 100}).nothing());
  EXPECT_EQ(in_ledger(), kept);
  expect_all(40);
}

// Each call of the ledger and of the store fails once, before it did anything and after it did it. Nothing that was
// acknowledged is unreadable afterwards, and the next run leaves everything in order.
TEST_P(BodiesTest, AnEndAtAnyStepLosesNothing) {
  std::uint64_t chunks = 0;
  base::Uuid passing = uuid(2000);
  fill(0, 3, passing);
  for (const bool afterwards : {false, true}) {
    for (int step = 1;; ++step) {
      SCOPED_TRACE(std::string(afterwards ? "after" : "before") + " call " + std::to_string(step));
      fill(chunks, chunks + 11);
      chunks += 11;
      load();
      // Something to tidy, to rewrite and to look at, too.
      ASSERT_TRUE(ledger_->remove({passing, std::nullopt, {}}));
      passing = uuid(2000 + chunks);
      fill(0, 3, passing);
      load();
      clock_.advance_ms(small().empty_ms);
      Faults faults;
      faults.fails_at = step;
      faults.afterwards = afterwards;
      FaultyStore store(*store_, faults);
      FaultyBodies bodies(ledger_->bodies(), faults);
      BodyMover::Options options = small();
      options.check_ms = 1000;
      options.checks = 2;
      const auto report = mover(bodies, store, options).run([] { return base::Status(); });
      const bool failed = !report;
      EXPECT_TRUE(report || report.error().text == "planted");
      expect_all(chunks);
      run(options);
      expect_all(chunks);
      expect_order();
      EXPECT_EQ(ledger_->bodies().body_counts()->lost, 0U);
      if (!failed) {
        EXPECT_GT(step, 12) << "the run had fewer calls than were to be tried";
        break;
      }
    }
  }
}

// Its turn was over when it came to name what it has written: the segment is another's to remove.
TEST_P(BodiesTest, AMoverThatLostItsTurnNamesNothing) {
  fill(0, 12);
  load();
  Bodies& bodies = ledger_->bodies();
  segments::SegmentBuilder builder;
  for (const LoadItem& item : *ledger_->chunks(kRec, Stream::sample)) builder.add(item.server_seq, item.body);
  const auto places = builder.places();
  const std::string key = "2023/11/" + ledger_->epoch().substr(0, 16) + "-late.seg";
  const std::int64_t id = *bodies.begin_segment(key);
  const base::Bytes content = builder.finish();
  ASSERT_TRUE(store_->put(key, content));
  EXPECT_GT(run().removed, 0U);
  EXPECT_EQ(bodies.place_bodies(id, content.size(), places.size(), places).error().code, ErrorCode::conflict);
  expect_all(12);
  expect_order();
  // Doomed, but not yet forgotten: the same.
  const std::int64_t other = *bodies.begin_segment(key + "2");
  ASSERT_TRUE(bodies.doom_segment(other));
  EXPECT_EQ(bodies.place_bodies(other, 1, places.size(), places).error().code, ErrorCode::conflict);
  EXPECT_EQ(bodies.begin_segment(key + "2").error().code, ErrorCode::conflict);
  expect_all(12);
}

TEST_P(BodiesTest, ASegmentWithBodiesIsNeverDoomed) {
  fill(0, 20);
  load();
  run();
  EXPECT_EQ(ledger_->bodies().doom_segment(rows().at(0).id).error().code, ErrorCode::conflict);
  expect_all(20);
}

TEST_P(BodiesTest, ObjectsThatNoRowNamesGoButForThoseOfOtherLedgers) {
  const std::string own = "2023/11/" + ledger_->epoch().substr(0, 16) + "-1-2-00.seg";
  const std::string others = "2023/11/0123456789abcdef-1-2-00.seg";
  ASSERT_TRUE(store_->put(own, base::as_bytes("orphan")));
  ASSERT_TRUE(store_->put(others, base::as_bytes("another ledger's")));
  std::ofstream(root_ / (own + ".partial")) << "cut sho";
  EXPECT_EQ(run().removed, 2U);
  EXPECT_EQ(*store_->list(), std::vector<std::string>{others});
}

TEST_P(BodiesTest, WhatWasPurgedIsGoneFromTheFilesToo) {
  const base::Uuid other = uuid(101);
  std::vector<Entry> entries;
  entries.push_back(birth_entry(kRec));
  entries.push_back(birth_entry(other));
  for (std::uint64_t n = 0; n < 6; ++n) {
    entries.push_back(chunk_entry(kRec, Stream::sample, 10 * n, 10 * n + 10, "secret"));
    entries.push_back(chunk(n, other));
  }
  put(std::move(entries));
  load();
  ASSERT_GT(run().moved, 0U);
  const fs::path old = file();
  ASSERT_THAT(text_of(old), HasSubstr("secret"));
  put({flag_entry(kRec, 2, EditField::deleted, true), flag_entry(kRec, 3, EditField::purged, true)});
  while (*ledger_->drop_some(2)) continue;
  expect_all(6, other);
  clock_.advance_ms(1000);
  run();  // without them
  expect_all(6, other);
  EXPECT_TRUE(fs::exists(old)) << "a backup may read it still";
  clock_.advance_ms(small().empty_ms);
  run();
  EXPECT_FALSE(fs::exists(old));
  for (const SegmentRow& row : rows()) EXPECT_THAT(text_of(root_ / row.key), testing::Not(HasSubstr("secret")));
  expect_all(6, other);
  expect_order();
}

TEST_P(BodiesTest, AnEmptySegmentGoesAfterAWhile) {
  fill(0, 20);
  load();
  run();
  ASSERT_TRUE(ledger_->remove({kRec, Stream::sample, {0, 200}}));
  EXPECT_EQ(run().removed, 0U);
  clock_.advance_ms(small().empty_ms);
  EXPECT_GT(run().removed, 0U);
  EXPECT_TRUE(rows().empty());
  EXPECT_TRUE(store_->list()->empty());
}

INSTANTIATE_TEST_SUITE_P(Databases, BodiesTest, both_databases(), database_name);

// A ledger of version 6 with data in it, as the program before had it.
TEST_P(BodiesTest, ALedgerOfVersion6MovesItsBodies) {
  sql::TestDatabase old(GetParam(), folder_.file("old.db"));
  {
    auto connection = sql::Connection::open(old.place());
    ASSERT_TRUE(connection);
    ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(6)}));
    const auto insert = [&](std::string_view sql, auto... values) {
      auto statement = connection->prepare(sql);
      ASSERT_TRUE(statement) << statement.error().text;
      int parameter = 0;
      (statement->bind(++parameter, values), ...);
      const auto done = statement->run();
      ASSERT_TRUE(done) << done.error().text;
    };
    insert(
        "INSERT INTO state (id, epoch, last_seq, recordings, chunks, unloaded, quarantined, checks, audit_n) "
        "VALUES (1, 'fedcba9876543210', 12, 1, 11, 1, 0, 0, 0)");
    const Entry birth = birth_entry(kRec);
    insert(
        "INSERT INTO recording (rec_id, athlete, replica, started_ms, received_ms, server_seq, sha256, birth) "
        "VALUES (?1, ?2, ?3, 5, 6, 1, ?4, ?5)",
        base::ByteView(kRec.bytes), base::ByteView(kAnna.bytes), base::ByteView(kAnna.bytes),
        base::ByteView(birth.sha256), base::ByteView(birth.body));
    insert("INSERT INTO session_mark (rec_id, seq) VALUES (?1, 1)", base::ByteView(kRec.bytes));
    for (std::int64_t n = 0; n < 11; ++n) {
      const Entry entry = chunk(static_cast<std::uint64_t>(n));
      insert(
          "INSERT INTO chunk (rec_id, stream, from_seq, to_seq, version, size, sha256, server_seq) "
          "VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7)",
          base::ByteView(kRec.bytes), static_cast<int>(Stream::sample), entry.from, entry.to, entry.body.size(),
          base::ByteView(entry.sha256), n + 2);
      insert("INSERT INTO chunk_body (server_seq, body) VALUES (?1, ?2)", n + 2, base::ByteView(entry.body));
    }
    insert("INSERT INTO load_block (block_id, stream, token) VALUES (12, ?1, ?2)", static_cast<int>(Stream::sample),
           [&] {
             BlockToken token(static_cast<int>(Stream::sample), 0);
             token.add(kRec, 100, 110, chunk(10).sha256);
             return token.finish();
           }());
    insert(
        "INSERT INTO unloaded (server_seq, rec_id, stream, from_seq, records, size, block_id) "
        "VALUES (12, ?1, ?2, 100, 10, 9, 12)",
        base::ByteView(kRec.bytes), static_cast<int>(Stream::sample));
  }
  auto opened = Ledger::open({.place = old.place()}, clock_, random_);
  ASSERT_TRUE(opened) << opened.error().text;
  ledger_ = std::move(*opened);
  ledger_->use_segments(*store_);
  expect_all(11);
  const auto block = ledger_->next_block(1000, 1'000'000);
  ASSERT_TRUE(block && *block) << "the block that was on its way has the same token";
  EXPECT_EQ((*block)->block_id, 12);
  BodyMover::Options options = small();
  options.segment_bytes = 60;
  EXPECT_GT(run(options).moved, 5U);
  expect_all(11);
  ledger_.reset();
}

}  // namespace
}  // namespace boathouse::ledger
