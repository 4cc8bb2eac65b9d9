// Edits: identity, ownership, stamps, and what a purge needs of them.
#include <gmock/gmock.h>

#include <random>

#include "core/db/sqlite.hpp"
#include "core/rowing/edit_order.hpp"
#include "server/ledger/edit_values.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/schema.hpp"
#include "server/ledger/test_ledger.hpp"
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

struct StoredEdit {
  Entry entry;
  std::optional<rowing::Stamp> effective;
};

// As a program of before version 12 stored them.
void insert_as_before(sql::Connection& connection, const std::vector<StoredEdit>& edits) {
  const base::Uuid athlete = uuid(1);
  for (std::size_t i = 0; i < edits.size(); ++i) {
    const auto& [entry, effective] = edits[i];
    const rowing::Edit& edit = *entry.edit;
    auto insert = connection.prepare(
        "INSERT INTO edit (server_seq, op_id, session, athlete, replica, op_seq, field, received_ms, effective_ms, "
        "effective_count, sha256, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?10, ?11)");
    ASSERT_TRUE(insert) << insert.error().text;
    insert->bind(1, i + 1).bind(2, edit.op_id.bytes).bind(3, edit.session.bytes).bind(4, athlete.bytes);
    insert->bind(5, edit.replica_id.bytes).bind(6, edit.op_seq).bind(7, rowing::field_key(edit));
    effective ? insert->bind(8, effective->ms).bind(9, effective->count) : insert->bind(8, nullptr).bind(9, nullptr);
    const auto done = insert->bind(10, entry.sha256).bind(11, entry.body).run();
    ASSERT_TRUE(done) << done.error().text;
  }
}

// Numbers; "-" is NULL.
std::vector<std::string> rows_of(sql::Connection& connection, const std::string& sql, int columns) {
  std::vector<std::string> rows;
  auto select = connection.prepare(sql);
  EXPECT_TRUE(select) << select.error().text;
  EXPECT_TRUE(each_row(*select, [&](const sql::Statement& row) {
    std::string& text = rows.emplace_back();
    for (int i = 0; i < columns; ++i) {
      text += (i > 0 ? " " : "") + (row.is_null(i) ? "-" : std::to_string(row.integer(i)));
    }
  }));
  return rows;
}

// What version 9 stored is ordered as what comes after it.
TEST_P(LedgerTest, DeletionsOfVersion9Count) {
  sql::TestDatabase old(GetParam(), folder_.file("old.db"));
  auto connection = sql::Connection::open(old.place());
  ASSERT_TRUE(connection);
  ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(9)}));
  insert_as_before(*connection, {{deletion_entry(kRec, 1, uuid(90), {1'700'000'000'100, 7}, true), {}},
                                 {deletion_entry(kRec, 2, uuid(91), {1'900'000'000'000, 8}, false),
                                  rowing::Stamp{1'700'000'000'050, 2}},
                                 {title_entry(kRec, 3), {}}});
  const auto migrated = sql::migrate(*connection, kSchema);
  ASSERT_TRUE(migrated) << migrated.error().text;
  EXPECT_THAT(rows_of(*connection, "SELECT deletes, placed_ms, placed_count FROM edit ORDER BY server_seq", 3),
              testing::ElementsAre("1 1700000000100 7", "0 1700000000050 2", "- 1700000000000 0"));
}

// What version 13 stored is found as what comes after it.
TEST_P(LedgerTest, EditsAndChunksOfVersion13Count) {
  const auto tag = [](std::uint64_t op_id, std::optional<bool> flag) {
    return edit_entry(kRec, op_id, 1'700'000'000'000, [&](rowing::Edit& edit) {
      edit.field = EditField::tag;
      edit.name = "caf\u00e9";
      edit.stamp.count = 3;
      edit.seen = {1'600'000'000'000, 7};
      edit.flag = flag;
    });
  };
  const Entry link = edit_entry(kRec, 5, 1'700'000'000'000, [](rowing::Edit& edit) {
    edit.field = EditField::link;
    edit.other = uuid(101);
    edit.flag = true;
  });
  sql::TestDatabase old(GetParam(), folder_.file("old.db"));
  auto connection = sql::Connection::open(old.place());
  ASSERT_TRUE(connection);
  ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(13)}));
  const rowing::Stamp effective{1'700'000'000'050, 2};
  insert_as_before(*connection, {{title_entry(kRec, 1, std::string("a\0b\\u0000", 9)), {}},
                                 {title_entry(kRec, 2, "ahead"), effective},
                                 {tag(3, true), {}},
                                 {tag(4, std::nullopt), effective},
                                 {link, {}},
                                 {tag(6, true), effective}});
  auto recording = connection->prepare(
      "INSERT INTO recording (rec_id, athlete, replica, started_ms, received_ms, server_seq, sha256, birth) "
      "VALUES (?1, ?1, ?1, 5, 6, 100, ?2, ?2)");
  const base::Digest hash{};
  ASSERT_TRUE(recording->bind(1, kRec.bytes).bind(2, hash).run());
  const std::vector<std::pair<Stream, wire::Range>> chunks{
      {Stream::sample, {0, 10}}, {Stream::sample, {10, 20}}, {Stream::sample, {30, 40}}, {Stream::stroke, {4, 5}}};
  for (const auto& [stream, range] : chunks) {
    auto insert = connection->prepare(
        "INSERT INTO chunk (rec_id, stream, from_seq, to_seq, version, size, sha256, server_seq) "
        "VALUES (?1, ?2, ?3, ?4, 1, 5, ?5, 101)");
    insert->bind(1, kRec.bytes).bind(2, number(stream)).bind(3, range.from).bind(4, range.to).bind(5, hash);
    ASSERT_TRUE(insert->run());
  }
  const auto migrated = sql::migrate(*connection, kSchema);
  ASSERT_TRUE(migrated) << migrated.error().text;
  EXPECT_THAT(rows_of(*connection,
                      "SELECT field_group, placed_ms, placed_count, adds, tag_ms, tag_count FROM edit "
                      "ORDER BY server_seq",
                      6),
              testing::ElementsAre("0 1700000000000 0 - - -", "0 1700000000050 2 - - -",
                                   "1 1700000000000 3 1 1700000000000 3", "1 1700000000050 2 0 1600000000000 7",
                                   "2 1700000000000 0 - - -", "1 1700000000050 2 1 1700000000050 2"));
  EXPECT_THAT(rows_of(*connection, "SELECT stream, from_seq, gap_before FROM chunk ORDER BY stream, from_seq", 3),
              testing::ElementsAre("1 0 0", "1 10 0", "1 30 1", "2 4 1"));
}

TEST_P(LedgerTest, ADeletionByAnotherAthleteDoesNotCount) {
  put(kBen, {flag_entry(kRec, 1, EditField::deleted, true)});
  put(kAnna, {birth_entry(kRec)});
  EXPECT_EQ(put(kAnna, {flag_entry(kRec, 2, EditField::purged, true)}).at(0).outcome, Outcome::rejected);
}

}  // namespace
}  // namespace boathouse::ledger
