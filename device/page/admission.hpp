// Which requests are let in. Loopback is no wall against a browser: any page that the athlete visits can send requests
// to it (cross-site requests) or make its own name point to it (DNS rebinding). Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::page {

// Headers as they were sent; nullopt = not there.
struct Visitor {
  bool changes = false;  // the call is a POST
  std::optional<std::string> host;
  std::optional<std::string> origin;
  std::optional<std::string> fetch_site;    // Sec-Fetch-Site
  std::optional<std::string> content_type;  // of a POST
};

// forbidden unless the request comes from this page itself, or from no page at all:
//   Host is localhost or an IP address, which no foreign name can be rebound to;
//   Origin, if there, is http:// and that very Host;
//   Sec-Fetch-Site, if there, is same-origin, or none (typed by the person) for what changes nothing;
// unsupported unless a POST is application/json, which no foreign form can send.
base::Status admit(const Visitor& visitor);

}  // namespace boathouse::page
