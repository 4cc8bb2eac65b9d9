// Commands against a running server about its data: reconcile, sessions, export.
#pragma once

#include <string>

#include "apps/boathouse/server_client.hpp"

namespace boathouse::app {

// Counts of ledger and ClickHouse. Waits up to `wait_s` for what is on its way. Exit 1 on a difference or when
// something stays unloaded.
int reconcile(const ServerOptions& server, int wait_s);
// The key's own sessions, or those of an athlete or a team that it may read: ath_ or team_ id, "" = not asked for.
int session_list(const ServerOptions& server, const std::string& athlete, const std::string& team);
// Writes one session as CSV to `out_file`, "" or "-" = standard output.
int export_session(const ServerOptions& server, const std::string& session_id, const std::string& stream,
                   const std::string& out_file);

}  // namespace boathouse::app
