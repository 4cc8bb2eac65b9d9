#include "core/pm5/decode_line.hpp"

#include <algorithm>
#include <span>
#include <variant>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/pm5/notification.hpp"
#include "core/pm5/notification_line.hpp"
#include "core/rowing/edge.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::pm5 {
namespace {

std::string char_text(std::uint16_t characteristic) {
  const std::uint8_t bytes[] = {static_cast<std::uint8_t>(characteristic >> 8),
                                static_cast<std::uint8_t>(characteristic)};
  std::string text = base::to_hex(bytes);
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return "0x" + text;
}

std::size_t shortest(std::uint16_t characteristic, base::ByteView payload) {
  const bool multiplexed = characteristic == kMultiplexed;
  if (multiplexed && payload.empty()) return 1;
  const auto id = multiplexed ? payload[0] : static_cast<std::uint8_t>(characteristic);
  const rowing::Characteristic* const known = rowing::find_characteristic(id);
  if (known == nullptr) return 0;
  return static_cast<std::size_t>(multiplexed ? known->min_multiplexed + 1 : known->min_direct);
}

std::string refusal(DecodeStatus status, std::uint16_t characteristic, base::ByteView payload) {
  const std::string length = std::to_string(payload.size()) + " bytes";
  std::string text = char_text(characteristic);
  if (characteristic == kMultiplexed && !payload.empty()) text += " with id " + char_text(payload[0]);
  switch (status) {
    case DecodeStatus::ok:
      break;
    case DecodeStatus::too_short:
      text += ": too short: " + length + ", needs at least " + std::to_string(shortest(characteristic, payload));
      break;
    case DecodeStatus::unknown_characteristic:
      text += ": not a characteristic of the rowing service";
      break;
    case DecodeStatus::malformed:
      text += payload.size() > kMaxNotification
                  ? ": " + length + ", more than a notification can have"
                  : ": the force packet contradicts itself (packets, points, sequence, length)";
      break;
  }
  return text;
}

void write_force(base::JsonWriter& json, const ForcePacket& force) {
  json.begin_object().key("packets").value(force.packets).key("points_here").value(force.points);
  json.key("sequence").value(force.sequence).key("force_lbf").begin_array();
  for (const std::uint16_t point : std::span(force.force).first(force.points)) json.value(point);
  json.end_array().end_object();
}

void write_fields(base::JsonWriter& json, const Notification& notification) {
  const auto metrics = rowing::metrics(notification.characteristic->stream);
  json.begin_object();
  for (const FieldValue& field : std::span(notification.fields).first(notification.field_count)) {
    json.key(metrics[field.index].column);
    field.value == rowing::kNull ? json.null() : json.value(field.value);
  }
  json.end_object();
}

void write_values(base::JsonWriter& json, const Notification& notification) {
  const std::vector<std::int64_t> values = spread(notification);
  const auto fields = std::span(notification.fields).first(notification.field_count);
  json.begin_object();
  for (const rowing::EdgeField& edge : rowing::edge_fields(notification.characteristic->stream)) {
    const bool carried =
        std::ranges::any_of(fields, [&](const FieldValue& field) { return field.index == edge.index; });
    if (!carried) continue;
    json.key(edge.name);
    const auto text = edge.render(edge, values);
    if (!text) {
      json.null();
    } else if (edge.type == rowing::EdgeType::text) {
      json.value(*text);
    } else {
      json.number(*text);
    }
  }
  json.end_object();
}

void write_notification(base::JsonWriter& json, const Notification& notification) {
  json.key("char").value(char_text(notification.characteristic->id));
  json.key("form").value(notification.form == Form::direct ? "direct" : "mux");
  if (notification.characteristic->stream == rowing::Stream::force_curve) {
    write_force(json.key("fields"), notification.force);
    write_force(json.key("values"), notification.force);
  } else {
    write_fields(json.key("fields"), notification);
    write_values(json.key("values"), notification);
  }
  json.key("tail").value(base::to_hex(notification.tail));
}

}  // namespace

DecodedLine decode_line(std::uint64_t number, std::string_view line) {
  DecodedLine result;
  base::JsonWriter json(result.json);
  json.begin_object().key("line").value(number);
  const auto parsed = parse_notification_line(line);
  if (!parsed) {
    result.is_error = true;
    json.key("error").value(parsed.error().text);
  } else if (const auto* skipped = std::get_if<SkippedLine>(&*parsed)) {
    json.key("skipped").value(skipped->reason);
  } else {
    const auto& captured = std::get<NotificationLine>(*parsed);
    Notification notification;
    const DecodeStatus status = decode(captured.characteristic, captured.payload, notification);
    if (status == DecodeStatus::ok) {
      write_notification(json, notification);
    } else {
      result.is_error = true;
      json.key("error").value(refusal(status, captured.characteristic, captured.payload));
    }
  }
  json.end_object();
  return result;
}

}  // namespace boathouse::pm5
