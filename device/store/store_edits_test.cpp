// Edits of two devices that meet through a feed.
#include <gtest/gtest.h>

#include "core/rowing/edit_order.hpp"
#include "core/wire/edit.hpp"
#include "device/store/test_feed.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::store {
namespace {

using rowing::Edit;
using rowing::EditField;

class StoreEditsTest : public testing::Test {
 protected:
  StoreEditsTest() {
    const rowing::Birth birth = make_birth(phone.ids);
    session = birth.rec_id;
    for (TestStore* store : {&phone, &tablet}) {
      EXPECT_TRUE(ok((*store)->begin(birth, "")));
      feed.hello(*store);
    }
  }

  Edit write(TestStore& store, EditField field, std::optional<std::string> text, std::int64_t now_ms) {
    Edit edit;
    edit.op_id.bytes[0] = ++made;
    edit.session = session;
    edit.field = field;
    edit.text = std::move(text);
    auto stored = store->edit(edit, now_ms);
    EXPECT_TRUE(ok(stored));
    return *stored;
  }
  Edit tag(TestStore& store, const std::string& name, bool there, std::int64_t now_ms) {
    Edit edit;
    edit.op_id.bytes[0] = ++made;
    edit.session = session;
    edit.field = EditField::tag;
    edit.name = name;
    edit.flag = there;
    auto stored = store->edit(edit, now_ms);
    EXPECT_TRUE(ok(stored));
    return *stored;
  }

  Edit erase_or_restore(TestStore& store, bool deleted, std::int64_t now_ms) {
    Edit edit;
    edit.op_id.bytes[0] = ++made;
    edit.session = session;
    edit.field = EditField::deleted;
    edit.flag = deleted;
    auto stored = store->edit(edit, now_ms);
    EXPECT_TRUE(ok(stored));
    return stored ? *stored : edit;
  }

  void meet() { feed.meet({&phone, &tablet}); }

  TestStore phone{1};
  TestStore tablet{2};
  TestFeed feed;
  base::Uuid session;
  std::uint8_t made = 0;
};

TEST_F(StoreEditsTest, AnEditWaitsInTheOutboxAndSurvivesAReopen) {
  write(phone, EditField::title, "Steady state", 1000);
  phone.reopen();
  EXPECT_EQ(phone->fields(session)->title, "Steady state");
  const auto items = phone->pending({});
  ASSERT_EQ(items->size(), 2u);
  EXPECT_EQ((*items)[1].kind, wire::ItemKind::edit);
  EXPECT_EQ((*items)[1].op_id.bytes[0], 1);
  const auto sent = wire::decode_edit(base::as_text((*items)[1].body));
  ASSERT_TRUE(ok(sent));
  EXPECT_EQ(sent->op_seq, 1u);
  EXPECT_EQ(sent->stamp, (rowing::Stamp{1000, 0}));
}

TEST_F(StoreEditsTest, TheClockNeverGoesBackAndLearnsFromOthers) {
  write(tablet, EditField::title, "a", 9000);
  meet();
  const Edit here = write(phone, EditField::notes, "b", 5);
  EXPECT_EQ(here.stamp, (rowing::Stamp{9000, 1}));
  EXPECT_EQ(here.seen, rowing::Stamp{}) << "of that field";
  EXPECT_EQ(write(phone, EditField::title, "c", 5).seen, (rowing::Stamp{9000, 0}));
}

TEST_F(StoreEditsTest, BothDevicesComeToTheSameAndTheLoserIsKept) {
  write(phone, EditField::title, "from the phone", 1000);
  write(tablet, EditField::title, "from the tablet", 2000);
  meet();
  for (TestStore* store : {&phone, &tablet}) {
    EXPECT_EQ((*store)->fields(session)->title, "from the tablet");
    EXPECT_EQ((*store)->fields(session)->other_title, "from the phone");
  }
  write(phone, EditField::title, "from both", 3000);
  meet();
  for (TestStore* store : {&phone, &tablet}) {
    EXPECT_EQ((*store)->fields(session)->title, "from both");
    EXPECT_FALSE((*store)->fields(session)->other_title);
  }
}

TEST_F(StoreEditsTest, TagsAreASetAndAnAddThatNobodySawStays) {
  tag(phone, "race", true, 1000);
  meet();
  tag(tablet, "race", false, 2000);
  tag(phone, "race", true, 1500);
  tag(phone, "wind", true, 1501);
  meet();
  for (TestStore* store : {&phone, &tablet}) {
    EXPECT_EQ((*store)->fields(session)->tags, (std::vector<std::string>{"race", "wind"}));
  }
}

TEST_F(StoreEditsTest, AClockTenYearsAheadIsPutInItsPlaceEverywhere) {
  const std::int64_t ahead = 2'015'000'000'000;
  write(phone, EditField::title, "from the future", ahead);
  feed.clock_ms = 5000;
  feed.upload(phone);
  feed.download(phone);
  feed.download(tablet);
  write(tablet, EditField::title, "now", 6000);
  meet();
  for (TestStore* store : {&phone, &tablet}) EXPECT_EQ((*store)->fields(session)->title, "now");
}

TEST_F(StoreEditsTest, AnEmptyTextIsNone) {
  EXPECT_FALSE(write(phone, EditField::title, "", 1000).text) << "it is stored as what it means";
  EXPECT_FALSE(phone->fields(session)->title);
  write(tablet, EditField::title, "a title", 900);
  meet();
  EXPECT_FALSE(tablet->fields(session)->title);
  EXPECT_EQ(tablet->fields(session)->other_title, "a title");
  write(phone, EditField::notes, std::nullopt, 2000);
  write(tablet, EditField::notes, "", 2100);
  meet();
  EXPECT_FALSE(phone->fields(session)->other_notes) << "both wanted none";
}

TEST_F(StoreEditsTest, DeletingIsReversible) {
  Edit edit;
  edit.op_id.bytes[0] = 77;
  edit.session = session;
  edit.field = EditField::deleted;
  edit.flag = true;
  ASSERT_TRUE(ok(phone->edit(edit, 1000)));
  write(tablet, EditField::notes, "written without knowing", 1500);
  meet();
  EXPECT_TRUE(tablet->fields(session)->deleted);
  EXPECT_EQ(tablet->fields(session)->deleted_ms, 1000);
  edit.op_id.bytes[0] = 78;
  edit.flag = false;
  ASSERT_TRUE(ok(tablet->edit(edit, 2000)));
  meet();
  EXPECT_FALSE(phone->fields(session)->deleted);
  EXPECT_EQ(phone->fields(session)->notes, "written without knowing");
}

// What a server says of the one item that waits.
void refuse_all(TestStore& store) {
  std::vector<Acknowledgement> answers;
  for (const PendingItem& item : *store->pending({})) {
    Acknowledgement& answer = answers.emplace_back();
    answer.id = item.id;
    answer.outcome = wire::Outcome::rejected;
    answer.detail = "only a deleted session can be purged";
  }
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_TRUE(ok(store->acknowledge("epoch", answers)));
}

TEST_F(StoreEditsTest, ARestoreThatCameBeforeTheWordToEraseStands) {
  const auto flag = [&](TestStore& store, EditField field, bool value, std::int64_t now_ms) {
    Edit edit;
    edit.op_id.bytes[0] = ++made;
    edit.session = session;
    edit.field = field;
    edit.flag = value;
    ASSERT_TRUE(ok(store->edit(edit, now_ms)));
  };
  for (const bool refused_first : {true, false}) {
    flag(phone, EditField::deleted, true, 1000);
    meet();
    flag(tablet, EditField::deleted, false, 2000);
    flag(phone, EditField::purged, true, 3000);
    feed.upload(tablet);
    if (!refused_first) feed.download(phone);
    refuse_all(phone);
    // As long as this device takes the session for deleted, the refusal may be about something else: it is shown.
    EXPECT_EQ(phone->refused()->size(), refused_first ? 1U : 0U);
    if (refused_first) feed.download(phone);
    EXPECT_TRUE(phone->refused()->empty());
    EXPECT_EQ(phone->status()->pending_items, 0U);
    EXPECT_FALSE(phone->fields(session)->deleted);
    meet();
    EXPECT_FALSE(tablet->fields(session)->deleted);
  }
}

TEST_F(StoreEditsTest, AfterThirtyDaysADeletionStands) {
  Edit edit;
  edit.op_id.bytes[0] = 77;
  edit.session = session;
  edit.field = EditField::deleted;
  edit.flag = true;
  ASSERT_TRUE(ok(phone->edit(edit, 1000)));
  meet();
  for (const auto& back : {std::optional(false), std::optional<bool>()}) {
    edit.op_id.bytes[0]++;
    edit.flag = back;
    const auto late = tablet->edit(edit, 1001 + rowing::kRestoreWindowMs);
    EXPECT_EQ(late.error().code, base::ErrorCode::conflict);
    EXPECT_NE(late.error().text.find("30 days"), std::string::npos);
  }
  EXPECT_TRUE(tablet->fields(session)->deleted);
  EXPECT_TRUE(tablet->pending({})->empty()) << "what was refused is not sent";
  edit.flag = false;
  ASSERT_TRUE(ok(phone->edit(edit, 1000 + rowing::kRestoreWindowMs)));
  meet();
  EXPECT_FALSE(tablet->fields(session)->deleted);
}

// The clock was ahead for one edit, which has not been synced; then it was set right.
TEST_F(StoreEditsTest, AClockThatWasOnceAheadKeepsNoRestoreOut) {
  constexpr std::int64_t kTenYears = std::int64_t{3650} * 24 * 60 * 60 * 1000;
  constexpr std::int64_t kNow = 1'700'000'000'000;
  erase_or_restore(phone, true, kNow);
  meet();
  write(phone, EditField::title, "from the future", kNow + kTenYears);
  const Edit back = erase_or_restore(phone, false, kNow + 2000);
  EXPECT_FALSE(phone->fields(session)->deleted) << "at once, not after the next sync";
  EXPECT_EQ(back.stamp.ms, kNow + 2000);
  feed.clock_ms = kNow + 3000;
  meet();
  for (TestStore* store : {&phone, &tablet}) EXPECT_FALSE((*store)->fields(session)->deleted);

  // Too late is too late for a clock that was ahead, too.
  erase_or_restore(tablet, true, kNow + 4000);
  meet();
  write(phone, EditField::title, "from the future again", kNow + 2 * kTenYears);
  Edit late;
  late.op_id.bytes[0] = 200;
  late.session = session;
  late.field = EditField::deleted;
  late.flag = false;
  EXPECT_EQ(phone->edit(late, kNow + 4001 + rowing::kRestoreWindowMs).error().code, base::ErrorCode::conflict);
}

// An empty battery: the clock was at 1999, then it was set right.
TEST_F(StoreEditsTest, AClockThatWasOnceBehindKeepsNoRestoreOutWhileTheDeletionIsHereAlone) {
  constexpr std::int64_t kBehind = 940'000'000'000;
  constexpr std::int64_t kNow = 1'700'000'000'000;
  const Edit deletion = erase_or_restore(phone, true, kBehind);
  const Edit back = erase_or_restore(phone, false, kNow);
  EXPECT_EQ(back.stamp, (rowing::Stamp{deletion.stamp.ms, deletion.stamp.count + 1}));
  EXPECT_FALSE(phone->fields(session)->deleted);
  feed.clock_ms = kNow;
  meet();
  for (TestStore* store : {&phone, &tablet}) EXPECT_FALSE((*store)->fields(session)->deleted);
}

// What a maker did last counts last, also where the ledger places all of it at one moment.
TEST_F(StoreEditsTest, WhatWasDoneAheadAndTakenBackStaysTakenBack) {
  constexpr std::int64_t kAhead = 2'015'000'000'000;
  made = 100;
  write(phone, EditField::title, "first", kAhead);
  erase_or_restore(phone, true, kAhead + 1);
  made = 10;  // ids that sort before those of the wrong clock, as UUIDv7 do
  write(phone, EditField::title, "second", 1'700'000'000'000);
  erase_or_restore(phone, false, 1'700'000'000'001);
  EXPECT_FALSE(phone->fields(session)->deleted);
  feed.clock_ms = 1'700'000'000'500;
  meet();
  for (TestStore* store : {&phone, &tablet}) {
    EXPECT_FALSE((*store)->fields(session)->deleted);
    EXPECT_EQ((*store)->fields(session)->title, "second");
  }
}

TEST_F(StoreEditsTest, WhatBreaksARuleIsNamedAndNotKept) {
  Edit edit;
  edit.op_id.bytes[0] = 1;
  edit.session = session;
  edit.field = EditField::title;
  edit.text = std::string(rowing::kMaxTitle + 1, 'x');
  EXPECT_EQ(phone->edit(edit, 1000).error().code, base::ErrorCode::invalid_input);
  edit.text = "fine";
  edit.session.bytes[0] ^= 1;
  EXPECT_EQ(phone->edit(edit, 1000).error().code, base::ErrorCode::not_found);
  EXPECT_EQ(phone->pending({})->size(), 1u);
  EXPECT_FALSE(phone->fields(session)->title);
}

}  // namespace
}  // namespace boathouse::store
