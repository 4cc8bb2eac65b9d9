#include "apps/boathouse/session_actions.hpp"

#include <algorithm>

#include "core/base/decimal.hpp"
#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "device/page/actions.hpp"
#include "device/sync/word.hpp"

namespace boathouse::app {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonWriter;
using page::parse_session;
using page::session_id;

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

}  // namespace boathouse::app
