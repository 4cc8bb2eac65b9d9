// Quotas and fair shares as a client sees them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "server/http/problem.hpp"
#include "server/http/server.hpp"
#include "server/http/test_client.hpp"
#include "server/http/throttle.hpp"

namespace boathouse::http {
namespace {

using testing::add_route;
using testing::Answer;
using testing::Client;
using testing::Door;
using ::testing::HasSubstr;
using testing::TestServer;
using testing::text_route;

// Takes X-API-Key for the caller; none is refused.
std::optional<Response> admit(RequestHead& head) {
  const std::string* key = head.headers.find("X-API-Key");
  if (key == nullptr) {
    return problem_response(head, base::Error{base::ErrorCode::unauthenticated, "no key"});
  }
  head.caller = *key;
  head.replica = "r1";
  return std::nullopt;
}

void fill_for_throttle(RouteTable& routes) {
  Route upload;
  upload.method = Method::post;
  upload.pattern = "/upload";
  upload.name = "upload";
  upload.max_body_bytes = 1000;
  upload.admit = admit;
  upload.handler = AsyncHandler([](Request request, Reply reply) {
    reply(make_response(200, "text/plain", std::to_string(request.body.size())));
  });
  add_route(routes, upload);
  add_route(routes, text_route("/public", "public"));
  Route guess = text_route("/guess", "");
  guess.handler = Handler([](const Request& request) {
    Problem problem;
    problem.status = 429;
    problem.id = kQuotaExceeded;
    problem.violated_policies = {"guesses"};
    return problem_response(request, problem);
  });
  add_route(routes, guess);
  Route health = text_route("/healthz", "ok");
  health.admission = Admission::probe;
  add_route(routes, health);
}

class ServerThrottle : public ::testing::Test {
 protected:
  static Options options(Throttle& throttle) {
    Options options;
    options.throttle = &throttle;
    return options;
  }

  base::ManualClock clock_;
  Throttle throttle_{{.requests = 8, .bytes = 8000, .requests_of_an_address = 3, .max_keys = 10}, clock_};
  TestServer server_{fill_for_throttle, options(throttle_)};
};

TEST_F(ServerThrottle, WhatIsOverTheQuotaIsRefusedBeforeItsBodyIsSent) {
  const std::string head = "POST /upload HTTP/1.1\r\nHost: x\r\nX-API-Key: anna\r\nContent-Length: 900\r\n";
  Client client(server_.port());
  for (int i = 0; i < 4; ++i) {
    const Answer answer = client.ask(head + "\r\n" + std::string(900, 'x'));
    EXPECT_EQ(answer.body, "900");
    EXPECT_EQ(answer.header("RateLimit-Policy"),
              "\"sync\";q=8;w=60, \"sync-bytes\";q=8000;w=60;qu=\"content-bytes\", "
              "\"replica\";q=4;w=60, \"replica-bytes\";q=4000;w=60;qu=\"content-bytes\"");
    EXPECT_THAT(answer.header("RateLimit"), HasSubstr("\"replica\";r=" + std::to_string(3 - i)));
  }
  server_.accesses(4);
  const Answer refused = client.ask(head + "Expect: 100-continue\r\n\r\n");  // and no body at all
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("Retry-After"), "15");
  EXPECT_THAT(refused.header("RateLimit"), HasSubstr("\"replica\";r=0;t=15"));
  EXPECT_THAT(refused.body, HasSubstr("\"violated-policies\":[\"replica\"]"));
  EXPECT_EQ(refused.header("Connection"), "close");
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(server_.accesses(5)[4].limited_by, "replica");

  Client other(server_.port());
  EXPECT_EQ(other.ask("POST /upload HTTP/1.1\r\nHost: x\r\nX-API-Key: ben\r\nContent-Length: 1\r\n\r\nx").body, "1");
  clock_.advance_ms(15'000);
  Client again(server_.port());
  EXPECT_EQ(again.ask(head + "\r\n" + std::string(900, 'x')).body, "900");
}

TEST_F(ServerThrottle, ABodyOfUnknownLengthIsChargedInFullAndCorrected) {
  const std::string head = "POST /upload HTTP/1.1\r\nHost: x\r\nX-API-Key: anna\r\n";
  Client client(server_.port());
  const Answer chunked = client.ask(head + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.body, "1");
  EXPECT_THAT(chunked.header("RateLimit"), HasSubstr("\"replica-bytes\";r=3000;"));  // the most that may come here
  server_.accesses(1);
  const Answer next = client.ask(head + "Content-Length: 1\r\n\r\nx");
  EXPECT_THAT(next.header("RateLimit"), HasSubstr("\"replica-bytes\";r=3988;"));  // 11 bytes with their framing, and 1
}

TEST_F(ServerThrottle, WhatNobodyAnswersForIsCountedByAddress) {
  Client client(server_.port());
  EXPECT_EQ(client.get("/public").header("RateLimit"), "\"address\";r=2;t=20");
  EXPECT_EQ(client.get("/nowhere").status, 404);
  EXPECT_EQ(client.ask("POST /upload HTTP/1.1\r\nHost: x\r\n\r\n").status, 401);
  EXPECT_EQ(client.ask("POST /upload HTTP/1.1\r\nHost: x\r\n\r\n").status, 429);
  EXPECT_EQ(client.get("/nowhere").status, 429);
  EXPECT_EQ(client.get("/public").header("Retry-After"), "20");
  EXPECT_EQ(client.get("/healthz").status, 200);
  EXPECT_EQ(client.ask("POST /upload HTTP/1.1\r\nHost: x\r\nX-API-Key: anna\r\n\r\n").status, 200);
}

TEST_F(ServerThrottle, ARoutesOwnQuotaIsNamedToo) {
  Client client(server_.port());
  EXPECT_EQ(client.get("/guess").status, 429);
  EXPECT_EQ(client.get("/public").status, 200);
  const auto accesses = server_.accesses(2);
  EXPECT_EQ(accesses[0].limited_by, "guesses");
  EXPECT_EQ(accesses[1].limited_by, "");
}

TEST(ServerFairness, AGreedyKeyTakesOnlyItsShareOfTheQueue) {
  Door started;
  Door release;
  Options options;
  options.worker_threads = 1;
  options.queue_length = 10;
  options.queue_share = 2;
  TestServer server(
      [&](RouteTable& routes) {
        Route slow = text_route("/slow", "");
        slow.handler = [&](const Request&) {
          started.open();
          release.wait();
          return make_response(200, "text/plain", "done");
        };
        add_route(routes, slow);
      },
      options);
  const auto greedy = [](const std::string& key) { return "GET /slow HTTP/1.1\r\nHost: x\r\n" + key + "\r\n\r\n"; };
  Client running(server.port());
  running.send(greedy("Authorization: Bearer greedy"));
  started.wait();
  // Two of these three wait, one is told to come later: it is one key in every spelling.
  Client first(server.port());
  Client second(server.port());
  Client third(server.port());
  first.send(greedy("Authorization: bearer greedy"));
  second.send(greedy("Authorization: Bearer   greedy"));
  third.send(greedy("X-API-Key: greedy"));
  while (!first.readable(1) && !second.readable(1) && !third.readable(1)) {
  }
  Client& refused = first.readable(0) ? first : second.readable(0) ? second : third;
  const Answer busy = refused.receive();
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.header("Retry-After"), "1");
  Client modest(server.port());
  modest.send("GET /slow HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer modest\r\n\r\n");
  EXPECT_FALSE(modest.readable(1)) << "it waits, and is not refused";
  release.open();
  EXPECT_EQ(modest.receive().body, "done");
}

TEST(ServerFairness, OneNetworkHoldsOnlySoManyConnections) {
  Options options;
  options.limits.connections_of_a_network = 2;
  TestServer server(fill_for_throttle, options);
  Client first(server.port());
  EXPECT_EQ(first.get("/public").status, 200);
  {
    Client second(server.port());
    EXPECT_EQ(second.get("/public").status, 200);
    Client third(server.port());
    const Answer refused = third.receive();
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.header("Retry-After"), "1");
    EXPECT_THAT(refused.body, HasSubstr("from this address"));
    EXPECT_TRUE(third.at_end());
  }
  int status = 503;  // until the server has seen that the second went
  while (status == 503) {
    Client fourth(server.port());
    status = fourth.get("/public").status;
  }
  EXPECT_EQ(status, 200);
}

TEST(ServerFairness, ClientsThatDripHoldNoWorker) {
  Options options;
  options.worker_threads = 1;
  options.queue_length = 1;
  TestServer server(fill_for_throttle, options);
  std::vector<std::unique_ptr<Client>> dripping;
  for (int i = 0; i < 40; ++i) {
    dripping.push_back(std::make_unique<Client>(server.port()));
    dripping.back()->send(i % 2 == 0 ? "GET /public HTTP/1.1\r\nHo"
                                     : "POST /upload HTTP/1.1\r\nHost: x\r\nX-API-Key: slow\r\nContent-Length: 9\r\n"
                                       "Expect: 100-continue\r\n\r\n");
    if (i % 2 != 0) {
      ASSERT_EQ(dripping.back()->receive().status, 100);
      dripping.back()->send("x");
    }
  }
  Client client(server.port());
  EXPECT_EQ(client.get("/public").body, "public");
}

}  // namespace
}  // namespace boathouse::http
