#include "device/page/session_list.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/formulas.hpp"
#include "device/page/actions.hpp"
#include "device/sync/word.hpp"

namespace boathouse::page {
namespace {

using base::JsonWriter;
using store::RecordingInfo;
using Refusals = std::map<base::Uuid, std::string>;

// Of two records about the same summary the larger seq counts.
std::optional<rowing::Record> newest(store::Store& store, const RecordingInfo& info, rowing::Stream stream) {
  const auto counts = info.streams.find(stream);
  if (counts == info.streams.end() || counts->second.records == 0) return std::nullopt;
  auto records = store.records(info.birth.rec_id, stream, counts->second.records - 1, 1);
  if (!records || records->empty()) return std::nullopt;
  return std::move(records->front());
}

// The direct form of a summary does not name the machine; splits do, and stay on the device.
std::int64_t pace_metres_of_recording(store::Store& store, const RecordingInfo& info) {
  for (const rowing::Stream stream : {rowing::Stream::split, rowing::Stream::sample}) {
    if (const auto record = newest(store, info, stream)) {
      const std::int64_t machine = record->values[rowing::column_index(stream, "erg_machine_type")];
      if (machine != rowing::kNull) return rowing::pace_metres(machine);
    }
  }
  return rowing::pace_metres(0);
}

// What is true of a session of several recordings: it is as safe as the least of them.
struct Together {
  std::uint64_t items = 0;
  std::uint64_t pending_items = 0;
  std::uint64_t pending_bytes = 0;
  std::uint64_t refused_items = 0;
  std::uint64_t away_items = 0;
  std::uint64_t retired_records = 0;
  bool ended = true;
  bool safe = true;
  sync::Safety safety = sync::Safety::verified;
  std::string problem;
};

Together together(const store::SessionInfo& session) {
  Together all;
  for (const RecordingInfo& info : session.recordings) {
    all.items += info.items;
    all.pending_items += info.pending_items;
    all.pending_bytes += info.pending_bytes;
    all.refused_items += info.refused_items;
    all.away_items += info.away_items;
    all.retired_records += info.retired_records;
    all.ended = all.ended && info.ended;
    all.safe = all.safe && info.safe();
    all.safety = std::min(all.safety, sync::safety_of(info));
    if (all.problem.empty()) all.problem = info.problem;
  }
  return all;
}

const RecordingInfo& recording_of(const store::SessionInfo& session, const base::Uuid& rec_id) {
  return *std::ranges::find(session.recordings, rec_id, [](const RecordingInfo& info) { return info.birth.rec_id; });
}

void write_session(JsonWriter& json, store::Store& store, const store::SessionInfo& session, const Refusals& refusals) {
  const RecordingInfo& first = session.recordings.front();
  const Together all = together(session);
  json.begin_object().key("id").value(session_id(session.id));
  write_recordings(json, session);
  json.key("started_at").value(base::format_utc_ms(first.birth.started_ms));
  json.key("started_known").value(first.birth.started_known).key("ended").value(all.ended);
  json.key("source_name").value(first.birth.source_name).key("dialect").value(first.birth.dialect);
  json.key("safe").value(all.safe).key("safety").value(sync::name(all.safety));
  json.key("problem").value(all.problem).key("away_items").value(all.away_items).key("items").value(all.items);
  json.key("removed_from_cloud").value(all.retired_records);
  json.key("pending_items").value(all.pending_items).key("pending_bytes").value(all.pending_bytes);
  json.key("refused_items").value(all.refused_items);
  std::optional<std::string> refusal;
  for (const RecordingInfo& info : session.recordings) {
    if (const auto found = refusals.find(info.birth.rec_id); found != refusals.end()) refusal = found->second;
  }
  write_text(json, "refusal", refusal);
  const store::SessionFields& written = session.fields;
  const std::string& imported = first.birth.title;
  write_text(json, "title", written.title || imported.empty() ? written.title : imported);
  write_text(json, "notes", written.notes);
  json.key("tags").begin_array();
  for (const std::string& tag : written.tags) json.value(tag);
  json.end_array().key("deleted").value(written.deleted);
  write_totals(json, session.elapsed_cs, session.distance_dm);
  json.key("pace_m").value(pace_metres_of_recording(store, first));
  json.key("records").begin_object();
  for (const auto& [stream, primary] : session.primaries) {
    json.key(rowing::name(stream)).value(recording_of(session, primary).streams.at(stream).records);
  }
  json.end_object().end_object();
}

// The session that a recording stands for in the list; nullopt: it is in the list as part of another.
base::Result<std::optional<store::SessionInfo>> listed(store::Store& store, const RecordingInfo& info,
                                                       bool each_recording) {
  using Listed = std::optional<store::SessionInfo>;
  if (info.problem.empty() && !each_recording) {
    auto session = store.session(info.birth.rec_id);
    if (!session) return session.error();
    if (session->id != info.birth.rec_id) return Listed();
    return Listed(std::move(*session));
  }
  store::SessionInfo alone;
  alone.id = info.birth.rec_id;
  alone.recordings = {info};
  if (auto fields = store.fields(alone.id)) alone.fields = std::move(*fields);
  for (const auto& [stream, counts] : info.streams) alone.primaries[stream] = alone.id;
  return Listed(std::move(alone));
}

}  // namespace

base::Result<std::string> sessions_json(const Tools& tools, const store::RecordingQuery& query) {
  const auto recordings = tools.store.recordings(query);
  if (!recordings) return recordings.error();
  const auto refused = tools.store.refused();
  if (!refused) return refused.error();
  Refusals refusals;
  for (const store::RefusedItem& item : *refused) refusals.try_emplace(item.rec_id, item.detail);
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const RecordingInfo& info : *recordings) {
    const auto session = listed(tools.store, info, query.unsent_only);
    if (!session) return session.error();
    if (*session) write_session(json, tools.store, **session, refusals);
  }
  json.end_array();
  return out;
}

}  // namespace boathouse::page
