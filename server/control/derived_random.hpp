// Bytes that look random and can be had again: HMAC-SHA256 of a counter under a seed (NIST SP 800-108, counter mode).
// They are as hard to guess as the seed. Changing them makes a secret that was derived before another one.
// One thread at a time.
#pragma once

#include <cstdint>
#include <span>

#include "core/base/random.hpp"
#include "core/base/sha256.hpp"

namespace boathouse::control {

class DerivedRandom final : public base::RandomSource {
 public:
  explicit DerivedRandom(const base::Digest& seed) : seed_(seed) {}

  // Takes ceil(size / 32) blocks.
  void fill(std::span<std::uint8_t> out) override;

 private:
  base::Digest seed_;
  std::uint64_t next_block_ = 0;
};

}  // namespace boathouse::control
