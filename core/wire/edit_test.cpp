#include "core/wire/edit.hpp"

#include <gtest/gtest.h>

#include "core/wire/test_ids.hpp"
#include "core/wire/test_json.hpp"

namespace boathouse::wire {
namespace {

using rowing::Edit;
using rowing::EditField;
using rowing::Stream;

Edit blank(EditField field) {
  Edit edit;
  edit.op_id = kId;
  edit.replica_id = kOther;
  edit.op_seq = 7;
  edit.stamp = {1'700'000'000'000, 3};
  edit.seen = {1'699'999'999'999, 0};
  edit.session = kId;
  edit.field = field;
  return edit;
}

Edit title(std::string text) {
  Edit edit = blank(EditField::title);
  edit.text = std::move(text);
  return edit;
}

std::vector<Edit> every_field() {
  std::vector<Edit> edits{title("5 \xC3\x97 \"500\" m"), title(""), blank(EditField::notes), blank(EditField::tag)};
  edits.back().name = "race:day";
  edits.back().flag = false;
  edits.push_back(blank(EditField::deleted));
  edits.back().flag = true;
  edits.push_back(blank(EditField::purged));
  edits.back().flag = true;
  edits.push_back(blank(EditField::link));
  edits.back().other = kOther;
  edits.back().flag = true;
  edits.push_back(blank(EditField::primary));
  edits.back().stream = Stream::force_curve;
  edits.back().primary = kOther;
  edits.push_back(edits.back());
  edits.back().primary.reset();
  return edits;
}

// These texts are hashed and lie in outboxes: what a given struct becomes never changes.
TEST(EditJson, GoldenTexts) {
  const std::string front =
      R"({"op_id":"018bcfe5-6800-7abc-8def-0123456789ab","replica_id":"018bcfe5-6801-7abc-8def-0123456789ab",)"
      R"("op_seq":7,"stamp":[1700000000000,3],"seen":[1699999999999,0],)"
      R"("session":"018bcfe5-6800-7abc-8def-0123456789ab",)";
  const std::vector<std::string> backs{
      "\"field\":\"title\",\"value\":\"5 \xC3\x97 \\\"500\\\" m\"}",
      R"("field":"title","value":""})",
      R"("field":"notes","value":null})",
      R"("field":"tag:race:day","value":false})",
      R"("field":"deleted","value":true})",
      R"("field":"purged","value":true})",
      R"("field":"link:018bcfe5-6801-7abc-8def-0123456789ab","value":true})",
      R"("field":"primary:force_curve","value":"018bcfe5-6801-7abc-8def-0123456789ab"})",
      R"("field":"primary:force_curve","value":null})",
  };
  const auto edits = every_field();
  ASSERT_EQ(edits.size(), backs.size());
  for (std::size_t i = 0; i < edits.size(); ++i) {
    EXPECT_EQ(encode_edit(edits[i]), front + backs[i]);
  }
}

TEST(EditJson, EachComesBack) {
  for (const Edit& edit : every_field()) {
    ASSERT_TRUE(rowing::check_edit(edit).ok());
    const auto again = decode_edit(encode_edit(edit));
    ASSERT_TRUE(again.ok()) << again.error().text;
    EXPECT_EQ(*again, edit);
  }
}

TEST(EditJson, TheLimitsComeBack) {
  Edit edit = title(std::string(rowing::kMaxTitle, '\x01'));
  edit.op_seq = rowing::kMaxOpSeq;
  edit.stamp = {rowing::kMaxStampMs, UINT32_MAX};
  edit.seen = {0, 0};
  edit.replica_id = {};
  const auto again = decode_edit(encode_edit(edit));
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(*again, edit);
}

TEST(EditJson, TheLongestNotesFit) {
  Edit edit = blank(EditField::notes);
  edit.text = std::string(rowing::kMaxNotes, '\x01');  // six characters each in JSON
  const std::string json = encode_edit(edit);
  EXPECT_LE(json.size(), kMaxEditBytes);
  EXPECT_EQ(decode_edit(json)->text, edit.text);
}

TEST(EditJson, KeysThatAreNotKnownDoNotMatter) {
  const auto edit = decode_edit(replaced(encode_edit(title("x")), "{", R"({"future":{"deep":[1,2]},)"));
  ASSERT_TRUE(edit.ok()) << edit.error().text;
  EXPECT_EQ(*edit, title("x"));
}

TEST(EditJson, WhatIsMissingIsNamed) {
  const std::string json = encode_edit(title("x"));
  for (const std::string key : {"op_id", "replica_id", "op_seq", "stamp", "seen", "session", "field", "value"}) {
    EXPECT_EQ(tells(told(decode_edit(replaced(json, "\"" + key + "\"", "\"else\""))), "invalid_input",
                    "edit: \"" + key + "\""),
              "yes");
  }
}

TEST(EditJson, WhatIsWrongIsNamed) {
  const auto changed = [](std::string_view from, std::string_view to, std::string_view part) {
    return tells(told(decode_edit(replaced(encode_edit(title("xyz")), from, to))), "invalid_input", part);
  };
  EXPECT_EQ(changed("018bcfe5-6800", "018BCFE5-6800", "\"op_id\""), "yes");
  EXPECT_EQ(changed("\"018bcfe5-6801-7abc-8def-0123456789ab\"", "7", "\"replica_id\""), "yes");
  for (const char* op_seq : {"0", "-1", "1.5", "\"7\"", "9007199254740993", "null"}) {
    EXPECT_EQ(changed(":7,", ":" + std::string(op_seq) + ",", "\"op_seq\""), "yes") << op_seq;
  }
  for (const char* stamp : {"[1]", "[1,2,3]", "[-1,0]", "[0,-1]", "[140737488355329,0]", "[0,4294967296]", "[1.5,0]",
                            "[\"1\",0]", "7", "{}", "null"}) {
    EXPECT_EQ(changed("[1700000000000,3]", stamp, "edit: \"stamp\""), "yes") << stamp;
    EXPECT_EQ(changed("[1699999999999,0]", stamp, "edit: \"seen\""), "yes") << stamp;
  }
  EXPECT_EQ(changed("\"session\":\"018", "\"session\":\"x18", "\"session\""), "yes");
  EXPECT_EQ(changed("\"title\"", "7", "\"field\""), "yes");
  EXPECT_EQ(changed("\"title\"", "\"\"", "\"field\""), "yes");
  EXPECT_EQ(changed("\"title\"", "\"link:x\"", "\"field\""), "yes");
  EXPECT_EQ(changed("\"title\"", "\"tag:\"", "the name in \"field\""),
            "invalid_input: edit: \"value\" must be true, "
            "false or null");
}

TEST(EditJson, AValueOfAnotherTypeIsRefused) {
  const auto of = [](std::string_view field, std::string_view value) {
    const std::string json = replaced(encode_edit(title("xyz")), "\"title\"", "\"" + std::string(field) + "\"");
    return told(decode_edit(replaced(json, "\"xyz\"", value)));
  };
  const std::string uuid = "\"018bcfe5-6801-7abc-8def-0123456789ab\"";
  const std::string link = "link:018bcfe5-6801-7abc-8def-0123456789ab";
  for (const std::string& field : {std::string("title"), std::string("notes")}) {
    for (const char* value : {"true", "7", "[]", "{}"}) {
      EXPECT_EQ(tells(of(field, value), "invalid_input", "\"value\" must be text"), "yes") << field << value;
    }
  }
  for (const std::string& field : {std::string("tag:race"), std::string("deleted"), std::string("purged"), link}) {
    for (const char* value : {"\"true\"", "1", "[]"}) {
      EXPECT_EQ(tells(of(field, value), "invalid_input", "\"value\" must be true"), "yes") << field << value;
    }
    EXPECT_EQ(of(field, "true"), "ok");
  }
  for (const char* value : {"true", "\"x\"", "7", "\"\""}) {
    EXPECT_EQ(tells(of("primary:stroke", value), "invalid_input", "\"value\" must be a UUID"), "yes") << value;
  }
  EXPECT_EQ(of("primary:stroke", uuid), "ok");
  EXPECT_EQ(tells(of("purged", "false"), "invalid_input", "purged must be true"), "yes");
  EXPECT_EQ(tells(of("purged", "null"), "invalid_input", "purged must be true"), "yes");
  EXPECT_EQ(tells(of("tag:", "true"), "invalid_input", "the name in \"field\""), "yes");
  EXPECT_EQ(tells(of("title", "\"" + std::string(201, 'x') + "\""), "invalid_input", "at most 200"), "yes");
  EXPECT_EQ(tells(of("notes", "\"" + std::string(10'001, 'x') + "\""), "invalid_input", "at most 10000"), "yes");
}

TEST(EditJson, ANewerFieldOrStreamIsForANewerProgram) {
  const auto of = [](std::string_view field) {
    return told(decode_edit(replaced(encode_edit(title("xyz")), "\"title\"", field)));
  };
  for (const char* field : {"\"mood\"", "\"titles\"", "\"tag\"", "\"Title\"", "\"primary:smell\"", "\"primary:\""}) {
    EXPECT_EQ(tells(of(field), "unsupported", "edit: \"field\""), "yes") << field;
  }
}

TEST(EditJson, WhatIsNoObjectOrTooLargeIsRefused) {
  EXPECT_EQ(tells(told(decode_edit("")), "invalid_input", "edit"), "yes");
  EXPECT_EQ(tells(told(decode_edit("[]")), "invalid_input", "edit: must be a JSON object"), "yes");
  EXPECT_EQ(tells(told(decode_edit(std::string(kMaxEditBytes + 1, ' '))), "too_large", "edit"), "yes");
  const std::string json = encode_edit(title("x"));
  EXPECT_TRUE(decode_edit(json + std::string(kMaxEditBytes - json.size(), ' ')).ok());
  EXPECT_FALSE(decode_edit(replaced(json, "{", R"({"a":[[[[[[[[[[1]]]]]]]]]],)")).ok()) << "too deep";
}

TEST(EditJson, HostileTextsDoNoHarm) {
  for (const Edit& edit : every_field()) {
    expect_no_harm(encode_edit(edit), decode_edit, encode_edit);
  }
}

}  // namespace
}  // namespace boathouse::wire
