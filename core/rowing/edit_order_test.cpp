#include "core/rowing/edit_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace boathouse::rowing {
namespace {

PlacedEdit text(std::int64_t ms, std::int64_t seen_ms, std::string value, std::uint8_t replica = 1) {
  PlacedEdit placed;
  placed.edit.field = EditField::title;
  placed.edit.replica_id.bytes[0] = replica;
  placed.edit.op_id.bytes[0] = static_cast<std::uint8_t>(ms);
  placed.edit.stamp = placed.effective = {ms, 0};
  placed.edit.seen = {seen_ms, 0};
  placed.edit.text = std::move(value);
  return placed;
}

PlacedEdit tag(std::int64_t ms, std::int64_t seen_ms, std::optional<bool> value) {
  PlacedEdit placed = text(ms, seen_ms, "");
  placed.edit.field = EditField::tag;
  placed.edit.name = "race";
  placed.edit.text.reset();
  placed.edit.flag = value;
  return placed;
}

PlacedEdit deletion(std::int64_t ms, std::optional<bool> value) {
  PlacedEdit placed = tag(ms, 0, value);
  placed.edit.field = EditField::deleted;
  placed.edit.name.clear();
  return placed;
}

// In every order, and with each edit twice, the value is the same.
FieldValue resolve_all_ways(std::vector<PlacedEdit> edits) {
  const FieldValue value = resolve(edits);
  std::ranges::sort(edits, is_before);
  do {
    std::vector<PlacedEdit> twice = edits;
    twice.insert(twice.end(), edits.begin(), edits.end());
    for (const FieldValue& again : {resolve(edits), resolve(twice)}) {
      EXPECT_EQ(again.winner->edit, value.winner->edit);
      EXPECT_EQ(again.other.has_value(), value.other.has_value());
      if (again.other && value.other) {
        EXPECT_EQ(again.other->edit, value.other->edit);
      }
    }
  } while (std::ranges::next_permutation(edits, is_before).found);
  return value;
}

TEST(EditOrder, NobodyWroteIt) { EXPECT_FALSE(resolve({}).winner); }

TEST(EditOrder, TheNewestWinsAndWhatItsMakerSawIsNoOtherVersion) {
  const FieldValue value = resolve_all_ways({text(1, 0, "a"), text(5, 1, "b"), text(9, 5, "c")});
  EXPECT_EQ(value.winner->edit.text, "c");
  EXPECT_FALSE(value.other);
}

TEST(EditOrder, AnEmptyTextAndNoneAreNoTwoVersions) {
  PlacedEdit none = text(5, 1, "");
  none.edit.text.reset();
  EXPECT_FALSE(resolve_all_ways({none, text(6, 1, "", 2)}).other);
  EXPECT_TRUE(resolve_all_ways({none, text(6, 1, "mine", 2)}).other) << "taking it away is a version";
}

TEST(EditOrder, OfTwoThatDidNotSeeEachOtherTheLoserIsKept) {
  const FieldValue value = resolve_all_ways({text(1, 0, "a"), text(5, 1, "mine"), text(6, 1, "theirs", 2)});
  EXPECT_EQ(value.winner->edit.text, "theirs");
  ASSERT_TRUE(value.other);
  EXPECT_EQ(value.other->edit.text, "mine");
}

TEST(EditOrder, AWriterWhoSawBothEndsIt) {
  const FieldValue value = resolve_all_ways({text(5, 1, "mine"), text(6, 1, "theirs", 2), text(8, 6, "both")});
  EXPECT_EQ(value.winner->edit.text, "both");
  EXPECT_FALSE(value.other);
}

TEST(EditOrder, TheSameTextTwiceIsNoConflict) {
  EXPECT_FALSE(resolve_all_ways({text(5, 0, "same"), text(6, 0, "same", 2)}).other);
}

TEST(EditOrder, EqualStampsAreOrderedByReplicaOnEveryDevice) {
  EXPECT_EQ(resolve_all_ways({text(5, 0, "a", 1), text(5, 0, "b", 2)}).winner->edit.text, "b");
}

TEST(EditOrder, TheServersStampCountsNotTheMakers) {
  PlacedEdit ahead = text(1'000'000, 0, "from the future");
  ahead.effective = {10, 0};
  EXPECT_EQ(resolve_all_ways({ahead, text(20, 10, "now")}).winner->edit.text, "now");
}

TEST(EditOrder, ATagThatWasAddedUnseenSurvivesItsRemoval) {
  EXPECT_EQ(resolve_all_ways({tag(1, 0, true), tag(5, 1, false)}).winner->edit.flag, false);
  EXPECT_EQ(resolve_all_ways({tag(1, 0, true), tag(4, 1, true), tag(5, 1, false)}).winner->edit.flag, true);
  EXPECT_EQ(resolve_all_ways({tag(1, 0, true), tag(5, 1, false), tag(9, 5, true)}).winner->edit.flag, true);
  EXPECT_EQ(resolve_all_ways({tag(1, 0, true), tag(5, 1, std::nullopt)}).winner->edit.flag, std::nullopt);
}

TEST(EditOrder, ADeletionIsTakenBackWithinThirtyDays) {
  EXPECT_EQ(resolve_all_ways({deletion(7, true), deletion(7 + kRestoreWindowMs, false)}).winner->edit.flag, false);
  EXPECT_EQ(resolve_all_ways({deletion(7, true), deletion(8 + kRestoreWindowMs, false)}).winner->edit.flag, true);
  EXPECT_EQ(resolve_all_ways({deletion(7, true), deletion(8 + kRestoreWindowMs, std::nullopt)}).winner->edit.flag, true)
      << "back to nothing is a restore too";
}

TEST(EditOrder, ALateRestoreThatIsPassedOverOpensNoWayForTheNext) {
  const std::int64_t late = 8 + kRestoreWindowMs;
  EXPECT_EQ(
      resolve_all_ways({deletion(7, true), deletion(late, false), deletion(late + 5, false)}).winner->effective.ms, 7);
}

TEST(EditOrder, ARestoredSessionIsDeletedAnewForAnotherThirtyDays) {
  const std::int64_t again = 5 * kRestoreWindowMs;
  EXPECT_EQ(resolve_all_ways({deletion(7, true), deletion(9, false), deletion(again, true), deletion(again + 1, false)})
                .winner->edit.flag,
            false);
}

}  // namespace
}  // namespace boathouse::rowing
