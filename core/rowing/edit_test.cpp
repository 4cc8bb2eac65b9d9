#include "core/rowing/edit.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace boathouse::rowing {
namespace {

using base::ErrorCode;

const base::Uuid kOther = *base::Uuid::parse("018bcfe5-6800-7abc-8def-0123456789ab");
const std::string kAccent = "\xC3\xA9";  // one code point

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) {
    all += text;
  }
  return all;
}

Edit edit_of(EditField field) {
  Edit edit;
  edit.op_seq = 1;
  edit.stamp = {1'700'000'000'000, 3};
  edit.field = field;
  switch (field) {
    case EditField::title:
    case EditField::notes:
      edit.text = "5 x 500";
      break;
    case EditField::tag:
      edit.name = "race";
      edit.flag = false;
      break;
    case EditField::deleted:
    case EditField::purged:
      edit.flag = true;
      break;
    case EditField::link:
      edit.other = kOther;
      edit.flag = true;
      break;
    case EditField::primary:
      edit.stream = Stream::stroke;
      edit.primary = kOther;
      break;
  }
  return edit;
}

constexpr EditField kFields[] = {EditField::title,  EditField::notes, EditField::tag,    EditField::deleted,
                                 EditField::purged, EditField::link,  EditField::primary};

std::string checked(const Edit& edit) {
  const auto status = check_edit(edit);
  if (status.ok()) {
    return "ok";
  }
  EXPECT_EQ(status.error().code, ErrorCode::invalid_input);
  return status.error().text;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Stamp, TheNextOneIsLaterAndNotBeforeNow) {
  EXPECT_EQ(next_stamp({}, 5), (Stamp{5, 0}));
  EXPECT_EQ(next_stamp({5, 7}, 6), (Stamp{6, 0}));
  EXPECT_EQ(next_stamp({5, 7}, 5), (Stamp{5, 8}));
  EXPECT_EQ(next_stamp({5, 7}, 4), (Stamp{5, 8})) << "a clock that stepped back";
  EXPECT_EQ(next_stamp({0, 0}, 0), (Stamp{0, 1}));
}

TEST(Stamp, ACounterThatIsFullLendsFromTheTime) {
  EXPECT_EQ(next_stamp({5, UINT32_MAX}, 5), (Stamp{6, 0}));
  EXPECT_EQ(next_stamp({5, UINT32_MAX}, 6), (Stamp{6, 0}));
  EXPECT_EQ(next_stamp({5, UINT32_MAX - 1}, 5), (Stamp{5, UINT32_MAX}));
}

TEST(Stamp, AClockOutOfRangeCountsAsTheNearestEnd) {
  EXPECT_EQ(next_stamp({}, -1), (Stamp{0, 1}));
  EXPECT_EQ(next_stamp({7, 0}, std::numeric_limits<std::int64_t>::min()), (Stamp{7, 1}));
  EXPECT_EQ(next_stamp({7, 0}, std::numeric_limits<std::int64_t>::max()), (Stamp{kMaxStampMs, 0}));
  EXPECT_EQ(next_stamp({kMaxStampMs, 4}, std::numeric_limits<std::int64_t>::max()), (Stamp{kMaxStampMs, 5}));
}

TEST(Stamp, AfterTheLastOfAllComesOneThatIsRefused) {
  Edit edit = edit_of(EditField::title);
  edit.stamp = {kMaxStampMs, UINT32_MAX};
  EXPECT_EQ(checked(edit), "ok");
  const Stamp next = next_stamp(edit.stamp, 0);
  EXPECT_GT(next, edit.stamp);
  edit.stamp = next;
  EXPECT_TRUE(contains(checked(edit), "\"stamp\""));
}

TEST(Stamp, TheyAreOrderedByTimeThenCounter) {
  EXPECT_LT((Stamp{1, 9}), (Stamp{2, 0}));
  EXPECT_LT((Stamp{1, 0}), (Stamp{1, 1}));
}

TEST(Edit, EachFieldHasItsKey) {
  EXPECT_EQ(field_key(edit_of(EditField::title)), "title");
  EXPECT_EQ(field_key(edit_of(EditField::notes)), "notes");
  EXPECT_EQ(field_key(edit_of(EditField::tag)), "tag:race");
  EXPECT_EQ(field_key(edit_of(EditField::deleted)), "deleted");
  EXPECT_EQ(field_key(edit_of(EditField::purged)), "purged");
  EXPECT_EQ(field_key(edit_of(EditField::link)), "link:018bcfe5-6800-7abc-8def-0123456789ab");
  EXPECT_EQ(field_key(edit_of(EditField::primary)), "primary:stroke");
}

TEST(Edit, OneOfEachFieldIsTaken) {
  for (const EditField field : kFields) {
    EXPECT_EQ(checked(edit_of(field)), "ok") << field_key(edit_of(field));
  }
}

TEST(Edit, BackToNothingIsTakenOfEveryFieldButPurged) {
  for (const EditField field : kFields) {
    Edit edit = edit_of(field);
    edit.text.reset();
    edit.flag.reset();
    edit.primary.reset();
    EXPECT_EQ(checked(edit) == "ok", field != EditField::purged) << field_key(edit);
  }
}

TEST(Edit, PurgedIsTrueOrNothing) {
  Edit edit = edit_of(EditField::purged);
  edit.flag = false;
  EXPECT_TRUE(contains(checked(edit), "purged must be true"));
}

TEST(Edit, ANewTagHasNoControlCharactersInItsNameAndAnOldOneMay) {
  Edit edit = edit_of(EditField::tag);
  EXPECT_TRUE(check_new_edit(edit).ok());
  edit.name = "Zoë's 🚣 \xc2\xa0";
  EXPECT_TRUE(check_new_edit(edit).ok());
  for (const std::string& character : {std::string(1, '\0'), std::string("\n"), std::string("\x1f"),
                                       std::string("\x7f"), std::string("\xc2\x80"), std::string("\xc2\x9f")}) {
    edit.name = "a" + character + "b";
    EXPECT_EQ(checked(edit), "ok");
    EXPECT_EQ(check_new_edit(edit).error().code, ErrorCode::invalid_input);
  }
  Edit notes = edit_of(EditField::notes);
  notes.text = "two\nlines";
  EXPECT_TRUE(check_new_edit(notes).ok());
  notes.op_seq = 0;
  EXPECT_FALSE(check_new_edit(notes).ok());
}

TEST(Edit, OpSeqCountsFromOne) {
  Edit edit = edit_of(EditField::title);
  edit.op_seq = 0;
  EXPECT_TRUE(contains(checked(edit), "\"op_seq\""));
  edit.op_seq = kMaxOpSeq;
  EXPECT_EQ(checked(edit), "ok");
  edit.op_seq = kMaxOpSeq + 1;
  EXPECT_TRUE(contains(checked(edit), "\"op_seq\""));
}

TEST(Edit, StampsHaveARange) {
  for (const std::int64_t ms : {std::int64_t{-1}, kMaxStampMs + 1, std::numeric_limits<std::int64_t>::min()}) {
    Edit edit = edit_of(EditField::title);
    edit.stamp.ms = ms;
    EXPECT_TRUE(contains(checked(edit), "\"stamp\"")) << ms;
    edit = edit_of(EditField::title);
    edit.seen.ms = ms;
    EXPECT_TRUE(contains(checked(edit), "\"seen\"")) << ms;
  }
}

TEST(Edit, TextsAreCountedInCodePoints) {
  const auto of = [](EditField field, const std::string& text) {
    Edit edit = edit_of(field);
    (field == EditField::tag ? edit.name : edit.text.emplace()) = text;
    return checked(edit);
  };
  EXPECT_EQ(of(EditField::title, ""), "ok");
  EXPECT_EQ(of(EditField::title, repeated(kAccent, kMaxTitle)), "ok");
  EXPECT_EQ(of(EditField::title, repeated(kAccent, kMaxTitle + 1)),
            "\"value\" must have at most 200 characters, not 201");
  EXPECT_EQ(of(EditField::notes, repeated(kAccent, kMaxNotes)), "ok");
  EXPECT_TRUE(contains(of(EditField::notes, repeated(kAccent, kMaxNotes + 1)), "at most 10000"));
  EXPECT_EQ(of(EditField::tag, repeated(kAccent, kMaxTag)), "ok");
  EXPECT_TRUE(contains(of(EditField::tag, repeated(kAccent, kMaxTag + 1)), "1 to 50"));
  EXPECT_TRUE(contains(of(EditField::tag, ""), "1 to 50"));
}

TEST(Edit, TextsAreUtf8) {
  for (const EditField field : {EditField::title, EditField::notes, EditField::tag}) {
    Edit edit = edit_of(field);
    (field == EditField::tag ? edit.name : edit.text.emplace()) = "caf\xE9";
    EXPECT_TRUE(contains(checked(edit), "UTF-8"));
  }
}

TEST(Edit, AValueOfAnotherFieldsTypeIsRefused) {
  for (const EditField field : kFields) {
    const Edit good = edit_of(field);
    Edit edit = good;
    edit.text = "x";
    EXPECT_EQ(checked(edit) == "ok", good.text.has_value()) << field_key(good);
    edit = good;
    edit.flag = true;
    EXPECT_EQ(checked(edit) == "ok", good.flag.has_value()) << field_key(good);
    edit = good;
    edit.primary = kOther;
    EXPECT_EQ(checked(edit) == "ok", good.primary.has_value()) << field_key(good);
  }
}

TEST(Edit, AMemberOfAnotherFieldIsRefused) {
  for (const EditField field : kFields) {
    Edit edit = edit_of(field);
    edit.name = "race";
    EXPECT_EQ(checked(edit) == "ok", field == EditField::tag) << field_key(edit);
    edit = edit_of(field);
    edit.other = kOther;
    EXPECT_EQ(checked(edit) == "ok", field == EditField::link) << field_key(edit);
    edit = edit_of(field);
    edit.stream = Stream::split;
    EXPECT_EQ(checked(edit) == "ok", field == EditField::primary) << field_key(edit);
  }
}

TEST(Edit, NumbersThatAreNoFieldOrStreamAreRefused) {
  Edit edit = edit_of(EditField::title);
  edit.field = static_cast<EditField>(99);
  EXPECT_TRUE(contains(checked(edit), "\"field\""));
  edit = edit_of(EditField::primary);
  edit.stream = static_cast<Stream>(0);
  EXPECT_TRUE(contains(checked(edit), "\"field\""));
}

TEST(PlacedStamp, WhatIsFarAheadStandsAtTheClockInItsMakersOrder) {
  Edit edit;
  edit.op_seq = 7;
  edit.stamp = {1000 + kMaxStampAheadMs, 3};
  EXPECT_EQ(placed_stamp(edit, 1000), edit.stamp);
  edit.stamp.ms += 1;
  EXPECT_EQ(placed_stamp(edit, 1000), (Stamp{1000, 7}));
  EXPECT_EQ(placed_stamp(edit, -1), (Stamp{0, 7})) << "a clock before 1970 is one at 1970";
  edit.op_seq = kMaxOpSeq;
  EXPECT_EQ(placed_stamp(edit, 1000), (Stamp{1000, UINT32_MAX}));
}

}  // namespace
}  // namespace boathouse::rowing
