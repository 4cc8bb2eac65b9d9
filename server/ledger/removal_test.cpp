// What is removed for ever: everything of it goes, a tombstone stays, and nothing of it comes back.
#include <gmock/gmock.h>

#include "server/ledger/ledger.hpp"
#include "server/ledger/test_ledger.hpp"

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

constexpr std::size_t kMany = 1'000'000;

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
                             "unloaded) - unloaded", "quarantine) - quarantined"}) {
      EXPECT_EQ(number_in_file("SELECT (SELECT count(*) FROM " + std::string(pair) + " FROM state"), 0) << pair;
    }
  }

  static inline const base::Uuid kOther = uuid(101);
};

TEST_P(RemovalTest, APurgeRemovesTheRecordingInItsOwnTransaction) {
  fill();
  const Results results = purge();
  EXPECT_EQ(results[1].outcome, Outcome::stored);
  for (const char* table : {"recording", "chunk", "seal", "quarantine", "unloaded"}) {
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

TEST_P(RemovalTest, NothingOfAPurgedRecordingComesBack) {
  fill();
  purge();
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
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone"), 1);
  EXPECT_FALSE(feed(kAnna).back().stream);
  check_counters();
}

INSTANTIATE_TEST_SUITE_P(Databases, RemovalTest, both_databases(), database_name);

}  // namespace
}  // namespace boathouse::ledger
