// Bytes as each text that the server gave out and gets back, or that an operator keeps: API key, ids, page cursor,
// scope, webhook's URL, query parameters, a backup's manifest. What is accepted is written again as the same text.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/hex.hpp"
#include "core/base/sha256.hpp"
#include "core/wire/chunk.hpp"
#include "server/api/parameters.hpp"
#include "server/backup/manifest.hpp"
#include "server/control/api_key.hpp"
#include "server/control/ids.hpp"
#include "server/control/scopes.hpp"
#include "server/intake/one_chunk.hpp"
#include "server/query/cursor.hpp"
#include "server/webhooks/target.hpp"

using namespace boathouse;

namespace {

constexpr std::size_t kKeyLength = 90;
constexpr std::size_t kMaxLimit = 200;

void must(bool holds) {
  if (!holds) std::abort();
}

void check_tokens(std::string_view text) {
  if (control::parse_api_key(text).ok()) must(text.size() == kKeyLength && text.starts_with(control::kApiKeyPrefix));
  for (const std::string_view prefix : {control::kAthletePrefix, control::kKeyPrefix}) {
    const auto id = control::parse_id(prefix, text);
    if (id.ok()) must(control::format_id(prefix, *id) == text);
  }
  if (const auto scope = control::scope_of(text); scope.ok()) must(control::name(*scope) == text);
  // The corpus has one that this secret has signed.
  const query::CursorCodec codec({1, 2, 3});
  if (const auto key = codec.decode(text, "scope"); key.ok()) {
    must(codec.encode(*key, "scope") == text);
    must(!codec.decode(text, "another scope").ok());
  }
}

void check_urls(std::string_view text) {
  for (const webhooks::Policy policy : {webhooks::Policy{}, webhooks::Policy{true, true}}) {
    const auto target = webhooks::parse_target(text, policy);
    if (!target.ok()) continue;
    must(text.size() <= webhooks::kMaxUrl && target->path.starts_with("/"));
    const auto again = webhooks::parse_target(target->url(), policy);
    must(again.ok() && again->url() == target->url());
    if (policy.allow_private) continue;
    must(target->https && (target->port == 443 || target->port >= 1024));
    must(!target->literal || webhooks::is_public(*target->literal));
  }
  if (const auto address = webhooks::Address::parse(text)) {
    must(webhooks::Address::parse(address->text()) == address);
  }
}

void check_parameters(const std::string& text) {
  const http::Parameters query{{"p", text}};
  if (const auto limit = api::read_limit({{"limit", text}}, 50, kMaxLimit); limit.ok()) {
    must(*limit >= 1 && *limit <= kMaxLimit);
  }
  if (const auto count = api::read_count(query, "p"); count.ok()) must(*count >= 0);
  if (const auto flag = api::read_flag(query, "p"); flag.ok()) must(*flag == (text == "true"));
  (void)api::read_time(query, "p");
  http::RequestHead head;
  head.path_parameters = {{"rec_id", "018bcfe5-6800-7abc-8def-0123456789ab"}, {"stream", "sample"}, {"range", text}};
  if (const auto chunk = intake::chunk_path(head); chunk.path) {
    must(chunk.path->range.from < chunk.path->range.to && chunk.path->range.to <= wire::kMaxSequence);
  }
}

// As it lies there, and as what its hash is right for: else nothing behind the hash would be looked at.
void check_manifest(std::string_view text) {
  if (const auto manifest = backup::parse_manifest(text); manifest.ok()) {
    must(*backup::parse_manifest(backup::encode_manifest(*manifest)) == *manifest);
  }
  const std::string hashed = "{\"manifest\":" + std::string(text) + ",\"sha256\":\"" +
                             base::to_hex(base::sha256(base::as_bytes(text))) + "\"}\n";
  if (const auto manifest = backup::parse_manifest(hashed); manifest.ok()) {
    must(*backup::parse_manifest(backup::encode_manifest(*manifest)) == *manifest);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  check_tokens(text);
  check_urls(text);
  check_parameters(std::string(text));
  check_manifest(text);
  return 0;
}
