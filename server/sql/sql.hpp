// The server's databases behind one door: SQLite for one process, PostgreSQL for several. The same SQL text and the
// same calls serve both; what differs is in the two drivers.
//
// SQL is written in what both understand: parameters ?1, ?2, ...; integers of 64 bits, text and blobs; INSERT ... ON
// CONFLICT; sums are CAST(... AS BIGINT). Text has no U+0000: PostgreSQL's cannot, and the statement fails. On
// PostgreSQL a statement's rows are all fetched by its first step(), so a query has a LIMIT or is small by nature.
//
// Thread rule: a connection with its statements and transactions belongs to one thread at a time.
//
// Errors, the same for every call: those of core/db/sqlite.hpp, in PostgreSQL too: unavailable (the server is away, is
// shutting down, has too many connections, or a lock was not to be had), io (its disk is full or failed), corrupt,
// internal (wrong SQL, or a constraint that the caller should have looked after: a bug); of open() also unsupported (a
// server that cannot promise durability). After unavailable the next transaction or snapshot connects anew. No call
// waits longer than Place::patience_ms says; the one that finds the server gone waits some 10 s more for it, and others
// behind it are refused at once. Texts name host, user and database, never a secret; they are for the log, and no
// client of the service sees one (problem.hpp).
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/db/sqlite.hpp"

namespace boathouse::sql {

struct Schema;  // migrations.hpp

enum class Dialect : std::uint8_t { sqlite, postgres };

// What a driver implements; nobody else uses these two.
class StatementDriver {
 public:
  virtual ~StatementDriver() = default;
  virtual void bind_text(int parameter, std::string_view text) = 0;
  virtual void bind_blob(int parameter, base::ByteView blob) = 0;
  virtual void bind_integer(int parameter, std::int64_t number) = 0;
  virtual void bind_null(int parameter) = 0;
  virtual base::Result<bool> step() = 0;
  virtual void reset() = 0;
  [[nodiscard]] virtual bool is_null(int column) const = 0;
  [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
  [[nodiscard]] virtual std::string_view text(int column) const = 0;
  [[nodiscard]] virtual base::ByteView blob(int column) const = 0;
};

class ConnectionDriver {
 public:
  virtual ~ConnectionDriver() = default;
  [[nodiscard]] virtual Dialect dialect() const = 0;
  virtual base::Result<std::unique_ptr<StatementDriver>> prepare(std::string_view sql) = 0;
  virtual base::Status execute(const std::string& sql) = 0;
  [[nodiscard]] virtual std::int64_t changes() const = 0;
  virtual base::Status begin_writing() = 0;
  virtual base::Status begin_reading() = 0;
  virtual base::Status commit() = 0;
  virtual void rollback() = 0;
  virtual base::Status migrate(const Schema& schema) = 0;
  virtual base::Result<bool> lead() = 0;
};

// As db::Statement: parameters from 1, columns from 0, views valid until the next step(), bind() or reset(). Parameters
// that nobody bound are NULL. Must not outlive its connection.
class [[nodiscard]] Statement {
 public:
  explicit Statement(std::unique_ptr<StatementDriver> driver) : driver_(std::move(driver)) {}

  Statement& bind(int parameter, std::string_view text) {
    driver_->bind_text(parameter, text);
    return *this;
  }
  Statement& bind(int parameter, const char* text) { return bind(parameter, std::string_view(text)); }
  Statement& bind(int parameter, base::ByteView blob) {
    driver_->bind_blob(parameter, blob);
    return *this;
  }
  Statement& bind(int parameter, std::nullptr_t) {
    driver_->bind_null(parameter);
    return *this;
  }
  // A number beyond 63 bits is a bug of the caller's: the statement fails.
  template <std::integral T>
  Statement& bind(int parameter, T number) {
    if (std::in_range<std::int64_t>(number)) {
      driver_->bind_integer(parameter, static_cast<std::int64_t>(number));
    } else {
      out_of_range_ = parameter;
    }
    return *this;
  }
  Statement& bind(int parameter, bool flag) {
    driver_->bind_integer(parameter, flag ? 1 : 0);
    return *this;
  }
  template <typename T>
  Statement& bind(int parameter, const std::optional<T>& value) {
    return value ? bind(parameter, *value) : bind(parameter, nullptr);
  }

  // True: a row is there to be read; false: done, and ready for another execution with the same parameters.
  [[nodiscard]] base::Result<bool> step();
  // Executes to the end, rows unread.
  [[nodiscard]] base::Status run();
  void reset() { driver_->reset(); }

  [[nodiscard]] bool is_null(int column) const { return driver_->is_null(column); }
  [[nodiscard]] std::int64_t integer(int column) const { return driver_->integer(column); }  // NULL reads as 0
  [[nodiscard]] std::optional<std::int64_t> optional_integer(int column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
  }
  [[nodiscard]] std::string_view text(int column) const { return driver_->text(column); }  // NULL reads as ""
  [[nodiscard]] base::ByteView blob(int column) const { return driver_->blob(column); }    // NULL reads as no bytes

 private:
  std::unique_ptr<StatementDriver> driver_;
  int out_of_range_ = 0;
};

// Place::patience_ms for a backup and other work that takes hours.
inline constexpr int kForHoursMs = 6 * 3'600'000;

// Where a database is: exactly one of the two is filled.
struct Place {
  std::string sqlite_file = {};
  std::string postgres_url = {};  // "postgresql://user@host:port/database?..."; a password belongs into a .pgpass file
  db::Options sqlite = {};
  // PostgreSQL: a statement that has no answer after so long is unavailable, and its connection is given up; whether
  // it was done is not known. The server itself ends a statement after 4/5 of it (a migration's never). After 3/5 it
  // ends the session of a writer in mid-transaction, and of a leader, that says nothing: a process that is frozen, or
  // whose host has gone, holds up nobody for longer.
  int patience_ms = 25'000;

  // "" = `file`; "sqlite:FILE"; "postgresql://..." or "postgres://...". invalid_input for anything else, and for a URL
  // in which a password seems to be cut in pieces by a character of its own. The error repeats nothing of `text`.
  static base::Result<Place> parse(std::string_view text, const std::string& file);
  // For messages: the file, or user, host, port and database and nothing else of the URL.
  [[nodiscard]] std::string text() const;
};

class [[nodiscard]] Connection {
 public:
  // PostgreSQL: 13 or later, with fsync on, no standby (unavailable); synchronous_commit is switched on for this
  // connection.
  static base::Result<Connection> open(const Place& place);
  explicit Connection(std::unique_ptr<ConnectionDriver> driver) : driver_(std::move(driver)) {}

  [[nodiscard]] Dialect dialect() const { return driver_->dialect(); }
  // One statement; it is prepared once and kept.
  [[nodiscard]] base::Result<Statement> prepare(std::string_view sql);
  // Any number of statements without parameters; rows are dropped.
  [[nodiscard]] base::Status execute(const std::string& sql) { return driver_->execute(sql); }
  // Rows that the last INSERT, UPDATE or DELETE changed.
  [[nodiscard]] std::int64_t changes() const { return driver_->changes(); }

  // True: this connection leads, until it ends. Of all connections to one PostgreSQL database at most one does; on
  // SQLite everybody. Call it again before each use: a connection that was lost has lost the lead. Call it at least
  // each patience_ms / 5, on a connection that does nothing else: the server ends a leader's that is silent for too
  // long (PostgreSQL 14 and later). One that has hours (kForHoursMs) waits two seconds for a leader that is just
  // ending.
  [[nodiscard]] base::Result<bool> lead() { return driver_->lead(); }

 private:
  friend class Transaction;
  friend class Snapshot;
  friend base::Status migrate(Connection& connection, const Schema& schema);
  std::unique_ptr<ConnectionDriver> driver_;
};

// Writing: from its begin to its end no other transaction of this class runs on the database, in whatever process, so
// that what it reads is what the commit before left. (SQLite: BEGIN IMMEDIATE; PostgreSQL: one advisory lock, waited
// for at most kLockTimeoutMs.) The destructor rolls back what was not committed.
class [[nodiscard]] Transaction {
 public:
  static constexpr int kLockTimeoutMs = 10'000;

  // `connection` must outlive the transaction.
  static base::Result<Transaction> begin(Connection& connection);
  Transaction(Transaction&& other) noexcept : driver_(std::exchange(other.driver_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // Ok = durable. After an error it may still be found done (a lost connection, a disk that failed in the middle): act
  // on it as on a lost answer.
  [[nodiscard]] base::Status commit();

 private:
  explicit Transaction(ConnectionDriver& driver) : driver_(&driver) {}
  ConnectionDriver* driver_;  // nullptr: committed or moved from
};

// Reading: one state of the database for several statements, that of some commit.
class [[nodiscard]] Snapshot {
 public:
  static base::Result<Snapshot> begin(Connection& connection);
  Snapshot(Snapshot&& other) noexcept : driver_(std::exchange(other.driver_, nullptr)) {}
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot();

 private:
  explicit Snapshot(ConnectionDriver& driver) : driver_(&driver) {}
  ConnectionDriver* driver_;
};

}  // namespace boathouse::sql
