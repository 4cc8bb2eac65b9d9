#include "core/pm5/notification.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "core/base/hex.hpp"
#include "core/base/random.hpp"
#include "core/pm5/test_notifications.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::pm5 {
namespace {

using rowing::kNull;
using rowing::Stream;

base::Bytes hex(std::string_view text) { return base::from_hex(text).value(); }

std::map<std::string_view, std::int64_t> fields(const Notification& notification) {
  std::map<std::string_view, std::int64_t> result;
  const auto metrics = rowing::metrics(notification.characteristic->stream);
  for (std::size_t i = 0; i < notification.field_count; ++i) {
    result[metrics[notification.fields[i].index].column] = notification.fields[i].value;
  }
  return result;
}

DecodeStatus status_of(std::uint16_t characteristic, base::ByteView payload) {
  Notification notification;
  return decode(characteristic, payload, notification);
}

TEST(Decode, CapturedGeneralStatus) {
  const auto payload = hex("0b0900 7e0300 08 01 05 01 04 000000 fa0000 80 66");
  const Notification notification = decoded(0x31, payload);
  EXPECT_EQ(notification.form, Form::direct);
  EXPECT_TRUE(notification.tail.empty());
  const std::map<std::string_view, std::int64_t> expected{
      {"elapsed_cs", 2315},      {"distance_dm", 894},           {"workout_type", 8},
      {"interval_type", 1},      {"workout_state", 5},           {"rowing_state", 1},
      {"stroke_state", 4},       {"drag_factor", 102},           {"total_work_distance_m", 0},
      {"workout_duration", 250}, {"workout_duration_type", 0x80}};
  EXPECT_EQ(fields(notification), expected);
}

TEST(Decode, CapturedStatus2AndItsMultiplexedFormDiffer) {
  const auto direct = hex("010b00 01 3600 0400 0949 3600 0400 901900 000000");
  EXPECT_EQ(fields(decoded(0x33, direct)).at("avg_power_w"), 54);
  EXPECT_EQ(fields(decoded(0x33, direct)).at("last_split_time_cs"), 6544);
  const auto multiplexed = hex("33 b01d00 00 1200 6a31 ad00 1200 000000 000000");
  const Notification notification = decoded(kMultiplexed, multiplexed);
  EXPECT_EQ(notification.form, Form::multiplexed);
  EXPECT_EQ(notification.characteristic->id, 0x33);
  EXPECT_FALSE(fields(notification).contains("avg_power_w"));
  EXPECT_EQ(fields(notification).at("split_avg_power_w"), 173);
}

TEST(Decode, CapturedSplitAndSummary) {
  const auto split = hex("030000 1b 88 84 1e05 0e00 4303 e80e 9c00 68 02 00");
  EXPECT_EQ(fields(decoded(0x38, split)).at("avg_cal_per_hour"), 835);
  EXPECT_EQ(fields(decoded(0x38, split)).at("speed_mmps"), 3816);
  const auto end = hex("0333 1212 a0a500 102700 0c 00 00 00 00 8d 00 07 4808");
  EXPECT_EQ(fields(decoded(0x39, end)).at("elapsed_cs"), 42400);
  EXPECT_EQ(fields(decoded(0x39, end)).at("avg_heart_rate_bpm"), kNull);
  const auto aborted = hex("f734 1a15 581600 000000 0b 8f 00 00 00 7b 00 01 ffff");
  EXPECT_EQ(fields(decoded(0x39, aborted)).at("avg_pace_ds_per_500m"), kNull);
  EXPECT_EQ(fields(decoded(0x39, aborted)).at("distance_dm"), 0);
  const auto additional = hex("0333 1212 02 c800 05 3b00 2500 550000 3c00 aa01");
  EXPECT_EQ(fields(decoded(0x3A, additional)).at("total_rest_distance_m"), 85);
}

TEST(Decode, CapturedForcePacket) {
  const auto payload = hex("79 00 1800 2900 2900 3b00 3b00 4000 4500 4500 5300");
  const ForcePacket expected{7, 9, 0, {24, 41, 41, 59, 59, 64, 69, 69, 83}};
  EXPECT_EQ(decoded(0x3D, payload).force, expected);
}

TEST(Decode, ShortFormsGiveNullForTheMissingTail) {
  const auto old_form = hex("b01d00a00f18ffd4306a310000000000");
  EXPECT_EQ(fields(decoded(0x32, old_form)).at("erg_machine_type"), kNull);
  const auto new_form = hex("b01d00a00f18ffd4306a310000000000c0");
  EXPECT_EQ(fields(decoded(0x32, new_form)).at("erg_machine_type"), 192);
}

TEST(Decode, AppendedBytesAreTheTail) {
  const auto payload = hex("0200030100000000000000004e010203040506");
  const Notification notification = decoded(0x3E, payload);
  EXPECT_EQ(fields(notification).at("battery_percent"), 78);
  EXPECT_EQ(base::to_hex(notification.tail), "010203040506");
}

TEST(Decode, HalfAnOptionalFieldIsTail) {
  // 0x36 multiplexed without (15 bytes), with one of two bytes, and with all of work per stroke.
  const auto none = hex("36 ab1d00b30094031e00e20100d00700");
  EXPECT_EQ(fields(decoded(kMultiplexed, none)).at("work_per_stroke_dj"), kNull);
  const auto half = hex("36 ab1d00b30094031e00e20100d00700 a0");
  EXPECT_EQ(fields(decoded(kMultiplexed, half)).at("work_per_stroke_dj"), kNull);
  EXPECT_EQ(base::to_hex(decoded(kMultiplexed, half).tail), "a0");
  const auto whole = hex("36 ab1d00b30094031e00e20100d00700 a014");
  EXPECT_EQ(fields(decoded(kMultiplexed, whole)).at("work_per_stroke_dj"), 5280);
}

TEST(Decode, RefusesWhatItDoesNotKnow) {
  const auto payload = hex("00000000000000000000000000000000000000");
  for (const int id : {0x0000, 0x0022, 0x0030, 0x0034, 0x0040, 0x0043, 0x0131, 0xFFFF}) {
    const auto characteristic = static_cast<std::uint16_t>(id);
    EXPECT_EQ(status_of(characteristic, payload), DecodeStatus::unknown_characteristic) << id;
  }
  EXPECT_EQ(status_of(0x3C, payload), DecodeStatus::unknown_characteristic) << "0x3C is sent multiplexed only";
  EXPECT_EQ(status_of(kMultiplexed, hex("7f000000")), DecodeStatus::unknown_characteristic);
  EXPECT_EQ(status_of(kMultiplexed, hex("80310000")), DecodeStatus::unknown_characteristic);
  EXPECT_EQ(status_of(kMultiplexed, {}), DecodeStatus::too_short);
}

TEST(Decode, RefusesContradictingForcePackets) {
  EXPECT_EQ(status_of(0x3D, hex("29")), DecodeStatus::too_short);
  EXPECT_EQ(status_of(0x3D, hex("2000")), DecodeStatus::ok) << "a packet without points";
  EXPECT_EQ(status_of(0x3D, hex("0000")), DecodeStatus::malformed) << "0 packets";
  EXPECT_EQ(status_of(0x3D, hex("2102ffff")), DecodeStatus::malformed) << "sequence 2 of 2";
  EXPECT_EQ(status_of(0x3D, hex("2200ffff")), DecodeStatus::malformed) << "2 points in 2 bytes";
  EXPECT_EQ(status_of(0x3D, hex("2a00" + std::string(40, '0'))), DecodeStatus::malformed) << "10 points";
  const auto with_tail = hex("2100ffffabcd");
  EXPECT_EQ(base::to_hex(decoded(0x3D, with_tail).tail), "abcd");
}

TEST(Decode, RefusesMoreThanAnAttributeHolds) {
  EXPECT_EQ(status_of(0x31, base::Bytes(kMaxNotification, 0)), DecodeStatus::ok);
  EXPECT_EQ(status_of(0x31, base::Bytes(kMaxNotification + 1, 0)), DecodeStatus::malformed);
}

// Exact-size heap blocks: AddressSanitizer sees a read behind them.
TEST(Decode, NeverReadsPastTheEnd) {
  base::SeededRandom random(7);
  for (std::uint16_t id = 0x2F; id <= 0x41; ++id) {
    for (std::size_t length = 0; length <= 24; ++length) {
      const auto block = std::make_unique<std::uint8_t[]>(length);
      random.fill({block.get(), length});
      (void)status_of(id, {block.get(), length});
      if (length > 0) block[0] = static_cast<std::uint8_t>(id);
      (void)status_of(kMultiplexed, {block.get(), length});
    }
  }
}

TEST(Decode, ShorterThanTheShortestFormIsRefused) {
  for (const rowing::Characteristic& characteristic : rowing::characteristics()) {
    for (const Form form : {Form::direct, Form::multiplexed}) {
      const bool direct = form == Form::direct;
      const int shortest = direct ? characteristic.min_direct : characteristic.min_multiplexed;
      if (shortest == rowing::kAbsent) continue;
      base::Bytes payload(static_cast<std::size_t>(shortest) + (direct ? 0 : 1), 0);
      const std::size_t first = direct ? 0 : 1;
      if (!direct) payload[0] = characteristic.id;
      if (characteristic.id == 0x3D) payload[first] = 0x10;
      const std::uint16_t id = direct ? characteristic.id : kMultiplexed;
      EXPECT_EQ(status_of(id, payload), DecodeStatus::ok) << characteristic.name;
      payload.pop_back();
      EXPECT_EQ(status_of(id, payload), DecodeStatus::too_short) << characteristic.name;
    }
  }
}

TEST(Encode, RefusesWhatCannotBeSent) {
  const std::vector<std::int64_t> sample(rowing::metrics(Stream::sample).size(), 0);
  EXPECT_TRUE(encode(0x31, Form::direct, sample).ok());
  EXPECT_FALSE(encode(0x34, Form::direct, sample).ok()) << "unknown";
  EXPECT_FALSE(encode(0x35, Form::direct, sample).ok()) << "values of another stream";
  EXPECT_FALSE(encode(0x3D, Form::direct, sample).ok()) << "points have an encoder of their own";
  const std::vector<std::int64_t> summary(rowing::metrics(Stream::summary).size(), 0);
  EXPECT_FALSE(encode(0x3C, Form::direct, summary).ok());
  EXPECT_TRUE(encode(0x3C, Form::multiplexed, summary).ok());
  auto too_large = sample;
  too_large[rowing::column_index(Stream::sample, "elapsed_cs")] = 0x1000000;
  const auto refused = encode(0x31, Form::direct, too_large);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().text.find("elapsed_cs = 16777216"), std::string::npos) << refused.error().text;
}

TEST(Encode, NullsAreWrittenAsTheMonitorDoes) {
  const auto status1 = payload_of(0x32, {{"elapsed_cs", 1}, {"erg_machine_type", 0}});
  EXPECT_EQ(base::to_hex(status1),
            "0100000000"
            "00"
            "ff"
            "00000000"
            "0000000000"
            "00")
      << "heart rate 255, paces 0";
  EXPECT_EQ(payload_of(0x32, {{"elapsed_cs", 1}}).size(), 16U) << "an optional last field that is null is left off";
}

TEST(Encode, RefusesUnsoundForcePackets) {
  ForcePacket packet{2, 9, 1, {}};
  EXPECT_EQ(encode_force_packet(packet, Form::direct).value().size(), 20U);
  EXPECT_EQ(encode_force_packet(packet, Form::multiplexed).value().size(), 21U);
  packet.sequence = 2;
  EXPECT_FALSE(encode_force_packet(packet, Form::direct).ok());
  packet = {16, 1, 0, {}};
  EXPECT_FALSE(encode_force_packet(packet, Form::direct).ok());
  packet = {1, 10, 0, {}};
  EXPECT_FALSE(encode_force_packet(packet, Form::direct).ok());
}

// decode(encode(x)) is x for random values of every characteristic in every form.
TEST(RoundTrip, RandomValues) {
  base::SeededRandom random(20261122);
  for (int round = 0; round < 500; ++round) {
    for (const rowing::Characteristic& characteristic : rowing::characteristics()) {
      if (characteristic.id == 0x3D) continue;
      const auto metrics = rowing::metrics(characteristic.stream);
      std::vector<std::int64_t> values(metrics.size());
      for (std::size_t i = 0; i < metrics.size(); ++i) {
        const auto max = static_cast<std::uint64_t>(rowing::max_value(metrics[i]));
        const std::int64_t wire =
            static_cast<std::int64_t>(random.below(4) == 0 ? max * random.below(2) : random.below(max + 1));
        values[i] = rowing::apply_null_rule(metrics[i], wire);
      }
      for (const Form form : {Form::direct, Form::multiplexed}) {
        const auto payload = encode(characteristic.id, form, values);
        if (!payload) {
          EXPECT_TRUE(characteristic.id == 0x3C && form == Form::direct);
          continue;
        }
        const Notification notification = decoded(form == Form::direct ? characteristic.id : kMultiplexed, *payload);
        EXPECT_EQ(notification.characteristic->id, characteristic.id);
        EXPECT_GT(notification.field_count, 0);
        for (std::size_t i = 0; i < notification.field_count; ++i) {
          const FieldValue& field = notification.fields[i];
          EXPECT_EQ(field.value, values[field.index]) << metrics[field.index].column;
        }
        EXPECT_EQ(encode(characteristic.id, form, spread(notification)).value(), *payload);
      }
    }
  }
}

TEST(RoundTrip, RandomForcePackets) {
  base::SeededRandom random(3);
  for (int round = 0; round < 2000; ++round) {
    ForcePacket packet;
    packet.packets = static_cast<std::uint8_t>(1 + random.below(15));
    packet.sequence = static_cast<std::uint8_t>(random.below(packet.packets));
    packet.points = static_cast<std::uint8_t>(random.below(10));
    for (std::size_t i = 0; i < packet.points; ++i) packet.force[i] = static_cast<std::uint16_t>(random.below(65536));
    for (const Form form : {Form::direct, Form::multiplexed}) {
      const auto payload = encode_force_packet(packet, form).value();
      EXPECT_EQ(decoded(form == Form::direct ? 0x3D : kMultiplexed, payload).force, packet);
    }
  }
}

}  // namespace
}  // namespace boathouse::pm5
