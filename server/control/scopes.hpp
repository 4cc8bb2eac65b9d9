// What a key may be used for. A route names the one scope that it asks for (http::Route::scope); a key has a set of
// them. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "server/http/router.hpp"

namespace boathouse::control {

// The place of each in the list of scopes.cpp, and in the database: never change one.
enum class Scope : std::uint8_t {
  sessions_read = 0,
  sessions_write = 1,  // uploads
  strokes_read = 2,
  athletes_read = 3,
  teams_read = 4,
  aggregates_read = 5,
  exports_create = 6,
  exports_read = 7,
  keys_manage = 8,
  audit_read = 9,
  account_delete = 10,
  athletes_write = 11,
  teams_write = 12,
  webhooks_read = 13,
  webhooks_manage = 14,
};
inline constexpr int kScopeCount = 15;

std::string_view name(Scope scope);  // "sessions:read"
// invalid_input: no scope has that name; the text lists those that there are.
base::Result<Scope> scope_of(std::string_view name);

// A set of scopes: bit n is Scope n.
class Scopes {
 public:
  constexpr Scopes() = default;
  constexpr explicit Scopes(std::uint32_t bits) : bits_(bits) {}

  constexpr Scopes& add(Scope scope) {
    bits_ |= std::uint32_t{1} << static_cast<unsigned>(scope);
    return *this;
  }
  [[nodiscard]] constexpr bool has(Scope scope) const { return (bits_ >> static_cast<unsigned>(scope) & 1U) != 0; }
  [[nodiscard]] constexpr bool within(Scopes other) const { return (bits_ & ~other.bits_) == 0; }
  [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }
  friend bool operator==(const Scopes&, const Scopes&) = default;

 private:
  std::uint32_t bits_ = 0;
};

inline constexpr Scopes kOperatorScopes{(std::uint32_t{1} << kScopeCount) - 1};
// All but what is the operator's alone: keys and the audit.
inline constexpr Scopes kAthleteScopes{kOperatorScopes.bits() &
                                       ~Scopes().add(Scope::keys_manage).add(Scope::audit_read).bits()};

// Routes that need no key have this for a scope.
inline constexpr std::string_view kPublic = "public";

// Default deny: every route has a scope that there is and an admission that looks at it, or is public and has none.
// internal, naming the route, if not.
base::Status check_scopes(const http::RouteTable& routes);

}  // namespace boathouse::control
