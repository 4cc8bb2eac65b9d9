#include "device/page/session_list.hpp"

#include <map>
#include <optional>

#include "core/base/decimal.hpp"
#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "core/rowing/catalogue.hpp"
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
std::optional<rowing::Record> newest_summary(store::Store& store, const RecordingInfo& info) {
  const auto counts = info.streams.find(rowing::Stream::summary);
  if (counts == info.streams.end() || counts->second.records == 0) return std::nullopt;
  auto records = store.records(info.birth.rec_id, rowing::Stream::summary, counts->second.records - 1, 1);
  if (!records || records->empty()) return std::nullopt;
  return std::move(records->front());
}

void write_metric(JsonWriter& json, const std::optional<rowing::Record>& summary, std::string_view column) {
  const std::size_t index = rowing::column_index(rowing::Stream::summary, column);
  const rowing::Metric& metric = rowing::metrics(rowing::Stream::summary)[index];
  json.key(metric.unit == "m" ? "distance_m" : "time_s");
  if (!summary || summary->values[index] == rowing::kNull) {
    json.null();
  } else {
    json.number(base::format_scaled(summary->values[index], metric.shift));
  }
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
  const auto summary = newest_summary(store, info);
  write_metric(json, summary, "distance_dm");
  write_metric(json, summary, "elapsed_cs");
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
