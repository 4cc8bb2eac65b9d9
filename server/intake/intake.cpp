#include "server/intake/intake.hpp"

#include "server/intake/calls.hpp"

namespace boathouse::intake {

base::Status add_routes(http::RouteTable& routes, control::Accounts& accounts, ledger::Ledger& ledger,
                        const Options& options) {
  const Parts parts{routes, accounts, ledger, options.on_result};
  BOATHOUSE_TRY(add_batch(parts));
  BOATHOUSE_TRY(add_hello(parts, options));
  BOATHOUSE_TRY(add_offer(parts));
  BOATHOUSE_TRY(add_changes(parts));
  BOATHOUSE_TRY(add_verify(parts, options));
  BOATHOUSE_TRY(add_chunk_put(parts));
  return add_chunk_get(parts);
}

}  // namespace boathouse::intake
