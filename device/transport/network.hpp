// What this host can know about its network without sending anything.
#pragma once

#include <string>

namespace boathouse::transport {

// Whether a network could lead to `server` (a URL): an interface is up and running with an address beyond loopback and
// link-local ones. Always false for a server on this very host (localhost, 127.x, [::1]): that it does not answer says
// nothing about the world outside, and "you are online" must not be claimed without a sign of it. Any thread.
bool has_network_to(const std::string& server);

}  // namespace boathouse::transport
