#include "server/control/derived_random.hpp"

#include <algorithm>
#include <string>

#include "server/control/keyed_hash.hpp"

namespace boathouse::control {

void DerivedRandom::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const base::Digest block = keyed_hash(seed_, "block " + std::to_string(next_block_++));
    const std::size_t count = std::min(out.size(), block.size());
    std::copy_n(block.begin(), count, out.begin());
    out = out.subspan(count);
  }
}

}  // namespace boathouse::control
