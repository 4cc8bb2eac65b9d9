#include "apps/boathouse/account_commands.hpp"

#include <algorithm>

#include "apps/boathouse/answers.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"

namespace boathouse::app {
namespace {

using base::JsonValue;
using base::JsonWriter;

const Extra kWhateverIsThere{{"If-Match", "*"}};

// What a command makes: with --json the whole answer, else the one field that a script wants.
int print_made(const ServerOptions& server, const base::Result<std::string>& text, std::string_view field) {
  if (!text) return fail(text.error());
  if (server.json) {
    print(*text + "\n");
    return kDone;
  }
  const auto made = base::parse_json(*text);
  if (!made) return fail(made.error());
  print(text_of(*made, field) + "\n");
  return kDone;
}

// One thing with its fields, a line each.
int print_fields(const ServerOptions& server, const base::Result<std::string>& text,
                 std::initializer_list<std::string_view> fields) {
  if (!text) return fail(text.error());
  if (server.json) {
    print(*text + "\n");
    return kDone;
  }
  const auto value = base::parse_json(*text);
  if (!value) return fail(value.error());
  for (const std::string_view field : fields) {
    if (value->find(field) != nullptr) {
      print(std::string(field) + std::string(std::max<std::size_t>(13, field.size() + 1) - field.size(), ' ') +
            text_of(*value, field) + "\n");
    }
  }
  return kDone;
}

int done(const base::Result<std::string>& text) { return text ? kDone : fail(text.error()); }

// An athlete by name or id, as the API has it.
void write_athlete(JsonWriter& json, const std::string& athlete) {
  json.key(athlete.starts_with("ath_") ? "athlete" : "athlete_name").value(athlete);
}

void write_profile(JsonWriter& json, const AccountOptions& options) {
  const auto put = [&json](std::string_view key, const std::optional<std::string>& value) {
    if (!value) return;
    json.key(key);
    if (value->empty()) {
      json.null();
    } else {
      json.value(*value);
    }
  };
  put("email", options.email);
  put("locale", options.locale);
  put("time_zone", options.time_zone);
}

std::string profile_path(const AccountOptions& options) {
  return options.id.empty() || options.id == "me" ? "/v1/me" : "/v1/athletes/" + options.id;
}

std::string team_path(const AccountOptions& options) { return "/v1/teams/" + options.id; }

// "90d" as days; anything else is the server's to read.
std::optional<std::int64_t> days_of(const std::string& expires) {
  const bool is_days = expires.size() >= 2 && expires.size() <= 6 && expires.back() == 'd' &&
                       std::all_of(expires.begin(), expires.end() - 1, [](char c) { return c >= '0' && c <= '9'; });
  return is_days ? std::optional<std::int64_t>(std::stoll(expires)) : std::nullopt;
}

}  // namespace

// ---- keys ----

int key_create(const AccountOptions& options) {
  std::string body;
  JsonWriter json(body);
  write_athlete(json.begin_object(), options.athlete);
  if (!options.scopes.empty()) {
    json.key("scopes").begin_array();
    for (std::size_t at = 0; at <= options.scopes.size();) {
      const std::size_t end = std::min(options.scopes.find(',', at), options.scopes.size());
      json.value(std::string_view(options.scopes).substr(at, end - at));
      at = end + 1;
    }
    json.end_array();
  }
  if (const auto days = days_of(options.expires)) {
    json.key("expires_in_days").value(*days);
  } else if (!options.expires.empty()) {
    json.key("expires_at").value(options.expires);
  }
  if (!options.label.empty()) json.key("label").value(options.label);
  json.end_object();
  return print_made(options.server, call(options.server, "POST", "/v1/keys", body), "key");
}

int key_list(const AccountOptions& options) {
  return print_list(
      options.server, options.mine ? "/v1/me/keys" : "/v1/keys",
      {"id", "role", "athlete.name", "label", "created_at", "expires_at", "last_used_at", "revoked_at", "scopes"});
}

int key_rotate(const AccountOptions& options) {
  std::string body;
  JsonWriter(body).begin_object().key("overlap_hours").value(options.overlap_hours).end_object();
  return print_made(options.server, call(options.server, "POST", "/v1/keys/" + options.id + "/rotate", body), "key");
}

int key_revoke(const AccountOptions& options) {
  return done(call(options.server, "DELETE", (options.mine ? "/v1/me/keys/" : "/v1/keys/") + options.id));
}

// ---- athletes ----

int athlete_create(const AccountOptions& options) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("name").value(options.name);
  write_profile(json, options);
  json.end_object();
  return print_made(options.server, call(options.server, "POST", "/v1/athletes", body), "id");
}

int athlete_list(const AccountOptions& options) {
  return print_list(options.server, "/v1/athletes", {"id", "name", "email", "locale", "time_zone", "created_at"});
}

int athlete_show(const AccountOptions& options) {
  return print_fields(options.server, call(options.server, "GET", profile_path(options)),
                      {"id", "name", "email", "locale", "time_zone", "created_at"});
}

int athlete_update(const AccountOptions& options) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  if (options.new_name) json.key("name").value(*options.new_name);
  write_profile(json, options);
  json.end_object();
  return print_fields(options.server, call(options.server, "PATCH", profile_path(options), body, kWhateverIsThere),
                      {"id", "name", "email", "locale", "time_zone"});
}

// ---- teams ----

int team_create(const AccountOptions& options) {
  return print_made(options.server, call(options.server, "POST", "/v1/teams", one_field_object("name", options.name)),
                    "id");
}

int team_list(const AccountOptions& options) {
  return print_list(options.server, "/v1/teams", {"id", "name", "your_roles", "created_at", "archived_at"});
}

int team_show(const AccountOptions& options) {
  const auto text = call(options.server, "GET", team_path(options));
  const int code = print_fields(options.server, text, {"id", "name", "your_roles", "archived_at", "invitation_until"});
  if (code != kDone || options.server.json) return code;
  const auto team = base::parse_json(*text);
  if (!team) return fail(team.error());
  for (const char* role : {"coaches", "members"}) {
    const JsonValue* people = team->find(role);
    if (people == nullptr || people->array() == nullptr) continue;
    print(std::string(role) + "\n");
    for (const JsonValue& person : *people->array()) {
      print("  " + text_of(person, "id") + "  " + text_of(person, "name") + "  since " + text_of(person, "since") +
            "\n");
    }
  }
  return kDone;
}

int team_rename(const AccountOptions& options) {
  return done(
      call(options.server, "PATCH", team_path(options), one_field_object("name", options.name), kWhateverIsThere));
}

int team_delete(const AccountOptions& options) { return done(call(options.server, "DELETE", team_path(options))); }

int team_invite(const AccountOptions& options) {
  std::string body;
  JsonWriter(body).begin_object().key("expires_in_hours").value(options.expires_hours).end_object();
  return print_made(options.server, call(options.server, "POST", team_path(options) + "/invitation", body), "code");
}

int team_join(const AccountOptions& options) {
  return print_fields(options.server,
                      call(options.server, "POST", "/v1/teams/join", one_field_object("code", options.code)),
                      {"id", "name"});
}

int team_leave(const AccountOptions& options) {
  const auto me = call_json(options.server, "GET", "/v1/me");
  if (!me) return fail(me.error());
  const auto team = call_json(options.server, "GET", team_path(options));
  if (!team) return fail(team.error());
  const std::string roles = text_of(*team, "your_roles");
  for (const auto& [role, path] : {std::pair("member", "/members/"), std::pair("coach", "/coaches/")}) {
    if (roles.find(role) == std::string::npos) continue;
    const auto left = call(options.server, "DELETE", team_path(options) + path + text_of(*me, "id"));
    if (!left) return fail(left.error());
  }
  return kDone;
}

int team_put(const AccountOptions& options, const std::string& role) {
  return done(call(options.server, "PUT", team_path(options) + "/" + role + "/" + options.athlete));
}

int team_remove(const AccountOptions& options, const std::string& role) {
  return done(call(options.server, "DELETE", team_path(options) + "/" + role + "/" + options.athlete));
}

// ---- pairing ----

int pair_create(const AccountOptions& options) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  if (!options.athlete.empty()) write_athlete(json, options.athlete);
  json.end_object();
  return print_made(options.server, call(options.server, "POST", "/v1/pairings", body), "code");
}

}  // namespace boathouse::app
