#include "device/page/admission.hpp"

#include <gtest/gtest.h>

namespace boathouse::page {
namespace {

using base::ErrorCode;

Visitor own_get() { return {false, "127.0.0.1:8090", std::nullopt, "same-origin", std::nullopt}; }
Visitor own_post() { return {true, "127.0.0.1:8090", "http://127.0.0.1:8090", "same-origin", "application/json"}; }

TEST(Admission, ThePageItselfComesIn) {
  EXPECT_TRUE(admit(own_get()));
  EXPECT_TRUE(admit(own_post()));
}

TEST(Admission, AProgramWithoutABrowserComesIn) {
  EXPECT_TRUE(admit({false, "localhost:1", std::nullopt, std::nullopt, std::nullopt}));
  EXPECT_TRUE(admit({true, "[::1]:1", std::nullopt, std::nullopt, "application/json; charset=utf-8"}));
}

TEST(Admission, OnlyHostsThatNobodyCanRebind) {
  for (const char* host : {"localhost", "localhost:80", "127.0.0.1", "192.168.1.20:8090", "[::1]", "[fe80::1]:8090"}) {
    Visitor visitor = own_get();
    visitor.host = host;
    EXPECT_TRUE(admit(visitor)) << host;
  }
  for (const char* host : {"", ":80", "evil.example", "evil.example:8090", "127.0.0.1.evil.example", "localhost.evil",
                           "127.0.0.1:", "127.0.0.1:8090:1", "127.0.0.1:port", "1.2.3", "1.2.3.4.5", "[::1", "[]",
                           "[::1]x", "a[::1]", "LOCALHOST@x"}) {
    Visitor visitor = own_get();
    visitor.host = host;
    EXPECT_EQ(admit(visitor).error().code, ErrorCode::forbidden) << host;
  }
  Visitor nameless = own_get();
  nameless.host.reset();
  EXPECT_EQ(admit(nameless).error().code, ErrorCode::forbidden);
}

TEST(Admission, NoOtherOrigin) {
  for (const char* origin :
       {"http://evil.example", "https://127.0.0.1:8090", "http://127.0.0.1:1", "http://localhost:8090", "null", ""}) {
    Visitor visitor = own_post();
    visitor.origin = origin;
    EXPECT_EQ(admit(visitor).error().code, ErrorCode::forbidden) << origin;
  }
}

TEST(Admission, NoOtherSite) {
  for (const char* site : {"cross-site", "same-site", "", "SAME-ORIGIN"}) {
    for (Visitor visitor : {own_get(), own_post()}) {
      visitor.fetch_site = site;
      EXPECT_EQ(admit(visitor).error().code, ErrorCode::forbidden) << site;
    }
  }
  Visitor typed = own_get();
  typed.fetch_site = "none";
  EXPECT_TRUE(admit(typed));
  Visitor changing = own_post();
  changing.fetch_site = "none";
  EXPECT_FALSE(admit(changing));
}

TEST(Admission, NoBodyThatAFormCanSend) {
  for (const char* type :
       {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonp"}) {
    Visitor visitor = own_post();
    visitor.content_type = type;
    EXPECT_EQ(admit(visitor).error().code, ErrorCode::unsupported) << type;
  }
  Visitor untyped = own_post();
  untyped.content_type.reset();
  EXPECT_EQ(admit(untyped).error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace boathouse::page
