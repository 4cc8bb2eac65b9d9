#include "engine/database.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/chdb_api.hpp"
#include "engine/http/exception.hpp"
#include "engine/http/query_request.hpp"

namespace boathouse::engine {
namespace {

using engine_http::exception;
using engine_http::exception_from_engine;

// On each handle from the start. async_insert's own default (1) answers before the rows are in a table.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kDefaults = {{
    {"async_insert", "0"},
    {"deduplicate_insert", "enable"},
}};

// Of the machine's memory, or its control group's, for the whole process: the server beside it has the rest. One
// statement has two thirds of that, so that another can run beside it; what it wants beyond ends it with code 241.
constexpr std::string_view kMemoryShare = "0.75";
constexpr std::string_view kStatementMemory =
    "SELECT toString(intDiv(toUInt64(value), 3) * 2) FROM system.server_settings WHERE name = "
    "'max_server_memory_usage'";

// Parameters as the arrays that the C interface takes; a view of them.
struct RawParameters {
  explicit RawParameters(const Parameters& parameters) {
    for (const auto& parameter : parameters) {
      names.push_back(parameter.name.data());
      name_sizes.push_back(parameter.name.size());
      values.push_back(parameter.value.data());
      value_sizes.push_back(parameter.value.size());
    }
  }
  std::vector<const char*> names;
  std::vector<std::size_t> name_sizes;
  std::vector<const char*> values;
  std::vector<std::size_t> value_sizes;
};

base::Result<Rows> checked(chdb_result* result) {
  Rows rows(result);
  if (result == nullptr) {
    return exception_from_engine("");
  }
  if (const char* error = chdb_result_error(result)) {
    return exception_from_engine(error);
  }
  return rows;
}

}  // namespace

void Rows::Free::operator()(chdb_result_* result) const { chdb_destroy_query_result(result); }

std::string_view Rows::bytes() const {
  const char* data = chdb_result_buffer(result_.get());
  return data == nullptr ? std::string_view() : std::string_view(data, chdb_result_length(result_.get()));
}

engine_http::Summary Rows::summary() const {
  engine_http::Summary summary;
  summary.read_rows = chdb_result_storage_rows_read(result_.get());
  summary.read_bytes = chdb_result_storage_bytes_read(result_.get());
  summary.written_rows = chdb_result_rows_written(result_.get());
  summary.written_bytes = chdb_result_bytes_written(result_.get());
  summary.result_rows = chdb_result_rows_read(result_.get());
  summary.result_bytes = chdb_result_bytes_read(result_.get());
  summary.elapsed_ns = static_cast<std::uint64_t>(std::max(0.0, chdb_result_elapsed(result_.get())) * 1e9);
  return summary;
}

ResultStream::~ResultStream() {
  if (stream_.result_) {
    chdb_stream_cancel_query(connection_, stream_.result_.get());
  }
}

base::Result<Rows> ResultStream::next() {
  return checked(chdb_stream_fetch_result(connection_, stream_.result_.get()));
}

void InsertStream::Free::operator()(chdb_insert_stream_* stream) const { chdb_destroy_insert_stream(stream); }

base::Error InsertStream::error() const {
  const char* text = chdb_stream_insert_error(stream_.get());
  return exception_from_engine(text == nullptr ? "" : text);
}

base::Status InsertStream::append(std::string_view bytes) {
  if (chdb_stream_append(stream_.get(), bytes.data(), bytes.size()) != 0) {
    return error();
  }
  return base::Done{};
}

base::Result<engine_http::Summary> InsertStream::finish() {
  auto rows = checked(chdb_stream_done(stream_.get()));
  if (!rows) return rows.error();
  return rows->summary();
}

Session::Session(Session&& other) noexcept
    : database_(other.database_),
      handle_(std::exchange(other.handle_, nullptr)),
      reset_settings_(std::move(other.reset_settings_)),
      other_database_(other.other_database_),
      reusable_(other.reusable_) {}

Session::~Session() {
  if (handle_ != nullptr) {
    database_->give_back(handle_, reusable_ && restore());
  }
}

base::Status Session::run(std::string_view sql) {
  auto rows = query(sql, "Null", {});
  return rows ? base::Status(base::Done{}) : base::Status(rows.error());
}

base::Status Session::configure(std::string_view database, const Parameters& settings) {
  if (!database.empty() && database != "default") {
    BOATHOUSE_TRY(run("USE " + engine_http::quote_identifier(database)));
    other_database_ = true;
  }
  if (settings.empty()) {
    return base::Done{};
  }
  for (const auto& setting : settings) {
    const auto own =
        std::find_if(kDefaults.begin(), kDefaults.end(), [&](const auto& pair) { return pair.first == setting.name; });
    reset_settings_ += (reset_settings_.empty() ? "SET " : ", ") + setting.name + " = ";
    if (own != kDefaults.end()) {
      reset_settings_ += "'" + std::string(own->second) + "'";
    } else if (setting.name == "max_threads") {
      reset_settings_ += std::to_string(database_->options_.max_threads);
    } else if (setting.name == "max_memory_usage") {
      reset_settings_ += database_->statement_memory_;
    } else {
      reset_settings_ += "DEFAULT";
    }
  }
  return run(engine_http::set_statement(settings));
}

bool Session::restore() {
  // One that cannot be set back (`readonly`, a dropped database) costs the handle, nothing more.
  return (reset_settings_.empty() || run(reset_settings_).ok()) && (!other_database_ || run("USE default").ok());
}

Analysis Session::analyze(std::string_view sql) {
  chdb_query_analysis_v1 raw{sizeof(chdb_query_analysis_v1), 0, 0, CHDB_QUERY_UNKNOWN};
  if (chdb_classify_query_n(*handle_, sql.data(), sql.size(), nullptr, 0, &raw) != 0) {
    return {};
  }
  switch (raw.query_class) {
    case CHDB_QUERY_READ_ONLY:
      return {StatementClass::read_only, raw.statement_count};
    case CHDB_QUERY_MUTATING:
    case CHDB_QUERY_MUTATING_GLOBAL:
      return {StatementClass::writes, raw.statement_count};
    case CHDB_QUERY_CONTROL:
      return {StatementClass::control, raw.statement_count};
    default:
      return {StatementClass::unknown, raw.statement_count};
  }
}

base::Result<Rows> Session::query(std::string_view sql, std::string_view format, const Parameters& parameters) {
  const RawParameters raw(parameters);
  return checked(chdb_query_with_params_n(*handle_, sql.data(), sql.size(), format.data(), format.size(),
                                          raw.names.data(), raw.name_sizes.data(), raw.values.data(),
                                          raw.value_sizes.data(), parameters.size()));
}

base::Result<ResultStream> Session::stream(std::string_view sql, std::string_view format,
                                           const Parameters& parameters) {
  const RawParameters raw(parameters);
  auto rows = checked(chdb_stream_query_with_params_n(*handle_, sql.data(), sql.size(), format.data(), format.size(),
                                                      raw.names.data(), raw.name_sizes.data(), raw.values.data(),
                                                      raw.value_sizes.data(), parameters.size()));
  if (!rows) return rows.error();
  return ResultStream(*handle_, std::move(*rows));
}

base::Result<InsertStream> Session::insert(std::string_view sql, std::string_view format,
                                           const Parameters& parameters) {
  const RawParameters raw(parameters);
  chdb_insert_stream stream = chdb_stream_insert_with_params_n(
      *handle_, sql.data(), sql.size(), format.data(), format.size(), raw.names.data(), raw.name_sizes.data(),
      raw.values.data(), raw.value_sizes.data(), parameters.size());
  InsertStream insert(stream);
  if (const char* error = chdb_stream_insert_error(stream)) {
    return exception_from_engine(error);
  }
  return insert;
}

base::Result<std::unique_ptr<Database>> Database::open(Options options) {
  chdb_set_signal_handlers_enabled(0);
  std::unique_ptr<Database> database(new Database(std::move(options)));
  chdb_connection_** first = database->open_handle();
  if (first == nullptr) {
    return base::Error{base::ErrorCode::io,
                       "libchdb cannot open " + database->options_.directory.string() + "; its own reason is above"};
  }
  database->open_ = 1;
  database->idle_.push_back(first);
  BOATHOUSE_TRY(database->bound_statements());
  return database;
}

// libchdb knows how much memory there is only when it runs; the first handle, which says so, is told afterwards.
base::Status Database::bound_statements() {
  auto session = lease(std::chrono::milliseconds(0));
  if (!session) return session.error();
  const auto bytes = session->query(kStatementMemory, "TabSeparated", {});
  if (!bytes) return bytes.error();
  statement_memory_ = bytes->bytes().substr(0, bytes->bytes().find('\n'));
  return session->run("SET max_memory_usage = " + statement_memory_);
}

Database::~Database() {
  for (chdb_connection_** handle : idle_) {
    chdb_close_conn(handle);
  }
  // Says 1 (a thread stayed) on every clean end of 26.7.3 too, so the answer tells nothing.
  chdb_shutdown();
}

chdb_connection_** Database::open_handle() const {
  std::vector<std::string> arguments = {"boathouse-engine", "--path=" + options_.directory.string(),
                                        "--max_threads=" + std::to_string(options_.max_threads),
                                        "--max_server_memory_usage_to_ram_ratio=" + std::string(kMemoryShare),
                                        // BACKUP TO File: wherever file() may write too, which is anywhere.
                                        "--backups.allowed_path=/"};
  for (const auto& [name, value] : kDefaults) {
    arguments.push_back("--" + std::string(name) + "=" + std::string(value));
  }
  if (!statement_memory_.empty()) arguments.push_back("--max_memory_usage=" + statement_memory_);
  std::vector<char*> raw;
  for (std::string& argument : arguments) {
    raw.push_back(argument.data());
  }
  raw.push_back(nullptr);
  return chdb_connect(static_cast<int>(arguments.size()), raw.data());
}

base::Result<Session> Database::lease(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  const bool there = returned_.wait_for(lock, patience, [this] { return !idle_.empty() || open_ < options_.handles; });
  if (!there) {
    return exception(engine_http::kTooManySimultaneousQueries,
                     "all " + std::to_string(options_.handles) + " handles of the engine are busy: try again");
  }
  if (idle_.empty()) {
    chdb_connection_** handle = open_handle();
    if (handle == nullptr) {
      return exception(engine_http::kTooManySimultaneousQueries, "the engine gives no further handle: try again");
    }
    ++open_;
    return Session(*this, handle);
  }
  chdb_connection_** handle = idle_.back();
  idle_.pop_back();
  return Session(*this, handle);
}

void Database::give_back(chdb_connection_** handle, bool reusable) {
  {
    const std::lock_guard lock(mutex_);
    if (reusable) {
      idle_.push_back(handle);
    } else {
      // The engine ends with its last handle, so a new one comes before the old one goes.
      chdb_connection_** fresh = open_handle();
      if (fresh != nullptr) {
        idle_.push_back(fresh);
      } else {
        --open_;
      }
    }
  }
  if (!reusable) {
    chdb_close_conn(handle);
  }
  returned_.notify_one();
}

}  // namespace boathouse::engine
