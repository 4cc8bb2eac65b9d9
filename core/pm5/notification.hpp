// One notification of the PM5's rowing service, decoded by the metric catalogue's placements (docs/pm5.md sections 1 to
// 3). Pure functions, safe from any thread; decode() does not allocate.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/rowing/catalogue.hpp"

namespace boathouse::pm5 {

enum class Form : std::uint8_t { direct, multiplexed };

struct FieldValue {
  std::uint16_t index = 0;  // in rowing::metrics(characteristic->stream)
  std::int64_t value = 0;   // wire integer or rowing::kNull (null rule, or beyond the end of a short packet)
};

inline constexpr std::size_t kMaxForcePoints = 9;  // in one packet

inline constexpr std::uint8_t kForceCurve = 0x3D;  // the characteristic of ForcePacket

// 0x003D: one packet of a force curve.
struct ForcePacket {
  std::uint8_t packets = 0;                            // in this curve, 1..15
  std::uint8_t points = 0;                             // in this packet, 0..9
  std::uint8_t sequence = 0;                           // from 0, below packets
  std::array<std::uint16_t, kMaxForcePoints> force{};  // lbf; those behind `points` are 0

  bool operator==(const ForcePacket&) const = default;
};

struct Notification {
  const rowing::Characteristic* characteristic = nullptr;  // static storage
  Form form = Form::direct;
  std::uint8_t field_count = 0;
  std::array<FieldValue, 24> fields{};  // the first field_count are set, in catalogue order
  ForcePacket force;                    // of 0x3D only
  // Bytes behind the last known field that is whole: what newer firmware appended. A view into the payload given to
  // decode().
  base::ByteView tail;
};

enum class DecodeStatus : std::uint8_t {
  ok,
  too_short,               // shorter than the shortest known form; nothing is read past the end
  unknown_characteristic,  // not a rowing characteristic, or an unknown id inside 0x0080
  malformed,               // longer than an attribute can be, or a force packet that contradicts itself
};

std::string_view name(DecodeStatus status);

inline constexpr std::uint16_t kMultiplexed = 0x0080;
inline constexpr std::size_t kMaxNotification =
    512;  // the largest ATT value; the monitor itself sends at most 20 bytes

// `characteristic` is the 16-bit short id (0x0031..0x003F, or 0x0080 with the id in byte 0). `out` is valid when ok.
// A payload longer than the known layout is good (its rest is `tail`); one that ends before an optional last field
// gives null there.
DecodeStatus decode(std::uint16_t characteristic, base::ByteView payload, Notification& out);

// The other way: payload bytes of a characteristic from its field values (wire integers), as the payload of 0x00xx or,
// multiplexed, of 0x0080 with the id byte first. `values` has one entry per metric of the characteristic's stream, as
// in rowing::Record. rowing::kNull is written as the field's null value (all ones where the null rule has it, else 0);
// null fields at the end that only longer forms have are left off. encode(decode(x)) is x, but for null fields (0 and
// all ones both mean null). Errors: invalid_input when the characteristic is unknown, is not sent in that form, is
// 0x3D, or a value does not fit its field.
base::Result<base::Bytes> encode(std::uint8_t characteristic, Form form, std::span<const std::int64_t> values);

// 0x003D: the first `points` of `force`. Errors: invalid_input for a packet that decode() would call malformed.
base::Result<base::Bytes> encode_force_packet(const ForcePacket& packet, Form form);

// The field values of a notification spread over its stream: one per metric, kNull where it carries none.
std::vector<std::int64_t> spread(const Notification& notification);

}  // namespace boathouse::pm5
