#include "server/http/gzip.hpp"

#include <gtest/gtest.h>

#include "core/base/bytes.hpp"
#include "core/base/random.hpp"
#include "server/http/test_client.hpp"

namespace boathouse::http {
namespace {

std::string noise(std::size_t size) {
  base::Bytes bytes(size);
  base::SeededRandom(7).fill(bytes);
  return std::string(base::as_text(bytes));
}

TEST(Gzip, GivesBackWhatItTook) {
  for (const std::string& text : {std::string(), std::string("x"), std::string(100'000, 'a'), noise(300'000)}) {
    EXPECT_EQ(testing::gunzip(gzip(text)), text);
  }
  EXPECT_LT(gzip(std::string(100'000, 'a')).size(), 1000U);
}

TEST(Gzip, StreamsInPieces) {
  const std::string text = noise(200'000) + std::string(200'000, 'b');
  std::size_t at = 0;
  const BodySource source = gzip_source([&](std::string& out) -> base::Result<bool> {
    out += text.substr(at, 7'000);
    at += 7'000;
    return at < text.size();
  });
  std::string packed;
  while (true) {
    const auto more = source(packed);
    ASSERT_TRUE(more.ok());
    if (!*more) {
      break;
    }
  }
  EXPECT_EQ(testing::gunzip(packed), text);
}

TEST(Gzip, PassesErrorsOn) {
  const BodySource source = gzip_source([](std::string&) -> base::Result<bool> {
    return base::Error{base::ErrorCode::io, "disk"};
  });
  std::string out;
  const auto more = source(out);
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().text, "disk");
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace boathouse::http
