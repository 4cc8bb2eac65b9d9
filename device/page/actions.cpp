#include "apps/boathouse/session_actions.hpp"

#include <vector>

#include "core/base/json.hpp"
#include "core/rowing/edit.hpp"

namespace boathouse::app {
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

void add_text(std::vector<Edit>& edits, const JsonValue& fields, std::string_view key, EditField field) {
  const JsonValue* value = fields.find(key);
  if (value == nullptr) return;
  Edit& edit = edits.emplace_back(edit_of(field));
  if (value->text() != nullptr) edit.text = *value->text();
}

void add_tags(std::vector<Edit>& edits, const JsonValue& fields, std::string_view key, bool there) {
  const JsonValue* value = fields.find(key);
  if (value == nullptr || value->array() == nullptr) return;
  for (const JsonValue& tag : *value->array()) {
    if (tag.text() == nullptr) continue;
    Edit& edit = edits.emplace_back(edit_of(EditField::tag));
    edit.name = *tag.text();
    edit.flag = there;
  }
}

void write_fields(JsonWriter& json, const store::SessionFields& fields) {
  const auto text = [&json](std::string_view key, const std::optional<std::string>& value) {
    json.key(key);
    if (value) {
      json.value(*value);
    } else {
      json.null();
    }
  };
  text("title", fields.title);
  text("notes", fields.notes);
  text("other_title", fields.other_title);
  text("other_notes", fields.other_notes);
  json.key("tags").begin_array();
  for (const std::string& tag : fields.tags) json.value(tag);
  json.end_array().key("deleted").value(fields.deleted);
}

}  // namespace

base::Result<base::Uuid> parse_session(const std::string& text) {
  const auto id = base::Uuid::parse(std::string_view(text).substr(text.starts_with("ses_") ? 4 : 0));
  if (!id) return Error{ErrorCode::invalid_input, "not a session: " + text + " (device sessions lists them)"};
  return *id;
}

base::Result<std::string> edit_session(Device& device, const std::string& session, const std::string& fields) {
  const auto id = parse_session(session);
  if (!id) return id.error();
  const auto wanted = base::parse_json(fields);
  if (!wanted) return wanted.error();
  std::vector<Edit> edits;
  add_text(edits, *wanted, "title", EditField::title);
  add_text(edits, *wanted, "notes", EditField::notes);
  add_tags(edits, *wanted, "add_tags", true);
  add_tags(edits, *wanted, "remove_tags", false);
  if (const JsonValue* deleted = wanted->find("deleted"); deleted != nullptr && deleted->boolean()) {
    edits.push_back(edit_of(EditField::deleted));
    edits.back().flag = *deleted->boolean();
  }
  for (Edit& edit : edits) {
    edit.op_id = device.ids.next();
    edit.session = *id;
    if (const auto stored = device.store->edit(edit, device.clock.utc_ms()); !stored) return stored.error();
  }
  const auto now = device.store->fields(*id);
  if (!now) return now.error();
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("edits").value(edits.size());
  write_fields(json, *now);
  json.end_object();
  return out;
}

base::Result<std::string> fetch_session(Device& device, const std::string& session) {
  const auto id = parse_session(session);
  if (!id) return id.error();
  const auto wanted = device.store->fetch(*id);
  if (!wanted) return wanted.error();
  std::string out;
  JsonWriter(out).begin_object().key("wanted_chunks").value(*wanted).end_object();
  return out;
}

base::Result<std::string> storage(Device& device, const std::string& request) {
  const auto wanted = base::parse_json(request);
  if (!wanted) return wanted.error();
  const auto number = [&](std::string_view key) -> std::optional<std::uint64_t> {
    const JsonValue* value = wanted->find(key);
    if (value == nullptr || !value->integer() || *value->integer() < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*value->integer());
  };
  if (const auto cap = number("cap_bytes")) BOATHOUSE_TRY(device.store->set_cap(*cap));
  std::uint64_t freed = 0;
  if (const auto bytes = number("free_bytes")) {
    const auto done = device.store->free_space(*bytes);
    if (!done) return done.error();
    freed = *done;
  }
  const auto space = device.store->space();
  if (!space) return space.error();
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .key("used")
      .value(space->used)
      .key("cap")
      .value(space->cap)
      .key("freeable")
      .value(space->freeable);
  json.key("unsent").value(space->unsent).key("unverified").value(space->unverified);
  json.key("not_backed_up").value(space->not_backed_up).key("freed").value(freed).end_object();
  return out;
}

}  // namespace boathouse::app
