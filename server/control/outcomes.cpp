#include "server/control/outcomes.hpp"

#include <optional>

#include "server/control/rows.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

std::optional<base::Uuid> id_of(const sql::Statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(uuid_of(row.blob(column)));
}

// In a transaction of its own.
Status write(sql::Connection& connection, const std::string& sql, std::int64_t intent) {
  auto transaction = sql::Transaction::begin(connection);
  if (!transaction) {
    return transaction.error();
  }
  auto statement = connection.prepare(sql);
  if (!statement) {
    return statement.error();
  }
  BOATHOUSE_TRY(statement->bind(1, intent).run());
  return transaction->commit();
}

}  // namespace

Status Outcomes::put(sql::Connection& connection, const Outcome& outcome) const {
  auto insert = connection.prepare("INSERT INTO " + table_ +
                                   " (intent, kind, key_id, athlete, what) VALUES (?1, ?2, ?3, ?4, ?5) "
                                   "ON CONFLICT (intent) DO NOTHING RETURNING intent");
  if (!insert) {
    return insert.error();
  }
  const auto bind_id = [&insert](int parameter, const std::optional<base::Uuid>& id) {
    id ? insert->bind(parameter, id->bytes) : insert->bind(parameter, nullptr);
  };
  insert->bind(1, outcome.intent).bind(2, outcome.act.kind).bind(5, outcome.act.what);
  bind_id(3, outcome.act.key);
  bind_id(4, outcome.act.athlete);
  const auto is_in = insert->step();
  if (!is_in) {
    return is_in.error();
  }
  return *is_in ? Status()
                : Status(Error{ErrorCode::unavailable,
                               "this took so long that it was given up, and is not done: try again"});
}

Result<std::vector<Outcome>> Outcomes::waiting() {
  const std::lock_guard lock(mutex_);
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  auto select = connection_.prepare("SELECT intent, kind, key_id, athlete, what FROM " + table_ +
                                    " WHERE kind IS NOT NULL ORDER BY intent LIMIT " + std::to_string(kMaxWaiting));
  if (!select) {
    return select.error();
  }
  std::vector<Outcome> outcomes;
  BOATHOUSE_TRY(each_row(*select, [&outcomes](const sql::Statement& row) {
    outcomes.push_back(
        {row.integer(0), {std::string(row.text(1)), id_of(row, 2), id_of(row, 3), std::string(row.text(4))}});
  }));
  return outcomes;
}

Status Outcomes::remove(std::int64_t intent) {
  const std::lock_guard lock(mutex_);
  return write(connection_, "DELETE FROM " + table_ + " WHERE intent = ?1 AND kind IS NOT NULL", intent);
}

Status Outcomes::give_up(std::int64_t intent) {
  const std::lock_guard lock(mutex_);
  return write(connection_, "INSERT INTO " + table_ + " (intent) VALUES (?1) ON CONFLICT (intent) DO NOTHING", intent);
}

}  // namespace boathouse::control
