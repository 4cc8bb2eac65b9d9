// Bytes as the body of a push, its facts, the reply to it and its Content-Digest.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/wire/batch.hpp"
#include "core/wire/content_digest.hpp"
#include "core/wire/facts.hpp"

using namespace boathouse;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

// What was read must be written and read again as the same.
void check_facts(std::string_view json) {
  if (const auto birth = wire::decode_birth(json); birth.ok()) {
    const std::string text = wire::encode_birth(*birth);
    const auto again = wire::decode_birth(text);
    must(again.ok() && wire::encode_birth(*again) == text);
  }
  if (const auto seal = wire::decode_seal(json); seal.ok()) {
    const std::string text = wire::encode_seal(*seal);
    const auto again = wire::decode_seal(text);
    must(again.ok() && wire::encode_seal(*again) == text);
  }
}

void check_batch(base::ByteView body) {
  const auto items = wire::parse_batch(body);
  if (!items.ok()) return;
  wire::BatchWriter writer;
  for (const wire::Item& item : *items) {
    writer.add(item);
    check_facts(base::as_text(item.body));
  }
  const bool all_good = std::ranges::all_of(*items, [](const wire::Item& item) { return !item.refusal; });
  const base::Bytes again = writer.take();
  must(!all_good || std::ranges::equal(again, body));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::ByteView input(data, size);
  const std::string_view text = base::as_text(input);
  check_batch(input);
  check_facts(text);
  if (const auto reply = wire::decode_reply(text, 2); reply.ok()) {
    const std::vector<wire::Item> items(2);
    must(wire::decode_reply(wire::encode_reply(*reply, items), 2).ok());
  }
  static_cast<void>(wire::parse_content_digest(text));
  return 0;
}
