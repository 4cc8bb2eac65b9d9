#include "core/pm5/notification_line.hpp"

#include <gtest/gtest.h>

#include "core/base/hex.hpp"

namespace boathouse::pm5 {
namespace {

NotificationLine line_of(std::string_view text) {
  const auto parsed = parse_notification_line(text);
  EXPECT_TRUE(parsed.ok()) << text << ": " << (parsed.ok() ? "" : parsed.error().text);
  if (!parsed.ok() || !std::holds_alternative<NotificationLine>(*parsed)) return {};
  return std::get<NotificationLine>(*parsed);
}

std::string skipped(std::string_view text) {
  const auto parsed = parse_notification_line(text);
  if (!parsed.ok()) return "error: " + parsed.error().text;
  const auto* const line = std::get_if<SkippedLine>(&*parsed);
  return line == nullptr ? "not skipped" : line->reason;
}

std::string error(std::string_view text) {
  const auto parsed = parse_notification_line(text);
  return parsed.ok() ? "no error" : parsed.error().text;
}

TEST(NotificationLine, TheProjectsOwnForm) {
  const NotificationLine line = line_of(R"({"at_ms": 1520, "char": "0031", "hex": "b01d00"})");
  EXPECT_EQ(line.at_ms, 1520);
  EXPECT_EQ(line.characteristic, 0x31);
  EXPECT_EQ(base::to_hex(line.payload), "b01d00");
}

TEST(NotificationLine, OtherFormsOfTheSame) {
  for (const char* const name : {"0x0031", "0X0031", "0031", "CE060031", "ce060031",
                                 "CE060031-43E5-11E4-916C-0800200C9A66", "ce060031-43e5-11e4-916c-0800200c9a66"}) {
    const NotificationLine line = line_of(R"({"seq": 3, "line": 79341, "char": ")" + std::string(name) +
                                          R"(", "hex": "B0 1D 00", "phase": "x"})");
    EXPECT_EQ(line.characteristic, 0x31) << name;
    EXPECT_EQ(base::to_hex(line.payload), "b01d00");
    EXPECT_EQ(line.at_ms, std::nullopt);
  }
  EXPECT_EQ(line_of(R"({"char": "0x0080", "hex": ""})").characteristic, 0x80);
  EXPECT_EQ(line_of("{\"char\":\"0080\",\"hex\":\"\",\"at_ms\":null}\r").at_ms, std::nullopt);
}

TEST(NotificationLine, ForeignLinesAreSkipped) {
  EXPECT_EQ(skipped(""), "blank");
  EXPECT_EQ(skipped(" \t\r"), "blank");
  EXPECT_EQ(skipped(R"({"meta": "a piece"})"), "meta");
  EXPECT_EQ(skipped(R"({"char": "FTMS-2AD1", "hex": "FF"})"), "foreign characteristic FTMS-2AD1");
  EXPECT_EQ(skipped(R"({"char": "2AD1", "hex": "FF"})"), "foreign characteristic 2AD1");
  EXPECT_EQ(skipped(R"({"char": "00002ad1-0000-1000-8000-00805f9b34fb", "hex": "FF"})").substr(0, 7), "foreign");
}

TEST(NotificationLine, ErrorsNameWhatIsWrong) {
  EXPECT_NE(error("{"), "no error");
  EXPECT_EQ(error("[]"), "the line is not a JSON object");
  EXPECT_EQ(error("{}"), "the line has no \"char\"");
  EXPECT_NE(error(R"({"char": 49, "hex": ""})").find("text"), std::string::npos);
  EXPECT_NE(error(R"({"char": "31", "hex": ""})").find("no characteristic: 31"), std::string::npos);
  EXPECT_NE(error(R"({"char": "hello", "hex": ""})").find("hello"), std::string::npos);
  EXPECT_NE(error(R"({"char": "CE060031-0000-11E4-916C-0800200C9A66", "hex": ""})"), "no error");
  EXPECT_NE(error(R"({"char": "0x+031", "hex": ""})"), "no error");
  EXPECT_NE(error(R"({"char": "0031"})").find("hex"), std::string::npos);
  EXPECT_NE(error(R"({"char": "0031", "hex": "0g"})").find("character 2"), std::string::npos);
  for (const char* const at_ms : {"-1", "1.5", "\"7\"", "1e30"}) {
    EXPECT_NE(error(R"({"char": "0031", "hex": "", "at_ms": )" + std::string(at_ms) + "}").find("at_ms"),
              std::string::npos)
        << at_ms;
  }
  EXPECT_NE(error("{\"char\": \"0031\", \"hex\": \"" + std::string(kMaxLine, '0') + "\"}"), "no error") << "too long";
}

TEST(NotificationLine, LongForeignTextIsCutInMessages) {
  EXPECT_LT(error(R"({"char": ")" + std::string(5000, 'x') + R"(", "hex": ""})").size(), 200U);
}

}  // namespace
}  // namespace boathouse::pm5
