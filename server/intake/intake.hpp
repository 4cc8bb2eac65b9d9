// POST /v1/sync/batch: the door through which devices bring birth, chunks and seals. docs/protocol.md has every byte.
//
// Before the body is read: the key (an athlete's; the operator owns no data), the media type, the size, the content
// coding. Then each item is opened and checked on a pool thread; what is wrong in one item refuses that item alone. The
// good ones go to the ledger in one submission, and the ledger's committer completes the request: the answer is the
// receipt.
#pragma once

#include "core/base/result.hpp"
#include "server/control/accounts.hpp"
#include "server/http/router.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::intake {

// Both must outlive the routes and every request that they took.
base::Status add_routes(http::RouteTable& routes, control::Accounts& accounts, ledger::Ledger& ledger);

}  // namespace boathouse::intake
