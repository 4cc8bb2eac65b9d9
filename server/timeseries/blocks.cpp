#include "server/timeseries/blocks.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "core/rowing/record.hpp"
#include "core/wire/chunk.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::timeseries {
namespace {

using base::ByteWriter;

// A column as Native has it, under way. A block of a million rows holds 60 of them: nothing is kept wider than it is
// sent, and nothing is looked up a row.
struct Column {
  Column(std::string_view the_name, std::string the_type) : name(the_name), type(std::move(the_type)) {}

  std::string name;
  std::string type;
  ByteWriter before;  // of Nullable, a mark a row; of Array, where each row ends
  ByteWriter values;
};

// Bytes of a value; at least so many.
std::size_t width_of(std::string_view type) {
  if (type == "UUID") return 16;
  if (type == "UInt64" || type.starts_with("DateTime64")) return 8;
  if (type.ends_with("UInt32)") || type == "UInt32") return 4;
  return type.ends_with("UInt16)") ? 2 : 1;
}

void repeat(ByteWriter& out, std::span<const std::uint8_t> value, std::size_t rows) {
  const auto all = out.extend(value.size() * rows);
  for (std::size_t at = 0; at < all.size(); at += value.size())
    std::ranges::copy(value, all.begin() + static_cast<std::ptrdiff_t>(at));
}

void repeat_integer(ByteWriter& out, std::int64_t value, std::size_t rows) {
  ByteWriter one;
  one.u64(static_cast<std::uint64_t>(value));
  repeat(out, one.view(), rows);
}

// Two 64-bit halves, each little-endian, as native.cpp has it.
void repeat_uuid(ByteWriter& out, const base::Uuid& uuid, std::size_t rows) {
  std::array<std::uint8_t, 16> turned{};
  for (std::size_t i = 0; i < 8; ++i) {
    turned[i] = uuid.bytes[7 - i];
    turned[8 + i] = uuid.bytes[15 - i];
  }
  repeat(out, turned, rows);
}

template <typename Integer>
void add_nullable(Column& column, std::span<const std::int64_t> values) {
  const auto marks = column.before.extend(values.size());
  const auto narrow = column.values.extend(values.size() * sizeof(Integer));
  for (std::size_t row = 0; row < values.size(); ++row) {
    const bool is_null = values[row] == rowing::kNull;
    const Integer value = is_null ? Integer{0} : static_cast<Integer>(values[row]);
    marks[row] = is_null ? 1 : 0;
    std::memcpy(&narrow[row * sizeof(Integer)], &value, sizeof(Integer));
  }
}

void add_metric(Column& column, std::span<const std::int64_t> values) {
  if (column.type == "Nullable(UInt8)") {
    add_nullable<std::uint8_t>(column, values);
  } else if (column.type == "Nullable(UInt16)") {
    add_nullable<std::uint16_t>(column, values);
  } else {
    add_nullable<std::uint32_t>(column, values);
  }
}

// The rows of one insert, columns in the order of table_columns().
class Rows {
 public:
  // `expected` of them will be added: columns that grow by doubling would be copied as often as written.
  Rows(rowing::Stream stream, std::size_t expected) : stream_(stream) {
    columns_.emplace_back("athlete", "UUID");
    columns_.emplace_back("started", "DateTime64(3, 'UTC')");
    columns_.emplace_back("rec_id", "UUID");
    columns_.emplace_back("seq", "UInt32");
    for (const rowing::Metric& metric : rowing::metrics(stream)) {
      columns_.emplace_back(metric.column, "Nullable(" + std::string(integer_type(metric)) + ")");
    }
    if (rowing::has_points(stream)) columns_.emplace_back("points", "Array(UInt16)");
    columns_.emplace_back(rowing::bytes_column(stream), "String");
    columns_.emplace_back("ver", "UInt64");
    for (Column& column : columns_) {
      column.values.reserve(expected * width_of(column.type));
      if (column.type.starts_with("Nullable")) column.before.reserve(expected);
    }
  }

  void add(const ledger::LoadItem& item, const wire::Decoded& chunk) {
    const std::size_t rows = chunk.columns.rows;
    auto column = columns_.begin();
    repeat_uuid((column++)->values, item.athlete, rows);
    repeat_integer((column++)->values, item.started_ms, rows);
    repeat_uuid((column++)->values, item.rec_id, rows);
    ByteWriter& seq = (column++)->values;
    for (std::size_t row = 0; row < rows; ++row) seq.u32(static_cast<std::uint32_t>(chunk.from + row));
    // Sealed before a metric existed: null.
    const std::vector<std::int64_t> missing(rows, rowing::kNull);
    for (std::size_t m = 0; m < rowing::metrics(stream_).size(); ++m) {
      add_metric(*column++, m < chunk.columns.columns.size() ? chunk.columns.columns[m] : missing);
    }
    if (rowing::has_points(stream_)) add_points(*column++, chunk.columns.points, rows);
    ByteWriter& tails = (column++)->values;
    if (chunk.columns.bytes.empty()) static_cast<void>(tails.extend(rows));  // the length of each: 0
    for (const std::string& tail : chunk.columns.bytes) {
      tails.varint(tail.size());
      tails.bytes(base::as_bytes(tail));
    }
    repeat_integer(column->values, item.server_seq, rows);
    rows_ += rows;
  }

  [[nodiscard]] std::uint64_t count() const { return rows_; }

  // The block; afterwards nothing is left here.
  base::Bytes finish() {
    std::size_t size = 0;
    for (const Column& column : columns_) size += 64 + column.before.size() + column.values.size();
    ByteWriter out;
    out.reserve(size);
    out.varint(columns_.size());
    out.varint(rows_);
    for (Column& column : columns_) {
      for (const std::string& text : {column.name, column.type}) {
        out.varint(text.size());
        out.bytes(base::as_bytes(text));
      }
      out.bytes(column.before.take());
      out.bytes(column.values.take());
    }
    return out.take();
  }

 private:
  void add_points(Column& column, const std::vector<std::vector<std::int64_t>>& points, std::size_t rows) {
    for (std::size_t row = 0; row < rows; ++row) {
      if (!points.empty()) {
        for (const std::int64_t point : points[row]) column.values.u16(static_cast<std::uint16_t>(point));
        points_ += points[row].size();
      }
      column.before.u64(points_);
    }
  }

  const rowing::Stream stream_;
  std::vector<Column> columns_;
  std::uint64_t rows_ = 0;
  std::uint64_t points_ = 0;
};

}  // namespace

base::Result<InsertBody> make_insert(const ledger::LoadBlock& block) {
  std::size_t expected = 0;
  for (const ledger::LoadItem& item : block.items) expected += item.to - item.from;
  Rows rows(block.stream, expected);
  for (const ledger::LoadItem& item : block.items) {
    auto chunk = wire::open_known_chunk(item.body, item.sha256);  // the ledger took none that could not be opened
    if (!chunk) return chunk.error().within("chunk " + std::to_string(item.server_seq));
    rows.add(item, *chunk);
  }
  InsertBody insert;
  insert.rows = rows.count();
  insert.sql = "INSERT INTO " + std::string(rowing::name(block.stream)) + " (";
  for (const std::string& name : table_columns(block.stream)) {
    if (!insert.sql.ends_with('(')) insert.sql += ", ";
    insert.sql += name;
  }
  insert.sql += ")";
  insert.native = rows.finish();
  return insert;
}

}  // namespace boathouse::timeseries
