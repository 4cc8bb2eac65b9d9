// What a careless or hostile client sees: every limit, every malformed request, every time-out.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>

#include "server/http/problem.hpp"
#include "server/http/server.hpp"
#include "server/http/test_client.hpp"

namespace boathouse::http {
namespace {

using namespace std::chrono_literals;
using testing::add_route;
using testing::Answer;
using testing::Client;
using testing::Door;
using testing::TestServer;
using testing::text_route;

void fill_for_limits(RouteTable& routes) {
  add_route(routes, text_route("/hello", "hello"));
  Route upload;
  upload.method = Method::post;
  upload.pattern = "/upload";
  upload.name = "upload";
  upload.max_body_bytes = 1000;
  upload.handler = [](const Request& request) {
    return make_response(200, "text/plain", std::to_string(request.body.size()));
  };
  add_route(routes, upload);
}

// The request's answer, which must be this problem and end the connection.
void expect_refusal(TestServer& server, std::string_view request, int status, std::string_view id) {
  Client client(server.port());
  const Answer answer = client.ask(request);
  EXPECT_EQ(answer.status, status) << request.substr(0, 200);
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  EXPECT_NE(answer.body.find("urn:boathouse:problem:" + std::string(id) + "\""), std::string::npos) << answer.body;
  EXPECT_NE(answer.header("Request-Id"), "");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST(ServerLimits, RefusesALargeBodyWithoutReadingIt) {
  TestServer server(fill_for_limits);
  const std::string post = "POST /upload HTTP/1.1\r\nHost: x\r\n";
  expect_refusal(server, post + "Content-Length: 1001\r\n\r\n", 413, "too-large");
  expect_refusal(server, post + "Content-Length: 18446744073709551615\r\nExpect: 100-continue\r\n\r\n", 413,
                 "too-large");
  expect_refusal(server, "GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", 413, "too-large");
  expect_refusal(server, "GET /hello HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 413, "too-large");
}

TEST(ServerLimits, AClientThatSendsAllTheSameStillSeesTheRefusal) {
  TestServer server(fill_for_limits);
  const std::string body(400'000, 'x');
  expect_refusal(server, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n" + body, 413, "too-large");
}

TEST(ServerLimits, RefusesTooManyChunks) {
  TestServer server(fill_for_limits);
  const std::string post = "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string chunk = "1f4\r\n" + std::string(500, 'x') + "\r\n";
  Client client(server.port());
  EXPECT_EQ(client.ask(post + chunk + chunk + "0\r\n\r\n").body, "1000");
  expect_refusal(server, post + chunk + chunk + "1\r\nx\r\n0\r\n\r\n", 413, "too-large");
  expect_refusal(server, post + "ffffffffffffffff\r\n", 413, "too-large");
  std::string padded = post;
  for (int i = 0; i < 200; ++i) {
    padded += "1;a=" + std::string(1000, 'y') + "\r\nx\r\n";
  }
  expect_refusal(server, padded, 413, "too-large");
}

TEST(ServerLimits, RefusesLongHeads) {
  TestServer server(fill_for_limits);
  const std::string get = "GET /hello HTTP/1.1\r\nHost: x\r\n";
  expect_refusal(server, get + "X: " + std::string(8192, 'y') + "\r\n\r\n", 431, "headers-too-large");
  std::string many = get;
  for (int i = 0; i < 1000; ++i) {
    many += "X" + std::to_string(i) + ": y\r\n";
  }
  expect_refusal(server, many + "\r\n", 431, "headers-too-large");
  expect_refusal(server, "GET /" + std::string(5000, 'a') + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 414,
                 "target-too-long");
  expect_refusal(server, "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414, "target-too-long");
  // Request line and headers within their limit one by one, not together.
  expect_refusal(server,
                 "GET /" + std::string(4000, 'a') + " HTTP/1.1\r\nHost: x\r\nX: " + std::string(6000, 'y') + "\r\n\r\n",
                 431, "headers-too-large");
}

TEST(ServerLimits, ALongHeadThatComesInPiecesIsTheSame) {
  TestServer server(fill_for_limits);
  Client client(server.port());
  client.send("GET /hel");
  EXPECT_FALSE(client.readable(1));
  client.send("lo HTTP/1.1\r\nHost: x\r\nX: " + std::string(9000, 'y') + "\r\n\r\n");
  EXPECT_EQ(client.receive().status, 431);
}

TEST(ServerLimits, RefusesWhatIsNotHttp) {
  TestServer server(fill_for_limits);
  for (const std::string_view request :
       {"\r\n\r\n\r\n", "GET\r\n\r\n", "GET  /hello HTTP/1.1\r\nHost: x\r\n\r\n",
        "G@T /hello HTTP/1.1\r\nHost: x\r\n\r\n", "GET /hello HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost\r\n\r\n", "GET /hello HTTP/1.1\r\nX: a\x01\r\nHost: x\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"}) {
    expect_refusal(server, request, 400, "malformed-request");
  }
  expect_refusal(server, "GET /hello HTTP/2.0\r\n\r\n", 505, "version-not-supported");
  expect_refusal(server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version-not-supported");
}

TEST(ServerLimits, RefusesTransferCodingsThatCouldHideARequest) {
  TestServer server(fill_for_limits);
  for (const std::string_view coding :
       {"gzip", "gzip, chunked", "chunked, gzip", "chunked, identity", "xchunked", "identity"}) {
    expect_refusal(server,
                   "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + std::string(coding) +
                       "\r\n\r\n0\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
                   501, "transfer-coding");
  }
  expect_refusal(server, "POST /upload HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501,
                 "transfer-coding");
}

TEST(ServerLimits, RefusesBadTargetsHostsAndExpectations) {
  TestServer server(fill_for_limits);
  const auto ask = [&](std::string_view request) {
    Client client(server.port());
    return client.ask(request);
  };
  EXPECT_EQ(ask("GET /a/../hello HTTP/1.1\r\nHost: x\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /hello?a=%zz HTTP/1.1\r\nHost: x\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET hello HTTP/1.1\r\nHost: x\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET * HTTP/1.1\r\nHost: x\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /hello HTTP/1.1\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /hello HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n").status, 417);
  EXPECT_EQ(ask("GET http://x/hello HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

TEST(ServerLimits, ClosesOnAClientThatDripsItsHead) {
  Options options;
  options.timeouts.header = 100ms;
  TestServer server(fill_for_limits, options);
  Client silent(server.port());
  EXPECT_TRUE(silent.at_end());
  Client half(server.port());
  half.send("GET /hello HTTP/1.1\r\nHo");
  EXPECT_TRUE(half.at_end());
  Client dripping(server.port());
  int sent = 0;
  while (sent < 8000 && !dripping.readable(2)) {  // each byte alone is well in time
    dripping.send(sent++ == 0 ? "GET /" : "a");
  }
  EXPECT_LT(sent, 8000);
  EXPECT_TRUE(dripping.at_end());
}

TEST(ServerLimits, ClosesOnAClientThatDripsItsBody) {
  Options options;
  options.timeouts.body = 100ms;
  TestServer server(fill_for_limits, options);
  Client client(server.port());
  client.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  int sent = 0;
  while (sent < 999 && !client.readable(2)) {
    client.send("x");
    ++sent;
  }
  EXPECT_LT(sent, 999);
  const auto accesses = server.accesses(1);
  EXPECT_EQ(accesses[0].route, "upload");
  EXPECT_EQ(accesses[0].status, 0);
  EXPECT_FALSE(accesses[0].complete);
}

TEST(ServerLimits, ClosesIdleConnections) {
  Options options;
  options.timeouts.idle = 50ms;
  TestServer server(fill_for_limits, options);
  Client client(server.port());
  EXPECT_EQ(client.get("/hello").status, 200);
  EXPECT_TRUE(client.at_end());
}

TEST(ServerLimits, CutsAReaderThatStopsReading) {
  Options options;
  options.timeouts.write = 200ms;
  TestServer server(
      [](RouteTable& routes) {
        Route endless = text_route("/endless", "");
        endless.handler = [](const Request&) {
          Response response = make_response(200, "application/octet-stream", "");
          response.source = [](std::string& out) -> base::Result<bool> {
            out.assign(1 << 20, 'e');
            return true;
          };
          return response;
        };
        add_route(routes, endless);
      },
      options);
  Client client(server.port(), 4096);
  client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto accesses = server.accesses(1);
  EXPECT_EQ(accesses[0].status, 200);
  EXPECT_FALSE(accesses[0].complete);
}

// Not even what the same client asks: its places among what waits elsewhere are others.
TEST(ServerLimits, WhatWaitsForAnotherServerHoldsUpNothingElse) {
  for (const Admission admission : {Admission::normal, Admission::bulk}) {
    Door started;
    Door release;
    Options options;
    options.worker_threads = 1;
    TestServer server(
        [&](RouteTable& routes) {
          for (const bool waits : {true, false}) {
            Route route = text_route(waits ? "/question" : "/own", "own");
            route.admission = admission;
            route.waits_elsewhere = waits;
            if (waits) {
              route.handler = [&started, &release](const Request&) {
                started.open();
                release.wait();
                return make_response(200, "text/plain", "done");
              };
            }
            add_route(routes, route);
          }
        },
        options);
    Client question(server.port());
    question.send("GET /question HTTP/1.1\r\nHost: x\r\n\r\n");
    started.wait();
    EXPECT_EQ(Client(server.port()).get("/own").body, "own");
    release.open();
    EXPECT_EQ(question.receive().body, "done");
  }
}

TEST(ServerLimits, TurnsAwayWhatThePoolCannotTake) {
  Door started;
  Door release;
  Options options;
  options.worker_threads = 1;
  options.queue_length = 1;
  TestServer server(
      [&](RouteTable& routes) {
        Route slow = text_route("/slow", "");
        slow.handler = [&](const Request&) {
          started.open();
          release.wait();
          return make_response(200, "text/plain", "done");
        };
        add_route(routes, slow);
        Route health = text_route("/healthz", "ok");
        health.admission = Admission::probe;
        add_route(routes, health);
      },
      options);
  const std::string_view request = "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
  Client running(server.port());
  running.send(request);
  started.wait();
  // One of these two waits in the queue, the other finds it full.
  Client first(server.port());
  Client second(server.port());
  first.send(request);
  second.send(request);
  while (!first.readable(1) && !second.readable(1)) {
  }
  Client& refused = first.readable(0) ? first : second;
  Client& queued = &refused == &first ? second : first;
  const Answer busy = refused.receive();
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.header("Retry-After"), "1");
  EXPECT_NE(busy.body.find("urn:boathouse:problem:overloaded"), std::string::npos);
  EXPECT_EQ(refused.get("/healthz").body, "ok");
  release.open();
  EXPECT_EQ(running.receive().body, "done");
  EXPECT_EQ(queued.receive().body, "done");
  EXPECT_EQ(refused.get("/slow").body, "done");
}

TEST(ServerLimits, TurnsAwayConnectionsOverTheLimit) {
  Options options;
  options.limits.connections = 2;
  TestServer server(fill_for_limits, options);
  Client first(server.port());
  EXPECT_EQ(first.get("/hello").status, 200);
  {
    Client second(server.port());
    EXPECT_EQ(second.get("/hello").status, 200);
    expect_refusal(server, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n", 503, "overloaded");
  }
  int status = 503;  // until the server has seen that the second went
  while (status == 503) {
    Client third(server.port());
    status = third.get("/hello").status;
  }
  EXPECT_EQ(status, 200);
  EXPECT_EQ(first.get("/hello").status, 200);
}

TEST(ServerLimits, GoesOnAfterItRanOutOfFiles) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizers' own checks need free file descriptors";
#endif
  TestServer server(fill_for_limits);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  Client client;
  rlimit none = before;
  none.rlim_cur = 0;  // for what is opened from now on, by whichever thread
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  client.connect(server.port());
  const std::string failure = server.failures(1)[0];
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(failure, "accepting a connection failed: Too many open files");
  EXPECT_EQ(client.get("/hello").status, 200);
}

// A body that is announced and waited for.
std::string announced(std::string_view key, int bytes) {
  return "POST /upload HTTP/1.1\r\nHost: x\r\nX-API-Key: " + std::string(key) +
         "\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
}

TEST(ServerLimits, BoundsTheMemoryOfAllBodiesTogether) {
  Options options;
  options.limits.body_bytes_in_flight = 1500;
  TestServer server(fill_for_limits, options);
  Client first(server.port());
  first.send(announced("anna", 1000));
  EXPECT_EQ(first.receive().status, 100);
  expect_refusal(server, announced("ben", 1000), 503, "overloaded");
  first.send(std::string(1000, 'x'));
  EXPECT_EQ(first.receive().body, "1000");
  // Given back when the last thread has let go of the request, which may be after its answer was read.
  int status = 503;
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
       status == 503 && std::chrono::steady_clock::now() < end;) {
    Client second(server.port());
    second.send(announced("ben", 1000));
    status = second.receive().status;
  }
  EXPECT_EQ(status, 100);
}

TEST(ServerLimits, OneClientsBodiesLeaveRoomForAnothers) {
  Options options;
  options.limits.body_bytes_in_flight = 4000;
  options.limits.body_bytes_share = 900;
  TestServer server(
      [](RouteTable& routes) {
        Route upload;
        upload.method = Method::post;
        upload.pattern = "/upload";
        upload.name = "upload";
        upload.max_body_bytes = 1000;
        upload.admit = [](RequestHead& head) -> std::optional<Response> {
          const std::string* key = head.headers.find("X-API-Key");
          if (*key == "wrong") {
            return problem_response(head, make_problem(ProblemKind::unauthenticated, "no such key"));
          }
          head.caller = *key;
          head.account = key->substr(0, key->find('-'));  // who may have several keys
          return std::nullopt;
        };
        upload.handler = [](const Request& request) { return make_response(200, "text/plain", request.body); };
        add_route(routes, upload);
      },
      options);
  Client large(server.port());
  large.send(announced("carl", 1000));
  EXPECT_EQ(large.receive().status, 100) << "one body is let in, whatever its length";
  Client first(server.port());
  first.send(announced("anna", 500));
  EXPECT_EQ(first.receive().status, 100);
  expect_refusal(server, announced("anna", 500), 503, "overloaded");
  expect_refusal(server, announced("anna-2", 500), 503, "overloaded");
  expect_refusal(server, announced("wrong", 1000), 401, "unauthenticated");
  Client small(server.port());
  small.send(announced("anna", 400));
  EXPECT_EQ(small.receive().status, 100);
  Client other(server.port());
  other.send(announced("ben", 900));
  EXPECT_EQ(other.receive().status, 100) << "another client's is taken";
}

}  // namespace
}  // namespace boathouse::http
