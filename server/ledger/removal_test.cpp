// What is removed for ever: everything of it goes, a tombstone stays, and nothing of it comes back.
#include <gmock/gmock.h>

#include "server/ledger/ledger.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {
namespace {

using rowing::EditField;
using rowing::Stream;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::ChangeKind;
using wire::Outcome;
using wire::Range;

class RemovalTest : public LedgerTest {
 protected:
  // A recording with something in every table, beside one that must stay.
  void fill() {
    put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 10, 20),
         chunk_entry(kRec, Stream::source, 0, 2), seal_entry(kRec, 1, 20), birth_entry(kOther),
         chunk_entry(kOther, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 0, 10, "mismatch"),
         title_entry(kRec, 1)});
  }
  Results purge() {
    return put({flag_entry(kRec, 2, EditField::deleted, true), flag_entry(kRec, 3, EditField::purged, true)});
  }
  // The counters agree with the tables.
  void check_counters() {
    for (const char* pair : {"recording) - recordings", "chunk) - chunks", "chunk_body) - chunks",
                             "feed WHERE kind = 2) - chunks", "unloaded) - unloaded", "quarantine) - quarantined"}) {
      EXPECT_EQ(number_in_file("SELECT (SELECT count(*) FROM " + std::string(pair) + " FROM state"), 0) << pair;
    }
  }

  void drop_all() {
    while (*ledger_->drop_some(1000)) {
    }
  }

  static inline const base::Uuid kOther = uuid(101);
};

TEST_P(RemovalTest, APurgeRemovesTheRecordingInItsOwnTransaction) {
  fill();
  const Results results = purge();
  EXPECT_EQ(results[1].outcome, Outcome::stored);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM recording WHERE rec_id = ?1", kRec), 0);
  check_counters();
  drop_all();
  for (const char* table : {"chunk", "unloaded", "seal", "quarantine", "dropping"}) {
    EXPECT_EQ(number_in_file("SELECT count(*) FROM " + std::string(table) + " WHERE rec_id = ?1", kRec), 0) << table;
  }
  EXPECT_EQ(number_in_file("SELECT count(*) FROM chunk_body"), 1);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone WHERE started_ms = 1700000000000"), 1);
  check_counters();
  EXPECT_EQ(ledger_->counts()->recordings, 1U);
  EXPECT_TRUE(ledger_->recording(kOther)->has_value());

  const auto changes = feed(kAnna);
  std::vector<ChangeKind> kinds;
  for (const wire::Change& change : changes) {
    kinds.push_back(change.kind);
  }
  EXPECT_THAT(kinds, ElementsAre(ChangeKind::birth, ChangeKind::chunk, ChangeKind::edit, ChangeKind::edit,
                                 ChangeKind::edit, ChangeKind::gone));
  EXPECT_EQ(changes.back().rec_id, kRec);
  EXPECT_FALSE(changes.back().stream);
  EXPECT_GT(changes.back().seq, results[1].server_seq);
}

// Everybody's acknowledgements wait for a transaction: a purge writes as much for a million chunks as for one.
TEST_P(RemovalTest, TheChunksOfAPurgeAreDroppedAFewAtATimeAndNobodySeesThemMeanwhile) {
  constexpr std::int64_t kStep = 2;
  fill();
  std::vector<Entry> more;
  for (std::uint64_t from = 20; from < 70; from += 10) {
    more.push_back(chunk_entry(kRec, Stream::sample, from, from + 10));
  }
  more.push_back(chunk_entry(kRec, Stream::stroke, 0, 5));
  put(std::move(more));
  ASSERT_TRUE(ledger_->finish_block((*ledger_->next_block(20, kMany))->block_id)) << "some are loaded";
  const std::int64_t all = number_in_file("SELECT chunks FROM state");
  const Results results = purge();
  EXPECT_EQ(number_in_file("SELECT count(*) FROM chunk"), all);
  EXPECT_EQ(ledger_->audit(0, 100, {kAnna, "purge"})->at(0).entry.what, "recording=" + kRec.text() + " chunks=9");
  ASSERT_TRUE(ledger_->load_again(kRec, Stream::sample)) << "by one who has not heard of the purge";

  int steps = 0;
  for (std::int64_t left = all; left > 1; ++steps) {
    EXPECT_FALSE(ledger_->recording(kRec)->has_value());
    EXPECT_EQ(ledger_->recordings({}, {}, 10)->size(), 1U);
    EXPECT_TRUE(ledger_->chunks(kRec, Stream::sample)->empty());
    EXPECT_EQ(ledger_->held(kAnna, std::vector<Question>{{kRec, {}}}, 10)->at(0).whose, Whose::purged);
    EXPECT_TRUE(ledger_->chunk(kAnna, kRec, Stream::sample, {60, 70})->gone);
    EXPECT_TRUE((*ledger_->trail({}, kRec))->waiting.empty());
    EXPECT_EQ(put_one(chunk_entry(kRec, Stream::sample, 60, 70)).outcome, Outcome::rejected);
    for (const wire::Change& change : feed(kAnna)) {
      EXPECT_TRUE(change.rec_id == kOther || change.kind == ChangeKind::edit || change.kind == ChangeKind::gone);
    }
    const auto block = *ledger_->next_block(kMany, kMany);
    EXPECT_TRUE(!block || (block->items.size() == 1 && block->items[0].rec_id == kOther));
    check_counters();

    reopen();  // whoever dropped them died
    ASSERT_TRUE(*ledger_->drop_some(kStep));
    const std::int64_t now = number_in_file("SELECT count(*) FROM chunk");
    EXPECT_GE(now, left - kStep);
    EXPECT_LT(now, left);
    left = now;
  }
  EXPECT_GE(steps, 4);
  drop_all();
  check_counters();
  EXPECT_EQ(number_in_file("SELECT count(*) FROM dropping"), 0);
  EXPECT_EQ(ledger_->chunks(kOther, Stream::sample)->size(), 1U);
  EXPECT_GT(feed(kAnna).back().seq, results[1].server_seq);
}

// There is no limit to seals, to what is in quarantine and to ranges that retention removed either.
TEST_P(RemovalTest, SealsRangesAndQuarantineAreDroppedAFewAtATimeToo) {
  constexpr std::int64_t kStep = 2;
  fill();
  std::vector<Entry> more{seal_entry(kOther, 1, 10)};
  for (std::uint32_t i = 2; i < 10; ++i) {
    more.push_back(seal_entry(kRec, i, 20));
    more.push_back(chunk_entry(kRec, Stream::split, i, i + 1));
    more.push_back(chunk_entry(kRec, Stream::sample, 0, 10, "mismatch " + std::to_string(i)));
  }
  more.push_back(chunk_entry(kOther, Stream::sample, 0, 10, "mismatch"));
  put(std::move(more));
  for (std::uint64_t from = 2; from < 10; from += 2) {
    ASSERT_TRUE(ledger_->remove({kRec, Stream::split, {from, from + 1}}));
  }
  const auto left = [this] {
    return number_in_file(
        "SELECT (SELECT count(*) FROM seal) + (SELECT count(*) FROM quarantine) + (SELECT count(*) FROM gone)");
  };
  const std::int64_t all = left();
  const std::int64_t feed_before = number_in_file("SELECT count(*) FROM feed");
  purge();
  EXPECT_EQ(left(), all + 1) << "they are there, and a tombstone";
  EXPECT_EQ(number_in_file("SELECT count(*) FROM feed"), feed_before + 2) << "two edits, a tombstone, no birth";
  while (number_in_file("SELECT count(*) FROM chunk WHERE rec_id = ?1", kRec) > 0) {
    ASSERT_TRUE(*ledger_->drop_some(kStep));
  }
  int steps = 0;
  for (bool more_to_drop = true; more_to_drop; ++steps) {
    EXPECT_FALSE(ledger_->recording(kRec)->has_value());
    EXPECT_TRUE((*ledger_->trail({}, kRec))->quarantined.empty());
    EXPECT_FALSE(ledger_->chunk(kAnna, kRec, Stream::split, {2, 3})->by_retention) << "a purge says more";
    EXPECT_EQ(put_one(seal_entry(kRec, 3, 20)).outcome, Outcome::rejected);
    for (const wire::Change& change : feed(kAnna)) {
      EXPECT_TRUE(change.rec_id == kOther || change.kind == ChangeKind::edit ||
                  (change.kind == ChangeKind::gone && !change.stream));
    }
    check_counters();
    reopen();
    const std::int64_t before = left();
    more_to_drop = *ledger_->drop_some(kStep);
    EXPECT_GE(left(), before - kStep);
  }
  EXPECT_GE(steps, 12);
  EXPECT_EQ(left(), 3) << "the other's seal and mismatch, and the tombstone";
  EXPECT_EQ(number_in_file("SELECT count(*) FROM dropping"), 0);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM feed WHERE rec_id = ?1 AND kind NOT IN (4, 5)", kRec), 0);
  check_counters();
}

TEST_P(RemovalTest, LargeBodiesAreDroppedFewerAtATime) {
  const std::string large(std::size_t{1} << 20, 'x');
  put({birth_entry(kRec), chunk_entry(kRec, Stream::source, 0, 1, large),
       chunk_entry(kRec, Stream::source, 1, 2, large), chunk_entry(kRec, Stream::source, 2, 3, large)});
  purge();
  for (std::int64_t left = 2; left >= 0; --left) {
    ASSERT_TRUE(*ledger_->drop_some(10));
    EXPECT_EQ(number_in_file("SELECT count(*) FROM chunk"), left);
  }
  EXPECT_FALSE(*ledger_->drop_some(10));
}

TEST_P(RemovalTest, SeveralSmallPurgesAreDroppedInOneStep) {
  fill();
  purge();
  put({flag_entry(kOther, 12, EditField::deleted, true), flag_entry(kOther, 13, EditField::purged, true)});
  EXPECT_EQ(ledger_->counts()->chunks, 4U);
  EXPECT_FALSE(*ledger_->drop_some(100));
  EXPECT_EQ(ledger_->counts()->chunks, 0U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
  check_counters();
}

TEST_P(RemovalTest, NothingOfAPurgedRecordingComesBack) {
  fill();
  purge();
  drop_all();
  reopen();
  const std::vector<Entry> entries{birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10),
                                   chunk_entry(kRec, Stream::stroke, 0, 10), seal_entry(kRec, 2, 20)};
  for (const auto& result : put(entries)) {
    EXPECT_EQ(result.outcome, Outcome::rejected);
    EXPECT_THAT(result.detail, HasSubstr("was purged"));
    EXPECT_THAT(result.have, IsEmpty());
  }
  // Somebody else learns no more than of any other recording that is not theirs.
  for (const auto& result : put(kBen, entries)) {
    EXPECT_EQ(result.outcome, Outcome::rejected);
    EXPECT_THAT(result.detail, testing::Not(HasSubstr("purged")));
  }
  const std::vector<Question> question{{kRec, {}}};
  EXPECT_EQ(ledger_->held(kAnna, question, 10)->at(0).whose, Whose::purged);
  EXPECT_EQ(ledger_->held(kBen, question, 10)->at(0).whose, Whose::foreign);
  EXPECT_TRUE(ledger_->chunk(kAnna, kRec, Stream::sample, {0, 10})->gone);
  EXPECT_FALSE(ledger_->chunk(kBen, kRec, Stream::sample, {0, 10})->gone);
}

TEST_P(RemovalTest, APurgeIsDoneOnceAndEditsGoOn) {
  fill();
  const Results first = purge();
  EXPECT_EQ(put_one(flag_entry(kRec, 3, EditField::purged, true)).server_seq, first[1].server_seq);
  EXPECT_EQ(put_one(flag_entry(kRec, 4, EditField::purged, true)).outcome, Outcome::stored);
  EXPECT_EQ(put_one(title_entry(kRec, 5)).outcome, Outcome::stored);
  EXPECT_EQ(put(kBen, {title_entry(kRec, 6)}).at(0).outcome, Outcome::rejected);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone"), 1);
}

TEST_P(RemovalTest, ARecordingThatNeverCameCanBePurged) {
  purge();
  EXPECT_THAT(put_one(birth_entry(kRec)).detail, HasSubstr("was purged"));
  EXPECT_EQ(feed(kAnna).back().kind, ChangeKind::gone);
}

// What is being sent to ClickHouse has a token of its contents.
TEST_P(RemovalTest, ABlockThatLosesChunksIsMadeAnew) {
  fill();
  const auto block = *ledger_->next_block(kMany, kMany);
  ASSERT_EQ(block->items.size(), 3U);
  purge();
  EXPECT_TRUE(ledger_->finish_block(block->block_id));
  const auto anew = *ledger_->next_block(kMany, kMany);
  ASSERT_TRUE(anew);
  ASSERT_EQ(anew->items.size(), 1U);
  EXPECT_EQ(anew->items[0].rec_id, kOther);
  EXPECT_NE(anew->token, block->token);
  EXPECT_TRUE(ledger_->finish_block(anew->block_id));
  EXPECT_FALSE(ledger_->next_block(kMany, kMany)->has_value());
  drop_all();
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
  check_counters();
}

TEST_P(RemovalTest, ARangeLeavesTheRestOfItsRecording) {
  fill();
  EXPECT_EQ(ledger_->remove({kRec, Stream::sample, {5, 15}}).error().code, base::ErrorCode::invalid_input);
  EXPECT_EQ(ledger_->remove({kRec, Stream::sample, {5, 5}}).error().code, base::ErrorCode::invalid_input);
  EXPECT_EQ(ledger_->remove({uuid(555), Stream::sample, {0, 5}}).error().code, base::ErrorCode::not_found);
  ASSERT_TRUE(ledger_->remove({kRec, Stream::sample, {0, 10}}));
  check_counters();
  EXPECT_THAT((*ledger_->recording(kRec))->streams.at(0).have, ElementsAre(Range{10, 20}));
  EXPECT_EQ((*ledger_->recording(kRec))->removed, (std::map<Stream, std::uint64_t>{{Stream::sample, 10}}));
  EXPECT_EQ(ledger_->chunks(kRec, Stream::source)->size(), 1U);

  const std::vector<Question> question{{kRec, {}}};
  const auto held = ledger_->held(kAnna, question, 10)->at(0);
  EXPECT_THAT(held.streams.at(Stream::sample).gone, ElementsAre(Range{0, 10}));
  EXPECT_TRUE(ledger_->chunk(kAnna, kRec, Stream::sample, {0, 10})->gone);
  EXPECT_FALSE(ledger_->chunk(kAnna, kRec, Stream::stroke, {0, 10})->gone);
  const auto gone = feed(kAnna).back();
  EXPECT_EQ(gone.kind, ChangeKind::gone);
  EXPECT_EQ(gone.stream, Stream::sample);
  EXPECT_EQ(gone.from, 0U);
  EXPECT_EQ(gone.to, 10U);

  const Results again = put({chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 20, 30)});
  EXPECT_EQ(again[0].outcome, Outcome::rejected);
  EXPECT_THAT(again[0].detail, HasSubstr("retention"));
  EXPECT_EQ(again[1].outcome, Outcome::stored);
}

TEST_P(RemovalTest, ThePurgeOfAllTakesItsRangesAlong) {
  fill();
  ASSERT_TRUE(ledger_->remove({kRec, Stream::sample, {0, 10}}));
  ASSERT_TRUE(ledger_->remove({kRec, std::nullopt, {}}));
  EXPECT_EQ(ledger_->remove({kRec, std::nullopt, {}}).error().code, base::ErrorCode::not_found);
  EXPECT_FALSE(feed(kAnna).back().stream);
  drop_all();
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone"), 1);
  EXPECT_FALSE(feed(kAnna).back().stream);
  check_counters();
}

INSTANTIATE_TEST_SUITE_P(Databases, RemovalTest, both_databases(), database_name);

// A thousand chunks at a time of a million: each time those thousand are read, and not what is left.
TEST_F(SqliteLedgerTest, TheChunksOfARangeAreFoundByTheirKeyAlone) {
  auto connection = sql::Connection::open(place_);
  auto plan =
      connection->prepare("EXPLAIN QUERY PLAN SELECT server_seq FROM chunk WHERE " + std::string(kChunksOfRange));
  ASSERT_TRUE(plan) << plan.error().text;
  ASSERT_TRUE(*plan->step());
  EXPECT_THAT(std::string(plan->text(3)),
              HasSubstr("USING PRIMARY KEY (rec_id=? AND stream=? AND from_seq>? AND from_seq<?)"));
}

}  // namespace
}  // namespace boathouse::ledger
