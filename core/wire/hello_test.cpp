#include "core/wire/hello.hpp"

#include <gtest/gtest.h>

#include "core/wire/batch.hpp"
#include "core/wire/test_ids.hpp"
#include "core/wire/test_json.hpp"

namespace boathouse::wire {
namespace {

const base::Uuid kAthlete = *base::Uuid::parse("018bcfe5-6801-7abc-8def-0123456789ab");

HelloRequest full_request() {
  HelloRequest request;
  request.lowest_protocol = 1;
  request.highest_protocol = 3;
  request.salt = {0x00, 0x11, 0x22, 0x33, 0xaa, 0xbb, 0xcc, 0xff};
  request.epoch = "e";
  request.cursor = 17;
  request.newest_seq = 19;
  request.pending_recordings = 2;
  request.pending_items = 40;
  request.pending_bytes = 123456;
  request.oldest_age_s = 61;
  return request;
}

HelloReply full_hello_reply() {
  HelloReply reply;
  reply.epoch = "e";
  reply.replica_id = kId;
  reply.athlete = kAthlete;
  reply.batch_bytes = 262144;
  reply.batch_items = 500;
  reply.in_flight = 4;
  reply.retry_base_ms = 1000;
  reply.retry_cap_ms = 300000;
  reply.server_time_ms = 1'700'000'000'000;
  reply.server_seq = 99;
  reply.purge_safe_seq = 88;
  reply.backoff_s = 5;
  reply.fork = true;
  return reply;
}

const std::string kRequest = R"({"protocol":[1,3],"salt":"00112233aabbccff","epoch":"e","cursor":17,"newest_seq":19,)"
                             R"("pending":{"recordings":2,"items":40,"bytes":123456,"oldest_age_s":61}})";
const std::string kHelloReply =
    R"({"protocol":1,"epoch":"e","replica_id":"018bcfe5-6800-7abc-8def-0123456789ab",)"
    R"("athlete":"ath_018bcfe5-6801-7abc-8def-0123456789ab","limits":{"batch_bytes":262144,"batch_items":500,"in_flight":4},)"
    R"("retry":{"base_ms":1000,"cap_ms":300000},"server_time_ms":1700000000000,"server_seq":99,"purge_safe_seq":88,)"
    R"("backoff_s":5,"fork":true})";

TEST(Hello, GoldenTexts) {
  EXPECT_EQ(encode_hello_request(full_request()), kRequest);
  EXPECT_EQ(encode_hello_reply(full_hello_reply()), kHelloReply);
}

TEST(Hello, TheRequestComesBack) {
  for (const HelloRequest& request : {full_request(), HelloRequest{}}) {
    const auto again = decode_hello_request(encode_hello_request(request));
    ASSERT_TRUE(again.ok()) << again.error().text;
    EXPECT_EQ(*again, request);
  }
}

TEST(Hello, ADeviceOfBeforeTellsNoNewestNumber) {
  const auto request = decode_hello_request(replaced(kRequest, "\"newest_seq\":19,", ""));
  ASSERT_TRUE(request.ok()) << request.error().text;
  EXPECT_EQ(request->newest_seq, 0);
}

TEST(Hello, TheReplyComesBack) {
  const auto again = decode_hello_reply(encode_hello_reply(full_hello_reply()));
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(*again, full_hello_reply());
}

TEST(Hello, AServerOfBeforeTellsNoNumberOfRequestsAtOnce) {
  const auto reply = decode_hello_reply(replaced(kHelloReply, ",\"in_flight\":4", ""));
  ASSERT_TRUE(reply.ok()) << reply.error().text;
  EXPECT_EQ(reply->in_flight, 1U);
}

TEST(Hello, WhatIsMissingIsNamed) {
  for (const std::string key :
       {"protocol", "salt", "cursor", "pending", "recordings", "items", "bytes", "oldest_age_s"}) {
    EXPECT_EQ(tells(told(decode_hello_request(replaced(kRequest, "\"" + key + "\"", "\"else\""))), "invalid_input",
                    "\"" + key + "\""),
              "yes");
  }
  for (const std::string key :
       {"protocol", "epoch", "replica_id", "athlete", "limits", "batch_bytes", "batch_items", "retry", "base_ms",
        "cap_ms", "server_time_ms", "server_seq", "purge_safe_seq", "backoff_s", "fork"}) {
    EXPECT_EQ(tells(told(decode_hello_reply(replaced(kHelloReply, "\"" + key + "\"", "\"else\""))), "invalid_input",
                    "\"" + key + "\" is missing"),
              "yes");
  }
}

TEST(Hello, WhatIsWrongWithARequestIsNamed) {
  const auto changed = [](std::string_view from, std::string_view to, std::string_view part) {
    return tells(told(decode_hello_request(replaced(kRequest, from, to))), "invalid_input", part);
  };
  for (const char* protocol : {"1", "[1]", "[1,2,3]", "[0,1]", "[2,1]", "[1,4294967296]", "[1,\"2\"]", "[-1,1]"}) {
    EXPECT_EQ(changed("[1,3]", protocol, "hello: \"protocol\""), "yes") << protocol;
  }
  for (const char* salt : {"7", "\"\"", "\"00112233aabbccf\"", "\"00112233aabbccff0\"", "\"00112233AABBCCFF\"",
                           "\"00112233aabbccfg\"", "\"00 11 22 33 aa b\""}) {
    EXPECT_EQ(changed("\"00112233aabbccff\"", salt, "hello: \"salt\""), "yes") << salt;
  }
  EXPECT_EQ(changed("\"e\"", "7", "hello: \"epoch\""), "yes");
  EXPECT_EQ(changed("\"e\"", "\"" + std::string(256, 'x') + "\"", "hello: \"epoch\""), "yes");
  for (const char* number : {"-1", "1.5", "9007199254740993", "\"1\"", "[]"}) {
    const std::string colon = std::string(":") + number;
    EXPECT_EQ(changed(":17", colon, "hello: \"cursor\""), "yes") << number;
    EXPECT_EQ(changed(":19", colon, "hello: \"newest_seq\""), "yes") << number;
    EXPECT_EQ(changed(":2", colon, "hello, pending: \"recordings\""), "yes") << number;
    EXPECT_EQ(changed(":40", colon, "hello, pending: \"items\""), "yes") << number;
    EXPECT_EQ(changed(":123456", colon, "hello, pending: \"bytes\""), "yes") << number;
    EXPECT_EQ(changed(":61", colon, "hello, pending: \"oldest_age_s\""), "yes") << number;
  }
  EXPECT_EQ(changed("{\"recordings\"", "[],\"x\":{\"recordings\"", "hello: \"pending\" must be an object"), "yes");
}

TEST(Hello, WhatIsWrongWithAReplyIsNamed) {
  const auto changed = [](std::string_view from, std::string_view to, std::string_view part) {
    return tells(told(decode_hello_reply(replaced(kHelloReply, from, to))), "invalid_input", part);
  };
  EXPECT_EQ(changed("\"e\"", "\"\"", "hello reply: \"epoch\""), "yes");
  EXPECT_EQ(changed("\"e\"", "\"" + std::string(256, 'x') + "\"", "hello reply: \"epoch\""), "yes");
  EXPECT_EQ(changed("\"018bcfe5-6800", "\"018BCFE5-6800", "hello reply: \"replica_id\""), "yes");
  EXPECT_EQ(changed("ath_", "", "hello reply: \"athlete\""), "yes");
  EXPECT_EQ(changed("ath_0", "ath_x", "hello reply: \"athlete\""), "yes");
  EXPECT_EQ(changed("\"ath_018bcfe5-6801-7abc-8def-0123456789ab\"", "7", "hello reply: \"athlete\""), "yes");
  EXPECT_EQ(changed("true", "1", "hello reply: \"fork\""), "yes");
  EXPECT_EQ(changed("{\"batch_bytes\"", "7,\"x\":{\"batch_bytes\"", "\"limits\" must be an object"), "yes");
  EXPECT_EQ(changed("{\"base_ms\"", "7,\"x\":{\"base_ms\"", "\"retry\" must be an object"), "yes");
  for (const char* number : {"-1", "1.5", "9007199254740993", "\"1\""}) {
    const std::string colon = std::string(":") + number;
    EXPECT_EQ(changed(":262144", colon, "hello reply, limits: \"batch_bytes\""), "yes") << number;
    EXPECT_EQ(changed(":500", colon, "hello reply, limits: \"batch_items\""), "yes") << number;
    EXPECT_EQ(changed(":4}", colon + "}", "hello reply, limits: \"in_flight\""), "yes") << number;
    EXPECT_EQ(changed(":1000", colon, "hello reply, retry: \"base_ms\""), "yes") << number;
    EXPECT_EQ(changed(":300000", colon, "hello reply, retry: \"cap_ms\""), "yes") << number;
    EXPECT_EQ(changed(":1700000000000", colon, "hello reply: \"server_time_ms\""), "yes") << number;
    EXPECT_EQ(changed(":99", colon, "hello reply: \"server_seq\""), "yes") << number;
    EXPECT_EQ(changed(":88", colon, "hello reply: \"purge_safe_seq\""), "yes") << number;
    EXPECT_EQ(changed(":5,", colon + ",", "hello reply: \"backoff_s\""), "yes") << number;
  }
  EXPECT_EQ(told(decode_hello_reply(replaced(kHelloReply, ":1,", ":2,"))),
            "unsupported: hello reply: \"protocol\" is 2, only 1 is known here");
}

TEST(Hello, LimitsAreClampedToWhatThisProgramCanDo) {
  HelloReply reply = full_hello_reply();
  reply.batch_bytes = reply.batch_items = reply.in_flight = 0;
  reply.retry_base_ms = reply.retry_cap_ms = 0;
  auto clamped = decode_hello_reply(encode_hello_reply(reply));
  ASSERT_TRUE(clamped.ok()) << clamped.error().text;
  EXPECT_EQ(clamped->batch_bytes, 1024U);
  EXPECT_EQ(clamped->batch_items, 1U);
  EXPECT_EQ(clamped->in_flight, 1U);
  EXPECT_EQ(clamped->retry_base_ms, 100);
  EXPECT_EQ(clamped->retry_cap_ms, 100);

  reply.batch_bytes = reply.batch_items = reply.in_flight = std::uint64_t{1} << 53;
  reply.retry_base_ms = reply.retry_cap_ms = reply.backoff_s = std::int64_t{1} << 53;
  clamped = decode_hello_reply(encode_hello_reply(reply));
  ASSERT_TRUE(clamped.ok()) << clamped.error().text;
  EXPECT_EQ(clamped->batch_bytes, kMaxBatchBytes);
  EXPECT_EQ(clamped->batch_items, kMaxBatchItems);
  EXPECT_EQ(clamped->in_flight, kMaxInFlight);
  EXPECT_EQ(clamped->retry_base_ms, 3'600'000);
  EXPECT_EQ(clamped->retry_cap_ms, 3'600'000);
  EXPECT_EQ(clamped->backoff_s, 86'400);

  reply.retry_base_ms = 5000;
  reply.retry_cap_ms = 4000;
  EXPECT_EQ(decode_hello_reply(encode_hello_reply(reply))->retry_cap_ms, 5000) << "not below the base";
}

TEST(Hello, WhatIsNoObjectOrTooLargeIsRefused) {
  EXPECT_EQ(tells(told(decode_hello_request("7")), "invalid_input", "hello: must be a JSON object"), "yes");
  EXPECT_EQ(tells(told(decode_hello_reply("<html>")), "invalid_input", "hello reply"), "yes");
  EXPECT_EQ(tells(told(decode_hello_request(std::string(kMaxRequestBytes + 1, ' '))), "too_large", "hello"), "yes");
  EXPECT_EQ(tells(told(decode_hello_reply(std::string(kMaxReplyBytes + 1, ' '))), "too_large", "hello reply"), "yes");
}

TEST(Hello, KeysThatAreNotKnownDoNotMatter) {
  EXPECT_EQ(*decode_hello_request(replaced(kRequest, "{", "{\"future\":[{}],")), full_request());
  EXPECT_EQ(*decode_hello_reply(replaced(kHelloReply, "{", "{\"future\":[{}],")), full_hello_reply());
}

TEST(Hello, HostileTextsDoNoHarm) {
  expect_no_harm(kRequest, decode_hello_request, encode_hello_request);
  expect_no_harm(kHelloReply, decode_hello_reply, encode_hello_reply);
}

}  // namespace
}  // namespace boathouse::wire
