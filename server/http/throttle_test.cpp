#include "server/http/throttle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace boathouse::http {
namespace {

using ::testing::HasSubstr;

RequestHead head_of(std::string caller, std::string replica = "", std::string address = "192.0.2.1") {
  RequestHead head;
  head.caller = std::move(caller);
  head.replica = std::move(replica);
  head.remote_address = std::move(address);
  head.path = "/v1/sync/batch";
  head.request_id = "request-1";
  return head;
}

std::string field(const Throttle::Charge& charge, std::string_view name) {
  const std::string* value = charge.fields.find(name);
  return value == nullptr ? "" : *value;
}

class ThrottleTest : public ::testing::Test {
 protected:
  // The status: 200 for a request that is let in.
  int ask(const RequestHead& head, std::uint64_t bytes = 0) {
    charge_ = {};
    response_ = throttle_.charge(head, bytes, charge_);
    return response_ ? response_->status : 200;
  }

  base::ManualClock clock_;
  Throttle throttle_{{.requests = 6, .bytes = 6000, .requests_of_an_address = 2, .max_keys = 100}, clock_};
  Throttle::Charge charge_;
  std::optional<Response> response_;
};

TEST_F(ThrottleTest, ASyncCallIsChargedToItsKeyAndItsReplica) {
  EXPECT_EQ(ask(head_of("k1", "r1"), 1000), 200);
  EXPECT_EQ(field(charge_, "RateLimit-Policy"),
            "\"sync\";q=6;w=60, \"sync-bytes\";q=6000;w=60;qu=\"content-bytes\", "
            "\"replica\";q=3;w=60, \"replica-bytes\";q=3000;w=60;qu=\"content-bytes\"");
  EXPECT_EQ(field(charge_, "RateLimit"),
            "\"sync\";r=5;t=10, \"sync-bytes\";r=5000;t=10, \"replica\";r=2;t=20, \"replica-bytes\";r=2000;t=20");
  EXPECT_EQ(ask(head_of("k1", "r1")), 200);
  EXPECT_EQ(ask(head_of("k1", "r1")), 200);
  EXPECT_EQ(ask(head_of("k1", "r1")), 429);
  EXPECT_EQ(charge_.refused_by, "replica");
  EXPECT_EQ(field(charge_, "RateLimit"),
            "\"sync\";r=2;t=40, \"sync-bytes\";r=5000;t=10, \"replica\";r=0;t=20, \"replica-bytes\";r=2000;t=20");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ask(head_of("k1", "r2")), 200) << "the refused one cost the key nothing";
  }
  EXPECT_EQ(ask(head_of("k1", "r3")), 429);
  EXPECT_EQ(charge_.refused_by, "sync");
  EXPECT_EQ(ask(head_of("k2", "r1")), 200) << "another athlete's device under the same name";
}

TEST_F(ThrottleTest, TheRefusalNamesThePolicyAndTheFix) {
  ASSERT_EQ(ask(head_of("k1", "r1"), 3500), 200);
  ASSERT_EQ(ask(head_of("k1", "r1"), 1), 429);
  EXPECT_EQ(*response_->headers.find("Content-Type"), "application/problem+json");
  EXPECT_EQ(*response_->headers.find("Retry-After"), "11");
  EXPECT_THAT(response_->body,
              HasSubstr("\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\""));
  EXPECT_THAT(response_->body, HasSubstr("\"violated-policies\":[\"replica-bytes\"]"));
  EXPECT_THAT(response_->body, HasSubstr("3000 bytes of request bodies in 60 s"));
  EXPECT_THAT(response_->body, HasSubstr("again in 11 s"));
  EXPECT_THAT(field(charge_, "RateLimit"), HasSubstr("\"replica-bytes\";r=0;t=11"));
  clock_.advance_ms(11'000);
  EXPECT_EQ(ask(head_of("k1", "r1"), 1), 200);
}

TEST_F(ThrottleTest, WhatABodyDidNotHaveIsGivenBackOnce) {
  ASSERT_EQ(ask(head_of("k1", "r1"), 3000), 200);
  Throttle::settle(charge_, 100, 200);
  Throttle::settle(charge_, 0, 200);
  ASSERT_EQ(ask(head_of("k1", "r1"), 0), 200);
  EXPECT_THAT(field(charge_, "RateLimit"), HasSubstr("\"sync-bytes\";r=5900;"));
  EXPECT_THAT(field(charge_, "RateLimit"), HasSubstr("\"replica-bytes\";r=2900;"));
  ASSERT_EQ(ask(head_of("k1", "r1"), 10), 200);
  Throttle::settle(charge_, 50, 200);  // framing
  EXPECT_THAT(field(charge_, "RateLimit"), HasSubstr("\"replica-bytes\";r=2890;"));
}

TEST_F(ThrottleTest, WhatHasNotChangedIsFreeForWhoHasAKey) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(ask(head_of("k1")), 200);
    Throttle::settle(charge_, 0, 304);
  }
  EXPECT_EQ(field(charge_, "RateLimit"), "\"api\";r=5;t=10");
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(ask(head_of("")), 200);
    Throttle::settle(charge_, 0, 304);
  }
  EXPECT_EQ(ask(head_of("")), 429);
}

TEST_F(ThrottleTest, OtherCallsOfAKeyHaveAQuotaOfTheirOwn) {
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(ask(head_of("k1"), 100'000), 200);
  }
  EXPECT_EQ(field(charge_, "RateLimit-Policy"), "\"api\";q=6;w=60");
  EXPECT_EQ(field(charge_, "RateLimit"), "\"api\";r=0;t=10");
  EXPECT_EQ(ask(head_of("k1")), 429);
  EXPECT_EQ(charge_.refused_by, "api");
  EXPECT_EQ(ask(head_of("k1", "r1")), 200) << "reading too much stops no upload";
}

TEST_F(ThrottleTest, NobodyIsCountedByAddressAndAGoodKeyPassesThere) {
  EXPECT_EQ(ask(head_of("", "", "2001:db8::1")), 200);
  EXPECT_EQ(ask(head_of("", "", "2001:db8::2")), 200);
  EXPECT_EQ(ask(head_of("", "", "2001:db8::3")), 429);
  EXPECT_EQ(charge_.refused_by, "address");
  EXPECT_EQ(ask(head_of("", "", "192.0.2.9")), 200);
  EXPECT_EQ(ask(head_of("k1", "r1", "2001:db8::1")), 200);
}

TEST_F(ThrottleTest, TheOperatorAndAQuotaOfZeroAreNotLimited) {
  RequestHead operators = head_of("k0");
  operators.is_unlimited = true;
  Throttle open({.requests = 0, .bytes = 0, .requests_of_an_address = 0, .max_keys = 1}, clock_);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(ask(operators), 200);
    EXPECT_EQ(field(charge_, "RateLimit"), "");
    Throttle::Charge charge;
    EXPECT_FALSE(open.charge(head_of("k1", "r1"), 1'000'000, charge));
    EXPECT_FALSE(open.charge(head_of(""), 0, charge));
    EXPECT_EQ(field(charge, "RateLimit-Policy"), "");
  }
}

}  // namespace
}  // namespace boathouse::http
