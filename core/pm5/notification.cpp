#include "core/pm5/notification.hpp"

#include <algorithm>
#include <string>

#include "core/rowing/record.hpp"

namespace boathouse::pm5 {
namespace {

using rowing::Characteristic;
using rowing::kNull;
using rowing::Metric;
using rowing::WireType;

constexpr std::uint8_t kFirstId = 0x30;
constexpr std::size_t kIds = 16;
constexpr std::size_t kForceHeader = 2;

std::uint8_t width_of(WireType type) {
  switch (type) {
    case WireType::u16:
      return 2;
    case WireType::u24:
      return 3;
    case WireType::u32:
      return 4;
    default:
      return 1;
  }
}

// One field's place, with all that reading and writing it needs.
struct Step {
  std::uint16_t index = 0;  // of the metric
  std::uint8_t offset = 0;
  std::uint8_t end = 0;        // offset + width
  std::uint8_t width = 0;      // bytes
  std::uint8_t shift = 0;      // high nibble: 4
  bool nibble = false;         // shares its byte with another field
  bool optional = false;       // beyond the shortest known form
  std::int64_t max = 0;        // largest wire value
  std::int64_t null_zero = 0;  // wire values that mean null; -1 = no such value
  std::int64_t null_ones = 0;
};

// The layout of one characteristic in one form, derived from the catalogue once.
struct Plan {
  const Characteristic* characteristic = nullptr;  // nullptr: not sent in this form
  std::uint8_t min_length = 0;
  std::uint8_t count = 0;
  std::array<Step, 24> steps{};
};

struct Plans {
  std::array<std::array<Plan, 2>, kIds> by_id{};

  Plans() {
    for (const Characteristic& characteristic : rowing::characteristics()) {
      for (const Form form : {Form::direct, Form::multiplexed}) {
        by_id[characteristic.id - kFirstId][static_cast<std::size_t>(form)] = make(characteristic, form);
      }
    }
  }

  static Plan make(const Characteristic& characteristic, Form form) {
    Plan plan;
    const int shortest = form == Form::direct ? characteristic.min_direct : characteristic.min_multiplexed;
    if (shortest == rowing::kAbsent) return plan;
    plan.characteristic = &characteristic;
    plan.min_length = static_cast<std::uint8_t>(shortest);
    const auto metrics = rowing::metrics(characteristic.stream);
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      for (const rowing::Placement& placement : metrics[i].placements) {
        const int offset = form == Form::direct ? placement.direct : placement.multiplexed;
        if (placement.characteristic != characteristic.id || offset == rowing::kAbsent) continue;
        plan.steps[plan.count++] = step(metrics[i], i, static_cast<std::uint8_t>(offset), shortest);
      }
    }
    return plan;
  }

  static Step step(const Metric& metric, std::size_t index, std::uint8_t offset, int shortest) {
    Step step;
    step.index = static_cast<std::uint16_t>(index);
    step.offset = offset;
    step.width = width_of(metric.type);
    step.end = static_cast<std::uint8_t>(offset + step.width);
    step.shift = metric.type == WireType::high_nibble ? 4 : 0;
    step.nibble = metric.type == WireType::high_nibble || metric.type == WireType::low_nibble;
    step.optional = step.end > shortest;
    step.max = rowing::max_value(metric);
    step.null_zero = metric.null_rule == rowing::NullRule::never ? -1 : 0;
    step.null_ones = metric.null_rule == rowing::NullRule::zero_or_all_ones ? step.max : -1;
    return step;
  }
};

const Plan* find_plan(std::uint8_t id, Form form) {
  static const Plans kPlans;
  if (id < kFirstId || id >= kFirstId + kIds) return nullptr;
  const Plan& plan = kPlans.by_id[id - kFirstId][static_cast<std::size_t>(form)];
  return plan.characteristic == nullptr ? nullptr : &plan;
}

std::int64_t read(const Step& step, const std::uint8_t* payload) {
  const std::uint8_t* at = payload + step.offset;
  switch (step.width) {
    case 1:
      return step.nibble ? (*at >> step.shift) & 0xF : *at;
    case 2:
      return at[0] | (at[1] << 8);
    case 3:
      return at[0] | (at[1] << 8) | (at[2] << 16);
    default:
      return static_cast<std::int64_t>(at[0] | (std::uint32_t{at[1]} << 8) | (std::uint32_t{at[2]} << 16) |
                                       (std::uint32_t{at[3]} << 24));
  }
}

bool is_sound(const ForcePacket& packet) {
  return packet.packets >= 1 && packet.packets <= 15 && packet.points <= kMaxForcePoints &&
         packet.sequence < packet.packets;
}

DecodeStatus decode_force(base::ByteView payload, Notification& out) {
  ForcePacket& force = out.force;
  force = ForcePacket{};
  force.packets = payload[0] >> 4;
  force.points = payload[0] & 0xF;
  force.sequence = payload[1];
  if (!is_sound(force)) return DecodeStatus::malformed;
  const std::size_t end = kForceHeader + std::size_t{force.points} * 2;
  if (payload.size() < end) return DecodeStatus::malformed;
  for (std::size_t i = 0; i < force.points; ++i) {
    const std::size_t at = kForceHeader + i * 2;
    force.force[i] = static_cast<std::uint16_t>(payload[at] | (payload[at + 1] << 8));
  }
  out.tail = payload.subspan(end);
  return DecodeStatus::ok;
}

base::Error invalid(std::string text) { return {base::ErrorCode::invalid_input, std::move(text)}; }

std::string hex_id(std::uint8_t id) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return std::string("0x00") + kDigits[id >> 4] + kDigits[id & 0xF];
}

}  // namespace

std::string_view name(DecodeStatus status) {
  switch (status) {
    case DecodeStatus::ok:
      return "ok";
    case DecodeStatus::too_short:
      return "too_short";
    case DecodeStatus::unknown_characteristic:
      return "unknown_characteristic";
    case DecodeStatus::malformed:
      return "malformed";
  }
  return "unknown";
}

DecodeStatus decode(std::uint16_t characteristic, base::ByteView payload, Notification& out) {
  if (payload.size() > kMaxNotification) return DecodeStatus::malformed;
  out.form = Form::direct;
  std::uint16_t id = characteristic;
  if (characteristic == kMultiplexed) {
    if (payload.empty()) return DecodeStatus::too_short;
    out.form = Form::multiplexed;
    id = payload[0];
    payload = payload.subspan(1);
  }
  const Plan* const plan = id > 0xFF ? nullptr : find_plan(static_cast<std::uint8_t>(id), out.form);
  if (plan == nullptr) return DecodeStatus::unknown_characteristic;
  if (payload.size() < plan->min_length) return DecodeStatus::too_short;

  out.characteristic = plan->characteristic;
  out.field_count = plan->count;
  if (id == kForceCurve) return decode_force(payload, out);

  std::size_t known = 0;  // end of the last field that is whole
  for (std::size_t i = 0; i < plan->count; ++i) {
    const Step& step = plan->steps[i];
    std::int64_t value = kNull;
    if (step.end <= payload.size()) {
      value = read(step, payload.data());
      if (value == step.null_zero || value == step.null_ones) value = kNull;
      known = std::max<std::size_t>(known, step.end);
    }
    out.fields[i] = {step.index, value};
  }
  out.tail = payload.subspan(known);
  return DecodeStatus::ok;
}

base::Result<base::Bytes> encode(std::uint8_t characteristic, Form form, std::span<const std::int64_t> values) {
  const Plan* const plan = find_plan(characteristic, form);
  if (plan == nullptr) {
    return invalid(hex_id(characteristic) + " is not sent in " + (form == Form::direct ? "direct" : "multiplexed") +
                   " form");
  }
  if (characteristic == kForceCurve) return invalid("0x003D is encoded by encode_force_packet()");
  const auto metrics = rowing::metrics(plan->characteristic->stream);
  if (values.size() != metrics.size()) {
    return invalid(hex_id(characteristic) + " needs " + std::to_string(metrics.size()) + " values, got " +
                   std::to_string(values.size()));
  }

  const std::size_t first = form == Form::multiplexed ? 1 : 0;
  std::size_t length = plan->min_length;
  for (const Step& step : std::span(plan->steps).first(plan->count)) {
    if (!step.optional || values[step.index] != kNull) length = std::max<std::size_t>(length, step.end);
  }
  base::Bytes payload(first + length, 0);
  if (first == 1) payload[0] = characteristic;
  for (const Step& step : std::span(plan->steps).first(plan->count)) {
    if (step.end > length) continue;
    std::int64_t value = values[step.index];
    if (value == kNull) value = std::max<std::int64_t>(step.null_ones, 0);
    if (value < 0 || value > step.max) {
      return invalid(hex_id(characteristic) + ": " + std::string(metrics[step.index].column) + " = " +
                     std::to_string(value) + " is outside 0.." + std::to_string(step.max));
    }
    for (std::size_t i = 0; i < step.width; ++i) {
      payload[first + step.offset + i] |= static_cast<std::uint8_t>((value << step.shift) >> (8 * i));
    }
  }
  return payload;
}

base::Result<base::Bytes> encode_force_packet(const ForcePacket& packet, Form form) {
  if (!is_sound(packet)) return invalid("0x003D: packets, points or sequence contradict each other");
  base::ByteWriter payload;
  if (form == Form::multiplexed) payload.u8(kForceCurve);
  payload.u8(static_cast<std::uint8_t>((packet.packets << 4) | packet.points));
  payload.u8(packet.sequence);
  for (std::size_t i = 0; i < packet.points; ++i) payload.u16(packet.force[i]);
  return payload.take();
}

std::vector<std::int64_t> spread(const Notification& notification) {
  std::vector<std::int64_t> values(rowing::metrics(notification.characteristic->stream).size(), kNull);
  for (const FieldValue& field : std::span(notification.fields).first(notification.field_count)) {
    values[field.index] = field.value;
  }
  return values;
}

}  // namespace boathouse::pm5
