// The ledger's audit over REST (docs/audit.md):
//   GET /v1/audit?after=0&limit=100&kind=&athlete=   {"data": [record], "page": {"next_after", "has_more"}}, oldest
//   first GET /v1/audit/head                               {"n", "hash", "newest"}
// record: {"n", "at", "at_ms", "kind", "key", "athlete", "replica", "what", "hash"}, null where there is none.
// The operator sees all records, an athlete those about the own data and keys; the head is the operator's.
#pragma once

#include "core/base/result.hpp"
#include "server/control/accounts.hpp"
#include "server/http/router.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::api {

// Both must outlive the routes.
base::Status add_audit_routes(http::RouteTable& routes, control::Accounts& accounts, ledger::Ledger& ledger);

}  // namespace boathouse::api
