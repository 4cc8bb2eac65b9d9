#include "core/rowing/edit.hpp"

#include <algorithm>

#include "core/base/utf8.hpp"

namespace boathouse::rowing {
namespace {

using base::Error;
using base::ErrorCode;
using base::Status;

Error wrong(std::string text) { return Error{ErrorCode::invalid_input, std::move(text)}; }

Status check_text(const std::string& what, const std::string& text, std::size_t min, std::size_t max) {
  if (!base::is_valid_utf8(text)) {
    return wrong(what + " is no valid UTF-8");
  }
  const std::size_t length = base::code_point_count(text);
  if (length < min || length > max) {
    return wrong(what + " must have " + (min > 0 ? std::to_string(min) + " to " : "at most ") + std::to_string(max) +
                 " characters, not " + std::to_string(length));
  }
  return {};
}

Status check_stamp(const std::string& key, const Stamp& stamp) {
  if (stamp.ms < 0 || stamp.ms > kMaxStampMs) {
    return wrong("\"" + key + "\" must be at 0 to " + std::to_string(kMaxStampMs) + " ms, not " +
                 std::to_string(stamp.ms));
  }
  return {};
}

// Which members of an edit its field uses; the others must be as they were born, or two equal edits could differ.
struct Uses {
  bool name = false;
  bool other = false;
  bool stream = false;
  bool text = false;
  bool flag = false;
  bool primary = false;
};

Status check_members(const Edit& edit, const Uses& uses) {
  const Edit fresh;
  if ((!uses.name && edit.name != fresh.name) || (!uses.other && edit.other != fresh.other) ||
      (!uses.stream && edit.stream != fresh.stream)) {
    return wrong("\"field\" is " + field_key(edit) + ", but another field's name, recording or stream is set");
  }
  if ((!uses.text && edit.text) || (!uses.flag && edit.flag) || (!uses.primary && edit.primary)) {
    return wrong("\"value\" is of another type than " + field_key(edit) + " has");
  }
  return {};
}

}  // namespace

Stamp next_stamp(const Stamp& last, std::int64_t now_ms) {
  const std::int64_t now = std::clamp<std::int64_t>(now_ms, 0, kMaxStampMs);
  if (now > last.ms) {
    return {now, 0};
  }
  // A counter that has no next number lends from the time: a stamp must be later, it need not be true.
  return last.count < UINT32_MAX ? Stamp{last.ms, last.count + 1} : Stamp{last.ms + 1, 0};
}

Stamp placed_stamp(const Edit& edit, std::int64_t now_ms) {
  const std::int64_t now = std::clamp<std::int64_t>(now_ms, 0, kMaxStampMs);
  if (edit.stamp.ms <= now + kMaxStampAheadMs) {
    return edit.stamp;
  }
  return {now, static_cast<std::uint32_t>(std::min<std::uint64_t>(edit.op_seq, UINT32_MAX))};
}

std::string field_key(const Edit& edit) {
  switch (edit.field) {
    case EditField::title:
      return "title";
    case EditField::notes:
      return "notes";
    case EditField::tag:
      return "tag:" + edit.name;
    case EditField::deleted:
      return "deleted";
    case EditField::purged:
      return "purged";
    case EditField::link:
      return "link:" + edit.other.text();
    case EditField::primary:
      return "primary:" + std::string(rowing::name(edit.stream));
  }
  return "unknown";
}

Status check_edit(const Edit& edit) {
  if (edit.op_seq == 0 || edit.op_seq > kMaxOpSeq) {
    return wrong("\"op_seq\" must be 1 to " + std::to_string(kMaxOpSeq) + ", not " + std::to_string(edit.op_seq));
  }
  BOATHOUSE_TRY(check_stamp("stamp", edit.stamp));
  BOATHOUSE_TRY(check_stamp("seen", edit.seen));
  switch (edit.field) {
    case EditField::title:
    case EditField::notes:
      BOATHOUSE_TRY(check_members(edit, {.text = true}));
      return check_text("\"value\"", edit.text.value_or(""), 0, edit.field == EditField::title ? kMaxTitle : kMaxNotes);
    case EditField::tag:
      // Before check_members, whose errors quote the name.
      BOATHOUSE_TRY(check_text("the name in \"field\"", edit.name, 1, kMaxTag));
      return check_members(edit, {.name = true, .flag = true});
    case EditField::deleted:
      return check_members(edit, {.flag = true});
    case EditField::purged:
      BOATHOUSE_TRY(check_members(edit, {.flag = true}));
      return edit.flag == true ? Status() : wrong("\"value\" of purged must be true: there is no way back");
    case EditField::link:
      return check_members(edit, {.other = true, .flag = true});
    case EditField::primary:
      if (!stream_from_number(static_cast<std::uint64_t>(edit.stream))) {
        return wrong("\"field\" is primary of a stream that is none");
      }
      return check_members(edit, {.stream = true, .primary = true});
  }
  return wrong("\"field\" is none that is known here");
}

Status check_new_edit(const Edit& edit) {
  BOATHOUSE_TRY(check_edit(edit));
  return base::has_control(edit.name)
             ? wrong("the name in \"field\" must not hold control characters such as line ends")
             : Status();
}

}  // namespace boathouse::rowing
