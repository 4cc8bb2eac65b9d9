// What Connection::open() chooses from. Thread rules and errors: sql.hpp.
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "core/db/sqlite.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::sql {

base::Result<Connection> open_sqlite(const std::string& file, const db::Options& options);
base::Result<Connection> open_postgres(const Place& place);

// Place::parse() and Place::text() for a "postgresql://..." that libpq takes apart.
base::Status check_postgres(const std::string& url);
std::string postgres_text(const std::string& url);

// "?1" becomes "$1", but not in quotes.
std::string with_dollars(std::string_view sql);

}  // namespace boathouse::sql
