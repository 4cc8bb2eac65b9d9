#include "core/rowing/catalogue.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "core/rowing/enumerations.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::rowing {
namespace {

int width(WireType type) {
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

// The lengths of the payloads as docs/pm5.md lists them: {longest known, shortest accepted} direct and multiplexed
// (without the id byte).
struct Lengths {
  int direct;
  int min_direct;
  int multiplexed;
  int min_multiplexed;
};
const std::map<int, Lengths> kLengths{
    {0x31, {19, 19, 19, 19}}, {0x32, {17, 16, 19, 18}}, {0x33, {20, 20, 18, 18}}, {0x35, {20, 20, 18, 18}},
    {0x36, {15, 15, 17, 15}}, {0x37, {18, 18, 18, 18}}, {0x38, {19, 18, 19, 18}}, {0x39, {20, 20, 18, 18}},
    {0x3A, {19, 19, 18, 18}}, {0x3B, {6, 6, 6, 6}},     {0x3C, {-1, -1, 10, 10}}, {0x3E, {13, 12, 13, 12}},
    {0x3F, {15, 15, 15, 15}},
};

// The bytes that the fields of a characteristic take in one form: offset -> how many fields.
std::map<int, int> covered(const Characteristic& characteristic, bool direct) {
  std::map<int, int> bytes;
  for (const Metric& metric : metrics(characteristic.stream)) {
    for (const Placement& placement : metric.placements) {
      const int offset = direct ? placement.direct : placement.multiplexed;
      if (placement.characteristic != characteristic.id || offset == kAbsent) continue;
      for (int i = 0; i < width(metric.type); ++i) ++bytes[offset + i];
    }
  }
  return bytes;
}

TEST(Catalogue, FieldsTileEachPayloadWithoutGapOrOverlap) {
  for (const Characteristic& characteristic : characteristics()) {
    if (characteristic.id == 0x3D) continue;  // packets of points, no fields
    SCOPED_TRACE(testing::Message() << "0x00" << std::hex << int{characteristic.id});
    const Lengths& expected = kLengths.at(characteristic.id);
    EXPECT_EQ(characteristic.min_direct, expected.min_direct);
    EXPECT_EQ(characteristic.min_multiplexed, expected.min_multiplexed);
    for (const bool direct : {true, false}) {
      const int length = direct ? expected.direct : expected.multiplexed;
      const auto bytes = covered(characteristic, direct);
      EXPECT_EQ(static_cast<int>(bytes.size()), std::max(length, 0));
      for (const auto& [offset, fields] : bytes) {
        EXPECT_LT(offset, length);
        // Two nibbles share a byte of 0x3C.
        EXPECT_EQ(fields, characteristic.id == 0x3C && offset == 6 ? 2 : 1) << "offset " << offset;
      }
    }
  }
}

TEST(Catalogue, EveryPlacementNamesACharacteristicOfItsStream) {
  for (const Stream stream : kStreams) {
    for (const Metric& metric : metrics(stream)) {
      for (const Placement& placement : metric.placements) {
        if (placement.characteristic == 0) continue;
        const Characteristic* const characteristic = find_characteristic(placement.characteristic);
        ASSERT_NE(characteristic, nullptr) << metric.column;
        EXPECT_EQ(characteristic->stream, stream) << metric.column;
      }
    }
  }
}

TEST(Catalogue, ColumnsAndFieldsAreUniqueInTheirStream) {
  for (const Stream stream : kStreams) {
    std::set<std::string_view> columns;
    std::set<std::string_view> fields;
    for (const Metric& metric : metrics(stream)) {
      EXPECT_EQ(metric.stream, stream);
      EXPECT_TRUE(columns.insert(metric.column).second) << metric.column;
      EXPECT_TRUE(fields.insert(metric.field).second) << metric.field;
      EXPECT_FALSE(metric.description.empty()) << metric.column;
      EXPECT_EQ(metrics(stream)[column_index(stream, metric.column)].column, metric.column);
    }
  }
}

// Decoder and assembler count on these places.
TEST(Catalogue, TheRecordersColumnsComeFirst) {
  for (const Stream stream : kStreams) {
    if (stream == Stream::source) continue;
    EXPECT_EQ(column_index(stream, "at_ms"), 0U) << name(stream);
    if (stream == Stream::summary || stream == Stream::event) continue;
    EXPECT_EQ(column_index(stream, "interval"), 1U) << name(stream);
  }
}

TEST(Catalogue, ScaledFieldsNameTheirUnit) {
  for (const Stream stream : kStreams) {
    for (const Metric& metric : metrics(stream)) {
      EXPECT_EQ(metric.shift > 0, metric.column != metric.field) << metric.column;
      EXPECT_GE(metric.shift, 0) << metric.column;
    }
  }
}

TEST(Catalogue, VersionsOnlyAppend) {
  for (const Stream stream : kStreams) {
    std::uint32_t latest = 1;
    for (const Metric& metric : metrics(stream)) {
      EXPECT_GE(metric.since, latest) << metric.column << " must stand at the end of its stream";
      EXPECT_LE(metric.since, kCatalogueVersion) << metric.column;
      latest = metric.since;
    }
    EXPECT_EQ(column_count(stream, kCatalogueVersion), metrics(stream).size());
    EXPECT_EQ(column_count(stream, 0), 0U);
  }
}

TEST(Catalogue, UnknownNamesAreNotFound) {
  EXPECT_EQ(find_column(Stream::sample, "no_such_column"), std::nullopt);
  EXPECT_EQ(find_column(Stream::stroke, "speed_mmps"), std::nullopt) << "a column of another stream";
  EXPECT_EQ(find_characteristic(0x34), nullptr) << "the sample rate carries no metric";
}

TEST(CatalogueDeathTest, AWrongNameInTheProgramEndsIt) {
  EXPECT_DEATH((void)column_index(Stream::sample, "no_such_column"), "no_such_column");
}

TEST(Catalogue, NullRules) {
  const auto apply = [](Stream stream, std::string_view column, std::int64_t wire) {
    return apply_null_rule(metrics(stream)[column_index(stream, column)], wire);
  };
  EXPECT_EQ(apply(Stream::sample, "heart_rate_bpm", 255), kNull);
  EXPECT_EQ(apply(Stream::sample, "heart_rate_bpm", 0), kNull);
  EXPECT_EQ(apply(Stream::sample, "heart_rate_bpm", 141), 141);
  EXPECT_EQ(apply(Stream::sample, "drag_factor", 0), kNull);
  EXPECT_EQ(apply(Stream::sample, "pace_cs_per_500m", 0), kNull);
  EXPECT_EQ(apply(Stream::sample, "pace_cs_per_500m", 0xFFFF), 0xFFFF);
  EXPECT_EQ(apply(Stream::summary, "avg_pace_ds_per_500m", 0xFFFF), kNull);
  EXPECT_EQ(apply(Stream::summary, "recovery_heart_rate_bpm", 0), kNull);
  EXPECT_EQ(apply(Stream::sample, "distance_dm", 0), 0);
}

TEST(Catalogue, Ranges) {
  const auto metric = [](Stream stream, std::string_view column) -> const Metric& {
    return metrics(stream)[column_index(stream, column)];
  };
  EXPECT_EQ(max_value(metric(Stream::sample, "elapsed_cs")), 0xFFFFFF);
  EXPECT_EQ(max_value(metric(Stream::summary, "belt_id")), 0xFFFFFFFF);
  EXPECT_EQ(max_value(metric(Stream::summary, "game_id")), 15);
  EXPECT_TRUE(in_range(metric(Stream::stroke, "drive_time_cs"), 255));
  EXPECT_FALSE(in_range(metric(Stream::stroke, "drive_time_cs"), 256));
  EXPECT_FALSE(in_range(metric(Stream::stroke, "drive_time_cs"), -1));
  EXPECT_TRUE(in_range(metric(Stream::stroke, "drive_time_cs"), kNull));
}

TEST(Enumerations, NamesAndUnknownNumbers) {
  EXPECT_EQ(name(Enumeration::workout_type, 8), "variable_interval");
  EXPECT_EQ(name(Enumeration::interval_type, 255), "none");
  EXPECT_EQ(name(Enumeration::duration_type, 0x80), "distance");
  EXPECT_EQ(name(Enumeration::erg_machine_type, 192), "bikeerg");
  EXPECT_EQ(name(Enumeration::workout_type, 13), std::nullopt);
  EXPECT_EQ(name(Enumeration::erg_machine_type, 4), std::nullopt) << "a hole in the table";
}

TEST(Enumerations, NumbersAndNamesAreUnique) {
  for (int i = 1; i <= static_cast<int>(Enumeration::event_kind); ++i) {
    std::set<std::int64_t> numbers;
    std::set<std::string_view> names;
    const auto enumeration = static_cast<Enumeration>(i);
    EXPECT_FALSE(values(enumeration).empty()) << name(enumeration);
    for (const EnumerationValue& value : values(enumeration)) {
      EXPECT_TRUE(numbers.insert(value.number).second) << name(enumeration) << " " << value.number;
      EXPECT_TRUE(names.insert(value.name).second) << name(enumeration) << " " << value.name;
    }
  }
}

TEST(Streams, NamesAndNumbersGoBothWays) {
  for (const Stream stream : kStreams) {
    EXPECT_EQ(stream_from_name(name(stream)), stream);
    EXPECT_EQ(stream_from_number(static_cast<std::uint64_t>(stream)), stream);
  }
  EXPECT_EQ(stream_from_name("samples"), std::nullopt);
  EXPECT_EQ(stream_from_number(0), std::nullopt);
  EXPECT_EQ(stream_from_number(8), std::nullopt);
}

}  // namespace
}  // namespace boathouse::rowing
