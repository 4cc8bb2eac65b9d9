// Commands against a running server: keys, athletes, reconcile, sessions, export.
#pragma once

#include <string>

#include "apps/boathouse/server_client.hpp"

namespace boathouse::app {

// Prints only the key.
int key_create(const ServerOptions& server, const std::string& athlete_name);
int key_list(const ServerOptions& server);
int key_revoke(const ServerOptions& server, const std::string& key_id);
int athlete_create(const ServerOptions& server, const std::string& name);
int athlete_list(const ServerOptions& server);
// Counts of ledger and ClickHouse. Waits up to `wait_s` for what is on its way. Exit 1 on a difference or when
// something stays unloaded.
int reconcile(const ServerOptions& server, int wait_s);
int session_list(const ServerOptions& server);
// Writes one session as CSV to `out_file`, "" or "-" = standard output.
int export_session(const ServerOptions& server, const std::string& session_id, const std::string& stream,
                   const std::string& out_file);

}  // namespace boathouse::app
