#include "device/page/conflicts.hpp"

#include <algorithm>
#include <optional>

#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "device/page/actions.hpp"

namespace boathouse::page {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonWriter;

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

base::Result<std::string> conflicts_json(const Tools& tools) {
  const auto conflicts = tools.store.conflicts();
  if (!conflicts) return conflicts.error();
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("open").value(
      std::ranges::count_if(*conflicts, [](const store::Conflict& one) { return !one.answered; }));
  json.key("conflicts").begin_array();
  for (const store::Conflict& conflict : *conflicts) {
    json.begin_object().key("id").value(conflict.id).key("kind").value(store::name(conflict.kind));
    json.key("session").value(session_id(conflict.session));
    const auto fields = tools.store.fields(conflict.session);
    write_text(json, "title", fields ? fields->title : std::nullopt);
    write_side(json.key("mine"), conflict.kind, conflict.mine);
    write_side(json.key("theirs"), conflict.kind, conflict.theirs);
    json.key("reason").value(conflict.reason).key("since").value(base::format_utc_ms(conflict.since_ms));
    write_text(json, "answered",
               conflict.answered ? std::optional<std::string>(store::name(*conflict.answered)) : std::nullopt);
    json.end_object();
  }
  json.end_array().end_object();
  return out;
}

base::Result<std::string> answer_conflict(const Tools& tools, const std::string& id, const std::string& answer) {
  const auto word = store::answer_from_name(answer);
  if (!word) return Error{ErrorCode::invalid_input, "the answer must be mine, theirs or both, not \"" + answer + "\""};
  BOATHOUSE_TRY(tools.store.answer(id, *word, tools.clock.utc_ms()));
  const auto status = tools.store.status();
  if (!status) return status.error();
  std::string out;
  JsonWriter(out).begin_object().key("open").value(status->open_conflicts).end_object();
  return out;
}

}  // namespace boathouse::page
