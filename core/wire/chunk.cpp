// seal_chunk, open_chunk, records_of and stream_root of core/wire/chunk.hpp.
#include "core/wire/chunk.hpp"

#include <algorithm>

#include "core/base/hex.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/wire/compression.hpp"

namespace boathouse::wire {
namespace {

using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;
using rowing::Record;
using rowing::Stream;

constexpr std::int64_t kMaxPoint = UINT16_MAX;  // a force curve's points are 16-bit fields on the wire

Error corrupt_chunk(std::string_view what) { return {ErrorCode::corrupt, "chunk: " + std::string(what)}; }

bool points_in_range(std::span<const std::int64_t> points) {
  return std::ranges::all_of(points, [](std::int64_t point) { return point >= 0 && point <= kMaxPoint; });
}

Status check_record(const Record& record, Stream stream, std::span<const rowing::Metric> metrics) {
  const auto wrong = [](std::string_view what) { return Error{ErrorCode::invalid_input, std::string(what)}; };
  if (record.stream != stream) {
    return wrong("belongs to another stream");
  }
  if (record.values.size() != metrics.size()) {
    return wrong("has " + std::to_string(record.values.size()) + " values, the stream has " +
                 std::to_string(metrics.size()));
  }
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    if (!rowing::in_range(metrics[i], record.values[i])) {
      return wrong(std::string(metrics[i].column) + " = " + std::to_string(record.values[i]) + " is out of range");
    }
  }
  if (!points_in_range(record.points) || (!record.points.empty() && !rowing::has_points(stream))) {
    return wrong("has points that the stream cannot hold");
  }
  if (record.bytes.size() > kMaxRowBytes) {
    return Error{ErrorCode::too_large, "has more than " + std::to_string(kMaxRowBytes) + " bytes"};
  }
  return {};
}

Result<Columns> columns_of(Stream stream, std::span<const Record> records) {
  const auto metrics = rowing::metrics(stream);
  Columns columns;
  columns.rows = records.size();
  columns.columns.assign(metrics.size(), std::vector<std::int64_t>(records.size()));
  std::size_t bytes = 0;
  for (std::size_t row = 0; row < records.size(); ++row) {
    const Record& record = records[row];
    if (auto status = check_record(record, stream, metrics); !status.ok()) {
      return status.error().within("record " + std::to_string(row) + " of a chunk of " +
                                   std::string(rowing::name(stream)));
    }
    for (std::size_t column = 0; column < metrics.size(); ++column) {
      columns.columns[column][row] = record.values[column];
    }
    if (rowing::has_points(stream)) {
      columns.points.push_back(record.points);
    }
    bytes += record.bytes.size();
  }
  if (bytes > kMaxCanonicalBytes) {
    return Error{ErrorCode::too_large, "chunk: records with more than " + std::to_string(kMaxCanonicalBytes) +
                                           " bytes; cut them into more chunks"};
  }
  if (bytes > 0) {
    columns.bytes.reserve(records.size());
    for (const Record& record : records) {
      columns.bytes.push_back(record.bytes);
    }
  }
  return columns;
}

// What decode_columns cannot know: whether the columns are those of the stream, and their values possible.
Status check_against_catalogue(const StepChunk& chunk) {
  if (chunk.version > rowing::kCatalogueVersion) {
    return Error{ErrorCode::unsupported, "chunk: catalogue version " + std::to_string(chunk.version) +
                                             ", this program knows up to " + std::to_string(rowing::kCatalogueVersion) +
                                             "; use a newer program"};
  }
  const std::size_t count = rowing::column_count(chunk.stream, chunk.version);
  if (chunk.columns.size() != count) {
    return corrupt_chunk(std::to_string(chunk.columns.size()) + " columns, stream " +
                         std::string(rowing::name(chunk.stream)) + " has " + std::to_string(count));
  }
  const auto metrics = rowing::metrics(chunk.stream);
  for (std::size_t i = 0; i < count; ++i) {
    const auto max = static_cast<std::uint64_t>(rowing::max_value(metrics[i]));
    const bool possible = std::ranges::all_of(
        chunk.columns[i].steps, [max](const Step& step) { return static_cast<std::uint64_t>(step.value) <= max; });
    if (!possible) {
      return corrupt_chunk("a value of column " + std::string(metrics[i].column) + " is out of range");
    }
  }
  if (rowing::has_points(chunk.stream) == chunk.points.empty()) {
    return corrupt_chunk("points where the stream has none, or none where it has");
  }
  if (!std::ranges::all_of(chunk.points, points_in_range)) {
    return corrupt_chunk("a point is out of range");
  }
  return {};
}

Result<StepChunk> read(ByteView body, const base::Digest* expected, Origin origin) {
  if (body.size() > kMaxChunkBody) {
    return Error{ErrorCode::too_large, "chunk: more than " + std::to_string(kMaxChunkBody) + " bytes compressed"};
  }
  const auto canonical = decompress(body, kMaxCanonicalBytes);
  if (!canonical.ok()) {
    return canonical.error().within("chunk");
  }
  if (expected != nullptr) {
    if (const base::Digest actual = base::sha256(*canonical); actual != *expected) {
      return corrupt_chunk("its SHA-256 is " + base::to_hex(actual) + ", announced was " + base::to_hex(*expected));
    }
  }
  auto chunk = read_columns(*canonical, origin);
  if (chunk.ok() && origin == Origin::anybody) {
    BOATHOUSE_TRY(check_against_catalogue(*chunk));
  }
  return chunk;
}

}  // namespace

Result<Chunk> seal_chunk(Stream stream, std::uint64_t from, std::span<const Record> records) {
  if (records.empty()) {
    return Error{ErrorCode::invalid_input, "a chunk needs a record"};
  }
  if (records.size() > kMaxChunkRecords || from > kMaxSequence - records.size()) {
    return Error{ErrorCode::too_large, "a chunk of " + std::to_string(records.size()) + " records from " +
                                           std::to_string(from) + "; at most " + std::to_string(kMaxChunkRecords) +
                                           " records and sequence numbers to 2^53"};
  }
  const auto columns = columns_of(stream, records);
  if (!columns.ok()) {
    return columns.error();
  }
  const base::Bytes canonical = encode_columns(stream, rowing::kCatalogueVersion, from, *columns);
  Chunk chunk{.stream = stream,
              .version = rowing::kCatalogueVersion,
              .from = from,
              .to = from + records.size(),
              .sha256 = base::sha256(canonical),
              .body = compress(canonical)};
  if (canonical.size() > kMaxCanonicalBytes || chunk.body.size() > kMaxChunkBody) {
    return Error{ErrorCode::too_large, "chunk: " + std::to_string(canonical.size()) + " bytes, " +
                                           std::to_string(chunk.body.size()) +
                                           " compressed; cut the records into more chunks"};
  }
  return chunk;
}

Result<Decoded> open_chunk(ByteView body) { return write_out(read(body, nullptr, Origin::anybody)); }
Result<Decoded> open_chunk(ByteView body, const base::Digest& expected) {
  return write_out(read(body, &expected, Origin::anybody));
}
Result<StepChunk> read_chunk(ByteView body, const base::Digest& expected) {
  return read(body, &expected, Origin::anybody);
}
Result<StepChunk> read_known_chunk(ByteView body, const base::Digest& expected) {
  return read(body, &expected, Origin::known);
}

std::vector<Record> records_of(const Decoded& chunk) {
  const Columns& columns = chunk.columns;
  const std::size_t width = std::max(rowing::metrics(chunk.stream).size(), columns.columns.size());
  std::vector<Record> records(columns.rows);
  for (std::size_t row = 0; row < columns.rows; ++row) {
    Record& record = records[row];
    record.stream = chunk.stream;
    record.values.assign(width, rowing::kNull);
    for (std::size_t column = 0; column < columns.columns.size(); ++column) {
      record.values[column] = columns.columns[column][row];
    }
    if (!columns.points.empty()) {
      record.points = columns.points[row];
    }
    if (!columns.bytes.empty()) {
      record.bytes = columns.bytes[row];
    }
  }
  return records;
}

base::Digest stream_root(std::span<const base::Digest> chunk_hashes) {
  base::Sha256 root;
  for (const base::Digest& hash : chunk_hashes) {
    root.update(hash);
  }
  return root.finish();
}

}  // namespace boathouse::wire
