#include "core/wire/changes.hpp"

#include <gtest/gtest.h>

#include "core/base/hex.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/edit.hpp"
#include "core/wire/facts.hpp"
#include "core/wire/test_ids.hpp"
#include "core/wire/test_json.hpp"

namespace boathouse::wire {
namespace {

using rowing::Stream;

constexpr std::int64_t kSince = 16;

Change change(std::int64_t seq, ChangeKind kind, std::string json = "") {
  Change result;
  result.seq = seq;
  result.kind = kind;
  result.rec_id = kId;
  if (kind != ChangeKind::gone) {
    result.sha256 = base::sha256(base::as_bytes(json));
  }
  result.json = std::move(json);
  return result;
}

ChangesReply full_changes_reply() {
  ChangesReply reply;
  reply.epoch = "e";
  reply.replica_id = kId;
  reply.since = kSince;
  Change chunk = change(18, ChangeKind::chunk);
  chunk.stream = Stream::sample;
  chunk.to = 256;
  chunk.version = 1;
  chunk.bytes = 1204;
  Change seal = change(19, ChangeKind::seal, R"({"seal":"\u00e9"})");
  seal.revision = 4;
  Change edit = change(20, ChangeKind::edit, "{\"edit\":\"\xC3\xA9\"}");
  edit.op_id = kId;
  edit.effective = rowing::Stamp{1'700'000'000'000, 0};
  Change plain_edit = change(21, ChangeKind::edit, "{}");
  plain_edit.op_id = kId;
  Change range_gone = change(25, ChangeKind::gone);
  range_gone.stream = Stream::stroke;
  range_gone.from = 5;
  range_gone.to = 100'000;
  reply.changes = {change(17, ChangeKind::birth, "{}"), chunk, seal, edit, plain_edit, range_gone,
                   change(30, ChangeKind::gone)};
  reply.next = 30;
  reply.more = true;
  return reply;
}

base::Result<ChangesReply> read(std::string_view json) { return decode_changes(json, kSince); }

// One entry of the kind, and what becomes of it with `from` replaced.
std::string with_entry(std::size_t entry, std::string_view from, std::string_view to) {
  ChangesReply reply = full_changes_reply();
  reply.changes = {reply.changes[entry]};
  return told(read(replaced(encode_changes(reply), from, to)));
}

TEST(Changes, GoldenText) {
  ChangesReply reply = full_changes_reply();
  const std::string digest = base::to_hex(base::sha256(base::as_bytes("{}")));
  EXPECT_EQ(digest, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  const std::string id = R"("rec_id":"018bcfe5-6800-7abc-8def-0123456789ab")";
  const std::string front = R"({"protocol":1,"epoch":"e","replica_id":"018bcfe5-6800-7abc-8def-0123456789ab",)"
                            R"("since":16,"changes":[)";
  const auto one = [&](std::size_t entry) {
    ChangesReply single = full_changes_reply();
    single.changes = {reply.changes[entry]};
    const std::string text = encode_changes(single);
    const std::string back = R"(],"next":30,"more":true})";
    EXPECT_EQ(text.substr(0, front.size()), front);
    EXPECT_EQ(text.substr(text.size() - back.size()), back);
    return text.substr(front.size(), text.size() - front.size() - back.size());
  };
  EXPECT_EQ(one(0), R"({"seq":17,"kind":"birth",)" + id + R"(,"sha256":")" + digest + R"(","json":"{}"})");
  EXPECT_EQ(one(1), R"({"seq":18,"kind":"chunk",)" + id +
                        R"(,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",)"
                        R"("stream":"sample","from":0,"to":256,"version":1,"bytes":1204})");
  EXPECT_EQ(one(2), R"({"seq":19,"kind":"seal",)" + id + R"(,"sha256":")" + base::to_hex(reply.changes[2].sha256) +
                        R"(","revision":4,"json":"{\"seal\":\"\\u00e9\"}"})");
  EXPECT_EQ(one(4), R"({"seq":21,"kind":"edit",)" + id + R"(,"sha256":")" + digest +
                        R"(","op_id":"018bcfe5-6800-7abc-8def-0123456789ab","json":"{}"})");
  EXPECT_NE(one(3).find(R"(}","effective":[1700000000000,0]})"), std::string::npos);
  EXPECT_EQ(one(5), R"({"seq":25,"kind":"gone",)" + id + R"(,"stream":"stroke","from":5,"to":100000})");
  EXPECT_EQ(one(6), R"({"seq":30,"kind":"gone",)" + id + "}");
}

TEST(Changes, TheyComeBack) {
  ChangesReply reply = full_changes_reply();
  auto again = read(encode_changes(reply));
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(*again, reply);
  reply.changes.clear();
  reply.next = kSince;
  reply.more = false;
  again = read(encode_changes(reply));
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(*again, reply);
}

TEST(Changes, AnEmptyPageMayGoOn) {
  ChangesReply reply = full_changes_reply();
  reply.changes.clear();
  EXPECT_EQ(told(read(encode_changes(reply))), "ok") << "nothing of this athlete up to 30";
}

TEST(Changes, SeqsGrowFromWhereTheDeviceWas) {
  ChangesReply other = full_changes_reply();
  other.since = 17;
  EXPECT_EQ(told(decode_changes(encode_changes(other), 17)),
            "invalid_input: changes, entry 0: \"seq\" must be greater than 17");
  const std::string json = encode_changes(full_changes_reply());
  EXPECT_EQ(told(read(replaced(json, "\"seq\":18", "\"seq\":17"))),
            "invalid_input: changes, entry 1: \"seq\" must be greater than 17");
  EXPECT_EQ(tells(told(read(replaced(json, "\"seq\":21", "\"seq\":2"))), "invalid_input", "entry 4: \"seq\""), "yes");
  other.since = 0;
  other.changes[0].seq = 0;
  EXPECT_EQ(tells(told(decode_changes(encode_changes(other), 0)), "invalid_input", "entry 0: \"seq\""), "yes");
}

// One that came late, or for somebody else's question, would be believed: its seqs grow from here, too.
TEST(Changes, AnAnswerToAnotherQuestionIsRefused) {
  EXPECT_EQ(told(decode_changes(encode_changes(full_changes_reply()), 0)),
            "invalid_input: changes: \"since\" is 16, asked was 0");
}

TEST(Changes, NextIsNotBeforeTheLastEntryAndDoesNotGoBack) {
  const std::string json = encode_changes(full_changes_reply());
  EXPECT_EQ(told(read(replaced(json, "\"next\":30", "\"next\":29"))),
            "invalid_input: changes: \"next\" must be at least 30");
  EXPECT_EQ(told(read(replaced(json, "\"next\":30", "\"next\":31"))), "ok");
  ChangesReply reply = full_changes_reply();
  reply.changes.clear();
  reply.next = kSince - 1;
  EXPECT_EQ(told(read(encode_changes(reply))), "invalid_input: changes: \"next\" must be at least 16");
}

TEST(Changes, MoreWithoutProgressIsRefused) {
  ChangesReply reply = full_changes_reply();
  reply.changes.clear();
  reply.next = kSince;
  EXPECT_EQ(tells(told(read(encode_changes(reply))), "invalid_input", "changes: \"more\""), "yes");
}

TEST(Changes, JsonIsThatOfTheHash) {
  for (const std::size_t entry : {0U, 2U, 3U, 4U}) {
    EXPECT_EQ(tells(with_entry(entry, "\"json\":\"{", "\"json\":\" {"), "invalid_input",
                    "entry 0: \"json\" has another hash"),
              "yes");
    EXPECT_EQ(tells(with_entry(entry, "\"json\"", "\"else\""), "invalid_input", "\"json\" is missing"), "yes");
    EXPECT_EQ(tells(with_entry(entry, "\"json\"", "\"json\":7,\"else\""), "invalid_input", "\"json\" must be text"),
              "yes");
  }
}

TEST(Changes, JsonIsNotLongerThanItMayBe) {
  const auto sized = [](ChangeKind kind, std::size_t size) {
    ChangesReply reply = full_changes_reply();
    reply.changes = {change(17, kind, std::string(size, ' '))};
    reply.changes[0].revision = 1;
    return told(read(encode_changes(reply)));
  };
  for (const ChangeKind kind : {ChangeKind::birth, ChangeKind::seal}) {
    EXPECT_EQ(sized(kind, kMaxFactsBytes), "ok");
    EXPECT_EQ(tells(sized(kind, kMaxFactsBytes + 1), "too_large", "entry 0: \"json\""), "yes");
  }
  EXPECT_EQ(sized(ChangeKind::edit, kMaxEditBytes), "ok");
  EXPECT_EQ(tells(sized(ChangeKind::edit, kMaxEditBytes + 1), "too_large", "entry 0: \"json\""), "yes");
}

TEST(Changes, AMissingKeyIsNamed) {
  const std::vector<std::vector<std::string>> keys{
      {"seq", "kind", "rec_id", "sha256", "json"},
      {"seq", "kind", "rec_id", "sha256", "stream", "from", "to", "version", "bytes"},
      {"sha256", "revision", "json"},
      {"sha256", "op_id", "json"},
      {"sha256", "op_id", "json"},
      {"seq", "kind", "rec_id", "from", "to"},
      {"seq", "kind", "rec_id"}};
  for (std::size_t entry = 0; entry < keys.size(); ++entry) {
    for (const std::string& key : keys[entry]) {
      EXPECT_EQ(tells(with_entry(entry, "\"" + key + "\":", "\"else\":"), "invalid_input",
                      "changes, entry 0: \"" + key + "\" is missing"),
                "yes");
    }
  }
  const std::string json = encode_changes(full_changes_reply());
  for (const std::string key : {"protocol", "epoch", "replica_id", "changes", "next", "more"}) {
    EXPECT_EQ(tells(told(read(replaced(json, "\"" + key + "\":", "\"else\":"))), "invalid_input",
                    "changes: \"" + key + "\" is missing"),
              "yes");
  }
}

TEST(Changes, WhatIsWrongIsNamed) {
  const auto wrong = [](std::size_t entry, std::string_view from, std::string_view to, std::string_view part) {
    return tells(with_entry(entry, from, to), "invalid_input", part);
  };
  EXPECT_EQ(wrong(1, "\"from\":0", "\"from\":256", "\"to\" must be greater"), "yes");
  EXPECT_EQ(wrong(5, "\"from\":5", "\"from\":100000", "\"to\" must be greater"), "yes");
  EXPECT_EQ(wrong(1, "\"from\":0", "\"from\":-1", "\"from\""), "yes");
  EXPECT_EQ(wrong(1, "\"to\":256", "\"to\":4097", "\"to\" ends a chunk of more than 4096"), "yes");
  EXPECT_EQ(with_entry(1, "\"to\":256", "\"to\":4096"), "ok");
  EXPECT_EQ(wrong(5, "\"to\":100000", "\"to\":9007199254740993", "\"to\""), "yes");
  EXPECT_EQ(wrong(1, "\"version\":1", "\"version\":0", "\"version\""), "yes");
  EXPECT_EQ(wrong(1, "\"version\":1", "\"version\":4294967296", "\"version\""), "yes");
  EXPECT_EQ(wrong(1, "\"bytes\":1204", "\"bytes\":0", "\"bytes\""), "yes");
  EXPECT_EQ(wrong(1, "\"bytes\":1204", "\"bytes\":2097153", "\"bytes\""), "yes");
  EXPECT_EQ(wrong(1, "\"sample\"", "7", "\"stream\""), "yes");
  EXPECT_EQ(wrong(1, "e3b0", "E3B0", "\"sha256\""), "yes");
  EXPECT_EQ(wrong(2, "\"revision\":4", "\"revision\":0", "\"revision\""), "yes");
  EXPECT_EQ(wrong(3, "[1700000000000,0]", "[-1,0]", "\"effective\""), "yes");
  EXPECT_EQ(wrong(3, "\"op_id\":\"018b", "\"op_id\":\"x18b", "\"op_id\""), "yes");
  EXPECT_EQ(wrong(0, "\"rec_id\":\"018b", "\"rec_id\":\"x18b", "\"rec_id\""), "yes");
  EXPECT_EQ(wrong(0, "true", "1", "changes: \"more\""), "yes");
  EXPECT_EQ(wrong(0, "\"next\":30", "\"next\":-30", "changes: \"next\""), "yes");
  EXPECT_EQ(wrong(0, "\"epoch\":\"e\"", "\"epoch\":\"\"", "changes: \"epoch\""), "yes");
}

TEST(Changes, WhatOnlyANewerProgramKnowsIsToldSo) {
  EXPECT_EQ(with_entry(0, "\"birth\"", "\"song\""),
            "unsupported: changes, entry 0: \"kind\" has no name that is known here");
  EXPECT_EQ(with_entry(1, "\"sample\"", "\"smell\""),
            "unsupported: changes, entry 0: stream \"smell\" is not known here");
  EXPECT_EQ(with_entry(5, "\"stroke\"", "\"smell\""),
            "unsupported: changes, entry 0: stream \"smell\" is not known here");
  EXPECT_EQ(tells(with_entry(0, "\"protocol\":1", "\"protocol\":2"), "unsupported", "\"protocol\" is 2"), "yes");
}

TEST(Changes, TheLimitsHold) {
  ChangesReply reply = full_changes_reply();
  reply.changes.assign(kMaxChanges, change(0, ChangeKind::gone));
  std::int64_t seq = kSince;
  for (Change& entry : reply.changes) {
    entry.seq = ++seq;
  }
  reply.next = seq;
  EXPECT_EQ(told(read(encode_changes(reply))), "ok");
  reply.changes.push_back(change(++seq, ChangeKind::gone));
  reply.next = seq;
  EXPECT_EQ(tells(told(read(encode_changes(reply))), "too_large", "\"changes\" has more than 1000"), "yes");
  EXPECT_EQ(tells(told(read(std::string(kMaxReplyBytes + 1, ' '))), "too_large", "changes"), "yes");
}

TEST(Changes, HostileTextsDoNoHarm) {
  const ChangesReply all = full_changes_reply();
  for (const Change& entry : all.changes) {
    ChangesReply reply = all;
    reply.changes = {entry};
    expect_no_harm(encode_changes(reply), read, encode_changes);
  }
}

}  // namespace
}  // namespace boathouse::wire
