#include "core/rowing/edit_order.hpp"

#include <algorithm>
#include <tuple>
#include <vector>

namespace boathouse::rowing {
namespace {

// An empty text says the same as none.
bool same_text(const Edit& a, const Edit& b) { return a.text.value_or("") == b.text.value_or(""); }

bool is_text(EditField field) { return field == EditField::title || field == EditField::notes; }

// The newest that puts the tag there and that no edit which takes it away had seen.
const PlacedEdit* surviving_add(std::span<const PlacedEdit> edits) {
  std::optional<Stamp> seen;  // by those that take it away
  for (const PlacedEdit& edit : edits) {
    if (edit.edit.flag != true) seen = std::max(seen, std::optional(edit.edit.seen));
  }
  const PlacedEdit* newest = nullptr;
  for (const PlacedEdit& add : edits) {
    if (add.edit.flag != true || (seen && *seen >= add.effective)) continue;
    if (newest == nullptr || is_before(*newest, add)) newest = &add;
  }
  return newest;
}

// The newest, but for those that came too late to take a deletion back.
const PlacedEdit* settled_deletion(std::span<const PlacedEdit> edits) {
  std::vector<const PlacedEdit*> in_order;
  for (const PlacedEdit& edit : edits) in_order.push_back(&edit);
  std::ranges::sort(in_order, [](const PlacedEdit* a, const PlacedEdit* b) { return is_before(*a, *b); });
  const PlacedEdit* settled = nullptr;
  for (const PlacedEdit* const edit : in_order) {
    const bool too_late = settled != nullptr && settled->edit.flag == true && edit->edit.flag != true &&
                          edit->effective.ms - settled->effective.ms > kRestoreWindowMs;
    if (!too_late) settled = edit;
  }
  return settled;
}

}  // namespace

bool is_before(const PlacedEdit& a, const PlacedEdit& b) {
  return std::tie(a.effective, a.edit.replica_id, a.edit.op_id) <
         std::tie(b.effective, b.edit.replica_id, b.edit.op_id);
}

FieldValue resolve(std::span<const PlacedEdit> edits) {
  FieldValue value;
  const PlacedEdit* winner = nullptr;
  for (const PlacedEdit& edit : edits) {
    if (winner == nullptr || is_before(*winner, edit)) winner = &edit;
  }
  if (winner == nullptr) return value;
  if (winner->edit.field == EditField::tag) {
    if (const PlacedEdit* const add = surviving_add(edits)) winner = add;
  }
  if (winner->edit.field == EditField::deleted) winner = settled_deletion(edits);
  value.winner = *winner;
  if (!is_text(winner->edit.field)) return value;
  const PlacedEdit* other = nullptr;
  for (const PlacedEdit& edit : edits) {
    const bool unseen = winner->edit.seen < edit.effective && is_before(edit, *winner);
    if (!unseen || same_text(edit.edit, winner->edit)) continue;
    if (other == nullptr || is_before(*other, edit)) other = &edit;
  }
  if (other != nullptr) value.other = *other;
  return value;
}

}  // namespace boathouse::rowing
