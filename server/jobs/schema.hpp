// The table of jobs. Its versions: sql/migrations.hpp.
#pragma once

#include "server/sql/migrations.hpp"

namespace boathouse::jobs {

extern const sql::Schema kSchema;

}  // namespace boathouse::jobs
