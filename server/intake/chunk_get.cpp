// GET /v1/recordings/{rec_id}/{stream}/{from}-{to}: one chunk down. docs/protocol.md section 6.4.
#include <string>
#include <utility>

#include "core/wire/chunk.hpp"
#include "core/wire/content_digest.hpp"
#include "server/intake/admission.hpp"
#include "server/intake/calls.hpp"
#include "server/intake/one_chunk.hpp"

namespace boathouse::intake {
namespace {

http::Response handle_get(ledger::Ledger& ledger, const http::Request& request) {
  const auto caller = caller_of(request);
  if (!caller) {
    return http::problem_response(request, caller.error());
  }
  auto [path, refusal] = chunk_path(request);
  if (!path) {
    return refusal;
  }
  const auto found = ledger.chunk(caller->athlete, path->rec_id, path->stream, path->range);
  if (!found) {
    return ledger_problem(request, ledger, found.error());
  }
  if (!found->chunk && found->gone) {
    return problem(request, 410, "gone", "It was removed for ever",
                   found->by_retention ? "the server's retention policy removed these records; a device that has them "
                                         "keeps them"
                                       : "this recording was purged: there is nothing to ask for again");
  }
  if (!found->chunk) {
    return http::problem_response(request,
                                  base::Error{base::ErrorCode::not_found, "no chunk of exactly this range is here"});
  }
  http::Response response =
      http::make_response(200, wire::kChunkMediaType, std::string(base::as_text(found->chunk->body)));
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("Content-Digest", wire::make_content_digest(found->chunk->body));
  response.headers.set(kCatalogueHeader, std::to_string(found->chunk->version));
  return response;
}

}  // namespace

base::Status add_chunk_get(const Parts& parts) {
  http::Route route;
  route.method = http::Method::get;
  route.pattern = kChunkPattern;
  route.name = "getChunk";
  route.summary = "One chunk of a recording, as it was brought";
  route.handler =
      http::Handler([&ledger = parts.ledger](const http::Request& request) { return handle_get(ledger, request); });
  route.scope = control::name(control::Scope::sessions_write);
  route.admit = admit_caller(parts.accounts, {});
  return parts.routes.add(std::move(route));
}

}  // namespace boathouse::intake
