#include "core/db/sqlite.hpp"

#include <sqlite3.h>

#include <atomic>
#include <map>
#include <new>

namespace boathouse::db {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

struct StatementState {
  StatementState() = default;
  StatementState(const StatementState&) = delete;
  StatementState& operator=(const StatementState&) = delete;
  ~StatementState() { sqlite3_finalize(handle); }

  std::string sql;
  sqlite3_stmt* handle = nullptr;
  Status bind_status;    // the first failed bind since the last step()
  bool running = false;  // between a row and the end
};

struct ConnectionState {
  ConnectionState() = default;
  ConnectionState(const ConnectionState&) = delete;
  ConnectionState& operator=(const ConnectionState&) = delete;
  ~ConnectionState() {
    idle.clear();
    sqlite3_close_v2(handle);
  }

  std::string path;
  std::string if_corrupt;
  sqlite3* handle = nullptr;
  std::atomic<bool> suspended = false;
  std::function<bool(int wal_pages)> must_checkpoint;
  // Keys are views of the values' own `sql`. Several of one text: it was prepared again while the first was in use.
  std::multimap<std::string_view, std::unique_ptr<StatementState>> idle;
};

namespace {

constexpr int kOldestVersion = 3051003;  // earlier ones can lose a WAL's tail when a checkpoint meets a writer
constexpr std::size_t kMaxIdleStatements = 256;

ErrorCode code_of(int result) {
  // The memory that connections share about the WAL is a file, too, and could not grow.
  if (result == SQLITE_IOERR_SHMSIZE) return ErrorCode::no_room;
  switch (result & 0xff) {
    case SQLITE_FULL:
      return ErrorCode::no_room;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return ErrorCode::io;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
      return ErrorCode::unavailable;
    case SQLITE_CONSTRAINT:
      return ErrorCode::conflict;
    case SQLITE_TOOBIG:
      return ErrorCode::too_large;
    default:
      return ErrorCode::internal;
  }
}

std::string remedy(const ConnectionState& connection, int result) {
  switch (result & 0xff) {
    case SQLITE_CANTOPEN:
      return "; does the folder exist, and may this user write there?";
    case SQLITE_READONLY:
      return "; the folder or its disk can only be read: let this user write there, or name another folder";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "; " + connection.if_corrupt;
    case SQLITE_BUSY:
      return "; another process writes to it, try again later";
    default:
      return "";
  }
}

// `result` is what the last call on `connection` gave; `sql` names the place of a bug.
Error error_of(const ConnectionState& connection, int result, std::string_view sql) {
  if ((result & 0xff) == SQLITE_NOMEM || result == SQLITE_IOERR_NOMEM) {
    throw std::bad_alloc();
  }
  Error error{code_of(result), connection.path};
  // Without the file's name: a server tells this error, too.
  if (error.code == ErrorCode::no_room) {
    error.text = "the disk is full; free disk space and try again (SQLite " + std::to_string(result) + ")";
    return error;
  }
  error.text.append(": ").append(sqlite3_errmsg(connection.handle));
  error.text.append(" (SQLite ").append(std::to_string(result)).append(")").append(remedy(connection, result));
  if (error.code == ErrorCode::internal || error.code == ErrorCode::conflict) {
    error.text.append(" in: ").append(sql.substr(0, 200));
  }
  return error;
}

Error suspended(const ConnectionState& connection) {
  return {ErrorCode::unavailable, connection.path + ": suspended; it goes on after resume()"};
}

Status execute_on(ConnectionState& connection, const std::string& sql) {
  if (connection.suspended) return suspended(connection);
  const int result = sqlite3_exec(connection.handle, sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) {
    return error_of(connection, result, sql);
  }
  return {};
}

// As SQLite's own hook, what becomes of the checkpoint is not the commit's matter: the next one tries again.
int after_commit(void* connection, sqlite3* handle, const char* database, int wal_pages) {
  if (static_cast<const ConnectionState*>(connection)->must_checkpoint(wal_pages)) {
    (void)sqlite3_wal_checkpoint_v2(handle, database, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  }
  return SQLITE_OK;
}

// The settings that a file keeps; they must be there before its first page is written.
Status begin_file(Connection& connection) {
  auto page_count = connection.prepare("PRAGMA page_count");
  if (!page_count.ok()) {
    return page_count.error();
  }
  const auto row = page_count->step();
  if (!row.ok()) {
    return row.error();
  }
  const bool is_new = page_count->integer(0) == 0;
  page_count->reset();
  if (!is_new) {
    return {};
  }
  return connection.execute("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL");
}

// SQLite refuses to bind to a statement that stands on a row.
void begin_binding(StatementState& statement) {
  if (statement.running) {
    sqlite3_reset(statement.handle);
    statement.running = false;
  }
}

void note(StatementState& statement, int parameter, int result) {
  if (result == SQLITE_NOMEM) {
    throw std::bad_alloc();
  }
  if (result != SQLITE_OK && statement.bind_status.ok()) {
    statement.bind_status = Error{code_of(result), "cannot bind parameter " + std::to_string(parameter) + " (" +
                                                       sqlite3_errstr(result) + ") in: " + statement.sql};
  }
}

}  // namespace

// ---- Connection ----

Connection::Connection(std::unique_ptr<ConnectionState> state) : state_(std::move(state)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::open(const std::string& path, const Options& options) {
  if (sqlite3_libversion_number() < kOldestVersion) {
    return Error{ErrorCode::unsupported, std::string("SQLite ") + sqlite3_libversion() +
                                             " is linked; build with 3.51.3 or later, older ones can lose data"};
  }
  auto state = std::make_unique<ConnectionState>();
  state->path = path;
  state->if_corrupt = options.if_corrupt;
  state->must_checkpoint = options.must_checkpoint;
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (options.create ? SQLITE_OPEN_CREATE : 0);
  const char* vfs = options.vfs.empty() ? nullptr : options.vfs.c_str();
  const int result = sqlite3_open_v2(path.c_str(), &state->handle, flags, vfs);
  if (result != SQLITE_OK) {
    return error_of(*state, result, "open");
  }
  sqlite3_busy_timeout(state->handle, options.busy_timeout_ms);
  sqlite3_db_config(state->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // Otherwise a statement over a table with a partial index is prepared anew whenever a parameter changes, in case its
  // value would let it use that index.
  sqlite3_db_config(state->handle, SQLITE_DBCONFIG_ENABLE_QPSG, 1, nullptr);

  if (state->must_checkpoint) sqlite3_wal_hook(state->handle, &after_commit, state.get());

  // Of this connection only. fullfsync: on Apple's systems a plain fsync does not reach the medium.
  const std::string settings =
      "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; PRAGMA foreign_keys = ON;"
      "PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = " +
      std::to_string(options.journal_size_limit);
  Connection connection(std::move(state));
  BOATHOUSE_TRY(connection.execute(settings));
  BOATHOUSE_TRY(begin_file(connection));
  return connection;
}

Result<Statement> Connection::prepare(std::string_view sql) {
  if (const auto found = state_->idle.find(sql); found != state_->idle.end()) {
    auto statement = std::move(found->second);
    state_->idle.erase(found);
    return Statement(*state_, std::move(statement));
  }
  auto statement = std::make_unique<StatementState>();
  statement->sql = sql;
  const char* rest = nullptr;
  const int result = sqlite3_prepare_v3(state_->handle, statement->sql.c_str(), static_cast<int>(sql.size()) + 1,
                                        SQLITE_PREPARE_PERSISTENT, &statement->handle, &rest);
  if (result != SQLITE_OK) {
    return error_of(*state_, result, sql);
  }
  if (statement->handle == nullptr || *rest != '\0') {
    return Error{ErrorCode::internal,
                 "prepare() takes exactly one statement, without text behind it: " + statement->sql};
  }
  return Statement(*state_, std::move(statement));
}

Status Connection::execute(const std::string& sql) { return execute_on(*state_, sql); }

std::int64_t Connection::last_insert_rowid() const { return sqlite3_last_insert_rowid(state_->handle); }
std::int64_t Connection::changes() const { return sqlite3_changes64(state_->handle); }
bool Connection::in_transaction() const { return sqlite3_get_autocommit(state_->handle) == 0; }
const std::string& Connection::path() const { return state_->path; }

Result<Connection::Checkpoint> Connection::checkpoint() {
  Checkpoint done;
  const int result =
      sqlite3_wal_checkpoint_v2(state_->handle, nullptr, SQLITE_CHECKPOINT_PASSIVE, &done.wal_pages, &done.copied);
  if (result != SQLITE_OK) return error_of(*state_, result, "checkpoint");
  return done;
}

void Connection::suspend() {
  state_->suspended = true;
  sqlite3_interrupt(state_->handle);
}

void Connection::resume() { state_->suspended = false; }
bool Connection::suspended() const { return state_->suspended; }

// ---- Statement ----

Statement::Statement(ConnectionState& connection, std::unique_ptr<StatementState> state)
    : connection_(&connection), state_(std::move(state)) {}

Statement::Statement(Statement&& other) noexcept = default;

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    give_back();
    connection_ = other.connection_;
    state_ = std::move(other.state_);
  }
  return *this;
}

Statement::~Statement() { give_back(); }

void Statement::give_back() {
  if (!state_) {
    return;
  }
  reset();
  sqlite3_clear_bindings(state_->handle);
  state_->bind_status = {};
  if (connection_->idle.size() < kMaxIdleStatements) {
    const std::string_view key = state_->sql;
    connection_->idle.emplace(key, std::move(state_));
  }
  state_.reset();
}

void Statement::reset() {
  sqlite3_reset(state_->handle);
  state_->running = false;
}

Statement& Statement::bind(int parameter, std::string_view text) {
  const char* data = text.empty() ? "" : text.data();  // a null pointer would bind NULL
  begin_binding(*state_);
  note(*state_, parameter,
       sqlite3_bind_text64(state_->handle, parameter, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind(int parameter, base::ByteView blob) {
  const void* data = blob.empty() ? static_cast<const void*>("") : blob.data();
  begin_binding(*state_);
  note(*state_, parameter, sqlite3_bind_blob64(state_->handle, parameter, data, blob.size(), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind(int parameter, std::nullptr_t) {
  begin_binding(*state_);
  note(*state_, parameter, sqlite3_bind_null(state_->handle, parameter));
  return *this;
}

Statement& Statement::bind_integer(int parameter, std::int64_t number) {
  begin_binding(*state_);
  note(*state_, parameter, sqlite3_bind_int64(state_->handle, parameter, number));
  return *this;
}

Statement& Statement::out_of_range(int parameter) {
  note(*state_, parameter, SQLITE_RANGE);
  return *this;
}

Result<bool> Statement::step() {
  if (!state_->bind_status.ok()) {
    reset();
    return std::exchange(state_->bind_status, {}).error();
  }
  if (connection_->suspended) {
    reset();
    return suspended(*connection_);
  }
  const int result = sqlite3_step(state_->handle);
  if (result == SQLITE_ROW) {
    state_->running = true;
    return true;
  }
  if (result == SQLITE_DONE) {
    reset();
    return false;
  }
  Error error = error_of(*connection_, result, state_->sql);  // before reset(), which overwrites the message
  reset();
  return error;
}

Status Statement::run() {
  while (true) {
    const Result<bool> row = step();
    if (!row.ok()) {
      return row.error();
    }
    if (!*row) {
      return {};
    }
  }
}

bool Statement::is_null(int column) const { return sqlite3_column_type(state_->handle, column) == SQLITE_NULL; }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(state_->handle, column); }

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  return is_null(column) ? std::nullopt : std::optional(integer(column));
}

std::string_view Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(state_->handle, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(state_->handle, column))};
}

base::ByteView Statement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(state_->handle, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(state_->handle, column))};
}

// ---- Transaction ----

Result<Transaction> Transaction::begin(Connection& connection) {
  BOATHOUSE_TRY(execute_on(*connection.state_, "BEGIN IMMEDIATE"));
  return Transaction(*connection.state_);
}

Transaction::~Transaction() {
  // SQLite ends a transaction by itself after some errors: a second ROLLBACK would only be an error of its own.
  if (connection_ != nullptr && sqlite3_get_autocommit(connection_->handle) == 0) {
    sqlite3_exec(connection_->handle, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Status Transaction::commit() {
  if (connection_ == nullptr) {
    return Error{ErrorCode::internal, "commit() of a transaction that has ended"};
  }
  if (sqlite3_get_autocommit(connection_->handle) != 0) {
    return Error{ErrorCode::io, connection_->path + ": an earlier error has rolled the transaction back"};
  }
  BOATHOUSE_TRY(execute_on(*connection_, "COMMIT"));
  connection_ = nullptr;
  return {};
}

}  // namespace boathouse::db
