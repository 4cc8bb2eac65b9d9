// `boathouse retention ...` and the erasure of an athlete, against a running server. Exit codes as of output.hpp.
#pragma once

#include <string>
#include <vector>

#include "apps/boathouse/server_client.hpp"

namespace boathouse::app {

struct RetentionOptions {
  std::string scope = "all";
  std::vector<std::string> grains;
  int years = 0;
  bool for_ever = false;
  std::string reason;
  std::string plan;
  bool yes = false;
  std::string athlete;
  bool proof = false;
};

int retention_show(const ServerOptions& server);
int retention_set(const ServerOptions& server, const RetentionOptions& options);
int retention_hold(const ServerOptions& server, const RetentionOptions& options);
int retention_release(const ServerOptions& server, const RetentionOptions& options);
int retention_plan(const ServerOptions& server);
// The plan with that id, or with `yes` the one of now, which is printed first.
int retention_apply(const ServerOptions& server, const RetentionOptions& options);

// Asks for it with `yes`; with `proof` says how far it is. Exit 1 of a proof: something is left.
int athlete_erase(const ServerOptions& server, const RetentionOptions& options);
int athlete_restore(const ServerOptions& server, const RetentionOptions& options);

}  // namespace boathouse::app
