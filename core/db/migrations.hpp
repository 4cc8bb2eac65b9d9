// The versions of a database file's schema. A file carries whose it is (PRAGMA application_id) and how far it came
// (PRAGMA user_version); both are set in the same transaction as the tables.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/result.hpp"
#include "core/db/sqlite.hpp"

namespace boathouse::db {

// What leads from version - 1 to `version`: SQL statements without BEGIN and COMMIT. Never change one that was
// released; append the next.
struct Migration {
  std::int32_t version;  // 1, 2, 3, ... without holes
  std::string_view sql;
};

struct Schema {
  std::string_view name;        // for messages: "device store", "ledger"
  std::int32_t application_id;  // never 0: that is what a file of nobody has
  std::span<const Migration> migrations;
};

// Brings the file to the schema's last version, all missing migrations in one transaction; a file without tables is
// begun. What an earlier process left in the write-ahead log is made durable. Nothing is written to a file that is
// refused: unsupported for another application's file, for tables of nobody's, and for a version that a newer program
// made. Any other failure leaves the version that was there.
[[nodiscard]] base::Status migrate(Connection& connection, const Schema& schema);

}  // namespace boathouse::db
