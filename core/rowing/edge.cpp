#include "core/rowing/edge.hpp"

#include <array>

#include "core/base/decimal.hpp"
#include "core/rowing/enumerations.hpp"
#include "core/rowing/formulas.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::rowing {
namespace {

using Values = std::span<const std::int64_t>;
using Text = std::optional<std::string>;

std::int64_t at(Values values, Stream stream, std::string_view column) { return values[column_index(stream, column)]; }

Text render_scaled(const EdgeField& field, Values values) {
  const std::int64_t value = values[field.index];
  if (value == kNull) return std::nullopt;
  return base::format_scaled(value, field.metric->shift);
}

Text render_enumeration_name(const EdgeField& field, Values values) {
  const std::int64_t value = values[field.index];
  if (value == kNull) return std::nullopt;
  const auto known = name(field.metric->enumeration, value);
  return known ? std::string(*known) : "unknown_" + std::to_string(value);
}

// 0x31 bytes 14-16 count hundredths of a second, metres, calories or watt-minutes, as byte 17 says.
Text render_workout_duration(const EdgeField& field, Values values) {
  const std::int64_t value = values[field.index];
  if (value == kNull) return std::nullopt;
  const bool is_time = at(values, field.metric->stream, "workout_duration_type") == 0;
  return base::format_scaled(value, is_time ? 2 : 0);
}

Text render_workout_duration_unit(const EdgeField& field, Values values) {
  switch (values[field.index]) {
    case 0x00:
      return "s";
    case 0x40:
      return "cal";
    case 0x80:
      return "m";
    case 0xC0:
      return "W min";
    default:
      return std::nullopt;
  }
}

Text render_newtons(const EdgeField& field, Values values) {
  const std::int64_t value = values[field.index];
  if (value == kNull) return std::nullopt;
  return base::format_scaled(force_cn(value), 2);
}

std::string two_digits(std::int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

// Log date: month bits 0-3, day bits 4-8, year - 2000 bits 9-15. Log time: low byte minute, high byte hour.
Text render_end_local(const EdgeField& field, Values values) {
  const std::int64_t date = values[field.index];
  const std::int64_t time = at(values, field.metric->stream, "log_time");
  if (date == kNull || time == kNull) return std::nullopt;
  const std::int64_t month = date & 0xF;
  const std::int64_t day = (date >> 4) & 0x1F;
  const std::int64_t hour = time >> 8;
  const std::int64_t minute = time & 0xFF;
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59) return std::nullopt;  // the clock was not set
  return std::to_string(2000 + (date >> 9)) + "-" + two_digits(month) + "-" + two_digits(day) + "T" + two_digits(hour) +
         ":" + two_digits(minute);
}

Text render_logged_hash(const EdgeField& field, Values values) {
  const std::int64_t low = values[field.index];
  const std::int64_t high = at(values, field.metric->stream, "logged_hash_high");
  if (low == kNull || high == kNull) return std::nullopt;
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[(high >> shift) & 0xF];
  for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[(low >> shift) & 0xF];
  return text;
}

struct Computed {
  Stream stream;
  std::string_view after;  // the metric that it stands behind and is given
  std::string_view name;
  EdgeType type;
  std::string_view unit;
  std::string_view description;
  decltype(EdgeField::render) render;
};

constexpr Computed kComputed[] = {
    {Stream::sample, "workout_duration_type", "workout_duration_unit", EdgeType::text, "", "Unit of workout_duration",
     render_workout_duration_unit},
    {Stream::stroke, "peak_force_dlbf", "peak_force_n", EdgeType::decimal, "N", "Peak drive force in newtons",
     render_newtons},
    {Stream::stroke, "avg_force_dlbf", "avg_force_n", EdgeType::decimal, "N", "Average drive force in newtons",
     render_newtons},
    {Stream::summary, "log_date", "end_local", EdgeType::text, "",
     "End of the workout by the monitor's clock, local, no zone", render_end_local},
    {Stream::summary, "logged_hash_low", "logged_workout_hash", EdgeType::text, "",
     "Hash of the logged workout, 16 hex digits", render_logged_hash},
};

// Enumerations have one static name per metric field: "workout_type" -> "workout_type_name".
std::string_view enumeration_field_name(const Metric& metric) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kNames{{
      {"workout_type", "workout_type_name"},
      {"interval_type", "interval_type_name"},
      {"workout_state", "workout_state_name"},
      {"rowing_state", "rowing_state_name"},
      {"stroke_state", "stroke_state_name"},
      {"workout_duration_type", "workout_duration_type_name"},
      {"erg_machine_type", "erg_machine_type_name"},
      {"operational_state", "operational_state_name"},
      {"game_id", "game_name"},
      {"split_type", "split_type_name"},
      {"erg_model", "erg_model_name"},
      {"kind", "kind_name"},
      {"", ""},
  }};
  for (const auto& [field, shown] : kNames) {
    if (field == metric.field) return shown;
  }
  return "";
}

std::vector<EdgeField> build(Stream stream) {
  std::vector<EdgeField> fields;
  const auto all = metrics(stream);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Metric& metric = all[i];
    const bool is_duration = metric.column == "workout_duration";
    const EdgeType type = metric.shift > 0 || is_duration ? EdgeType::decimal : EdgeType::integer;
    fields.push_back({metric.field, type, metric.unit, metric.description, &metric,
                      is_duration ? render_workout_duration : render_scaled, i});
    if (metric.enumeration != Enumeration::none) {
      fields.push_back({enumeration_field_name(metric), EdgeType::text, "", metric.description, &metric,
                        render_enumeration_name, i});
    }
    for (const Computed& computed : kComputed) {
      if (computed.stream == stream && computed.after == metric.column) {
        fields.push_back(
            {computed.name, computed.type, computed.unit, computed.description, &metric, computed.render, i});
      }
    }
  }
  return fields;
}

}  // namespace

std::span<const EdgeField> edge_fields(Stream stream) {
  static const std::array<std::vector<EdgeField>, kStreams.size()> kAll = [] {
    std::array<std::vector<EdgeField>, kStreams.size()> all;
    for (std::size_t i = 0; i < kStreams.size(); ++i) all[i] = build(kStreams[i]);
    return all;
  }();
  return kAll[static_cast<std::size_t>(stream) - 1];
}

}  // namespace boathouse::rowing
