// The athlete's routes for webhooks (docs/webhooks.md), for keys with webhooks:read (GET) or webhooks:manage:
//   POST   /v1/webhooks {"url", "events": [name] or null = all}      201 webhook, its secret in "secret" this once
//   GET    /v1/webhooks                                              {"data": [webhook], "page"}: there are at most 10
//   GET    /v1/webhooks/{id}                                         webhook
//   PATCH  /v1/webhooks/{id} {"url", "events", "enabled"}            webhook; what is not named stays;
//                                                                  asks for If-Match with its ETag, or *
//   DELETE /v1/webhooks/{id}                                         204; its log goes too
//   POST   /v1/webhooks/{id}/rotate                                  webhook with its new secret
//   POST   /v1/webhooks/{id}/test                                    202 delivery of an event webhook.test
//   GET    /v1/webhooks/{id}/deliveries?limit=50&cursor=             {"data": [delivery], "page"}, the newest first
//   POST   /v1/webhooks/{id}/deliveries/{delivery}/replay            202 delivery, waiting again
//   POST   /v1/webhooks/{id}/replay {"since": time}                  202 {"replayed": n, "has_more"}: those that failed
// What is another athlete's is 404. Making, changing, rotating, deleting and replaying are in the audit
// (docs/audit.md).
#pragma once

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "server/control/accounts.hpp"
#include "server/control/audit_log.hpp"
#include "server/http/router.hpp"
#include "server/jobs/runner.hpp"
#include "server/webhooks/store.hpp"
#include "server/webhooks/target.hpp"

namespace boathouse::webhooks {

// What the routes work with; all must outlive them.
struct Parts {
  control::Accounts& accounts;
  control::AuditLog& audit;
  Store& store;
  jobs::Runner& runner;
  base::Clock& clock;
  base::RandomSource& random;
  Policy policy;
};

base::Status add_routes(http::RouteTable& routes, const Parts& parts);

}  // namespace boathouse::webhooks
