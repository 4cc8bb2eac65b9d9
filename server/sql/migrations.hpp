// The versions of a schema, the same tables on both databases. They are written in SQLite's words (STRICT, BLOB,
// INTEGER, WITHOUT ROWID); for_postgres() puts them into PostgreSQL's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::sql {

// What leads from version - 1 to `version`. Never change one that was released; append the next.
struct Migration {
  std::int32_t version;               // 1, 2, 3, ... without holes
  std::string_view tables;            // made, if any; a table comes before those that refer to it
  std::string_view move_sqlite = {};  // then: what is there goes into them
  std::string_view move_postgres = {};
};

struct Schema {
  std::string_view name;        // for messages, and on PostgreSQL the name of its version
  std::int32_t application_id;  // of a SQLite file; never 0
  std::span<const Migration> migrations;
};

// As db::migrate; on PostgreSQL in one transaction under the lock of all writers, so that of several nodes one does it.
[[nodiscard]] base::Status migrate(Connection& connection, const Schema& schema);

std::string for_postgres(std::string_view tables);

}  // namespace boathouse::sql
