// Bytes as each JSON reply that a device reads. What is accepted is written and read again as an equal value.
#include <cstdint>
#include <cstdlib>

#include "core/base/json.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/changes.hpp"
#include "core/wire/hello.hpp"
#include "core/wire/offer.hpp"
#include "core/wire/verify.hpp"

using namespace boathouse;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

template <typename Decode, typename Encode>
void check(std::string_view text, Decode decode, Encode encode) {
  const auto value = decode(text);
  if (!value.ok()) return;
  const auto again = decode(std::string_view(encode(*value)));
  must(again.ok() && *again == *value);
}

// What a device would have asked for to get this answer: the checks behind that of order are reached too.
std::vector<base::Uuid> asked_by(std::string_view text) {
  std::vector<base::Uuid> asked;
  const auto parsed = base::parse_json(text, {.max_depth = 8, .max_bytes = wire::kMaxReplyBytes});
  const auto* results = parsed.ok() ? parsed->find("results") : nullptr;
  if (results == nullptr || results->array() == nullptr) return asked;
  for (const base::JsonValue& result : *results->array()) {
    const auto* id = result.find("rec_id");
    const auto uuid = base::Uuid::parse(id != nullptr && id->text() != nullptr ? *id->text() : "");
    asked.push_back(uuid.ok() ? *uuid : base::Uuid());
  }
  return asked;
}

void check_changes(std::string_view text) {
  const auto decode = [](std::string_view json) { return wire::decode_changes(json, 16); };
  check(text, decode, wire::encode_changes);
  const auto page = decode(text);
  if (!page.ok()) return;
  // A device that goes on from `next` gets on, and each entry is behind the one before.
  must(!page->more || page->next > 16);
  std::int64_t last = 16;
  for (const wire::Change& change : page->changes) {
    must(change.seq > last && change.seq <= page->next);
    last = change.seq;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  const auto asked = asked_by(text);
  const std::vector<wire::Item> items(asked.size());
  check(
      text, [&](std::string_view json) { return wire::decode_reply(json, items.size()); },
      [&](const wire::Reply& reply) { return wire::encode_reply(reply, items); });
  check(text, wire::decode_hello_reply, wire::encode_hello_reply);
  check(
      text, [&](std::string_view json) { return wire::decode_offer_reply(json, asked); }, wire::encode_offer_reply);
  check(
      text, [&](std::string_view json) { return wire::decode_verify_reply(json, asked); }, wire::encode_verify_reply);
  check_changes(text);
  return 0;
}
