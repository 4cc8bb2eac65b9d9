#include "server/api/session_json.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "core/base/decimal.hpp"
#include "core/base/utc_time.hpp"
#include "core/rowing/enumerations.hpp"
#include "core/rowing/record.hpp"
#include "core/rowing/recording.hpp"
#include "core/rowing/session_figures.hpp"
#include "server/control/ids.hpp"
#include "server/timeseries/session_columns.hpp"

namespace boathouse::api {
namespace {

using base::JsonWriter;
using rowing::kNull;
using timeseries::NativeBlock;

std::string_view origin_name(std::int64_t origin) {
  switch (static_cast<rowing::Origin>(origin)) {
    case rowing::Origin::live:
      return "live";
    case rowing::Origin::replay:
      return "replay";
    case rowing::Origin::import:
      return "import";
    case rowing::Origin::simulated:
      return "simulated";
  }
  return "unknown";
}

std::string_view end_reason_name(std::int64_t reason) {
  switch (static_cast<rowing::EndReason>(reason)) {
    case rowing::EndReason::logged:
      return "logged";
    case rowing::EndReason::rearmed:
      return "rearmed";
    case rowing::EndReason::stopped:
      return "stopped";
    case rowing::EndReason::silence:
      return "silence";
    case rowing::EndReason::end_of_input:
      return "end_of_input";
    case rowing::EndReason::crashed:
      return "crashed";
  }
  return "unknown";
}

void write_text_or_null(JsonWriter& json, std::string_view key, std::string_view text) {
  json.key(key);
  if (text.empty()) {
    json.null();
  } else {
    json.value(text);
  }
}

void write_scaled(JsonWriter& json, std::string_view key, std::int64_t value, int shift) {
  json.key(key);
  if (value == kNull) {
    json.null();
  } else {
    json.number(base::format_scaled(value, shift));
  }
}

void write_enumeration(JsonWriter& json, std::string_view key, rowing::Enumeration enumeration, std::int64_t value) {
  write_scaled(json, key, value, 0);
  json.key(std::string(key) + "_name");
  if (value == kNull) {
    json.null();
    return;
  }
  const auto known = rowing::name(enumeration, value);
  json.value(known ? *known : std::string_view("unknown"));
}

void write_edge(JsonWriter& json, const rowing::EdgeField& field, std::span<const std::int64_t> values) {
  const auto text = field.render(field, values);
  if (!text) {
    json.null();
  } else if (field.type == rowing::EdgeType::text) {
    json.value(*text);
  } else {
    json.number(*text);
  }
}

std::string_view source_name(rowing::FigureSource source) {
  return source == rowing::FigureSource::monitor ? "monitor" : "derived";
}

// As rowing::kTotals.
struct TotalField {
  std::string_view name;
  int shift;
};
constexpr std::array<TotalField, rowing::kTotals.size()> kTotalFields{{{"work_time_s", 2},
                                                                       {"work_distance_m", 1},
                                                                       {"rest_time_s", 2},
                                                                       {"rest_distance_m", 0},
                                                                       {"avg_pace_s_per_500m", 2},
                                                                       {"avg_power_w", 0},
                                                                       {"max_power_w", 0},
                                                                       {"avg_stroke_rate_spm", 0},
                                                                       {"avg_heart_rate_bpm", 0},
                                                                       {"min_heart_rate_bpm", 0},
                                                                       {"max_heart_rate_bpm", 0},
                                                                       {"total_calories", 0},
                                                                       {"stroke_count", 0},
                                                                       {"avg_drag_factor", 0}}};

void write_totals(JsonWriter& json, const rowing::SessionFigures& figures) {
  for (std::size_t i = 0; i < kTotalFields.size(); ++i) {
    write_scaled(json, kTotalFields[i].name, (figures.*rowing::kTotals[i].figure).value, kTotalFields[i].shift);
  }
  json.key("sources").begin_object();
  for (std::size_t i = 0; i < kTotalFields.size(); ++i) {
    const rowing::Figure& figure = figures.*rowing::kTotals[i].figure;
    if (figure.source != rowing::FigureSource::none) json.key(kTotalFields[i].name).value(source_name(figure.source));
  }
  json.end_object();
}

void write_bests(JsonWriter& json, const rowing::SessionFigures& figures) {
  json.key("best_times").begin_array();
  for (std::size_t i = 0; i < rowing::kBestDistancesM.size(); ++i) {
    const rowing::Figure& best = figures.best_times_cs[i];
    if (best.source == rowing::FigureSource::none) continue;
    json.begin_object().key("distance_m").value(rowing::kBestDistancesM[i]);
    write_scaled(json, "time_s", best.value, 2);
    json.key("source").value(source_name(best.source)).end_object();
  }
  json.end_array().key("best_distances").begin_array();
  for (std::size_t i = 0; i < rowing::kBestTimesS.size(); ++i) {
    const rowing::Figure& best = figures.best_distances_dm[i];
    if (best.source == rowing::FigureSource::none) continue;
    json.begin_object().key("time_s").value(rowing::kBestTimesS[i]);
    write_scaled(json, "distance_m", best.value, 1);
    json.key("source").value(source_name(best.source)).end_object();
  }
  json.end_array();
}

std::string_view power_source_name(rowing::PowerSource source) {
  return source == rowing::PowerSource::strokes ? "strokes" : "pace";
}

void write_power_curve(JsonWriter& json, const rowing::SessionFigures& figures) {
  json.key("power_curve");
  if (figures.power_from == rowing::PowerSource::none) {
    json.null();
    return;
  }
  json.begin_object().key("from").value(power_source_name(figures.power_from));
  const std::size_t count = std::min(figures.power_w.size(), rowing::kPowerDurationsS.size());
  json.key("time_s").begin_array();
  for (std::size_t i = 0; i < count; ++i) json.value(rowing::kPowerDurationsS[i]);
  json.end_array().key("power_w").begin_array();
  for (std::size_t i = 0; i < count; ++i) json.value(figures.power_w[i]);
  json.end_array().end_object();
}

void write_histogram(JsonWriter& json, std::string_view key, std::string_view value_name,
                     const std::map<std::int64_t, std::int64_t>& histogram) {
  json.key(key).begin_object().key(value_name).begin_array();
  for (const auto& [value, held_ms] : histogram) json.value(value);
  json.end_array().key("time_s").begin_array();
  for (const auto& [value, held_ms] : histogram) json.number(base::format_scaled(held_ms, 3));
  json.end_array().end_object();
}

void write_figures(JsonWriter& json, const rowing::SessionFigures& figures) {
  write_totals(json, figures);
  write_bests(json, figures);
  write_power_curve(json, figures);
  write_histogram(json, "heart_rate_histogram", "heart_rate_bpm", figures.heart_rate_ms);
  write_histogram(json, "pace_histogram", "pace_s_per_500m", figures.pace_ms);
}

// The metric values of each row, in catalogue order.
class Rows {
 public:
  Rows(rowing::Stream stream, const NativeBlock& block) {
    if (block.rows == 0) return;  // then it may have no columns either
    for (const rowing::Metric& metric : rowing::metrics(stream))
      columns_.push_back(&block.find(metric.column)->integers);
    values_.resize(columns_.size());
  }
  std::span<const std::int64_t> at(std::size_t row) {
    for (std::size_t m = 0; m < columns_.size(); ++m) values_[m] = (*columns_[m])[row];
    return values_;
  }

 private:
  std::vector<const std::vector<std::int64_t>*> columns_;
  std::vector<std::int64_t> values_;
};

}  // namespace

void write_session(JsonWriter& json, const NativeBlock& sessions, std::size_t row) {
  const auto integer = [&](std::string_view column) { return sessions.integer(column, row); };
  const auto text = [&](std::string_view column) -> const std::string& { return sessions.find(column)->texts.at(row); };
  const auto uuid = [&](std::string_view column) -> const base::Uuid& { return sessions.find(column)->uuids.at(row); };

  json.begin_object();
  json.key("id").value(control::format_id(kSessionPrefix, uuid("session")));
  json.key("athlete_id").value(control::format_id(control::kAthletePrefix, uuid("athlete")));
  json.key("recordings").begin_array();
  for (const base::Uuid& recording : sessions.find("recordings")->uuid_arrays.at(row)) {
    json.value(control::format_id(kRecordingPrefix, recording));
  }
  json.end_array();
  json.key("started_at").value(base::format_utc_ms(integer("started")));
  json.key("started_known").value(integer("started_known") != 0);
  write_scaled(json, "utc_offset_minutes", integer("offset_minutes"), 0);
  write_text_or_null(json, "time_zone", text("zone"));
  json.key("origin").value(origin_name(integer("origin")));
  write_text_or_null(json, "dialect", text("dialect"));
  write_text_or_null(json, "source_name", text("source_name"));
  write_text_or_null(json, "title", text("title"));
  write_text_or_null(json, "notes", text("notes"));
  json.key("tags").begin_array();
  for (const std::string& tag : sessions.find("tags")->text_arrays.at(row)) json.value(tag);
  json.end_array();
  write_text_or_null(json, "monitor_serial", text("monitor_serial"));
  json.key("sealed").value(integer("sealed") != 0);
  write_text_or_null(json, "end_reason", integer("sealed") != 0 ? end_reason_name(integer("end_reason")) : "");
  write_enumeration(json, "workout_type", rowing::Enumeration::workout_type, integer("workout_type"));
  write_enumeration(json, "erg_machine_type", rowing::Enumeration::erg_machine_type, integer("erg_machine_type"));
  json.key("totals_from").value(text("totals_from"));
  write_figures(json, timeseries::figures_of(sessions, row));
  json.key("data_quality").begin_object();
  json.key("gaps").value(integer("gaps"));
  json.key("clock_jumps").value(integer("clock_jumps"));
  json.key("missing_records").value(integer("missing_records"));
  json.key("has_summary").value(integer("has_summary") != 0);
  json.end_object();
  json.key("summary_version").value(integer("summary_version"));
  json.key("records").begin_object();
  json.key("sample").value(integer("samples"));
  json.key("stroke").value(integer("strokes"));
  json.key("force_curve").value(integer("force_curves"));
  json.key("split").value(integer("splits"));
  json.key("summary").value(integer("summaries"));
  json.key("event").value(integer("events"));
  json.key("source").value(integer("sources"));
  json.end_object();
  json.key("removed_streams").begin_array();
  for (std::size_t i = 0; i < rowing::kStreams.size(); ++i) {
    if ((integer("removed_streams") >> i & 1) != 0) json.value(rowing::name(rowing::kStreams[i]));
  }
  json.end_array();
  json.end_object();
}

void write_columns(JsonWriter& json, rowing::Stream stream, const NativeBlock& block,
                   std::span<const rowing::EdgeField* const> fields) {
  Rows rows(stream, block);
  json.begin_object();
  for (const rowing::EdgeField* field : fields) {
    json.key(field->name).begin_array();
    for (std::size_t row = 0; row < block.rows; ++row) write_edge(json, *field, rows.at(row));
    json.end_array();
  }
  json.end_object();
}

void write_rows(JsonWriter& json, rowing::Stream stream, const NativeBlock& block,
                std::span<const rowing::EdgeField* const> fields) {
  Rows rows(stream, block);
  json.begin_array();
  for (std::size_t row = 0; row < block.rows; ++row) {
    json.begin_object();
    const auto values = rows.at(row);
    for (const rowing::EdgeField* field : fields) {
      json.key(field->name);
      write_edge(json, *field, values);
    }
    json.end_object();
  }
  json.end_array();
}

}  // namespace boathouse::api
