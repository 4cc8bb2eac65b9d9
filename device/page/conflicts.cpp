#include "device/page/conflicts.hpp"

#include <optional>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "core/rowing/edit.hpp"
#include "device/page/actions.hpp"

namespace boathouse::page {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonWriter;
using rowing::EditField;

struct Conflict {
  base::Uuid session;
  EditField field = EditField::title;
  std::string title;
  std::int64_t started_ms = 0;
  std::string mine;
  std::string theirs;

  [[nodiscard]] std::string_view kind() const { return field == EditField::title ? "title" : "notes"; }
  [[nodiscard]] std::string id() const { return session_id(session) + "-" + std::string(kind()); }
};

base::Result<std::vector<Conflict>> open_conflicts(store::Store& store) {
  const auto recordings = store.recordings();
  if (!recordings) return recordings.error();
  std::vector<Conflict> conflicts;
  for (const store::RecordingInfo& info : *recordings) {
    const auto fields = store.fields(info.birth.rec_id);
    if (!fields) continue;  // damaged; the list of sessions says so
    const auto add = [&](EditField field, const std::optional<std::string>& mine,
                         const std::optional<std::string>& theirs) {
      if (!theirs) return;
      conflicts.push_back({info.birth.rec_id, field, fields->title.value_or(info.birth.title), info.birth.started_ms,
                           mine.value_or(""), *theirs});
    };
    add(EditField::title, fields->title, fields->other_title);
    add(EditField::notes, fields->notes, fields->other_notes);
  }
  return conflicts;
}

// Titles are one line.
std::string joined(const Conflict& conflict) {
  if (conflict.mine.empty()) return conflict.theirs;
  return conflict.mine + (conflict.field == EditField::title ? " / " : "\n\n") + conflict.theirs;
}

base::Result<std::string> chosen(const Conflict& conflict, const std::string& answer) {
  const auto object = parse_object(answer, {"keep"});
  if (!object) return object.error();
  const base::JsonValue* keep = object->find("keep");
  const std::string word = keep != nullptr && keep->text() != nullptr ? *keep->text() : "";
  if (word == "mine") return conflict.mine;
  if (word == "theirs") return conflict.theirs;
  if (word == "both") return joined(conflict);
  return Error{ErrorCode::invalid_input, R"("keep" must be "mine", "theirs" or "both")"};
}

}  // namespace

base::Result<std::uint64_t> count_conflicts(const Tools& tools) {
  const auto conflicts = open_conflicts(tools.store);
  if (!conflicts) return conflicts.error();
  return std::uint64_t{conflicts->size()};
}

base::Result<std::string> conflicts_json(const Tools& tools) {
  const auto conflicts = open_conflicts(tools.store);
  if (!conflicts) return conflicts.error();
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const Conflict& conflict : *conflicts) {
    json.begin_object().key("id").value(conflict.id()).key("kind").value(conflict.kind());
    json.key("session").value(session_id(conflict.session)).key("title").value(conflict.title);
    json.key("started_at").value(base::format_utc_ms(conflict.started_ms));
    json.key("mine").value(conflict.mine).key("theirs").value(conflict.theirs).end_object();
  }
  json.end_array();
  return out;
}

base::Result<std::string> answer_conflict(const Tools& tools, const std::string& id, const std::string& answer) {
  const auto conflicts = open_conflicts(tools.store);
  if (!conflicts) return conflicts.error();
  for (const Conflict& conflict : *conflicts) {
    if (conflict.id() != id) continue;
    const auto text = chosen(conflict, answer);
    if (!text) return text.error();
    rowing::Edit edit;
    edit.op_id = tools.ids.next();
    edit.session = conflict.session;
    edit.field = conflict.field;
    edit.text = *text;
    if (const auto stored = tools.store.edit(edit, tools.clock.utc_ms()); !stored) return stored.error();
    std::string out;
    JsonWriter(out).begin_object().key("open").value(conflicts->size() - 1).end_object();
    return out;
  }
  return Error{ErrorCode::not_found, "nothing waits for a choice there; perhaps it has been answered"};
}

}  // namespace boathouse::page
