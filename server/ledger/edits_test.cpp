// Edits: identity, ownership, stamps, and what a purge needs of them.
#include <gmock/gmock.h>

#include <random>

#include "core/db/sqlite.hpp"
#include "core/rowing/edit_order.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/schema.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/ledger/writer.hpp"
#include "server/sql/migrations.hpp"

namespace boathouse::ledger {
namespace {

using rowing::EditField;
using rowing::Stream;
using testing::HasSubstr;
using wire::Outcome;

TEST_P(LedgerTest, AnEditIsStoredOnceWithOneReceipt) {
  put({birth_entry(kRec)});
  const auto first = put_one(title_entry(kRec, 7));
  EXPECT_EQ(first.outcome, Outcome::stored);
  EXPECT_GT(first.server_seq, 0);
  reopen();
  const auto again = put_one(title_entry(kRec, 7));
  EXPECT_EQ(again.outcome, Outcome::duplicate);
  EXPECT_EQ(again.server_seq, first.server_seq);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM edit"), 1);
}

TEST_P(LedgerTest, AnotherEditUnderTheSameIdIsKeptAside) {
  put({birth_entry(kRec), title_entry(kRec, 7, "mine")});
  for (int i = 0; i < 2; ++i) {
    const auto result = put_one(title_entry(kRec, 7, "other"));
    EXPECT_EQ(result.outcome, Outcome::mismatch);
    EXPECT_THAT(result.detail, HasSubstr("other content"));
  }
  EXPECT_EQ((*ledger_->recording(kRec))->quarantined, 1U);
  EXPECT_EQ(feed(kAnna).back().json, base::as_text(title_entry(kRec, 7, "mine").body));
}

TEST_P(LedgerTest, AnEditWaitsForItsBirth) {
  EXPECT_EQ(put_one(title_entry(kRec, 7)).outcome, Outcome::stored);
  EXPECT_FALSE(ledger_->recording(kRec)->has_value());
  put({birth_entry(kRec)});
  const auto changes = feed(kAnna);
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].kind, wire::ChangeKind::edit);
  EXPECT_EQ(changes[1].kind, wire::ChangeKind::birth);
}

TEST_P(LedgerTest, NobodyEditsAnothersSession) {
  put(kAnna, {birth_entry(kRec), title_entry(kRec, 7)});
  // A new edit, the copied one, and another content under its id: none may count among Anna's quarantine.
  for (const Entry& entry : {title_entry(kRec, 8), title_entry(kRec, 7), title_entry(kRec, 7, "other")}) {
    const auto result = put(kBen, {entry}).at(0);
    EXPECT_EQ(result.outcome, Outcome::rejected);
    EXPECT_EQ(result.server_seq, 0);
  }
  EXPECT_EQ(put(kBen, {title_entry(uuid(500), 7, "other")}).at(0).outcome, Outcome::rejected);
  EXPECT_EQ((*ledger_->recording(kRec))->quarantined, 0U);
  EXPECT_TRUE(feed(kBen).empty());
}

TEST_P(LedgerTest, ADuplicateStaysOneWhenAnotherTookTheSession) {
  const auto first = put(kBen, {title_entry(kRec, 7)}).at(0);
  put(kAnna, {birth_entry(kRec)});
  const auto again = put(kBen, {title_entry(kRec, 7)}).at(0);
  EXPECT_EQ(again.outcome, Outcome::duplicate);
  EXPECT_EQ(again.server_seq, first.server_seq);
  EXPECT_EQ(put(kBen, {title_entry(kRec, 8)}).at(0).outcome, Outcome::rejected);
}

TEST_P(LedgerTest, AStampOfTomorrowIsOrderedByTheServersClock) {
  const std::int64_t now = clock_.utc_ms();
  put({birth_entry(kRec), title_entry(kRec, 7, "a", now + rowing::kMaxStampAheadMs),
       title_entry(kRec, 8, "b", now + rowing::kMaxStampAheadMs + 1)});
  const auto changes = feed(kAnna);
  EXPECT_FALSE(changes[1].effective);
  ASSERT_TRUE(changes[2].effective);
  EXPECT_EQ(*changes[2].effective, (rowing::Stamp{now, 8}));
  EXPECT_EQ(changes[2].json, base::as_text(title_entry(kRec, 8, "b", now + rowing::kMaxStampAheadMs + 1).body));
}

TEST_P(LedgerTest, WhatOneMakerStampedAheadKeepsItsOrder) {
  const std::int64_t ahead = clock_.utc_ms() + 86'400'000;
  const auto flag = [&](std::uint64_t op_id, std::uint64_t op_seq, bool deleted) {
    return edit_entry(kRec, op_id, ahead + static_cast<std::int64_t>(op_seq), [&](rowing::Edit& edit) {
      edit.op_seq = op_seq;
      edit.field = EditField::deleted;
      edit.flag = deleted;
    });
  };
  // The id that was made while the clock was ahead sorts behind the later one.
  put({birth_entry(kRec), flag(9, 1, true), flag(5, 2, false)});
  EXPECT_EQ(put_one(flag_entry(kRec, 10, EditField::purged, true)).outcome, Outcome::rejected) << "it was restored";
}

TEST_P(LedgerTest, OnlyADeletedSessionIsPurged) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  EXPECT_THAT(put_one(flag_entry(kRec, 1, EditField::purged, true)).detail, HasSubstr("deleted session"));
  put_one(flag_entry(kRec, 2, EditField::deleted, true, 1'700'000'000'100));
  // The newest says restored, although it came first.
  put_one(flag_entry(kRec, 4, EditField::deleted, false, 1'700'000'000'300));
  put_one(flag_entry(kRec, 3, EditField::deleted, true, 1'700'000'000'200));
  EXPECT_EQ(put_one(flag_entry(kRec, 5, EditField::purged, true)).outcome, Outcome::rejected);
  EXPECT_TRUE(ledger_->recording(kRec)->has_value());
  // A deletion of tomorrow counts as of now.
  const std::int64_t tomorrow = clock_.utc_ms() + 86'400'000;
  put_one(flag_entry(kRec, 6, EditField::deleted, false, tomorrow));
  clock_.advance_ms(1000);
  put_one(flag_entry(kRec, 7, EditField::deleted, true, clock_.utc_ms()));
  EXPECT_EQ(put_one(flag_entry(kRec, 5, EditField::purged, true)).outcome, Outcome::stored);
  EXPECT_FALSE(ledger_->recording(kRec)->has_value());
}

TEST_P(LedgerTest, ARestoreAfterThirtyDaysIsKeptAndKeepsNobodyFromPurging) {
  const std::int64_t now = clock_.utc_ms();
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  put_one(flag_entry(kRec, 1, EditField::deleted, true, now - rowing::kRestoreWindowMs - 1));
  EXPECT_EQ(put_one(flag_entry(kRec, 2, EditField::deleted, false, now)).outcome, Outcome::stored);
  EXPECT_EQ(put_one(flag_entry(kRec, 3, EditField::purged, true)).outcome, Outcome::stored);
}

Entry deletion_entry(const base::Uuid& session, std::uint64_t op_id, const base::Uuid& replica,
                     const rowing::Stamp& stamp, bool flag) {
  return edit_entry(session, op_id, stamp.ms, [&](rowing::Edit& edit) {
    edit.replica_id = replica;
    edit.stamp = stamp;
    edit.field = EditField::deleted;
    edit.flag = flag;
  });
}

// Some of them equal, some more than 30 days apart, from several stores, in any order.
TEST_P(LedgerTest, WhetherASessionIsDeletedIsWhatAllItsEditsComeTo) {
  std::minstd_rand random(11);
  const auto one_of = [&random](std::uint64_t count) { return random() % count; };
  int deleted = 0;
  constexpr int kSessions = 60;
  for (int i = 0; i < kSessions; ++i) {
    const base::Uuid session = uuid(1000 + static_cast<std::uint64_t>(i));
    std::vector<rowing::PlacedEdit> edits;
    std::vector<Entry> entries{birth_entry(session)};
    for (std::uint64_t n = one_of(8) + 1; n > 0; --n) {
      const rowing::Stamp stamp{1'600'000'000'000 + static_cast<std::int64_t>(one_of(5)) * rowing::kRestoreWindowMs / 2,
                                static_cast<std::uint32_t>(one_of(2))};
      const std::uint64_t op_id = 10'000 + 100 * one_of(1000) + static_cast<std::uint64_t>(i);
      entries.push_back(deletion_entry(session, op_id, uuid(90 + one_of(2)), stamp, one_of(2) == 0));
      edits.push_back({*entries.back().edit, stamp});
      if (std::ranges::count(edits, op_id, [](const rowing::PlacedEdit& one) { return one.edit.op_seq; }) > 1) {
        entries.pop_back();
        edits.pop_back();
      }
    }
    put(std::move(entries));
    const bool expected = rowing::resolve(edits).winner->edit.flag == true;
    deleted += expected ? 1 : 0;
    const auto purge = put_one(flag_entry(session, 900'000 + static_cast<std::uint64_t>(i), EditField::purged, true));
    EXPECT_EQ(purge.outcome, expected ? Outcome::stored : Outcome::rejected) << "session " << i;
  }
  EXPECT_GT(deleted, kSessions / 4);
  EXPECT_LT(deleted, kSessions * 3 / 4);
}

// One athlete's edits of one session may be many, and everybody waits while the next is stored.
TEST_P(LedgerTest, NoStoredEditIsOpenedForANewOne) {
  put({birth_entry(kRec), flag_entry(kRec, 1, EditField::deleted, true, 1'700'000'000'100)});
  {
    auto connection = sql::Connection::open(place_);
    auto spoil = connection->prepare("UPDATE edit SET json = ?1");
    ASSERT_TRUE(spoil->bind(1, base::as_bytes("no JSON")).run());
  }
  EXPECT_EQ(put_one(flag_entry(kRec, 2, EditField::deleted, false, 1'700'000'000'000)).outcome, Outcome::stored);
  EXPECT_EQ(put_one(flag_entry(kRec, 3, EditField::purged, true)).outcome, Outcome::stored);
}

TEST_F(SqliteLedgerTest, WhetherASessionIsDeletedIsFoundInAnIndexAlone) {
  auto connection = db::Connection::open(path());
  for (const std::string_view query : {kLastDeletionQuery, kRestoredQuery}) {
    auto plan = connection->prepare("EXPLAIN QUERY PLAN " + std::string(query));
    ASSERT_TRUE(plan) << plan.error().text;
    ASSERT_TRUE(*plan->step());
    EXPECT_THAT(std::string(plan->text(3)),
                HasSubstr("SEARCH edit USING COVERING INDEX edit_deletion (session=? AND "));
    EXPECT_FALSE(*plan->step()) << "nothing is sorted";
  }
}

// What version 9 stored is ordered as what comes after it.
TEST_P(LedgerTest, DeletionsOfVersion9Count) {
  sql::TestDatabase old(GetParam(), folder_.file("old.db"));
  auto connection = sql::Connection::open(old.place());
  ASSERT_TRUE(connection);
  ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(9)}));
  const std::vector<Entry> entries{deletion_entry(kRec, 1, uuid(90), {1'700'000'000'100, 7}, true),
                                   deletion_entry(kRec, 2, uuid(91), {1'900'000'000'000, 8}, false),
                                   title_entry(kRec, 3)};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const rowing::Edit& edit = *entries[i].edit;
    auto insert = connection->prepare(
        "INSERT INTO edit (server_seq, op_id, session, athlete, replica, op_seq, field, received_ms, effective_ms, "
        "effective_count, sha256, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?10, ?11)");
    insert->bind(1, i + 1).bind(2, base::ByteView(edit.op_id.bytes)).bind(3, base::ByteView(kRec.bytes));
    insert->bind(4, base::ByteView(kAnna.bytes)).bind(5, base::ByteView(edit.replica_id.bytes)).bind(6, edit.op_seq);
    insert->bind(7, rowing::field_key(edit)).bind(10, entries[i].sha256).bind(11, entries[i].body);
    i == 1 ? insert->bind(8, 1'700'000'000'050).bind(9, 2) : insert->bind(8, nullptr).bind(9, nullptr);
    const auto done = insert->run();
    ASSERT_TRUE(done) << done.error().text;
  }
  const auto migrated = sql::migrate(*connection, kSchema);
  ASSERT_TRUE(migrated) << migrated.error().text;
  std::vector<std::string> rows;
  auto select = connection->prepare("SELECT deletes, placed_ms, placed_count FROM edit ORDER BY server_seq");
  ASSERT_TRUE(each_row(*select, [&rows](const sql::Statement& row) {
    rows.push_back(row.is_null(0) ? "-"
                                  : std::to_string(row.integer(0)) + " " + std::to_string(row.integer(1)) + " " +
                                        std::to_string(row.integer(2)));
  }));
  EXPECT_THAT(rows, testing::ElementsAre("1 1700000000100 7", "0 1700000000050 2", "-"));
}

TEST_P(LedgerTest, ADeletionByAnotherAthleteDoesNotCount) {
  put(kBen, {flag_entry(kRec, 1, EditField::deleted, true)});
  put(kAnna, {birth_entry(kRec)});
  EXPECT_EQ(put(kAnna, {flag_entry(kRec, 2, EditField::purged, true)}).at(0).outcome, Outcome::rejected);
}

}  // namespace
}  // namespace boathouse::ledger
