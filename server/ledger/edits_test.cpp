// Edits: identity, ownership, stamps, and what a purge needs of them.
#include <gmock/gmock.h>

#include "core/rowing/edit_order.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ledger/test_ledger.hpp"

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

TEST_P(LedgerTest, ADeletionByAnotherAthleteDoesNotCount) {
  put(kBen, {flag_entry(kRec, 1, EditField::deleted, true)});
  put(kAnna, {birth_entry(kRec)});
  EXPECT_EQ(put(kAnna, {flag_entry(kRec, 2, EditField::purged, true)}).at(0).outcome, Outcome::rejected);
}

}  // namespace
}  // namespace boathouse::ledger
