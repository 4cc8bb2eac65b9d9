#include "apps/boathouse/session_actions.hpp"

#include <algorithm>
#include <vector>

#include "core/base/decimal.hpp"
#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "core/rowing/edit.hpp"
#include "device/sync/word.hpp"

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

base::Result<std::string> session_json(Device& device, const base::Uuid& rec_id) {
  const auto session = device.store->session(rec_id);
  if (!session) return session.error();
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("session").value(session_id(session->id));
  write_recordings(json, *session);
  json.end_object();
  return out;
}

void write_side(JsonWriter& json, store::ConflictKind kind, const store::ConflictSide& side) {
  json.begin_object();
  if (kind == store::ConflictKind::title || kind == store::ConflictKind::notes) {
    json.key("text").value(side.text);
  } else {
    json.key("recording").value(session_id(side.rec_id));
    json.key("started_at").value(base::format_utc_ms(side.started_ms));
    write_totals(json, side.elapsed_cs, side.distance_dm);
    json.key("device").value(side.device);
  }
  json.end_object();
}

}  // namespace

base::Result<std::string> sessions_json(Device& device) {
  const auto sessions = device.store->sessions();
  if (!sessions) return sessions.error();
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const store::SessionInfo& session : *sessions) {
    const store::RecordingInfo& first = session.recordings.front();
    std::uint64_t items = 0;
    std::uint64_t pending = 0;
    std::uint64_t refused = 0;
    std::uint64_t away = 0;
    bool ended = true;
    bool safe = true;
    std::string problem;
    sync::Safety safety = sync::Safety::verified;
    for (const store::RecordingInfo& info : session.recordings) {
      items += info.items;
      pending += info.pending_items;
      refused += info.refused_items;
      away += info.away_items;
      ended = ended && info.ended;
      safe = safe && info.safe();
      safety = std::min(safety, sync::safety_of(info));
      if (problem.empty()) problem = info.problem;
    }
    json.begin_object().key("id").value(session_id(session.id));
    write_recordings(json, session);
    json.key("started_at").value(base::format_utc_ms(first.birth.started_ms));
    json.key("started_known").value(first.birth.started_known).key("ended").value(ended);
    json.key("title").value(session.fields.title.value_or(""));
    write_totals(json, session.elapsed_cs, session.distance_dm);
    json.key("source_name").value(first.birth.source_name).key("dialect").value(first.birth.dialect);
    json.key("safe").value(safe).key("safety").value(sync::name(safety)).key("problem").value(problem);
    json.key("away_items").value(away).key("items").value(items).key("pending_items").value(pending);
    json.key("refused_items").value(refused).key("records").begin_object();
    for (const auto& [stream, primary] : session.primaries) {
      const auto counted = std::ranges::find(session.recordings, primary,
                                             [](const store::RecordingInfo& info) { return info.birth.rec_id; });
      json.key(rowing::name(stream)).value(counted->streams.at(stream).records);
    }
    json.end_object().end_object();
  }
  json.end_array();
  return out;
}

std::string session_id(const base::Uuid& id) { return "ses_" + id.text(); }

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
  const auto session_now = device.store->session(*id);
  if (!session_now) return session_now.error();
  for (Edit& edit : edits) {
    for (const store::RecordingInfo& info : session_now->recordings) {
      if (edit.field != EditField::deleted && info.birth.rec_id != session_now->id) continue;
      edit.op_id = device.ids.next();
      edit.session = info.birth.rec_id;
      if (const auto stored = device.store->edit(edit, device.clock.utc_ms()); !stored) return stored.error();
    }
  }
  const auto now = device.store->session(*id);
  if (!now) return now.error();
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("edits").value(edits.size());
  write_fields(json, now->fields);
  json.end_object();
  return out;
}

base::Result<std::string> link_sessions(Device& device, const std::string& session, const std::string& other) {
  const auto stays = parse_session(session);
  if (!stays) return stays.error();
  const auto joins = parse_session(other);
  if (!joins) return joins.error();
  BOATHOUSE_TRY(device.store->link(*stays, *joins, device.clock.utc_ms()));
  return session_json(device, *stays);
}

base::Result<std::string> unlink_sessions(Device& device, const std::string& session, const std::string& other) {
  const auto stays = parse_session(session);
  if (!stays) return stays.error();
  const auto leaves = parse_session(other);
  if (!leaves) return leaves.error();
  BOATHOUSE_TRY(device.store->unlink(*stays, *leaves, device.clock.utc_ms()));
  return session_json(device, *stays);
}

base::Result<std::string> conflicts_json(Device& device) {
  const auto conflicts = device.store->conflicts();
  if (!conflicts) return conflicts.error();
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("open").value(
      std::ranges::count_if(*conflicts, [](const auto& one) { return !one.answered; }));
  json.key("conflicts").begin_array();
  for (const store::Conflict& conflict : *conflicts) {
    json.begin_object().key("id").value(conflict.id).key("kind").value(store::name(conflict.kind));
    json.key("session").value(session_id(conflict.session));
    write_side(json.key("mine"), conflict.kind, conflict.mine);
    write_side(json.key("theirs"), conflict.kind, conflict.theirs);
    json.key("reason").value(conflict.reason).key("since").value(base::format_utc_ms(conflict.since_ms));
    json.key("answered");
    if (conflict.answered) {
      json.value(store::name(*conflict.answered));
    } else {
      json.null();
    }
    json.end_object();
  }
  json.end_array().end_object();
  return out;
}

base::Result<std::string> answer_conflict(Device& device, const std::string& id, const std::string& answer) {
  const auto word = store::answer_from_name(answer);
  if (!word) return Error{ErrorCode::invalid_input, "the answer must be mine, theirs or both, not " + answer};
  BOATHOUSE_TRY(device.store->answer(id, *word, device.clock.utc_ms()));
  const auto status = device.store->status();
  if (!status) return status.error();
  std::string out;
  JsonWriter(out).begin_object().key("open").value(status->open_conflicts).end_object();
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
