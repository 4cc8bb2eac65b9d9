#include "core/wire/facts.hpp"

#include <gtest/gtest.h>

#include "core/base/utf8.hpp"
#include "core/wire/test_ids.hpp"

namespace boathouse::wire {
namespace {

using base::ErrorCode;
using rowing::Birth;
using rowing::EndReason;
using rowing::Origin;
using rowing::Seal;
using rowing::Stream;

Birth full_birth() {
  Birth birth;
  birth.rec_id = kId;
  birth.started_ms = -1;
  birth.started_known = false;
  birth.offset_minutes = -210;
  birth.zone = "America/St_Johns";
  birth.origin = Origin::import;
  birth.dialect = "ergstick";
  birth.source_name = "Sunday \"row\".csv";
  birth.source_sha256 = base::sha256(base::as_bytes("file"));
  birth.title = "5 \xC3\x97 500 m";
  birth.monitor_serial = "430000000";
  birth.monitor_firmware = "2.10";
  return birth;
}

// These texts are hashed and lie in outboxes: what a given struct becomes never changes.
TEST(Facts, GoldenTexts) {
  Birth least;
  least.rec_id = kId;
  EXPECT_EQ(encode_birth(least), R"({"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","started_ms":0,)"
                                 R"("started_known":true,"origin":"live"})");
  EXPECT_EQ(encode_birth(full_birth()),
            R"({"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","started_ms":-1,"started_known":false,)"
            R"("offset_minutes":-210,"zone":"America/St_Johns","origin":"import","dialect":"ergstick",)"
            R"("source_name":"Sunday \"row\".csv",)"
            R"("source_sha256":"3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80",)"
            "\"title\":\"5 \xC3\x97 500 m\","
            R"("monitor_serial":"430000000","monitor_firmware":"2.10"})");
  Seal seal;
  seal.rec_id = kId;
  seal.revision = 2;
  seal.reason = EndReason::end_of_input;
  seal.streams[Stream::event] = {0, base::sha256({})};
  EXPECT_EQ(encode_seal(seal), R"({"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","revision":2,)"
                               R"("reason":"end_of_input","streams":{"event":{"count":0,)"
                               R"("root":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}})");
}

TEST(Facts, ASealSaysWhatItsRecordsSayOfTheWorkout) {
  Seal seal;
  seal.rec_id = kId;
  seal.workout.emplace();
  const std::string least = encode_seal(seal);
  EXPECT_TRUE(least.ends_with(R"("streams":{},"workout":{"reach":{}}})")) << least;
  EXPECT_EQ(decode_seal(least)->workout, rowing::WorkoutFacts());
  seal.workout = rowing::WorkoutFacts{3, 47'324, 20'000, 0x00000001000000FF, {{Stream::sample, {47'300, 50}}}};
  const std::string full = encode_seal(seal);
  EXPECT_TRUE(full.ends_with(R"("workout":{"type":3,"elapsed_cs":47324,"distance_dm":20000,)"
                             R"("logged_hash":"00000001000000ff","reach":{"sample":{"covered":47300,"step":50}}}})"))
      << full;
  EXPECT_EQ(decode_seal(full)->workout, seal.workout);
  for (const auto& [good, bad] :
       {std::pair(R"("type":3)", R"("type":-1)"), std::pair("00000001000000ff", "00000001000000f"),
        std::pair("00000001000000ff", "00000001 00000ff"), std::pair(R"("step":50)", R"("step":"50")"),
        std::pair(R"("sample")", R"("simple")")}) {
    std::string text = full;
    text.replace(text.find(good), std::string_view(good).size(), bad);
    EXPECT_FALSE(decode_seal(text).ok()) << text;
  }
}

TEST(Facts, ABirthComesBack) {
  const Birth birth = full_birth();
  const auto again = decode_birth(encode_birth(birth));
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(encode_birth(*again), encode_birth(birth));
  EXPECT_EQ(again->rec_id, birth.rec_id);
  EXPECT_EQ(again->started_ms, birth.started_ms);
  EXPECT_EQ(again->started_known, birth.started_known);
  EXPECT_EQ(again->offset_minutes, birth.offset_minutes);
  EXPECT_EQ(again->zone, birth.zone);
  EXPECT_EQ(again->origin, birth.origin);
  EXPECT_EQ(again->dialect, birth.dialect);
  EXPECT_EQ(again->source_name, birth.source_name);
  EXPECT_EQ(again->source_sha256, birth.source_sha256);
  EXPECT_EQ(again->title, birth.title);
  EXPECT_EQ(again->monitor_serial, birth.monitor_serial);
  EXPECT_EQ(again->monitor_firmware, birth.monitor_firmware);
  for (const Origin origin : {Origin::live, Origin::replay, Origin::import, Origin::simulated}) {
    Birth other = birth;
    other.origin = origin;
    EXPECT_EQ(decode_birth(encode_birth(other))->origin, origin);
  }
}

TEST(Facts, ASealComesBack) {
  Seal seal;
  seal.rec_id = kId;
  seal.revision = UINT32_MAX;
  for (const Stream stream : rowing::kStreams) {
    seal.streams[stream] = {static_cast<std::uint64_t>(stream) * 1000,
                            base::sha256(base::as_bytes(rowing::name(stream)))};
  }
  for (const EndReason reason : {EndReason::logged, EndReason::rearmed, EndReason::stopped, EndReason::silence,
                                 EndReason::end_of_input, EndReason::crashed}) {
    seal.reason = reason;
    const auto again = decode_seal(encode_seal(seal));
    ASSERT_TRUE(again.ok()) << again.error().text;
    EXPECT_EQ(again->reason, reason);
    EXPECT_EQ(encode_seal(*again), encode_seal(seal));
  }
}

TEST(Facts, WhateverIsWrittenIsRead) {
  Birth birth = full_birth();
  std::string accents;
  for (int i = 0; i < 1000; ++i) {
    accents += "\xC3\xA9";
  }
  birth.title = accents;
  birth.source_name = std::string(5000, '\x01');  // six characters each in JSON
  birth.zone = std::string(1000, '\xff');         // not UTF-8: one U+FFFD each
  birth.dialect = birth.monitor_serial = birth.monitor_firmware = birth.source_name;
  const auto again = decode_birth(encode_birth(birth));
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(again->title, accents.substr(0, 400));
  EXPECT_EQ(again->source_name, std::string(kMaxFactText, '\x01'));
  EXPECT_EQ(base::code_point_count(again->zone), kMaxFactText);
  EXPECT_EQ(again->zone.substr(0, 3), "\xEF\xBF\xBD");
}

TEST(Facts, KeysThatAreNotKnownAndNullsDoNotMatter) {
  const auto birth =
      decode_birth(R"({"future":{"deep":[1,2]},"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","started_ms":5,)"
                   R"("started_known":true,"origin":"live","zone":null,"offset_minutes":null,"title":""})");
  ASSERT_TRUE(birth.ok()) << birth.error().text;
  EXPECT_EQ(birth->zone, "");
  EXPECT_EQ(birth->offset_minutes, std::nullopt);
}

// The text with `from` replaced by `to`, decoded: the error's code and text.
template <typename Decode>
std::string with(Decode decode, std::string json, const std::string& from, const std::string& to) {
  const std::size_t at = json.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  const auto result = decode(json.replace(at, from.size(), to));
  return result.ok() ? "ok" : std::string(name(result.error().code)) + ": " + result.error().text;
}

TEST(Facts, WhatIsWrongWithABirthIsNamed) {
  const auto changed = [](const std::string& from, const std::string& to) {
    return with(decode_birth, encode_birth(full_birth()), from, to);
  };
  const auto starts = [](const std::string& text, const std::string& start) {
    return text.substr(0, start.size()) == start ? "yes" : text;
  };
  EXPECT_EQ(starts(changed("018bcfe5", "018BCFE5"), "invalid_input: birth: \"rec_id\""), "yes");
  EXPECT_EQ(starts(changed("\"rec_id\"", "\"rec\""), "invalid_input: birth: \"rec_id\" is missing"), "yes");
  EXPECT_EQ(starts(changed(":-1,", ":-1.5,"), "invalid_input: birth: \"started_ms\""), "yes");
  EXPECT_EQ(starts(changed(":-1,", ":253402300800000,"), "invalid_input: birth: \"started_ms\""), "yes");
  EXPECT_EQ(changed(":-1,", ":253402300799999,"), "ok");  // the last millisecond of year 9999
  EXPECT_EQ(starts(changed(":false", ":0"), "invalid_input: birth: \"started_known\""), "yes");
  EXPECT_EQ(starts(changed("-210", "-1081"), "invalid_input: birth: \"offset_minutes\""), "yes");
  EXPECT_EQ(starts(changed("\"America/St_Johns\"", "7"), "invalid_input: birth: \"zone\""), "yes");
  EXPECT_EQ(starts(changed("ergstick", std::string(256, 'x')), "invalid_input: birth: \"dialect\""), "yes");
  EXPECT_EQ(starts(changed("m\"", std::string(200, 'x') + "\""), "invalid_input: birth: \"title\""), "yes");
  EXPECT_EQ(starts(changed("\"import\"", "\"dream\""), "unsupported: birth: \"origin\""), "yes");
  EXPECT_EQ(starts(changed("\"import\"", "3"), "invalid_input: birth: \"origin\""), "yes");
  EXPECT_EQ(starts(changed("3b9c", "3B9C"), "invalid_input: birth: \"source_sha256\""), "yes");
  EXPECT_EQ(starts(changed("3b9c", "9c"), "invalid_input: birth: \"source_sha256\""), "yes");
  EXPECT_EQ(decode_birth("[]").error().code, ErrorCode::invalid_input);
  EXPECT_EQ(decode_birth("").error().code, ErrorCode::invalid_input);
  EXPECT_EQ(decode_birth(std::string(kMaxFactsBytes + 1, ' ')).error().code, ErrorCode::too_large);
}

TEST(Facts, WhatIsWrongWithASealIsNamed) {
  Seal seal;
  seal.rec_id = kId;
  seal.streams[Stream::stroke] = {5, base::sha256({})};
  const auto changed = [&](const std::string& from, const std::string& to) {
    return with(decode_seal, encode_seal(seal), from, to);
  };
  EXPECT_NE(changed("\"revision\":1", "\"revision\":0").find("\"revision\""), std::string::npos);
  EXPECT_NE(changed("\"revision\":1", "\"revision\":4294967296").find("\"revision\""), std::string::npos);
  EXPECT_EQ(changed("\"stopped\"", "\"bored\"").substr(0, 12), "unsupported:");
  EXPECT_EQ(changed("\"stroke\"", "\"smell\""), "unsupported: seal: stream \"smell\" is not known here");
  EXPECT_NE(changed("\"count\":5", "\"count\":-5").find("seal, stream stroke: \"count\""), std::string::npos);
  EXPECT_NE(changed("\"count\":5", "\"count\":9007199254740993").find("\"count\""), std::string::npos);
  EXPECT_NE(changed("\"root\"", "\"roots\"").find("\"root\" is missing"), std::string::npos);
  EXPECT_NE(with(decode_seal,
                 R"({"rec_id":"018bcfe5-6800-7abc-8def-0123456789ab","revision":1,"reason":"stopped",)"
                 R"("streams":[]})",
                 "[]", "[1]")
                .find("\"streams\" must be an object"),
            std::string::npos);
  EXPECT_NE(changed("{\"count\":5", "7,\"x\":{\"count\":5").find("\"count\" is missing"), std::string::npos);
}

}  // namespace
}  // namespace boathouse::wire
