// The tables of the webhooks. Their versions: sql/migrations.hpp.
#pragma once

#include "server/sql/migrations.hpp"

namespace boathouse::webhooks {

extern const sql::Schema kSchema;

}  // namespace boathouse::webhooks
