// The conflict log: what the edits of a field or a link open and settle, what the athlete reads, and their answer.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/sha256.hpp"
#include "core/wire/edit.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {
namespace {

using rowing::Edit;
using rowing::EditField;
using rowing::Pair;

constexpr std::array kKinds{
    std::pair{ConflictKind::title, std::string_view("title")},
    std::pair{ConflictKind::notes, std::string_view("notes")},
    std::pair{ConflictKind::overlap, std::string_view("overlap")},
    std::pair{ConflictKind::suggestion, std::string_view("suggestion")},
};
constexpr std::array kAnswers{
    std::pair{Answer::mine, std::string_view("mine")},
    std::pair{Answer::theirs, std::string_view("theirs")},
    std::pair{Answer::both, std::string_view("both")},
    std::pair{Answer::other, std::string_view("other")},
};

bool is_text(ConflictKind kind) { return kind == ConflictKind::title || kind == ConflictKind::notes; }

// A title is one line.
std::string joined(ConflictKind kind, const std::string& first, const std::string& second) {
  if (first.empty() || second.empty()) return first + second;
  return first + (kind == ConflictKind::title ? " / " : "\n\n") + second;
}

// The same on every device.
std::string conflict_id(std::string_view what, const base::Uuid& a, const base::Uuid& b) {
  const Pair pair = Pair::of(a, b);
  const std::string text = std::string(what) + pair.low.text() + pair.high.text();
  return base::to_hex(base::ByteView(base::sha256(base::as_bytes(text))).first(8));
}

std::string overlap_id(const Pair& pair) { return conflict_id("overlap", pair.low, pair.high); }

// A row of the table.
struct Entry {
  std::string id;
  ConflictKind kind = ConflictKind::title;
  base::Uuid rec_id;
  base::Uuid other;
  bool from_feed = false;
  bool other_from_feed = false;
  std::string mine;
  std::string theirs;
  std::string reason;
  std::int64_t since_ms = 0;
  std::optional<Answer> answered;
  std::int64_t answered_ms = 0;

  // The two recordings of an overlap as this device sees them.
  [[nodiscard]] base::Uuid my_recording() const { return from_feed && !other_from_feed ? other : rec_id; }
  [[nodiscard]] base::Uuid their_recording() const { return from_feed && !other_from_feed ? rec_id : other; }
};

// `which`: what follows WHERE, with `value` as ?1 if it has one.
template <typename... Values>
base::Result<std::vector<Entry>> read_entries(db::Connection& connection, std::string_view which,
                                              const Values&... values) {
  auto select = connection.prepare(
      "SELECT c.id, c.kind, r.rec_id, o.rec_id, r.from_feed, o.from_feed, c.mine, c.theirs, c.reason, c.since_ms, "
      "c.answer, c.answered_ms FROM conflict AS c JOIN recording AS r ON r.id = c.recording LEFT JOIN recording AS o "
      "ON o.id = c.other WHERE " +
      std::string(which));
  if (!select) return select.error();
  int parameter = 0;
  (select->bind(++parameter, values), ...);
  std::vector<Entry> entries;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return entries;
    Entry& entry = entries.emplace_back();
    entry.id = select->text(0);
    entry.kind = static_cast<ConflictKind>(select->integer(1));
    if (!copy_exact(select->blob(2), entry.rec_id.bytes) ||
        (!is_text(entry.kind) && !copy_exact(select->blob(3), entry.other.bytes))) {
      return damaged("a conflict without its session");
    }
    entry.from_feed = select->integer(4) != 0;
    entry.other_from_feed = select->integer(5) != 0;
    entry.mine = select->text(6);
    entry.theirs = select->text(7);
    entry.reason = select->text(8);
    entry.since_ms = select->integer(9);
    if (!select->is_null(10)) entry.answered = static_cast<Answer>(select->integer(10));
    entry.answered_ms = select->integer(11);
  }
}

base::Status close_entry(db::Connection& connection, const std::string& id, Answer answer, std::int64_t at_ms) {
  auto update = connection.prepare("UPDATE conflict SET answer = ?2, answered_ms = ?3 WHERE id = ?1");
  if (!update) return update.error();
  BOATHOUSE_TRY(update->bind(1, id).bind(2, static_cast<int>(answer)).bind(3, at_ms).run());
  auto prune = connection.prepare(
      "DELETE FROM conflict WHERE id IN (SELECT id FROM conflict WHERE answer IS NOT NULL ORDER BY answered_ms DESC, "
      "id LIMIT -1 OFFSET ?1)");
  if (!prune) return prune.error();
  return prune->bind(1, kKeptAnswers).run();
}

Answer answer_by_text(const Entry& entry, const std::string& text) {
  if (text == entry.mine) return Answer::mine;
  if (text == entry.theirs) return Answer::theirs;
  const bool both =
      text == joined(entry.kind, entry.mine, entry.theirs) || text == joined(entry.kind, entry.theirs, entry.mine);
  return both ? Answer::both : Answer::other;
}

std::string device_of(const rowing::Birth& birth) {
  if (!birth.monitor_serial.empty()) return birth.monitor_serial;
  return birth.source_name;
}

base::Result<ConflictSide> side_of(db::Connection& connection, const base::Uuid& rec_id) {
  ConflictSide side;
  side.rec_id = rec_id;
  auto row = get_recording(connection, rec_id);
  if (!row) return row.error();
  auto known = read_evidence(connection, *row, false);
  if (!known) return known.error();
  if (!*known) return side;
  side.started_ms = (*known)->birth.started_ms;
  const rowing::WorkoutFacts facts = (*known)->seal.workout.value_or(rowing::WorkoutFacts());
  side.elapsed_cs = facts.elapsed_cs;
  side.distance_dm = facts.distance_dm;
  side.device = device_of((*known)->birth);
  return side;
}

base::Result<Conflict> show(db::Connection& connection, const Entry& entry) {
  Conflict conflict;
  conflict.id = entry.id;
  conflict.kind = entry.kind;
  conflict.reason = entry.reason;
  conflict.since_ms = entry.since_ms;
  conflict.answered = entry.answered;
  conflict.answered_ms = entry.answered_ms;
  auto members = session_members(connection, entry.rec_id);
  if (!members) return members.error();
  conflict.session = members->front();
  if (is_text(entry.kind)) {
    conflict.mine.text = entry.mine;
    conflict.theirs.text = entry.theirs;
    return conflict;
  }
  auto mine = side_of(connection, entry.my_recording());
  if (!mine) return mine.error();
  auto theirs = side_of(connection, entry.their_recording());
  if (!theirs) return theirs.error();
  conflict.mine = std::move(*mine);
  conflict.theirs = std::move(*theirs);
  return conflict;
}

base::Status answer_text(db::Connection& connection, base::UuidV7Source& ids, const Entry& entry, Answer answer,
                         std::int64_t now_utc_ms) {
  Edit edit;
  edit.op_id = ids.next();
  edit.session = entry.rec_id;
  edit.field = entry.kind == ConflictKind::title ? EditField::title : EditField::notes;
  if (answer == Answer::mine) edit.text = entry.mine;
  if (answer == Answer::theirs) edit.text = entry.theirs;
  if (answer == Answer::both) edit.text = joined(entry.kind, entry.mine, entry.theirs);
  auto made = make_edit(connection, std::move(edit), now_utc_ms);
  return made ? base::Status() : base::Status(made.error());
}

base::Status choose_primary(db::Connection& connection, base::UuidV7Source& ids, const base::Uuid& session,
                            const base::Uuid& primary, std::int64_t now_utc_ms) {
  auto row = get_recording(connection, primary);
  if (!row) return row.error();
  auto streams = get_streams(connection, row->id);
  if (!streams) return streams.error();
  for (const auto& [stream, counts] : *streams) {
    Edit edit;
    edit.op_id = ids.next();
    edit.session = session;
    edit.field = EditField::primary;
    edit.stream = stream;
    edit.primary = primary;
    if (auto made = make_edit(connection, std::move(edit), now_utc_ms); !made) return made.error();
  }
  return {};
}

base::Status answer_overlap(db::Connection& connection, base::UuidV7Source& ids, const Entry& entry, Answer answer,
                            std::int64_t now_utc_ms) {
  if (answer == Answer::both) {
    auto members = session_members(connection, entry.rec_id);
    if (!members) return members.error();
    if (std::ranges::find(*members, entry.other) == members->end()) *members = {entry.rec_id};
    return part_from_session(connection, ids, *members, entry.their_recording(), now_utc_ms);
  }
  // The primaries first: what settles the link, here and where the edits come by the feed, looks at them.
  const base::Uuid primary = answer == Answer::mine ? entry.my_recording() : entry.their_recording();
  BOATHOUSE_TRY(choose_primary(connection, ids, std::min(entry.rec_id, entry.other), primary, now_utc_ms));
  return join_sessions(connection, ids, entry.rec_id, entry.other, now_utc_ms);
}

base::Status settle_link(db::Connection& connection, const base::Uuid& session, const base::Uuid& other) {
  const Pair pair = Pair::of(session, other);
  std::vector<rowing::PlacedEdit> edits;
  for (const auto& [from, to] : {std::pair(pair.low, pair.high), std::pair(pair.high, pair.low)}) {
    auto recording = find_recording(connection, from);
    if (!recording) return recording.error();
    if (!*recording) continue;
    auto found = read_edits(connection, (*recording)->id, "link:" + to.text());
    if (!found) return found.error();
    edits.insert(edits.end(), found->begin(), found->end());
  }
  const auto winner = rowing::resolve(edits).winner;
  if (!winner || !winner->edit.flag) {
    auto remove = connection.prepare("DELETE FROM link WHERE low = ?1 AND high = ?2");
    if (!remove) return remove.error();
    return remove->bind(1, base::ByteView(pair.low.bytes)).bind(2, base::ByteView(pair.high.bytes)).run();
  }
  const bool decided = !*winner->edit.flag || winner->edit.seen != rowing::Stamp{};
  auto put = connection.prepare(
      "INSERT INTO link(low, high, linked, decided, ms, count, replica_id, op_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
      "?8) ON CONFLICT(low, high) DO UPDATE SET linked = ?3, decided = ?4, ms = ?5, count = ?6, replica_id = ?7, "
      "op_id = ?8");
  if (!put) return put.error();
  put->bind(1, base::ByteView(pair.low.bytes)).bind(2, base::ByteView(pair.high.bytes));
  put->bind(3, *winner->edit.flag).bind(4, decided).bind(5, winner->effective.ms).bind(6, winner->effective.count);
  put->bind(7, base::ByteView(winner->edit.replica_id.bytes)).bind(8, base::ByteView(winner->edit.op_id.bytes));
  BOATHOUSE_TRY(put->run());
  return settle_overlap(connection, pair);
}

}  // namespace

std::string_view name(ConflictKind kind) {
  const auto found = std::ranges::find(kKinds, kind, [](const auto& entry) { return entry.first; });
  return found == kKinds.end() ? "unknown" : found->second;
}

std::string_view name(Answer answer) {
  const auto found = std::ranges::find(kAnswers, answer, [](const auto& entry) { return entry.first; });
  return found == kAnswers.end() ? "unknown" : found->second;
}

std::optional<Answer> answer_from_name(std::string_view text) {
  for (const auto& [answer, word] : kAnswers) {
    if (word == text && answer != Answer::other) return answer;
  }
  return std::nullopt;
}

base::Status settle_field(db::Connection& connection, const RecordingRow& recording, const Edit& edit) {
  if (edit.field == EditField::link) return settle_link(connection, recording.rec_id, edit.other);
  if (edit.field != EditField::title && edit.field != EditField::notes) return {};
  auto edits = read_edits(connection, recording.id, rowing::field_key(edit));
  if (!edits) return edits.error();
  return log_text(connection, recording, edit.field, rowing::resolve(*edits));
}

base::Status settle_all(db::Connection& connection) {
  std::set<base::Uuid> sessions;
  {
    auto select =
        connection.prepare("SELECT DISTINCT r.rec_id FROM edit AS e JOIN recording AS r ON r.id = e.recording");
    if (!select) return select.error();
    for (;;) {
      auto row = select->step();
      if (!row) return row.error();
      if (!*row) break;
      base::Uuid id;
      if (!copy_exact(select->blob(0), id.bytes)) return damaged("a recording without an id");
      sessions.insert(id);
    }
  }
  for (const base::Uuid& session : sessions) {
    auto recording = get_recording(connection, session);
    if (!recording) return recording.error();
    auto edits = read_edits(connection, recording->id, "");
    if (!edits) return edits.error();
    std::set<std::string> fields;
    for (const rowing::PlacedEdit& placed : *edits) {
      if (fields.insert(rowing::field_key(placed.edit)).second) {
        BOATHOUSE_TRY(settle_field(connection, *recording, placed.edit));
      }
    }
  }
  return {};
}

base::Status log_text(db::Connection& connection, const RecordingRow& recording, EditField field,
                      const rowing::FieldValue& value) {
  const ConflictKind kind = field == EditField::title ? ConflictKind::title : ConflictKind::notes;
  const Edit& shown = value.winner->edit;
  std::string id;
  if (value.other) id = conflict_id(name(kind), shown.op_id, value.other->edit.op_id);
  auto open = read_entries(connection, "c.recording = ?1 AND c.kind = ?2 AND c.answer IS NULL", recording.id,
                           static_cast<int>(kind));
  if (!open) return open.error();
  for (const Entry& entry : *open) {
    if (entry.id == id) continue;
    // With another other version the choice is a new one.
    const Answer how = value.other ? Answer::other : answer_by_text(entry, shown.text.value_or(""));
    BOATHOUSE_TRY(close_entry(connection, entry.id, how, value.winner->effective.ms));
  }
  if (!value.other) return {};
  auto replica = own_replica_id(connection);
  if (!replica) return replica.error();
  std::string mine = shown.text.value_or("");
  std::string theirs = value.other->edit.text.value_or("");
  if (value.other->edit.replica_id == *replica) std::swap(mine, theirs);
  auto insert = connection.prepare(
      "INSERT INTO conflict(id, kind, recording, mine, theirs, since_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT "
      "DO NOTHING");
  if (!insert) return insert.error();
  insert->bind(1, id).bind(2, static_cast<int>(kind)).bind(3, recording.id).bind(4, mine).bind(5, theirs);
  return insert->bind(6, value.winner->effective.ms).run();
}

base::Status log_overlap(db::Connection& connection, ConflictKind kind, const Pair& pair, std::string_view reason,
                         std::int64_t now_utc_ms) {
  auto low = get_recording(connection, pair.low);
  if (!low) return low.error();
  auto high = get_recording(connection, pair.high);
  if (!high) return high.error();
  // What was a suggestion without the samples may be more with them, while nobody has answered.
  auto put = connection.prepare(
      "INSERT INTO conflict(id, kind, recording, other, reason, since_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON "
      "CONFLICT(id) DO UPDATE SET kind = ?2, reason = ?5 WHERE answer IS NULL");
  if (!put) return put.error();
  put->bind(1, overlap_id(pair)).bind(2, static_cast<int>(kind)).bind(3, low->id).bind(4, high->id);
  return put->bind(5, reason).bind(6, now_utc_ms).run();
}

base::Status settle_overlap(db::Connection& connection, const Pair& pair) {
  auto open = read_entries(connection, "c.id = ?1 AND c.answer IS NULL", overlap_id(pair));
  if (!open) return open.error();
  if (open->empty()) return {};
  const Entry& entry = open->front();
  auto select = connection.prepare("SELECT linked, decided, ms FROM link WHERE low = ?1 AND high = ?2");
  if (!select) return select.error();
  auto there = select->bind(1, base::ByteView(pair.low.bytes)).bind(2, base::ByteView(pair.high.bytes)).step();
  if (!there) return there.error();
  if (!*there) return {};
  const bool linked = select->integer(0) != 0;
  const bool decided = select->integer(1) != 0;
  const std::int64_t at_ms = select->integer(2);
  select->reset();
  if (!linked) return close_entry(connection, entry.id, Answer::both, at_ms);
  // A link that a device made by itself leaves the question open.
  if (entry.kind == ConflictKind::overlap && !decided) return {};
  auto chosen = chosen_primaries(connection, {pair.low, pair.high});
  if (!chosen) return chosen.error();
  if (chosen->empty()) return close_entry(connection, entry.id, Answer::other, at_ms);
  const bool mine = chosen->begin()->second == entry.my_recording();
  return close_entry(connection, entry.id, mine ? Answer::mine : Answer::theirs, at_ms);
}

base::Result<std::vector<Conflict>> Store::conflicts() {
  const std::lock_guard guard(impl_->mutex);
  auto entries = read_entries(impl_->connection,
                              "true ORDER BY c.answer IS NOT NULL, coalesce(c.answered_ms, c.since_ms) DESC, c.id");
  if (!entries) return entries.error();
  std::vector<Conflict> conflicts;
  for (const Entry& entry : *entries) {
    auto conflict = show(impl_->connection, entry);
    if (!conflict) return conflict.error();
    conflicts.push_back(std::move(*conflict));
  }
  return conflicts;
}

base::Status Store::answer(std::string_view id, Answer answer, std::int64_t now_utc_ms) {
  if (answer == Answer::other) {
    return base::Error{base::ErrorCode::invalid_input, "the answer must be mine, theirs or both"};
  }
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  return impl_->transact([&]() -> base::Status {
    auto found = read_entries(connection, "c.id = ?1", id);
    if (!found) return found.error();
    if (found->empty()) {
      return base::Error{base::ErrorCode::not_found,
                         "no conflict " + std::string(id) + " (device conflicts lists them)"};
    }
    const Entry& entry = found->front();
    if (entry.answered) {
      if (*entry.answered == answer) return {};
      return base::Error{base::ErrorCode::conflict, "this was answered before (" + std::string(name(*entry.answered)) +
                                                        "); write the text again, or link and unlink the sessions"};
    }
    BOATHOUSE_TRY(is_text(entry.kind) ? answer_text(connection, *impl_->ids, entry, answer, now_utc_ms)
                                      : answer_overlap(connection, *impl_->ids, entry, answer, now_utc_ms));
    // It is the person's word, however the edits look (both texts may be the same as one of them).
    return close_entry(connection, entry.id, answer, now_utc_ms);
  });
}

}  // namespace boathouse::store
