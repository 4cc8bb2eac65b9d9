// When a route's admission is asked, and whether what it said still holds.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

#include "server/http/problem.hpp"
#include "server/http/server.hpp"
#include "server/http/test_client.hpp"

namespace boathouse::http {
namespace {

using namespace std::chrono_literals;
using testing::add_route;
using testing::Client;
using testing::TestServer;

constexpr const char* kHead = "POST /upload HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";

// A server with one route, whose admission lasts so long.
class ServerAdmission {
 public:
  explicit ServerAdmission(std::chrono::milliseconds lasts)
      : server_([this](RouteTable& to) { fill(to); }, of(lasts)) {}

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  std::atomic<bool> revoked{false};
  std::atomic<int> asked{0};
  std::atomic<int> handled{0};

 private:
  static Options of(std::chrono::milliseconds lasts) {
    Options options;
    options.timeouts.admission = lasts;
    return options;
  }
  void fill(RouteTable& routes) {
    Route upload;
    upload.method = Method::post;
    upload.pattern = "/upload";
    upload.name = "upload";
    upload.max_body_bytes = 1000;
    upload.admit = [this](RequestHead& head) -> std::optional<Response> {
      ++asked;
      head.caller = "key";
      return revoked ? std::optional(problem_response(head, make_problem(ProblemKind::unauthenticated, "no such key")))
                     : std::nullopt;
    };
    upload.handler = [this](const Request&) {
      ++handled;
      return make_response(200, "text/plain", "taken");
    };
    add_route(routes, upload);
  }

  TestServer server_;
};

TEST(ServerAdmissionTest, AKeyThatIsRevokedWhileTheBodyComesIsRefused) {
  ServerAdmission server(0ms);
  Client client(server.port());
  client.send(kHead);
  ASSERT_EQ(client.receive().status, 100);
  server.revoked = true;
  EXPECT_EQ(client.ask("body").status, 401);
  EXPECT_EQ(server.handled, 0);
  server.revoked = false;
  client.send(kHead);
  ASSERT_EQ(client.receive().status, 100) << "the body was read, so the connection goes on";
  EXPECT_EQ(client.ask("body").status, 200);
  EXPECT_EQ(server.handled, 1);
}

TEST(ServerAdmissionTest, IsAskedOnceOfARequestThatIsQuick) {
  ServerAdmission server(1h);
  Client client(server.port());
  EXPECT_EQ(client.ask("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody").status, 200);
  EXPECT_EQ(server.asked, 1);
  EXPECT_EQ(client.ask("POST /upload HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  EXPECT_EQ(server.asked, 2);
}

}  // namespace
}  // namespace boathouse::http
