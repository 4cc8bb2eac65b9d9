// The operator's routes for athletes and keys:
//   POST /v1/athletes {"name"}                             201 athlete
//   GET  /v1/athletes?limit=50&cursor=                     {"data": [athlete], "page": {"next_cursor", "has_more"}}
//   POST /v1/keys {"athlete": "ath_..."} or {"athlete_name"}   201 key, its text in "key" this once; a name that nobody
//   has
//                                                          makes the athlete
//                                                          may have "scopes", "expires_in_days", "label"
//   POST /v1/keys/{id}/rotate {"overlap_hours"}            200 key with its new text
//   GET  /v1/keys?limit=50&cursor=                         the same shape as athletes, without any secret
//   DELETE /v1/keys/{id}                                   204; again: 204
#pragma once

#include "core/base/result.hpp"
#include "server/control/accounts.hpp"
#include "server/control/audit_log.hpp"
#include "server/http/router.hpp"

namespace boathouse::control {

// Every act is written to `audit` before and after it is done; 503 if that cannot be. Both must outlive the routes.
base::Status add_routes(http::RouteTable& routes, Accounts& accounts, AuditLog& audit);

}  // namespace boathouse::control
