// The tables of the control database. Their versions: sql/migrations.hpp.
#pragma once

#include "server/sql/migrations.hpp"

namespace boathouse::control {

extern const sql::Schema kSchema;

}  // namespace boathouse::control
