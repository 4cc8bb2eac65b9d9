// Where is my workout? GET /v1/recordings/{rec_id}/trail: one recording's way from its monitor to ClickHouse
// (docs/audit.md has the fields). `rec_id` with or without rec_. An athlete's own; anything else is 404.
#pragma once

#include "core/base/result.hpp"
#include "server/control/accounts.hpp"
#include "server/http/router.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::api {

// All must outlive the routes. Without ClickHouse the answer says so and has the rest.
base::Status add_trail_routes(http::RouteTable& routes, control::Accounts& accounts, ledger::Ledger& ledger,
                              timeseries::ClickHouseClient& client);

}  // namespace boathouse::api
