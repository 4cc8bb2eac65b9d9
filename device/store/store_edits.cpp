// Edits: made here and stamped, come from other devices, and what a session's fields are after all of them.
#include <string>
#include <utility>

#include "core/base/sha256.hpp"
#include "core/rowing/edit_order.hpp"
#include "core/wire/edit.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {
namespace {

using rowing::Edit;
using rowing::EditField;
using rowing::PlacedEdit;
using rowing::Stamp;

// The next number of a counter in `setting`, from 1.
base::Result<std::uint64_t> next_number(db::Connection& connection, std::string_view name) {
  auto put = connection.prepare(
      "INSERT INTO setting(name, value) VALUES (?1, 1) ON CONFLICT(name) DO UPDATE SET value = value + 1 RETURNING "
      "value");
  if (!put) return put.error();
  auto row = put->bind(1, name).step();
  if (!row) return row.error();
  const auto number = static_cast<std::uint64_t>(put->integer(0));
  put->reset();
  return number;
}

base::Result<Stamp> newest_stamp(db::Connection& connection) {
  auto select = connection.prepare("SELECT ms, count FROM edit ORDER BY ms DESC, count DESC LIMIT 1");
  if (!select) return select.error();
  auto there = select->step();
  if (!there) return there.error();
  if (!*there) return Stamp{};
  return Stamp{select->integer(0), static_cast<std::uint32_t>(select->integer(1))};
}

}  // namespace

base::Result<std::vector<PlacedEdit>> read_edits(db::Connection& connection, std::int64_t recording,
                                                 std::string_view field) {
  auto select = connection.prepare(
      "SELECT e.ms, e.count, b.body FROM edit AS e JOIN body AS b ON b.item = e.item WHERE e.recording = ?1 AND (?2 = "
      "'' "
      "OR e.field = ?2) ORDER BY e.field, e.ms, e.count");
  if (!select) return select.error();
  select->bind(1, recording).bind(2, field);
  std::vector<PlacedEdit> edits;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return edits;
    auto edit = wire::decode_edit(base::as_text(select->blob(2)));
    if (!edit) return edit.error().within("a stored edit");
    edits.push_back({std::move(*edit), {select->integer(0), static_cast<std::uint32_t>(select->integer(1))}});
  }
}

base::Result<std::int64_t> put_edit(db::Connection& connection, std::int64_t recording, const Edit& edit,
                                    const Stamp& effective, std::string_view json) {
  auto number = next_number(connection, "edits");
  if (!number) return number.error();
  NewItem item;
  item.recording = recording;
  item.kind = wire::ItemKind::edit;
  item.first = *number;
  item.sha256 = base::sha256(base::as_bytes(json));
  item.body = base::as_bytes(json);
  auto id = put_item(connection, item);
  if (!id) return id.error();
  auto insert = connection.prepare(
      "INSERT INTO edit(item, op_id, recording, field, ms, count, replica_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  if (!insert) return insert.error();
  insert->bind(1, *id).bind(2, base::ByteView(edit.op_id.bytes)).bind(3, recording).bind(4, rowing::field_key(edit));
  insert->bind(5, effective.ms).bind(6, effective.count).bind(7, base::ByteView(edit.replica_id.bytes));
  BOATHOUSE_TRY(insert->run());
  return id;
}

namespace {

// An empty text says the same as none.
std::optional<std::string> without_empty(const std::optional<std::string>& text) {
  return text && !text->empty() ? text : std::nullopt;
}

void take_field(SessionFields& fields, const rowing::FieldValue& value) {
  const Edit& edit = value.winner->edit;
  switch (edit.field) {
    case EditField::title:
      fields.title = without_empty(edit.text);
      if (value.other) fields.other_title = value.other->edit.text.value_or("");
      break;
    case EditField::notes:
      fields.notes = without_empty(edit.text);
      if (value.other) fields.other_notes = value.other->edit.text.value_or("");
      break;
    case EditField::tag:
      if (edit.flag == true) fields.tags.push_back(edit.name);
      break;
    case EditField::deleted:
      fields.deleted = edit.flag == true;
      fields.deleted_ms = value.winner->effective.ms;
      break;
    case EditField::link:
      if (edit.flag) fields.links[edit.other] = *edit.flag;
      break;
    case EditField::primary:
      if (edit.primary) fields.primaries[edit.stream] = *edit.primary;
      break;
    case EditField::purged:
      break;
  }
}

}  // namespace

base::Status take_edit(db::Connection& connection, std::string_view epoch, const RecordingRow& recording,
                       const wire::Change& change) {
  auto edit = wire::decode_edit(change.json);
  if (!edit) return edit.error();
  if (edit->op_id != change.op_id || edit->session != change.rec_id) {
    return base::Error{base::ErrorCode::invalid_input, "the feed's edit is another one than its entry says"};
  }
  const Stamp effective = change.effective.value_or(edit->stamp);
  Acknowledgement receipt;
  receipt.outcome = wire::Outcome::duplicate;
  receipt.server_seq = change.seq;
  {
    auto select =
        connection.prepare("SELECT e.item, i.sha256 FROM edit AS e JOIN item AS i ON i.id = e.item WHERE e.op_id = ?1");
    if (!select) return select.error();
    auto there = select->bind(1, base::ByteView(edit->op_id.bytes)).step();
    if (!there) return there.error();
    if (*there) {
      receipt.id = select->integer(0);
      base::Digest sha256{};
      if (!copy_exact(select->blob(1), sha256)) return damaged("an edit without a hash");
      if (sha256 != change.sha256) {
        receipt.outcome = wire::Outcome::mismatch;
        receipt.detail = "the server holds another edit under the same id";
      }
    }
  }
  if (receipt.id == 0) {
    auto id = put_edit(connection, recording.id, *edit, effective, change.json);
    if (!id) return id.error();
    receipt.id = *id;
  } else if (receipt.outcome == wire::Outcome::duplicate) {
    auto update = connection.prepare("UPDATE edit SET ms = ?2, count = ?3 WHERE item = ?1");
    if (!update) return update.error();
    BOATHOUSE_TRY(update->bind(1, receipt.id).bind(2, effective.ms).bind(3, effective.count).run());
  }
  BOATHOUSE_TRY(acknowledge_item(connection, epoch, receipt));
  BOATHOUSE_TRY(settle_field(connection, recording, *edit));
  return edit->field == EditField::deleted ? withdraw_erasures(connection) : base::Status();
}

namespace {

struct RefusedErasure {
  std::int64_t item = 0;
  std::int64_t recording = 0;
};

base::Result<std::vector<RefusedErasure>> refused_erasures(db::Connection& connection) {
  auto select = connection.prepare(
      "SELECT i.id, i.recording FROM item AS i INDEXED BY refused CROSS JOIN edit AS e ON e.item = i.id "
      "WHERE i.outcome >= 2 AND e.field = 'purged'");
  if (!select) return select.error();
  std::vector<RefusedErasure> erasures;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return erasures;
    erasures.push_back({select->integer(0), select->integer(1)});
  }
}

}  // namespace

base::Status withdraw_erasures(db::Connection& connection) {
  auto erasures = refused_erasures(connection);
  if (!erasures) return erasures.error();
  for (const RefusedErasure& erasure : *erasures) {
    auto fields = read_fields(connection, erasure.recording);
    if (!fields) return fields.error();
    if (fields->deleted) continue;
    for (const char* sql :
         {"DELETE FROM body WHERE item = ?1", "DELETE FROM edit WHERE item = ?1", "DELETE FROM item WHERE id = ?1"}) {
      auto remove = connection.prepare(sql);
      if (!remove) return remove.error();
      BOATHOUSE_TRY(remove->bind(1, erasure.item).run());
    }
  }
  return {};
}

namespace {

// Whether no server has given a receipt for it.
base::Result<bool> is_unsent(db::Connection& connection, const base::Uuid& op_id) {
  auto select = connection.prepare(
      "SELECT EXISTS(SELECT 1 FROM edit AS e JOIN item AS i ON i.id = e.item WHERE e.op_id = ?1 AND i.outcome IS "
      "NULL)");
  if (!select) return select.error();
  auto row = select->bind(1, base::ByteView(op_id.bytes)).step();
  if (!row) return row.error();
  return select->integer(0) != 0;
}

// What would be passed over is not written. A clock that was once wrong would make every restore too late: where it was
// ahead its stamps stay there until a sync, so the restore gets the place that a server would give it; where it was
// behind the deletion is long ago, but if nobody else can know of it, the restore stands right behind it.
base::Status stamp_restore(db::Connection& connection, std::vector<PlacedEdit> edits, Edit& edit,
                           std::int64_t now_utc_ms) {
  if (edit.field != EditField::deleted) return {};
  std::vector<Stamp> stamps{edit.stamp, rowing::placed_stamp(edit, now_utc_ms)};
  if (const auto before = rowing::resolve(edits).winner) {
    auto unsent = is_unsent(connection, before->edit.op_id);
    if (!unsent) return unsent.error();
    if (*unsent) stamps.push_back(rowing::next_stamp(before->effective, 0));
  }
  for (const Stamp& stamp : stamps) {
    edit.stamp = stamp;
    edits.push_back({edit, stamp});
    if (rowing::resolve(edits).winner->edit.flag.value_or(false) == edit.flag.value_or(false)) return {};
    edits.pop_back();
  }
  return base::Error{base::ErrorCode::conflict,
                     "this session was deleted more than 30 days ago and cannot be restored any more; if it was not, "
                     "set this device's clock right and try again"};
}

}  // namespace

base::Result<Edit> make_edit(db::Connection& connection, Edit edit, std::int64_t now_utc_ms) {
  auto recording = get_recording(connection, edit.session);
  if (!recording) return recording.error();
  if (recording->purged) return base::Error{base::ErrorCode::not_found, "this session was erased by its owner"};
  auto replica = own_replica_id(connection);
  if (!replica) return replica.error();
  edit.replica_id = *replica;
  edit.text = without_empty(edit.text);
  auto op_seq = next_number(connection, "op_seq");
  if (!op_seq) return op_seq.error();
  edit.op_seq = *op_seq;
  auto newest = newest_stamp(connection);
  if (!newest) return newest.error();
  edit.stamp = rowing::next_stamp(*newest, now_utc_ms);
  auto before = read_edits(connection, recording->id, rowing::field_key(edit));
  if (!before) return before.error();
  edit.seen = before->empty() ? Stamp{} : before->back().effective;
  BOATHOUSE_TRY(rowing::check_new_edit(edit));
  BOATHOUSE_TRY(stamp_restore(connection, std::move(*before), edit, now_utc_ms));
  auto id = put_edit(connection, recording->id, edit, edit.stamp, wire::encode_edit(edit));
  if (!id) return id.error();
  BOATHOUSE_TRY(settle_field(connection, *recording, edit));
  return edit;
}

base::Result<Edit> Store::edit(Edit edit, std::int64_t now_utc_ms) {
  const std::lock_guard guard(impl_->mutex);
  const base::Status done = impl_->transact([&]() -> base::Status {
    auto made = make_edit(impl_->connection, std::move(edit), now_utc_ms);
    if (!made) return made.error();
    edit = std::move(*made);
    return {};
  });
  if (!done) return done.error();
  return edit;
}

base::Status Store::set_deleted(const base::Uuid& rec_id, bool deleted, std::int64_t now_utc_ms) {
  const std::lock_guard guard(impl_->mutex);
  return impl_->transact([&]() -> base::Status {
    auto members = session_members(impl_->connection, rec_id);
    if (!members) return members.error();
    for (const base::Uuid& member : *members) {
      Edit edit;
      edit.op_id = impl_->ids->next();
      edit.session = member;
      edit.field = EditField::deleted;
      edit.flag = deleted;
      if (auto made = make_edit(impl_->connection, std::move(edit), now_utc_ms); !made) return made.error();
    }
    return {};
  });
}

base::Result<SessionFields> read_fields(db::Connection& connection, std::int64_t recording) {
  auto edits = read_edits(connection, recording, "");
  if (!edits) return edits.error();
  SessionFields fields;
  std::span<const PlacedEdit> rest(*edits);
  while (!rest.empty()) {
    const std::string key = rowing::field_key(rest.front().edit);
    std::size_t count = 1;
    while (count < rest.size() && rowing::field_key(rest[count].edit) == key) ++count;
    take_field(fields, rowing::resolve(rest.first(count)));
    rest = rest.subspan(count);
  }
  return fields;
}

base::Result<SessionFields> Store::fields(const base::Uuid& session) {
  const std::lock_guard guard(impl_->mutex);
  auto recording = get_recording(impl_->connection, session);
  if (!recording) return recording.error();
  return read_fields(impl_->connection, recording->id);
}

}  // namespace boathouse::store
