#include "core/db/migrations.hpp"

#include <string>

namespace boathouse::db {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

Result<std::int64_t> number_from(Connection& connection, std::string_view sql) {
  auto statement = connection.prepare(sql);
  if (!statement.ok()) {
    return statement.error();
  }
  const auto row = statement->step();
  if (!row.ok()) {
    return row.error();
  }
  return statement->integer(0);
}

// The file's version, or why it must be left alone.
Result<std::int64_t> version_of(Connection& connection, const Schema& schema) {
  const auto application_id = number_from(connection, "PRAGMA application_id");
  if (!application_id.ok()) {
    return application_id.error();
  }
  const auto version = number_from(connection, "PRAGMA user_version");
  if (!version.ok()) {
    return version.error();
  }
  const auto objects = number_from(connection, "SELECT count(*) FROM sqlite_schema");
  if (!objects.ok()) {
    return objects.error();
  }
  const std::string file = connection.path() + " is ";
  const std::string other = "; name another file, this one was not touched";
  const bool empty = *application_id == 0 && *version == 0 && *objects == 0;
  if (!empty && *application_id != schema.application_id) {
    return Error{ErrorCode::unsupported, file + "not a " + std::string(schema.name) + " of Boathouse" + other};
  }
  if (*version < 0 || *version > std::int64_t{schema.migrations.back().version}) {
    return Error{ErrorCode::unsupported, file + "a " + std::string(schema.name) + " of version " +
                                             std::to_string(*version) + ", this program knows up to " +
                                             std::to_string(schema.migrations.back().version) +
                                             "; use a newer program, the file was not touched"};
  }
  return version;
}

Status apply(Connection& connection, const Schema& schema) {
  auto transaction = Transaction::begin(connection);
  if (!transaction.ok()) {
    return transaction.error();
  }
  // Read again under the lock: another process may have done the work meanwhile.
  const auto version = version_of(connection, schema);
  if (!version.ok()) {
    return version.error();
  }
  for (const Migration& migration : schema.migrations) {
    if (migration.version <= *version) {
      continue;
    }
    if (auto status = connection.execute(std::string(migration.sql)); !status.ok()) {
      return status.error().within("migration " + std::to_string(migration.version) + " of the " +
                                   std::string(schema.name));
    }
  }
  BOATHOUSE_TRY(connection.execute("PRAGMA application_id = " + std::to_string(schema.application_id) +
                                   "; PRAGMA user_version = " + std::to_string(schema.migrations.back().version)));
  return transaction->commit();
}

// A file of ours that a backup wrote can come back in another journal mode.
Status ensure_wal(Connection& connection) {
  auto statement = connection.prepare("PRAGMA journal_mode = WAL");
  if (!statement.ok()) {
    return statement.error();
  }
  const auto row = statement->step();
  if (!row.ok()) {
    return row.error();
  }
  if (statement->text(0) != "wal") {
    return Error{ErrorCode::io, connection.path() +
                                    ": no write-ahead log can be used there (a network folder?); use a " +
                                    "folder on a local disk"};
  }
  return {};
}

// What the process before may have written without getting it onto the disk: after a sync that failed, a system may
// show the bytes and never write them again, and all that is appended behind them would be lost with them when the
// power goes. Copied into the database they are written and synced anew. A WAL that another connection uses is left to
// it.
Status make_durable(Connection& connection) { return connection.execute("PRAGMA wal_checkpoint(TRUNCATE)"); }

}  // namespace

Status migrate(Connection& connection, const Schema& schema) {
  for (std::size_t i = 0; i < schema.migrations.size(); ++i) {
    if (schema.migrations[i].version != static_cast<std::int32_t>(i) + 1) {
      return Error{ErrorCode::internal, "the migrations of the " + std::string(schema.name) + " are not 1, 2, 3, ..."};
    }
  }
  if (schema.migrations.empty() || schema.application_id == 0) {
    return Error{ErrorCode::internal, "a schema needs a migration and an application id"};
  }
  const auto version = version_of(connection, schema);
  if (!version.ok()) {
    return version.error();
  }
  BOATHOUSE_TRY(ensure_wal(connection));
  BOATHOUSE_TRY(make_durable(connection));
  if (*version == std::int64_t{schema.migrations.back().version}) {
    return {};
  }
  return apply(connection, schema);
}

}  // namespace boathouse::db
