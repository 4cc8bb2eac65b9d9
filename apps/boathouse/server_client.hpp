// Calls to a running server from the command line.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/result.hpp"

namespace boathouse::app {

struct ServerOptions {
  std::string server = "http://127.0.0.1:8080";
  std::string key;  // --key, else the first line of key_file, else BOATHOUSE_KEY
  std::string key_file;
  std::string ca_file;  // as of transport::HttpClientOptions
  bool json = false;
};

// The key by --key, --key-file or BOATHOUSE_KEY; empty when none is given.
std::string key_of(const std::string& key, const std::string& key_file);

// Header fields beside the key.
using Extra = std::vector<std::pair<std::string, std::string>>;

// The answer's body of a 2xx; otherwise the problem's own words (unauthenticated for a 401 or no key, forbidden for a
// 403, unavailable for 502 to 504 or no answer).
base::Result<std::string> call(const ServerOptions& server, const std::string& method, const std::string& path,
                               const std::string& body = {}, const Extra& extra = {});
// The same for a public route: no key is sent.
base::Result<std::string> call_without_key(const ServerOptions& server, const std::string& method,
                                           const std::string& path, const std::string& body);
base::Result<base::JsonValue> call_json(const ServerOptions& server, const std::string& method, const std::string& path,
                                        const std::string& body = {});

// {"key": "value"}
std::string one_field_object(std::string_view key, std::string_view value);

// A new API key of the athlete with that name (made if there is none) or id.
base::Result<std::string> make_athlete_key(const ServerOptions& server, const std::string& athlete);

}  // namespace boathouse::app
