// PUT /v1/recordings/{rec_id}/{stream}/{from}-{to}: one chunk up, from a file. docs/protocol.md section 6.4.
#include <string>
#include <utility>
#include <vector>

#include "core/base/sha256.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/compression.hpp"
#include "core/wire/content_digest.hpp"
#include "server/intake/admission.hpp"
#include "server/intake/calls.hpp"
#include "server/intake/one_chunk.hpp"
#include "server/intake/submission.hpp"

namespace boathouse::intake {
namespace {

// A body has no checksum of its own and the path has no hash: without the digest, damage on the way could become data.
std::optional<http::Response> refuse_digest(const http::Request& request) {
  const std::string digest = request.headers.joined("Content-Digest");
  if (digest.empty()) {
    return wrong_place(request, "header:Content-Digest",
                       "a chunk comes with the sha-256 of its body in Content-Digest");
  }
  const auto stated = wire::parse_content_digest(digest);
  if (!stated) {
    return digest_problem(request, stated.error());
  }
  if (*stated != base::sha256(base::as_bytes(request.body))) {
    return digest_problem(request,
                          {base::ErrorCode::invalid_input,
                           "the body that arrived is not the one that Content-Digest speaks of: send it again"});
  }
  return std::nullopt;
}

void handle_put(ledger::Ledger& ledger, const OnResult& on_result, http::Request request, const http::Reply& reply) {
  const auto caller = caller_of(request);
  if (!caller) {
    return reply(http::problem_response(request, caller.error()));
  }
  auto [path, refusal] = chunk_path(request);
  if (!path) {
    return reply(std::move(refusal));
  }
  const std::string* version_text = request.headers.find(kCatalogueHeader);
  const auto version = version_text != nullptr ? parse_number(*version_text, UINT32_MAX) : std::nullopt;
  if (!version || *version == 0) {
    return reply(wrong_place(request, "header:" + std::string(kCatalogueHeader),
                             "the header must be the chunk's catalogue version, from 1"));
  }
  if (auto refused = refuse_digest(request)) {
    return reply(std::move(*refused));
  }
  const std::string body = std::move(request.body);
  request.body.clear();
  wire::Item item;
  item.kind = wire::ItemKind::chunk;
  item.rec_id = path->rec_id;
  item.stream = path->stream;
  item.from = path->range.from;
  item.to = path->range.to;
  item.version = static_cast<std::uint32_t>(*version);
  item.body = base::as_bytes(body);
  if (const auto canonical = wire::decompress(item.body, wire::kMaxCanonicalBytes); canonical) {
    item.sha256 = base::sha256(*canonical);
  } else {
    item.refusal = canonical.error();
  }
  std::vector<wire::Item> items;
  items.push_back(std::move(item));
  submit_items(ledger, on_result, *caller, std::move(request), std::move(items), reply);
}

}  // namespace

base::Status add_chunk_put(const Parts& parts) {
  http::Route route;
  route.method = http::Method::put;
  route.pattern = kChunkPattern;
  route.name = "putChunk";
  route.summary = "Bring one chunk of a recording; the reply has one result";
  route.handler = http::AsyncHandler(
      [&ledger = parts.ledger, on_result = parts.on_result](http::Request request, const http::Reply& reply) {
        handle_put(ledger, on_result, std::move(request), reply);
      });
  route.scope = control::name(control::Scope::sessions_write);
  route.admit = admit_caller(parts.accounts, {wire::kChunkMediaType});
  route.max_body_bytes = wire::kMaxChunkBody;
  return parts.routes.add(std::move(route));
}

}  // namespace boathouse::intake
