// The tables of device.db.
#pragma once

#include "core/db/migrations.hpp"

namespace boathouse::store {

const db::Schema& schema();

}  // namespace boathouse::store
