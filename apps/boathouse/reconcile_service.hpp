// Has ledger and ClickHouse compared: all the time, a part at a time, and at once what somebody has counted otherwise.
// Both are jobs that the node which leads does.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "apps/boathouse/periodic_job.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/jobs/runner.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"
#include "server/timeseries/rolling_reconciler.hpp"

namespace boathouse::app {

class ReconcileService {
 public:
  // All must outlive the runner's threads.
  ReconcileService(ledger::Ledger& ledger, timeseries::ClickHouseClient& client, base::Clock& clock,
                   jobs::Runner& runner, std::int64_t every_ms, std::function<void(std::string_view)> log);

  base::Status start(std::int64_t after_ms) { return job_.start(after_ms); }
  // These are compared in some seconds: what a replica has only just not got is there then. At most 500. Any thread.
  void look_at(const std::vector<base::Uuid>& recordings);

  [[nodiscard]] const timeseries::RollingReconciler& reconciler() const { return reconciler_; }

 private:
  jobs::Outcome look_at_ordered(const jobs::Job& job);

  ledger::Ledger& ledger_;
  base::Clock& clock_;
  jobs::Runner& runner_;
  const std::function<void(std::string_view)> log_;
  timeseries::RollingReconciler reconciler_;
  PeriodicJob job_;
};

}  // namespace boathouse::app
