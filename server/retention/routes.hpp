// The operator's door to retention and erasure: /v1/retention and /v1/athletes/{id}/erasure. docs/retention.md.
#pragma once

#include <filesystem>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/control/accounts.hpp"
#include "server/http/router.hpp"
#include "server/ledger/ledger.hpp"
#include "server/retention/eraser.hpp"
#include "server/retention/remover.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::retention {

struct Parts {
  control::Accounts& accounts;
  ledger::Ledger& ledger;
  timeseries::ClickHouseClient& client;
  Remover& remover;
  Eraser& eraser;
  base::Clock& clock;
  std::filesystem::path backups = {};  // where this server's lie; empty: it makes none, the ledger's word counts
  std::string cluster = {};            // of ClickHouse's servers; empty: there is one
};

// What `parts` refers to must outlive the routes.
base::Status add_routes(http::RouteTable& routes, const Parts& parts);

}  // namespace boathouse::retention
