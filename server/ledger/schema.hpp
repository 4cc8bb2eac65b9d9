// The tables of the ledger's SQLite file.
#pragma once

#include "core/db/migrations.hpp"

namespace boathouse::ledger {

extern const db::Schema kSchema;

}  // namespace boathouse::ledger
