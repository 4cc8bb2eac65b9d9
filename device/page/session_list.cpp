#include "device/page/session_list.hpp"

#include <map>
#include <optional>

#include "core/base/decimal.hpp"
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

void write_text(JsonWriter& json, std::string_view key, const std::optional<std::string>& text) {
  json.key(key);
  if (text) {
    json.value(*text);
  } else {
    json.null();
  }
}

// Of two records about the same summary the larger seq counts.
std::optional<rowing::Record> newest(store::Store& store, const RecordingInfo& info, rowing::Stream stream) {
  const auto counts = info.streams.find(stream);
  if (counts == info.streams.end() || counts->second.records == 0) return std::nullopt;
  auto records = store.records(info.birth.rec_id, stream, counts->second.records - 1, 1);
  if (!records || records->empty()) return std::nullopt;
  return std::move(records->front());
}

void write_metric(JsonWriter& json, std::string_view key, const std::optional<rowing::Record>& record,
                  std::string_view column) {
  const std::int64_t value = record ? record->values[rowing::column_index(record->stream, column)] : rowing::kNull;
  json.key(key);
  if (value == rowing::kNull) {
    json.null();
  } else {
    json.number(base::format_scaled(
        value, rowing::metrics(record->stream)[rowing::column_index(record->stream, column)].shift));
  }
}

// The direct form of a summary does not name the machine; splits do, and stay on the device.
std::int64_t pace_metres(store::Store& store, const RecordingInfo& info) {
  for (const rowing::Stream stream : {rowing::Stream::split, rowing::Stream::sample}) {
    if (const auto record = newest(store, info, stream)) {
      const std::int64_t machine = record->values[rowing::column_index(stream, "erg_machine_type")];
      if (machine != rowing::kNull) return rowing::pace_metres(machine);
    }
  }
  return rowing::pace_metres(0);
}

base::Status write_session(JsonWriter& json, store::Store& store, const RecordingInfo& info, const Refusals& refusals) {
  const base::Uuid& id = info.birth.rec_id;
  json.begin_object().key("id").value(session_id(id));
  json.key("started_at").value(base::format_utc_ms(info.birth.started_ms));
  json.key("started_known").value(info.birth.started_known).key("ended").value(info.ended);
  json.key("source_name").value(info.birth.source_name).key("dialect").value(info.birth.dialect);
  json.key("safe").value(info.safe()).key("safety").value(sync::name(sync::safety_of(info)));
  json.key("problem").value(info.problem).key("away_items").value(info.away_items).key("items").value(info.items);
  json.key("pending_items").value(info.pending_items).key("pending_bytes").value(info.pending_bytes);
  json.key("refused_items").value(info.refused_items).key("refusal");
  if (const auto refusal = refusals.find(id); refusal != refusals.end()) {
    json.value(refusal->second);
  } else {
    json.null();
  }
  auto fields = store.fields(id);
  if (!fields && info.problem.empty()) return fields.error();
  const store::SessionFields written = fields ? std::move(*fields) : store::SessionFields();
  const std::string& imported = info.birth.title;
  write_text(json, "title", written.title || imported.empty() ? written.title : imported);
  write_text(json, "notes", written.notes);
  json.key("tags").begin_array();
  for (const std::string& tag : written.tags) json.value(tag);
  json.end_array().key("deleted").value(written.deleted);
  const auto summary = newest(store, info, rowing::Stream::summary);
  write_metric(json, "distance_m", summary, "distance_dm");
  write_metric(json, "time_s", summary, "elapsed_cs");
  json.key("pace_m").value(pace_metres(store, info));
  json.key("records").begin_object();
  for (const auto& [stream, counts] : info.streams) json.key(rowing::name(stream)).value(counts.records);
  json.end_object().end_object();
  return {};
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
  for (const RecordingInfo& info : *recordings) BOATHOUSE_TRY(write_session(json, tools.store, info, refusals));
  json.end_array();
  return out;
}

}  // namespace boathouse::page
