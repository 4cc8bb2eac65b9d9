// The tables of the ledger's SQLite file.
#pragma once

#include "server/sql/migrations.hpp"

namespace boathouse::ledger {

extern const sql::Schema kSchema;

}  // namespace boathouse::ledger
