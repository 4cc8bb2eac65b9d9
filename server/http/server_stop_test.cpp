// Streaming under back-pressure, and the way down.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

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

TEST(ServerStream, ProducesNoFasterThanTheClientReads) {
  constexpr std::size_t kPiece = 256 * 1024;
  constexpr std::size_t kTotal = 64 << 20;
  std::atomic<std::size_t> produced{0};
  TestServer server([&](RouteTable& routes) {
    Route route = text_route("/export", "");
    route.admission = Admission::bulk;
    route.handler = [&](const Request&) {
      Response response = make_response(200, "application/octet-stream", "");
      response.source = [&](std::string& out) -> base::Result<bool> {
        out.append(kPiece, 'p');
        return (produced += kPiece) < kTotal;
      };
      return response;
    };
    add_route(routes, route);
  });
  Client client(server.port(), 64 * 1024);
  client.send("GET /export HTTP/1.1\r\nHost: x\r\n\r\n");
  std::size_t received = 0;
  while (received < kTotal / 2) {
    ASSERT_TRUE(client.receive_more(1 << 20));
    received += client.waiting().size();
    client.waiting().clear();
    // The socket buffers of both sides hold some MB; what must not happen is that the server runs ahead to the end.
    ASSERT_LT(produced, received + (24 << 20));
  }
  while (!client.waiting().ends_with("\r\n0\r\n\r\n")) {
    client.waiting().erase(0, client.waiting().size() - std::min<std::size_t>(client.waiting().size(), 16));
    ASSERT_TRUE(client.receive_more(1 << 20));
  }
  EXPECT_EQ(produced, kTotal);
  EXPECT_TRUE(server.accesses(1)[0].complete);
}

TEST(ServerStream, ABodyThatBreaksOffIsNotMistakenForAWholeOne) {
  TestServer server([](RouteTable& routes) {
    Route route = text_route("/export", "");
    route.handler = [](const Request&) {
      Response response = make_response(200, "text/csv", "");
      response.source = [count = 0](std::string& out) mutable -> base::Result<bool> {
        out += "row\n";
        return ++count < 3 ? base::Result<bool>(true) : base::Error{base::ErrorCode::io, "disk"};
      };
      return response;
    };
    add_route(routes, route);
  });
  Client client(server.port());
  const Answer answer = client.get("/export");
  EXPECT_FALSE(answer.whole);
  EXPECT_EQ(server.failures(1)[0], "the body broke off: disk");
  EXPECT_FALSE(server.accesses(1)[0].complete);
}

// A server with one handler that waits, and a client in it.
struct Waiting {
  Waiting()
      : server(
            [this](RouteTable& routes) {
              Route slow = text_route("/slow", "");
              slow.handler = [this](const Request&) {
                started.open();
                release.wait();
                return make_response(200, "text/plain", "done");
              };
              add_route(routes, slow);
              add_route(routes, text_route("/hello", "hello"));
            },
            options()) {}

  static Options options() {
    Options options;
    options.timeouts.linger = 10ms;
    return options;
  }

  Door started;
  Door release;
  TestServer server;
};

TEST(ServerStop, FinishesTheRequestThatRuns) {
  Waiting waiting;
  Client idle(waiting.server.port());
  EXPECT_EQ(idle.get("/hello").status, 200);
  Client fresh(waiting.server.port());
  Client busy(waiting.server.port());
  busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting.started.wait();

  std::size_t cut = 99;
  std::thread stopper([&] { cut = waiting.server.stop(60s); });
  EXPECT_TRUE(idle.at_end());  // so stop() has begun
  EXPECT_TRUE(fresh.at_end());
  waiting.release.open();
  const Answer answer = busy.receive();
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(busy.at_end());  // the pipelined request was not begun
  stopper.join();
  EXPECT_EQ(cut, 0U);
  EXPECT_EQ(waiting.server.stop(0s), 0U);
}

TEST(ServerStop, TakesNoNewConnection) {
  Waiting waiting;
  const std::uint16_t port = waiting.server.port();
  EXPECT_EQ(waiting.server.stop(0s), 0U);
  RouteTable routes;
  Options options;
  options.listen = "127.0.0.1:" + std::to_string(port);
  Server next(options, std::move(routes));
  EXPECT_TRUE(next.start().ok());  // the port is free again
}

TEST(ServerStop, CutsWhatDoesNotEnd) {
  Waiting waiting;
  Client busy(waiting.server.port());
  busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  waiting.started.wait();
  std::size_t cut = 99;
  std::thread stopper([&] { cut = waiting.server.stop(1ms); });
  EXPECT_TRUE(busy.at_end());
  waiting.release.open();  // stop() waits for the handler itself all the same
  stopper.join();
  EXPECT_EQ(cut, 1U);
  const auto accesses = waiting.server.accesses(1);
  EXPECT_EQ(accesses[0].status, 0);
  EXPECT_FALSE(accesses[0].complete);
}

TEST(ServerStop, FinishesAsynchronousRequestsToo) {
  Door arrived;
  Reply kept;
  TestServer server([&](RouteTable& routes) {
    Route route = text_route("/batch", "");
    route.handler = [&](Request, Reply reply) {
      kept = std::move(reply);
      arrived.open();
    };
    add_route(routes, route);
    add_route(routes, text_route("/hello", "hello"));
  });
  Client idle(server.port());
  EXPECT_EQ(idle.get("/hello").status, 200);
  Client client(server.port());
  client.send("GET /batch HTTP/1.1\r\nHost: x\r\n\r\n");
  arrived.wait();
  std::size_t cut = 99;
  std::thread stopper([&] { cut = server.stop(60s); });
  EXPECT_TRUE(idle.at_end());
  kept(make_response(200, "text/plain", "durable"));
  EXPECT_EQ(client.receive().body, "durable");
  stopper.join();
  EXPECT_EQ(cut, 0U);
}

TEST(ServerStop, AReplyMayOutliveTheServer) {
  for (const bool call : {true, false}) {
    Door arrived;
    Reply kept;
    TestServer server([&](RouteTable& routes) {
      Route route = text_route("/batch", "");
      route.handler = [&](Request, Reply reply) {
        kept = std::move(reply);
        arrived.open();
      };
      add_route(routes, route);
    });
    Client client(server.port());
    client.send("GET /batch HTTP/1.1\r\nHost: x\r\n\r\n");
    arrived.wait();
    EXPECT_EQ(server.stop(0s), 1U);
    EXPECT_TRUE(client.at_end());
    server.destroy();
    if (call) {
      kept(make_response(200, "text/plain", std::string(10'000, 'l')));
      kept(make_response(200, "text/plain", "again"));
    }
    kept = nullptr;
  }
}

TEST(ServerStop, RepliesAndTheEndMayRace) {
  for (int round = 0; round < 20; ++round) {
    std::mutex mutex;
    std::vector<Reply> replies;
    std::atomic<bool> end{false};
    Options options;
    options.io_threads = 2;
    TestServer server(
        [&](RouteTable& routes) {
          Route route = text_route("/batch", "");
          route.handler = [&](Request, Reply reply) {
            const std::lock_guard lock(mutex);
            replies.push_back(std::move(reply));
          };
          add_route(routes, route);
        },
        options);
    std::thread committer([&] {
      while (!end) {
        std::vector<Reply> batch;
        {
          const std::lock_guard lock(mutex);
          batch.swap(replies);
        }
        for (const Reply& reply : batch) {
          reply(make_response(200, "text/plain", "ok"));
        }
        std::this_thread::yield();
      }
    });
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 8; ++i) {
      clients.push_back(std::make_unique<Client>(server.port()));
      clients.back()->send("GET /batch HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    clients[0]->receive();
    server.stop(round % 2 == 0 ? 0ms : 60s);
    server.destroy();
    end = true;
    committer.join();
  }
}

}  // namespace
}  // namespace boathouse::http
