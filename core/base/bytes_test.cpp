#include "core/base/bytes.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "core/base/random.hpp"

namespace boathouse::base {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kUnsignedMax = std::numeric_limits<std::uint64_t>::max();

TEST(Bytes, TextAndBytesAreTheSameMemory) {
  const std::string_view text = "a\0b";
  EXPECT_EQ(as_text(as_bytes(text)), text);
  EXPECT_TRUE(as_bytes("").empty());
  EXPECT_EQ(as_text({}), "");
}

TEST(Zigzag, OrdersByMagnitude) {
  EXPECT_EQ(zigzag_encode(0), 0U);
  EXPECT_EQ(zigzag_encode(-1), 1U);
  EXPECT_EQ(zigzag_encode(1), 2U);
  EXPECT_EQ(zigzag_encode(-2), 3U);
  EXPECT_EQ(zigzag_encode(kMax), kUnsignedMax - 1);
  EXPECT_EQ(zigzag_encode(kMin), kUnsignedMax);
  for (const std::int64_t value : {kMin, kMin + 1, std::int64_t{-64}, std::int64_t{0}, std::int64_t{63}, kMax}) {
    EXPECT_EQ(zigzag_decode(zigzag_encode(value)), value);
  }
}

TEST(ByteReader, ReadsLittleEndian) {
  const Bytes bytes = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0xf7, 0xf8, 0xf9, 0xfa,
                       0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x98, 0xaa, 0xbb};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.u8(), 0x01);
  EXPECT_EQ(reader.u16(), 0x0302);
  EXPECT_EQ(reader.u24(), 0x060504U);
  EXPECT_EQ(reader.u32(), 0xfaf9f8f7U);
  EXPECT_EQ(reader.position(), 10U);
  EXPECT_EQ(reader.u64(), 0x9817161514131211U);
  EXPECT_EQ(reader.remaining(), 2U);
  EXPECT_FALSE(reader.at_end());
  const ByteView last = reader.bytes(2);
  EXPECT_EQ(last.data(), bytes.data() + 18);
  EXPECT_EQ(last.size(), 2U);
  EXPECT_TRUE(reader.at_end());
  EXPECT_TRUE(reader.bytes(0).empty());
  EXPECT_TRUE(reader.ok());
}

TEST(ByteReader, FailureIsStickyAndEndsLoops) {
  const Bytes bytes = {1, 2, 3};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.u8(), 1);
  EXPECT_EQ(reader.u32(), 0U);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.position(), 1U);
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(reader.remaining(), 0U);
  EXPECT_EQ(reader.u8(), 0) << "two bytes are there, but a failed reader gives none";
  EXPECT_EQ(reader.varint(), 0U);
  EXPECT_TRUE(reader.bytes(1).empty());
  EXPECT_FALSE(reader.ok());
}

struct Read {
  std::size_t size;
  std::uint64_t (*call)(ByteReader&);
};

// Every read, too short by each number of bytes, in a buffer of exactly that size so that AddressSanitizer sees a read
// too far.
TEST(ByteReader, NeverReadsPastTheEnd) {
  const std::vector<Read> reads = {
      {1, [](ByteReader& r) { return std::uint64_t{r.u8()}; }},
      {2, [](ByteReader& r) { return std::uint64_t{r.u16()}; }},
      {3, [](ByteReader& r) { return std::uint64_t{r.u24()}; }},
      {4, [](ByteReader& r) { return std::uint64_t{r.u32()}; }},
      {8, [](ByteReader& r) { return r.u64(); }},
      {7, [](ByteReader& r) { return std::uint64_t{r.bytes(7).size()}; }},
  };
  for (const Read& read : reads) {
    for (std::size_t size = 0; size <= read.size; ++size) {
      const Bytes bytes(size, 0x81);
      ByteReader reader(bytes);
      EXPECT_EQ(read.call(reader) != 0, size == read.size);
      EXPECT_EQ(reader.ok(), size == read.size);
    }
  }
  ByteReader empty({});
  EXPECT_TRUE(empty.at_end());
  EXPECT_TRUE(empty.bytes(std::numeric_limits<std::size_t>::max()).empty());
  EXPECT_FALSE(empty.ok());
}

struct VarintCase {
  Bytes bytes;
  std::uint64_t value;
};

TEST(Varint, KnownForms) {
  const VarintCase cases[] = {
      {{0x00}, 0},
      {{0x7f}, 127},
      {{0x80, 0x01}, 128},
      {{0xac, 0x02}, 300},
      {{0xff, 0x7f}, 16383},
      {{0x80, 0x80, 0x01}, 16384},
      {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, (std::uint64_t{1} << 63) - 1},
      {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, std::uint64_t{1} << 63},
      {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, kUnsignedMax},
  };
  for (const VarintCase& c : cases) {
    ByteReader reader(c.bytes);
    EXPECT_EQ(reader.varint(), c.value);
    EXPECT_TRUE(reader.ok() && reader.at_end()) << c.value;
    EXPECT_EQ(varint_size(c.value), c.bytes.size());
    ByteWriter writer;
    writer.varint(c.value);
    EXPECT_EQ(writer.take(), c.bytes);
  }
}

TEST(Varint, RefusesWhatIsNotTheShortestFormOf64Bits) {
  const Bytes cases[] = {
      {},
      {0x80},
      {0xff, 0xff},
      {0x80, 0x00},                                                              // 0 in two bytes
      {0xff, 0x80, 0x00},                                                        // 127 in three
      {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02},              // bit 64
      {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00},              // 0 in ten
      {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01},        // eleven bytes
      {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},  // never ends
  };
  for (const Bytes& bytes : cases) {
    ByteReader reader(bytes);
    EXPECT_EQ(reader.varint(), 0U);
    EXPECT_FALSE(reader.ok()) << bytes.size();
    EXPECT_EQ(reader.position(), 0U);
  }
}

TEST(ByteWriter, ReaderGivesBackWhatWasWritten) {
  SeededRandom random(1);
  for (int round = 0; round < 2000; ++round) {
    const std::uint64_t value = random.u64() >> random.below(64);
    const auto number = static_cast<std::int64_t>(random.u64()) >> random.below(64);
    ByteWriter writer;
    writer.u8(static_cast<std::uint8_t>(value));
    writer.u16(static_cast<std::uint16_t>(value));
    writer.u24(static_cast<std::uint32_t>(value & 0xffffff));
    writer.u32(static_cast<std::uint32_t>(value));
    writer.u64(value);
    ASSERT_EQ(writer.size(), 18U);
    writer.varint(value);
    ASSERT_EQ(writer.size(), 18U + varint_size(value));
    writer.zigzag(number);
    writer.bytes(as_bytes("end"));
    const Bytes bytes = writer.take();
    ASSERT_EQ(writer.size(), 0U);

    ByteReader reader(bytes);
    ASSERT_EQ(reader.u8(), static_cast<std::uint8_t>(value));
    ASSERT_EQ(reader.u16(), static_cast<std::uint16_t>(value));
    ASSERT_EQ(reader.u24(), value & 0xffffff);
    ASSERT_EQ(reader.u32(), static_cast<std::uint32_t>(value));
    ASSERT_EQ(reader.u64(), value);
    ASSERT_EQ(reader.varint(), value);
    ASSERT_EQ(reader.zigzag(), number);
    ASSERT_EQ(as_text(reader.bytes(3)), "end");
    ASSERT_TRUE(reader.ok() && reader.at_end());
  }
}

TEST(ByteWriter, LayoutAndReuse) {
  ByteWriter writer(Bytes{0xee});
  writer.u24(0x030201);
  writer.u32(0x07060504);
  EXPECT_EQ(writer.view().size(), 8U);
  EXPECT_EQ(writer.take(), (Bytes{0xee, 1, 2, 3, 4, 5, 6, 7}));
}

}  // namespace
}  // namespace boathouse::base
