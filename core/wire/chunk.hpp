// The chunk codec: an immutable range [from, to) of one stream as columns. The canonical bytes (they are hashed and
// hold no rec_id) compressed by zstd. docs/protocol.md section 2 has every byte. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "core/rowing/record.hpp"
#include "core/rowing/stream.hpp"
#include "core/wire/integer_columns.hpp"

namespace boathouse::wire {

inline constexpr const char* kChunkMediaType = "application/vnd.boathouse.chunk";
inline constexpr std::size_t kMaxChunkRecords = 4096;  // sealed at 256; files may be denser
inline constexpr std::size_t kMaxColumns = 256;
inline constexpr std::size_t kMaxRowBytes = rowing::kMaxSourceBlock;     // Record::bytes of one record
inline constexpr std::size_t kMaxCanonicalBytes = std::size_t{8} << 20;  // also of all Record::bytes together
inline constexpr std::size_t kMaxChunkBody = std::size_t{2} << 20;       // compressed
inline constexpr std::uint64_t kMaxSequence = std::uint64_t{1} << 53;    // of `to`: a JSON number holds it exactly
// The same of what a server takes, and of a seal's count: queries know a record by 32 bits. At ten a second these are
// 13 years of one stream.
inline constexpr std::uint64_t kMaxStreamRecords = std::uint64_t{1} << 32;

// Columns of a chunk. columns[c][r]: integer c of row r (rowing::kNull = not available). points: one list a row, or
// empty when the stream has none. bytes: one entry a row, or empty when no row has any.
struct Columns {
  std::size_t rows = 0;
  std::vector<std::vector<std::int64_t>> columns;
  std::vector<std::vector<std::int64_t>> points;
  std::vector<std::string> bytes;

  bool operator==(const Columns&) const = default;
};

struct Chunk {
  rowing::Stream stream = rowing::Stream::sample;
  std::uint32_t version = 0;  // of the metric catalogue it was sealed with
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  base::Digest sha256{};  // of the canonical bytes
  base::Bytes body;       // zstd frame of the canonical bytes: what is stored, sent and purged
};

// Canonical bytes of columns, without compression: the general codec for any integer columns. Requires 1 to
// kMaxChunkRecords rows, at most kMaxColumns columns, every list of `rows` entries (points and bytes: or none), and
// kMaxSequence, kMaxRowBytes and kMaxCanonicalBytes kept: else decode_columns will refuse the answer.
base::Bytes encode_columns(rowing::Stream stream, std::uint32_t version, std::uint64_t from, const Columns& columns);

// A chunk as read, its integer columns as steps: what only asks, or passes on, need not have every row of them written
// out. Points and bytes as in Columns.
struct StepChunk {
  rowing::Stream stream = rowing::Stream::sample;
  std::uint32_t version = 0;
  std::uint64_t from = 0;
  StepColumns columns;
  std::vector<std::vector<std::int64_t>> points;
  std::vector<std::string> bytes;
};

// Refuses whatever encode_columns would not have written, to the byte, so that one content has one hash; of a known
// origin a longer encoding than there might be passes. Memory stays within the input's size x 24. Errors: corrupt
// (naming the place), too_large (over a limit above), unsupported (another format version).
base::Result<StepChunk> read_columns(base::ByteView canonical, Origin origin = Origin::anybody);

struct Decoded {
  rowing::Stream stream = rowing::Stream::sample;
  std::uint32_t version = 0;
  std::uint64_t from = 0;
  Columns columns;
};

// Every row of it: 8 bytes x rows x columns. An error passes through.
base::Result<Decoded> write_out(base::Result<StepChunk> chunk);

// Both in one.
base::Result<Decoded> decode_columns(base::ByteView canonical);

// Records of one stream, the first with sequence number `from`. Errors: invalid_input (no records, mixed streams, a
// value out of its metric's range, naming the record), too_large (over a limit above: cut the records into more
// chunks).
base::Result<Chunk> seal_chunk(rowing::Stream stream, std::uint64_t from, std::span<const rowing::Record> records);

// Opens a body from outside: decompression is bounded by kMaxCanonicalBytes, the hash is checked when given, the
// columns must be those of (stream, version), every value in its metric's range. Errors: corrupt, too_large,
// unsupported (newer catalogue or format version).
base::Result<Decoded> open_chunk(base::ByteView body);
base::Result<Decoded> open_chunk(base::ByteView body, const base::Digest& expected);

// Checks all that open_chunk checks, and writes no rows out.
base::Result<StepChunk> read_chunk(base::ByteView body, const base::Digest& expected);

// The same for one whose hash is that of a chunk which read_chunk has read before: only the hash is checked, which says
// the rest.
base::Result<StepChunk> read_known_chunk(base::ByteView body, const base::Digest& expected);

// Rows of a chunk as records; columns that a later catalogue version added are null.
std::vector<rowing::Record> records_of(const Decoded& chunk);

// Root of a sealed stream: SHA-256 over its chunk hashes in order (of no bytes for a stream without chunks).
base::Digest stream_root(std::span<const base::Digest> chunk_hashes);

}  // namespace boathouse::wire
