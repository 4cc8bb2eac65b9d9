// Sessions over REST:
//   GET /v1/sessions?limit=50&cursor=&from=&to=&athlete=&team=    {"data": [session], "page": {"next_cursor",
//                                                                "has_more"}}, newest first
//   GET /v1/sessions/{id}                                        session
//   GET /v1/sessions/{id}/strokes?fields=a,b                     {"stream", "original_size", "resolution": "full",
//                                                                "data": {"field": [values]}}
//   GET /v1/sessions/{id}/samples?fields=a,b                     the same
//   GET /v1/sessions/{id}/splits                                 {"data": [split]}: of two about a split the newer
//   GET /v1/sessions/{id}/export.csv?stream=&superseded=         CSV with every metric
// from and to are ISO 8601 with a zone (half-open). An unknown parameter is 400, never ignored.
// An athlete sees what is theirs, a coach also what the members of their teams rowed, the operator everything;
// anything else is 404. The list has the caller's own sessions, or those of ?athlete= or of the members of ?team=.
#pragma once

#include "core/base/result.hpp"
#include "server/control/accounts.hpp"
#include "server/control/audit_log.hpp"
#include "server/http/router.hpp"
#include "server/query/cursor.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::api {

// All arguments must outlive the routes. Each export is in `audit` (docs/audit.md) before its first byte goes out; what
// cannot be written down is not given (503).
base::Status add_session_routes(http::RouteTable& routes, control::Accounts& accounts, control::AuditLog& audit,
                                timeseries::ClickHouseClient& client, const query::CursorCodec& cursors);

}  // namespace boathouse::api
