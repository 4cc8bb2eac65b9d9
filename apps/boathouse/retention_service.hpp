// Retention and erasure in a running service: the jobs, and where else an athlete has something.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/control/accounts.hpp"
#include "server/http/router.hpp"
#include "server/jobs/runner.hpp"
#include "server/ledger/ledger.hpp"
#include "server/retention/eraser.hpp"
#include "server/retention/remover.hpp"
#include "server/timeseries/clickhouse_client.hpp"
#include "server/webhooks/store.hpp"

namespace boathouse::app {

class RetentionService {
 public:
  struct Parts {
    control::Accounts& accounts;
    webhooks::Store& webhooks;
    ledger::Ledger& ledger;
    timeseries::ClickHouseClient& client;
    jobs::Runner& runner;
    base::Clock& clock;
  };
  // `cluster`: of ClickHouse's servers, empty = there is one; `look_at`: retention::Remover::Options. All must outlive
  // the runner's threads and the routes.
  RetentionService(const Parts& parts, const retention::BackupsKept& backups, std::string cluster,
                   std::function<void(const std::vector<base::Uuid>&)> look_at,
                   std::function<void(std::string_view)> log);

  base::Status add_routes(http::RouteTable& routes);
  // Goes on with what a server of before has begun.
  base::Status start();

 private:
  const Parts parts_;
  const std::filesystem::path backups_;
  const std::string cluster_;
  retention::Remover remover_;
  retention::Eraser eraser_;
};

}  // namespace boathouse::app
