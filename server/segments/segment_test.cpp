#include "server/segments/segment.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace boathouse::segments {
namespace {

base::Bytes two_bodies() {
  SegmentBuilder builder;
  builder.add(7, base::as_bytes("first"));
  builder.add(9, base::as_bytes(""));
  builder.add(12, base::as_bytes("third body"));
  return builder.finish();
}

TEST(Segment, HasEachBodyWhereItsPlaceSays) {
  SegmentBuilder builder;
  builder.add(7, base::as_bytes("first"));
  builder.add(12, base::as_bytes("third body"));
  const std::vector<Place> places = builder.places();
  const base::Bytes content = builder.finish();
  ASSERT_EQ(places.size(), 2U);
  EXPECT_EQ(base::as_text(base::ByteView(content).subspan(places[1].position, places[1].size)), "third body");
  EXPECT_EQ(places[1].sha256, base::sha256(base::as_bytes("third body")));
  const auto index = check_segment(content);
  ASSERT_TRUE(index);
  EXPECT_EQ(*index, places);
}

TEST(Segment, OfNothingIsOneToo) {
  const auto index = check_segment(SegmentBuilder().finish());
  ASSERT_TRUE(index);
  EXPECT_TRUE(index->empty());
}

TEST(Segment, IsTheSameBytesAgain) { EXPECT_EQ(two_bodies(), two_bodies()); }

TEST(Segment, AnyByteThatChangedIsSeen) {
  const base::Bytes whole = two_bodies();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    base::Bytes changed = whole;
    changed[i] ^= 0x10;
    const auto index = check_segment(changed);
    ASSERT_FALSE(index) << i;
    EXPECT_EQ(index.error().code, base::ErrorCode::corrupt);
  }
}

TEST(Segment, AnyEndThatIsCutOffIsSeen) {
  const base::Bytes whole = two_bodies();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(check_segment(base::ByteView(whole).first(size))) << size;
  }
  base::Bytes longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(check_segment(longer));
}

// A hash is no secret: whoever writes a file can write the right one under a wrong index.
TEST(Segment, AnIndexThatPointsOutsideIsRefusedWhateverItsChecksum) {
  struct Wrong {
    std::uint64_t position;
    std::uint32_t size;
    std::uint32_t count;
  };
  for (const auto& [position, size, count] :
       std::vector<Wrong>{{1U << 30, 4, 1}, {11, UINT32_MAX, 1}, {UINT64_MAX, 4, 1}, {0, 4, 1}, {11, 0, UINT32_MAX}}) {
    base::ByteWriter content;
    content.bytes(base::as_bytes("BhSegment1\n"));
    content.u64(1);
    content.u64(position);
    content.u32(size);
    content.bytes(base::sha256({}));
    content.u64(11);
    content.u32(count);
    content.bytes(base::sha256(content.view()));
    content.bytes(base::as_bytes("BhSegEnd\n"));
    EXPECT_FALSE(check_segment(content.view())) << position << " " << size << " " << count;
  }
}

}  // namespace
}  // namespace boathouse::segments
