// The call itself, to a server on loopback.
#include "server/webhooks/sender.hpp"

#include <gtest/gtest.h>

#include <mutex>

#include "server/http/server.hpp"

namespace boathouse::webhooks {
namespace {

class SenderTest : public testing::Test {
 protected:
  void SetUp() override {
    http::RouteTable routes;
    const auto add = [&](const std::string& path, auto answer) {
      http::Route route;
      route.method = http::Method::post;
      route.pattern = path;
      route.name = path;
      route.max_body_bytes = 1000;
      route.handler = [this, answer](const http::Request& request) {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        return answer();
      };
      ASSERT_TRUE(routes.add(route));
    };
    add("/in", [] { return http::make_response(202, "text/plain", "thanks"); });
    add("/inside", [] { return http::make_response(200, "text/plain", ""); });
    add("/away", [] {
      http::Response response = http::make_response(302, "text/plain", "");
      response.headers.set("Location", "/inside");
      return response;
    });
    add("/later", [] {
      http::Response response = http::make_response(429, "text/plain", "");
      response.headers.set("Retry-After", "120");
      return response;
    });
    add("/never", [] {
      http::Response response = http::make_response(503, "text/plain", "");
      response.headers.set("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT");
      response.headers.set("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
      return response;
    });
    add("/long", [] { return http::make_response(200, "text/plain", std::string(4 * kMaxAnswer, 'x')); });
    server_ = std::make_unique<http::Server>(http::Options{}, std::move(routes));
    const auto port = server_->start();
    ASSERT_TRUE(port) << port.error().text;
    port_ = *port;
  }
  void TearDown() override { server_->stop(std::chrono::seconds(5)); }

  Post post(const std::string& host, const std::string& path) {
    Post post;
    const Policy policy{.allow_private = false, .allow_http_loopback = true};
    post.target = *parse_target("http://" + host + ":" + std::to_string(port_) + path, policy);
    post.addresses = {*Address::parse("127.0.0.1")};
    post.headers = {{"webhook-id", "msg_1"}};
    post.body = R"({"type":"x"})";
    return post;
  }

  std::mutex mutex_;
  std::vector<http::Request> requests_;
  std::unique_ptr<http::Server> server_;
  std::uint16_t port_ = 0;
};

TEST_F(SenderTest, SendsBodyAndHeadersToThePinnedAddress) {
  const auto answer = send_with_curl(post("hooks.example", "/in?x=1"));
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(answer->status, 202);
  EXPECT_GE(answer->duration_ms, 0);
  ASSERT_EQ(requests_.size(), 1U);
  EXPECT_EQ(requests_[0].body, R"({"type":"x"})");
  EXPECT_EQ(*requests_[0].headers.find("webhook-id"), "msg_1");
  EXPECT_EQ(*requests_[0].headers.find("content-type"), "application/json");
  EXPECT_EQ(*requests_[0].headers.find("host"), "hooks.example:" + std::to_string(port_));
  EXPECT_EQ(http::find(requests_[0].query, "x") != nullptr, true);
}

TEST_F(SenderTest, FollowsNoRedirect) {
  const auto answer = send_with_curl(post("127.0.0.1", "/away"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(requests_.size(), 1U);
}

TEST_F(SenderTest, SaysForHowLongTheEndpointAsks) {
  EXPECT_EQ(send_with_curl(post("127.0.0.1", "/later"))->retry_after_ms, 120'000);
  EXPECT_EQ(send_with_curl(post("127.0.0.1", "/never"))->retry_after_ms, kLongestRetryAfterMs);
  EXPECT_EQ(send_with_curl(post("127.0.0.1", "/in"))->retry_after_ms, 0);
}

TEST_F(SenderTest, ALongAnswerIsAnAnswer) {
  const auto answer = send_with_curl(post("127.0.0.1", "/long"));
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(answer->status, 200);
}

// Whatever else curl may know of a host: an address that was not allowed is not connected to.
TEST_F(SenderTest, ConnectsToNoOtherAddress) {
  Post elsewhere = post("127.0.0.1", "/in");
  elsewhere.addresses = {*Address::parse("127.0.0.2")};
  const auto answer = send_with_curl(elsewhere);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, base::ErrorCode::unavailable);
  EXPECT_TRUE(requests_.empty());
}

TEST_F(SenderTest, NobodyThereIsAnError) {
  const Post nobody = post("127.0.0.1", "/in");
  server_->stop(std::chrono::seconds(5));
  const auto answer = send_with_curl(nobody);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, base::ErrorCode::unavailable);
}

}  // namespace
}  // namespace boathouse::webhooks
