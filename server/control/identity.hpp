// Whom a valid key speaks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/uuid.hpp"
#include "server/control/scopes.hpp"

namespace boathouse::control {

// The numbers are in the database: never change one.
enum class Role : std::uint8_t {
  operator_ = 1,  // runs the server: all athletes and keys, but owns no data and uploads none
  athlete = 2,    // one athlete's own data
};
std::string_view name(Role role);  // "operator", "athlete"

struct Identity {
  base::Uuid key_id;
  Role role = Role::athlete;
  std::optional<base::Uuid> athlete;  // exactly when role is athlete
  Scopes scopes;
  std::optional<std::int64_t> expires_ms = {};  // of the key; nullopt: it does not end
};

}  // namespace boathouse::control
