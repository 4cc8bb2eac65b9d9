#include "core/wire/verify.hpp"

#include <gtest/gtest.h>

#include "core/wire/batch.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/test_ids.hpp"
#include "core/wire/test_json.hpp"

namespace boathouse::wire {
namespace {

using rowing::Stream;

const base::Digest kRoot = base::sha256({});

std::vector<VerifyQuestion> full_questions() { return {{kId, 3, {{Stream::sample, {300, kRoot}}}}, {kOther, 1, {}}}; }

VerifyReply full_verify_reply() {
  VerifyReply reply;
  reply.epoch = "e";
  reply.replica_id = kId;
  reply.results = {{kId, VerifyResult::stored, {{Stream::sample, {300, kRoot, 200}}}},
                   {kOther, VerifyResult::unknown, {}}};
  return reply;
}

const std::string kQuestions =
    R"({"recordings":[{"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","revision":3,"streams":{"sample":{"count":300,)"
    R"("root":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}},)"
    R"({"rec_id":"018bcfe5-6801-7abc-8def-0123456789ab","revision":1,"streams":{}}]})";
const std::string kVerifyReply =
    R"({"protocol":1,"epoch":"e","replica_id":"018bcfe5-6800-7abc-8def-0123456789ab","results":[)"
    R"({"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","result":"stored","streams":{"sample":{"count":300,)"
    R"("root":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","visible":200}}},)"
    R"({"rec_id":"018bcfe5-6801-7abc-8def-0123456789ab","result":"unknown","streams":{}}]})";

base::Result<VerifyReply> read_verify_reply(std::string_view json) { return decode_verify_reply(json, kAsked); }

TEST(Verify, GoldenTexts) {
  EXPECT_EQ(encode_verify(full_questions()), kQuestions);
  EXPECT_EQ(encode_verify_reply(full_verify_reply()), kVerifyReply);
}

TEST(Verify, TheQuestionsComeBack) {
  auto questions = full_questions();
  questions[1].revision = UINT32_MAX;
  for (const Stream stream : rowing::kStreams) {
    questions[1].streams[stream] = {kMaxSequence, base::sha256(base::as_bytes(rowing::name(stream)))};
  }
  const auto again = decode_verify(encode_verify(questions));
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(*again, questions);
}

TEST(Verify, TheReplyComesBack) {
  for (const VerifyResult result : {VerifyResult::verified, VerifyResult::stored, VerifyResult::incomplete,
                                    VerifyResult::different, VerifyResult::unknown, VerifyResult::gone}) {
    VerifyReply reply = full_verify_reply();
    reply.results[1].result = result;
    for (const Stream stream : rowing::kStreams) {
      reply.results[1].streams[stream] = {kMaxSequence, kRoot, 0};
    }
    const auto again = read_verify_reply(encode_verify_reply(reply));
    ASSERT_TRUE(again.ok()) << again.error().text;
    EXPECT_EQ(*again, reply);
  }
}

TEST(Verify, WhatIsWrongWithAQuestionIsNamed) {
  const auto changed = [](std::string_view from, std::string_view to, std::string_view part) {
    return tells(told(decode_verify(replaced(kQuestions, from, to))), "invalid_input", part);
  };
  EXPECT_EQ(changed("\"recordings\"", "\"else\"", "verify: \"recordings\" is missing"), "yes");
  for (const std::string key : {"rec_id", "revision", "streams"}) {
    EXPECT_EQ(changed("\"" + key + "\":", "\"else\":", "verify, recording 0: \"" + key + "\" is missing"), "yes");
  }
  for (const std::string key : {"count", "root"}) {
    EXPECT_EQ(changed("\"" + key + "\":", "\"else\":", "recording 0, stream sample: \"" + key + "\" is missing"),
              "yes");
  }
  EXPECT_EQ(changed("018bcfe5-6801", "018BCFE5-6801", "verify, recording 1: \"rec_id\""), "yes");
  for (const char* revision : {"0", "-1", "4294967296", "1.5", "\"3\""}) {
    EXPECT_EQ(changed(":3,", ":" + std::string(revision) + ",", "recording 0: \"revision\""), "yes") << revision;
  }
  for (const char* count : {"-1", "9007199254740993", "1.5", "\"3\""}) {
    EXPECT_EQ(changed(":300", ":" + std::string(count), "stream sample: \"count\""), "yes") << count;
  }
  EXPECT_EQ(changed("e3b0", "E3B0", "stream sample: \"root\""), "yes");
  EXPECT_EQ(changed("e3b0", "", "stream sample: \"root\""), "yes");
  EXPECT_EQ(changed("\"streams\":{}", "\"streams\":7", "recording 1: \"streams\" must be an object"), "yes");
  EXPECT_EQ(changed("{\"count\"", "7,\"stroke\":{\"count\"", "stream sample: \"count\" is missing"), "yes");
  EXPECT_EQ(told(decode_verify(replaced(kQuestions, "\"sample\"", "\"smell\""))),
            "unsupported: verify, recording 0: stream \"smell\" is not known here");
}

TEST(Verify, WhatIsWrongWithAReplyIsNamed) {
  const auto changed = [](std::string_view from, std::string_view to, std::string_view part) {
    return tells(told(read_verify_reply(replaced(kVerifyReply, from, to))), "invalid_input", part);
  };
  for (const std::string key : {"protocol", "epoch", "replica_id", "results"}) {
    EXPECT_EQ(changed("\"" + key + "\"", "\"else\"", "verify reply: \"" + key + "\" is missing"), "yes");
  }
  for (const std::string key : {"rec_id", "result", "streams"}) {
    EXPECT_EQ(changed("\"" + key + "\":", "\"else\":", "verify reply, result 0: \"" + key + "\" is missing"), "yes");
  }
  for (const std::string key : {"count", "root", "visible"}) {
    EXPECT_EQ(changed("\"" + key + "\":", "\"else\":", "result 0, stream sample: \"" + key + "\" is missing"), "yes");
  }
  EXPECT_EQ(changed(":300", ":-1", "stream sample: \"count\""), "yes");
  EXPECT_EQ(changed("e3b0", "", "stream sample: \"root\""), "yes");
  EXPECT_EQ(changed(":200", ":9007199254740993", "stream sample: \"visible\""), "yes");
  EXPECT_EQ(changed("\"stored\"", "7", "result 0: \"result\""), "yes");
  EXPECT_EQ(told(read_verify_reply(replaced(kVerifyReply, "\"stored\"", "\"fine\""))),
            "unsupported: verify reply, result 0: \"result\" has no name that is known here");
  EXPECT_EQ(tells(told(read_verify_reply(replaced(kVerifyReply, ":1,", ":2,"))), "unsupported", "\"protocol\" is 2"),
            "yes");
}

TEST(Verify, AnswersAreThoseThatWereAskedForInTheirOrder) {
  EXPECT_EQ(
      tells(told(decode_verify_reply(kVerifyReply, {kOther, kId})), "invalid_input", "result 0: \"rec_id\" is not"),
      "yes");
  EXPECT_EQ(told(decode_verify_reply(kVerifyReply, {kId})), "invalid_input: verify reply: 2 results for 1 recordings");
}

TEST(Verify, TheLimitsHold) {
  VerifyQuestion full{kId, UINT32_MAX, {}};
  for (const Stream stream : rowing::kStreams) {
    full.streams[stream] = {kMaxSequence, kRoot};
  }
  std::vector<VerifyQuestion> questions(kMaxVerifyRecordings, full);
  const auto again = decode_verify(encode_verify(questions));
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(again->size(), kMaxVerifyRecordings);
  questions.push_back(full);
  EXPECT_EQ(tells(told(decode_verify(encode_verify(questions))), "too_large", "\"recordings\" has more than 500"),
            "yes");
  EXPECT_EQ(tells(told(decode_verify(std::string(kMaxRequestBytes + 1, ' '))), "too_large", "verify"), "yes");
  EXPECT_EQ(tells(told(read_verify_reply(std::string(kMaxReplyBytes + 1, ' '))), "too_large", "verify reply"), "yes");

  VerifyReply reply = full_verify_reply();
  VerifyAnswer answer{kId, VerifyResult::incomplete, {}};
  for (const Stream stream : rowing::kStreams) {
    answer.streams[stream] = {kMaxSequence, kRoot, kMaxSequence};
  }
  reply.results.assign(kMaxVerifyRecordings, answer);
  const std::vector<base::Uuid> asked(kMaxVerifyRecordings, kId);
  EXPECT_EQ(told(decode_verify_reply(encode_verify_reply(reply), asked)), "ok") << "the fullest reply fits";
}

TEST(Verify, HostileTextsDoNoHarm) {
  expect_no_harm(kQuestions, decode_verify, encode_verify);
  expect_no_harm(kVerifyReply, read_verify_reply, encode_verify_reply);
}

}  // namespace
}  // namespace boathouse::wire
