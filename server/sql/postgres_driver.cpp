// PostgreSQL over libpq. Parameters travel with the type they were bound as: integers
// as text, blobs as bytes; results come in binary.
#include <fcntl.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "server/sql/deadline.hpp"
#include "server/sql/drivers.hpp"
#include "server/sql/migrations.hpp"

namespace boathouse::sql {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

// From the server's catalogue pg_type; they never change.
constexpr Oid kBool = 16;
constexpr Oid kBytea = 17;
constexpr Oid kInt8 = 20;
constexpr Oid kInt2 = 21;
constexpr Oid kInt4 = 23;
constexpr Oid kText = 25;

constexpr int kOldestServer = 130000;
constexpr int kEndsIdleSessions = 140000;
constexpr std::size_t kMaxPrepared = 512;
constexpr int kMaxParameters = 512;
constexpr int kPromptMs = 5'000;  // for an answer that takes a server no work
constexpr std::chrono::seconds kNotAgainFor{2};
// One lock for every database of ours: "BhLd". It is held until the commit is visible to everybody.
constexpr std::string_view kTakeLock = "SELECT pg_advisory_xact_lock(1114131556)";
constexpr const char* kTryToLead = "SELECT pg_try_advisory_lock(1114131557)";
// PostgreSQL sees some moments later that a server which has just been stopped is gone; the lock outlives its
// transaction.
constexpr const char* kBeginToWait = "BEGIN; SET LOCAL lock_timeout = 2000";
constexpr const char* kWaitToLead = "SELECT true FROM pg_advisory_lock(1114131557)";
// A server or network that has died is noticed; a lock that is not to be had is given up. A standby is never talked to,
// whatever hosts the URL names: it may lag, and what it says would look like a database that went back.
constexpr std::array kConnectionKeywords{"dbname",
                                         "target_session_attrs",
                                         "client_encoding",
                                         "application_name",
                                         "connect_timeout",
                                         "keepalives_idle",
                                         "keepalives_interval",
                                         "keepalives_count",
                                         "tcp_user_timeout",
                                         static_cast<const char*>(nullptr)};

struct ResultDeleter {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPointer = std::unique_ptr<PGresult, ResultDeleter>;
// With a second descriptor of the connection's socket, which stays the same one when libpq closes its own.
struct Link {
  explicit Link(PGconn* connected) : connection(connected), socket(::fcntl(PQsocket(connected), F_DUPFD_CLOEXEC, 0)) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() {
    PQfinish(connection);
    if (socket >= 0) {
      ::close(socket);
    }
  }
  PGconn* const connection;
  const int socket;
};

std::string trimmed(const char* message) {
  std::string text = message == nullptr ? "" : message;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

// By SQLSTATE, see appendix A of PostgreSQL's manual.
ErrorCode code_of(std::string_view state) {
  const std::string_view kind = state.substr(0, 2);
  if (state.empty() || kind == "08" || kind == "57" || kind == "40" || state == "55P03" || state == "25006" ||
      state == "25P03") {
    // No connection, shut down or cancelled, deadlock, lock timeout, a standby, silent for too long.
    return ErrorCode::unavailable;
  }
  if (state == "53100" || kind == "58") {
    return ErrorCode::io;
  }
  if (kind == "53") {
    return ErrorCode::unavailable;
  }
  if (kind == "23") {
    return ErrorCode::conflict;
  }
  if (state == "XX001" || state == "XX002") {
    return ErrorCode::corrupt;
  }
  return kind == "54" ? ErrorCode::too_large : ErrorCode::internal;
}

std::string_view remedy(ErrorCode code) {
  switch (code) {
    case ErrorCode::unavailable:
      return "; is PostgreSQL running, and reachable from here?";
    case ErrorCode::io:
      return "; look at PostgreSQL's disk and log";
    case ErrorCode::corrupt:
      return "; restore the database from a backup";
    default:
      return "";
  }
}

struct Session {
  std::string place;  // for messages
  std::string url;
  int patience_ms = 0;
  std::unique_ptr<Link> link;                                // null before the first connect()
  std::map<std::string, std::string, std::less<>> prepared;  // types and SQL -> name
  std::int64_t changes = 0;
  int silent_for_ms = 0;  // not 0: the connection was given up after so long
  // A server that hangs is not knocked at by everybody who waits behind the one who found it out.
  std::chrono::steady_clock::time_point not_before = {};
  std::optional<Error> refused = {};

  [[nodiscard]] PGconn* connection() const { return link ? link->connection : nullptr; }
  [[nodiscard]] bool connected() const { return PQstatus(connection()) == CONNECTION_OK; }
  [[nodiscard]] int prompt_ms() const { return std::min(patience_ms, kPromptMs); }

  // What `call` gives, which waits for the server's answer: libpq itself would do so for ever.
  template <typename Call>
  ResultPointer within(int ms, Call call) {
    if (!link) {
      return nullptr;
    }
    const Deadline deadline(link->socket, ms);
    ResultPointer result(call(link->connection));
    if (deadline.passed()) {
      silent_for_ms = ms;
    }
    return result;
  }

  [[nodiscard]] Error error_of(const PGresult* result, std::string_view sql) const {
    const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const ErrorCode code = code_of(state == nullptr ? "" : state);
    const char* primary = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    Error error{code, place + ": "};
    if (primary != nullptr) {
      error.text += trimmed(primary);
    } else if (silent_for_ms != 0) {
      error.text += "no answer within " + std::to_string(silent_for_ms) + " ms";
    } else {
      error.text += trimmed(PQerrorMessage(connection()));
    }
    if (state != nullptr) {
      error.text.append(" (SQLSTATE ").append(state).append(")");
    }
    error.text.append(remedy(code));
    if (code == ErrorCode::internal || code == ErrorCode::conflict) {
      error.text.append(" in: ").append(sql.substr(0, 200));
    }
    return error;
  }

  // Takes any number of statements.
  Status execute(const std::string& sql) { return execute(sql, patience_ms); }
  Status execute(const std::string& sql, int ms) {
    const auto result = within(ms, [&sql](PGconn* server) { return PQexec(server, sql.c_str()); });
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      return error_of(result.get(), sql);
    }
    return {};
  }

  // For what the server knows without looking.
  Result<std::string> ask(const std::string& sql) {
    const auto result = within(prompt_ms(), [&sql](PGconn* server) { return PQexec(server, sql.c_str()); });
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK || PQntuples(result.get()) != 1) {
      return error_of(result.get(), sql);
    }
    return std::string(PQgetvalue(result.get(), 0, 0));
  }

  // Also after the connection was lost. One that has not the settings it needs is none.
  Status connect() {
    const Status ready = connect_and_set();
    if (!ready) {
      link.reset();
    }
    return ready;
  }

  Status connect_and_set() {
    const auto begun = std::chrono::steady_clock::now();
    if (refused && begun < not_before) {
      return *refused;
    }
    prepared.clear();
    silent_for_ms = 0;
    refused.reset();
    const std::string timeout = std::to_string(std::max(2, prompt_ms() / 1000));  // libpq takes no less
    const std::array values{url.c_str(), "read-write", "UTF8", "boathouse", timeout.c_str(),
                            "10",        "5",          "3",    "20000",     static_cast<const char*>(nullptr)};
    static_assert(values.size() == kConnectionKeywords.size());
    link.reset();
    link = std::make_unique<Link>(PQconnectdbParams(kConnectionKeywords.data(), values.data(), 1));
    if (!connected()) {
      Error error{ErrorCode::unavailable,
                  place + ": " + trimmed(PQerrorMessage(connection())) + std::string(remedy(ErrorCode::unavailable))};
      const auto now = std::chrono::steady_clock::now();
      if (now - begun >= std::chrono::seconds(1)) {
        refused = error;
        not_before = now + kNotAgainFor;
      }
      return error;
    }
    PQsetNoticeProcessor(
        connection(), [](void*, const char*) {}, nullptr);
    if (PQserverVersion(connection()) < kOldestServer) {
      return Error{ErrorCode::unsupported, place + ": PostgreSQL 13 or later is needed"};
    }
    const auto fsync = ask("SHOW fsync");
    if (!fsync) {
      return fsync.error();
    }
    if (*fsync != "on") {
      return Error{ErrorCode::unsupported,
                   place +
                       ": this PostgreSQL runs with fsync = off and would lose what it acknowledged in a power cut; "
                       "set fsync = on"};
    }
    const auto synchronous = ask("SHOW synchronous_commit");
    if (!synchronous) {
      return synchronous.error();
    }
    if (*synchronous == "off") {
      BOATHOUSE_TRY(execute("SET synchronous_commit = on", prompt_ms()));
    }
    // The keepalives are the server's: it holds a lock for a host that has gone until it notices.
    return execute("SET lock_timeout = " + std::to_string(Transaction::kLockTimeoutMs) +
                       "; SET statement_timeout = " + std::to_string(patience_ms / 5 * 4) +
                       "; SET idle_in_transaction_session_timeout = " + std::to_string(silence_ms()) +
                       "; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
                       "; SET tcp_user_timeout = 20000",
                   prompt_ms());
  }

  // How long one may be silent who is in others' way.
  [[nodiscard]] int silence_ms() const { return patience_ms / 5 * 3; }
};

class PostgresStatement final : public StatementDriver {
 public:
  PostgresStatement(Session& session, std::string sql) : session_(&session), sql_(std::move(sql)) {}

  void bind_text(int parameter, std::string_view text) override { put(parameter, kText, 0, std::string(text)); }
  void bind_blob(int parameter, base::ByteView blob) override {
    put(parameter, kBytea, 1, std::string(reinterpret_cast<const char*>(blob.data()), blob.size()));
  }
  void bind_integer(int parameter, std::int64_t number) override { put(parameter, kInt8, 0, std::to_string(number)); }
  void bind_null(int parameter) override { put(parameter, 0, 0, std::nullopt); }

  Result<bool> step() override {
    if (!result_) {
      BOATHOUSE_TRY(run_it());
    }
    if (++row_ < PQntuples(result_.get())) {
      return true;
    }
    reset();
    return false;
  }

  void reset() override {
    result_.reset();
    row_ = -1;
  }

  [[nodiscard]] bool is_null(int column) const override { return PQgetisnull(result_.get(), row_, column) != 0; }

  [[nodiscard]] std::int64_t integer(int column) const override {
    const base::ByteView bytes = blob(column);
    std::uint64_t number = 0;
    switch (PQftype(result_.get(), column)) {
      case kBool:
      case kInt8:
      case kInt4:
      case kInt2:
        break;
      default:
        return 0;
    }
    for (const std::uint8_t byte : bytes) {
      number = number << 8 | byte;
    }
    if (bytes.size() == 4) {
      return static_cast<std::int32_t>(number);
    }
    return bytes.size() == 2 ? static_cast<std::int16_t>(number) : static_cast<std::int64_t>(number);
  }

  [[nodiscard]] std::string_view text(int column) const override { return base::as_text(blob(column)); }

  [[nodiscard]] base::ByteView blob(int column) const override {
    return {reinterpret_cast<const std::uint8_t*>(PQgetvalue(result_.get(), row_, column)),
            static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
  }

 private:
  struct Parameter {
    Oid type = 0;
    int format = 0;
    std::optional<std::string> value;
  };

  void put(int parameter, Oid type, int format, std::optional<std::string> value) {
    reset();
    if (parameter < 1 || parameter > kMaxParameters) {
      wrong_ = parameter;
      return;
    }
    if (parameters_.size() < static_cast<std::size_t>(parameter)) {
      parameters_.resize(static_cast<std::size_t>(parameter));
    }
    parameters_[static_cast<std::size_t>(parameter) - 1] = {type, format, std::move(value)};
  }

  // One prepared statement for each way its parameters were typed (a NULL has no type of its own).
  Result<std::string> prepared() {
    std::string key;
    std::vector<Oid> types;
    for (const Parameter& parameter : parameters_) {
      types.push_back(parameter.type);
      key += std::to_string(parameter.type) + ",";
    }
    key += sql_;
    if (const auto found = session_->prepared.find(key); found != session_->prepared.end()) {
      return found->second;
    }
    if (session_->prepared.size() >= kMaxPrepared) {
      return std::string();  // unnamed: a statement whose text varies is prepared each time
    }
    const std::string name = "s" + std::to_string(session_->prepared.size());
    const auto made = session_->within(session_->patience_ms, [&](PGconn* server) {
      return PQprepare(server, name.c_str(), with_dollars(sql_).c_str(), static_cast<int>(types.size()), types.data());
    });
    if (PQresultStatus(made.get()) != PGRES_COMMAND_OK) {
      return session_->error_of(made.get(), sql_);
    }
    session_->prepared.emplace(std::move(key), name);
    return name;
  }

  Status run_it() {
    if (wrong_ != 0) {
      return Error{ErrorCode::internal, "no parameter " + std::to_string(std::exchange(wrong_, 0)) + " in: " + sql_};
    }
    // A text ends at its first U+0000 on the way: what would be stored is another one.
    const auto is_cut = [](const Parameter& one) {
      return one.type == kText && one.value && one.value->find('\0') != std::string::npos;
    };
    if (std::ranges::any_of(parameters_, is_cut)) {
      return Error{ErrorCode::internal, "a text with U+0000, which PostgreSQL does not take, for: " + sql_};
    }
    const auto name = prepared();
    if (!name) {
      return name.error();
    }
    std::vector<Oid> types;
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;
    for (const Parameter& parameter : parameters_) {
      types.push_back(parameter.type);
      values.push_back(parameter.value ? parameter.value->c_str() : nullptr);
      lengths.push_back(parameter.value ? static_cast<int>(parameter.value->size()) : 0);
      formats.push_back(parameter.format);
    }
    const int count = static_cast<int>(values.size());
    auto result = session_->within(session_->patience_ms, [&](PGconn* server) {
      return name->empty()
                 ? PQexecParams(server, with_dollars(sql_).c_str(), count, types.data(), values.data(), lengths.data(),
                                formats.data(), 1)
                 : PQexecPrepared(server, name->c_str(), count, values.data(), lengths.data(), formats.data(), 1);
    });
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      return session_->error_of(result.get(), sql_);
    }
    const char* const changed = PQcmdTuples(result.get());
    if (status == PGRES_COMMAND_OK) {
      session_->changes = *changed == '\0' ? 0 : std::strtoll(changed, nullptr, 10);
    }
    result_ = std::move(result);
    row_ = -1;
    return {};
  }

  Session* session_;
  std::string sql_;
  std::vector<Parameter> parameters_;
  int wrong_ = 0;
  ResultPointer result_;
  int row_ = -1;
};

class PostgresConnection final : public ConnectionDriver {
 public:
  explicit PostgresConnection(const Place& place) {
    session_.place = place.text();
    session_.url = place.postgres_url;
    session_.patience_ms = place.patience_ms;
  }
  Status connect() { return session_.connect(); }
  // Whoever asks has nothing to do with it when the server that came back is another one and cannot be used.
  Status connect_again() {
    const Status connected = connect();
    return connected.ok() || connected.error().code != ErrorCode::unsupported
               ? connected
               : Status(Error{ErrorCode::unavailable, connected.error().text});
  }

  [[nodiscard]] Dialect dialect() const override { return Dialect::postgres; }
  Result<std::unique_ptr<StatementDriver>> prepare(std::string_view sql) override {
    // Outside of a transaction nothing else would notice that the connection was lost.
    if (!session_.connected() && !in_transaction_) {
      BOATHOUSE_TRY(connect_again());
    }
    return std::unique_ptr<StatementDriver>(std::make_unique<PostgresStatement>(session_, std::string(sql)));
  }
  Status execute(const std::string& sql) override { return session_.execute(sql); }
  [[nodiscard]] std::int64_t changes() const override { return session_.changes; }

  Status begin_writing() override {
    BOATHOUSE_TRY(begin("BEGIN"));
    if (const Status locked = session_.execute(std::string(kTakeLock)); !locked) {
      rollback();
      return locked;
    }
    return {};
  }
  Status begin_reading() override { return begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); }

  Status commit() override {
    // COMMIT of a transaction that an error has ended is a ROLLBACK, and says so only here.
    const auto result = session_.within(session_.patience_ms, [](PGconn* server) { return PQexec(server, "COMMIT"); });
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
      return session_.error_of(result.get(), "COMMIT");
    }
    if (std::strcmp(PQcmdStatus(result.get()), "COMMIT") != 0) {
      return Error{ErrorCode::io, session_.place + ": an earlier error has rolled the transaction back"};
    }
    in_transaction_ = false;
    return {};
  }

  // The lock belongs to the session and is gone with it.
  Result<bool> lead() override {
    if (!session_.connected()) {
      leads_ = false;
      BOATHOUSE_TRY(connect_again());
    }
    auto answer = leads_ ? session_.ask("SELECT true") : try_to_lead();
    if (!answer) {
      leads_ = false;  // it died while nobody used it
      BOATHOUSE_TRY(connect_again());
      answer = try_to_lead();
    }
    if (!answer) {
      return answer.error();
    }
    leads_ = *answer == "t";
    return leads_;
  }

  Status migrate(const Schema& schema) override {
    BOATHOUSE_TRY(begin_writing());
    const int patience_ms = std::exchange(session_.patience_ms, kForHoursMs);
    Status migrated = session_.execute("SET LOCAL statement_timeout = 0");
    if (migrated) {
      migrated = migrate_inside(schema);
    }
    if (migrated) {
      migrated = commit();
    } else {
      rollback();
    }
    session_.patience_ms = patience_ms;
    return migrated;
  }

  void rollback() override {
    if (std::exchange(in_transaction_, false) && PQtransactionStatus(session_.connection()) != PQTRANS_IDLE) {
      (void)session_.execute("ROLLBACK", session_.prompt_ms());  // without a connection the server does it by itself
    }
  }

 private:
  Status begin(const std::string& sql) {
    Status begun =
        session_.connected() ? session_.execute(sql, session_.prompt_ms()) : Status(Error{ErrorCode::unavailable, ""});
    // A connection that died while nobody used it is noticed by its first use.
    if (!begun && begun.error().code == ErrorCode::unavailable) {
      BOATHOUSE_TRY(connect_again());
      begun = session_.execute(sql, session_.prompt_ms());
    }
    in_transaction_ = begun.ok();
    return begun;
  }

  Result<std::string> try_to_lead() {
    if (PQserverVersion(session_.connection()) >= kEndsIdleSessions) {
      BOATHOUSE_TRY(session_.execute("SET idle_session_timeout = " + std::to_string(session_.silence_ms()),
                                     session_.prompt_ms()));
    }
    return session_.patience_ms == kForHoursMs ? wait_to_lead() : session_.ask(kTryToLead);
  }

  // What takes hours may take moments more: a server that is stopped just now does not count as being there.
  Result<std::string> wait_to_lead() {
    BOATHOUSE_TRY(session_.execute(kBeginToWait, session_.prompt_ms()));
    auto answer = session_.ask(kWaitToLead);
    if (!answer && !session_.connected()) {
      return answer;
    }
    BOATHOUSE_TRY(session_.execute("ROLLBACK", session_.prompt_ms()));
    return answer ? answer : Result<std::string>("f");
  }

  // Several schemas may share a database: each has a row of its own.
  Status migrate_inside(const Schema& schema) {
    BOATHOUSE_TRY(session_.execute(
        "CREATE TABLE IF NOT EXISTS boathouse_schema (name TEXT PRIMARY KEY, version BIGINT NOT NULL)"));
    const std::string name(schema.name);  // of ours, without quotes
    const auto text =
        session_.ask("SELECT coalesce(max(version), 0) FROM boathouse_schema WHERE name = '" + name + "'");
    if (!text) {
      return text.error();
    }
    const std::int64_t version = std::strtoll(text->c_str(), nullptr, 10);
    const std::int64_t newest = schema.migrations.back().version;
    if (version > newest) {
      return Error{ErrorCode::unsupported, session_.place + " holds a " + name + " of version " + *text +
                                               ", this program knows up to " + std::to_string(newest) +
                                               "; use a newer program, nothing was changed"};
    }
    for (const Migration& migration : schema.migrations) {
      if (migration.version > version) {
        if (!migration.tables.empty()) {
          BOATHOUSE_TRY(session_.execute(for_postgres(migration.tables)));
        }
        if (!migration.move_postgres.empty()) {
          BOATHOUSE_TRY(session_.execute(std::string(migration.move_postgres)));
        }
      }
    }
    return session_.execute("INSERT INTO boathouse_schema VALUES ('" + name + "', " + std::to_string(newest) +
                            ") ON CONFLICT (name) DO UPDATE SET version = " + std::to_string(newest));
  }

  Session session_;
  bool in_transaction_ = false;
  bool leads_ = false;
};

}  // namespace

Result<Connection> open_postgres(const Place& place) {
  auto driver = std::make_unique<PostgresConnection>(place);
  BOATHOUSE_TRY(driver->connect());
  return Connection(std::move(driver));
}

std::string with_dollars(std::string_view sql) {
  std::string text;
  text.reserve(sql.size());
  bool quoted = false;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    quoted = quoted != (sql[i] == '\'');
    const bool parameter = !quoted && sql[i] == '?' && i + 1 < sql.size() && sql[i + 1] >= '1' && sql[i + 1] <= '9';
    text += parameter ? '$' : sql[i];
  }
  return text;
}

}  // namespace boathouse::sql
