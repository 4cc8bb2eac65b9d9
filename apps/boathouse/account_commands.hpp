// Commands about accounts on a running server: athletes, keys, teams, pairing (docs/accounts.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/boathouse/server_client.hpp"

namespace boathouse::app {

struct AccountOptions {
  ServerOptions server;
  std::string athlete;  // name or ath_ id
  std::string id;       // of what the command is about
  std::string name;
  std::string code;
  std::optional<std::string> new_name;  // athlete update
  std::optional<std::string> email;     // "" takes it away, here and below
  std::optional<std::string> locale;
  std::optional<std::string> time_zone;
  std::string scopes;                // key create: with commas
  std::string expires;               // key create: "90d", or a day or time of ISO 8601
  std::string label;                 // key create
  bool mine = false;                 // key list, key revoke: with an athlete's key
  std::int64_t overlap_hours = 24;   // key rotate
  std::int64_t expires_hours = 168;  // team invite
  std::string data;                  // device pair
};

// Prints only the key.
int key_create(const AccountOptions& options);
int key_list(const AccountOptions& options);
// Prints only the new key.
int key_rotate(const AccountOptions& options);
int key_revoke(const AccountOptions& options);

// Prints only the id.
int athlete_create(const AccountOptions& options);
int athlete_list(const AccountOptions& options);
// `id` "": the key's own.
int athlete_show(const AccountOptions& options);
int athlete_update(const AccountOptions& options);

// Prints only the id.
int team_create(const AccountOptions& options);
int team_list(const AccountOptions& options);
int team_show(const AccountOptions& options);
int team_rename(const AccountOptions& options);
int team_delete(const AccountOptions& options);
// Prints only the code.
int team_invite(const AccountOptions& options);
int team_join(const AccountOptions& options);
int team_leave(const AccountOptions& options);
// `role`: "members" or "coaches".
int team_put(const AccountOptions& options, const std::string& role);
int team_remove(const AccountOptions& options, const std::string& role);

// Prints only the code. `athlete` "": for the key's own athlete.
int pair_create(const AccountOptions& options);

}  // namespace boathouse::app
