#include "server/timeseries/native.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core/rowing/record.hpp"
#include "server/timeseries/test_packed.hpp"

namespace boathouse::timeseries {
namespace {

using rowing::kNull;

base::Uuid uuid(std::string_view text) { return *base::Uuid::parse(text); }

NativeBlock every_type() {
  NativeBlock block;
  block.rows = 3;
  const auto integers = [&](std::string name, std::string type, std::vector<std::int64_t> values) {
    block.columns.push_back({std::move(name), std::move(type), std::move(values), {}, {}, {}, {}});
  };
  integers("small", "UInt8", {0, 127, 255});
  integers("signed", "Int16", {-32768, 0, 32767});
  integers("maybe", "Nullable(UInt32)", {kNull, 0, 4294967295});
  integers("offset", "Nullable(Int16)", {-90, kNull, 330});
  integers("version", "UInt64", {0, 1, INT64_MAX});
  integers("started", "DateTime64(3, 'UTC')", {0, 1795372620000, -1});
  block.columns.push_back({"text", "String", {}, {"", "a\n\nb", std::string(300, 'x')}, {}, {}, {}});
  block.columns.push_back(
      {"id", "UUID", {}, {}, {base::Uuid{}, uuid("018bcfe5-6800-7abc-8def-0123456789ab"), base::Uuid{}}, {}, {}});
  block.columns.push_back({"points", "Array(UInt16)", {}, {}, {}, {{}, {24, 41, 65535}, {1}}, {}});
  integers("none", "Array(DateTime64(3, 'UTC'))", {});
  block.columns.back().arrays = {{1795372620000}, {}, {}};
  integers("tags", "Array(String)", {});
  block.columns.back().text_arrays = {{}, {"", "a\nb"}, {"x"}};
  integers("ids", "Array(UUID)", {});
  block.columns.back().uuid_arrays = {{uuid("018bcfe5-6800-7abc-8def-0123456789ab"), base::Uuid{}}, {}, {}};
  return block;
}

base::Bytes written(const NativeBlock& block) {
  base::ByteWriter out;
  write_native(out, block);
  return out.take();
}

void expect_same(const NativeBlock& read, const NativeBlock& block) {
  ASSERT_EQ(read.rows, block.rows);
  ASSERT_EQ(read.columns.size(), block.columns.size());
  for (std::size_t i = 0; i < block.columns.size(); ++i) {
    EXPECT_EQ(read.columns[i].name, block.columns[i].name);
    EXPECT_EQ(read.columns[i].type, block.columns[i].type);
    EXPECT_EQ(read.columns[i].integers, block.columns[i].integers);
    EXPECT_EQ(read.columns[i].texts, block.columns[i].texts);
    EXPECT_EQ(read.columns[i].uuids, block.columns[i].uuids);
    EXPECT_EQ(read.columns[i].arrays, block.columns[i].arrays);
    EXPECT_EQ(read.columns[i].text_arrays, block.columns[i].text_arrays);
    EXPECT_EQ(read.columns[i].uuid_arrays, block.columns[i].uuid_arrays);
  }
}

TEST(Native, EveryTypeComesBackAsItWas) {
  const NativeBlock block = every_type();
  const auto read = read_native(written(block));
  ASSERT_TRUE(read.ok()) << read.error().text;
  expect_same(*read, block);
}

TEST(RowBinary, EveryTypeComesBackAsItWas) {
  const NativeBlock block = every_type();
  const auto read = read_row_binary(packed_sessions(block).columns[0].texts, block);
  ASSERT_TRUE(read.ok()) << read.error().text;
  expect_same(*read, block);
}

TEST(RowBinary, ARowCutAnywhereOrTooLongIsAnError) {
  const NativeBlock block = every_type();
  const std::string whole = packed_sessions(block).columns[0].texts[1];
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    EXPECT_FALSE(read_row_binary({&cut, 1}, block).ok()) << size;
  }
  const std::string longer = whole + '\0';
  EXPECT_FALSE(read_row_binary({&longer, 1}, block).ok());
}

TEST(RowBinary, AnUnknownTypeIsNamed) {
  for (const char* type : {"Decimal(9, 2)", "Float64"}) {
    const auto read = read_row_binary({}, NativeBlock{0, {{"x", type, {}, {}, {}, {}, {}}}});
    ASSERT_FALSE(read.ok());
    EXPECT_NE(read.error().text.find(type), std::string::npos);
  }
}

TEST(RowBinary, AClaimOfMoreElementsThanBytesIsRefused) {
  base::ByteWriter out;
  out.varint(std::uint64_t{1} << 60);
  const std::string row(base::as_text(out.view()));
  for (const char* type : {"String", "Array(UInt64)", "Array(String)", "Array(UUID)"}) {
    const NativeBlock layout{0, {{"x", type, {}, {}, {}, {}, {}}}};
    EXPECT_FALSE(read_row_binary({&row, 1}, layout).ok()) << type;
  }
}

TEST(Native, BlocksOfOneReplyAreJoined) {
  base::Bytes twice = written(every_type());
  const base::Bytes once = twice;
  twice.insert(twice.end(), once.begin(), once.end());
  const auto read = read_native(twice);
  ASSERT_TRUE(read.ok()) << read.error().text;
  EXPECT_EQ(read->rows, 6U);
  EXPECT_EQ(read->integer("small", 5), 255);
  EXPECT_EQ(read->find("points")->arrays.size(), 6U);
  EXPECT_EQ(read->find("maybe")->integers, (std::vector<std::int64_t>{kNull, 0, 4294967295, kNull, 0, 4294967295}));
  EXPECT_EQ(read->find("started")->integers, (std::vector<std::int64_t>{0, 1795372620000, -1, 0, 1795372620000, -1}));
  EXPECT_EQ(read->find("ids")->uuid_arrays.size(), 6U);
}

TEST(Native, ABlockWithAnotherTypeThanTheFirstIsRefused) {
  NativeBlock block;
  block.rows = 1;
  block.columns.push_back({"heart_rate_bpm", "UInt16", {300}, {}, {}, {}, {}});
  base::Bytes reply = written(block);
  block.columns[0].type = "UInt8";
  const base::Bytes other = written(block);
  reply.insert(reply.end(), other.begin(), other.end());
  const auto read = read_native(reply);
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().text.find("heart_rate_bpm"), std::string::npos);
}

TEST(Native, ClickHouseWritesTheHalvesOfAUuidBackwards) {
  NativeBlock block;
  block.rows = 1;
  block.columns.push_back({"id", "UUID", {}, {}, {uuid("00112233-4455-6677-8899-aabbccddeeff")}, {}, {}});
  const base::Bytes bytes = written(block);
  const base::Bytes expected{0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0x00,
                             0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88};
  EXPECT_EQ(base::Bytes(bytes.end() - 16, bytes.end()), expected);
}

TEST(Native, AnEmptyReplyHasNoRows) {
  const auto read = read_native({});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->rows, 0U);
  EXPECT_EQ(read->find("anything"), nullptr);
}

TEST(Native, AReplyCutAnywhereIsAnError) {
  const base::Bytes whole = written(every_type());
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_FALSE(read_native(base::ByteView(whole).first(size)).ok()) << size;
  }
}

TEST(Native, AnUnknownTypeIsNamed) {
  base::ByteWriter out;
  out.varint(1);
  out.varint(1);
  for (const std::string_view text : {"x", "Decimal(9, 2)"}) {
    out.varint(text.size());
    out.bytes(base::as_bytes(text));
  }
  out.u64(0);
  const auto read = read_native(out.take());
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().text.find("Decimal(9, 2)"), std::string::npos);
}

TEST(Native, AClaimOfMoreRowsThanBytesIsRefused) {
  base::ByteWriter out;
  out.varint(1);
  out.varint(std::uint64_t{1} << 60);
  EXPECT_FALSE(read_native(out.take()).ok());
}

}  // namespace
}  // namespace boathouse::timeseries
