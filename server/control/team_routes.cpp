// Teams, who is in them, and how one gets in. Whoever is not in a team is answered as if there were none.
#include <string>
#include <utility>

#include "core/base/utc_time.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/route_parts.hpp"
#include "server/control/scopes.hpp"
#include "server/http/problem.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonWriter;
using base::Result;
using base::Status;
using http::Request;
using http::Response;

constexpr std::int64_t kInvitationHours = 7 * 24;

std::string team_text(const base::Uuid& id) { return "team=" + format_id(kTeamPrefix, id); }

// ---- who may what ----

// How the caller stands to a team.
struct Standing {
  bool is_operator = false;
  bool is_coach = false;
  bool is_member = false;

  [[nodiscard]] bool leads() const { return is_operator || is_coach; }
  [[nodiscard]] bool sees() const { return leads() || is_member; }
};

Standing standing_of(const RouteParts& parts, const Request& request, const base::Uuid& team) {
  const auto& person = identity_of(request)->athlete;
  if (!person) {
    return {.is_operator = true};
  }
  const Teams& teams = parts.accounts.teams();
  return {.is_coach = teams.is(TeamRole::coach, team, *person), .is_member = teams.is(TeamRole::member, team, *person)};
}

struct Seen {
  Team team;
  Standing standing;
};

Error no_such_team() { return {ErrorCode::not_found, "there is no such team"}; }

// The team of the path, if the caller may know of it; an id that is none is nobody's team.
Result<Seen> seen_team(const RouteParts& parts, const Request& request) {
  const auto id = parse_id(kTeamPrefix, request.path_parameter("id"));
  if (!id) {
    return no_such_team();
  }
  const Standing standing = standing_of(parts, request, *id);
  if (!standing.sees()) {
    return no_such_team();
  }
  auto team = parts.accounts.teams().team(*id);
  return team ? Result<Seen>(Seen{std::move(*team), standing}) : team.error();
}

Result<Seen> led_team(const RouteParts& parts, const Request& request) {
  auto seen = seen_team(parts, request);
  if (seen && !seen->standing.leads()) {
    return Error{ErrorCode::forbidden, "only a coach of the team or the operator can do this"};
  }
  return seen;
}

Result<base::Uuid> athlete_in_path(const Request& request) {
  const auto id = parse_id(kAthletePrefix, request.path_parameter("athlete"));
  return id ? id : Error{ErrorCode::not_found, "there is no such athlete"};
}

// ---- answers ----

void write_team(JsonWriter& json, const Team& team, const Standing& standing) {
  json.key("id").value(format_id(kTeamPrefix, team.id)).key("name").value(team.name);
  json.key("created_at").value(base::format_utc_ms(team.created_ms));
  time_or_null(json.key("archived_at"), team.archived_ms);
  json.key("your_roles").begin_array();
  if (standing.is_coach) {
    json.value(name(TeamRole::coach));
  }
  if (standing.is_member) {
    json.value(name(TeamRole::member));
  }
  json.end_array();
}

void write_people(JsonWriter& json, const std::vector<TeamPerson>& people, TeamRole role) {
  json.begin_array();
  for (const TeamPerson& person : people) {
    if (person.role == role) {
      json.begin_object().key("id").value(format_id(kAthletePrefix, person.athlete)).key("name").value(person.name);
      json.key("since").value(base::format_utc_ms(person.since_ms)).end_object();
    }
  }
  json.end_array();
}

Response team_response(int status, const Team& team, const Standing& standing) {
  std::string body;
  JsonWriter json(body);
  write_team(json.begin_object(), team, standing);
  json.end_object();
  Response response = json_response(status, std::move(body));
  response.headers.set("ETag", etag_of(team.version));
  response.headers.set("Vary", "Authorization");
  return response;
}

// ---- one act, with its two records ----

template <typename Do>
Response acted(const RouteParts& parts, const Request& request, std::string kind,
               const std::optional<base::Uuid>& athlete, const std::string& what, Do work) {
  auto act = begin_act(parts, act_of(request, std::move(kind), athlete, what));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const base::Status done = work(&*act);
  act->ended(done);
  if (!done) {
    return http::problem_response(request, done.error());
  }
  Response response;
  response.status = 204;
  return response;
}

// ---- handlers ----

// {"name": "..."}
Result<std::string> read_name(const Request& request) {
  const auto body = body_of(request);
  if (!body) {
    return body.error();
  }
  if (body->size() != 1 || body->front().first != "name" || body->front().second.text() == nullptr) {
    return Error{ErrorCode::invalid_input, "the body must be {\"name\": \"...\"}"};
  }
  BOATHOUSE_TRY(check_name(*body->front().second.text(), "a team's name"));
  return *body->front().second.text();
}

Response create_team(const RouteParts& parts, const Request& request) {
  const auto name = read_name(request);
  if (!name) {
    return http::field_problem(request, "/name", name.error());
  }
  const auto call = call_of(request);
  if (!call) {
    return bad_call_key(request, call.error());
  }
  const auto& coach = identity_of(request)->athlete;
  auto act = begin_act(parts, act_of(request, "team.create", coach, ""));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto made = parts.accounts.teams().create(*call, *name, coach, &*act);
  act->ended(end_of(made));
  if (!made) {
    return http::problem_response(request, made.error());
  }
  if (!*made) {
    return reused_call_key(request);
  }
  // Who has left since the call came for the first time is told no more of the team than anybody else.
  const Standing standing = standing_of(parts, request, (*made)->id);
  return standing.sees() ? team_response(201, **made, standing) : http::problem_response(request, no_such_team());
}

Response list_teams(const RouteParts& parts, const Request& request) {
  const auto page = page_of(request, kTeamPrefix);
  if (!page) {
    return http::problem_response(request, page.error());
  }
  auto teams = parts.accounts.teams().teams(identity_of(request)->athlete, page->after, page->limit + 1);
  if (!teams) {
    return http::problem_response(request, teams.error());
  }
  return page_response(request, kTeamPrefix, std::move(*teams), page->limit, [&](JsonWriter& json, const Team& team) {
    write_team(json.begin_object(), team, standing_of(parts, request, team.id));
    json.end_object();
  });
}

// A member sees who can see the own sessions; who else is in the team is for the coaches to know.
Response get_team(const RouteParts& parts, const Request& request) {
  const auto seen = seen_team(parts, request);
  if (!seen) {
    return http::problem_response(request, seen.error());
  }
  const auto people = parts.accounts.teams().people(seen->team.id);
  if (!people) {
    return http::problem_response(request, people.error());
  }
  std::string body;
  JsonWriter json(body);
  write_team(json.begin_object(), seen->team, seen->standing);
  write_people(json.key("coaches"), *people, TeamRole::coach);
  if (seen->standing.leads()) {
    write_people(json.key("members"), *people, TeamRole::member);
    time_or_null(json.key("invitation_until"), seen->team.invitation_until_ms);
  }
  json.end_object();
  Response response = json_response(200, std::move(body));
  response.headers.set("ETag", etag_of(seen->team.version));
  response.headers.set("Vary", "Authorization");
  return response;
}

Response rename_team(const RouteParts& parts, const Request& request) {
  const auto led = led_team(parts, request);
  if (!led) {
    return http::problem_response(request, led.error());
  }
  std::optional<std::int64_t> version;
  if (auto refusal = read_if_match(request, version)) {
    return std::move(*refusal);
  }
  const auto name = read_name(request);
  if (!name) {
    return http::field_problem(request, "/name", name.error());
  }
  const std::string what = team_text(led->team.id);
  auto act = begin_act(parts, act_of(request, "team.rename", std::nullopt, what));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto team = parts.accounts.teams().rename(led->team.id, *name, version, &*act);
  act->ended(team);
  if (!team) {
    return team.error().code == ErrorCode::conflict ? version_problem(request, team.error().text)
                                                    : http::problem_response(request, team.error());
  }
  return team_response(200, *team, led->standing);
}

Response delete_team(const RouteParts& parts, const Request& request) {
  const auto led = led_team(parts, request);
  if (!led) {
    return http::problem_response(request, led.error());
  }
  const base::Uuid id = led->team.id;
  return acted(parts, request, "team.delete", std::nullopt, team_text(id),
               [&](AuditedAct* act) { return parts.accounts.teams().archive(id, act); });
}

Result<std::int64_t> read_hours(const Request& request) {
  const auto body = body_of(request);
  if (!body) {
    return body.error();
  }
  if (body->empty()) {
    return kInvitationHours;
  }
  const auto hours = body->front().second.integer();
  if (body->size() != 1 || body->front().first != "expires_in_hours" || !hours || *hours < 1 ||
      *hours > kMaxInvitationLifeMs / kHourMs) {
    return Error{ErrorCode::invalid_input, "the body must be {} or {\"expires_in_hours\": 1 to 720}"};
  }
  return *hours;
}

Response invite(const RouteParts& parts, const Request& request) {
  const auto led = led_team(parts, request);
  if (!led) {
    return http::problem_response(request, led.error());
  }
  const auto hours = read_hours(request);
  if (!hours) {
    return http::problem_response(request, hours.error());
  }
  const auto call = call_of(request);
  if (!call) {
    return bad_call_key(request, call.error());
  }
  const std::string what = team_text(led->team.id) + " hours=" + std::to_string(*hours);
  auto act = begin_act(parts, act_of(request, "team.invite", std::nullopt, what));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto made = parts.accounts.teams().invite(*call, led->team.id, *hours * kHourMs, &*act);
  act->ended(end_of(made));
  if (!made) {
    return http::problem_response(request, made.error());
  }
  if (!*made) {
    return reused_call_key(request);
  }
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("code").value((*made)->text);
  json.key("expires_at").value(base::format_utc_ms((*made)->expires_ms)).end_object();
  return json_response(201, std::move(body));
}

Response end_invitation(const RouteParts& parts, const Request& request) {
  const auto led = led_team(parts, request);
  if (!led) {
    return http::problem_response(request, led.error());
  }
  const base::Uuid id = led->team.id;
  return acted(parts, request, "team.invite.end", std::nullopt, team_text(id),
               [&](AuditedAct* act) { return parts.accounts.teams().end_invitation(id, act); });
}

// The athlete's own word that the team's coaches may read the sessions.
Response join(const RouteParts& parts, const Request& request) {
  const auto body = body_of(request);
  if (!body) {
    return http::problem_response(request, body.error());
  }
  if (body->size() != 1 || body->front().first != "code" || body->front().second.text() == nullptr) {
    return http::problem_response(request, Error{ErrorCode::invalid_input, "the body must be {\"code\": \"...\"}"});
  }
  const auto team = parts.accounts.teams().team_of_invitation(*body->front().second.text());
  if (!team) {
    return http::field_problem(request, "/code", team.error());
  }
  const base::Uuid athlete = *identity_of(request)->athlete;
  Response response = acted(parts, request, "team.join", athlete, team_text(team->id), [&](AuditedAct* act) {
    return parts.accounts.teams().add(team->id, athlete, TeamRole::member, act);
  });
  return response.status == 204 ? team_response(200, *team, standing_of(parts, request, team->id))
                                : std::move(response);
}

// Members come by an invitation; the operator may put one in, as the administrator of a club does for those who have
// agreed on paper. Coaches are let in by a coach or the operator.
Response put_person(const RouteParts& parts, const Request& request, TeamRole role) {
  const auto led = led_team(parts, request);
  if (!led) {
    return http::problem_response(request, led.error());
  }
  if (role == TeamRole::member && !led->standing.is_operator) {
    return http::problem_response(
        request, Error{ErrorCode::forbidden, "an athlete joins by an invitation: POST /v1/teams/{id}/invitation"});
  }
  const auto athlete = athlete_in_path(request);
  if (!athlete) {
    return http::problem_response(request, athlete.error());
  }
  const base::Uuid id = led->team.id;
  return acted(parts, request, "team." + std::string(name(role)) + ".add", *athlete, team_text(id),
               [&](AuditedAct* act) { return parts.accounts.teams().add(id, *athlete, role, act); });
}

// By a coach or the operator, and by the one who leaves.
Response remove_person(const RouteParts& parts, const Request& request, TeamRole role) {
  const auto athlete = athlete_in_path(request);
  const bool leaves = athlete && identity_of(request)->athlete == *athlete;
  const auto seen = leaves ? seen_team(parts, request) : led_team(parts, request);
  if (!seen) {
    return http::problem_response(request, seen.error());
  }
  if (!athlete) {
    return http::problem_response(request, athlete.error());
  }
  const base::Uuid id = seen->team.id;
  return acted(parts, request, "team." + std::string(name(role)) + ".remove", *athlete, team_text(id),
               [&](AuditedAct* act) { return parts.accounts.teams().remove(id, *athlete, role, act); });
}

}  // namespace

Status add_team_routes(http::RouteTable& routes, const RouteParts& parts) {
  const auto add = [&](RouteText text, auto call, std::size_t max_body_bytes = 0, bool for_athletes = false) {
    const Scope scope = text.method == http::Method::get ? Scope::teams_read : Scope::teams_write;
    return add_route(
        routes, std::move(text), name(scope), for_athletes ? admit_athlete(parts.accounts) : admit_any(parts.accounts),
        [parts, call](const Request& request) { return call(parts, request); }, max_body_bytes);
  };
  const auto put_in = [](TeamRole role) {
    return [role](const RouteParts& p, const Request& request) { return put_person(p, request, role); };
  };
  const auto take_out = [](TeamRole role) {
    return [role](const RouteParts& p, const Request& request) { return remove_person(p, request, role); };
  };
  using enum http::Method;
  BOATHOUSE_TRY(
      add({post, "/v1/teams", "createTeam", "Make a team, with the caller as its coach"}, create_team, kMaxBody));
  BOATHOUSE_TRY(add({get, "/v1/teams", "listTeams", "The teams that the caller is in", true}, list_teams));
  BOATHOUSE_TRY(add({post, "/v1/teams/join", "joinTeam", "Let the coaches of a team read the caller's sessions"}, join,
                    kMaxBody, true));
  BOATHOUSE_TRY(add({get, "/v1/teams/{id}", "getTeam", "One team and who is in it"}, get_team));
  BOATHOUSE_TRY(add({patch, "/v1/teams/{id}", "renameTeam", "Give a team another name"}, rename_team, kMaxBody));
  BOATHOUSE_TRY(add({delete_, "/v1/teams/{id}", "deleteTeam", "Archive a team: everybody leaves it"}, delete_team));
  BOATHOUSE_TRY(add({post, "/v1/teams/{id}/invitation", "inviteToTeam",
                     "A code with which athletes join; it is shown this once, and ends the one of before"},
                    invite, kMaxBody));
  BOATHOUSE_TRY(
      add({delete_, "/v1/teams/{id}/invitation", "endTeamInvitation", "The code is good no longer"}, end_invitation));
  BOATHOUSE_TRY(add({put, "/v1/teams/{id}/members/{athlete}", "addTeamMember", "The operator: put an athlete in"},
                    put_in(TeamRole::member)));
  BOATHOUSE_TRY(add({delete_, "/v1/teams/{id}/members/{athlete}", "removeTeamMember", "Take an athlete out, or leave"},
                    take_out(TeamRole::member)));
  BOATHOUSE_TRY(
      add({put, "/v1/teams/{id}/coaches/{athlete}", "addTeamCoach", "Let a coach in"}, put_in(TeamRole::coach)));
  return add({delete_, "/v1/teams/{id}/coaches/{athlete}", "removeTeamCoach", "Let a coach out, or leave"},
             take_out(TeamRole::coach));
}

}  // namespace boathouse::control
