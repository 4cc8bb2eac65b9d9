// The name of a load block's content: hex SHA-256 over its stream and, in order, each chunk's recording, range and
// hash. Thread rule: an object belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/hex.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"

namespace boathouse::ledger {

class BlockToken {
 public:
  // `round`: 0, or what makes another name for chunks that are loaded once more.
  BlockToken(std::int64_t stream, std::int64_t round) {
    number(static_cast<std::uint64_t>(stream));
    if (round != 0) {
      number(static_cast<std::uint64_t>(round));
    }
  }

  void add(const base::Uuid& rec_id, std::uint64_t from, std::uint64_t to, const base::Digest& sha256) {
    hash_.update(rec_id.bytes);
    number(from);
    number(to);
    hash_.update(sha256);
  }

  std::string finish() { return base::to_hex(hash_.finish()); }

 private:
  void number(std::uint64_t value) {
    base::ByteWriter writer;
    writer.u64(value);
    hash_.update(writer.view());
  }

  base::Sha256 hash_;
};

}  // namespace boathouse::ledger
