#include "core/wire/batch.hpp"

#include <gtest/gtest.h>

#include "core/base/hex.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/edit.hpp"
#include "core/wire/facts.hpp"
#include "core/wire/test_ids.hpp"

namespace boathouse::wire {
namespace {

using base::Bytes;
using base::ErrorCode;
using rowing::Stream;

Item birth(std::string_view body = "{}") {
  Item item;
  item.kind = ItemKind::birth;
  item.rec_id = kId;
  item.body = base::as_bytes(body);
  item.sha256 = base::sha256(item.body);
  return item;
}

Item chunk(std::uint64_t from = 256, std::uint64_t to = 300, std::string_view body = "frame") {
  Item item = birth(body);
  item.kind = ItemKind::chunk;
  item.stream = Stream::stroke;
  item.from = from;
  item.to = to;
  item.version = 1;
  return item;
}

Item seal(std::uint32_t revision = 3) {
  Item item = birth("{\"seal\":1}");
  item.kind = ItemKind::seal;
  item.revision = revision;
  return item;
}

Item edit(std::string_view body = "{\"edit\":1}") {
  Item item = birth(body);
  item.kind = ItemKind::edit;
  item.op_id = *base::Uuid::parse("00112233-4455-7677-8899-aabbccddeeff");
  return item;
}

Bytes batch(const std::vector<Item>& items) {
  BatchWriter writer;
  for (const Item& item : items) {
    writer.add(item);
  }
  return writer.take();
}

std::string parsed(const Bytes& body) {
  const auto items = parse_batch(body);
  return items.ok() ? "ok" : std::string(name(items.error().code)) + ": " + items.error().text;
}

void expect_equal(const Item& a, const Item& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.rec_id, b.rec_id);
  EXPECT_EQ(a.stream, b.stream);
  EXPECT_EQ(a.from, b.from);
  EXPECT_EQ(a.to, b.to);
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.revision, b.revision);
  EXPECT_EQ(a.op_id, b.op_id);
  EXPECT_EQ(a.sha256, b.sha256);
  EXPECT_EQ(base::as_text(a.body), base::as_text(b.body));
  EXPECT_FALSE(a.refusal || b.refusal);
}

TEST(Batch, ItemsComeBackInOrder) {
  const std::vector<Item> items{birth(), chunk(), chunk(kMaxSequence - 1, kMaxSequence, ""), seal(), edit(), birth("")};
  const Bytes body = batch(items);
  const auto again = parse_batch(body);
  ASSERT_TRUE(again.ok()) << again.error().text;
  ASSERT_EQ(again->size(), items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    expect_equal((*again)[i], items[i]);
  }
}

TEST(Batch, TheWriterKnowsItsSize) {
  BatchWriter writer;
  for (const Item& item : {birth(), chunk(), chunk(1, 1000), seal(), seal(1'000'000), edit()}) {
    const std::size_t expected = writer.size_with(item);
    writer.add(item);
    EXPECT_EQ(writer.size(), expected);
  }
  EXPECT_EQ(writer.items(), 6U);
  const std::size_t size = writer.size();
  EXPECT_EQ(writer.take().size(), size);
  EXPECT_EQ(writer.items(), 0U);  // and it begins anew
  writer.add(birth());
  EXPECT_EQ(parsed(writer.take()), "ok");
}

// What devices have sent and will send: never change.
TEST(Batch, GoldenBytes) {
  EXPECT_EQ(base::to_hex(batch({chunk(), seal(), edit()})),
            "42484201"
            "0300"
            "3c000000"
            "02"
            "018bcfe568007abc8def0123456789ab" +
                base::to_hex(chunk().sha256) +
                "02"
                "8002"
                "ac02"
                "01"
                "6672616d65"
                "3c000000"
                "03"
                "018bcfe568007abc8def0123456789ab" +
                base::to_hex(seal().sha256) +
                "03"
                "7b227365616c223a317d"
                "4b000000"
                "04"
                "018bcfe568007abc8def0123456789ab" +
                base::to_hex(edit().sha256) +
                "00112233445576778899aabbccddeeff"
                "7b2265646974223a317d");
}

TEST(Batch, AnItemThatIsWrongRefusesItselfAlone) {
  const auto refusal = [](const std::vector<Item>& items, std::size_t index) {
    const Bytes body = batch(items);
    const auto again = parse_batch(body);
    EXPECT_TRUE(again.ok()) << again.error().text;
    EXPECT_EQ(again->size(), items.size());
    for (std::size_t i = 0; i < again->size(); ++i) {
      EXPECT_EQ((*again)[i].rec_id, kId);
      if (i != index) {
        EXPECT_FALSE((*again)[i].refusal) << i;
      }
    }
    const auto& refused = (*again)[index].refusal;
    return refused ? std::string(name(refused->code)) + ": " + refused->text : "";
  };
  const auto between = [&](const Item& item) { return refusal({birth(), item, seal()}, 1); };
  EXPECT_EQ(between(chunk()), "");
  Item odd = chunk();
  odd.stream = static_cast<Stream>(9);
  EXPECT_EQ(between(odd), "unsupported: stream 9 is not known here");
  odd = birth();
  odd.kind = static_cast<ItemKind>(7);
  EXPECT_EQ(between(odd), "unsupported: items of kind 7 are not known here");
  EXPECT_EQ(between(chunk(5, 5)), "invalid_input: records [5, 5) are no range of 1 to 4096");
  EXPECT_NE(between(chunk(6, 5)), "");
  EXPECT_NE(between(chunk(0, UINT64_MAX)), "");
  EXPECT_NE(between(chunk(0, kMaxChunkRecords + 1)), "");
  EXPECT_EQ(between(chunk(0, kMaxChunkRecords)), "");
  EXPECT_NE(between(chunk(kMaxSequence, kMaxSequence + 1)), "");
  odd = chunk();
  odd.version = 0;
  EXPECT_NE(between(odd), "");
  EXPECT_NE(between(seal(0)), "");
  const std::string large(kMaxChunkBody + 1, 'x');
  EXPECT_EQ(between(chunk(0, 1, large)).substr(0, 10), "too_large:");
  EXPECT_NE(between(birth(std::string_view(large).substr(0, kMaxFactsBytes + 1))), "");
  EXPECT_EQ(between(birth(std::string_view(large).substr(0, kMaxFactsBytes))), "");
  EXPECT_EQ(between(edit()), "");
  EXPECT_EQ(between(edit(std::string_view(large).substr(0, kMaxEditBytes))), "");
  EXPECT_EQ(between(edit(std::string_view(large).substr(0, kMaxEditBytes + 1))),
            "too_large: an edit has at most 65536 bytes");
}

TEST(Batch, AnEditWhoseOpIdIsCutOffRefusesTheItem) {
  Bytes body = batch({seal(), birth("fifteen bytes..")});
  body[body.size() - 15 - 49] = static_cast<std::uint8_t>(ItemKind::edit);
  const auto items = parse_batch(body);
  ASSERT_TRUE(items.ok() && !(*items)[0].refusal && (*items)[1].refusal);
  EXPECT_EQ((*items)[1].refusal->text, "the edit's op_id is cut off");
}

TEST(Batch, AChunksKeyInAnotherFormRefusesTheItem) {
  Bytes body = batch({chunk(0, 1, std::string(10, '\0'))});
  const std::size_t key = 6 + 4 + 49 + 1;  // `from` = 00
  body[key] = 0x80;                        // 80 01: 128, or with the old `to` behind it: an over-long 0
  body[key + 1] = 0x00;
  const auto items = parse_batch(body);
  ASSERT_TRUE(items.ok() && (*items)[0].refusal);
  EXPECT_NE((*items)[0].refusal->text.find("one form"), std::string::npos);
}

TEST(Batch, BrokenFramingRefusesTheBatchAndNamesThePlace) {
  const Bytes good = batch({birth(), chunk()});
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes body = good;
    body[at] = value;
    return parsed(body);
  };
  EXPECT_EQ(parsed({}).substr(0, 21), "invalid_input: batch:");
  EXPECT_EQ(with(0, 'X').substr(0, 21), "invalid_input: batch:");
  EXPECT_EQ(with(3, 2), "unsupported: batch: protocol version 2 is not known here, only 1");
  EXPECT_EQ(with(4, 0), "invalid_input: batch: without any item");
  EXPECT_EQ(with(4, 1), "invalid_input: batch: 64 bytes follow its last item at byte 61");
  EXPECT_EQ(with(4, 3), "invalid_input: batch, item 2 at byte 125: cut off, 3 items were announced");
  EXPECT_EQ(with(5, 4).substr(0, 17), "too_large: batch:");
  EXPECT_EQ(with(6, 48), "invalid_input: batch, item 0 at byte 6: has 48 bytes, at least 49 are needed");
  EXPECT_EQ(with(62, 0x7f), "invalid_input: batch, item 1 at byte 61: has 32572 bytes, only 60 are there");
  EXPECT_EQ(with(9, 0xff).find("invalid_input: batch, item 0 at byte 6: has 4278190131 bytes"), 0U);
}

TEST(Batch, TruncatedAnywhereItIsRefusedAndNoFlippedBitIsTooMuch) {
  const Bytes good = batch({birth(), chunk(), seal(), edit()});
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_FALSE(parse_batch(base::ByteView(good).first(size)).ok()) << size;
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = good;
      flipped[at] = static_cast<std::uint8_t>(flipped[at] ^ (1 << bit));
      const auto items = parse_batch(flipped);
      if (items.ok()) {
        ASSERT_EQ(items->size(), 4U);  // an announced number is kept, whatever else is wrong
      }
    }
  }
}

TEST(Batch, TheLimitsHold) {
  const std::vector<Item> many(kMaxBatchItems, birth());
  EXPECT_EQ(parsed(batch(many)), "ok");
  std::vector<Item> more(kMaxBatchItems + 1, birth());
  EXPECT_EQ(parsed(batch(more)).substr(0, 10), "too_large:");
  EXPECT_EQ(parsed(Bytes(kMaxBatchBytes + 1)).substr(0, 10), "too_large:");
}

}  // namespace
}  // namespace boathouse::wire
