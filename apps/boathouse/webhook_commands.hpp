// `boathouse webhook list|deliveries|replay`, with an athlete's key.
#pragma once

#include <string>

#include "apps/boathouse/server_client.hpp"

namespace boathouse::app {

int webhook_list(const ServerOptions& server);
// The log of one webhook, the newest first.
int webhook_deliveries(const ServerOptions& server, const std::string& id);
// All that has failed of what was made at `since` (a time with its zone) or later. Prints how many.
int webhook_replay(const ServerOptions& server, const std::string& id, const std::string& since);

}  // namespace boathouse::app
