// The routes of the sync protocol, one .cpp each. Internal to this folder: intake.hpp adds them all.
#pragma once

#include "core/base/result.hpp"
#include "server/intake/intake.hpp"

namespace boathouse::intake {

// All outlive the routes.
struct Parts {
  http::RouteTable& routes;
  control::Accounts& accounts;
  ledger::Ledger& ledger;
  OnResult on_result;
};

base::Status add_batch(const Parts& parts);
base::Status add_hello(const Parts& parts, const Options& options);
base::Status add_offer(const Parts& parts);
base::Status add_changes(const Parts& parts);
base::Status add_verify(const Parts& parts);
base::Status add_chunk_put(const Parts& parts);
base::Status add_chunk_get(const Parts& parts);

}  // namespace boathouse::intake
