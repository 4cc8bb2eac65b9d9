// Rows are known by their shape: how many columns of which types, in schema.cpp's order. A row that an older version
// wrote has fewer.
#include "device/store/salvage_findings.hpp"

#include <algorithm>
#include <optional>
#include <tuple>

#include "core/base/utf8.hpp"
#include "device/store/row_codec.hpp"

namespace boathouse::store {
namespace {

using Kind = db::FoundValue::Kind;
using Values = std::span<const db::FoundValue>;

// 'i' integer, 'o' integer or null, 'b' blob, 't' text, 'u' text or null, '-' null (a rowid's own column).
bool fits(Values values, std::string_view shape) {
  if (values.size() > shape.size()) return false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Kind kind = values[i].kind;
    const bool null = kind == Kind::null;
    const bool good = (shape[i] == 'i' && kind == Kind::integer) || (shape[i] == 'b' && kind == Kind::blob) ||
                      (shape[i] == 't' && kind == Kind::text) || (shape[i] == '-' && null) ||
                      (shape[i] == 'o' && (null || kind == Kind::integer)) ||
                      (shape[i] == 'u' && (null || kind == Kind::text));
    if (!good) return false;
  }
  return true;
}

std::optional<rowing::Stream> stream_of(const db::FoundValue& value) {
  return value.integer < 0 ? std::nullopt : rowing::stream_from_number(static_cast<std::uint64_t>(value.integer));
}

// The end of a range that a chunk may have.
bool is_sequence(std::int64_t number) {
  return number >= 0 && static_cast<std::uint64_t>(number) <= wire::kMaxSequence;
}

// Numbers are given from 1 on, and no device gets so far.
bool is_recording(std::int64_t number) { return number >= 1 && number <= std::int64_t{1} << 53; }

std::int64_t number_at(Values values, std::size_t column) {
  return column < values.size() ? values[column].integer : 0;
}

}  // namespace

bool is_further_on(const FoundRecording& one, const FoundRecording& other) {
  const auto progress = [](const FoundRecording& of) { return std::tuple(of.purged, of.ended, of.revision); };
  return progress(one) > progress(other);
}

bool Findings::take_recording(const db::FoundRow& row) {
  const Values values = row.values;
  FoundRecording found;
  found.id = row.rowid;
  if (!is_recording(row.rowid) || !fits(values, "-btiiiiitii") || !copy_exact(values[1].bytes, found.rec_id.bytes))
    return false;
  found.athlete = base::as_text(values[2].bytes);
  const std::int64_t ended = values[3].integer;
  if (!base::is_valid_utf8(found.athlete) || found.athlete.size() > kMaxAthleteLabel || ended < 0 || ended > 2 ||
      values[4].integer < 0 || values[4].integer > static_cast<int>(rowing::EndReason::crashed) ||
      !std::in_range<std::uint32_t>(values[5].integer)) {
    return false;
  }
  found.ended = ended == 1;
  found.elsewhere = ended == 2;
  found.from_feed = number_at(values, 10) != 0;
  found.reason = static_cast<rowing::EndReason>(values[4].integer);
  found.revision = static_cast<std::uint32_t>(values[5].integer);
  found.purged = number_at(values, 6) != 0;
  std::vector<FoundRecording>& entries = recordings[row.rowid];
  const auto known = std::ranges::find(entries, found.rec_id, &FoundRecording::rec_id);
  if (known == entries.end()) {
    entries.push_back(std::move(found));
  } else if (is_further_on(found, *known)) {
    *known = std::move(found);
  }
  return true;
}

bool Findings::take_item(const db::FoundRow& row) {
  const Values values = row.values;
  FoundItem item;
  if (!fits(values, "-iiiiiibioouuii") || !copy_exact(values[7].bytes, item.sha256)) return false;
  const std::int64_t kind = values[2].integer;
  if (!is_recording(values[1].integer) || kind < 1 || kind > 4 || !is_sequence(values[4].integer) ||
      !is_sequence(values[5].integer) || !std::in_range<std::uint32_t>(values[6].integer) || values[8].integer < 0) {
    return false;
  }
  item.recording = values[1].integer;
  item.kind = static_cast<wire::ItemKind>(kind);
  item.stream = static_cast<int>(std::clamp<std::int64_t>(values[3].integer, 0, 255));
  item.first = static_cast<std::uint64_t>(values[4].integer);
  item.past = static_cast<std::uint64_t>(values[5].integer);
  item.version = static_cast<std::uint32_t>(values[6].integer);
  item.bytes = static_cast<std::uint64_t>(values[8].integer);
  item.receipt = values[9].kind == Kind::integer && values[9].integer < 2;
  item.here = values.size() < 15 || values[13].integer != 0;
  item.wanted = number_at(values, 14) != 0;
  items[row.rowid].push_back(item);
  return true;
}

bool Findings::take_edit(const db::FoundRow& row) {
  const Values values = row.values;
  if (!fits(values, "-bitiib")) return false;
  const rowing::Stamp stamp{values[4].integer, static_cast<std::uint32_t>(values[5].integer)};
  if (stamp.ms < 0 || stamp.ms > rowing::kMaxStampMs || !std::in_range<std::uint32_t>(values[5].integer)) return false;
  stamps[row.rowid] = stamp;
  return true;
}

bool Findings::take_table_row(const db::FoundRow& row) {
  const Values values = row.values;
  switch (values.size()) {
    case 2:
      if (fits(values, "-b")) {
        bodies.emplace(row.rowid, row.place);
        return true;
      }
      if (!fits(values, "ti")) return false;
      if (base::as_text(values[0].bytes) == "recording") {
        recordings_begun = std::max(recordings_begun, values[1].integer);
      }
      return true;
    case 6:
    case 9:
    case 11:
      return take_recording(row);
    case 7:
      return take_edit(row);
    case 13:
    case 15:
      return take_item(row);
    case 4:  // replica, run: of the store that was
    case 5:  // the schema, and what is derived from the records
      return true;
    default:
      return false;
  }
}

// The rows of open_row and of tail look alike, but for what their sums are made of; the first of a tail has position 0,
// which no stream has.
bool Findings::take_open_row(const db::FoundRow& row, bool page_of_tails) {
  const Values values = row.values;
  const std::int64_t recording = values[0].integer;
  const auto stream = stream_of(values[page_of_tails ? 2 : 1]);
  const std::int64_t seq = values[page_of_tails ? 1 : 2].integer;
  if (!is_recording(recording) || !stream || !is_sequence(seq)) return false;
  const auto number = static_cast<std::uint64_t>(seq);
  std::optional<std::int64_t> sum;
  if (values.size() == 5 && values[4].kind == Kind::integer) sum = values[4].integer;
  auto record = checked_row(recording, *stream, number, values[3].bytes, sum);
  if (!record) return false;
  if (page_of_tails) {
    tails[recording].try_emplace(number, std::move(*record));
  } else {
    rows[recording][*stream].try_emplace(number, std::move(*record));
  }
  return true;
}

bool Findings::take_key_row(const db::FoundRow& row, bool page_of_tails) {
  const Values values = row.values;
  if (values.size() == 4 && fits(values, "iiii")) {
    const auto stream = stream_of(values[1]);
    const std::int64_t next = values[2].integer;
    const std::int64_t sealed = values[3].integer;
    if (!is_recording(values[0].integer) || !stream || !is_sequence(next) || !is_sequence(sealed) || sealed > next)
      return false;
    StreamRow& known = streams[values[0].integer][*stream];
    known.next_seq = std::max(known.next_seq, static_cast<std::uint64_t>(next));
    known.sealed_to = std::max(known.sealed_to, static_cast<std::uint64_t>(sealed));
    return true;
  }
  if (values.size() != 4 && values.size() != 5) return true;  // of an index, or of a table that is derived
  if (fits(values, "iiibo")) return take_open_row(row, page_of_tails);
  if (fits(values, "iiiii")) {
    if (!is_recording(values[0].integer)) return false;
    // The other index of five numbers has the item's own twice.
    if (values[2].integer != values[4].integer) {
      keys.try_emplace(values[4].integer,
                       ItemKey{values[0].integer, values[1].integer, values[2].integer, values[3].integer});
    }
    return true;
  }
  return fits(values, "itiii") || fits(values, "tbtii");
}

void Findings::take(const db::FoundPage& page) {
  const bool page_of_tails = std::any_of(page.rows.begin(), page.rows.end(), [](const db::FoundRow& row) {
    return !row.of_table && row.values.size() == 5 && fits(row.values, "iiibi") && row.values[1].integer == 0;
  });
  for (const db::FoundRow& row : page.rows) {
    if (page.free) {
      const bool has_sum = !row.of_table && row.values.size() == 5 && fits(row.values, "iiibi");
      if (has_sum && !page_of_tails) (void)take_open_row(row, false);
    } else if (!(row.of_table ? take_table_row(row) : take_key_row(row, page_of_tails))) {
      ++odd_rows;
    }
  }
}

}  // namespace boathouse::store
