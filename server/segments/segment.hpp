// The form of a segment: bodies of chunks one after the other, an index of them, a checksum over all of it.
//
//   "BhSegment1\n", the bodies, then for each: server_seq (8 bytes, little-endian), position (8), size (4), SHA-256 of
//   the body (32); then the index' position (8), the number of bodies (4), SHA-256 of everything before it (32),
//   "BhSegEnd\n".
//
// Who has the ledger reads a body by its position alone; who has only the file reads the index. Pure functions, but for
// the builder, which belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/sha256.hpp"

namespace boathouse::segments {

// Where a body lies.
struct Place {
  std::int64_t server_seq = 0;
  std::uint64_t position = 0;  // in bytes from the segment's beginning
  std::uint64_t size = 0;
  base::Digest sha256{};  // of the body as it lies there

  bool operator==(const Place&) const = default;
};

class SegmentBuilder {
 public:
  SegmentBuilder();
  // At most 4 GiB in all.
  void add(std::int64_t server_seq, base::ByteView body);
  [[nodiscard]] const std::vector<Place>& places() const { return places_; }
  [[nodiscard]] std::size_t bytes() const { return content_.size(); }
  // The segment. Ends the builder.
  base::Bytes finish();

 private:
  base::ByteWriter content_;
  std::vector<Place> places_;
};

// The index of a segment, every byte of which was looked at. corrupt: it is not what was written.
base::Result<std::vector<Place>> check_segment(base::ByteView content);

}  // namespace boathouse::segments
