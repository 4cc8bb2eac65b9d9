// Bytes as each JSON request that a server reads, and as an edit. What is accepted is written and read again as an
// equal value.
#include <cstdint>
#include <cstdlib>

#include "core/base/bytes.hpp"
#include "core/wire/edit.hpp"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  check(text, wire::decode_hello_request, wire::encode_hello_request);
  check(text, wire::decode_offer, wire::encode_offer);
  check(text, wire::decode_verify, wire::encode_verify);
  check(text, wire::decode_edit, wire::encode_edit);
  if (const auto edit = wire::decode_edit(text); edit.ok()) {
    must(rowing::check_edit(*edit).ok());
    must(wire::encode_edit(*edit).size() <= wire::kMaxEditBytes);
  }
  return 0;
}
