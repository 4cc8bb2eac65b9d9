// The options of the commands about accounts.
#pragma once

#include <functional>

#include "apps/boathouse/account_commands.hpp"

namespace CLI {
class App;
}

namespace boathouse::app {

// Adds key, athlete, team and pair to `app`. Parsing fills `options` and sets `chosen` to the command that was given;
// both must outlive `app`.
void add_account_commands(CLI::App& app, AccountOptions& options, std::function<int()>& chosen);

}  // namespace boathouse::app
