#include "server/sql/sql.hpp"

#include "server/sql/drivers.hpp"

namespace boathouse::sql {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

Result<Place> Place::parse(std::string_view text, const std::string& file) {
  constexpr std::string_view kSqlite = "sqlite:";
  Place place;
  if (text.empty()) {
    place.sqlite_file = file;
  } else if (text.starts_with(kSqlite) && text.size() > kSqlite.size()) {
    place.sqlite_file = text.substr(kSqlite.size());
  } else if (text.starts_with("postgresql://") || text.starts_with("postgres://")) {
    place.postgres_url = text;
  } else {
    return Error{ErrorCode::invalid_input,
                 "the ledger's place must be sqlite:FILE or postgresql://USER@HOST/DATABASE, not " + std::string(text)};
  }
  return place;
}

std::string Place::text() const {
  if (postgres_url.empty()) {
    return sqlite_file;
  }
  const std::size_t at = postgres_url.rfind('@');
  const std::size_t password = postgres_url.find(':', postgres_url.find("://") + 3);
  if (at == std::string::npos || password == std::string::npos || password > at) {
    return postgres_url;
  }
  return postgres_url.substr(0, password) + postgres_url.substr(at);
}

Result<bool> Statement::step() {
  if (out_of_range_ != 0) {
    const std::string parameter = std::to_string(std::exchange(out_of_range_, 0));
    return Error{ErrorCode::internal, "parameter " + parameter + " of a statement is beyond 63 bits"};
  }
  return driver_->step();
}

Status Statement::run() {
  while (true) {
    const Result<bool> row = step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return {};
    }
  }
}

Result<Connection> Connection::open(const Place& place) {
  return place.postgres_url.empty() ? open_sqlite(place.sqlite_file, place.sqlite) : open_postgres(place);
}

Result<Statement> Connection::prepare(std::string_view sql) {
  auto statement = driver_->prepare(sql);
  if (!statement) {
    return statement.error();
  }
  return Statement(std::move(*statement));
}

Result<Transaction> Transaction::begin(Connection& connection) {
  BOATHOUSE_TRY(connection.driver_->begin_writing());
  return Transaction(*connection.driver_);
}

Transaction::~Transaction() {
  if (driver_ != nullptr) {
    driver_->rollback();
  }
}

Status Transaction::commit() {
  if (driver_ == nullptr) {
    return Error{ErrorCode::internal, "commit() of a transaction that has ended"};
  }
  BOATHOUSE_TRY(driver_->commit());
  driver_ = nullptr;
  return {};
}

Result<Snapshot> Snapshot::begin(Connection& connection) {
  BOATHOUSE_TRY(connection.driver_->begin_reading());
  return Snapshot(*connection.driver_);
}

Snapshot::~Snapshot() {
  if (driver_ != nullptr) {
    driver_->rollback();
  }
}

}  // namespace boathouse::sql
