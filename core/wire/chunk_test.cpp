#include "core/wire/chunk.hpp"

#include <gtest/gtest.h>

#include <array>

#include "core/base/hex.hpp"
#include "core/base/random.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/wire/compression.hpp"
#include "tests/support/sanitizers.hpp"

namespace boathouse::wire {
namespace {

using base::Bytes;
using base::ErrorCode;
using base::SeededRandom;
using rowing::kNull;
using rowing::Record;
using rowing::Stream;

std::vector<Record> random_records(Stream stream, std::size_t count, std::uint64_t seed) {
  SeededRandom random(seed);
  std::vector<Record> records(count);
  for (Record& record : records) {
    record.stream = stream;
    for (const rowing::Metric& metric : rowing::metrics(stream)) {
      const auto value = static_cast<std::int64_t>(
          random.below(static_cast<std::uint64_t>(rowing::max_value(metric)) + 1) >> random.below(32));
      record.values.push_back(random.below(5) == 0 ? kNull : value);
    }
    if (rowing::has_points(stream)) {
      record.points.resize(random.below(40));
      for (auto& point : record.points) {
        point = static_cast<std::int64_t>(random.below(400));
      }
    }
    if (stream == Stream::source || random.below(4) == 0) {
      record.bytes.assign(1 + random.below(100), static_cast<char>(random.below(256)));
    }
  }
  return records;
}

// ---- sealing and opening ----

TEST(Chunk, RecordsOfEveryStreamComeBack) {
  for (const Stream stream : rowing::kStreams) {
    for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{256}}) {
      const auto records = random_records(stream, count, count);
      const auto chunk = seal_chunk(stream, 512, records);
      ASSERT_TRUE(chunk.ok()) << chunk.error().text;
      EXPECT_EQ(chunk->stream, stream);
      EXPECT_EQ(chunk->version, rowing::kCatalogueVersion);
      EXPECT_EQ(chunk->from, 512U);
      EXPECT_EQ(chunk->to, 512U + count);
      const auto opened = open_chunk(chunk->body, chunk->sha256);
      ASSERT_TRUE(opened.ok()) << rowing::name(stream) << ": " << opened.error().text;
      EXPECT_EQ(opened->from, 512U);
      EXPECT_EQ(records_of(*opened), records) << rowing::name(stream);
      EXPECT_EQ(write_out(read_known_chunk(chunk->body, chunk->sha256))->columns, opened->columns)
          << rowing::name(stream);
    }
  }
}

TEST(Chunk, TheEndsOfEachMetricsRangeFit) {
  for (const Stream stream : {Stream::sample, Stream::summary}) {
    std::vector<Record> records(3);
    for (const rowing::Metric& metric : rowing::metrics(stream)) {
      records[0].values.push_back(0);
      records[1].values.push_back(rowing::max_value(metric));
      records[2].values.push_back(kNull);
    }
    for (Record& record : records) {
      record.stream = stream;
    }
    const auto chunk = seal_chunk(stream, 0, records);
    ASSERT_TRUE(chunk.ok()) << chunk.error().text;
    EXPECT_EQ(records_of(*open_chunk(chunk->body)), records);
  }
}

TEST(Chunk, WhatCannotBeSealedIsNamed) {
  const auto text = [](Stream stream, std::uint64_t from, const std::vector<Record>& records) {
    const auto chunk = seal_chunk(stream, from, records);
    return chunk.ok() ? "ok" : std::string(name(chunk.error().code)) + ": " + chunk.error().text;
  };
  auto records = random_records(Stream::stroke, 3, 1);
  EXPECT_EQ(text(Stream::stroke, 0, records), "ok");
  EXPECT_EQ(text(Stream::stroke, 0, {}), "invalid_input: a chunk needs a record");
  EXPECT_EQ(text(Stream::split, 0, records), "invalid_input: record 0 of a chunk of split: belongs to another stream");
  records[2].values[0] = -1;
  EXPECT_EQ(text(Stream::stroke, 0, records),
            "invalid_input: record 2 of a chunk of stroke: at_ms = -1 is out of range");
  records[2].values.pop_back();
  EXPECT_NE(text(Stream::stroke, 0, records).find("values, the stream has"), std::string::npos);
  records = random_records(Stream::stroke, 1, 1);
  records[0].points = {1};
  EXPECT_NE(text(Stream::stroke, 0, records).find("points"), std::string::npos);
  records = random_records(Stream::force_curve, 1, 1);
  records[0].points = {0x10000};
  EXPECT_NE(text(Stream::force_curve, 0, records).find("points"), std::string::npos);
  records = random_records(Stream::source, 1, 1);
  records[0].bytes.assign(kMaxRowBytes + 1, 'x');
  EXPECT_EQ(text(Stream::source, 0, records).substr(0, 10), "too_large:");
  EXPECT_EQ(text(Stream::event, 0, random_records(Stream::event, kMaxChunkRecords + 1, 1)).substr(0, 10), "too_large:");
  records = random_records(Stream::event, 1, 1);
  EXPECT_EQ(text(Stream::event, kMaxSequence - 1, records), "ok");
  EXPECT_EQ(text(Stream::event, kMaxSequence, records).substr(0, 10), "too_large:");
  EXPECT_EQ(text(Stream::event, UINT64_MAX, records).substr(0, 10), "too_large:");
}

TEST(Chunk, TooManyBytesAreRefusedWithWhatToDo) {
  std::vector<Record> blocks(40);  // 2.5 MiB that nothing compresses
  SeededRandom random(1);
  for (Record& block : blocks) {
    block.stream = Stream::source;
    Bytes bytes(kMaxRowBytes);
    random.fill(bytes);
    block.bytes = base::as_text(bytes);
  }
  const auto whole = seal_chunk(Stream::source, 0, blocks);
  ASSERT_FALSE(whole.ok());
  EXPECT_EQ(whole.error().code, ErrorCode::too_large);
  EXPECT_NE(whole.error().text.find("cut the records"), std::string::npos) << whole.error().text;
  const auto half = seal_chunk(Stream::source, 0, std::span(blocks).first(20));
  ASSERT_TRUE(half.ok());
  EXPECT_EQ(records_of(*open_chunk(half->body, half->sha256)).back(), blocks[19]);

  std::vector<Record> same(129, Record{Stream::source, {}, {}, std::string(kMaxRowBytes, 'x')});  // compresses well
  EXPECT_EQ(seal_chunk(Stream::source, 0, same).error().code, ErrorCode::too_large);
  same.pop_back();
  const auto full = seal_chunk(Stream::source, 0, same);
  ASSERT_TRUE(full.ok());
  EXPECT_TRUE(open_chunk(full->body).ok());
}

// ---- bytes from outside ----

TEST(Chunk, AFlippedBitNeverGivesAnotherTable) {
  const auto records = random_records(Stream::stroke, 60, 3);
  const auto chunk = seal_chunk(Stream::stroke, 0, records);
  ASSERT_TRUE(chunk.ok());
  for (std::size_t at = 0; at < chunk->body.size(); ++at) {
    for (int bit = 0; bit < 8; bit += test_support::kSanitized ? 5 : 1) {
      Bytes flipped = chunk->body;
      flipped[at] = static_cast<std::uint8_t>(flipped[at] ^ (1 << bit));
      const auto opened = open_chunk(flipped, chunk->sha256);
      if (opened.ok()) {  // a bit of the frame that says nothing about its content
        ASSERT_EQ(records_of(*opened), records) << "byte " << at << ", bit " << bit;
      }
      ASSERT_EQ(read_known_chunk(flipped, chunk->sha256).ok(), opened.ok()) << "byte " << at << ", bit " << bit;
      static_cast<void>(open_chunk(flipped));  // and without the hash: whatever it gives, it ends well
    }
  }
}

TEST(Chunk, TruncatedAtAnyByteIsRefused) {
  const auto chunk = seal_chunk(Stream::split, 0, random_records(Stream::split, 20, 4));
  ASSERT_TRUE(chunk.ok());
  for (std::size_t size = 0; size < chunk->body.size(); ++size) {
    ASSERT_FALSE(open_chunk(base::ByteView(chunk->body).first(size)).ok()) << size;
  }
  Bytes longer = chunk->body;
  longer.push_back(0);
  EXPECT_EQ(open_chunk(longer).error().code, ErrorCode::corrupt);
}

TEST(Chunk, AnotherHashIsNamed) {
  const auto chunk = seal_chunk(Stream::event, 0, random_records(Stream::event, 2, 1));
  base::Digest other = chunk->sha256;
  other[31] ^= 1;
  const auto opened = open_chunk(chunk->body, other);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
  EXPECT_NE(opened.error().text.find(base::to_hex(chunk->sha256)), std::string::npos) << opened.error().text;
  EXPECT_EQ(read_known_chunk(chunk->body, other).error().text, opened.error().text);
}

TEST(Chunk, ColumnsMustBeThoseOfTheCatalogue) {
  const std::size_t width = rowing::metrics(Stream::event).size();
  const auto open_with = [](Stream stream, std::uint32_t version, const Columns& columns) {
    const auto opened = open_chunk(compress(encode_columns(stream, version, 0, columns)));
    return opened.ok() ? "ok" : std::string(name(opened.error().code)) + ": " + opened.error().text;
  };
  Columns columns;
  columns.rows = 1;
  columns.columns.assign(width, {1});
  EXPECT_EQ(open_with(Stream::event, 1, columns), "ok");
  EXPECT_EQ(open_with(Stream::event, rowing::kCatalogueVersion + 1, columns).substr(0, 12), "unsupported:");
  EXPECT_EQ(open_with(Stream::source, 1, columns), "corrupt: chunk: 2 columns, stream source has 0");
  columns.columns[1][0] = 0x10000;
  EXPECT_EQ(open_with(Stream::event, 1, columns), "corrupt: chunk: a value of column kind is out of range");
  columns.columns[1][0] = -1;
  EXPECT_EQ(open_with(Stream::event, 1, columns), "corrupt: chunk: a value of column kind is out of range");
  columns.columns[1][0] = kNull;
  EXPECT_EQ(open_with(Stream::event, 1, columns), "ok");
  columns.points = {{1}};
  EXPECT_EQ(open_with(Stream::event, 1, columns).substr(0, 8), "corrupt:");

  Columns curve;
  curve.rows = 1;
  curve.columns.assign(rowing::metrics(Stream::force_curve).size(), {1});
  EXPECT_EQ(open_with(Stream::force_curve, 1, curve).substr(0, 8), "corrupt:");  // no points
  curve.points = {{}};
  EXPECT_EQ(open_with(Stream::force_curve, 1, curve), "ok");
  curve.points = {{1, 0x10000}};
  EXPECT_EQ(open_with(Stream::force_curve, 1, curve), "corrupt: chunk: a point is out of range");
}

TEST(Chunk, BombsAreRefusedByWhatTheySay) {
  const Bytes bomb = compress(Bytes(kMaxCanonicalBytes + 1));
  ASSERT_LT(bomb.size(), 2000U);
  EXPECT_EQ(open_chunk(bomb).error().code, ErrorCode::too_large);
  EXPECT_EQ(open_chunk(Bytes(kMaxChunkBody + 1)).error().code, ErrorCode::too_large);
  EXPECT_EQ(open_chunk({}).error().code, ErrorCode::corrupt);
  EXPECT_EQ(open_chunk(compress(Bytes(1000))).error().code, ErrorCode::corrupt);  // a frame of something else
}

TEST(Chunk, ColumnsOfALaterCatalogueAreNull) {
  Decoded old;
  old.stream = Stream::event;
  old.version = 1;
  old.columns.rows = 2;
  old.columns.columns = {{10, 20}};  // as if the catalogue had had one column then
  const auto records = records_of(old);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].values, (std::vector<std::int64_t>{20, kNull}));
}

// ---- roots ----

TEST(Chunk, TheRootIsTheHashOfTheHashesInOrder) {
  const base::Digest a = base::sha256(base::as_bytes("a"));
  const base::Digest b = base::sha256(base::as_bytes("b"));
  EXPECT_EQ(base::to_hex(stream_root({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::array both{a, b};
  const std::array swapped{b, a};
  // printf a | sha256sum and printf b | sha256sum, as bytes one after the other | sha256sum
  EXPECT_EQ(base::to_hex(stream_root(both)), "e5a01fee14e0ed5c48714f22180f25ad8365b53f9779f79dc4a3d7e93963f94a");
  EXPECT_NE(stream_root(both), stream_root(swapped));
}

}  // namespace
}  // namespace boathouse::wire
