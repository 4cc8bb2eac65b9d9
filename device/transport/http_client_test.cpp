#include "device/transport/http_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device/transport/test_server.hpp"

namespace boathouse::transport {
namespace {

using testing::HasSubstr;

const base::Bytes kBody{0, 1, 2, 255};

TEST(HttpClient, PostsBytesAndReadsStatusHeadersAndBody) {
  TestServer server([](const SeenRequest&) { return TestServer::reply("200 OK", "hello", "X-Thing:  a b \r\n"); });
  HttpClient client;
  for (int i = 0; i < 2; ++i) {
    const auto reply =
        client.post(server.url() + "/v1/x", {{"Authorization", "Bearer k"}, {"Content-Type", "a/b"}}, kBody);
    ASSERT_TRUE(reply) << reply.error().text;
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, "hello");
    EXPECT_THAT(reply->headers, testing::Contains(testing::Pair("x-thing", "a b")));
  }
  ASSERT_EQ(server.seen().size(), 2u);
  const SeenRequest request = server.seen()[1];
  EXPECT_THAT(request.head, testing::StartsWith("POST /v1/x HTTP/1.1\r\n"));
  EXPECT_THAT(request.head, HasSubstr("Authorization: Bearer k\r\n"));
  EXPECT_THAT(request.head, HasSubstr("Content-Type: a/b\r\n"));
  EXPECT_THAT(request.head, testing::Not(HasSubstr("Expect")));
  EXPECT_EQ(request.body, base::as_text(kBody));
}

TEST(HttpClient, AnyStatusIsAnAnswerAndARedirectIsNotFollowed) {
  TestServer server([](const SeenRequest&) { return TestServer::reply("302 Found", "", "Location: /elsewhere\r\n"); });
  HttpClient client;
  const auto reply = client.post(server.url(), {}, kBody);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 302);
  EXPECT_EQ(server.seen().size(), 1u);
}

TEST(HttpClient, HeadersOfAnInterimAnswerAreForgotten) {
  TestServer server([](const SeenRequest&) {
    return "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + TestServer::reply("200 OK", "");
  });
  HttpClient client;
  const auto reply = client.post(server.url(), {}, kBody);
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->status, 200);
  EXPECT_THAT(reply->headers, testing::Not(testing::Contains(testing::Key("link"))));
}

TEST(HttpClient, NobodyThereIsUnavailable) {
  std::string url;
  {
    TestServer gone([](const SeenRequest&) { return std::string(); });
    url = gone.url();
  }
  HttpClient client;
  const auto reply = client.post(url, {}, kBody);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, base::ErrorCode::unavailable);
  EXPECT_FALSE(reply.error().text.empty());
}

TEST(HttpClient, ACutOffAnswerIsUnavailable) {
  TestServer server([](const SeenRequest&) { return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"; });
  HttpClient client;
  EXPECT_EQ(client.post(server.url(), {}, kBody).error().code, base::ErrorCode::unavailable);
  TestServer silent([](const SeenRequest&) { return std::string(); });
  EXPECT_EQ(client.post(silent.url(), {}, kBody).error().code, base::ErrorCode::unavailable);
}

TEST(HttpClient, AnswersAreLimited) {
  HttpClientOptions options;
  options.max_response_bytes = 1000;
  HttpClient client(options);
  TestServer exact([](const SeenRequest&) { return TestServer::reply("200 OK", std::string(1000, 'x')); });
  EXPECT_TRUE(client.post(exact.url(), {}, kBody));
  TestServer longer([](const SeenRequest&) { return TestServer::reply("200 OK", std::string(1001, 'x')); });
  EXPECT_EQ(client.post(longer.url(), {}, kBody).error().code, base::ErrorCode::too_large);
  TestServer endless([](const SeenRequest&) {
    return TestServer::reply("200 OK", "",
                             "X: " + std::string(60'000, 'x') + "\r\nY: " + std::string(60'000, 'y') + "\r\n");
  });
  EXPECT_EQ(client.post(endless.url(), {}, kBody).error().code, base::ErrorCode::too_large);
}

TEST(HttpClient, RefusesOtherProtocolsAndLineEndsInHeaders) {
  HttpClient client;
  EXPECT_EQ(client.post("file:///etc/passwd", {}, kBody).error().code, base::ErrorCode::invalid_input);
  EXPECT_EQ(client.post("http://127.0.0.1:1/", {{"X", "a\r\nY: b"}}, kBody).error().code,
            base::ErrorCode::invalid_input);
}

TEST(HttpClient, CancelledItAnswersAtOnce) {
  TestServer server([](const SeenRequest&) { return TestServer::reply("200 OK", ""); });
  HttpClient client;
  client.cancel();
  const auto reply = client.post(server.url(), {}, kBody);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().text, "stopped");
}

}  // namespace
}  // namespace boathouse::transport
