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
  bool is_sent = false;  // of what may be missing: a row has a value
  ByteWriter before;     // of Nullable, a mark a row; of Array, where each row ends
  ByteWriter values;
};

// Bytes of a value; at least so many.
std::size_t width_of(std::string_view type) {
  if (type == "UUID") return 16;
  if (type == "UInt64" || type.starts_with("DateTime64")) return 8;
  if (type.ends_with("UInt32)") || type == "UInt32") return 4;
  return type.ends_with("UInt16)") ? 2 : 1;
}

// By doubling what is there: a copy a row would be a call a row.
void repeat(ByteWriter& out, std::span<const std::uint8_t> value, std::size_t rows) {
  const auto all = out.extend(value.size() * rows);
  if (all.empty()) return;
  std::ranges::copy(value, all.begin());
  for (std::size_t done = value.size(); done < all.size();) {
    const std::size_t more = std::min(done, all.size() - done);
    std::memcpy(all.data() + done, all.data(), more);
    done += more;
  }
}

void count_up(ByteWriter& out, std::uint64_t from, std::size_t rows) {
  const auto all = out.extend(sizeof(std::uint32_t) * rows);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto seq = static_cast<std::uint32_t>(from + row);
    std::memcpy(&all[row * sizeof seq], &seq, sizeof seq);
  }
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
void add_nullable(Column& column, const wire::StepColumn& steps) {
  const auto marks = column.before.extend(steps.rows);
  const auto narrow = column.values.extend(steps.rows * sizeof(Integer));
  wire::for_each_step(steps, [&](std::size_t begin, std::size_t end, std::int64_t wide) {
    if (wide == rowing::kNull) return static_cast<void>(std::ranges::fill(marks.subspan(begin, end - begin), 1));
    const auto value = static_cast<Integer>(wide);
    for (std::size_t row = begin; row < end; ++row)
      std::memcpy(&narrow[row * sizeof(Integer)], &value, sizeof(Integer));
  });
}

void add_metric(Column& column, const wire::StepColumn& steps) {
  if (column.type == "Nullable(UInt8)") {
    add_nullable<std::uint8_t>(column, steps);
  } else if (column.type == "Nullable(UInt16)") {
    add_nullable<std::uint16_t>(column, steps);
  } else {
    add_nullable<std::uint32_t>(column, steps);
  }
}

// NULL, or "": a mark and a 0, or a length of 0.
void add_missing(Column& column, std::size_t rows) {
  if (column.type.starts_with("Nullable")) std::ranges::fill(column.before.extend(rows), std::uint8_t{1});
  static_cast<void>(column.values.extend(rows * width_of(column.type)));
}

// The rows of one insert, columns in the order of table_columns(). A metric that no row has, or bytes, are not sent:
// ClickHouse puts in NULL, or "", for less than it takes to lay them out, to send them and to read them.
class Rows {
 public:
  // `expected` of them will be added: columns that grow by doubling would be copied as often as written.
  Rows(rowing::Stream stream, std::size_t expected, SpareColumns* spare)
      : stream_(stream), expected_(expected), spare_(spare) {
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
      if (!column.type.starts_with("Nullable") && column.type != "String") send(column);
    }
  }

  void add(const ledger::LoadItem& item, const wire::StepChunk& chunk) {
    const std::size_t rows = chunk.columns.rows();
    auto column = columns_.begin();
    repeat_uuid((column++)->values, item.athlete, rows);
    repeat_integer((column++)->values, item.started_ms, rows);
    repeat_uuid((column++)->values, item.rec_id, rows);
    count_up((column++)->values, chunk.from, rows);
    for (std::size_t m = 0; m < rowing::metrics(stream_).size(); ++m, ++column) {
      const bool has_values = m < chunk.columns.size() && !chunk.columns[m].steps.empty();
      if (has_values && !column->is_sent) send(*column);
      if (has_values) {
        add_metric(*column, chunk.columns[m]);
      } else if (column->is_sent) {
        add_missing(*column, rows);
      }
    }
    if (rowing::has_points(stream_)) add_points(*column++, chunk.points, rows);
    Column& tails = *column++;
    if (!chunk.bytes.empty() && !tails.is_sent) send(tails);
    if (chunk.bytes.empty() && tails.is_sent) add_missing(tails, rows);
    for (const std::string& tail : chunk.bytes) {
      tails.values.varint(tail.size());
      tails.values.bytes(base::as_bytes(tail));
    }
    repeat_integer(column->values, item.server_seq, rows);
    rows_ += rows;
  }

  [[nodiscard]] std::size_t bytes() const {
    std::size_t all = 0;
    for (const Column& column : columns_) all += column.before.size() + column.values.size();
    return all;
  }

  // The insert's text, rows and bytes; afterwards nothing is left here.
  InsertBody finish() {
    std::erase_if(columns_, [](const Column& column) { return !column.is_sent; });
    InsertBody insert;
    insert.rows = rows_;
    insert.sql = "INSERT INTO " + std::string(rowing::name(stream_)) + " (";
    for (const Column& column : columns_) {
      if (!insert.sql.ends_with('(')) insert.sql += ", ";
      insert.sql += column.name;
    }
    insert.sql += ")";
    ByteWriter head;
    head.varint(columns_.size());
    head.varint(rows_);
    for (Column& column : columns_) {
      for (const std::string& text : {column.name, column.type}) {
        head.varint(text.size());
        head.bytes(base::as_bytes(text));
      }
      for (ByteWriter* const piece : {&head, &column.before, &column.values}) {
        if (piece->size() > 0) insert.native.push_back(piece->take());
      }
    }
    return insert;
  }

 private:
  void add_points(Column& column, const std::vector<std::vector<std::int64_t>>& points, std::size_t rows) {
    const auto ends = column.before.extend(rows * sizeof points_);
    for (std::size_t row = 0; row < rows; ++row) {
      if (!points.empty()) {
        const std::vector<std::int64_t>& curve = points[row];
        const auto narrow = column.values.extend(curve.size() * sizeof(std::uint16_t));
        for (std::size_t i = 0; i < curve.size(); ++i) {
          const auto point = static_cast<std::uint16_t>(curve[i]);
          std::memcpy(&narrow[i * sizeof point], &point, sizeof point);
        }
        points_ += curve.size();
      }
      std::memcpy(&ends[row * sizeof points_], &points_, sizeof points_);
    }
  }

  // From now on; the rows so far have none.
  void send(Column& column) {
    column.is_sent = true;
    column.values = room(expected_ * width_of(column.type));
    if (column.type.starts_with("Nullable")) column.before = room(expected_);
    add_missing(column, rows_);
  }

  [[nodiscard]] ByteWriter room(std::size_t bytes) const {
    ByteWriter writer(spare_ == nullptr ? base::Bytes() : spare_->take(bytes));
    writer.reserve(bytes);
    return writer;
  }

  const rowing::Stream stream_;
  const std::size_t expected_;
  SpareColumns* const spare_;
  std::vector<Column> columns_;
  std::uint64_t rows_ = 0;
  std::uint64_t points_ = 0;
};

}  // namespace

base::Bytes InsertBody::joined() const {
  ByteWriter all;
  for (const base::Bytes& piece : native) all.bytes(piece);
  return all.take();
}

bool fits_table(const ledger::LoadItem& item) { return item.to <= wire::kMaxStreamRecords; }

base::Result<InsertBody> make_insert(const ledger::LoadBlock& block, std::size_t first, std::size_t max_bytes,
                                     SpareColumns* spare) {
  const std::span<const ledger::LoadItem> items = std::span(block.items).subspan(first);
  std::size_t expected = 0;
  for (const ledger::LoadItem& item : items) expected += item.to - item.from;
  Rows rows(block.stream, expected, spare);
  std::size_t taken = 0;
  for (; taken < items.size() && rows.bytes() < max_bytes; ++taken) {
    const ledger::LoadItem& item = items[taken];
    if (!fits_table(item)) {
      return base::Error{base::ErrorCode::too_large, "chunk " + std::to_string(item.server_seq) + " ends at record " +
                                                         std::to_string(item.to) + ", tables hold up to " +
                                                         std::to_string(wire::kMaxStreamRecords)};
    }
    auto chunk = wire::read_known_chunk(item.body, item.sha256);  // the ledger took none that could not be read
    if (!chunk) return chunk.error().within("chunk " + std::to_string(item.server_seq));
    rows.add(item, *chunk);
  }
  InsertBody insert = rows.finish();
  insert.items = taken;
  return insert;
}

}  // namespace boathouse::timeseries
