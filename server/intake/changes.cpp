// GET /v1/sync/changes: what else happened to this athlete's data. docs/protocol.md section 6.5.
#include "core/wire/changes.hpp"

#include <optional>
#include <string>
#include <utility>

#include "core/wire/chunk.hpp"
#include "server/intake/admission.hpp"
#include "server/intake/calls.hpp"

namespace boathouse::intake {
namespace {

using http::Request;
using http::Response;

struct Page {
  std::uint64_t since = 0;
  std::uint64_t limit = wire::kMaxChanges;
};

// The page that the query asks for; what is wrong goes into `refusal`. Strict: a misspelt name would begin at 0.
Page page_of(const Request& request, std::optional<Response>& refusal) {
  Page page;
  for (const http::Parameter& parameter : request.query) {
    const bool is_since = parameter.name == "since";
    if (!is_since && parameter.name != "limit") {
      refusal = wrong_place(request, "query:" + parameter.name, "the query takes since and limit");
      return page;
    }
    const auto number = parse_number(parameter.value, is_since ? wire::kMaxSequence : wire::kMaxChanges);
    if (!number || (!is_since && *number == 0) || http::find(request.query, parameter.name) != &parameter.value) {
      refusal = wrong_place(request, "query:" + parameter.name,
                            is_since ? "since must be one number, the server_seq after which to begin"
                                     : "limit must be one number, 1 to " + std::to_string(wire::kMaxChanges));
      return page;
    }
    (is_since ? page.since : page.limit) = *number;
  }
  return page;
}

Response handle_changes(ledger::Ledger& ledger, const Request& request) {
  const auto caller = caller_of(request);
  if (!caller) {
    return http::problem_response(request, caller.error());
  }
  std::optional<Response> refusal;
  const Page asked = page_of(request, refusal);
  if (refusal) {
    return std::move(*refusal);
  }
  auto page =
      ledger.changes(caller->athlete, static_cast<std::int64_t>(asked.since), asked.limit, wire::kMaxChangesBytes);
  if (!page) {
    return ledger_problem(request, ledger, page.error());
  }
  // A place that was never given: this is another ledger than the one that gave it, or an earlier state of it. Which of
  // both only hello can tell, which is told the epoch.
  if (page->newest_seq < static_cast<std::int64_t>(asked.since)) {
    return went_back_problem(request,
                             "since is " + std::to_string(asked.since) + ", and the newest server_seq here is " +
                                 std::to_string(page->newest_seq) +
                                 ": this ledger has never given that number. Begin again with POST /v1/sync/hello");
  }
  return json_response(wire::encode_changes({ledger.epoch(), caller->replica, static_cast<std::int64_t>(asked.since),
                                             std::move(page->changes), page->next, page->more}));
}

}  // namespace

base::Status add_changes(const Parts& parts) {
  http::Route route;
  route.method = http::Method::get;
  route.pattern = "/v1/sync/changes";
  route.name = "syncChanges";
  route.summary = "What was committed to this athlete's data after a server_seq, in order";
  route.handler =
      http::Handler([&ledger = parts.ledger](const Request& request) { return handle_changes(ledger, request); });
  route.scope = control::name(control::Scope::sessions_write);
  route.admit = admit_caller(parts.accounts, {.media_type = {}, .takes_query = true});
  return parts.routes.add(std::move(route));
}

}  // namespace boathouse::intake
