// A ClickHouse that takes questions and answers none holds up those who ask it, and nobody else: what devices send is
// acknowledged all the while.
#include <gmock/gmock.h>

#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "apps/boathouse/service.hpp"
#include "apps/boathouse/test_played_clickhouse.hpp"
#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/wire/hello.hpp"
#include "device/transport/http_client.hpp"
#include "server/http/server.hpp"
#include "server/intake/test_intake.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::app {
namespace {

constexpr std::size_t kReaders = 8;  // twice as many as there are threads in a lane
constexpr const char* kSession = "/v1/sessions/ses_018bcfe5-6800-7abc-8def-a000a000a000";

class HungClickHouseTest : public testing::Test {
 protected:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  void SetUp() override {
    base::SystemClock clock;
    base::SystemRandom random;
    {
      const auto accounts = *control::Accounts::open(folder_.path(), clock, random);
      for (std::size_t i = 0; i < kReaders; ++i) {
        readers_.push_back(accounts->create_athlete_key("Reader " + std::to_string(i))->text);
      }
      rower_ = accounts->create_athlete_key("Anna")->text;
    }
    options_.data = folder_.path();
    options_.listen = "127.0.0.1:0";
    options_.clickhouse = clickhouse_.url();
    ASSERT_TRUE(service_.open(options_));
    std::ifstream(folder_.file("operator.key")) >> operator_;
    http::RouteTable routes;
    ASSERT_TRUE(service_.add_routes(routes, options_));
    server_ = std::make_unique<http::Server>(http::Options{}, std::move(routes));
    url_ = "http://127.0.0.1:" + std::to_string(*server_->start());
  }

  // 0: no answer.
  [[nodiscard]] int status_of(const std::string& method, const std::string& target, const std::string& key,
                              Headers headers = {}, const std::string& body = "") const {
    headers.emplace_back("Authorization", "Bearer " + key);
    transport::HttpClient client({.total_timeout_ms = 60'000});  // a server that hangs fails the test
    const auto reply = client.request(method, url_ + target, headers, base::as_bytes(body));
    return reply ? reply->status : 0;
  }
  [[nodiscard]] int get(const std::string& target, const std::string& key) const {
    return status_of("GET", target, key);
  }
  [[nodiscard]] int hello(const std::string& key) const {
    return status_of("POST", "/v1/sync/hello", key,
                     {{"Content-Type", "application/json"}, {"Boathouse-Replica", intake::kReplica}},
                     wire::encode_hello_request({}));
  }
  // Of so many births, whose ids begin at `first`.
  [[nodiscard]] int batch(const std::string& key, std::uint8_t first, std::size_t births) const {
    std::vector<intake::Owned> items;
    for (std::size_t i = 0; i < births; ++i) {
      base::Uuid id = intake::uuid(first);
      id.bytes[14] = static_cast<std::uint8_t>(i);
      id.bytes[13] = static_cast<std::uint8_t>(i >> 8);
      items.push_back(intake::birth(id));
    }
    return status_of("POST", "/v1/sync/batch", key,
                     {{"Content-Type", std::string(wire::kBatchMediaType)}, {"Boathouse-Replica", intake::kReplica}},
                     intake::batch_of(items));
  }

  test_support::TemporaryFolder folder_;
  PlayedClickHouse clickhouse_;
  ServeOptions options_;
  Service service_;
  std::unique_ptr<http::Server> server_;
  std::vector<std::string> readers_;
  std::string url_, rower_, operator_;
};

TEST_F(HungClickHouseTest, ReadersHoldUpNoUpload) {
  clickhouse_.hold("SELECT");
  std::vector<std::thread> asking;
  for (const std::string& key : readers_) {
    asking.emplace_back([this, key] { EXPECT_EQ(get("/v1/sessions", key), 200); });
    asking.emplace_back([this, key] { EXPECT_EQ(get(std::string(kSession) + "/export.csv", key), 404); });
  }
  clickhouse_.until_held(kReaders);  // all threads of both lanes that may wait for it
  while (server_->connections() < asking.size()) {
    std::this_thread::yield();
  }
  EXPECT_EQ(hello(rower_), 200);
  EXPECT_EQ(batch(rower_, 1, 1), 200);
  EXPECT_EQ(batch(rower_, 2, 800), 200) << "more than 64 KiB: in the lane of exports";
  EXPECT_EQ(status_of("GET", "/v1/sync/changes", rower_, {{"Boathouse-Replica", intake::kReplica}}), 200);
  EXPECT_EQ(hello(readers_[0]), 200) << "with a key that waits for two answers";
  EXPECT_EQ(batch(readers_[0], 3, 1), 200);
  EXPECT_EQ(get("/v1/me", readers_[1]), 200);
  EXPECT_EQ(get("/healthz", ""), 200);
  EXPECT_EQ(get("/readyz", ""), 503) << "nothing was loaded yet";
  EXPECT_EQ(get("/metrics", operator_), 200);
  clickhouse_.release();
  for (std::thread& one : asking) {
    one.join();
  }
}

}  // namespace
}  // namespace boathouse::app
