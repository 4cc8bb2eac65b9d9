#include "server/control/keyed_hash.hpp"

#include <sodium.h>

#include "core/base/bytes.hpp"

namespace boathouse::control {

static_assert(crypto_auth_hmacsha256_KEYBYTES == std::tuple_size_v<Pepper>);
static_assert(crypto_auth_hmacsha256_BYTES == std::tuple_size_v<base::Digest>);

base::Digest keyed_hash(const Pepper& pepper, std::string_view text) {
  base::Digest hash{};
  crypto_auth_hmacsha256(hash.data(), base::as_bytes(text).data(), text.size(), pepper.data());
  return hash;
}

bool equal_in_constant_time(const base::Digest& a, const base::Digest& b) {
  return sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace boathouse::control
