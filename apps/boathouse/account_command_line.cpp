#include "apps/boathouse/account_command_line.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace boathouse::app {
namespace {

class AccountCommandLine {
 public:
  AccountCommandLine(CLI::App& app, AccountOptions& options, std::function<int()>& chosen)
      : app_(app), options_(options), chosen_(chosen) {}

  void add_keys();
  void add_athletes();
  void add_teams();
  void add_pairing();

 private:
  using Action = int (*)(const AccountOptions&);

  CLI::App* group(const std::string& name, const std::string& help) {
    CLI::App* made = app_.add_subcommand(name, help);
    made->require_subcommand(1);
    return made;
  }
  CLI::App* add(CLI::App* group, const std::string& name, const std::string& help, std::function<int()> action) {
    CLI::App* made = group->add_subcommand(name, help);
    made->callback([&chosen = chosen_, action = std::move(action)] { chosen = action; });
    made->add_option("--server", options_.server.server, "URL of the server")->capture_default_str();
    made->add_option("--key", options_.server.key, "API key (else --key-file, else BOATHOUSE_KEY)");
    made->add_option("--key-file", options_.server.key_file, "File whose first line is the API key");
    made->add_option("--ca-file", options_.server.ca_file, "PEM file of the CA to trust with https://");
    made->add_flag("--json", options_.server.json, "JSON output");
    return made;
  }
  CLI::App* add(CLI::App* group, const std::string& name, const std::string& help, Action action) {
    return add(group, name, help, std::function<int()>([&options = options_, action] { return action(options); }));
  }
  void with_hours(CLI::App* command, const std::string& name, std::int64_t& hours, const std::string& help,
                  std::int64_t least, const std::string& shown) {
    command->add_option(name, hours, help + ", e.g. " + shown + "; h or d")
        ->transform(CLI::AsNumberWithUnit(std::map<std::string, std::int64_t>{{"h", 1}, {"d", 24}},
                                          CLI::AsNumberWithUnit::UNIT_REQUIRED))
        ->check(CLI::Range(least, std::int64_t{720}))
        ->default_str(shown);
  }
  void with_profile(CLI::App* command) {
    command->add_option("--email", options_.email, "Where mail goes to; \"\" = none");
    command->add_option("--locale", options_.locale, "Language tag, e.g. de-AT; \"\" = none");
    command->add_option("--time-zone", options_.time_zone, "IANA name, e.g. Europe/Vienna; \"\" = none");
  }

  CLI::App& app_;
  AccountOptions& options_;
  std::function<int()>& chosen_;
};

void AccountCommandLine::add_keys() {
  CLI::App* keys = group("key", "API keys");
  CLI::App* create = add(keys, "create", "Make a key for an athlete; prints only the key", key_create);
  create->add_option("--athlete", options_.athlete, "Name or ath_ id; an unknown name makes the athlete")->required();
  create->add_option("--scopes", options_.scopes, "What it may do, with commas, e.g. sessions:read,strokes:read");
  create->add_option("--expires", options_.expires, "90d, or a day (its begin in UTC) or time of ISO 8601");
  create->add_option("--name", options_.label, "What the key is for, e.g. \"club tablet\"");
  const auto or_mine = [this](CLI::App* command) {
    command->add_flag("--mine", options_.mine, "With an athlete's key: the athlete's own");
    return command;
  };
  or_mine(add(keys, "list", "List the keys, without their secrets", key_list));
  CLI::App* rotate = add(keys, "rotate", "A new secret for a key; prints only the key", key_rotate);
  rotate->add_option("id", options_.id, "key_ id, as `key list` shows it")->required();
  with_hours(rotate, "--overlap", options_.overlap_hours, "How long the secret of before stays good", 0, "24h");
  CLI::App* revoke = or_mine(add(keys, "revoke", "Revoke a key at once", key_revoke));
  revoke->add_option("id", options_.id, "key_ id, as `key list` shows it")->required();
}

void AccountCommandLine::add_athletes() {
  CLI::App* athletes = group("athlete", "Athletes and their profiles");
  CLI::App* create = add(athletes, "create", "Make an athlete; prints the id", athlete_create);
  create->add_option("name", options_.name, "Name")->required();
  with_profile(create);
  add(athletes, "list", "List the athletes", athlete_list);
  CLI::App* show = add(athletes, "show", "Show a profile", athlete_show);
  show->add_option("id", options_.id, "ath_ id (default: the key's own athlete)");
  CLI::App* update = add(athletes, "update", "Change a profile; what is not named stays", athlete_update);
  update->add_option("id", options_.id, "ath_ id (default: the key's own athlete)");
  update->add_option("--name", options_.new_name, "Name");
  with_profile(update);
}

void AccountCommandLine::add_teams() {
  CLI::App* teams = group("team", "Teams: coaches read the sessions of members");
  const auto with_team = [this](CLI::App* command) {
    command->add_option("id", options_.id, "team_ id")->required();
    return command;
  };
  const auto with_athlete = [this, with_team](CLI::App* command) {
    with_team(command)->add_option("athlete", options_.athlete, "ath_ id")->required();
  };
  const auto about = [this](auto call, const char* role) {
    return std::function<int()>([&options = options_, call, role] { return call(options, role); });
  };
  add(teams, "create", "Make a team, with the key's athlete as its coach; prints the id", team_create)
      ->add_option("name", options_.name, "Name")
      ->required();
  add(teams, "list", "List the teams that the key's athlete is in", team_list);
  with_team(add(teams, "show", "Show a team and who is in it", team_show));
  with_team(add(teams, "rename", "Give a team another name", team_rename))
      ->add_option("name", options_.name, "Name")
      ->required();
  with_team(add(teams, "delete", "Archive a team: everybody leaves it, for good", team_delete));
  CLI::App* invite = with_team(add(teams, "invite",
                                   "Make a code with which athletes join; prints the code; it ends "
                                   "the one of before",
                                   team_invite));
  with_hours(invite, "--expires", options_.expires_hours, "How long the code is good", 1, "7d");
  add(teams, "join", "Let the coaches of a team read the key's athlete's sessions", team_join)
      ->add_option("code", options_.code, "The code that a coach gave you")
      ->required();
  with_team(add(teams, "leave", "Leave a team", team_leave));
  with_athlete(add(teams, "add", "The operator: put an athlete in", about(team_put, "members")));
  with_athlete(add(teams, "remove", "Take an athlete out", about(team_remove, "members")));
  with_athlete(add(teams, "let-in", "Let a coach in", about(team_put, "coaches")));
  with_athlete(add(teams, "let-out", "Let a coach out", about(team_remove, "coaches")));
}

void AccountCommandLine::add_pairing() {
  CLI::App* pairing = group("pair", "A key for a device that has none");
  add(pairing, "create", "Make a code for `device pair`, good for ten minutes and one device; prints the code",
      pair_create)
      ->add_option("--athlete", options_.athlete, "Name or ath_ id; with the operator's key");
}

}  // namespace

void add_account_commands(CLI::App& app, AccountOptions& options, std::function<int()>& chosen) {
  AccountCommandLine commands(app, options, chosen);
  commands.add_keys();
  commands.add_athletes();
  commands.add_teams();
  commands.add_pairing();
}

}  // namespace boathouse::app
