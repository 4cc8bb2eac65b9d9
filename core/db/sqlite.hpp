// SQLite with the settings that every database file of ours has: WAL, synchronous=FULL, foreign keys, pages of 4096
// bytes, incremental auto-vacuum, no memory map, no trusted schema. A commit that returned ok survives a power cut.
//
// Thread rule: a connection with its statements and transactions belongs to one thread at a time; several connections
// to one file may work at once (one writes, all read).
//
// Errors, the same for every call: no_room (disk full), io (I/O error, no permission, cannot open), corrupt (the file
// fails SQLite's own checks or is no database), unavailable (another connection holds the write lock longer than the
// busy timeout; suspended), conflict (a constraint: unique, foreign key, check, not null), too_large (a value over
// SQLite's limit), unsupported (SQLite older than 3.51.3), internal (wrong SQL or wrong use: a bug). Memory running out
// throws std::bad_alloc.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace boathouse::db {

struct Options {
  bool create = true;                                       // false: a file that is not there is an io error
  int busy_timeout_ms = 5000;                               // how long a call waits for another connection's lock
  std::int64_t journal_size_limit = std::int64_t{5} << 20;  // bytes the WAL is cut to after a checkpoint
  // Asked after each commit, on its thread, with the pages that the WAL has now: whether this connection copies them
  // into the file before the commit returns. Must not throw. Empty: from 1,000 on, as SQLite does.
  std::function<bool(int wal_pages)> must_checkpoint = {};
  std::string if_corrupt = "restore the file from a backup";  // what a person then does, for the error's text
  std::string vfs = {};  // a registered SQLite VFS, so that tests and the simulator own the disk; "" = the system's
};

class Connection;
struct ConnectionState;  // sqlite.cpp
struct StatementState;   // sqlite.cpp

// A prepared statement on loan from its connection's cache; the destructor resets it and gives it back. Must not
// outlive its connection. Parameters and columns are named by index: parameters from 1, columns from 0, as in SQLite.
//   auto insert = connection.prepare("INSERT INTO t VALUES (?1, ?2)");   // check insert.ok()
//   insert->bind(1, 5).bind(2, "text");
//   BOATHOUSE_TRY(insert->run());
class [[nodiscard]] Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Text (UTF-8) and blobs are copied. A failed bind (no such parameter) is reported by the next step(). Parameters
  // that nobody bound are NULL. Binding after step() begins a new execution, the other parameters keep their values.
  Statement& bind(int parameter, std::string_view text);
  Statement& bind(int parameter, const char* text) { return bind(parameter, std::string_view(text)); }
  Statement& bind(int parameter, base::ByteView blob);
  Statement& bind(int parameter, std::nullptr_t);
  template <std::integral T>
  Statement& bind(int parameter, T number) {
    if (!std::in_range<std::int64_t>(number)) {
      return out_of_range(parameter);
    }
    return bind_integer(parameter, static_cast<std::int64_t>(number));
  }
  Statement& bind(int parameter, bool flag) { return bind_integer(parameter, flag ? 1 : 0); }
  template <typename T>
  Statement& bind(int parameter, const std::optional<T>& value) {
    return value ? bind(parameter, *value) : bind(parameter, nullptr);
  }

  // True: a row is there to be read; false: done (the statement is ready for another execution).
  [[nodiscard]] base::Result<bool> step();
  // Executes to the end, rows unread: for INSERT, UPDATE, DELETE.
  [[nodiscard]] base::Status run();
  // Ends an execution before its last row; the parameters keep their values.
  void reset();

  // Columns of the row that step() announced; views are valid until the next step(), bind() or reset(), and until a
  // column is read as another type.
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;  // NULL reads as 0
  [[nodiscard]] std::optional<std::int64_t> optional_integer(int column) const;
  [[nodiscard]] std::string_view text(int column) const;  // NULL reads as ""
  [[nodiscard]] base::ByteView blob(int column) const;    // NULL reads as no bytes

 private:
  friend class Connection;
  Statement(ConnectionState& connection, std::unique_ptr<StatementState> state);
  Statement& bind_integer(int parameter, std::int64_t number);
  Statement& out_of_range(int parameter);
  void give_back();

  ConnectionState* connection_;
  std::unique_ptr<StatementState> state_;
};

// An open database file; the destructor closes it (and checkpoints the WAL if it was the last connection).
class [[nodiscard]] Connection {
 public:
  // Opens `path` (UTF-8) or creates it. An existing file is not written to: migrate() (core/db/migrations.hpp) looks
  // first whose it is. The folder must exist.
  static base::Result<Connection> open(const std::string& path, const Options& options = {});

  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  // One SQL statement, prepared once and kept. Values never go into the SQL text: bind them.
  [[nodiscard]] base::Result<Statement> prepare(std::string_view sql);

  // Any number of statements without parameters, one after the other; rows are dropped. Stops at the first error.
  [[nodiscard]] base::Status execute(const std::string& sql);

  // Of the last INSERT that succeeded.
  [[nodiscard]] std::int64_t last_insert_rowid() const;
  // Rows that the last INSERT, UPDATE or DELETE changed itself (without triggers and foreign key actions).
  [[nodiscard]] std::int64_t changes() const;
  // Between BEGIN and COMMIT or ROLLBACK. An error inside a transaction (disk full, I/O) may have ended it already.
  [[nodiscard]] bool in_transaction() const;

  // Copies what it can of the WAL into the file, waiting for nobody: what others read as it was before stays, and a
  // writer may add to the WAL meanwhile. Once all is copied the next write begins the WAL anew. unavailable: another
  // connection is at it.
  struct Checkpoint {
    int wal_pages = 0;
    int copied = 0;  // of these, now or before
  };
  [[nodiscard]] base::Result<Checkpoint> checkpoint();

  // From any thread: ends a running statement soon, and every later one at once, with `unavailable`; one that begins at
  // this very moment may run on until the next suspend(). A transaction that was open rolls back when its owner gives
  // up: whoever wants the file's locks gone waits for that owner.
  void suspend();
  void resume();
  [[nodiscard]] bool suspended() const;

  [[nodiscard]] const std::string& path() const;

 private:
  friend class Transaction;
  explicit Connection(std::unique_ptr<ConnectionState> state);
  std::unique_ptr<ConnectionState> state_;
};

// BEGIN IMMEDIATE: holds the write lock from the start, so that no later statement can find the data changed under it.
// The destructor rolls back what was not committed. Transactions do not nest.
//   auto transaction = Transaction::begin(connection);   // check transaction.ok()
//   ...
//   BOATHOUSE_TRY(transaction->commit());
class [[nodiscard]] Transaction {
 public:
  // `connection` must outlive the transaction.
  static base::Result<Transaction> begin(Connection& connection);

  Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // Ok = durable. After an error nothing of it is visible here; if the disk failed in the middle of it, a restart may
  // still find it done, so act on an error as on a lost answer: ask what is there, or do it again idempotently.
  [[nodiscard]] base::Status commit();

 private:
  explicit Transaction(ConnectionState& connection) : connection_(&connection) {}

  ConnectionState* connection_;  // nullptr: committed, rolled back or moved from
};

}  // namespace boathouse::db
