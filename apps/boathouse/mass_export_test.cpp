// OWASP API4 and API6: a script that takes out everything is throttled, is in the audit, and starves nobody.
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
#include "core/base/json.hpp"
#include "core/base/random.hpp"
#include "device/transport/http_client.hpp"
#include "server/http/server.hpp"
#include "server/http/throttle.hpp"
#include "server/timeseries/session_columns.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::app {
namespace {

using testing::Each;

constexpr const char* kSessionId = "018bcfe5-6800-7abc-8def-a000a000a000";

class MassExportTest : public testing::Test {
 protected:
  void SetUp() override {
    base::SystemClock clock;
    base::SystemRandom random;
    {
      const auto accounts = *control::Accounts::open(folder_.path(), clock, random);
      const auto of_anna = *accounts->create_athlete_key("Anna");
      anna_ = of_anna.text;
      const auto of_dora = *accounts->create_athlete_key("Dora");
      dora_ = of_dora.text;
      const auto team = *accounts->teams().create("Dora's team", of_dora.key.athlete->id);
      ASSERT_TRUE(accounts->teams().add(team.id, of_anna.key.athlete->id, control::TeamRole::member));
      has_session_of(of_anna.key.athlete->id);
    }
    options_.data = folder_.path();
    options_.listen = "127.0.0.1:0";
    options_.clickhouse = clickhouse_.url();
    ASSERT_TRUE(service_.open(options_));
    std::ifstream(folder_.file("operator.key")) >> operator_;
  }
  void has_session_of(const base::Uuid& athlete) {
    ledger::RecordingState recording;
    recording.rec_id = *base::Uuid::parse(kSessionId);
    recording.athlete = athlete;
    recording.birth.rec_id = recording.rec_id;
    ledger::SessionState session;
    session.recordings.push_back(recording);
    session.primaries = {{rowing::Stream::sample, recording.rec_id}, {rowing::Stream::split, recording.rec_id}};
    timeseries::NativeBlock row;
    timeseries::add_session_row(row, session, {}, 1);
    clickhouse_.has(row);
  }
  void serve(http::Options options) {
    http::RouteTable routes;
    ASSERT_TRUE(service_.add_routes(routes, options_));
    server_ = std::make_unique<http::Server>(std::move(options), std::move(routes));
    url_ = "http://127.0.0.1:" + std::to_string(*server_->start());
  }
  transport::HttpReply get(const std::string& target, const std::string& key) const {
    transport::HttpClient client;
    auto reply = client.request("GET", url_ + target, {{"Authorization", "Bearer " + key}}, {});
    EXPECT_TRUE(reply) << target;
    return reply ? std::move(*reply) : transport::HttpReply{};
  }
  static std::string export_of(const std::string& stream) {
    return "/v1/sessions/ses_" + std::string(kSessionId) + "/export.csv?stream=" + stream;
  }

  test_support::TemporaryFolder folder_;
  PlayedClickHouse clickhouse_;
  base::ManualClock still_{1'700'000'000'000};  // of the quotas
  std::unique_ptr<http::Throttle> throttle_;
  ServeOptions options_;
  Service service_;
  std::unique_ptr<http::Server> server_;
  std::string url_, anna_, dora_, operator_;
};

TEST_F(MassExportTest, ABurstIsThrottledAndEveryExportIsInTheAudit) {
  http::Throttle::Options quotas;
  quotas.requests = 6;
  throttle_ = std::make_unique<http::Throttle>(quotas, still_);
  http::Options options;
  options.throttle = throttle_.get();
  serve(std::move(options));
  std::size_t taken = 0;
  for (int i = 0; i < 20; ++i) {
    const auto reply = get(export_of("sample"), dora_);
    if (reply.status == 200) {
      ++taken;
      continue;
    }
    EXPECT_EQ(reply.status, 429) << reply.body;
    EXPECT_THAT(reply.headers, testing::Contains(testing::Key("retry-after")));
  }
  EXPECT_EQ(taken, 6U);
  EXPECT_EQ(get(export_of("sample"), anna_).status, 200) << "another key has a quota of its own";
  const auto audit = base::parse_json(get("/v1/audit?kind=export", operator_).body);
  ASSERT_TRUE(audit);
  const auto& records = *audit->find("data")->array();
  EXPECT_EQ(records.size(), taken + 1);
  for (const base::JsonValue& record : records) {
    EXPECT_EQ(*record.find("what")->text(), "session=" + std::string(kSessionId) + " format=csv stream=sample");
  }
  EXPECT_NE(*records.front().find("key")->text(), *records.back().find("key")->text()) << "who took it";
  const auto own = base::parse_json(get("/v1/audit?kind=export", anna_).body);
  EXPECT_EQ(own->find("data")->array()->size(), records.size()) << "whose data went out sees each";
}

// While fifty of one key wait for ClickHouse, another key is answered: the fifty hold two places, whatever comes.
TEST_F(MassExportTest, FiftyExportsAtOnceStarveNoOtherKey) {
  constexpr std::size_t kMany = 50;
  serve({});
  clickhouse_.hold("FROM sample");
  std::vector<int> statuses(kMany);
  std::vector<std::thread> askers;
  for (int& status : statuses) {
    askers.emplace_back([this, &status] { status = get(export_of("sample"), dora_).status; });
  }
  clickhouse_.until_held(2);
  while (server_->connections() < kMany) {
    std::this_thread::yield();
  }
  EXPECT_EQ(get("/v1/me", anna_).status, 200);
  EXPECT_EQ(get("/v1/sessions", anna_).status, 200);
  EXPECT_EQ(get(export_of("split"), anna_).status, 200) << "an export too";
  clickhouse_.release();
  for (std::thread& asker : askers) {
    asker.join();
  }
  EXPECT_THAT(statuses, Each(200));
  EXPECT_EQ(clickhouse_.most_held(), 2) << "each that runs holds a page of records in memory, the others nothing";
}

}  // namespace
}  // namespace boathouse::app
