#include "server/control/scopes.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace boathouse::control {
namespace {

constexpr std::array<std::string_view, kScopeCount> kNames{
    "sessions:read",   "sessions:write", "strokes:read", "athletes:read", "teams:read",
    "aggregates:read", "exports:create", "exports:read", "keys:manage",   "audit:read",
    "account:delete",  "athletes:write", "teams:write",  "webhooks:read", "webhooks:manage"};

}  // namespace

std::string_view name(Scope scope) { return kNames.at(static_cast<std::size_t>(scope)); }

base::Result<Scope> scope_of(std::string_view name) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found != kNames.end()) {
    return static_cast<Scope>(found - kNames.begin());
  }
  std::string known;
  for (const std::string_view one : kNames) {
    known += (known.empty() ? "" : ", ") + std::string(one);
  }
  return base::Error{base::ErrorCode::invalid_input, "there is no such scope; there are " + known};
}

base::Status check_scopes(const http::RouteTable& routes) {
  for (const http::Route& route : routes.routes()) {
    const bool is_public = route.scope == kPublic;
    if (is_public == static_cast<bool>(route.admit) || (!is_public && !scope_of(route.scope))) {
      return base::Error{base::ErrorCode::internal,
                         "the route " + route.name + " needs a scope and an admission, or must be public"};
    }
  }
  return {};
}

}  // namespace boathouse::control
