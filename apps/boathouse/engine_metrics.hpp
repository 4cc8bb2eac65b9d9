// What `GET /metrics` says of the engine that `serve` runs, under ClickHouse's own names, so that the alerts and the
// dashboard of a cluster serve one box too: the engine's own page has another port after each start and a password that
// Prometheus does not know.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/base/clock.hpp"
#include "server/ops/metrics.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::app {

// Thread rule: any thread.
class EngineMetrics {
 public:
  struct Options {
    std::int64_t fresh_ms = 5'000;             // so long one answer serves whoever asks; also that there was none
    std::int64_t answer_ms = 3'000;            // an engine that takes longer is away
    std::int64_t sessions_fresh_ms = 300'000;  // the same of what reads the sessions of two days
  };
  // `folder` is the engine's; `clock` must outlive it.
  EngineMetrics(std::filesystem::path folder, Options options, const base::Clock& clock);

  // Where it is now; without a URL: nowhere.
  void set_endpoint(const timeseries::Endpoint& endpoint);

  // The engine's numbers are absent while it is away, those of its disk are not: a full one may be why. It must outlive
  // the registry's use.
  void add_to(ops::Registry& registry);

 private:
  // What one statement gives, its answer kept for a while.
  struct Question {
    std::string sql;
    std::int64_t fresh_ms;
    std::optional<std::int64_t> asked_ms = {};  // guarded by asking_
    std::map<std::string, double> values = {};  // guarded by mutex_
  };
  void collect(ops::Registry& registry, const std::string& name, const std::string& help, bool counts,
               Question& question);
  std::optional<double> value(const std::string& name, Question& question);

  const std::filesystem::path folder_;
  const base::Clock& clock_;
  timeseries::ClickHouseClient client_;
  std::mutex asking_;  // of who asks
  std::mutex mutex_;
  Question numbers_;
  Question sessions_;
};

}  // namespace boathouse::app
