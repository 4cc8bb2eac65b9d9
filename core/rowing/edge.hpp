// The edge view of a record: what people and programs outside see. Derived from the metric catalogue: decimals shifted
// exactly from the wire integers, the unit in the name, enumeration names beside their numbers, and a few computed
// fields. CSV headers, JSON fields and `boathouse pm5 decode` all come from edge_fields().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/rowing/catalogue.hpp"

namespace boathouse::rowing {

enum class EdgeType : std::uint8_t { integer, decimal, text };

struct EdgeField {
  std::string_view name;  // CSV header and JSON key
  EdgeType type;
  std::string_view unit;
  std::string_view description;
  const Metric* metric;  // the metric it shows, or is computed from
  // The text of the value: a JSON number for integer and decimal, plain text otherwise; nullopt = not available.
  // `values` are the record's values, as in Record::values.
  std::optional<std::string> (*render)(const EdgeField& field, std::span<const std::int64_t> values);
  std::size_t index;  // of the metric in metrics(stream)
};

// All edge fields of a stream, in catalogue order. Static storage; safe from any thread.
std::span<const EdgeField> edge_fields(Stream stream);

}  // namespace boathouse::rowing
