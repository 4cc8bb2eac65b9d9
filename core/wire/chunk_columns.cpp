// encode_columns and decode_columns of core/wire/chunk.hpp: the canonical bytes.
#include <algorithm>
#include <array>
#include <optional>

#include "core/wire/chunk.hpp"
#include "core/wire/integer_columns.hpp"

namespace boathouse::wire {
namespace {

using base::ByteReader;
using base::ByteView;
using base::ByteWriter;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

// On disk and on the wire: never change.
constexpr std::array<std::uint8_t, 3> kChunkMagic{'B', 'H', 'C'};
constexpr std::uint8_t kFormat = 1;
constexpr std::uint8_t kHasPoints = 0x01;
constexpr std::uint8_t kHasBytes = 0x02;

Error corrupt_columns(std::string_view what) { return {ErrorCode::corrupt, "chunk: " + std::string(what)}; }

// How many bytes of its own each row has: 0 = the bytes of the row before (before the first row: none), n + 1 = n bytes
// that follow. Firmware that appends bytes to a notification mostly appends the same ones again.
IntegerColumn own_bytes(const std::vector<std::string>& bytes) {
  IntegerColumn column;
  column.reserve(bytes.size());
  std::string_view before;
  for (const std::string& row : bytes) {
    column.push_back(row == before ? 0 : static_cast<std::int64_t>(row.size()) + 1);
    before = row;
  }
  return column;
}

void append_points(const std::vector<std::int64_t>& curve, ByteWriter& out) {
  std::uint64_t before = 0;
  for (const std::int64_t point : curve) {
    out.zigzag(static_cast<std::int64_t>(static_cast<std::uint64_t>(point) - before));
    before = static_cast<std::uint64_t>(point);
  }
}

struct Header {
  StepChunk chunk;  // but for what follows the header
  std::size_t rows = 0;
  std::size_t columns = 0;
  bool has_points = false;
  bool has_bytes = false;
};

Result<Header> read_header(ByteReader& in) {
  const ByteView magic = in.bytes(kChunkMagic.size());
  if (!std::ranges::equal(magic, kChunkMagic)) {
    return corrupt_columns("does not begin with \"BHC\"");
  }
  const std::uint8_t format = in.u8();
  if (in.ok() && format != kFormat) {
    return Error{ErrorCode::unsupported, "chunk: format version " + std::to_string(format) + ", this program knows " +
                                             std::to_string(kFormat) + "; use a newer program"};
  }
  const std::uint8_t stream = in.u8();
  const std::uint64_t version = in.varint();
  const std::uint64_t from = in.varint();
  const std::uint64_t rows = in.varint();
  const std::uint64_t columns = in.varint();
  const std::uint8_t flags = in.u8();
  if (!in.ok()) {
    return corrupt_columns("the header is cut off, or a number is not in its one form");
  }
  const auto known_stream = rowing::stream_from_number(stream);
  if (!known_stream) {
    return Error{ErrorCode::unsupported, "chunk: stream " + std::to_string(stream) + " is not known here"};
  }
  if (version == 0 || version > UINT32_MAX || rows == 0 || flags > (kHasPoints | kHasBytes)) {
    return corrupt_columns("version, number of rows or flags out of range");
  }
  if (rows > kMaxChunkRecords || columns > kMaxColumns || from > kMaxSequence - rows) {
    return Error{ErrorCode::too_large, "chunk: more than " + std::to_string(kMaxChunkRecords) + " rows, " +
                                           std::to_string(kMaxColumns) + " columns or a sequence number above 2^53"};
  }
  Header header;
  header.chunk.stream = *known_stream;
  header.chunk.version = static_cast<std::uint32_t>(version);
  header.chunk.from = from;
  header.rows = static_cast<std::size_t>(rows);
  header.columns = static_cast<std::size_t>(columns);
  header.has_points = (flags & kHasPoints) != 0;
  header.has_bytes = (flags & kHasBytes) != 0;
  return header;
}

Status read_points(ByteReader& in, const IntegerColumn& lengths, std::vector<std::vector<std::int64_t>>& points) {
  points.resize(lengths.size());
  for (std::size_t row = 0; row < lengths.size(); ++row) {
    // Each point takes at least one byte, so this bounds the memory too. A null is below 0.
    if (lengths[row] < 0 || static_cast<std::uint64_t>(lengths[row]) > in.remaining()) {
      return corrupt_columns("row " + std::to_string(row) + ": more points than bytes");
    }
    points[row].resize(static_cast<std::size_t>(lengths[row]));
    std::uint64_t value = 0;
    for (std::int64_t& point : points[row]) {
      value += static_cast<std::uint64_t>(in.zigzag());
      point = static_cast<std::int64_t>(value);
    }
    if (!in.ok()) {
      return corrupt_columns("row " + std::to_string(row) +
                             ": points cut off, or a number that is not in its one form");
    }
  }
  return {};
}

Status read_bytes(ByteReader& in, const IntegerColumn& lengths, std::vector<std::string>& bytes) {
  const auto wrong = [&](std::string_view what) {
    return corrupt_columns("row " + std::to_string(bytes.size()) + ": " + std::string(what));
  };
  bytes.reserve(lengths.size());
  std::size_t total = 0;  // with repeats, which take no bytes here but memory
  bool any = false;
  for (const std::int64_t length : lengths) {
    const std::string_view before = bytes.empty() ? std::string_view() : std::string_view(bytes.back());
    std::string_view own = before;
    if (length != 0) {
      if (length < 0 || static_cast<std::uint64_t>(length) - 1 > in.remaining()) {
        return wrong("more bytes than there are");
      }
      own = base::as_text(in.bytes(static_cast<std::size_t>(length - 1)));
      if (own == before) {
        return wrong("repeats the bytes of the row before");
      }
      any = true;
    }
    total += own.size();
    if (own.size() > kMaxRowBytes || total > kMaxCanonicalBytes) {
      return Error{ErrorCode::too_large, "chunk: more than " + std::to_string(kMaxRowBytes) + " bytes in a row or " +
                                             std::to_string(kMaxCanonicalBytes) + " in all"};
    }
    bytes.emplace_back(own);
  }
  return any ? Status() : corrupt_columns("a list of bytes without any");
}

}  // namespace

base::Bytes encode_columns(rowing::Stream stream, std::uint32_t version, std::uint64_t from, const Columns& columns) {
  const bool has_points = !columns.points.empty();
  const bool has_bytes = std::ranges::any_of(columns.bytes, [](const std::string& row) { return !row.empty(); });

  ByteWriter out;
  out.bytes(kChunkMagic);
  out.u8(kFormat);
  out.u8(static_cast<std::uint8_t>(stream));
  out.varint(version);
  out.varint(from);
  out.varint(columns.rows);
  out.varint(columns.columns.size());
  out.u8(static_cast<std::uint8_t>((has_points ? kHasPoints : 0) | (has_bytes ? kHasBytes : 0)));

  // The lengths of points and bytes are integer columns like the others.
  std::vector<const IntegerColumn*> integers;
  integers.reserve(columns.columns.size() + 2);
  for (const IntegerColumn& column : columns.columns) {
    integers.push_back(&column);
  }
  IntegerColumn point_counts;
  if (has_points) {
    for (const auto& curve : columns.points) {
      point_counts.push_back(static_cast<std::int64_t>(curve.size()));
    }
    integers.push_back(&point_counts);
  }
  IntegerColumn byte_counts;
  if (has_bytes) {
    byte_counts = own_bytes(columns.bytes);
    integers.push_back(&byte_counts);
  }
  append_integer_columns(integers, columns.rows, out);

  for (const auto& curve : columns.points) {
    append_points(curve, out);
  }
  for (std::size_t row = 0; row < byte_counts.size(); ++row) {
    if (byte_counts[row] != 0) {
      out.bytes(base::as_bytes(columns.bytes[row]));
    }
  }
  return out.take();
}

Result<StepChunk> read_columns(ByteView canonical, Origin origin) {
  if (canonical.size() > kMaxCanonicalBytes) {
    return Error{ErrorCode::too_large, "chunk: more than " + std::to_string(kMaxCanonicalBytes) + " canonical bytes"};
  }
  ByteReader in(canonical);
  auto header = read_header(in);
  if (!header.ok()) {
    return header.error();
  }
  const std::size_t lengths = (header->has_points ? 1U : 0U) + (header->has_bytes ? 1U : 0U);
  auto columns = read_integer_columns(in, header->columns + lengths, header->rows, origin);
  if (!columns.ok()) {
    return columns.error();
  }
  StepChunk& chunk = header->chunk;
  if (header->has_points) {
    BOATHOUSE_TRY(read_points(in, values_of((*columns)[header->columns]), chunk.points));
  }
  if (header->has_bytes) {
    BOATHOUSE_TRY(read_bytes(in, values_of((*columns)[columns->size() - 1]), chunk.bytes));
  }
  if (!in.at_end()) {
    return corrupt_columns(std::to_string(in.remaining()) + " bytes follow its end");
  }
  columns->drop_last(lengths);
  chunk.columns = std::move(*columns);
  return std::move(chunk);
}

Result<Decoded> decode_columns(ByteView canonical) { return write_out(read_columns(canonical)); }

Result<Decoded> write_out(Result<StepChunk> chunk) {
  if (!chunk.ok()) {
    return chunk.error();
  }
  Decoded decoded;
  decoded.stream = chunk->stream;
  decoded.version = chunk->version;
  decoded.from = chunk->from;
  decoded.columns.rows = chunk->columns.rows();
  decoded.columns.columns.reserve(chunk->columns.size());
  for (std::size_t i = 0; i < chunk->columns.size(); ++i) {
    decoded.columns.columns.push_back(values_of(chunk->columns[i]));
  }
  decoded.columns.points = std::move(chunk->points);
  decoded.columns.bytes = std::move(chunk->bytes);
  return decoded;
}

}  // namespace boathouse::wire
