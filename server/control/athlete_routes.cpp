// Athletes and what they say of themselves.
#include <string>
#include <utility>

#include "core/base/utc_time.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/readers.hpp"
#include "server/control/route_parts.hpp"
#include "server/control/scopes.hpp"
#include "server/http/negotiation.hpp"
#include "server/http/problem.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonWriter;
using base::Result;
using http::Request;
using http::Response;

void write_profile(JsonWriter& json, const Athlete& athlete) {
  json.begin_object();
  json.key("id").value(format_id(kAthletePrefix, athlete.id));
  json.key("name").value(athlete.name);
  text_or_null(json.key("email"), athlete.profile.email);
  text_or_null(json.key("locale"), athlete.profile.locale);
  text_or_null(json.key("time_zone"), athlete.profile.time_zone);
  json.key("created_at").value(base::format_utc_ms(athlete.created_ms));
  json.end_object();
}

Response profile_response(const Request& request, int status, const Athlete& athlete) {
  const std::string etag = etag_of(athlete.version);
  if (request.method == http::Method::get) {
    if (auto fresh = http::not_modified(request, etag)) {
      return std::move(*fresh);
    }
  }
  std::string body;
  JsonWriter json(body);
  write_profile(json, athlete);
  Response response = json_response(status, std::move(body));
  response.headers.set("Cache-Control", "private, no-cache");
  response.headers.set("ETag", etag);
  response.headers.set("Vary", "Authorization");
  return response;
}

// A body with some of the profile's fields. null takes a field away, but for the name.
Result<ProfileChange> read_change(const Request& request) {
  const auto body = body_of(request);
  if (!body) {
    return body.error();
  }
  ProfileChange change;
  for (const auto& [name, value] : *body) {
    std::optional<std::string>* const field = name == "name"        ? &change.name
                                              : name == "email"     ? &change.email
                                              : name == "locale"    ? &change.locale
                                              : name == "time_zone" ? &change.time_zone
                                                                    : nullptr;
    const bool takes_null = field != nullptr && field != &change.name;
    if (field == nullptr || (value.text() == nullptr && !(takes_null && value.is_null()))) {
      return Error{ErrorCode::invalid_input,
                   "the body has \"name\": \"...\", \"email\", \"locale\" and \"time_zone\": \"...\" or null, not \"" +
                       name.substr(0, 100) + "\""};
    }
    *field = value.is_null() ? "" : *value.text();
  }
  return change;
}

// For the audit: which fields, not what is in them.
std::string fields_of(const ProfileChange& change) {
  std::string fields;
  const auto add = [&fields](bool is_there, const char* field) {
    fields += is_there ? (fields.empty() ? "" : ",") + std::string(field) : "";
  };
  add(change.name.has_value(), "name");
  add(change.email.has_value(), "email");
  add(change.locale.has_value(), "locale");
  add(change.time_zone.has_value(), "time_zone");
  return "fields=" + fields;
}

Response create_athlete(const RouteParts& parts, const Request& request) {
  auto wanted = read_change(request);
  if (!wanted) {
    return http::problem_response(request, wanted.error());
  }
  if (!wanted->name) {
    return http::field_problem(request, "/name", Error{ErrorCode::invalid_input, "the body must have a \"name\""});
  }
  if (const auto wrong = tidy(*wanted)) {
    return http::field_problem(request, "/" + wrong->name, wrong->error);
  }
  const auto call = call_of(request);
  if (!call) {
    return bad_call_key(request, call.error());
  }
  auto act = begin_act(parts, act_of(request, "athlete.create", std::nullopt, ""));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto athlete = parts.accounts.create_athlete(
      *call, *wanted->name, {wanted->email.value_or(""), wanted->locale.value_or(""), wanted->time_zone.value_or("")},
      &*act);
  act->ended(end_of(athlete));
  if (!athlete) {
    return http::problem_response(request, athlete.error());
  }
  return *athlete ? profile_response(request, 201, **athlete) : reused_call_key(request);
}

Response list_athletes(const RouteParts& parts, const Request& request) {
  const auto page = page_of(request, kAthletePrefix);
  if (!page) {
    return http::problem_response(request, page.error());
  }
  auto athletes = parts.accounts.athletes(page->after, page->limit + 1);
  if (!athletes) {
    return http::problem_response(request, athletes.error());
  }
  return page_response(request, kAthletePrefix, std::move(*athletes), page->limit, write_profile);
}

Response show(const RouteParts& parts, const Request& request, const base::Uuid& id) {
  const auto athlete = parts.accounts.athlete(id);
  return athlete ? profile_response(request, 200, *athlete) : http::problem_response(request, athlete.error());
}

Response update(const RouteParts& parts, const Request& request, const base::Uuid& id) {
  std::optional<std::int64_t> version;
  if (auto refusal = read_if_match(request, version)) {
    return std::move(*refusal);
  }
  auto change = read_change(request);
  if (!change) {
    return http::problem_response(request, change.error());
  }
  if (const auto wrong = tidy(*change)) {
    return http::field_problem(request, "/" + wrong->name, wrong->error);
  }
  auto act = begin_act(parts, act_of(request, "athlete.update", id, fields_of(*change)));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto athlete = parts.accounts.update_athlete(id, std::move(*change), version, &*act);
  act->ended(athlete);
  if (!athlete) {
    return athlete.error().code == ErrorCode::conflict ? version_problem(request, athlete.error().text)
                                                       : http::problem_response(request, athlete.error());
  }
  return profile_response(request, 200, *athlete);
}

// An id that is none cannot be anybody's.
Result<base::Uuid> id_in_path(const Request& request) {
  auto id = parse_id(kAthletePrefix, request.path_parameter("id"));
  return id ? id : Error{ErrorCode::not_found, "there is no such athlete"};
}

// The own id, or anybody's for the operator; the same words for somebody else's as for nobody's.
Result<base::Uuid> own_id(const Request& request) {
  auto id = id_in_path(request);
  const auto& own = identity_of(request)->athlete;
  if (id && own && *own != *id) {
    return Error{ErrorCode::not_found, "there is no such athlete"};
  }
  return id;
}

Response get_athlete(const RouteParts& parts, const Request& request) {
  const auto own = own_id(request);
  if (own) {
    return show(parts, request, *own);
  }
  // A coach sees of a team's member what the team's list shows too.
  const auto id = id_in_path(request);
  const Identity* caller = identity_of(request);
  if (!id || !may_read(parts.accounts, *caller, *id)) {
    return http::problem_response(request, own.error());
  }
  const auto athlete = parts.accounts.athlete(*id);
  if (!athlete) {
    return http::problem_response(request, athlete.error());
  }
  std::string body;
  JsonWriter(body)
      .begin_object()
      .key("id")
      .value(format_id(kAthletePrefix, athlete->id))
      .key("name")
      .value(athlete->name)
      .end_object();
  return json_response(200, std::move(body));
}

Response update_athlete(const RouteParts& parts, const Request& request) {
  const auto id = own_id(request);
  return id ? update(parts, request, *id) : http::problem_response(request, id.error());
}

Response get_me(const RouteParts& parts, const Request& request) {
  return show(parts, request, *identity_of(request)->athlete);
}

Response update_me(const RouteParts& parts, const Request& request) {
  return update(parts, request, *identity_of(request)->athlete);
}

}  // namespace

base::Status add_athlete_routes(http::RouteTable& routes, const RouteParts& parts) {
  const auto bind = [parts](auto call) {
    return [parts, call](const Request& request) { return call(parts, request); };
  };
  const auto reads = name(Scope::athletes_read);
  const auto writes = name(Scope::athletes_write);
  Accounts& accounts = parts.accounts;
  using enum http::Method;
  BOATHOUSE_TRY(add_route(routes, {post, "/v1/athletes", "createAthlete", "Make an athlete"}, writes,
                          admit_operator(accounts), bind(create_athlete), kMaxBody));
  BOATHOUSE_TRY(add_route(routes, {get, "/v1/athletes", "listAthletes", "All athletes", true}, reads,
                          admit_operator(accounts), bind(list_athletes)));
  BOATHOUSE_TRY(add_route(routes, {get, "/v1/athletes/{id}", "getAthlete", "An athlete's profile"}, reads,
                          admit_any(accounts), bind(get_athlete)));
  BOATHOUSE_TRY(add_route(routes, {patch, "/v1/athletes/{id}", "updateAthlete", "Change an athlete's profile"}, writes,
                          admit_any(accounts), bind(update_athlete), kMaxBody));
  BOATHOUSE_TRY(add_route(routes, {get, "/v1/me", "getMe", "The caller's own profile"}, reads, admit_athlete(accounts),
                          bind(get_me)));
  return add_route(routes, {patch, "/v1/me", "updateMe", "Change the caller's own profile"}, writes,
                   admit_athlete(accounts), bind(update_me), kMaxBody);
}

}  // namespace boathouse::control
