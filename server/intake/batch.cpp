// POST /v1/sync/batch: births, chunks, seals and edits up. docs/protocol.md sections 4, 5 and 6.3.
#include "core/wire/batch.hpp"

#include <string>
#include <utility>

#include "server/intake/admission.hpp"
#include "server/intake/calls.hpp"
#include "server/intake/content.hpp"
#include "server/intake/submission.hpp"

namespace boathouse::intake {
namespace {

base::Result<base::Bytes> content_of(const http::Request& request) {
  const auto coding = content_coding(request.headers.joined("Content-Encoding"));
  if (!coding) {
    return coding.error();
  }
  return decode_content(*coding, base::as_bytes(request.body), wire::kMaxBatchBytes);
}

void handle_batch(ledger::Ledger& ledger, const OnResult& on_result, http::Request request, const http::Reply& reply) {
  const auto caller = caller_of(request);
  if (!caller) {
    return reply(http::problem_response(request, caller.error()));
  }
  const std::string digest = request.headers.joined("Content-Digest");
  if (const auto status = check_content_digest(digest, base::as_bytes(request.body)); !status) {
    return reply(digest_problem(request, status.error()));
  }
  const auto content = content_of(request);
  if (!content) {
    return reply(body_problem(request, content.error()));
  }
  auto items = wire::parse_batch(*content);
  if (!items) {
    return reply(body_problem(request, items.error()));
  }
  request.body.clear();
  submit_items(ledger, on_result, *caller, std::move(request), std::move(*items), reply);
}

}  // namespace

base::Status add_batch(const Parts& parts) {
  http::Route route;
  route.method = http::Method::post;
  route.pattern = "/v1/sync/batch";
  route.name = "syncBatch";
  route.summary = "Bring births, chunks, seals and edits; one result per item, in order";
  route.handler = http::AsyncHandler(
      [&ledger = parts.ledger, on_result = parts.on_result](http::Request request, const http::Reply& reply) {
        handle_batch(ledger, on_result, std::move(request), reply);
      });
  route.scope = control::name(control::Scope::sessions_write);
  route.admit = admit_caller(parts.accounts, {wire::kBatchMediaType, true});
  route.max_body_bytes = wire::kMaxBatchBytes;
  return parts.routes.add(std::move(route));
}

}  // namespace boathouse::intake
