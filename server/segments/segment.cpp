#include "server/segments/segment.hpp"

#include <algorithm>
#include <string_view>

namespace boathouse::segments {
namespace {

constexpr std::string_view kBegin = "BhSegment1\n";
constexpr std::string_view kEnd = "BhSegEnd\n";
constexpr std::size_t kEntry = 8 + 8 + 4 + 32;
constexpr std::size_t kTail = 8 + 4 + 32;

const base::Error kDamaged{base::ErrorCode::corrupt, "is not what was written"};

}  // namespace

SegmentBuilder::SegmentBuilder() { content_.bytes(base::as_bytes(kBegin)); }

void SegmentBuilder::add(std::int64_t server_seq, base::ByteView body) {
  places_.push_back({server_seq, content_.size(), body.size(), base::sha256(body)});
  content_.bytes(body);
}

base::Bytes SegmentBuilder::finish() {
  const std::size_t index = content_.size();
  for (const Place& place : places_) {
    content_.u64(static_cast<std::uint64_t>(place.server_seq));
    content_.u64(place.position);
    content_.u32(static_cast<std::uint32_t>(place.size));
    content_.bytes(place.sha256);
  }
  content_.u64(index);
  content_.u32(static_cast<std::uint32_t>(places_.size()));
  content_.bytes(base::sha256(content_.view()));
  content_.bytes(base::as_bytes(kEnd));
  return content_.take();
}

base::Result<std::vector<Place>> check_segment(base::ByteView content) {
  const std::size_t around = kBegin.size() + kTail + kEnd.size();
  if (content.size() < around || base::as_text(content.first(kBegin.size())) != kBegin ||
      base::as_text(content.last(kEnd.size())) != kEnd) {
    return kDamaged;
  }
  const base::ByteView rest = content.first(content.size() - kEnd.size());
  const base::ByteView summed = rest.first(rest.size() - 32);
  const base::Digest sum = base::sha256(summed);
  if (!std::equal(sum.begin(), sum.end(), rest.last(32).begin())) {
    return kDamaged;
  }
  base::ByteReader tail(summed.last(12));
  const std::uint64_t index = tail.u64();
  const std::uint64_t count = tail.u32();
  const std::size_t end = summed.size() - 12;
  if (index < kBegin.size() || index > end || end - index != count * kEntry) {
    return kDamaged;
  }
  std::vector<Place> places(count);
  base::ByteReader entries(summed.subspan(index, end - index));
  for (Place& place : places) {
    place.server_seq = static_cast<std::int64_t>(entries.u64());
    place.position = entries.u64();
    place.size = entries.u32();
    const base::ByteView sha256 = entries.bytes(32);
    std::copy(sha256.begin(), sha256.end(), place.sha256.begin());
    if (place.position < kBegin.size() || place.position > index || place.size > index - place.position ||
        base::sha256(content.subspan(place.position, place.size)) != place.sha256) {
      return kDamaged;
    }
  }
  return places;
}

}  // namespace boathouse::segments
