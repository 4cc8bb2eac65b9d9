#include "core/rowing/metrics_document.hpp"

#include "core/rowing/catalogue.hpp"
#include "core/rowing/edge.hpp"
#include "core/rowing/enumerations.hpp"

namespace boathouse::rowing {
namespace {

constexpr std::string_view kHead = R"(# Metrics

Made from the metric catalogue (`core/rowing/catalogue.cpp`) by `boathouse metrics > docs/metrics.md`; a test holds it to be current.

**Field** is the name in JSON and CSV, its unit included; values there are exact decimals. **Column** is the wire integer as stored in
chunks and in ClickHouse. **Source** is the characteristic and the byte offset in its payload, direct / multiplexed (after the id byte);
`-` = not in that form. **Null** is the wire value that means "not available".
)";

std::string hex_id(std::uint8_t id) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return {'0', 'x', '0', '0', kDigits[id >> 4], kDigits[id & 0xF]};
}

std::string offset_text(std::int8_t offset) { return offset == kAbsent ? "-" : std::to_string(offset); }

std::string sources_text(const Metric& metric) {
  std::string text;
  for (const Placement& placement : metric.placements) {
    if (placement.characteristic == 0) continue;
    text += (text.empty() ? "" : ", ") + hex_id(placement.characteristic) + " " + offset_text(placement.direct) +
            " / " + offset_text(placement.multiplexed);
  }
  return text.empty() ? "recorder" : text;
}

std::string_view type_text(WireType type) {
  switch (type) {
    case WireType::recorder_u8:
    case WireType::u8:
      return "u8";
    case WireType::recorder_u16:
    case WireType::u16:
      return "u16";
    case WireType::u24:
      return "u24";
    case WireType::recorder_u32:
    case WireType::u32:
      return "u32";
    case WireType::low_nibble:
      return "low nibble";
    case WireType::high_nibble:
      return "high nibble";
  }
  return "";
}

std::string null_text(const Metric& metric) {
  switch (metric.null_rule) {
    case NullRule::never:
      return "";
    case NullRule::zero:
      return "0";
    case NullRule::zero_or_all_ones:
      return "0, " + std::to_string(max_value(metric));
  }
  return "";
}

void append_stream(std::string& out, Stream stream) {
  out += "\n## " + std::string(name(stream)) + "\n\n";
  if (has_points(stream)) {
    out +=
        "The points themselves (0x003D, lbf, in order) are `points`; in CSV `force_curve_lbf`, separated by "
        "blanks.\n\n";
  }
  out += "| Field | Unit | Column | Type | Source | Null | Meaning |\n|---|---|---|---|---|---|---|\n";
  for (const EdgeField& field : edge_fields(stream)) {
    const Metric& metric = *field.metric;
    const bool computed = field.name != metric.field;
    out += "| `" + std::string(field.name) + "` | " + std::string(field.unit) + " | " +
           (computed ? "" : "`" + std::string(metric.column) + "`") + " | " +
           (computed ? "" : std::string(type_text(metric.type))) + " | " +
           (computed ? "from `" + std::string(metric.field) + "`" : sources_text(metric)) + " | " +
           (computed ? "" : null_text(metric)) + " | " + std::string(field.description) + " |\n";
  }
}

void append_enumeration(std::string& out, Enumeration enumeration) {
  out += "\n### " + std::string(name(enumeration)) + "\n\n";
  for (const EnumerationValue& value : values(enumeration)) {
    out += "- " + std::to_string(value.number) + " `" + std::string(value.name) + "`\n";
  }
}

}  // namespace

std::string metrics_document() {
  std::string out(kHead);
  for (const Stream stream : kStreams) {
    if (stream != Stream::source) append_stream(out, stream);
  }
  out += "\n## Enumerations\n\nThe number is stored; a number that is not listed is kept and shown as `unknown_N`.\n";
  for (int i = 1; i <= static_cast<int>(Enumeration::event_kind); ++i)
    append_enumeration(out, static_cast<Enumeration>(i));
  return out;
}

}  // namespace boathouse::rowing
