// The erasure of an athlete: hidden at once, taken back or removed from every table, and nothing left but ids.
#include <gmock/gmock.h>

#include "server/ledger/ledger.hpp"
#include "server/ledger/results.hpp"
#include "server/ledger/test_ledger.hpp"

namespace boathouse::ledger {
namespace {

using base::ErrorCode;
using rowing::EditField;
using rowing::Stream;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::Outcome;

class ErasureTest : public LedgerTest {
 protected:
  // Something of Anna in every table, and of Ben.
  void fill() {
    put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), seal_entry(kRec, 1, 10), title_entry(kRec, 1),
         chunk_entry(kRec, Stream::sample, 0, 10, "mismatch"), birth_entry(uuid(101)),
         chunk_entry(uuid(101), Stream::stroke, 0, 5), birth_entry(uuid(102)),
         flag_entry(uuid(102), 2, EditField::deleted, true), flag_entry(uuid(102), 3, EditField::purged, true)});
    ASSERT_TRUE(ledger_->hello({kAnna, uuid(9)}));
    ASSERT_TRUE(ledger_->set_retention_rule({scope_of_athlete(kAnna), Stream::sample, 3}, {}));
    put(kBen, {birth_entry(uuid(200)), chunk_entry(uuid(200), Stream::sample, 0, 10)});
  }
  static std::uint64_t rows_in(std::string_view table, const std::vector<TableCount>& counts) {
    const auto found = std::ranges::find(counts, table, &TableCount::table);
    return found == counts.end() ? 0 : found->rows;
  }
  std::uint64_t rows_of(const base::Uuid& athlete) {
    std::uint64_t rows = 0;
    for (const TableCount& count : *ledger_->rows_of_athlete(athlete)) {
      rows += count.rows;
    }
    return rows;
  }
  void erase_all() {
    while (*ledger_->erase_some(kAnna, 1)) {
    }
  }
  std::int64_t due() { return clock_.utc_ms() + 30 * kDay; }
};

TEST_P(ErasureTest, WhoIsToBeErasedIsHiddenAtOnceAndComesBack) {
  fill();
  const auto before = ledger_->sessions_around(kRec)->sessions.at(0);
  EXPECT_FALSE(before.deleted);
  const auto dirty = *ledger_->dirty_sessions(100);
  ASSERT_TRUE(ledger_->sessions_written(dirty));
  ASSERT_TRUE(ledger_->ask_erasure(kAnna, due(), uuid(77)));
  EXPECT_EQ(ledger_->ask_erasure(kAnna, due(), {}).error().code, ErrorCode::conflict);
  EXPECT_TRUE(ledger_->sessions_around(kRec)->sessions.at(0).deleted);
  EXPECT_EQ(ledger_->dirty_sessions(100)->size(), 2U) << "the rows of both are written again, as none";
  EXPECT_FALSE(ledger_->sessions_around(uuid(200))->sessions.at(0).deleted);
  EXPECT_EQ(ledger_->erasures()->at(0).state(), ErasureState::hidden);
  const auto refused = put_one(chunk_entry(kRec, Stream::sample, 10, 20));
  EXPECT_EQ(refused.outcome, Outcome::later) << "what is taken back should not have cost anything";
  EXPECT_GT(refused.retry_after_s, 0);
  EXPECT_EQ(put(kBen, {chunk_entry(uuid(200), Stream::sample, 10, 20)}).at(0).outcome, Outcome::stored);

  reopen();
  EXPECT_EQ(ledger_->begin_erasing(kAnna).error().code, ErrorCode::invalid_input) << "30 days have not gone by";
  EXPECT_EQ(ledger_->erase_some(kAnna, 1).error().code, ErrorCode::conflict);
  ASSERT_TRUE(ledger_->take_back_erasure(kAnna, uuid(77)));
  EXPECT_EQ(ledger_->take_back_erasure(kAnna, {}).error().code, ErrorCode::not_found);
  const auto after = ledger_->sessions_around(kRec)->sessions.at(0);
  EXPECT_FALSE(after.deleted);
  EXPECT_EQ(after.title, before.title);
  EXPECT_EQ(put_one(chunk_entry(kRec, Stream::sample, 10, 20)).outcome, Outcome::stored);
  EXPECT_THAT(*ledger_->erasures(), IsEmpty());
}

TEST_P(ErasureTest, NothingIsLeftButIds) {
  fill();
  const std::vector<Retirement> retiring{{kRec, Stream::sample, 10, "plan1", 1'000'000}};
  ASSERT_TRUE(ledger_->apply_plan(retiring, "plan=plan1", {}));
  ASSERT_TRUE(ledger_->set_legal_hold({scope_of_athlete(kAnna), "a dispute"}, {}));
  const auto counted = *ledger_->rows_of_athlete(kAnna);
  for (const char* table : {"session_mark", "completed", "retiring", "unloaded", "retention_rule", "legal_hold"}) {
    EXPECT_GT(rows_in(table, counted), 0U) << table;
  }
  ASSERT_TRUE(ledger_->release_legal_hold(scope_of_athlete(kAnna), {}));
  const std::uint64_t bens = rows_of(kBen);
  ASSERT_TRUE(ledger_->ask_erasure(kAnna, due(), uuid(77)));
  clock_.set_utc_ms(due());
  ASSERT_TRUE(ledger_->begin_erasing(kAnna));
  EXPECT_EQ(ledger_->take_back_erasure(kAnna, {}).error().code, ErrorCode::conflict);
  {
    auto connection = sql::Connection::open(place_);
    auto hold = connection->prepare("INSERT INTO legal_hold (scope, reason, set_ms) VALUES (?1, 'too late', 1)");
    ASSERT_TRUE(hold->bind(1, scope_of_athlete(kAnna)).run());
  }
  EXPECT_TRUE(*ledger_->erase_some(kAnna, 1));
  reopen();  // in the middle
  EXPECT_TRUE(*ledger_->erase_some(kAnna, 10));
  const auto halfway = *ledger_->rows_of_athlete(kAnna);
  EXPECT_EQ(std::ranges::find(halfway, "recording", &TableCount::table)->rows, 0U);
  for (const auto& [table, rows] : {std::pair("chunk", 2U), std::pair("chunk_body", 2U), std::pair("dropping", 3U)}) {
    EXPECT_EQ(std::ranges::find(halfway, table, &TableCount::table)->rows, rows) << table;
  }
  EXPECT_EQ(ledger_->finish_erasure(kAnna).error().code, ErrorCode::conflict);
  ASSERT_TRUE(ledger_->begin_erasing(kAnna));
  erase_all();
  for (const TableCount& count : *ledger_->rows_of_athlete(kAnna)) {
    EXPECT_EQ(count.rows, count.table == "erasing" ? 1U : 0U) << count.table;
  }
  EXPECT_EQ(rows_of(kBen), bens);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM recording"), 1);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM chunk_body"), 1);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM session_mark"), 1);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM retention_rule"), 0);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM seal"), 0);
  EXPECT_EQ(number_in_file("SELECT (SELECT count(*) FROM quarantine) - quarantined FROM state"), 0);

  // ClickHouse is told once, of all.
  const auto rows = *ledger_->rows_to_erase(10);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].athlete, kAnna);
  EXPECT_FALSE(rows[0].rec_id);
  EXPECT_EQ(ledger_->finish_erasure(kAnna).error().code, ErrorCode::conflict) << "it has rows still";
  ASSERT_TRUE(ledger_->rows_erased(std::vector{rows[0].server_seq}));
  ASSERT_TRUE(ledger_->finish_erasure(kAnna));
  EXPECT_EQ(ledger_->erasures()->at(0).state(), ErasureState::erased);
  EXPECT_EQ(rows_of(kAnna), 0U);

  // The audit goes on, and names nobody.
  EXPECT_FALSE(ledger_->verify_audit()->difference);
  EXPECT_EQ(ledger_->audit(0, 100, {kAnna, "erasure.done"})->size(), 1U);
  for (const AuditRecord& record : *ledger_->audit(0, 100, {kAnna, {}})) {
    EXPECT_THAT(record.entry.what, testing::Not(HasSubstr("5 x 500")));
  }
}

// Everybody's acknowledgements wait while one transaction lasts, and an athlete may have written very many.
TEST_P(ErasureTest, EditsGoSomeAtATime) {
  fill();
  std::vector<Entry> edits;
  for (std::uint64_t n = 0; n < 2'500; ++n) {
    edits.push_back(title_entry(kRec, 1'000 + n));
  }
  put(std::move(edits));
  put(kBen, {title_entry(uuid(200), 9'000)});
  ASSERT_TRUE(ledger_->ask_erasure(kAnna, due(), uuid(77)));
  clock_.set_utc_ms(due());
  ASSERT_TRUE(ledger_->begin_erasing(kAnna));
  const auto left = [this] { return number_in_file("SELECT count(*) FROM edit WHERE athlete = ?1", kAnna); };
  std::int64_t before = left();
  bool more = true;
  while (more) {
    more = *ledger_->erase_some(kAnna, 10);
    const std::int64_t now = left();
    EXPECT_LE(before - now, 1'000);
    before = now;
  }
  EXPECT_EQ(before, 0);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM feed WHERE athlete = ?1", kAnna), 0);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM edit"), 1);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM session_mark"), 1);
}

// Whatever was on its way when the keys were shut out.
TEST_P(ErasureTest, WhatComesMeanwhileIsRefusedItemByItemAndAudited) {
  fill();
  ASSERT_TRUE(ledger_->ask_erasure(kAnna, due(), uuid(77)));
  clock_.set_utc_ms(due());
  ASSERT_TRUE(ledger_->begin_erasing(kAnna));
  erase_all();
  ASSERT_TRUE(ledger_->rows_erased(std::vector{ledger_->rows_to_erase(1)->at(0).server_seq}));
  const auto records = [this](const std::string& kind) { return *ledger_->audit(0, 1000, {kAnna, kind}); };
  const std::size_t submissions = records("submission").size();
  const std::size_t refusals = records("refused").size();
  Entry unreadable = chunk_entry(kRec, Stream::sample, 20, 30);
  unreadable.refusal = wire::ItemResult{.outcome = Outcome::rejected, .have = {}, .detail = "it does not open"};
  const auto answers = put({birth_entry(uuid(103)), chunk_entry(uuid(103), Stream::sample, 0, 10), unreadable,
                            title_entry(uuid(103), 77), seal_entry(uuid(103), 1, 10)});
  for (const wire::ItemResult& answer : answers) {
    EXPECT_EQ(answer.outcome, Outcome::rejected);
    EXPECT_THAT(answer.have, IsEmpty());
  }
  EXPECT_THAT(answers[0].detail, HasSubstr("is erased"));
  EXPECT_EQ(answers[2].detail, "it does not open");
  EXPECT_EQ(records("submission").size(), submissions + 1);
  EXPECT_EQ(records("refused").size(), refusals + 5);
  EXPECT_THAT(records("refused").back().entry.what, HasSubstr("is erased"));
  EXPECT_EQ(rows_of(kAnna), 0U) << "no event either";
  ASSERT_TRUE(ledger_->finish_erasure(kAnna));
  EXPECT_EQ(put_one(birth_entry(uuid(104))).outcome, Outcome::rejected);
  EXPECT_EQ(rows_of(kAnna), 0U);
}

TEST_P(ErasureTest, AHoldRefusesItUntilTheLastMoment) {
  fill();
  ASSERT_TRUE(ledger_->set_legal_hold({scope_of_athlete(kAnna), "a dispute"}, {}));
  const auto refused = ledger_->ask_erasure(kAnna, due(), {});
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_THAT(refused.error().text, HasSubstr("retention release"));
  ASSERT_TRUE(ledger_->release_legal_hold(scope_of_athlete(kAnna), {}));
  ASSERT_TRUE(ledger_->ask_erasure(kAnna, due(), {}));
  ASSERT_TRUE(ledger_->set_legal_hold({"all", "another"}, {}));
  clock_.set_utc_ms(due());
  EXPECT_EQ(ledger_->begin_erasing(kAnna).error().code, ErrorCode::conflict);
  ASSERT_TRUE(ledger_->release_legal_hold("all", {}));
  EXPECT_TRUE(ledger_->begin_erasing(kAnna));
}

// It may have been taken back in what the restored ledger lacks.
TEST_P(ErasureTest, NoneBeginsForADayAfterARestore) {
  fill();
  ASSERT_TRUE(ledger_->ask_erasure(kAnna, due(), {}));
  clock_.set_utc_ms(due());
  const std::int64_t restored_ms = clock_.utc_ms();
  ASSERT_TRUE(ledger_->note_restore("name=backup"));
  clock_.set_utc_ms(restored_ms + kRestoredRestMs - 1);
  EXPECT_THAT(ledger_->begin_erasing(kAnna).error().text, HasSubstr("restored"));
  EXPECT_FALSE(ledger_->erasures()->at(0).erasing_ms);
  clock_.set_utc_ms(restored_ms + kRestoredRestMs);
  EXPECT_TRUE(ledger_->begin_erasing(kAnna));
}

TEST_P(ErasureTest, AHoldKeepsTheRemovalFromBeginningAndComesTooLateForOneThatHasBegun) {
  fill();
  const LegalHold hold{scope_of_athlete(kAnna), "a dispute"};
  ASSERT_TRUE(ledger_->ask_erasure(kAnna, due(), {}));
  ASSERT_TRUE(ledger_->set_legal_hold(hold, {})) << "there is a way back still";
  clock_.set_utc_ms(due());
  EXPECT_EQ(ledger_->begin_erasing(kAnna).error().code, ErrorCode::conflict);
  ASSERT_TRUE(ledger_->release_legal_hold(hold.scope, {}));
  ASSERT_TRUE(ledger_->begin_erasing(kAnna));
  const auto too_late = ledger_->set_legal_hold(hold, {});
  EXPECT_EQ(too_late.error().code, ErrorCode::conflict);
  EXPECT_THAT(too_late.error().text, HasSubstr("has begun"));
  EXPECT_EQ(ledger_->set_retention_rule({hold.scope, Stream::sample, 3}, {}).error().code, ErrorCode::conflict);
  EXPECT_THAT(*ledger_->legal_holds(), IsEmpty());
  EXPECT_TRUE(ledger_->set_legal_hold({"all", "another"}, {})) << "of everybody else";
  EXPECT_TRUE(*ledger_->erase_some(kAnna, 1));
}

INSTANTIATE_TEST_SUITE_P(Databases, ErasureTest, both_databases(), database_name);

}  // namespace
}  // namespace boathouse::ledger
