// What a well-behaved client sees, over real sockets on the loopback.
#include "server/http/server.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thread>

#include "core/base/json.hpp"
#include "server/http/dispatcher.hpp"
#include "server/http/negotiation.hpp"
#include "server/http/problem.hpp"
#include "server/http/test_client.hpp"

namespace boathouse::http {
namespace {

using testing::add_route;
using testing::Answer;
using testing::Client;
using testing::Door;
using testing::TestServer;
using testing::text_route;

std::string problem_id(const Answer& answer) {
  EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
  const auto json = base::parse_json(answer.body);
  if (!json.ok() || json->find("type") == nullptr) {
    return "no problem: " + answer.body;
  }
  EXPECT_EQ(json->find("status")->integer(), answer.status);
  EXPECT_EQ(*json->find("request_id")->text(), answer.header("Request-Id"));
  return json->find("type")->text()->substr(kProblemTypePrefix.size());
}

// Answers with what it was asked.
Response echo(const Request& request) {
  std::string text = std::string(name(request.method)) + " " + request.path;
  for (const Parameter& parameter : request.path_parameters) {
    text += " {" + parameter.name + "=" + parameter.value + "}";
  }
  for (const Parameter& parameter : request.query) {
    text += " [" + parameter.name + "=" + parameter.value + "]";
  }
  return make_response(200, "text/plain", text + " body=" + request.body);
}

void fill(RouteTable& routes) {
  Route get;
  get.pattern = "/echo/{id}";
  get.name = "getEcho";
  get.handler = echo;
  add_route(routes, get);
  Route post = get;
  post.method = Method::post;
  post.name = "postEcho";
  post.max_body_bytes = 100'000;
  add_route(routes, post);
  add_route(routes, text_route("/hello", "hello"));
  add_route(routes, text_route("/large", std::string(3'000'000, 'z')));
  Route thrower = text_route("/throw", "");
  thrower.handler = [](const Request&) -> Response { throw std::runtime_error("password=hunter2"); };
  add_route(routes, thrower);
  Route health = text_route("/healthz", "ok");
  health.admission = Admission::probe;
  add_route(routes, health);
}

TEST(Server, AnswersAndKeepsTheConnection) {
  TestServer server(fill);
  Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    const Answer answer = client.get("/echo/a%2Fb?x=1&y=%20");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "GET /echo/a%2Fb {id=a/b} [x=1] [y= ] body=");
    EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff");
    EXPECT_TRUE(is_sane_request_id(answer.header("Request-Id")));
    EXPECT_NE(answer.header("Date"), "");
    EXPECT_EQ(answer.header("Server"), "");
    EXPECT_EQ(answer.header("Connection"), "");
  }
  EXPECT_EQ(client.get("/hello", "Connection: close\r\n").header("Connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  TestServer server(fill);
  Client client(server.port());
  std::string requests;
  for (int i = 0; i < 20; ++i) {
    requests += "POST /echo/" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
  }
  client.send(requests);
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    EXPECT_EQ(client.receive().body, "POST /echo/" + number + " {id=" + number + "} body=abc");
  }
}

TEST(Server, TakesBodiesInOneAndInChunks) {
  TestServer server(fill);
  Client client(server.port());
  const std::string large(100'000, 'b');
  const Answer whole = client.ask("POST /echo/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + large);
  EXPECT_EQ(whole.body, "POST /echo/1 {id=1} body=" + large);
  const Answer chunked = client.ask(
      "POST /echo/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4\r\nabcd\r\n3;ext=1\r\nefg\r\n0\r\nTrailer: t\r\n\r\n");
  EXPECT_EQ(chunked.body, "POST /echo/1 {id=1} body=abcdefg");
  EXPECT_EQ(client.ask("POST /echo/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").status, 200);
  EXPECT_EQ(client.ask("POST /echo/1 HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

TEST(Server, InvitesABodyThatWaitsToBeInvited) {
  TestServer server(fill);
  Client client(server.port());
  client.send("POST /echo/1 HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.receive().status, 100);
  client.send("abc");
  EXPECT_EQ(client.receive().body, "POST /echo/1 {id=1} body=abc");
}

TEST(Server, SendsLargeBodies) {
  TestServer server(fill);
  Client client(server.port());
  const Answer answer = client.get("/large");
  EXPECT_EQ(answer.header("Content-Length"), "3000000");
  EXPECT_TRUE(answer.whole);
  EXPECT_EQ(answer.body, std::string(3'000'000, 'z'));
  const Answer packed = client.get("/large", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
  EXPECT_EQ(packed.header("Vary"), "Accept-Encoding");
  EXPECT_EQ(testing::gunzip(packed.body), answer.body);
}

TEST(Server, AnswersHeadFromGet) {
  TestServer server(fill);
  Client client(server.port());
  const Answer head = client.ask("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n", true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("Content-Length"), "5");
  EXPECT_EQ(client.get("/hello").body, "hello");  // so nothing followed the head
}

TEST(Server, AnswersOptionsAndWrongMethods) {
  TestServer server(fill);
  Client client(server.port());
  const Answer options = client.ask("OPTIONS /echo/1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(client.ask("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").header("Allow"), "GET, HEAD, POST, OPTIONS");
  for (const std::string method : {"PUT", "TRACE", "BREW"}) {
    const Answer wrong = client.ask(method + " /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(wrong.status, 405);
    EXPECT_EQ(wrong.header("Allow"), "GET, HEAD, OPTIONS");
    EXPECT_EQ(problem_id(wrong), "method-not-allowed");
  }
  EXPECT_EQ(server.accesses(5)[4].method, Method::other);
}

TEST(Server, SaysWhatIsNotThere) {
  TestServer server(fill);
  Client client(server.port());
  const Answer answer = client.get("/nowhere?token=secret");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(problem_id(answer), "not-found");
  EXPECT_NE(answer.body.find("\"instance\":\"/nowhere\""), std::string::npos);
  EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  EXPECT_EQ(client.get("/hello").status, 200);
}

TEST(Server, TakesOverASaneRequestId) {
  TestServer server(fill);
  Client client(server.port());
  EXPECT_EQ(client.get("/hello", "Request-Id: abc_DEF-123\r\n").header("Request-Id"), "abc_DEF-123");
  for (const std::string_view bad : {"short", "with space here", "semi;colon-1", "\"quoted-id\""}) {
    const Answer answer = client.get("/hello", "Request-Id: " + std::string(bad) + "\r\n");
    EXPECT_NE(answer.header("Request-Id"), bad);
    EXPECT_TRUE(is_sane_request_id(answer.header("Request-Id")));
  }
  EXPECT_EQ(server.accesses(1)[0].request_id, "abc_DEF-123");
  EXPECT_FALSE(is_sane_request_id(std::string(65, 'a')));
  EXPECT_TRUE(is_sane_request_id(std::string(64, 'a')));
}

TEST(Server, ARequestsTraceIsInItsLogAndItsProblems) {
  TestServer server(fill);
  Client client(server.port());
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const std::string traced = "traceparent: 00-" + trace + "-00f067aa0ba902b7-01\r\n";
  EXPECT_EQ(client.get("/hello", traced).status, 200);
  const Answer refused = client.get("/nowhere", traced);
  EXPECT_EQ(refused.status, 404);
  EXPECT_NE(refused.body.find("\"trace_id\":\"" + trace + "\""), std::string::npos) << refused.body;
  const Answer untraced = client.get("/nowhere", "traceparent: 00-" + trace + "\r\n");
  EXPECT_EQ(untraced.status, 404) << "what is no traceparent is passed over";
  EXPECT_EQ(untraced.body.find("trace_id"), std::string::npos) << untraced.body;
  const auto accesses = server.accesses(3);
  EXPECT_EQ(accesses[0].trace_id, trace);
  EXPECT_EQ(accesses[1].trace_id, trace);
  EXPECT_EQ(accesses[2].trace_id, "");
}

TEST(Server, LogsEachRequest) {
  TestServer server(fill);
  Client client(server.port());
  client.get("/hello?key=secret");
  const auto accesses = server.accesses(1);
  EXPECT_EQ(accesses[0].method, Method::get);
  EXPECT_EQ(accesses[0].route, "/hello");
  EXPECT_EQ(accesses[0].status, 200);
  EXPECT_GT(accesses[0].bytes, 100U);
  EXPECT_TRUE(accesses[0].complete);
}

TEST(Server, AHandlerThatThrowsIsAnErrorWithoutInternals) {
  TestServer server(fill);
  Client client(server.port());
  const Answer answer = client.get("/throw");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(problem_id(answer), "internal");
  EXPECT_EQ(answer.body.find("hunter2"), std::string::npos);
  EXPECT_EQ(server.failures(1)[0], "a handler threw: password=hunter2");
  EXPECT_EQ(client.get("/hello").status, 200);
}

TEST(Server, AsksAdmissionBeforeItReadsTheBody) {
  TestServer server([](RouteTable& routes) {
    Route route;
    route.method = Method::post;
    route.pattern = "/upload/{id}";
    route.name = "upload";
    route.max_body_bytes = 1'000'000;
    route.admit = [](RequestHead& head) -> std::optional<Response> {
      const std::string* key = head.headers.find("Authorization");
      if (key == nullptr) {
        return problem_response(head, base::Error{base::ErrorCode::unauthenticated, "no key"});
      }
      if (*key == "throw") {
        throw std::runtime_error("admission is broken");
      }
      head.identity = *key + "@" + std::string(head.path_parameter("id"));
      return std::nullopt;
    };
    route.handler = [](const Request& request) {
      return make_response(200, "text/plain", std::any_cast<std::string>(request.identity) + " " + request.body);
    };
    add_route(routes, route);
  });
  Client refused(server.port());
  refused.send("POST /upload/7 HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\nExpect: 100-continue\r\n\r\n");
  const Answer answer = refused.receive();
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.header("WWW-Authenticate"), "Bearer realm=\"boathouse\"");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_EQ(problem_id(answer), "unauthenticated");
  EXPECT_TRUE(refused.at_end());

  Client client(server.port());
  const Answer taken =
      client.ask("POST /upload/7 HTTP/1.1\r\nHost: x\r\nAuthorization: k\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_EQ(taken.body, "k@7 body");
  const Answer empty = client.ask("POST /upload/7 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(empty.status, 401);
  EXPECT_EQ(empty.header("Connection"), "");  // nothing unread: the connection goes on
  const Answer broken =
      client.ask("POST /upload/7 HTTP/1.1\r\nHost: x\r\nAuthorization: throw\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_EQ(broken.status, 500);
  EXPECT_EQ(server.failures(1)[0], "admission threw: admission is broken");
}

TEST(Server, AnswersConditionalRequests) {
  TestServer server([](RouteTable& routes) {
    Route route = text_route("/doc", "");
    route.handler = [](const Request& request) {
      const std::string etag = make_etag("v7");
      if (auto fresh = not_modified(request, etag)) {
        return *fresh;
      }
      Response response = make_response(200, "application/json", std::string(5000, ' '));
      response.headers.set("ETag", etag);
      return response;
    };
    add_route(routes, route);
  });
  Client client(server.port());
  for (const std::string coding : {"", "Accept-Encoding: gzip\r\n"}) {
    const Answer first = client.get("/doc", coding);
    EXPECT_EQ(first.status, 200);
    const Answer second = client.get("/doc", coding + "If-None-Match: " + first.header("ETag") + "\r\n");
    EXPECT_EQ(second.status, 304);
    EXPECT_EQ(second.header("ETag"), first.header("ETag"));
    EXPECT_EQ(second.header("Vary"), "Accept-Encoding");
  }
  EXPECT_EQ(client.get("/doc", "If-None-Match: \"v6\"\r\n").status, 200);
}

// Replies that wait for another thread.
class Desk {
 public:
  void put(Reply reply) {
    const std::lock_guard lock(mutex_);
    replies_.push_back(std::move(reply));
    arrived_.notify_all();
  }
  Reply take() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(arrived_.wait_for(lock, std::chrono::seconds(60), [this] { return !replies_.empty(); }));
    Reply reply = std::move(replies_.back());
    replies_.pop_back();
    return reply;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Reply> replies_;
};

Route async_route(AsyncHandler handler) {
  Route route;
  route.method = Method::post;
  route.pattern = "/batch";
  route.name = "batch";
  route.max_body_bytes = 1000;
  route.handler = std::move(handler);
  return route;
}

TEST(Server, AnotherThreadCompletesAnAsynchronousRequest) {
  const auto desk = std::make_shared<Desk>();
  TestServer server([desk](RouteTable& routes) {
    add_route(routes, async_route([desk](Request request, Reply reply) {
                desk->put([body = request.body, reply = std::move(reply)](Response response) {
                  response.body += body;
                  reply(std::move(response));
                });
              }));
  });
  Client client(server.port());
  const auto ask = [&](std::string_view headers) {
    client.send("POST /batch HTTP/1.1\r\nHost: x\r\n" + std::string(headers) + "Content-Length: 4\r\n\r\nbody");
  };
  for (const std::size_t size : {std::size_t{1}, std::size_t{100'000}}) {
    ask("Accept-Encoding: gzip\r\n");
    std::thread committer([&] { desk->take()(make_response(200, "text/plain", std::string(size, 'a'))); });
    const Answer answer = client.receive();
    committer.join();
    EXPECT_EQ(size > kCompressFrom ? testing::gunzip(answer.body) : answer.body, std::string(size, 'a') + "body");
  }
}

TEST(Server, AReplyCountsOnceAndOnlyTheFirst) {
  TestServer server([](RouteTable& routes) {
    add_route(routes, async_route([](Request request, const Reply& reply) {
                if (request.body == "twice") {
                  reply(make_response(200, "text/plain", "first"));
                  reply(make_response(200, "text/plain", "second"));
                }
                if (request.body == "throw") {
                  throw std::runtime_error("oops");
                }
              }));
  });
  Client client(server.port());
  const auto ask = [&](std::string_view body) {
    return client.ask("POST /batch HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n" + std::string(body));
  };
  EXPECT_EQ(ask("twice").body, "first");
  EXPECT_EQ(server.failures(1)[0], "an asynchronous handler replied twice");
  EXPECT_EQ(ask("never").status, 500);
  EXPECT_EQ(server.failures(2)[1], "an asynchronous handler dropped its reply");
  EXPECT_EQ(ask("throw").status, 500);
  EXPECT_EQ(server.failures(3)[2], "a handler threw: oops");
}

TEST(Server, ServesManyConnectionsAtOnce) {
  Options options;
  options.io_threads = 2;
  options.worker_threads = 4;
  options.queue_length = 1000;
  options.queue_share = 1000;
  TestServer server(fill, options);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<Client>(server.port()));
  }
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      clients[i]->send("POST /echo/" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
    }
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const std::string number = std::to_string(i);
      EXPECT_EQ(clients[i]->receive().body, "POST /echo/" + number + " {id=" + number + "} body=x");
    }
  }
  EXPECT_EQ(server.accesses(1000).size(), 1000U);
}

TEST(Server, SpeaksHttp10AndThenCloses) {
  TestServer server(fill);
  Client client(server.port());
  const Answer answer = client.ask("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(client.at_end());
}

TEST(Server, StartFailsWithAReason) {
  TestServer server(fill);
  const auto start = [](const std::function<void(Options&)>& change) {
    Options options;
    change(options);
    Server other(options, RouteTable());
    const auto port = other.start();
    EXPECT_FALSE(port.ok());
    return port.ok() ? base::Error{} : port.error();
  };
  const base::Error taken =
      start([&](Options& options) { options.listen = "127.0.0.1:" + std::to_string(server.port()); });
  EXPECT_EQ(taken.code, base::ErrorCode::unavailable);
  EXPECT_NE(taken.text.find("Address already in use"), std::string::npos);
  EXPECT_EQ(start([](Options& options) { options.listen = "localhost:0"; }).code, base::ErrorCode::invalid_input);
  EXPECT_EQ(start([](Options& options) { options.worker_threads = 0; }).code, base::ErrorCode::invalid_input);
}

}  // namespace
}  // namespace boathouse::http
