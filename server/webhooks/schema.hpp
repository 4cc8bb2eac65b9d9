// The tables of the webhooks. Their versions: sql/migrations.hpp.
#pragma once

#include <string_view>

#include "server/sql/migrations.hpp"

namespace boathouse::webhooks {

extern const sql::Schema kSchema;
// Its columns: control/outcomes.hpp.
inline constexpr std::string_view kOutcomeTable = "webhook_outcome";

}  // namespace boathouse::webhooks
