#include "device/page/actions.hpp"

#include <algorithm>
#include <vector>

#include "core/base/decimal.hpp"
#include "core/rowing/edit.hpp"

namespace boathouse::page {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonValue;
using base::JsonWriter;
using rowing::Edit;
using rowing::EditField;

Edit edit_of(EditField field) {
  Edit edit;
  edit.field = field;
  return edit;
}

Error wrong_type(std::string_view key, std::string_view wanted) {
  return Error{ErrorCode::invalid_input, "\"" + std::string(key) + "\" must be " + std::string(wanted)};
}

base::Status add_text(std::vector<Edit>& edits, const JsonValue& fields, std::string_view key, EditField field) {
  const JsonValue* value = fields.find(key);
  if (value == nullptr) return {};
  if (value->text() == nullptr && !value->is_null()) return wrong_type(key, "text or null");
  Edit& edit = edits.emplace_back(edit_of(field));
  if (value->text() != nullptr) edit.text = *value->text();
  return {};
}

base::Status add_tags(std::vector<Edit>& edits, const JsonValue& fields, std::string_view key, bool there) {
  const JsonValue* value = fields.find(key);
  if (value == nullptr) return {};
  if (value->array() == nullptr) return wrong_type(key, "an array of text");
  for (const JsonValue& tag : *value->array()) {
    if (tag.text() == nullptr) return wrong_type(key, "an array of text");
    Edit& edit = edits.emplace_back(edit_of(EditField::tag));
    edit.name = *tag.text();
    edit.flag = there;
  }
  return {};
}

// Bytes; nullopt when the key is not there.
base::Result<std::optional<std::uint64_t>> byte_count(const JsonValue& object, std::string_view key) {
  const JsonValue* value = object.find(key);
  if (value == nullptr) return std::optional<std::uint64_t>();
  const auto number = value->integer();
  if (!number || *number < 0) return wrong_type(key, "a whole number of bytes");
  return std::optional(static_cast<std::uint64_t>(*number));
}

void write_fields(JsonWriter& json, const store::SessionFields& fields) {
  write_text(json, "title", fields.title);
  write_text(json, "notes", fields.notes);
  write_text(json, "other_title", fields.other_title);
  write_text(json, "other_notes", fields.other_notes);
  json.key("tags").begin_array();
  for (const std::string& tag : fields.tags) json.value(tag);
  json.end_array().key("deleted").value(fields.deleted);
}

base::Result<std::string> session_json(store::Store& store, const base::Uuid& rec_id) {
  const auto session = store.session(rec_id);
  if (!session) return session.error();
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("session").value(session_id(session->id));
  write_recordings(json, *session);
  json.end_object();
  return out;
}

}  // namespace

void write_text(JsonWriter& json, std::string_view key, const std::optional<std::string>& text) {
  json.key(key);
  if (text) {
    json.value(*text);
  } else {
    json.null();
  }
}

void write_totals(JsonWriter& json, const std::optional<std::int64_t>& elapsed_cs,
                  const std::optional<std::int64_t>& distance_dm) {
  const auto number = [&json](std::string_view key, const std::optional<std::int64_t>& value, int shift) {
    json.key(key);
    if (value) {
      json.number(base::format_scaled(*value, shift));
    } else {
      json.null();
    }
  };
  number("elapsed_s", elapsed_cs, 2);
  number("distance_m", distance_dm, 1);
}

void write_recordings(JsonWriter& json, const store::SessionInfo& session) {
  json.key("recordings").begin_array();
  for (const store::RecordingInfo& info : session.recordings) json.value(session_id(info.birth.rec_id));
  json.end_array();
}

std::string session_id(const base::Uuid& id) { return "ses_" + id.text(); }

base::Result<base::JsonValue> parse_object(const std::string& text, std::initializer_list<std::string_view> keys) {
  auto value = base::parse_json(text);
  if (!value) return value;
  if (value->object() == nullptr) return Error{ErrorCode::invalid_input, "a JSON object is needed"};
  for (const auto& [key, ignored] : *value->object()) {
    if (std::ranges::find(keys, key) == keys.end()) {
      return Error{ErrorCode::invalid_input, "\"" + key + "\" is not known here"};
    }
  }
  return value;
}

base::Result<base::Uuid> parse_session(const std::string& text) {
  const auto id = base::Uuid::parse(std::string_view(text).substr(text.starts_with("ses_") ? 4 : 0));
  if (!id) return Error{ErrorCode::invalid_input, "not a session: " + text + " (device sessions lists them)"};
  return *id;
}

base::Result<std::string> edit_session(const Tools& tools, const std::string& session, const std::string& fields) {
  const auto id = parse_session(session);
  if (!id) return id.error();
  const auto wanted = parse_object(fields, {"title", "notes", "add_tags", "remove_tags", "deleted"});
  if (!wanted) return wanted.error();
  std::vector<Edit> edits;
  BOATHOUSE_TRY(add_text(edits, *wanted, "title", EditField::title));
  BOATHOUSE_TRY(add_text(edits, *wanted, "notes", EditField::notes));
  BOATHOUSE_TRY(add_tags(edits, *wanted, "add_tags", true));
  BOATHOUSE_TRY(add_tags(edits, *wanted, "remove_tags", false));
  const JsonValue* const deleted = wanted->find("deleted");
  if (deleted != nullptr && !deleted->boolean()) return wrong_type("deleted", "true or false");
  const auto before = tools.store.session(*id);
  if (!before) return before.error();
  for (Edit& edit : edits) {
    edit.op_id = tools.ids.next();
    edit.session = before->id;
    if (const auto stored = tools.store.edit(edit, tools.clock.utc_ms()); !stored) return stored.error();
  }
  if (deleted != nullptr) BOATHOUSE_TRY(tools.store.set_deleted(*id, *deleted->boolean(), tools.clock.utc_ms()));
  const auto now = tools.store.session(*id);
  if (!now) return now.error();
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("edits").value(edits.size() + (deleted != nullptr ? 1 : 0));
  write_fields(json, now->fields);
  json.end_object();
  return out;
}

base::Result<std::string> link_sessions(const Tools& tools, const std::string& session, const std::string& other) {
  const auto stays = parse_session(session);
  if (!stays) return stays.error();
  const auto joins = parse_session(other);
  if (!joins) return joins.error();
  BOATHOUSE_TRY(tools.store.link(*stays, *joins, tools.clock.utc_ms()));
  return session_json(tools.store, *stays);
}

base::Result<std::string> unlink_sessions(const Tools& tools, const std::string& session, const std::string& other) {
  const auto stays = parse_session(session);
  if (!stays) return stays.error();
  const auto leaves = parse_session(other);
  if (!leaves) return leaves.error();
  BOATHOUSE_TRY(tools.store.unlink(*stays, *leaves, tools.clock.utc_ms()));
  return session_json(tools.store, *stays);
}

base::Result<std::string> fetch_session(const Tools& tools, const std::string& session) {
  const auto id = parse_session(session);
  if (!id) return id.error();
  const auto wanted = tools.store.fetch(*id);
  if (!wanted) return wanted.error();
  std::string out;
  JsonWriter(out).begin_object().key("wanted_chunks").value(*wanted).end_object();
  return out;
}

void write_space(JsonWriter& json, const store::Space& space) {
  json.key("used").value(space.used).key("cap").value(space.cap).key("freeable").value(space.freeable);
  json.key("running").value(space.running).key("unsent").value(space.unsent);
  json.key("unverified").value(space.unverified).key("not_backed_up").value(space.not_backed_up);
  json.key("no_backup").value(space.no_backup).key("disk_low").value(space.disk_low);
  json.key("stays").begin_array();
  const auto stays = [&json](std::uint64_t bytes, std::string_view reason, std::string_view text) {
    if (bytes == 0) return;
    json.begin_object().key("reason").value(reason).key("bytes").value(bytes).key("text").value(text).end_object();
  };
  stays(space.running, "running", "a recording that still goes on");
  stays(space.unsent, "unsent", "not sent yet, or refused: device sync sends it, device status names what was refused");
  stays(space.unverified, "unverified",
        "sent, but not complete or not yet compared with the server: a sync compares what is complete");
  stays(space.no_backup, "no_backup",
        "in the cloud and compared, but the server has no verified backup at hand: its operator makes one (serve "
        "--backup-to)");
  stays(space.not_backed_up - space.no_backup, "not_backed_up",
        "in the cloud and compared, but newer than the server's last verified backup: it goes after the next one");
  stays(space.always_here(), "always_here",
        "births, edits, splits, summaries and the directory: small, and always here");
  json.end_array();
}

base::Result<std::string> storage(const Tools& tools, const std::string& request) {
  const auto wanted = parse_object(request, {"cap_bytes", "free_bytes"});
  if (!wanted) return wanted.error();
  const auto cap = byte_count(*wanted, "cap_bytes");
  if (!cap) return cap.error();
  const auto room = byte_count(*wanted, "free_bytes");
  if (!room) return room.error();
  if (*cap) BOATHOUSE_TRY(tools.store.set_cap(**cap));
  std::uint64_t freed = 0;
  if (*room) {
    const auto done = tools.store.free_space(**room);
    if (!done) return done.error();
    freed = *done;
  }
  const auto space = tools.store.space();
  if (!space) return space.error();
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  write_space(json, *space);
  json.key("freed").value(freed).end_object();
  return out;
}

}  // namespace boathouse::page
