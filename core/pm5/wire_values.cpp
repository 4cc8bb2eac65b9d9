#include "core/pm5/wire_values.hpp"

#include <algorithm>

#include "core/rowing/catalogue.hpp"

namespace boathouse::pm5 {
namespace {

bool is_carried(const rowing::Metric& metric, Form form) {
  return std::ranges::any_of(metric.placements, [&](const rowing::Placement& placement) {
    return (form == Form::direct ? placement.direct : placement.multiplexed) != rowing::kAbsent;
  });
}

bool is_by_recorder(const rowing::Metric& metric) { return metric.placements[0].characteristic == 0; }

}  // namespace

WireValues::WireValues(rowing::Stream stream)
    : stream_(stream), values_(rowing::metrics(stream).size(), rowing::kNull) {}

WireValues& WireValues::set(std::string_view column, std::int64_t value) {
  const std::size_t index = rowing::column_index(stream_, column);
  values_[index] = std::clamp<std::int64_t>(value, 0, rowing::max_value(rowing::metrics(stream_)[index]));
  return *this;
}

WireValues& WireValues::set_null(std::string_view column) {
  values_[rowing::column_index(stream_, column)] = rowing::kNull;
  return *this;
}

rowing::Record WireValues::record(Form form) const {
  rowing::Record record;
  record.stream = stream_;
  record.values = values_;
  const auto metrics = rowing::metrics(stream_);
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    std::int64_t& value = record.values[i];
    if (value == rowing::kNull || is_by_recorder(metrics[i])) continue;
    value = is_carried(metrics[i], form) ? rowing::apply_null_rule(metrics[i], value) : rowing::kNull;
  }
  return record;
}

}  // namespace boathouse::pm5
