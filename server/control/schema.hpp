// The tables of the control database. Their versions: sql/migrations.hpp.
#pragma once

#include <string_view>

#include "server/sql/migrations.hpp"

namespace boathouse::control {

extern const sql::Schema kSchema;
// Its columns: outcomes.hpp.
inline constexpr std::string_view kOutcomeTable = "act_outcome";

}  // namespace boathouse::control
