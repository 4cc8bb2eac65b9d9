// `boathouse audit show|verify`.
#pragma once

#include <cstdint>
#include <string>

#include "apps/boathouse/server_client.hpp"

namespace boathouse::app {

struct AuditOptions {
  std::string athlete;
  std::string kind;
  std::int64_t after = 0;
  std::int64_t limit = 1000;
  std::string data;    // verify: this folder's ledger instead of a server
  std::string ledger;  // verify: this ledger instead of a server
  std::string anchor;  // verify: "N:HASH" or empty
};

int audit_show(const ServerOptions& server, const AuditOptions& options);
// Exit 1 on a difference, which it names.
int audit_verify(const ServerOptions& server, const AuditOptions& options);

}  // namespace boathouse::app
