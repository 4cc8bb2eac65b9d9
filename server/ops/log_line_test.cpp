#include "server/ops/log_line.hpp"

#include <gtest/gtest.h>

#include "core/base/json.hpp"

namespace boathouse::ops {
namespace {

constexpr std::int64_t kNow = 1'764'331'200'123;

TEST(LogLine, JsonIsOneObjectALine) {
  const std::string line = log_line(LogFormat::json, kNow,
                                    {"info",
                                     "request",
                                     "",
                                     {{"route", "syncBatch"},
                                      {"status", std::int64_t{200}},
                                      {"ms", LogNumber{"1.5"}},
                                      {"replica", ""},
                                      {"complete", true}}});
  EXPECT_EQ(line,
            "{\"ts\":\"2025-11-28T12:00:00.123Z\",\"level\":\"info\",\"event\":\"request\",\"route\":\"syncBatch\","
            "\"status\":200,\"ms\":1.5,\"complete\":true}\n");
}

TEST(LogLine, TextIsOneLineToo) {
  EXPECT_EQ(
      log_line(LogFormat::text, kNow,
               {"error", "failure", "no\r\nroom\x1b[31m", {{"route", "getSession"}, {"status", std::int64_t{0}}}}),
      "2025-11-28T12:00:00.123Z error failure route=getSession status=0: no?\\nroom?[31m\n");
}

TEST(LogLine, WhateverTheTextHoldsTheJsonIsValidAndOneLine) {
  std::string all;
  for (int c = 0; c < 256; ++c) {
    all += static_cast<char>(c);
  }
  const std::string line = log_line(LogFormat::json, kNow, {"info", "message", all, {{"key", all}}});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto parsed = base::parse_json(line);
  ASSERT_TRUE(parsed) << parsed.error().text;
}

TEST(Redact, SecretsBecomeStars) {
  const std::string key = "rk_live_0123456789abcdef0123456789abcdef_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg123456";
  EXPECT_EQ(redact("GET /v1/sessions?key=" + key + "&x=1"), "GET /v1/sessions?key=rk_live_***&x=1");
  EXPECT_EQ(redact(key), "rk_live_***");
  EXPECT_EQ(redact("Authorization: Bearer abc.def-ghi"), "Authorization: Bearer ***");
  EXPECT_EQ(redact("authorization: bearer abc"), "authorization: bearer ***");
  EXPECT_EQ(redact("secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, and"), "secret whsec_***, and");
  EXPECT_EQ(redact("cannot reach postgresql://rower:s3cret@db:5432/boat"),
            "cannot reach postgresql://***@db:5432/boat");
  EXPECT_EQ(redact("http://u:p@ss@host/a http://x:y@h"), "http://***@host/a http://***@h");
  EXPECT_EQ(redact("host=db password=s3cret user=rower"), "host=db password=*** user=rower");
  EXPECT_EQ(redact("?PASSWORD=s3cret&a=b"), "?PASSWORD=***&a=b");
}

TEST(Redact, TheRestStays) {
  for (const char* text : {"", "rk_live", "rk_live_", "http://127.0.0.1:8123/", "mail a@b.c", "see http://x/ and a@b",
                           "password is wrong", "Bearer ", "://", "Ruderer ümlaut \xff"}) {
    EXPECT_EQ(redact(text), text);
  }
}

}  // namespace
}  // namespace boathouse::ops
