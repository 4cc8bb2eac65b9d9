#include "device/import/time_zone.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/base/utc_time.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::import {
namespace {

using store::ok;

std::int64_t at(std::string_view text) { return base::parse_iso8601(text)->utc_ms; }

void big_endian(std::string& out, std::int64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

struct Type {
  std::int64_t offset_s;
};
struct Change {
  std::int64_t from_s;
  int type;
};

void body(std::string& out, char version, int time_size, const std::vector<Change>& changes,
          const std::vector<Type>& types) {
  out += "TZif";
  out += version;
  out.append(15, '\0');
  for (const std::size_t count :
       {std::size_t{0}, std::size_t{0}, std::size_t{0}, changes.size(), types.size(), std::size_t{4}}) {
    big_endian(out, static_cast<std::int64_t>(count), 4);
  }
  for (const Change& change : changes) big_endian(out, change.from_s, time_size);
  for (const Change& change : changes) out.push_back(static_cast<char>(change.type));
  for (const Type& type : types) {
    big_endian(out, type.offset_s, 4);
    out.append(2, '\0');
  }
  out.append("ABC", 4);
}

std::string tzif(const std::vector<Change>& changes, const std::vector<Type>& types, const std::string& footer) {
  std::string out;
  body(out, '2', 4, {}, {{0}});
  body(out, '2', 8, changes, types);
  return out + "\n" + footer + "\n";
}

// Central Europe as far as the tests need it: local mean time, then winter time, summer time of 2019, then the rule.
std::string berlin() {
  return tzif({{at("1893-04-01") / 1000, 1}, {at("2019-03-31T01:00Z") / 1000, 2}, {at("2019-10-27T01:00Z") / 1000, 1}},
              {{3208}, {3600}, {7200}}, "CET-1CEST,M3.5.0,M10.5.0/3");
}

TimeZone zone(const std::string& file) {
  auto parsed = TimeZone::parse_tzif("Test/Zone", file);
  EXPECT_TRUE(ok(parsed));
  return *parsed;
}

TEST(TimeZone, ListedChangesThenTheRule) {
  const TimeZone berlin_zone = zone(berlin());
  EXPECT_EQ(berlin_zone.offset_at(at("1800-01-01") / 1000), 3208);
  EXPECT_EQ(berlin_zone.offset_at(at("2019-01-15") / 1000), 3600);
  EXPECT_EQ(berlin_zone.offset_at(at("2019-03-31T00:59:59Z") / 1000), 3600);
  EXPECT_EQ(berlin_zone.offset_at(at("2019-03-31T01:00:00Z") / 1000), 7200);
  EXPECT_EQ(berlin_zone.offset_at(at("2026-07-01") / 1000), 7200);
  EXPECT_EQ(berlin_zone.offset_at(at("2026-10-25T00:59:59Z") / 1000), 7200);
  EXPECT_EQ(berlin_zone.offset_at(at("2026-10-25T01:00:00Z") / 1000), 3600);
  EXPECT_EQ(berlin_zone.offset_at(at("2077-12-24") / 1000), 3600);
  EXPECT_EQ(berlin_zone.name(), "Test/Zone");
  EXPECT_EQ(berlin_zone.offset_minutes_at(at("1800-01-01")), 53) << "rounded";
}

TEST(TimeZone, LocalTimes) {
  const TimeZone berlin_zone = zone(berlin());
  EXPECT_EQ(berlin_zone.to_utc_ms(at("2019-01-15T12:00")), at("2019-01-15T11:00Z"));
  EXPECT_EQ(berlin_zone.to_utc_ms(at("2019-07-15T12:00:00.250")), at("2019-07-15T10:00:00.250Z"));
  EXPECT_EQ(berlin_zone.to_utc_ms(at("2019-03-31T02:30")), at("2019-03-31T01:30Z"))
      << "never on a clock: by the offset before";
  EXPECT_EQ(berlin_zone.to_utc_ms(at("2019-10-27T02:30")), at("2019-10-27T00:30Z")) << "twice: the first";
  EXPECT_EQ(berlin_zone.to_utc_ms(at("2030-10-27T02:30")), at("2030-10-27T00:30Z"));
}

TEST(TimeZone, SouthernSummerCrossesTheYear) {
  const auto rule = ZoneRule::parse("AEST-10AEDT,M10.1.0,M4.1.0/3");
  ASSERT_TRUE(rule.has_value());
  EXPECT_EQ(rule->offset_at(at("2026-01-01") / 1000), 11 * 3600);
  EXPECT_EQ(rule->offset_at(at("2026-06-01") / 1000), 10 * 3600);
  EXPECT_EQ(rule->offset_at(at("2026-10-03T15:59:59Z") / 1000), 10 * 3600);
  EXPECT_EQ(rule->offset_at(at("2026-10-03T16:00:00Z") / 1000), 11 * 3600);
}

TEST(TimeZone, RulesOfAllForms) {
  EXPECT_EQ(ZoneRule::parse("<+0330>-3:30")->offset_at(0), 12'600);
  EXPECT_EQ(ZoneRule::parse("EST5")->offset_at(0), -18'000);
  EXPECT_EQ(ZoneRule::parse("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1")->standard_s, -10'800);
  EXPECT_EQ(ZoneRule::parse("LHST-10:30LHDT-11,M10.1.0,M4.1.0")->daylight_s, 39'600);
  for (const char* const bad : {"", "CET", "CE-1", "CET-1CEST", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
                                "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M3.5.0", "CET-1CEST,J60,J300",
                                "CET-1CEST,M3.5.0,M10.5.0x", "<CET-1", "CET-200"}) {
    EXPECT_FALSE(ZoneRule::parse(bad).has_value()) << bad;
  }
}

TEST(TimeZone, Offsets) {
  const auto known = [](std::string_view text) { return TimeZone::find(text, "/nowhere"); };
  EXPECT_FALSE(known("")->is_known());
  EXPECT_EQ(known("")->offset_minutes_at(0), std::nullopt);
  EXPECT_EQ(known("Z")->offset_minutes_at(0), 0);
  EXPECT_EQ(known("+05:45")->offset_minutes_at(0), 345);
  EXPECT_EQ(known("-08:00")->to_utc_ms(0), 8 * 3600 * 1000);
  EXPECT_EQ(known("+05:45")->name(), "");
  for (const char* const bad :
       {"5", "+5:00", "+05:60", "+19:00", "+0500", "CET?", "../../etc/passwd", "/etc/passwd", "Nowhere/City", "a b"}) {
    const auto zone = known(bad);
    ASSERT_FALSE(zone) << bad;
    EXPECT_EQ(zone.error().code, base::ErrorCode::invalid_input);
    EXPECT_THAT(zone.error().text, testing::HasSubstr(bad));
  }
}

TEST(TimeZone, FindsANameInTheFolder) {
  const store::TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() + "/Europe");
  std::ofstream(folder.path() + "/Europe/Berlin", std::ios::binary) << berlin();
  std::ofstream(folder.path() + "/zone.tab") << "# a table";
  const auto found = TimeZone::find("Europe/Berlin", folder.path());
  ASSERT_TRUE(ok(found));
  EXPECT_EQ(found->name(), "Europe/Berlin");
  EXPECT_FALSE(TimeZone::find("Europe", folder.path()));
  EXPECT_FALSE(TimeZone::find("Europe/Paris", folder.path()));
  EXPECT_FALSE(TimeZone::find("zone-tab", folder.path()));
}

TEST(TimeZone, EveryCutOffFileIsCorruptOrWithoutItsRule) {
  const std::string file = berlin();
  const std::size_t rule = file.find("CET-1CEST") - 1;
  for (std::size_t length = 0; length < rule; ++length) {
    EXPECT_FALSE(TimeZone::parse_tzif("x", std::string_view(file).substr(0, length))) << length;
  }
  for (std::size_t length = rule; length < file.size(); ++length) {
    EXPECT_TRUE(TimeZone::parse_tzif("x", std::string_view(file).substr(0, length))) << length;
  }
  std::string changed = file;
  changed[file.find("TZif", 4) + 44 + 24] = 9;  // a change to a type that is not there
  EXPECT_FALSE(TimeZone::parse_tzif("x", changed));
}

}  // namespace
}  // namespace boathouse::import
