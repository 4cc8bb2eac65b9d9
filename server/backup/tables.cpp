#include "server/backup/tables.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/hex.hpp"
#include "server/sql/rows.hpp"

namespace boathouse::backup {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

namespace {

// Rows that PostgreSQL hands over at a time; some are as large as a body.
constexpr std::string_view kPage = "64";
constexpr std::uint64_t kCommitBytes = std::uint64_t{32} << 20;
constexpr std::uint64_t kWatchBytes = std::uint64_t{1} << 20;

constexpr std::size_t kMaxAltered = 1000;

// A text as a database of this kind can hold it.
std::string text_in(sql::Dialect in, std::string_view text) {
  std::string held(text);
  if (in == sql::Dialect::postgres) {
    for (std::size_t at = held.find('\0'); at != std::string::npos; at = held.find('\0', at)) {
      held.replace(at, 1, "\xef\xbf\xbd");
    }
  }
  return held;
}

std::string column_list(const Table& table) {
  std::string list;
  for (const Column& column : table.columns) {
    list += (list.empty() ? "" : ", ") + column.name;
  }
  return list;
}

std::uint64_t size_of(const sql::Statement& row, const Table& table) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const int column = static_cast<int>(i);
    bytes += table.columns[i].kind == ColumnKind::integer ? 8 : row.blob(column).size() + 4;
  }
  return bytes;
}

// For people: its first column, which is its key or begins it.
std::string key_of(const sql::Statement& row, const Table& table) {
  const Column& first = table.columns.front();
  return first.name + " " +
         (first.kind == ColumnKind::integer ? std::to_string(row.integer(0))
          : first.kind == ColumnKind::blob  ? base::to_hex(row.blob(0))
                                            : text_in(sql::Dialect::postgres, row.text(0)));
}

// The identity that PostgreSQL has behind a table's first column; "" = none.
Result<std::string> sequence_of(sql::Connection& postgres, const Table& table) {
  auto select = postgres.prepare("SELECT coalesce(pg_get_serial_sequence(?1, ?2), '')");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, table.name).bind(2, table.columns.front().name).step();
  if (!row) {
    return row.error();
  }
  return std::string(select->text(0));
}

Status set_next_id(sql::Connection& connection, const Table& table, std::int64_t last) {
  if (connection.dialect() == sql::Dialect::sqlite) {
    if (!table.never_again) {
      return {};
    }
    BOATHOUSE_TRY(connection.execute("DELETE FROM sqlite_sequence WHERE name = '" + table.name + "'"));
    return connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('" + table.name + "', " +
                              std::to_string(last) + ")");
  }
  const auto sequence = sequence_of(connection, table);
  if (!sequence) {
    return sequence.error();
  }
  if (sequence->empty()) {
    return {};
  }
  const std::string value = last > 0 ? std::to_string(last) + ", true" : "1, false";
  return connection.execute("SELECT setval('" + *sequence + "', " + value + ")");
}

Result<std::int64_t> last_id(sql::Connection& connection, const Table& table) {
  const auto largest = number_of(connection, "SELECT max(" + table.columns.front().name + ") FROM " + table.name);
  if (!largest || !table.never_again) {
    return largest;
  }
  if (connection.dialect() == sql::Dialect::sqlite) {
    const auto given = number_of(connection, "SELECT seq FROM sqlite_sequence WHERE name = '" + table.name + "'");
    return given ? Result<std::int64_t>(std::max(*largest, *given)) : given;
  }
  const auto sequence = sequence_of(connection, table);
  if (!sequence) {
    return sequence.error();
  }
  const auto given =
      number_of(connection, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM " + *sequence);
  return given ? Result<std::int64_t>(std::max(*largest, *given)) : given;
}

// `take` is called for each row, with its bytes.
template <typename Take>
Status read_all(RowReader& reader, const Watch& watch, Take take) {
  std::uint64_t unseen = 0;
  while (true) {
    const auto row = reader.next();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return watch(unseen);
    }
    const std::uint64_t bytes = reader.bytes();
    BOATHOUSE_TRY(take(bytes));
    if ((unseen += bytes) >= kWatchBytes) {
      BOATHOUSE_TRY(watch(std::exchange(unseen, 0)));
    }
  }
}

}  // namespace

void TableSum::add(const base::Digest& row) {
  ++rows;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    sum[i] = static_cast<std::uint8_t>(sum[i] ^ row[i]);
  }
}

Result<std::int64_t> number_of(sql::Connection& connection, std::string_view query) {
  const auto number = sql::first_integer(connection, query);
  return number ? Result<std::int64_t>(number->value_or(0)) : number.error();
}

Result<std::vector<Table>> tables_of(sql::Connection& sqlite) {
  std::vector<Table> tables;
  auto select = sqlite.prepare(
      "SELECT name, sql LIKE '%AUTOINCREMENT%' FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
      "ORDER BY rowid");
  if (!select) {
    return select.error();
  }
  BOATHOUSE_TRY(sql::each_row(*select, [&tables](const sql::Statement& row) {
    tables.push_back({std::string(row.text(0)), {}, row.integer(1) != 0});
  }));
  auto columns = sqlite.prepare("SELECT name, type FROM pragma_table_info(?1) ORDER BY cid");
  if (!columns) {
    return columns.error();
  }
  for (Table& table : tables) {
    columns->bind(1, table.name);
    while (true) {
      const auto row = columns->step();
      if (!row) {
        return row.error();
      }
      if (!*row) {
        break;
      }
      const std::string_view type = columns->text(1);
      const ColumnKind kind = type == "BLOB"   ? ColumnKind::blob
                              : type == "TEXT" ? ColumnKind::text
                                               : ColumnKind::integer;
      table.columns.push_back({std::string(columns->text(0)), kind});
    }
  }
  return tables;
}

Result<std::int64_t> version_of(sql::Connection& connection, const sql::Schema& schema) {
  const std::string name(schema.name);
  Result<std::int64_t> version = std::int64_t{0};
  if (connection.dialect() == sql::Dialect::sqlite) {
    const auto owner = number_of(connection, "PRAGMA application_id");
    if (!owner) {
      return owner.error();
    }
    const auto objects = number_of(connection, "SELECT count(*) FROM sqlite_schema");
    if (!objects) {
      return objects.error();
    }
    if (*owner != schema.application_id && (*owner != 0 || *objects != 0)) {
      return Error{ErrorCode::unsupported, "the file is not a " + name + " of Boathouse"};
    }
    version = number_of(connection, "PRAGMA user_version");
  } else {
    const auto there =
        number_of(connection, "SELECT CASE WHEN to_regclass('boathouse_schema') IS NULL THEN 0 ELSE 1 END");
    if (!there) {
      return there.error();
    }
    if (*there == 0) {
      return 0;
    }
    version =
        number_of(connection, "SELECT coalesce(max(version), 0) FROM boathouse_schema WHERE name = '" + name + "'");
  }
  if (version && *version > std::int64_t{schema.migrations.back().version}) {
    return Error{ErrorCode::unsupported,
                 "the " + name + " is of version " + std::to_string(*version) + ", this program knows up to " +
                     std::to_string(schema.migrations.back().version) + "; use a newer program"};
  }
  return version;
}

Result<bool> is_absent(const sql::Place& place, const sql::Schema& schema) {
  if (!place.sqlite_file.empty()) {
    return !std::filesystem::exists(place.sqlite_file);
  }
  auto connection = sql::Connection::open(place);
  if (!connection) {
    return connection.error();
  }
  const auto version = version_of(*connection, schema);
  if (!version) {
    return version.error();
  }
  return *version == 0;
}

sql::Schema schema_at(const sql::Schema& schema, std::int64_t version) {
  return {schema.name, schema.application_id, schema.migrations.first(static_cast<std::size_t>(version))};
}

Result<RowReader> RowReader::open(sql::Connection& connection, const Table& table, const std::string& rest) {
  const std::string query = "SELECT " + column_list(table) + " FROM " + table.name + " " + rest;
  const bool paged = connection.dialect() == sql::Dialect::postgres;
  if (paged) {
    BOATHOUSE_TRY(connection.execute("CLOSE ALL; DECLARE rows_of_" + table.name + " NO SCROLL CURSOR FOR " + query));
  }
  auto statement = connection.prepare(paged ? "FETCH " + std::string(kPage) + " FROM rows_of_" + table.name : query);
  if (!statement) {
    return statement.error();
  }
  return RowReader(std::move(*statement), table, paged);
}

Result<bool> RowReader::next() {
  auto row = statement_.step();
  if (row && !*row && paged_ && std::exchange(page_has_rows_, false)) {
    row = statement_.step();
  }
  page_has_rows_ = row && *row;
  return row;
}

base::Digest RowReader::digest(sql::Dialect in) const {
  base::ByteWriter values;
  for (std::size_t i = 0; i < table_->columns.size(); ++i) {
    const int column = static_cast<int>(i);
    if (statement_.is_null(column)) {
      values.u8(0);
    } else if (table_->columns[i].kind == ColumnKind::integer) {
      values.u8(1);
      values.u64(static_cast<std::uint64_t>(statement_.integer(column)));
    } else {
      const bool is_text = table_->columns[i].kind == ColumnKind::text;
      const std::string text = is_text ? text_in(in, statement_.text(column)) : std::string();
      const base::ByteView bytes = is_text ? base::as_bytes(text) : statement_.blob(column);
      values.u8(2);
      values.varint(bytes.size());
      values.bytes(bytes);
    }
  }
  return base::sha256(values.view());
}

std::uint64_t RowReader::bytes() const { return size_of(statement_, *table_); }

Result<Writing> Writing::begin(sql::Connection& connection) {
  auto transaction = sql::Transaction::begin(connection);
  if (!transaction) {
    return transaction.error();
  }
  return Writing(connection, std::move(*transaction));
}

Status Writing::wrote(std::uint64_t bytes) {
  bytes_ += bytes;
  if (bytes_ < kCommitBytes || connection_->dialect() != sql::Dialect::sqlite) {
    return {};
  }
  bytes_ = 0;
  BOATHOUSE_TRY(transaction_->commit());
  transaction_.reset();
  auto next = sql::Transaction::begin(*connection_);
  if (!next) {
    return next.error();
  }
  transaction_.emplace(std::move(*next));
  return {};
}

void Writing::altered(std::string row) {
  if (altered_.size() < kMaxAltered) {
    altered_.push_back(std::move(row));
  }
}

Status Writing::commit() { return transaction_->commit(); }

Result<RowWriter> RowWriter::open(sql::Connection& connection, const Table& table) {
  std::string parameters;
  for (std::size_t i = 1; i <= table.columns.size(); ++i) {
    parameters += (i == 1 ? "?" : ", ?") + std::to_string(i);
  }
  auto statement =
      connection.prepare("INSERT INTO " + table.name + " (" + column_list(table) + ") VALUES (" + parameters + ")");
  if (!statement) {
    return statement.error();
  }
  return RowWriter(std::move(*statement), table, connection.dialect());
}

Status RowWriter::put(const sql::Statement& row) {
  altered_.clear();
  for (std::size_t i = 0; i < table_->columns.size(); ++i) {
    const int column = static_cast<int>(i);
    const int parameter = column + 1;
    if (row.is_null(column)) {
      statement_.bind(parameter, nullptr);
    } else if (table_->columns[i].kind == ColumnKind::integer) {
      statement_.bind(parameter, row.integer(column));
    } else if (table_->columns[i].kind == ColumnKind::text) {
      const std::string text = text_in(in_, row.text(column));
      statement_.bind(parameter, text);
      if (text.size() != row.text(column).size()) {
        altered_ += (altered_.empty() ? "" : ", ") + table_->columns[i].name;
      }
    } else {
      statement_.bind(parameter, row.blob(column));
    }
  }
  return statement_.run();
}

Status clear_table(sql::Connection& connection, const Table& table) {
  const auto any = number_of(connection, "SELECT 1 FROM " + table.name + " LIMIT 1");
  if (!any) {
    return any.error();
  }
  return *any == 0 ? Status() : connection.execute("DELETE FROM " + table.name);
}

Status copy_next_id(sql::Connection& from, sql::Connection& to, const Table& table) {
  if (table.columns.front().kind != ColumnKind::integer) {
    return {};
  }
  const auto last = last_id(from, table);
  if (!last) {
    return last.error();
  }
  return set_next_id(to, table, *last);
}

Result<TableSum> copy_table(sql::Connection& from, sql::Connection& to, const Table& table, Writing& writing,
                            const Watch& watch) {
  BOATHOUSE_TRY(clear_table(to, table));
  TableSum sum;
  {
    auto reader = RowReader::open(from, table);
    if (!reader) {
      return reader.error();
    }
    auto writer = RowWriter::open(to, table);
    if (!writer) {
      return writer.error();
    }
    const Status copied = read_all(*reader, watch, [&](std::uint64_t bytes) -> Status {
      sum.add(reader->digest(writing.dialect()));
      BOATHOUSE_TRY(writer->put(reader->row()));
      if (!writer->altered().empty()) {
        writing.altered("table " + table.name + ", " + key_of(reader->row(), table) + ": U+0000 in its " +
                        writer->altered() + " is U+FFFD now, for PostgreSQL's text cannot have it");
      }
      return writing.wrote(bytes);
    });
    BOATHOUSE_TRY(copied);
  }
  BOATHOUSE_TRY(copy_next_id(from, to, table));
  return sum;
}

Result<TableSum> sum_of(sql::Connection& connection, const Table& table, const Watch& watch) {
  auto reader = RowReader::open(connection, table);
  if (!reader) {
    return reader.error();
  }
  TableSum sum;
  BOATHOUSE_TRY(read_all(*reader, watch, [&](std::uint64_t) -> Status {
    sum.add(reader->digest());
    return {};
  }));
  return sum;
}

}  // namespace boathouse::backup
