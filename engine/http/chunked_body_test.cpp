#include "engine/http/chunked_body.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

namespace boathouse::engine_http {
namespace {

struct Read {
  std::string data;
  std::string rest;
  bool ended = false;
};

// Gives the bytes in pieces of `piece`; nothing on an error.
std::optional<Read> read(std::string_view input, std::size_t piece) {
  ChunkedBody body;
  Read out;
  std::size_t at = 0;
  std::size_t shown = 0;
  while (at < input.size() && !body.ended()) {
    shown = std::max(at + 1, std::min(input.size(), shown + piece));
    const auto step = body.next(input.substr(at, shown - at));
    if (!step) return std::nullopt;
    EXPECT_GT(step->consumed, 0U);
    at += step->consumed;
    out.data += step->data;
  }
  out.rest = std::string(input.substr(at));
  out.ended = body.ended();
  return out;
}

TEST(ChunkedBody, ReadsTheSameHoweverTheBytesCome) {
  const std::string input = "5\r\nhello\r\n1;ext=\"x\"\r\n,\r\nA \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET /next";
  for (std::size_t piece = 1; piece <= input.size(); ++piece) {
    const auto got = read(input, piece);
    ASSERT_TRUE(got) << piece;
    EXPECT_EQ(got->data, "hello,0123456789");
    EXPECT_EQ(got->rest, "GET /next");
    EXPECT_TRUE(got->ended);
  }
}

TEST(ChunkedBody, DataIsNotCopied) {
  const std::string input = "3\r\nabc\r\n0\r\n\r\n";
  ChunkedBody body;
  const auto step = body.next(input);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->data.data(), input.data() + 3);
}

TEST(ChunkedBody, IsNotEndedBeforeItsLastByte) {
  const std::string input = "3\r\nabc\r\n0\r\n\r\n";
  for (std::size_t size = 0; size < input.size(); ++size) {
    const auto got = read(input.substr(0, size), 1);
    ASSERT_TRUE(got);
    EXPECT_FALSE(got->ended) << size;
  }
}

TEST(ChunkedBody, RefusesMalformedFrames) {
  for (const char* input : {"\r\nabc", "g\r\n", "-1\r\n", " 3\r\nabc\r\n", ";x\r\n", "3\nabc\r\n", "3\r\nabcd\r\n",
                            "3\r\nabc\n", "3\rabc", "1234567890123456\r\n", "0\r\nA\nB"}) {
    EXPECT_FALSE(read(input, 100)) << input;
    EXPECT_FALSE(read(input, 1)) << input;
  }
  EXPECT_FALSE(read("3;" + std::string(2000, 'x') + "\r\nabc", 100));
  std::string trailers = "0\r\n";
  for (int i = 0; i < 100; ++i) trailers += "T: " + std::string(200, 'x') + "\r\n";
  EXPECT_FALSE(read(trailers, 1000));
}

}  // namespace
}  // namespace boathouse::engine_http
