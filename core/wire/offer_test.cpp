#include "core/wire/offer.hpp"

#include <gtest/gtest.h>

#include "core/wire/chunk.hpp"
#include "core/wire/test_ids.hpp"
#include "core/wire/test_json.hpp"

namespace boathouse::wire {
namespace {

using rowing::Stream;

std::vector<OfferedRecording> full_offer() {
  return {{kId, {{Stream::sample, {{0, 512}, {768, 1024}}}, {Stream::source, {{0, kMaxSequence}}}}}, {kOther, {}}};
}

OfferReply full_offer_reply() {
  OfferReply reply;
  reply.epoch = "e";
  reply.replica_id = kId;
  reply.results = {{kId, OfferResult::want, true, 3, {{Stream::sample, {{{0, 256}}, {{256, 512}}}}}},
                   {kOther, OfferResult::gone, false, 0, {}}};
  return reply;
}

const std::string kOffer =
    R"({"recordings":[{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","streams":{"sample":[[0,512],[768,1024]],)"
    R"("source":[[0,9007199254740992]]}},{"rec_id":"018bcfe5-6801-7abc-8def-0123456789ab","streams":{}}]})";
const std::string kOfferReply =
    R"({"protocol":1,"epoch":"e","replica_id":"018bcfe5-6800-7abc-8def-0123456789ab","results":[)"
    R"({"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","result":"want","birth":true,"revision":3,)"
    R"("streams":{"sample":{"have":[[0,256]],"gone":[[256,512]]}}},)"
    R"({"rec_id":"018bcfe5-6801-7abc-8def-0123456789ab","result":"gone","birth":false,"revision":0,"streams":{}}]})";

base::Result<OfferReply> read_offer_reply(std::string_view json) { return decode_offer_reply(json, kAsked); }

TEST(Offer, GoldenTexts) {
  EXPECT_EQ(encode_offer(full_offer()), kOffer);
  EXPECT_EQ(encode_offer_reply(full_offer_reply()), kOfferReply);
  EXPECT_EQ(encode_offer({}), R"({"recordings":[]})");
}

TEST(Offer, TheRequestComesBack) {
  const auto again = decode_offer(kOffer);
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(*again, full_offer());
  EXPECT_TRUE(decode_offer(encode_offer({}))->empty());
}

TEST(Offer, TheReplyComesBack) {
  for (const OfferResult result : {OfferResult::want, OfferResult::have, OfferResult::mismatch, OfferResult::gone}) {
    OfferReply reply = full_offer_reply();
    reply.results[1].result = result;
    reply.results[1].revision = UINT32_MAX;
    for (const Stream stream : rowing::kStreams) {
      reply.results[1].streams[stream] = {{{1, 2}, {5, 9}}, {}};
    }
    const auto again = read_offer_reply(encode_offer_reply(reply));
    ASSERT_TRUE(again.ok()) << again.error().text;
    EXPECT_EQ(*again, reply);
  }
}

TEST(Offer, RangesThatAreNoneAreNamed) {
  for (const char* ranges :
       {"7", "[7]", "[[1]]", "[[1,2,3]]", "[[2,2]]", "[[3,2]]", "[[-1,2]]", "[[0,2],[2,3]]", "[[5,6],[0,1]]",
        "[[0,2],[1,3]]", "[[0,9007199254740993]]", "[[0,\"1\"]]", "[[0.5,1]]", "null"}) {
    EXPECT_EQ(told(decode_offer(replaced(kOffer, "[[0,512],[768,1024]]", ranges))),
              "invalid_input: offer, recording 0, stream sample: must be ascending pairs [from, to)")
        << ranges;
    EXPECT_EQ(tells(told(read_offer_reply(replaced(kOfferReply, "[[0,256]]", ranges))), "invalid_input",
                    "offer reply, result 0, stream sample: \"have\""),
              "yes")
        << ranges;
    EXPECT_EQ(tells(told(read_offer_reply(replaced(kOfferReply, "[[256,512]]", ranges))), "invalid_input",
                    "offer reply, result 0, stream sample: \"gone\""),
              "yes")
        << ranges;
  }
}

TEST(Offer, WhatIsWrongWithARequestIsNamed) {
  const auto changed = [](std::string_view from, std::string_view to, std::string_view part) {
    return tells(told(decode_offer(replaced(kOffer, from, to))), "invalid_input", part);
  };
  EXPECT_EQ(changed("\"recordings\"", "\"else\"", "offer: \"recordings\" is missing"), "yes");
  EXPECT_EQ(changed(kOffer, R"({"recordings":{}})", "offer: \"recordings\" must be an array"), "yes");
  EXPECT_EQ(changed(kOffer, R"({"recordings":[7]})", "offer, recording 0: \"rec_id\""), "yes");
  EXPECT_EQ(changed("018bcfe5-6801", "018BCFE5-6801", "offer, recording 1: \"rec_id\""), "yes");
  EXPECT_EQ(changed("\"rec_id\"", "\"else\"", "offer, recording 0: \"rec_id\" is missing"), "yes");
  EXPECT_EQ(changed("\"streams\"", "\"else\"", "offer, recording 0: \"streams\" is missing"), "yes");
  EXPECT_EQ(changed("\"streams\":{}", "\"streams\":[]", "offer, recording 1: \"streams\" must be an object"), "yes");
  EXPECT_EQ(told(decode_offer(replaced(kOffer, "\"source\"", "\"smell\""))),
            "unsupported: offer, recording 0: stream \"smell\" is not known here");
}

TEST(Offer, WhatIsWrongWithAReplyIsNamed) {
  const auto changed = [](std::string_view from, std::string_view to, std::string_view part) {
    return tells(told(read_offer_reply(replaced(kOfferReply, from, to))), "invalid_input", part);
  };
  EXPECT_EQ(changed("\"protocol\"", "\"else\"", "offer reply: \"protocol\" is missing"), "yes");
  EXPECT_EQ(changed("\"epoch\"", "\"else\"", "offer reply: \"epoch\" is missing"), "yes");
  EXPECT_EQ(changed("\"replica_id\"", "\"else\"", "offer reply: \"replica_id\" is missing"), "yes");
  EXPECT_EQ(changed("\"results\"", "\"else\"", "offer reply: \"results\" is missing"), "yes");
  for (const std::string key : {"rec_id", "result", "birth", "revision", "streams"}) {
    EXPECT_EQ(changed("\"" + key + "\":", "\"else\":", "offer reply, result 0: \"" + key + "\" is missing"), "yes");
  }
  EXPECT_EQ(changed("\"have\":", "\"else\":", "stream sample: \"have\" is missing"), "yes");
  EXPECT_EQ(changed("\"gone\":", "\"else\":", "stream sample: \"gone\" is missing"), "yes");
  EXPECT_EQ(changed("true", "1", "result 0: \"birth\" must be true or false"), "yes");
  EXPECT_EQ(changed(":3,", ":-3,", "result 0: \"revision\""), "yes");
  EXPECT_EQ(changed(":3,", ":4294967296,", "result 0: \"revision\""), "yes");
  EXPECT_EQ(changed("\"want\"", "7", "result 0: \"result\""), "yes");
  EXPECT_EQ(told(read_offer_reply(replaced(kOfferReply, "\"want\"", "\"crave\""))),
            "unsupported: offer reply, result 0: \"result\" has no name that is known here");
  EXPECT_EQ(told(read_offer_reply(replaced(kOfferReply, "\"sample\"", "\"smell\""))),
            "unsupported: offer reply, result 0: stream \"smell\" is not known here");
  EXPECT_EQ(tells(told(read_offer_reply(replaced(kOfferReply, ":1,", ":2,"))), "unsupported", "\"protocol\" is 2"),
            "yes");
}

TEST(Offer, AnswersAreThoseThatWereAskedForInTheirOrder) {
  EXPECT_EQ(
      tells(told(decode_offer_reply(kOfferReply, {kOther, kId})), "invalid_input", "result 0: \"rec_id\" is not the"),
      "yes");
  EXPECT_EQ(
      tells(told(decode_offer_reply(kOfferReply, {kId, kId})), "invalid_input", "result 1: \"rec_id\" is not the"),
      "yes");
  EXPECT_EQ(told(decode_offer_reply(kOfferReply, {kId})), "invalid_input: offer reply: 2 results for 1 recordings");
  EXPECT_EQ(told(decode_offer_reply(kOfferReply, {kId, kOther, kId})),
            "invalid_input: offer reply: 2 results for 3 recordings");
}

TEST(Offer, TheLimitsHold) {
  std::vector<OfferedRecording> offer(kMaxOfferRecordings, {kId, {}});
  for (OfferedRecording& recording : offer) {
    for (std::uint64_t i = 0; i < kMaxOfferRanges / kMaxOfferRecordings; ++i) {
      recording.streams[Stream::sample].push_back({kMaxSequence - 20 + 2 * i, kMaxSequence - 19 + 2 * i});
    }
  }
  const auto again = decode_offer(encode_offer(offer));
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(*again, offer);
  offer.back().streams[Stream::stroke] = {{0, 1}};
  EXPECT_EQ(tells(told(decode_offer(encode_offer(offer))), "too_large", "recording 499, stream stroke"), "yes");
  offer.assign(kMaxOfferRecordings + 1, {kId, {}});
  EXPECT_EQ(tells(told(decode_offer(encode_offer(offer))), "too_large", "\"recordings\" has more than 500"), "yes");
  EXPECT_EQ(tells(told(decode_offer(std::string(kMaxRequestBytes + 1, ' '))), "too_large", "offer"), "yes");
  EXPECT_EQ(tells(told(read_offer_reply(std::string(kMaxReplyBytes + 1, ' '))), "too_large", "offer reply"), "yes");
  EXPECT_FALSE(decode_offer(replaced(kOffer, "[[0,512]", "[[[[[[[0,512]")).ok());
}

TEST(Offer, AForeignNameIsQuotedInPart) {
  const std::string error = told(decode_offer(replaced(kOffer, "source", std::string(100'000, 'x'))));
  EXPECT_LT(error.size(), 200U);
}

TEST(Offer, KeysThatAreNotKnownDoNotMatter) {
  EXPECT_EQ(*decode_offer(replaced(kOffer, "{", "{\"future\":[{}],")), full_offer());
  EXPECT_EQ(*read_offer_reply(replaced(kOfferReply, "{\"have\"", "{\"future\":7,\"have\"")), full_offer_reply());
}

TEST(Offer, HostileTextsDoNoHarm) {
  expect_no_harm(kOffer, decode_offer, encode_offer);
  expect_no_harm(kOfferReply, read_offer_reply, encode_offer_reply);
}

}  // namespace
}  // namespace boathouse::wire
