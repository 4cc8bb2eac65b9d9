#include "server/control/readers.hpp"

#include <algorithm>

namespace boathouse::control {

std::optional<std::vector<base::Uuid>> readable_athletes(const Accounts& accounts, const Identity& caller) {
  if (!caller.athlete) {
    return std::nullopt;
  }
  std::vector<base::Uuid> readable{*caller.athlete};
  if (caller.scopes.has(Scope::teams_read)) {
    for (const base::Uuid& member : accounts.teams().members_of_coach(*caller.athlete)) {
      if (member != *caller.athlete && !accounts.is_suspended(member)) {
        readable.push_back(member);
      }
    }
  }
  return readable;
}

bool may_read(const Accounts& accounts, const Identity& caller, const base::Uuid& athlete) {
  const auto readable = readable_athletes(accounts, caller);
  return !readable || std::ranges::find(*readable, athlete) != readable->end();
}

}  // namespace boathouse::control
