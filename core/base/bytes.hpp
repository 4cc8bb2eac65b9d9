// Bytes and the bounds-checked reader and writer that every binary format here goes through. Integers are
// little-endian; `varint` is unsigned LEB128 of 64 bits in its one shortest form; `zigzag` maps signed to unsigned so
// that small magnitudes stay short. Thread rule: an object belongs to one thread at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace boathouse::base {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

// The same memory seen the other way; the argument must outlive the answer.
inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// 0, -1, 1, -2, ... <-> 0, 1, 2, 3, ...; every value of one side has exactly one on the other.
constexpr std::uint64_t zigzag_encode(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t zigzag_decode(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// How many bytes (1 to 10) `value` takes as a varint.
constexpr std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

// Reads from memory it does not own and never past its end. Failure is sticky: a read that does not fit (or a bad
// varint) gives 0 or an empty view, turns ok() false for ever and leaves nothing to read, so a decoder may read a whole
// structure and ask ok() once, and `while (!reader.at_end())` ends. position() then is where the failed read began.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  [[nodiscard]] bool ok() const { return ok_; }
  // No byte is left, also after a failure; a whole and exact read is `ok() && at_end()`.
  [[nodiscard]] bool at_end() const { return at_ == end_; }
  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  // Bytes consumed so far.
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }

  std::uint8_t u8() { return static_cast<std::uint8_t>(little_endian<1>()); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(little_endian<2>()); }
  std::uint32_t u24() { return static_cast<std::uint32_t>(little_endian<3>()); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(little_endian<4>()); }
  std::uint64_t u64() { return little_endian<8>(); }

  // Refuses what is cut off, more than 64 bits, and any form longer than needed (one value, one encoding: hashes of
  // encoded bytes depend on it).
  std::uint64_t varint() {
    if (at_ != end_ && *at_ < 0x80) {
      return *at_++;
    }
    return long_varint();
  }

  std::int64_t zigzag() { return zigzag_decode(varint()); }

  // The next `count` bytes, a view into the input.
  ByteView bytes(std::size_t count) {
    if (remaining() < count) {
      fail();
      return {};
    }
    const ByteView view(at_, count);
    at_ += count;
    return view;
  }

 private:
  template <std::size_t kCount>
  std::uint64_t little_endian() {
    if (remaining() < kCount) {
      fail();
      return 0;
    }
    // Written out instead of looped over, because g++ then makes one load of it.
    const std::uint64_t value = [this]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
      return ((std::uint64_t{at_[kIndex]} << (8 * kIndex)) | ...);
    }
    (std::make_index_sequence<kCount>());
    at_ += kCount;
    return value;
  }

  std::uint64_t long_varint() {
    std::uint64_t value = 0;
    const std::uint8_t* next = at_;
    for (unsigned shift = 0; shift < 64 && next != end_; shift += 7) {
      const std::uint64_t byte = *next++;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        const bool shortest = byte != 0 || shift == 0;
        const bool fits = shift < 63 || byte <= 1;
        if (!shortest || !fits) {
          break;
        }
        at_ = next;
        return value;
      }
    }
    fail();
    return 0;
  }

  void fail() {
    ok_ = false;
    end_ = at_;
  }

  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool ok_ = true;
};

// Appends to a buffer of its own; the mirror of ByteReader.
class ByteWriter {
 public:
  ByteWriter() = default;
  // Goes on at the end of `bytes`, e.g. to use an old buffer's memory again.
  explicit ByteWriter(Bytes bytes) : bytes_(std::move(bytes)) {}

  void u8(std::uint8_t value) { bytes_.push_back(value); }
  void u16(std::uint16_t value) { little_endian<2>(value); }
  // Keeps the low 24 bits; `value` must be below 2^24.
  void u24(std::uint32_t value) { little_endian<3>(value); }
  void u32(std::uint32_t value) { little_endian<4>(value); }
  void u64(std::uint64_t value) { little_endian<8>(value); }

  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      bytes_.push_back(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    bytes_.push_back(static_cast<std::uint8_t>(value));
  }

  void zigzag(std::int64_t value) { varint(zigzag_encode(value)); }

  void bytes(ByteView view) { bytes_.insert(bytes_.end(), view.begin(), view.end()); }

  // `count` more bytes, zero, to be written to before the next write here.
  [[nodiscard]] std::span<std::uint8_t> extend(std::size_t count) {
    bytes_.resize(bytes_.size() + count);
    return std::span(bytes_).last(count);
  }

  void reserve(std::size_t capacity) { bytes_.reserve(capacity); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  // Valid until the next write.
  [[nodiscard]] ByteView view() const { return bytes_; }
  // Hands the buffer over; the writer is empty afterwards.
  [[nodiscard]] Bytes take() { return std::exchange(bytes_, {}); }

 private:
  template <std::size_t kCount>
  void little_endian(std::uint64_t value) {
    std::uint8_t raw[kCount];
    for (std::size_t i = 0; i < kCount; ++i) {
      raw[i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
    bytes_.insert(bytes_.end(), raw, raw + kCount);
  }

  Bytes bytes_;
};

}  // namespace boathouse::base
