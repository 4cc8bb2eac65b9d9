// Health and reconciliation:
//   GET /healthz       200 as long as the process answers; no key
//   GET /readyz        200 when ledger and ClickHouse work, else 503, as of the last second; no key
//   GET /v1/reconcile  what the ledger counts against what ClickHouse counts: an athlete's own; the operator's of all,
//   as
//                      many as can be compared in half a minute, page.next_cursor leads to the next ones (?cursor=)
#pragma once

#include <cstdint>
#include <functional>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "server/control/accounts.hpp"
#include "server/http/router.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::api {

// `ready` is asked for ClickHouse's side: the schema is there and the loader's last attempt succeeded; a
// comparison that fails before that is unavailable (503), to be asked for again. `differences`:
// streams of which the two count otherwise though they were loaded again; empty = nobody compares. All arguments must
// outlive the routes.
base::Status add_operator_routes(http::RouteTable& routes, control::Accounts& accounts, ledger::Ledger& ledger,
                                 timeseries::ClickHouseClient& client, const base::Clock& clock,
                                 std::function<bool()> ready, std::function<std::uint64_t()> differences = {});

}  // namespace boathouse::api
