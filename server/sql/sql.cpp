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
    BOATHOUSE_TRY(check_postgres(place.postgres_url));
  } else {
    return Error{ErrorCode::invalid_input,  // without the text: it may hold a password
                 "the ledger's place must be sqlite:FILE or postgresql://USER@HOST/DATABASE"};
  }
  return place;
}

std::string Place::text() const { return postgres_url.empty() ? sqlite_file : postgres_text(postgres_url); }

Result<bool> Statement::step() {
  if (out_of_range_ != 0) {
    const std::string parameter = std::to_string(std::exchange(out_of_range_, 0));
    return Error{ErrorCode::internal, "parameter " + parameter + " of a statement is beyond 63 bits"};
  }
  auto row = driver_->step();
  // Writers stand in a row, so each looks before it writes: a constraint or limit of the database is met by a bug
  // alone.
  if (!row && (row.error().code == ErrorCode::conflict || row.error().code == ErrorCode::too_large)) {
    return Error{ErrorCode::internal, row.error().text};
  }
  return row;
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
