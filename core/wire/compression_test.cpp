#include "core/wire/compression.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "core/base/hex.hpp"
#include "core/base/random.hpp"

namespace boathouse::wire {
namespace {

using base::Bytes;
using base::ErrorCode;

Bytes noise(std::size_t size) {
  base::SeededRandom random(size);
  Bytes bytes(size);
  random.fill(bytes);
  return bytes;
}

Bytes joined(const Bytes& a, const Bytes& b) {
  Bytes both = a;
  both.insert(both.end(), b.begin(), b.end());
  return both;
}

// One raw block "abc" in a frame without content size (RFC 8878 3.1.1), as a streaming sender makes it.
const Bytes kStreamed = *base::from_hex("28b52ffd 00 58 190000 616263");
// Skippable frame with two bytes.
const Bytes kSkippable = *base::from_hex("502a4d18 02000000 0000");

TEST(Compression, ContentComesBack) {
  for (const std::size_t size : std::array<std::size_t, 5>{0, 1, 100, 70'000, 3'000'000}) {
    for (const Bytes& content : {Bytes(size), noise(size)}) {
      const Bytes frame = compress(content);
      EXPECT_EQ(*decompress(frame, content.size()), content);
      EXPECT_EQ(*decompress_content(frame, content.size()), content);
    }
  }
}

TEST(Compression, ContextsBelongToTheirThread) {
  const Bytes content = noise(5000);
  const Bytes frame = compress(content);
  std::thread([&] {
    EXPECT_EQ(compress(content), frame);
    EXPECT_EQ(*decompress(frame, 5000), content);
  }).join();
}

TEST(Compression, OneByteOverTheLimitIsTooLarge) {
  const Bytes frame = compress(Bytes(1000));
  EXPECT_EQ(decompress(frame, 999).error().code, ErrorCode::too_large);
  EXPECT_EQ(decompress_content(frame, 999).error().code, ErrorCode::too_large);
  EXPECT_EQ(decompress_content(joined(frame, frame), 1999).error().code, ErrorCode::too_large);
  EXPECT_EQ(decompress_content(joined(frame, frame), 2000)->size(), 2000U);
  EXPECT_EQ(decompress_content(compress(Bytes(std::size_t{64} << 20)), 100'000).error().code, ErrorCode::too_large);
}

TEST(Compression, AChunksFrameIsOneFrameWithItsSize) {
  const Bytes frame = compress(Bytes(10));
  EXPECT_EQ(decompress(joined(frame, frame), 100).error().code, ErrorCode::corrupt);
  EXPECT_EQ(decompress(kStreamed, 100).error().code, ErrorCode::corrupt);
  EXPECT_EQ(decompress(joined(kSkippable, frame), 100).error().code, ErrorCode::corrupt);
  EXPECT_EQ(decompress(base::as_bytes("no frame at all"), 100).error().code, ErrorCode::corrupt);
}

TEST(Compression, HttpContentMayBeStreamedAndInSeveralFrames) {
  EXPECT_EQ(base::as_text(*decompress_content(kStreamed, 3)), "abc");
  EXPECT_EQ(base::as_text(*decompress_content(joined(kStreamed, joined(kSkippable, kStreamed)), 6)), "abcabc");
  EXPECT_EQ(decompress_content({}, 100).error().code, ErrorCode::corrupt);
  EXPECT_EQ(decompress_content(base::as_bytes("no frame at all"), 100).error().code, ErrorCode::corrupt);
  // A window of 16 MiB: a sender may not ask for that much memory.
  EXPECT_EQ(decompress_content(*base::from_hex("28b52ffd 00 70 190000 616263"), 100).error().code, ErrorCode::corrupt);
}

TEST(Compression, CutOffAnywhereOrFlippedItFails) {
  Bytes content = noise(300);
  content.resize(2000, 7);
  const Bytes frame = compress(content);
  for (std::size_t size = 0; size < frame.size(); ++size) {
    ASSERT_FALSE(decompress(base::ByteView(frame).first(size), 10'000).ok()) << size;
    ASSERT_FALSE(decompress_content(base::ByteView(frame).first(size), 10'000).ok()) << size;
  }
  for (std::size_t at = 0; at < frame.size(); ++at) {
    Bytes flipped = frame;
    flipped[at] ^= 0x10;
    const auto once = decompress(flipped, 10'000);
    EXPECT_TRUE(!once.ok() || once->size() <= 10'000);
    const auto streamed = decompress_content(flipped, 10'000);
    EXPECT_TRUE(!streamed.ok() || streamed->size() <= 10'000);
  }
  EXPECT_EQ(*decompress(frame, 2000), content);  // the contexts are as good as new
  EXPECT_EQ(*decompress_content(frame, 2000), content);
}

TEST(Compression, TheStatedSizeIsKnownBeforehand) {
  const Bytes frame = compress(Bytes(70'000));
  EXPECT_EQ(stated_size(frame), 70'000U);
  EXPECT_EQ(stated_size(base::ByteView(frame).first(3)), 0U);
  EXPECT_EQ(stated_size({}), 0U);
  EXPECT_EQ(stated_size(Bytes(100)), 0U);
}

}  // namespace
}  // namespace boathouse::wire
