// Tables from one database into another, whichever of the two kinds each is. Row by row, so memory does not grow with
// them. What tables and columns there are is read from the side that is SQLite: one of the two always is.
// Thread rule: that of the connections. Errors as of server/sql.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "server/sql/migrations.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::backup {

enum class ColumnKind : std::uint8_t { integer, text, blob };

struct Column {
  std::string name;
  ColumnKind kind = ColumnKind::integer;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
  bool never_again = false;  // its ids are used once (AUTOINCREMENT)
};

// What a table holds, whatever the order of its rows: their number, and the exclusive or of their hashes.
struct TableSum {
  std::uint64_t rows = 0;
  base::Digest sum{};

  // `row`: of a row's values, each with its kind and length.
  void add(const base::Digest& row);
  bool operator==(const TableSum&) const = default;
};

// Called now and then with the bytes that were read or written since the last call. An error ends the work with it.
using Watch = std::function<base::Status(std::uint64_t bytes)>;

// In an order in which each stands behind those that it refers to.
base::Result<std::vector<Table>> tables_of(sql::Connection& sqlite);

// 0: nothing of this schema is there. unsupported: another application's file, or a newer program's.
base::Result<std::int64_t> version_of(sql::Connection& connection, const sql::Schema& schema);
// No such database: no file, or nothing of this schema in PostgreSQL.
base::Result<bool> is_absent(const sql::Place& place, const sql::Schema& schema);
// The schema as it was at `version`, 1 or more.
sql::Schema schema_at(const sql::Schema& schema, std::int64_t version);

// The rows of one table, in pieces on PostgreSQL. Within a snapshot or transaction that outlives it.
class RowReader {
 public:
  // `rest`: WHERE and ORDER BY, without parameters.
  static base::Result<RowReader> open(sql::Connection& connection, const Table& table, const std::string& rest = "");
  base::Result<bool> next();
  [[nodiscard]] const sql::Statement& row() const { return statement_; }
  // Of the row as it is once it is in a database of this kind (Writing), for TableSum, and about how many bytes it has.
  [[nodiscard]] base::Digest digest(sql::Dialect in = sql::Dialect::sqlite) const;
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  RowReader(sql::Statement statement, const Table& table, bool paged)
      : statement_(std::move(statement)), table_(&table), paged_(paged) {}

  sql::Statement statement_;
  const Table* table_;
  bool paged_;
  bool page_has_rows_ = false;
};

// The transaction of a copy. On SQLite, where the file is nobody's before the copy is whole, it is committed now and
// then; on PostgreSQL it is one, and a text's U+0000, which its text cannot hold, is U+FFFD there: an edit's own bytes
// have what it was.
class Writing {
 public:
  static base::Result<Writing> begin(sql::Connection& connection);
  base::Status wrote(std::uint64_t bytes);
  base::Status commit();

  [[nodiscard]] sql::Dialect dialect() const { return connection_->dialect(); }
  // Rows whose text is another one there, each in a line of words; of very many the first.
  void altered(std::string row);
  [[nodiscard]] const std::vector<std::string>& altered() const { return altered_; }

 private:
  Writing(sql::Connection& connection, sql::Transaction transaction)
      : connection_(&connection), transaction_(std::move(transaction)) {}

  sql::Connection* connection_;
  std::optional<sql::Transaction> transaction_;
  std::uint64_t bytes_ = 0;
  std::vector<std::string> altered_;
};

// INSERT of whole rows.
class RowWriter {
 public:
  static base::Result<RowWriter> open(sql::Connection& connection, const Table& table);
  base::Status put(const sql::Statement& row);
  // Of the last row: the columns whose text is another one now (Writing), "" = none.
  [[nodiscard]] const std::string& altered() const { return altered_; }

 private:
  RowWriter(sql::Statement statement, const Table& table, sql::Dialect in)
      : statement_(std::move(statement)), table_(&table), in_(in) {}

  sql::Statement statement_;
  const Table* table_;
  sql::Dialect in_;
  std::string altered_;
};

// Removes the rows with which a schema begins, copies, and sets the next id as it was. Both sides in a transaction.
base::Result<TableSum> copy_table(sql::Connection& from, sql::Connection& to, const Table& table, Writing& writing,
                                  const Watch& watch);
base::Result<TableSum> sum_of(sql::Connection& connection, const Table& table, const Watch& watch);

base::Status clear_table(sql::Connection& connection, const Table& table);
// The next id that `to` gives by itself is the next one of `from`.
base::Status copy_next_id(sql::Connection& from, sql::Connection& to, const Table& table);

// The one number that a query gives; 0 for NULL or no row.
base::Result<std::int64_t> number_of(sql::Connection& connection, std::string_view query);

}  // namespace boathouse::backup
