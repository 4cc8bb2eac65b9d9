// Whose sessions a caller may read: the one place where that is decided. Any thread.
#pragma once

#include <optional>
#include <vector>

#include "core/base/uuid.hpp"
#include "server/control/accounts.hpp"
#include "server/control/identity.hpp"

namespace boathouse::control {

// The athletes whose sessions this caller may read; nullopt: all (the operator). An athlete reads the own ones; with a
// key that has teams:read also those of the members of the teams that this person coaches, as of now.
std::optional<std::vector<base::Uuid>> readable_athletes(const Accounts& accounts, const Identity& caller);

bool may_read(const Accounts& accounts, const Identity& caller, const base::Uuid& athlete);

}  // namespace boathouse::control
