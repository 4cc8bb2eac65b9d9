// The chunks of a ledger's SQLite copy in order of server_seq, and the root over them. Memory does not grow with them:
// SQLite sorts on the disk. Thread rule: that of the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::backup {

struct ChunkKey {
  std::int64_t server_seq = 0;
  base::Uuid rec_id;
  std::int64_t stream = 0;
  std::int64_t from = 0;
  std::int64_t to = 0;
  base::Digest sha256{};

  [[nodiscard]] std::string text() const;  // for a person
};

class ChunkList {
 public:
  // Those behind that server_seq. `copy` must outlive the list.
  static base::Result<ChunkList> open(sql::Connection& copy, std::int64_t after = 0);
  base::Result<std::optional<ChunkKey>> next();

 private:
  explicit ChunkList(sql::Statement select) : select_(std::move(select)) {}
  sql::Statement select_;
};

class ChunkRoot {
 public:
  void add(const ChunkKey& chunk) {
    base::ByteWriter seq;
    seq.u64(static_cast<std::uint64_t>(chunk.server_seq));
    hash_.update(seq.view());
    hash_.update(chunk.sha256);
    ++chunks_;
  }
  [[nodiscard]] std::uint64_t chunks() const { return chunks_; }
  base::Digest finish() { return hash_.finish(); }

 private:
  base::Sha256 hash_;
  std::uint64_t chunks_ = 0;
};

}  // namespace boathouse::backup
