#include "server/timeseries/blocks.hpp"

#include "core/rowing/record.hpp"
#include "core/wire/chunk.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::timeseries {
namespace {

NativeColumn make_column(std::string_view name, std::string type) {
  return {std::string(name), std::move(type), {}, {}, {}, {}, {}};
}

// Columns in the order of table_columns().
NativeBlock empty_block(rowing::Stream stream) {
  NativeBlock block;
  block.columns.push_back(make_column("athlete", "UUID"));
  block.columns.push_back(make_column("started", "DateTime64(3, 'UTC')"));
  block.columns.push_back(make_column("rec_id", "UUID"));
  block.columns.push_back(make_column("seq", "UInt32"));
  for (const rowing::Metric& metric : rowing::metrics(stream)) {
    block.columns.push_back(make_column(metric.column, "Nullable(" + std::string(integer_type(metric)) + ")"));
  }
  if (rowing::has_points(stream)) block.columns.push_back(make_column("points", "Array(UInt16)"));
  block.columns.push_back(make_column(rowing::bytes_column(stream), "String"));
  block.columns.push_back(make_column("ver", "UInt64"));
  return block;
}

// Vectors of a block are large: growing them step by step would copy each row twice and touch twice the memory.
void reserve(NativeBlock& block, std::size_t rows) {
  for (NativeColumn& column : block.columns) {
    if (column.type == "UUID") {
      column.uuids.reserve(rows);
    } else if (column.type == "String") {
      column.texts.reserve(rows);
    } else if (column.type.starts_with("Array(")) {
      column.arrays.reserve(rows);
    } else {
      column.integers.reserve(rows);
    }
  }
}

void append_chunk(NativeBlock& block, const ledger::LoadItem& item, const wire::Decoded& chunk) {
  const std::size_t rows = chunk.columns.rows;
  const std::size_t metric_count = rowing::metrics(chunk.stream).size();
  auto column = block.columns.begin();
  const auto next = [&column]() -> NativeColumn& { return *column++; };
  auto& athlete = next().uuids;
  athlete.insert(athlete.end(), rows, item.athlete);
  auto& started = next().integers;
  started.insert(started.end(), rows, item.started_ms);
  auto& rec_id = next().uuids;
  rec_id.insert(rec_id.end(), rows, item.rec_id);
  auto& seq = next().integers;
  for (std::size_t row = 0; row < rows; ++row) seq.push_back(static_cast<std::int64_t>(chunk.from + row));
  for (std::size_t m = 0; m < metric_count; ++m) {
    auto& values = next().integers;
    if (m < chunk.columns.columns.size()) {
      values.insert(values.end(), chunk.columns.columns[m].begin(), chunk.columns.columns[m].end());
    } else {
      values.insert(values.end(), rows, rowing::kNull);  // sealed before this metric existed
    }
  }
  if (rowing::has_points(chunk.stream)) {
    auto& points = next().arrays;
    points.insert(points.end(), chunk.columns.points.begin(), chunk.columns.points.end());
    points.resize(seq.size());
  }
  auto& bytes = next().texts;
  bytes.insert(bytes.end(), chunk.columns.bytes.begin(), chunk.columns.bytes.end());
  bytes.resize(seq.size());
  auto& version = next().integers;
  version.insert(version.end(), rows, item.server_seq);
  block.rows += rows;
}

}  // namespace

base::Result<InsertBody> make_insert(const ledger::LoadBlock& block) {
  NativeBlock native = empty_block(block.stream);
  std::size_t rows = 0;
  for (const ledger::LoadItem& item : block.items) rows += item.to - item.from;
  reserve(native, rows);
  for (const ledger::LoadItem& item : block.items) {
    auto chunk = wire::open_chunk(item.body, item.sha256);
    if (!chunk) return chunk.error().within("chunk " + std::to_string(item.server_seq));
    append_chunk(native, item, *chunk);
  }
  InsertBody insert;
  insert.rows = native.rows;
  insert.sql = "INSERT INTO " + std::string(rowing::name(block.stream)) + " (";
  for (const std::string& name : table_columns(block.stream)) {
    if (!insert.sql.ends_with('(')) insert.sql += ", ";
    insert.sql += name;
  }
  insert.sql += ")";
  base::ByteWriter out;
  write_native(out, native);
  insert.native = out.take();
  return insert;
}

}  // namespace boathouse::timeseries
