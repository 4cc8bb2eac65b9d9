#include <gtest/gtest.h>

#include "core/wire/batch.hpp"
#include "core/wire/test_ids.hpp"
#include "core/wire/test_json.hpp"

namespace boathouse::wire {
namespace {

using base::ErrorCode;
using rowing::Stream;

const std::string kStart = R"({"protocol":1,"epoch":"e","replica_id":"018bcfe5-6800-7abc-8def-0123456789ab",)";

Item item_of(ItemKind kind) {
  Item item;
  item.kind = kind;
  item.rec_id = kId;
  return item;
}

Item birth_item() { return item_of(ItemKind::birth); }

Item chunk_item() {
  Item item = item_of(ItemKind::chunk);
  item.stream = Stream::stroke;
  item.from = 256;
  item.to = 300;
  item.version = 1;
  return item;
}

Item seal_item() {
  Item item = item_of(ItemKind::seal);
  item.revision = 3;
  return item;
}

Item edit_item() {
  Item item = item_of(ItemKind::edit);
  item.op_id = *base::Uuid::parse("00112233-4455-7677-8899-aabbccddeeff");
  return item;
}

std::vector<Item> items_of_every_kind() { return {birth_item(), chunk_item(), seal_item(), edit_item(), chunk_item()}; }

Reply reply_of_every_kind() {
  Reply reply;
  reply.epoch = "018bcfe5-0000-7000-8000-000000000000";
  reply.replica_id = kId;
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
  std::vector<Item> items{chunk_item(), seal_item()};
  Reply reply;
  reply.epoch = "e";
  reply.replica_id = kId;
  reply.results = {{.outcome = Outcome::stored, .server_seq = 7, .have = {{0, 300}}, .detail = "", .retry_after_s = 0},
                   {.outcome = Outcome::later, .server_seq = 0, .have = {}, .detail = "busy", .retry_after_s = 2}};
  EXPECT_EQ(encode_reply(reply, items),
            kStart + R"("results":[{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","kind":"chunk",)"
                     R"("stream":"stroke","from":256,"to":300,"result":"stored","server_seq":7,"have":[[0,300]]},)"
                     R"({"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","kind":"seal","revision":3,"result":"later",)"
                     R"("detail":"busy","retry_after_s":2}]})");
  items = {edit_item()};
  reply.results.pop_back();
  reply.results[0].have.clear();
  EXPECT_EQ(encode_reply(reply, items),
            kStart + R"("results":[{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","kind":"edit",)"
                     R"("op_id":"00112233-4455-7677-8899-aabbccddeeff","result":"stored","server_seq":7}]})");
  Item refused = chunk_item();
  refused.refusal = base::Error{ErrorCode::unsupported, "stream 9 is not known here"};
  reply.results = {
      {.outcome = Outcome::rejected, .server_seq = 0, .have = {}, .detail = refused.refusal->text, .retry_after_s = 0}};
  EXPECT_EQ(encode_reply(reply, std::span(&refused, 1)),
            kStart + R"("results":[{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab",)"
                     R"("result":"rejected","detail":"stream 9 is not known here"}]})");
}

TEST(Reply, TheFullestReplyFits) {
  Reply reply;
  reply.epoch = "e";
  for (const Item& item : {chunk_item(), edit_item()}) {
    const std::vector<Item> items(kMaxBatchItems, item);
    ItemResult result;
    result.outcome = Outcome::rejected;
    result.have = item.kind == ItemKind::chunk ? std::vector<Range>{{0, 4096}} : std::vector<Range>{};
    result.detail = std::string(5000, '\x01');
    reply.results.assign(kMaxBatchItems, result);
    const auto again = decode_reply(encode_reply(reply, items), items.size());
    ASSERT_TRUE(again.ok()) << again.error().text;
    EXPECT_EQ(again->results[999].detail, std::string(300, '\x01'));
  }
}

TEST(Reply, NonsenseIsNamed) {
  const auto read = [](const std::string& json, std::size_t items = 1) { return told(decode_reply(json, items)); };
  const auto one = [&](const std::string& result) { return read(kStart + R"("results":[{)" + result + "}]}"); };
  EXPECT_EQ(one(R"("result":"stored","server_seq":1)"), "ok");
  EXPECT_EQ(one(R"("result":"stored","server_seq":1,"future":{},"have":[[0,1],[2,3]])"), "ok");
  EXPECT_EQ(one(R"("result":"rejected")"), "ok");
  const std::string first = "invalid_input: batch reply, result 0: ";
  EXPECT_EQ(one(R"("results":"stored")"), first + "\"result\" is missing");
  EXPECT_EQ(one(R"("result":"eaten")"),
            "unsupported: batch reply, result 0: \"result\" has no name that is known here");
  EXPECT_EQ(one(R"("result":7)"), first + "\"result\" has no name that is known here");
  EXPECT_EQ(one(R"("result":"stored")"), first + "\"server_seq\" is missing");
  const std::string bad_seq = first + "\"server_seq\" must be a whole number from 1 to 9007199254740992";
  EXPECT_EQ(one(R"("result":"duplicate","server_seq":0)"), bad_seq);
  EXPECT_EQ(one(R"("result":"duplicate","server_seq":1.5)"), bad_seq);
  EXPECT_EQ(one(R"("result":"later")"), first + "\"retry_after_s\" is missing");
  EXPECT_EQ(one(R"("result":"later","retry_after_s":-1)"),
            first + "\"retry_after_s\" must be a whole number from 0 to 9007199254740992");
  const std::string bad_have = first + "\"have\" must be ascending pairs [from, to)";
  for (const char* have : {"7", "[7]", "[[1]]", "[[1,2,3]]", "[[2,2]]", "[[3,2]]", "[[-1,2]]", "[[0,2],[2,3]]",
                           "[[5,6],[0,1]]", "[[0,9007199254740993]]", "[[0,\"1\"]]"}) {
    EXPECT_EQ(one(std::string(R"("result":"rejected","have":)") + have), bad_have) << have;
  }
  EXPECT_EQ(read(kStart + R"("results":[]})"), "invalid_input: batch reply: 0 results for 1 items");
  EXPECT_EQ(read(kStart + R"("results":[]})", 0), "ok");
  EXPECT_EQ(read(kStart + R"("results":{}})", 0), "invalid_input: batch reply: \"results\" must be an array");
  EXPECT_EQ(read(kStart + R"("result":[]})"), "invalid_input: batch reply: \"results\" is missing");
  EXPECT_EQ(read(kStart + R"("results":[5]})"), first + "\"result\" is missing");
  EXPECT_EQ(read("[]"), "invalid_input: batch reply: must be a JSON object");
  EXPECT_EQ(read("<html>").substr(0, 26), "invalid_input: batch reply");
  EXPECT_EQ(read("").substr(0, 26), "invalid_input: batch reply");
  EXPECT_EQ(read(std::string(std::size_t{3} << 20, ' ')).substr(0, 10), "too_large:");
}

TEST(Reply, WhomItIsForAndFromIsThere) {
  const std::string good = kStart + R"("results":[]})";
  const auto changed = [&](std::string_view from, std::string_view to) {
    return told(decode_reply(replaced(good, from, to), 0));
  };
  EXPECT_EQ(decode_reply(good, 0)->replica_id, kId);
  EXPECT_EQ(changed("\"epoch\"", "\"else\""), "invalid_input: batch reply: \"epoch\" is missing");
  EXPECT_EQ(changed("\"e\"", "\"\""), "invalid_input: batch reply: \"epoch\" must be text of 1 to 255 characters");
  EXPECT_EQ(changed("\"replica_id\"", "\"else\""), "invalid_input: batch reply: \"replica_id\" is missing");
  const std::string no_uuid = "invalid_input: batch reply: \"replica_id\" must be a UUID in lower case";
  EXPECT_EQ(changed("018bcfe5", "018BCFE5"), no_uuid);
  EXPECT_EQ(changed("\"018bcfe5-6800-7abc-8def-0123456789ab\"", "[]"), no_uuid);
  EXPECT_EQ(changed("\"protocol\"", "\"else\""), "invalid_input: batch reply: \"protocol\" is missing");
  EXPECT_EQ(changed(":1,", ":2,"), "unsupported: batch reply: \"protocol\" is 2, only 1 is known here");
}

TEST(Reply, HostileTextsDoNoHarm) {
  const auto items = items_of_every_kind();
  expect_no_harm(
      encode_reply(reply_of_every_kind(), items),
      [&](std::string_view json) { return decode_reply(json, items.size()); },
      [&](const Reply& reply) { return encode_reply(reply, items); });
}

}  // namespace
}  // namespace boathouse::wire
