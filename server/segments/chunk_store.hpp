// Objects that are written once and never changed, under keys like "2026/11/1f6b02c4-17-9000-0a1b2c3d.seg": the part of
// S3 that the ledger needs for bodies of chunks.
//
// Errors of all calls: invalid_input (no key of such a form), unavailable (the store is away: try again later), io,
// no_room. Thread rule: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace boathouse::segments {

// Parts of letters, digits, "-", "_" and ".", none beginning with ".", joined by "/"; at most 200 bytes.
bool is_key(std::string_view text);

class ChunkStore {
 public:
  virtual ~ChunkStore() = default;

  // Durable when it returns ok. After an error the object is there whole or not at all. conflict: the key is taken.
  virtual base::Status put(const std::string& key, base::ByteView content) = 0;
  // not_found: no such object; corrupt: it ends before.
  virtual base::Result<base::Bytes> read(const std::string& key, std::uint64_t position, std::uint64_t size) = 0;
  // The whole object. too_large: it has more than `max_bytes`.
  virtual base::Result<base::Bytes> read_all(const std::string& key, std::uint64_t max_bytes) = 0;
  // In order, and what a put() that was cut short has left behind.
  virtual base::Result<std::vector<std::string>> list() = 0;
  // Ok when there is no such object.
  virtual base::Status remove(const std::string& key) = 0;
};

}  // namespace boathouse::segments
