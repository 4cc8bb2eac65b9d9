#include "apps/boathouse/engine_metrics.hpp"

#include <gmock/gmock.h>

#include <string>

#include "apps/boathouse/test_engine_store.hpp"
#include "server/timeseries/schema.hpp"
#include "server/timeseries/test_listener.hpp"

namespace boathouse::app {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class EngineMetricsTest : public EngineStoreFixture {
 protected:
  EngineMetricsTest() { metrics_.add_to(registry_); }
  std::string text() { return registry_.text(); }
  // What `text` says of it; "" = nothing.
  static std::string value(const std::string& text, const std::string& name) {
    const std::size_t at = text.find("\n" + name + " ");
    if (at == std::string::npos) return "";
    const std::size_t from = at + name.size() + 2;
    return text.substr(from, text.find('\n', from) - from);
  }

  EngineMetrics metrics_{folder_.path(), EngineMetrics::Options{}, clock_};
  ops::Registry registry_;
};

TEST_F(EngineMetricsTest, EveryNumberHasAValue) {
  ASSERT_TRUE(timeseries::migrate(client()));
  store(1, 1'700'000'000'000, 100);
  ASSERT_TRUE(load());
  metrics_.set_endpoint(endpoint());
  const std::string all = text();
  std::size_t numbers = 0;
  for (std::size_t at = 0; (at = all.find("# TYPE ", at)) != std::string::npos; ++numbers) {
    at += 7;
    const std::string name = all.substr(at, all.find(' ', at) - at);
    // Nobody has rowed for an hour.
    EXPECT_EQ(value(all, name) == "", name == "boathouse_clickhouse_samples_per_hour") << name;
  }
  EXPECT_EQ(numbers, 22U);
  EXPECT_EQ(value(all, "ClickHouseAsyncMetrics_MaxPartCountForPartition"), "1");
  EXPECT_EQ(value(all, "ClickHouseAsyncMetrics_TotalRowsOfMergeTreeTables"), "101");  // and the session's
  EXPECT_EQ(value(all, "boathouse_clickhouse_oldest_mutation_seconds"), "0");
  EXPECT_GT(std::stod(value(all, "ClickHouseProfileEvents_InsertedRows")), 100);
  for (const char* name :
       {"ClickHouseMetrics_MemoryTracking", "boathouse_engine_memory_limit_bytes",
        "ClickHouseAsyncMetrics_DiskTotal_default", "ClickHouseAsyncMetrics_DiskAvailable_default"}) {
    EXPECT_GT(std::stod(value(all, name)), 1e6) << name;
  }
  EXPECT_THAT(all, HasSubstr("# TYPE ClickHouseProfileEvents_RejectedInserts counter\n"));
}

// RowsPerHour of the alerts: as many as the sessions of the last two days have, and those who may be right alone.
TEST_F(EngineMetricsTest, SamplesOfARowedHour) {
  ASSERT_TRUE(timeseries::migrate(client()));
  metrics_.set_endpoint(endpoint());
  constexpr const char* kName = "boathouse_clickhouse_samples_per_hour";
  EXPECT_EQ(value(text(), kName), "");
  const auto add = [this](const std::string& started, int sealed, int samples, int work_time_cs) {
    execute(
        "INSERT INTO session (athlete, started, session, sealed, samples, work_time_cs, ver) SELECT "
        "generateUUIDv4(), " +
        started + ", generateUUIDv4(), " + std::to_string(sealed) + ", " + std::to_string(samples) + ", " +
        std::to_string(work_time_cs) + ", 1");
  };
  add("now64(3)", 1, 10'000, 360'000);
  add("now64(3)", 1, 5'000, 180'000);
  add("now64(3)", 0, 1'000'000, 1);
  add("now64(3) - toIntervalDay(3)", 1, 1'000'000, 1);
  EXPECT_EQ(value(text(), kName), "") << "of some minutes before";
  clock_.advance_ms(300'000);
  EXPECT_EQ(value(text(), kName), "10000");
}

TEST_F(EngineMetricsTest, AnAnswerIsAskedForOnceInSomeSeconds) {
  metrics_.set_endpoint(endpoint());
  const auto queries = [this] { return std::stoll(value(text(), "ClickHouseProfileEvents_Query")); };
  const auto first = queries();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(queries(), first);
  clock_.advance_ms(5'000);
  EXPECT_GT(queries(), first);
}

// An engine that is away, or that takes the connection and says nothing, holds nobody up and leaves the disk's numbers.
TEST_F(EngineMetricsTest, WithoutTheEngineItsNumbersAreAbsentButNotItsDisks) {
  const timeseries::TestListener silent;
  for (const std::string& url : {std::string(), silent.url()}) {
    EngineMetrics metrics(folder_.path(), {.answer_ms = 50}, clock_);
    metrics.set_endpoint(timeseries::Endpoint{url});
    ops::Registry registry;
    metrics.add_to(registry);
    const std::string all = registry.text();
    EXPECT_THAT(all, Not(ContainsRegex("\nClickHouse(Metrics|ProfileEvents)_")));
    EXPECT_EQ(value(all, "ClickHouseAsyncMetrics_Uptime"), "");
    EXPECT_GT(std::stod(value(all, "ClickHouseAsyncMetrics_DiskAvailable_default")), 1e6);
  }
}

}  // namespace
}  // namespace boathouse::app
