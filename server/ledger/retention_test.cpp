// Rules, holds, and what an applied plan removes: only what a verified backup has, never what a hold keeps.
#include <gmock/gmock.h>

#include "server/ledger/backup_mark.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ledger/results.hpp"
#include "server/ledger/schema.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/sql/migrations.hpp"

namespace boathouse::ledger {
namespace {

using rowing::Stream;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::Outcome;
using wire::Range;

constexpr std::int64_t kFarFuture = std::int64_t{1} << 50;

class RetentionTest : public LedgerTest {
 protected:
  void fill() {
    put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 20, 30),
         chunk_entry(kRec, Stream::stroke, 0, 10), chunk_entry(kRec, Stream::source, 0, 2), seal_entry(kRec, 1, 30)});
    load_all();
  }
  void load_all() {
    while (const auto block = *ledger_->next_block(kMany, kMany)) {
      ASSERT_TRUE(ledger_->finish_block(block->block_id));
    }
    const auto dirty = *ledger_->dirty_sessions(kMany);
    ASSERT_TRUE(ledger_->sessions_written(dirty));
  }
  void back_up() {
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(
        note_backup(*connection, ledger_->epoch(), {"backup", ledger_->hello({kAnna, uuid(1)})->server_seq, 1}));
  }
  Retirement samples(std::uint64_t to = 30) { return {kRec, Stream::sample, to, "plan1", kFarFuture}; }
  RetiredCounts retire(const std::vector<Retirement>& retirements, const std::string& figures = "figures",
                       std::size_t limit = kMany) {
    EXPECT_TRUE(ledger_->apply_plan(retirements, "plan=plan1", uuid(77)));
    const auto state = ledger_->recording(kRec);
    const std::vector<FiguresToKeep> keep{{kRec, (*state)->server_seq, base::Bytes(figures.begin(), figures.end())}};
    const auto counts = ledger_->retire(retirements, keep, limit, backed_up_);
    EXPECT_TRUE(counts) << counts.error().text;
    return *counts;
  }

  std::int64_t backed_up_ = kFarFuture;  // as somebody has seen in the folder of the backups
};

TEST_P(RetentionTest, RulesAndHoldsAreKeptAndWrittenDown) {
  EXPECT_THAT(*ledger_->retention_rules(), IsEmpty());
  ASSERT_TRUE(ledger_->set_retention_rule({"all", Stream::sample, 3}, uuid(77)));
  ASSERT_TRUE(ledger_->set_retention_rule({"all", Stream::sample, 5}, uuid(77)));
  ASSERT_TRUE(ledger_->set_retention_rule({scope_of_athlete(kAnna), Stream::force_curve, std::nullopt}, {}));
  ASSERT_TRUE(ledger_->set_legal_hold({"all", "a dispute about doping"}, uuid(77)));
  reopen();
  const auto rules = *ledger_->retention_rules();
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].years, 5);
  EXPECT_EQ(rules[0].set_ms, clock_.utc_ms());
  EXPECT_EQ(rules[1].scope, "athlete:" + kAnna.text());
  EXPECT_FALSE(rules[1].years);
  EXPECT_EQ(ledger_->legal_holds()->at(0).reason, "a dispute about doping");
  ASSERT_TRUE(ledger_->release_legal_hold("all", {}));
  EXPECT_EQ(ledger_->release_legal_hold("all", {}).error().code, base::ErrorCode::not_found);
  EXPECT_THAT(*ledger_->legal_holds(), IsEmpty());

  const auto written = *ledger_->audit(0, 100, {});
  ASSERT_EQ(written.size(), 5U);
  EXPECT_EQ(written[1].entry.what, "scope=all stream=sample years=5");
  EXPECT_EQ(written[1].entry.key, uuid(77));
  EXPECT_EQ(written[3].entry.what, "scope=all") << "the reason may name somebody";
}

TEST_P(RetentionTest, AgeCountsFromTheLaterOfStartAndReceipt) {
  fill();
  const auto all = *ledger_->aged_streams(kFarFuture, {}, 100);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].stream, Stream::sample);
  EXPECT_EQ(all[0].chunks, 2U);
  EXPECT_EQ(all[0].records, 20U);
  EXPECT_EQ(all[0].to, 30U);
  EXPECT_EQ(all[0].age_from_ms, clock_.utc_ms()) << "it began 100 s before it was received";
  EXPECT_FALSE(all[0].on_its_way);
  EXPECT_THAT(*ledger_->aged_streams(clock_.utc_ms(), {}, 100), IsEmpty()) << "received now";
  EXPECT_EQ(ledger_->aged_streams(clock_.utc_ms() + 1, {}, 100)->size(), 3U);

  // A seal that came later.
  clock_.set_utc_ms(clock_.utc_ms() + 5000);
  put({seal_entry(kRec, 2, 30)});
  EXPECT_EQ(ledger_->aged_streams(kFarFuture, {}, 100)->at(0).age_from_ms, clock_.utc_ms());
  EXPECT_TRUE(ledger_->aged_streams(kFarFuture, {}, 100)->at(0).on_its_way) << "its session's row waits";

  // A chunk that came later still: its stream alone is as young.
  clock_.set_utc_ms(clock_.utc_ms() + 5000);
  put({chunk_entry(kRec, Stream::sample, 10, 20)});
  EXPECT_EQ(ledger_->aged_streams(kFarFuture, {}, 100)->at(0).age_from_ms, clock_.utc_ms());
  EXPECT_EQ(ledger_->aged_streams(kFarFuture, {}, 100)->at(1).age_from_ms, clock_.utc_ms() - 5000) << "strokes";

  // Page by page, whole recordings.
  for (std::uint64_t n = 201; n <= 205; ++n) {
    put({birth_entry(uuid(n)), chunk_entry(uuid(n), Stream::sample, 0, 5), chunk_entry(uuid(n), Stream::split, 0, 5)});
  }
  std::size_t streams = 0;
  std::optional<base::Uuid> after;
  while (true) {
    const auto page = *ledger_->aged_streams(kFarFuture, after, 8);
    if (page.empty()) {
      break;
    }
    streams += page.size();
    after = page.back().rec_id;
  }
  EXPECT_EQ(streams, 13U);
}

TEST_P(RetentionTest, WhatIsRemovedIsWrittenDownFirstAndLeavesTheRest) {
  fill();
  back_up();
  const RetiredCounts counts = retire({samples()});
  EXPECT_EQ(counts.removed, 1U);
  EXPECT_EQ(counts.chunks, 2U);
  EXPECT_THAT(*ledger_->retirements(10), IsEmpty());
  EXPECT_EQ((*ledger_->recording(kRec))->removed, (std::map<Stream, std::uint64_t>{{Stream::sample, 20}}));
  EXPECT_EQ(number_in_file("SELECT count(*) FROM chunk_body"), 2);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone WHERE why = 'plan1'"), 2);
  EXPECT_TRUE(ledger_->chunk(kAnna, kRec, Stream::sample, {0, 10})->by_retention);
  const auto rows = *ledger_->rows_to_erase(10);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].rec_id, kRec);
  EXPECT_EQ(rows[0].stream, Stream::sample);
  EXPECT_EQ(rows[0].range, (Range{0, 10}));
  EXPECT_EQ(rows[0].started_ms, 1'700'000'000'000);
  const auto written = *ledger_->audit(0, 100, {{}, "retention"});
  ASSERT_EQ(written.size(), 2U);
  EXPECT_EQ(written[0].entry.key, uuid(77));
  EXPECT_THAT(written[0].entry.what, HasSubstr("stream=sample range=0-10 chunks=1 plan=plan1"));

  // The figures stay, and the session is where it was.
  const auto session = ledger_->sessions_around(kRec)->sessions.at(0);
  EXPECT_EQ(base::as_text(session.kept_figures), "figures");
  EXPECT_EQ(session.primaries.at(Stream::sample), kRec);
  ASSERT_TRUE(ledger_->rows_erased(std::vector{rows[0].server_seq, rows[1].server_seq}));
  EXPECT_THAT(*ledger_->rows_to_erase(10), IsEmpty());

  // What a device has still to send is taken: the hole was never removed.
  const Results late = put({chunk_entry(kRec, Stream::sample, 10, 20), chunk_entry(kRec, Stream::sample, 20, 30)});
  EXPECT_EQ(late[0].outcome, Outcome::stored);
  EXPECT_EQ(late[1].outcome, Outcome::rejected);
}

TEST_P(RetentionTest, SeveralStreamsOfARecordingGoAtOnceAndTheFirstFiguresStay) {
  fill();
  back_up();
  EXPECT_EQ(retire({samples(), {kRec, Stream::source, 2, "plan1", kFarFuture}}).removed, 2U);
  EXPECT_EQ(ledger_->rows_to_erase(10)->size(), 2U) << "an imported file has no rows";
  load_all();
  EXPECT_EQ(retire({{kRec, Stream::stroke, 10, "plan2", kFarFuture}}, "of what was thinned").removed, 1U);
  EXPECT_EQ(base::as_text(ledger_->sessions_around(kRec)->sessions.at(0).kept_figures), "figures");
}

TEST_P(RetentionTest, NothingThatNoBackupHasIsRemoved) {
  fill();
  EXPECT_EQ(retire({samples()}).not_backed_up, 1U);
  back_up();
  put({chunk_entry(kRec, Stream::sample, 40, 50)});
  load_all();
  EXPECT_EQ(retire({samples(50)}).not_backed_up, 1U) << "of a chunk that came after the backup";
  backed_up_ = 0;
  EXPECT_EQ(retire({samples(30)}).not_backed_up, 1U) << "its disk is gone";
  backed_up_ = kFarFuture;
  EXPECT_EQ(retire({samples(30)}).removed, 1U);
  EXPECT_THAT((*ledger_->recording(kRec))->streams.at(0).have, ElementsAre(Range{40, 50}));
  ledger_.reset();
  const auto opened = Ledger::open({.place = place_, .purge_without_backup = true}, clock_, random_);
  EXPECT_LT(*(*opened)->backed_up_seq(), *(*opened)->purge_safe_seq()) << "what devices may do is not what we may";
}

TEST_P(RetentionTest, WhatTheBackupLacksIsNotRemoved) {
  fill();
  auto connection = sql::Connection::open(place_);
  const std::int64_t reach = ledger_->hello({kAnna, uuid(1)})->server_seq;
  const std::vector<std::int64_t> lacking{number_in_file("SELECT min(server_seq) FROM chunk WHERE stream = 1")};
  ASSERT_TRUE(note_backup(*connection, ledger_->epoch(), {"backup", reach, 1}, lacking));
  EXPECT_EQ(*ledger_->first_lacking_seq(kAnna), lacking[0]);
  EXPECT_EQ(retire({samples()}).not_backed_up, 1U);
  ASSERT_TRUE(note_backup(*connection, ledger_->epoch(), {"next", reach, 2}));
  EXPECT_EQ(retire({samples()}).removed, 1U);
}

TEST_P(RetentionTest, AChunkThatComesAfterThePlanStays) {
  fill();
  Retirement planned = samples();
  planned.newest_seq = ledger_->aged_streams(kFarFuture, {}, 100)->at(0).newest_seq;
  put({chunk_entry(kRec, Stream::sample, 10, 20)});
  load_all();
  back_up();
  EXPECT_EQ(retire({planned}).chunks, 2U);
  EXPECT_THAT((*ledger_->recording(kRec))->streams.at(0).have, ElementsAre(Range{10, 20}));
  EXPECT_THAT(*ledger_->retirements(10), IsEmpty());
}

TEST_P(RetentionTest, AHoldKeepsEverything) {
  fill();
  back_up();
  ASSERT_TRUE(ledger_->set_legal_hold({scope_of_athlete(kAnna), "a dispute"}, {}));
  EXPECT_EQ(retire({samples()}).held, 1U);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone"), 0);
  EXPECT_THAT(*ledger_->retirements(10), IsEmpty()) << "it is not removed later either, without a new plan";
  put({flag_entry(kRec, 2, rowing::EditField::deleted, true)});
  const auto purge = put_one(flag_entry(kRec, 3, rowing::EditField::purged, true));
  EXPECT_EQ(purge.outcome, Outcome::rejected);
  EXPECT_THAT(purge.detail, HasSubstr("legal hold"));
  ASSERT_TRUE(ledger_->release_legal_hold(scope_of_athlete(kAnna), {}));
  EXPECT_EQ(put_one(flag_entry(kRec, 4, rowing::EditField::purged, true)).outcome, Outcome::stored);
}

// The hold that a device was refused by can be one of those that the restored ledger does not know; and in the new
// epoch a device sends again what it was refused, of its own accord.
TEST_P(RetentionTest, NothingIsPurgedForADayAfterARestore) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  ASSERT_TRUE(ledger_->note_restore("name=backup"));
  EXPECT_EQ(ledger_->audit(0, 10, {{}, "restore"})->size(), 1U);
  EXPECT_EQ(put_one(flag_entry(kRec, 2, rowing::EditField::deleted, true)).outcome, Outcome::stored);
  const std::int64_t restored_ms = clock_.utc_ms();
  clock_.set_utc_ms(restored_ms + kRestoredRestMs - 1);
  const auto purge = put_one(flag_entry(kRec, 3, rowing::EditField::purged, true));
  EXPECT_EQ(purge.outcome, Outcome::later);
  EXPECT_GT(purge.retry_after_s, 0);
  EXPECT_THAT(purge.detail, HasSubstr("restored"));
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone"), 0);

  ASSERT_TRUE(ledger_->set_legal_hold({scope_of_athlete(kAnna), "a dispute"}, {}));
  clock_.set_utc_ms(restored_ms + kRestoredRestMs);
  EXPECT_EQ(put_one(flag_entry(kRec, 3, rowing::EditField::purged, true)).outcome, Outcome::rejected);
  ASSERT_TRUE(ledger_->release_legal_hold(scope_of_athlete(kAnna), {}));
  EXPECT_EQ(put_one(flag_entry(kRec, 3, rowing::EditField::purged, true)).outcome, Outcome::stored);
}

TEST_P(RetentionTest, WhatChangesIsLeftForLater) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  back_up();
  EXPECT_EQ(retire({samples()}).later, 1U) << "not loaded";
  load_all();
  const auto mark = (*ledger_->recording(kRec))->server_seq;
  put({title_entry(kRec, 5)});
  load_all();
  const std::vector<Retirement> retirements{samples()};
  const std::vector<FiguresToKeep> old{{kRec, mark, {}}};
  EXPECT_EQ(ledger_->retire(retirements, old, kMany, kFarFuture)->later, 1U) << "the figures are of before";
  EXPECT_EQ(ledger_->retire(retirements, {}, kMany, kFarFuture)->later, 1U) << "there are no figures";
  EXPECT_EQ(ledger_->retirements(10)->size(), 1U);
  EXPECT_EQ(retire({samples()}).removed, 1U);
}

// A session's figures are made of the records of several recordings.
TEST_P(RetentionTest, WhatTheFiguresAreMadeOfIsLookedAtToo) {
  fill();
  put({birth_entry(uuid(101)), chunk_entry(uuid(101), Stream::sample, 0, 10)});
  load_all();
  back_up();
  const std::vector<Retirement> retirements{samples()};
  ASSERT_TRUE(ledger_->apply_plan(retirements, "plan=plan1", {}));
  const auto mark_of = [this](const base::Uuid& rec_id) { return (*ledger_->recording(rec_id))->server_seq; };
  const auto retire_with = [&](const base::Uuid& other, std::int64_t mark) {
    const std::vector<FiguresToKeep> keep{{kRec, mark_of(kRec), {}, {{other, mark}}}};
    return *ledger_->retire(retirements, keep, kMany, kFarFuture);
  };
  const std::int64_t before = mark_of(uuid(101));
  put({chunk_entry(uuid(101), Stream::sample, 10, 20)});
  EXPECT_EQ(retire_with(uuid(101), mark_of(uuid(101))).later, 1U) << "not loaded";
  load_all();
  EXPECT_EQ(retire_with(uuid(101), before).later, 1U) << "the figures are of before";
  EXPECT_EQ(retire_with(uuid(102), before).later, 1U) << "it was purged";
  EXPECT_EQ(retire_with(uuid(101), mark_of(uuid(101))).removed, 1U);
}

// However many chunks somebody has made of a recording: acknowledgements wait for this transaction.
TEST_P(RetentionTest, AsManyChunksAsAreAskedForGoInOneTransaction) {
  fill();
  put({chunk_entry(kRec, Stream::sample, 30, 40), chunk_entry(kRec, Stream::sample, 40, 50)});
  load_all();
  back_up();
  const std::vector<Retirement> both{samples(50), {kRec, Stream::stroke, 10, "plan1", kFarFuture}};
  const RetiredCounts first = retire(both, "figures", 3);
  EXPECT_EQ(first.chunks, 3U);
  EXPECT_EQ(first.partly, 1U);
  EXPECT_EQ(first.removed, 0U);
  EXPECT_EQ(first.later, 0U) << "the strokes have not had their turn";
  EXPECT_EQ(ledger_->retirements(10)->size(), 2U);
  EXPECT_THAT((*ledger_->recording(kRec))->streams.at(0).have, ElementsAre(Range{40, 50}));
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone"), 2) << "0 to 10, and 20 to 40";
  EXPECT_EQ(retire(both, "of what was thinned", 3).later, 2U) << "its session's row is to be written";

  load_all();
  const RetiredCounts second = retire(both, "of what was thinned", 3);
  EXPECT_EQ(second.chunks, 2U);
  EXPECT_EQ(second.removed, 2U);
  EXPECT_THAT(*ledger_->retirements(10), IsEmpty());
  EXPECT_EQ((*ledger_->recording(kRec))->removed,
            (std::map<Stream, std::uint64_t>{{Stream::sample, 40}, {Stream::stroke, 10}}));
  EXPECT_EQ(base::as_text(ledger_->sessions_around(kRec)->sessions.at(0).kept_figures), "figures");
}

// Nor is a backlog of the loader searched for what may be of the recording.
TEST_P(RetentionTest, NothingIsRemovedWhileVeryMuchWaitsForClickHouse) {
  fill();
  back_up();
  auto connection = sql::Connection::open(place_);
  ASSERT_TRUE(connection->execute("UPDATE state SET unloaded = 10001"));
  EXPECT_EQ(retire({samples()}).later, 1U);
  ASSERT_TRUE(connection->execute("UPDATE state SET unloaded = 0"));
  EXPECT_EQ(retire({samples()}).removed, 1U);
}

TEST_P(RetentionTest, APurgeTakesAllOfItAlong) {
  fill();
  back_up();
  retire({samples()});
  load_all();
  ASSERT_TRUE(ledger_->apply_plan(std::vector<Retirement>{{kRec, Stream::stroke, 10, "plan2", kFarFuture}}, "", {}));
  ASSERT_TRUE(ledger_->remove({kRec, std::nullopt, {}}));
  for (const char* table : {"kept_figures", "retiring"}) {
    EXPECT_EQ(number_in_file("SELECT count(*) FROM " + std::string(table)), 0) << table;
  }
  const auto rows = *ledger_->rows_to_erase(10);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_FALSE(rows[0].stream);
  EXPECT_FALSE(ledger_->chunk(kAnna, kRec, Stream::sample, {0, 10})->by_retention);
}

// Of chunks of before nobody knows when they came; a plan that was under way goes on.
TEST_P(RetentionTest, ALedgerOfVersion9GoesOn) {
  sql::TestDatabase old(GetParam(), folder_.file("old.db"));
  auto connection = sql::Connection::open(old.place());
  ASSERT_TRUE(connection);
  ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(9)}));
  const auto insert = [&](std::string_view sql, auto... values) {
    auto statement = connection->prepare(sql);
    ASSERT_TRUE(statement) << statement.error().text;
    int parameter = 0;
    (statement->bind(++parameter, values), ...);
    const auto done = statement->run();
    ASSERT_TRUE(done) << done.error().text;
  };
  const base::ByteView rec(kRec.bytes);
  const base::Digest hash{};
  insert(
      "INSERT INTO state (id, epoch, last_seq, recordings, chunks, unloaded, quarantined, checks, audit_n) "
      "VALUES (1, 'fedcba9876543210', 2, 1, 1, 0, 0, 0, 0)");
  insert(
      "INSERT INTO recording (rec_id, athlete, replica, started_ms, received_ms, server_seq, sha256, birth) "
      "VALUES (?1, ?2, ?2, 5, 6, 1, ?3, ?3)",
      rec, base::ByteView(kAnna.bytes), base::ByteView(hash));
  insert("INSERT INTO session_mark (rec_id, seq) VALUES (?1, 1)", rec);
  insert(
      "INSERT INTO chunk (rec_id, stream, from_seq, to_seq, version, size, sha256, server_seq) "
      "VALUES (?1, ?2, 0, 10, 1, 5, ?3, 2)",
      rec, static_cast<int>(Stream::sample), base::ByteView(hash));
  insert("INSERT INTO retiring (rec_id, stream, to_seq, plan) VALUES (?1, ?2, 10, 'plan1')", rec,
         static_cast<int>(Stream::sample));
  auto opened = Ledger::open({.place = old.place()}, clock_, random_);
  ASSERT_TRUE(opened) << opened.error().text;
  ledger_ = std::move(*opened);
  EXPECT_EQ(ledger_->aged_streams(kFarFuture, {}, 100)->at(0).age_from_ms, 6);
  ASSERT_TRUE(note_backup(*connection, "fedcba9876543210", {"backup", 2, 1}));
  const auto under_way = *ledger_->retirements(10);
  ASSERT_EQ(under_way.size(), 1U);
  const std::vector<FiguresToKeep> keep{{kRec, 2, {}}};
  EXPECT_EQ(ledger_->retire(under_way, keep, kMany, kFarFuture)->removed, 1U);
  ledger_.reset();
}

INSTANTIATE_TEST_SUITE_P(Databases, RetentionTest, both_databases(), database_name);

// What a program of before has removed has rows in ClickHouse still.
TEST_F(SqliteLedgerTest, RemovalsOfVersion6AreCarriedOutInClickHouse) {
  ledger_.reset();
  const std::string old = folder_.file("old.db");
  {
    auto connection = sql::Connection::open({.sqlite_file = old});
    ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(6)}));
    const std::string rec = "x'" + std::string(30, '0') + "64'";
    const std::string anna = "x'" + std::string(30, '0') + "01'";
    ASSERT_TRUE(
        connection->execute("INSERT INTO state VALUES (1, 'old', 9, 1, 0, 0, 0, 0, 0, NULL);"
                            "INSERT INTO recording VALUES (" +
                            rec + ", " + anna +
                            ", x'00', 5, 6, 1, zeroblob(32), x'00');"
                            "INSERT INTO session_mark VALUES (" +
                            rec +
                            ", 1, NULL);"
                            "INSERT INTO gone VALUES (7, " +
                            anna + ", " + rec +
                            ", NULL, 1, 0, 256, 6);"
                            "INSERT INTO gone VALUES (8, " +
                            anna +
                            ", zeroblob(16), 4, NULL, 0, 0, 6);"
                            "INSERT INTO gone VALUES (9, " +
                            anna + ", randomblob(16), NULL, NULL, 0, 0, 6)"));
  }
  auto opened = Ledger::open({.place = {.sqlite_file = old}}, clock_, random_);
  ASSERT_TRUE(opened) << opened.error().text;
  const auto rows = *(*opened)->rows_to_erase(10);
  ASSERT_EQ(rows.size(), 2U) << "of one that never came there are no rows";
  EXPECT_EQ(rows[0].rec_id, uuid(100));
  EXPECT_EQ(rows[0].started_ms, 5);
  EXPECT_EQ(rows[0].range, (Range{0, 256}));
  EXPECT_FALSE(rows[1].stream);
  EXPECT_EQ(rows[1].range, (Range{0, wire::kMaxSequence}));
}

}  // namespace
}  // namespace boathouse::ledger
