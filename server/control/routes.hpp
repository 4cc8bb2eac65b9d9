// The routes of accounts (docs/accounts.md):
//   POST   /v1/athletes, GET /v1/athletes                    the operator: make one, list all
//   GET    /v1/athletes/{id}, PATCH                          the own profile, the operator's of all; a coach sees names
//   GET    /v1/me, PATCH                                     the caller's own
//   POST   /v1/keys, GET /v1/keys, DELETE /v1/keys/{id}, POST /v1/keys/{id}/rotate        the operator
//   GET    /v1/me/keys, DELETE /v1/me/keys/{id}              the caller's own
//   POST   /v1/teams, GET /v1/teams, GET|PATCH|DELETE /v1/teams/{id}
//   POST   /v1/teams/{id}/invitation, DELETE; POST /v1/teams/join
//   PUT    /v1/teams/{id}/members/{athlete}, DELETE; the same for coaches
//   POST   /v1/pairings, POST /v1/pairings/claim             a code, and a device's key for it
// A body is JSON of at most 16 KiB. Unknown fields and parameters are refused. What makes something takes an
// Idempotency-Key, but for teams/join and pairings/claim, which do nothing a second time by themselves.
#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "server/control/accounts.hpp"
#include "server/control/audit_log.hpp"
#include "server/http/router.hpp"

namespace boathouse::control {

// How often pairing codes may be guessed wrongly, in ten minutes; 0 = no limit. Each node counts for itself.
struct PairingLimits {
  std::uint64_t of_an_address = 10;
  std::uint64_t of_all = 300;
};

// `accounts` and `audit` must outlive the routes.
base::Status add_routes(http::RouteTable& routes, Accounts& accounts, AuditLog& audit,
                        const PairingLimits& limits = {});

}  // namespace boathouse::control
