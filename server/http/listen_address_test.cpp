#include "server/http/listen_address.hpp"

#include <gtest/gtest.h>

namespace boathouse::http {
namespace {

TEST(ListenAddress, TakesNumericAddresses) {
  EXPECT_EQ(*parse_listen_address("127.0.0.1:8080"), (ListenAddress{"127.0.0.1", false, 8080}));
  EXPECT_EQ(*parse_listen_address("0.0.0.0:0"), (ListenAddress{"0.0.0.0", false, 0}));
  EXPECT_EQ(*parse_listen_address("[::1]:65535"), (ListenAddress{"::1", true, 65535}));
  EXPECT_EQ(*parse_listen_address("[::]:80"), (ListenAddress{"::", true, 80}));
}

TEST(ListenAddress, WritesWhatItTakes) {
  for (const std::string_view text : {"127.0.0.1:8080", "[::1]:0", "[fe80::1]:443"}) {
    EXPECT_EQ(to_string(*parse_listen_address(text)), text);
  }
}

TEST(ListenAddress, RefusesTheRestAndShowsTheForm) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv,
                                      ":"sv,
                                      ":8080"sv,
                                      "127.0.0.1"sv,
                                      "127.0.0.1:"sv,
                                      "127.0.0.1:65536"sv,
                                      "127.0.0.1:-1"sv,
                                      "127.0.0.1:+1"sv,
                                      "127.0.0.1: 1"sv,
                                      "127.0.0.1:1 "sv,
                                      "127.0.0.1:0x1"sv,
                                      "localhost:80"sv,
                                      "::1:80"sv,
                                      "[127.0.0.1]:80"sv,
                                      "[::1:80"sv,
                                      "[::1]80"sv,
                                      "[]:80"sv,
                                      "[::1%lo]:80"sv,
                                      "256.0.0.1:80"sv,
                                      "1.2.3:80"sv,
                                      "127.0.0.1\0x:80"sv}) {
    const auto address = parse_listen_address(text);
    ASSERT_FALSE(address.ok()) << text;
    EXPECT_EQ(address.error().code, base::ErrorCode::invalid_input);
    EXPECT_NE(address.error().text.find("write 127.0.0.1:8080 or [::1]:8080"), std::string::npos);
  }
  EXPECT_NE(parse_listen_address("::1:80").error().text.find("square brackets"), std::string::npos);
  EXPECT_NE(parse_listen_address("127.0.0.1:65536").error().text.find("from 0 to 65535"), std::string::npos);
}

}  // namespace
}  // namespace boathouse::http
