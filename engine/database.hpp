// libchdb as a pool of handles. A handle runs one statement at a time, so a request leases one and gives it back with
// its settings and database as they were. All errors are engine exceptions (http/exception.hpp).
// Thread rule: Database from any thread; a Session, and what it gave, belongs to one thread at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/http/http_reply.hpp"
#include "engine/http/http_request.hpp"

struct chdb_connection_;
struct chdb_result_;
struct chdb_insert_stream_;

namespace boathouse::engine {

using Parameters = std::vector<engine_http::Field>;

enum class StatementClass : std::uint8_t { read_only, writes, control, unknown };

struct Analysis {
  StatementClass statement_class = StatementClass::unknown;
  std::uint32_t statements = 0;  // 0 with unknown
};

// The bytes of a result, or of one block of it; frees them.
class Rows {
 public:
  explicit Rows(chdb_result_* result) : result_(result) {}
  [[nodiscard]] std::string_view bytes() const;
  [[nodiscard]] engine_http::Summary summary() const;

 private:
  friend class ResultStream;
  struct Free {
    void operator()(chdb_result_* result) const;
  };
  std::unique_ptr<chdb_result_, Free> result_;
};

// A result block by block. Destroyed early it stops the statement.
class ResultStream {
 public:
  ResultStream(chdb_connection_* connection, Rows stream) : connection_(connection), stream_(std::move(stream)) {}
  ResultStream(ResultStream&&) = default;
  ResultStream& operator=(ResultStream&&) = delete;
  ~ResultStream();
  // No bytes at the end.
  base::Result<Rows> next();

 private:
  chdb_connection_* connection_;
  Rows stream_;
};

// Rows on their way into a table. Nothing of the current block is stored unless finish() says so; blocks are cut by the
// engine at 1,048,449 rows or 256 MiB, and a longer insert that is dropped leaves its earlier blocks.
class InsertStream {
 public:
  explicit InsertStream(chdb_insert_stream_* stream) : stream_(stream) {}
  // Copies `bytes` and waits while the engine is behind. An error ends the insert.
  base::Status append(std::string_view bytes);
  base::Result<engine_http::Summary> finish();

 private:
  struct Free {
    void operator()(chdb_insert_stream_* stream) const;  // cancels what is not finished
  };
  base::Error error() const;
  std::unique_ptr<chdb_insert_stream_, Free> stream_;
};

class Database;

// One leased handle; goes back to the pool at the end.
class Session {
 public:
  Session(Session&& other) noexcept;
  Session& operator=(Session&&) = delete;
  ~Session();

  // Holds until the session ends. `settings` override the defaults of the engine; `database` empty = `default`.
  base::Status configure(std::string_view database, const Parameters& settings);
  Analysis analyze(std::string_view sql);
  base::Result<Rows> query(std::string_view sql, std::string_view format, const Parameters& parameters);
  // What is streamed, and what is inserted, must end before the session does.
  base::Result<ResultStream> stream(std::string_view sql, std::string_view format, const Parameters& parameters);
  base::Result<InsertStream> insert(std::string_view sql, std::string_view format, const Parameters& parameters);
  // The handle is closed instead of given back: a statement changed it (SET, temporary tables) or failed on it.
  void forget_handle() { reusable_ = false; }

 private:
  friend class Database;
  Session(Database& database, chdb_connection_** handle) : database_(&database), handle_(handle) {}
  base::Status run(std::string_view sql);
  bool restore();

  Database* database_;
  chdb_connection_** handle_;  // nullptr when moved from
  std::string reset_settings_;
  bool other_database_ = false;
  bool reusable_ = true;
};

class Database {
 public:
  struct Options {
    std::filesystem::path directory;  // absolute: with a relative one every fsynced insert fails with code 107
    std::size_t handles = 8;
    unsigned max_threads = 2;  // of one statement
  };

  // One Database a process: libchdb knows one directory at a time. Turns libchdb's signal handlers off, which could
  // make a hang out of a crash.
  static base::Result<std::unique_ptr<Database>> open(Options options);
  // All sessions must have ended. Ends the engine for this process.
  ~Database();

  // Waits for a free handle, then code 202.
  base::Result<Session> lease(std::chrono::milliseconds patience);

 private:
  friend class Session;
  explicit Database(Options options) : options_(std::move(options)) {}
  base::Status bound_statements();
  chdb_connection_** open_handle() const;
  void give_back(chdb_connection_** handle, bool reusable);

  const Options options_;
  std::string statement_memory_;  // bytes; set once, by open()
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<chdb_connection_**> idle_;
  std::size_t open_ = 0;
};

}  // namespace boathouse::engine
