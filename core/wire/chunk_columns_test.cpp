#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "core/base/hex.hpp"
#include "core/base/random.hpp"
#include "core/wire/chunk.hpp"
#include "tests/support/sanitizers.hpp"

namespace boathouse::wire {
namespace {

using base::Bytes;
using base::ErrorCode;
using base::SeededRandom;
using rowing::kNull;
using rowing::Stream;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = kNull + 1;  // the smallest value that is not the null

Columns integers(std::vector<std::vector<std::int64_t>> columns) {
  Columns result;
  result.rows = columns.front().size();
  result.columns = std::move(columns);
  return result;
}

Bytes encoded(const Columns& columns) { return encode_columns(Stream::sample, 1, 7, columns); }

void expect_round_trip(const Columns& columns) {
  const Bytes bytes = encode_columns(Stream::stroke, 300, 123456789, columns);
  const auto decoded = decode_columns(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.error().text;
  EXPECT_EQ(decoded->columns, columns);
  EXPECT_EQ(decoded->stream, Stream::stroke);
  EXPECT_EQ(decoded->version, 300U);
  EXPECT_EQ(decoded->from, 123456789U);
}

std::string code_and_text(const Bytes& bytes) {
  const auto decoded = decode_columns(bytes);
  return decoded.ok() ? "ok" : std::string(name(decoded.error().code)) + ": " + decoded.error().text;
}

// ---- round trips ----

TEST(ChunkColumns, EveryModeComesBack) {
  std::vector<std::int64_t> standing(256, 5);
  std::vector<std::int64_t> steps(256, 5);
  std::vector<std::int64_t> noise(256);
  std::vector<std::int64_t> line(256);
  SeededRandom random(1);
  for (std::size_t i = 0; i < 256; ++i) {
    steps[i] = static_cast<std::int64_t>(i / 50);
    noise[i] = static_cast<std::int64_t>(random.below(60));
    line[i] = static_cast<std::int64_t>(i) * 1000;
  }
  const Columns columns = integers({standing, steps, noise, line, std::vector<std::int64_t>(256, kNull)});
  const Bytes bytes = encoded(columns);
  // The modes follow the header of 11 bytes: constant, sparse, delta, delta-of-delta, null.
  EXPECT_EQ(base::to_hex(base::ByteView(bytes).subspan(11, 5)), "0102030400");
  expect_round_trip(columns);
}

TEST(ChunkColumns, TheExtremesOf64Bits) {
  expect_round_trip(integers({{kMax}, {kMin}, {0}, {kNull}}));
  expect_round_trip(integers({{kMax, kMin}, {kMin, kMax}, {kNull, kMin}, {kMax, kNull}}));
  expect_round_trip(integers({{kMin, kMax, kMin, kMax}, {0, kMax, 0, kMin}, {kMax, kMax - 1, kMax - 2, kMax - 3}}));
  expect_round_trip(integers({{0, kMin, kNull, kMax, kNull, kNull, -1, 0}}));
}

TEST(ChunkColumns, NullsAnywhere) {
  const std::int64_t n = kNull;
  expect_round_trip(integers({{n, 1, 2, 3}, {1, n, 2, 3}, {1, 2, 3, n}, {n, n, n, 3}, {3, n, n, n}, {n, 3, 3, n}}));
  expect_round_trip(integers({{n, 1, n, 1, n, 1}, {1, n, 1, n, 1, n}, {n, n, n, n, n, n}, {1, 2, 4, 8, 16, 32}}));
}

TEST(ChunkColumns, AChunkWithoutIntegerColumns) {
  Columns source;
  source.rows = 3;
  source.bytes = {"", "first block", "second block"};
  expect_round_trip(source);
  Columns nothing;
  nothing.rows = 3;
  expect_round_trip(nothing);
}

TEST(ChunkColumns, PointsComeBack) {
  Columns curves = integers({{1, 2, 3, 4}});
  curves.points = {{}, {5, 90, 130, 90, 5}, {kMax, kMin, kNull, 0}, {7}};
  expect_round_trip(curves);
  curves.points.assign(4, {});
  expect_round_trip(curves);
}

TEST(ChunkColumns, BytesComeBackAndRepeatsAreCheap) {
  Columns tails = integers({{1, 2, 3, 4, 5, 6}});
  tails.bytes = {"", "ab", "ab", "", "", std::string("\0\xff", 2)};
  expect_round_trip(tails);

  Columns same = integers({std::vector<std::int64_t>(4096, 1)});
  const std::size_t without = encoded(same).size();
  same.bytes.assign(4096, "tail!");
  EXPECT_LE(encoded(same).size(), without + 15);
  expect_round_trip(same);

  same.bytes.assign(4096, "");  // means the same as none at all
  EXPECT_EQ(encoded(same), encoded(integers({std::vector<std::int64_t>(4096, 1)})));
}

Columns random_table(SeededRandom& random, std::uint64_t max_rows) {
  Columns table;
  table.rows = 1 + random.below(random.below(4) == 0 ? max_rows : 12);
  const std::size_t count = random.below(8);
  for (std::size_t c = 0; c < count; ++c) {
    const std::uint64_t shape = random.below(6);
    const std::uint64_t nulls = random.below(3) == 0 ? 1 + random.below(table.rows + 1) : 0;  // one row in so many
    auto value = static_cast<std::int64_t>(random.below(1000));
    std::int64_t slope = 0;
    auto& column = table.columns.emplace_back();
    for (std::size_t r = 0; r < table.rows; ++r) {
      switch (shape) {
        case 0:  // stands still
          break;
        case 1:  // changes now and then
          value += random.below(10) == 0 ? static_cast<std::int64_t>(random.below(2000)) - 1000 : 0;
          break;
        case 2:  // noise
          value = static_cast<std::int64_t>(random.below(256));
          break;
        case 3:  // a curve
          slope += static_cast<std::int64_t>(random.below(5)) - 2;
          value += slope + 100000;
          break;
        case 4:  // anything
          value = static_cast<std::int64_t>(random.u64() >> random.below(64));
          break;
        default:  // the ends of the range
          value = std::array{kMin, kMax, std::int64_t{0}, std::int64_t{-1}}[random.below(4)];
          break;
      }
      column.push_back(nulls != 0 && random.below(nulls) == 0 ? kNull : value);
    }
  }
  if (random.below(3) == 0) {
    for (std::size_t r = 0; r < table.rows; ++r) {
      auto& curve = table.points.emplace_back(random.below(20));
      for (auto& point : curve) {
        point = static_cast<std::int64_t>(random.u64() >> random.below(64));
      }
    }
  }
  if (random.below(3) == 0) {
    bool any = false;
    for (std::size_t r = 0; r < table.rows; ++r) {
      table.bytes.push_back(r > 0 && random.below(2) == 0 ? table.bytes.back() : std::string(random.below(5), 'x'));
      any = any || !table.bytes.back().empty();
    }
    if (!any) {
      table.bytes.clear();
    }
  }
  return table;
}

TEST(ChunkColumns, RandomTablesComeBackAndHaveOneForm) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SeededRandom random(seed);
    const Columns table = random_table(random, 300);
    const Bytes bytes = encoded(table);
    const auto decoded = decode_columns(bytes);
    ASSERT_TRUE(decoded.ok()) << "seed " << seed << ": " << decoded.error().text;
    ASSERT_EQ(decoded->columns, table) << "seed " << seed;
    ASSERT_EQ(encoded(decoded->columns), bytes) << "seed " << seed;
  }
}

// ---- golden bytes ----

// These bytes are on disk and their hashes are in ledgers: never change one. A new format takes a new version byte.
TEST(ChunkColumns, GoldenBytes) {
  const std::int64_t n = kNull;
  const auto hex = [](Stream stream, std::uint32_t version, std::uint64_t from, const Columns& columns) {
    return base::to_hex(encode_columns(stream, version, from, columns));
  };
  EXPECT_EQ(hex(Stream::sample, 1, 0, integers({{1}})), "424843010101000101000102");
  EXPECT_EQ(hex(Stream::stroke, 1, 300, integers({{0, 0, 0, 9, 9, 9, 9, 8}, {n, n, n, n, n, n, n, n}})),
            "424843010201ac020802000200000202031201");
  EXPECT_EQ(hex(Stream::split, 2, 1, integers({{0, 25, 51, 76, 101}, {0, 1000, 2000, 3000, 4000}})),
            "424843010402010502000304000032343232d00f000000");
  EXPECT_EQ(hex(Stream::summary, 1, 0, integers({{n, 1, 2, n, n, 7}, {kMax, kMin, kMax, kMin, kMax, kMin}})),
            "424843010501000602000b03040001020202feffffffffffffffff01020a0403040304");
  Columns curves = integers({{1, 2}});
  curves.points = {{10, 200, 30}, {}};
  EXPECT_EQ(hex(Stream::force_curve, 1, 0, curves), "4248430103010002010103030206020514fc02d302");
  Columns tails = integers({{1, 1, 1}});
  tails.bytes = {"", "\x64", "\x64"};
  EXPECT_EQ(hex(Stream::event, 1, 9007199254740989, tails), "424843010601fdffffffffffff0f03010201030200040364");
}

// ---- refusals ----

// What the writer would not have written is refused: a mutation either fails or is another table's own form.
TEST(ChunkColumns, NoMutationPassesInAForeignForm) {
  constexpr std::uint64_t kSeeds = test_support::kSanitized ? 12 : 120;
  std::size_t accepted = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    SeededRandom random(seed);
    const Bytes bytes = encoded(random_table(random, 24));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const std::uint8_t flip : std::array<std::uint8_t, 5>{0x01, 0x02, 0x08, 0x80, 0xff}) {
        Bytes mutated = bytes;
        mutated[at] ^= flip;
        const auto decoded = decode_columns(mutated);
        if (decoded.ok()) {
          ++accepted;
          ASSERT_EQ(encode_columns(decoded->stream, decoded->version, decoded->from, decoded->columns), mutated)
              << "seed " << seed << ", byte " << at;
        }
      }
    }
  }
  EXPECT_GT(accepted, kSeeds * 80);  // else the check above never ran
}

TEST(ChunkColumns, TruncatedAtAnyByteOrWithBytesBehindIsRefused) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SeededRandom random(seed);
    Bytes bytes = encoded(random_table(random, 24));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_FALSE(decode_columns(base::ByteView(bytes).first(size)).ok()) << "seed " << seed << ", size " << size;
    }
    bytes.push_back(0);
    EXPECT_EQ(code_and_text(bytes), "corrupt: chunk: 1 bytes follow its end");
  }
}

// A header for `rows` rows and `columns` columns of stream `sample`, version 1, from 0, then `rest`.
Bytes chunk_bytes(std::uint64_t rows, std::uint64_t columns, std::uint8_t flags, std::string_view rest) {
  base::ByteWriter out;
  out.bytes(base::as_bytes("BHC"));
  out.u8(1);
  out.u8(1);
  out.varint(1);
  out.varint(0);
  out.varint(rows);
  out.varint(columns);
  out.u8(flags);
  out.bytes(*base::from_hex(rest));
  return out.take();
}

TEST(ChunkColumns, AnotherFormThanTheSmallestIsRefused) {
  EXPECT_EQ(code_and_text(chunk_bytes(3, 1, 0, "01 02")), "ok");                                    // constant 1
  EXPECT_NE(code_and_text(chunk_bytes(3, 1, 0, "03 02 00 00")).find("fewest"), std::string::npos);  // the same as delta
  EXPECT_EQ(code_and_text(chunk_bytes(3, 1, 0, "03 02 02 04")), "ok");                              // 1 2 4
  EXPECT_NE(code_and_text(chunk_bytes(3, 1, 0, "04 02 02 02")).find("fewest"), std::string::npos);  // 1 2 4, equal size
  EXPECT_NE(code_and_text(chunk_bytes(3, 1, 0, "02 02 02 00 00 02 04")).find("fewest"), std::string::npos);
  EXPECT_NE(code_and_text(chunk_bytes(9, 1, 0, "02 02 01 03 00")).find("changes nothing"), std::string::npos);
  EXPECT_EQ(code_and_text(chunk_bytes(9, 1, 0, "02 02 01 03 02")), "ok");  // one change at row 4
  EXPECT_NE(code_and_text(chunk_bytes(9, 1, 0, "02 02 01 08 02")).find("behind the last"), std::string::npos);
  EXPECT_NE(code_and_text(chunk_bytes(9, 1, 0, "02 02 09 00 00 00 00 00 00 00 00 00")).find("number of changes"),
            std::string::npos);
  EXPECT_NE(code_and_text(chunk_bytes(3, 1, 0, "01 82 00")).find("one form"), std::string::npos);  // varint too long
}

TEST(ChunkColumns, RunsOfNullsHaveOneForm) {
  EXPECT_EQ(code_and_text(chunk_bytes(4, 1, 0, "09 01 02 02")), "ok");  // 1 1 null null
  EXPECT_NE(code_and_text(chunk_bytes(4, 1, 0, "09 02 02 02 02")).find("do not fit"), std::string::npos);  // run of 0
  EXPECT_NE(code_and_text(chunk_bytes(4, 1, 0, "09 01 05 02")).find("do not fit"), std::string::npos);
  EXPECT_NE(code_and_text(chunk_bytes(4, 1, 0, "09 03 01 00 01 02")).find("do not fit"), std::string::npos);
  EXPECT_NE(code_and_text(chunk_bytes(4, 1, 0, "09 00 02")).find("one kind"), std::string::npos);     // no null at all
  EXPECT_NE(code_and_text(chunk_bytes(4, 1, 0, "09 01 00 02")).find("one kind"), std::string::npos);  // only nulls
  EXPECT_NE(code_and_text(chunk_bytes(4, 1, 0, "08 01 02")).find("no such mode"), std::string::npos);
  EXPECT_NE(code_and_text(chunk_bytes(4, 1, 0, "05 02")).find("no such mode"), std::string::npos);
}

TEST(ChunkColumns, TheNullIsNoValue) {
  const std::string null_varint = "ffffffffffffffffff01";  // zigzag of the smallest 64-bit integer
  EXPECT_NE(code_and_text(chunk_bytes(2, 1, 0, "01" + null_varint)).find("null among"), std::string::npos);
  // 0, then the null as a difference: the same bits.
  EXPECT_NE(code_and_text(chunk_bytes(2, 1, 0, "03 00" + null_varint)).find("null among"), std::string::npos);
}

TEST(ChunkColumns, ListsOfBytesHaveOneForm) {
  EXPECT_EQ(code_and_text(chunk_bytes(2, 0, 2, "03 04 03 61")), "ok");  // own lengths 2, 0: "a" and again
  EXPECT_NE(code_and_text(chunk_bytes(2, 0, 2, "01 04 61 61")).find("repeats"), std::string::npos);
  EXPECT_NE(code_and_text(chunk_bytes(2, 0, 2, "01 00")).find("without any"), std::string::npos);
  EXPECT_NE(code_and_text(chunk_bytes(2, 0, 2, "01 02")).find("repeats"), std::string::npos);  // "" is row -1's
  EXPECT_NE(code_and_text(chunk_bytes(1, 0, 2, "01 08 61")).find("more bytes"), std::string::npos);
  EXPECT_NE(code_and_text(chunk_bytes(1, 0, 2, "00")).find("more bytes"), std::string::npos);  // a null length
  EXPECT_NE(code_and_text(chunk_bytes(1, 0, 1, "00")).find("more points"), std::string::npos);
  EXPECT_NE(code_and_text(chunk_bytes(1, 0, 1, "01 01")).find("more points"), std::string::npos);  // -1 points
}

TEST(ChunkColumns, TheHeaderIsChecked) {
  const Bytes good = chunk_bytes(1, 0, 0, "");
  EXPECT_EQ(code_and_text(good), "ok");
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    return code_and_text(bytes);
  };
  EXPECT_EQ(with(0, 'X').substr(0, 8), "corrupt:");
  EXPECT_EQ(with(3, 2).substr(0, 12), "unsupported:");  // another format
  EXPECT_EQ(with(4, 0).substr(0, 12), "unsupported:");  // another stream
  EXPECT_EQ(with(4, 8).substr(0, 12), "unsupported:");
  EXPECT_EQ(with(5, 0).substr(0, 8), "corrupt:");  // catalogue version 0
  EXPECT_EQ(with(7, 0).substr(0, 8), "corrupt:");  // no rows
  EXPECT_EQ(with(9, 4).substr(0, 8), "corrupt:");  // flags
  EXPECT_EQ(code_and_text({}).substr(0, 8), "corrupt:");
}

TEST(ChunkColumns, HugeCountsAreRefusedBeforeTheyCostMemory) {
  EXPECT_EQ(code_and_text(chunk_bytes(kMaxChunkRecords, 0, 0, "")), "ok");
  EXPECT_EQ(code_and_text(chunk_bytes(kMaxChunkRecords + 1, 0, 0, "")).substr(0, 10), "too_large:");
  EXPECT_EQ(code_and_text(chunk_bytes(UINT64_MAX, 0, 0, "")).substr(0, 10), "too_large:");
  EXPECT_EQ(code_and_text(chunk_bytes(1, kMaxColumns + 1, 0, "")).substr(0, 10), "too_large:");
  EXPECT_EQ(code_and_text(chunk_bytes(4096, 256, 0, "")).substr(0, 8), "corrupt:");
  EXPECT_EQ(code_and_text(chunk_bytes(4096, 1, 0, "02 00 ff7f")).substr(0, 8), "corrupt:");            // changes
  EXPECT_EQ(code_and_text(chunk_bytes(4096, 1, 0, "09 ff1f")).substr(0, 8), "corrupt:");               // runs
  EXPECT_EQ(code_and_text(chunk_bytes(4096, 1, 0, "03 00 02")).substr(0, 8), "corrupt:");              // differences
  EXPECT_EQ(code_and_text(chunk_bytes(1, 0, 1, "01 feffffffffffffffff01")).substr(0, 8), "corrupt:");  // points
  EXPECT_EQ(code_and_text(chunk_bytes(1, 0, 2, "01 feffffffffffffffff01")).substr(0, 8), "corrupt:");  // bytes
  EXPECT_EQ(code_and_text(Bytes(kMaxCanonicalBytes + 1)).substr(0, 10), "too_large:");
}

TEST(ChunkColumns, RepeatedBytesAreCountedAsOftenAsTheyStandThere) {
  Columns columns;
  columns.rows = kMaxCanonicalBytes / kMaxRowBytes;
  columns.bytes.assign(columns.rows, std::string(kMaxRowBytes, 'x'));
  EXPECT_TRUE(decode_columns(encoded(columns)).ok());
  ++columns.rows;
  columns.bytes.emplace_back(columns.bytes.back());
  EXPECT_EQ(decode_columns(encoded(columns)).error().code, ErrorCode::too_large);
  columns.rows = 1;
  columns.bytes.assign(1, std::string(kMaxRowBytes + 1, 'x'));
  EXPECT_EQ(decode_columns(encoded(columns)).error().code, ErrorCode::too_large);
}

TEST(ChunkColumns, SequenceNumbersStayWithinWhatJsonHolds) {
  const Columns one = integers({{1}});
  EXPECT_TRUE(decode_columns(encode_columns(Stream::sample, 1, kMaxSequence - 1, one)).ok());
  EXPECT_EQ(decode_columns(encode_columns(Stream::sample, 1, kMaxSequence, one)).error().code, ErrorCode::too_large);
  EXPECT_EQ(decode_columns(encode_columns(Stream::sample, 1, UINT64_MAX, one)).error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace boathouse::wire
