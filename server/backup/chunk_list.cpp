#include "server/backup/chunk_list.hpp"

#include <algorithm>

#include "core/rowing/stream.hpp"

namespace boathouse::backup {

using base::Error;
using base::ErrorCode;
using base::Result;

std::string ChunkKey::text() const {
  const auto known = rowing::stream_from_number(static_cast<std::uint64_t>(stream));
  return "recording " + rec_id.text() + ", " + (known ? std::string(rowing::name(*known)) : std::to_string(stream)) +
         " [" + std::to_string(from) + ", " + std::to_string(to) + "), server_seq " + std::to_string(server_seq);
}

Result<ChunkList> ChunkList::open(sql::Connection& copy, std::int64_t after) {
  auto select = copy.prepare(
      "SELECT server_seq, rec_id, stream, from_seq, to_seq, sha256 FROM chunk WHERE server_seq > ?1 "
      "ORDER BY server_seq");
  if (!select) {
    return select.error();
  }
  select->bind(1, after);
  return ChunkList(std::move(*select));
}

Result<std::optional<ChunkKey>> ChunkList::next() {
  const auto row = select_.step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return std::optional<ChunkKey>();
  }
  ChunkKey key{select_.integer(0), {}, select_.integer(2), select_.integer(3), select_.integer(4), {}};
  const base::ByteView rec_id = select_.blob(1);
  const base::ByteView sha256 = select_.blob(5);
  if (rec_id.size() != key.rec_id.bytes.size() || sha256.size() != key.sha256.size()) {
    return Error{ErrorCode::corrupt, "the chunk of server_seq " + std::to_string(key.server_seq) + " has no hash"};
  }
  std::copy(rec_id.begin(), rec_id.end(), key.rec_id.bytes.begin());
  std::copy(sha256.begin(), sha256.end(), key.sha256.begin());
  return std::optional(key);
}

}  // namespace boathouse::backup
