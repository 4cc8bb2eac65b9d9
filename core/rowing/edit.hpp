// An edit of a session and the clock that stamps it. docs/protocol.md section 3.1 has the rules. Pure functions.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"

namespace boathouse::rowing {

// Hybrid logical clock: UTC milliseconds (0 to 2^47) and a counter for stamps of one millisecond.
struct Stamp {
  std::int64_t ms = 0;
  std::uint32_t count = 0;
  auto operator<=>(const Stamp&) const = default;
};

inline constexpr std::int64_t kMaxStampMs = std::int64_t{1} << 47;

// The next stamp of a clock that has given or seen `last`: later than it, and not before `now_ms` (which counts as the
// nearest end of a stamp's range). After the last stamp of all comes one that check_edit refuses.
Stamp next_stamp(const Stamp& last, std::int64_t now_ms);

// How far ahead of the clock that places an edit its stamp may be.
inline constexpr std::int64_t kMaxStampAheadMs = std::int64_t{5} * 60 * 1000;

enum class EditField : std::uint8_t { title, notes, tag, deleted, purged, link, primary };

struct Edit {
  base::Uuid op_id;
  base::Uuid replica_id;  // zero: the server itself
  std::uint64_t op_seq = 0;
  Stamp stamp;
  Stamp seen;
  base::Uuid session;
  EditField field = EditField::title;
  std::string name;                   // tag: its name
  base::Uuid other;                   // link: the other recording
  Stream stream = Stream::sample;     // primary: for which stream
  std::optional<std::string> text;    // title, notes; nullopt = back to nothing
  std::optional<bool> flag;           // tag, deleted, purged, link; nullopt = back to nothing
  std::optional<base::Uuid> primary;  // primary; nullopt = back to nothing

  bool operator==(const Edit&) const = default;
};

// Where a clock at `now_ms` places an edit: at its stamp, or at [now_ms, op_seq] if that is more than kMaxStampAheadMs
// ahead. By its op_seq a maker whose clock was ahead keeps the order of its edits, also of those placed together.
Stamp placed_stamp(const Edit& edit, std::int64_t now_ms);

// "title", "tag:NAME", "link:UUID", "primary:sample": the field's key, one last writer each.
std::string field_key(const Edit& edit);

inline constexpr std::uint64_t kMaxOpSeq = std::uint64_t{1} << 53;  // a JSON number holds it exactly
inline constexpr std::size_t kMaxTitle = 200;                       // code points
inline constexpr std::size_t kMaxNotes = 10'000;                    // code points
inline constexpr std::size_t kMaxTag = 50;                          // code points

// invalid_input, naming what is wrong: a text too long or no UTF-8, a value of another field's type, op_seq 0 or beyond
// kMaxOpSeq, a stamp out of range, `purged` that is not true, members of another field that are not at their default.
base::Status check_edit(const Edit& edit);

// Of one that is made or comes in now: check_edit, and no control characters in a tag's name. There are such from
// before, which stay.
base::Status check_new_edit(const Edit& edit);

}  // namespace boathouse::rowing
