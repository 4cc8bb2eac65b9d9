#include "core/wire/batch.hpp"

#include <gtest/gtest.h>

#include "core/base/hex.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/facts.hpp"

namespace boathouse::wire {
namespace {

using base::Bytes;
using base::ErrorCode;
using rowing::Stream;

const base::Uuid kId = *base::Uuid::parse("018bcfe5-6800-7abc-8def-0123456789ab");

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
  EXPECT_EQ(a.sha256, b.sha256);
  EXPECT_EQ(base::as_text(a.body), base::as_text(b.body));
  EXPECT_FALSE(a.refusal || b.refusal);
}

TEST(Batch, ItemsComeBackInOrder) {
  const std::vector<Item> items{birth(), chunk(), chunk(kMaxSequence - 1, kMaxSequence, ""), seal(), birth("")};
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
  for (const Item& item : {birth(), chunk(), chunk(1, 1000), seal(), seal(1'000'000)}) {
    const std::size_t expected = writer.size_with(item);
    writer.add(item);
    EXPECT_EQ(writer.size(), expected);
  }
  EXPECT_EQ(writer.items(), 5U);
  const std::size_t size = writer.size();
  EXPECT_EQ(writer.take().size(), size);
  EXPECT_EQ(writer.items(), 0U);  // and it begins anew
  writer.add(birth());
  EXPECT_EQ(parsed(writer.take()), "ok");
}

// What devices have sent and will send: never change.
TEST(Batch, GoldenBytes) {
  EXPECT_EQ(base::to_hex(batch({chunk(), seal()})),
            "42484201"
            "0200"
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
                "7b227365616c223a317d");
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
  const Bytes good = batch({birth(), chunk(), seal()});
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_FALSE(parse_batch(base::ByteView(good).first(size)).ok()) << size;
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = good;
      flipped[at] = static_cast<std::uint8_t>(flipped[at] ^ (1 << bit));
      const auto items = parse_batch(flipped);
      if (items.ok()) {
        ASSERT_EQ(items->size(), 3U);  // an announced number is kept, whatever else is wrong
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

// ---- reply ----

std::vector<Item> items_of_every_kind() { return {birth(), chunk(), seal(), chunk(), chunk()}; }

Reply reply_of_every_kind() {
  Reply reply;
  reply.epoch = "018bcfe5-0000-7000-8000-000000000000";
  reply.results = {
      {.outcome = Outcome::stored, .server_seq = 1, .have = {}, .detail = "", .retry_after_s = 0},
      {.outcome = Outcome::duplicate,
       .server_seq = 9007199254740991,
       .have = {{0, 300}, {512, 600}},
       .detail = "",
       .retry_after_s = 0},
      {.outcome = Outcome::mismatch, .server_seq = 0, .have = {}, .detail = "other \"hash\"", .retry_after_s = 0},
      {.outcome = Outcome::rejected, .server_seq = 0, .have = {}, .detail = "no birth", .retry_after_s = 0},
      {.outcome = Outcome::later, .server_seq = 0, .have = {{0, 5}}, .detail = "", .retry_after_s = 30},
  };
  return reply;
}

TEST(Reply, ItComesBack) {
  const auto items = items_of_every_kind();
  const Reply reply = reply_of_every_kind();
  const auto again = decode_reply(encode_reply(reply, items), items.size());
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(*again, reply);
}

TEST(Reply, GoldenText) {
  const std::vector<Item> items{chunk(), seal()};
  Reply reply;
  reply.epoch = "e";
  reply.results = {{.outcome = Outcome::stored, .server_seq = 7, .have = {{0, 300}}, .detail = "", .retry_after_s = 0},
                   {.outcome = Outcome::later, .server_seq = 0, .have = {}, .detail = "busy", .retry_after_s = 2}};
  EXPECT_EQ(encode_reply(reply, items),
            R"({"protocol":1,"epoch":"e","results":[{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","kind":"chunk",)"
            R"("stream":"stroke","from":256,"to":300,"result":"stored","server_seq":7,"have":[[0,300]]},)"
            R"({"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","kind":"seal","revision":3,"result":"later",)"
            R"("detail":"busy","retry_after_s":2}]})");
  Item refused = chunk();
  refused.refusal = base::Error{ErrorCode::unsupported, "stream 9 is not known here"};
  reply.results = {
      {.outcome = Outcome::rejected, .server_seq = 0, .have = {}, .detail = refused.refusal->text, .retry_after_s = 0}};
  EXPECT_EQ(encode_reply(reply, std::span(&refused, 1)),
            R"({"protocol":1,"epoch":"e","results":[{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab",)"
            R"("result":"rejected","detail":"stream 9 is not known here"}]})");
}

TEST(Reply, TheFullestReplyFits) {
  const std::vector<Item> items(kMaxBatchItems, chunk());
  Reply reply;
  reply.epoch = "e";
  reply.results.assign(kMaxBatchItems, {.outcome = Outcome::rejected,
                                        .server_seq = 0,
                                        .have = {{0, 4096}},
                                        .detail = std::string(5000, '\x01'),
                                        .retry_after_s = 0});
  const auto again = decode_reply(encode_reply(reply, items), items.size());
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(again->results[999].detail, std::string(300, '\x01'));
}

TEST(Reply, NonsenseIsNamed) {
  const auto read = [](const std::string& json, std::size_t items = 1) {
    const auto reply = decode_reply(json, items);
    return reply.ok() ? "ok" : std::string(name(reply.error().code)) + ": " + reply.error().text;
  };
  const auto one = [&](const std::string& result) { return read(R"({"epoch":"e","results":[{)" + result + "}]}"); };
  EXPECT_EQ(one(R"("result":"stored","server_seq":1)"), "ok");
  EXPECT_EQ(one(R"("result":"stored","server_seq":1,"future":{},"have":[[0,1],[2,3]])"), "ok");
  EXPECT_EQ(one(R"("result":"rejected")"), "ok");
  const std::string first = "invalid_input: batch reply, result 0: ";
  EXPECT_EQ(one(R"("results":"stored")"), first + "\"result\" is missing");
  EXPECT_EQ(one(R"("result":"eaten")"),
            "unsupported: batch reply, result 0: \"result\" has no word that is known here");
  const std::string bad_seq = first + "\"server_seq\" must be a whole number from 1";
  EXPECT_EQ(one(R"("result":"stored")"), bad_seq);
  EXPECT_EQ(one(R"("result":"duplicate","server_seq":0)"), bad_seq);
  EXPECT_EQ(one(R"("result":"duplicate","server_seq":1.5)"), bad_seq);
  EXPECT_EQ(one(R"("result":"later")"), first + "\"retry_after_s\" must be a whole number from 0");
  EXPECT_EQ(one(R"("result":"later","retry_after_s":-1)"), first + "\"retry_after_s\" must be a whole number from 0");
  const std::string bad_have = first + "\"have\" must be ascending pairs [from, to)";
  for (const char* have : {"7", "[7]", "[[1]]", "[[1,2,3]]", "[[2,2]]", "[[3,2]]", "[[-1,2]]", "[[0,2],[2,3]]",
                           "[[5,6],[0,1]]", "[[0,9007199254740993]]", "[[0,\"1\"]]"}) {
    EXPECT_EQ(one(std::string(R"("result":"rejected","have":)") + have), bad_have) << have;
  }
  EXPECT_EQ(read(R"({"epoch":"e","results":[]})"), "invalid_input: batch reply: 0 results for 1 items");
  EXPECT_EQ(read(R"({"epoch":"","results":[]})", 0), "invalid_input: batch reply: \"epoch\" is missing");
  EXPECT_EQ(read(R"({"epoch":"e"})"), "invalid_input: batch reply: \"results\" is missing");
  EXPECT_EQ(read(R"({"epoch":"e","results":[5]})"), first + "\"result\" is missing");
  EXPECT_EQ(read("<html>").substr(0, 26), "invalid_input: batch reply");
  EXPECT_EQ(read("").substr(0, 26), "invalid_input: batch reply");
  EXPECT_EQ(read(std::string(std::size_t{3} << 20, ' ')).substr(0, 10), "too_large:");
}

}  // namespace
}  // namespace boathouse::wire
