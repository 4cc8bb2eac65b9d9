// `boathouse trail`: where is my workout?
#pragma once

#include <string>

#include "apps/boathouse/server_client.hpp"

namespace boathouse::app {

// `id`: rec_, ses_ or a plain UUID. Exit 1 when nothing of it ever came to the server.
int trail(const ServerOptions& server, const std::string& id);

}  // namespace boathouse::app
