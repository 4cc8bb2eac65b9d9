// SHA-256 (FIPS 180-4): the identity of a chunk. Uses the x86 SHA instructions where the CPU has them; both paths give
// the same digest. Not for secrets by itself (no HMAC, no constant-time comparison).
// Thread rule: an object belongs to one thread at a time; sha256() is free of state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/bytes.hpp"

namespace boathouse::base {

using Digest = std::array<std::uint8_t, 32>;

enum class Sha256Path : std::uint8_t {
  fastest,   // SHA instructions if the CPU has them
  portable,  // plain C++, the same everywhere; for tests and comparison
};

// Hashes bytes that come in pieces. A copy goes on from the same prefix on its own.
class Sha256 {
 public:
  using Blocks = void (*)(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);

  explicit Sha256(Sha256Path path = Sha256Path::fastest);

  void update(ByteView bytes);
  // The digest of all bytes since the start; then the object starts anew.
  [[nodiscard]] Digest finish();

 private:
  void restart();

  Blocks blocks_;
  std::array<std::uint32_t, 8> state_;
  std::array<std::uint8_t, 64> pending_;  // the first length_ % 64 bytes wait for a whole block
  std::uint64_t length_;                  // bytes since the start
};

Digest sha256(ByteView bytes);

}  // namespace boathouse::base
