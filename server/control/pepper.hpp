// The pepper's file beside the control database, and the check in the database that it is the right one.
#pragma once

#include <string>

#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "server/control/keyed_hash.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::control {

// Reads the pepper at `path`; makes it (mode 0600, durable) for a database that has none yet. corrupt: the file is
// missing, damaged or not the one that the database was begun with; a new one would hide that every key is lost.
base::Result<Pepper> open_pepper(const std::string& path, sql::Connection& connection, base::RandomSource& random);

}  // namespace boathouse::control
