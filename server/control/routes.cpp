#include "server/control/routes.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/ids.hpp"
#include "server/http/problem.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonWriter;
using base::Result;
using http::Request;
using http::Response;

constexpr std::size_t kMaxBody = 16 * 1024;
constexpr std::size_t kDefaultLimit = 50;
constexpr std::size_t kMaxLimit = 200;
constexpr std::int64_t kHourMs = 3'600'000;

Response json_response(int status, std::string body) {
  Response response = http::make_response(status, "application/json", std::move(body));
  response.headers.set("Cache-Control", "no-store");
  return response;
}

// ---- requests ----

struct Field {
  std::string name;
  std::string value;
};

// A body that is an object with exactly one of `names`, a text.
Result<Field> only_field(const Request& request, const std::vector<std::string_view>& names) {
  const auto body = base::parse_json(request.body, {.max_depth = 4, .max_bytes = kMaxBody});
  if (!body) {
    return body.error();
  }
  std::string form;
  for (const std::string_view name : names) {
    form += (form.empty() ? "{\"" : " or {\"") + std::string(name) + "\": \"...\"}";
  }
  const auto* object = body->object();
  if (object == nullptr || object->size() != 1) {
    return Error{ErrorCode::invalid_input, "the body must be " + form};
  }
  const auto& [name, value] = object->front();
  if (std::find(names.begin(), names.end(), name) == names.end() || value.text() == nullptr) {
    return Error{ErrorCode::invalid_input, "the body must be " + form + ", not \"" + name + "\""};
  }
  return Field{name, *value.text()};
}

struct Page {
  std::optional<base::Uuid> after;
  std::size_t limit = kDefaultLimit;
};

// The cursor is the id of the last one that was seen.
Result<Page> page_of(const Request& request, std::string_view prefix) {
  Page page;
  for (const http::Parameter& parameter : request.query) {
    if (parameter.name == "limit") {
      const char* end = parameter.value.data() + parameter.value.size();
      const auto [rest, error] = std::from_chars(parameter.value.data(), end, page.limit);
      if (error != std::errc() || rest != end || page.limit < 1 || page.limit > kMaxLimit) {
        return Error{ErrorCode::invalid_input, "limit is a number from 1 to " + std::to_string(kMaxLimit)};
      }
    } else if (parameter.name == "cursor") {
      const auto id = parse_id(prefix, parameter.value);
      if (!id) {
        return Error{ErrorCode::invalid_input, "cursor is the next_cursor of the page before"};
      }
      page.after = *id;
    } else {
      return Error{ErrorCode::invalid_input, "this route takes limit and cursor, not " + parameter.name};
    }
  }
  return page;
}

// ---- answers ----

void time_or_null(JsonWriter& json, const std::optional<std::int64_t>& ms) {
  if (ms) {
    json.value(base::format_utc_ms(*ms));
  } else {
    json.null();
  }
}

void write(JsonWriter& json, const Athlete& athlete) {
  json.begin_object();
  json.key("id").value(format_id(kAthletePrefix, athlete.id));
  json.key("name").value(athlete.name);
  json.key("created_at").value(base::format_utc_ms(athlete.created_ms));
  json.end_object();
}

void write(JsonWriter& json, const Key& key, const std::string* text = nullptr) {
  json.begin_object();
  json.key("id").value(format_id(kKeyPrefix, key.id));
  if (text != nullptr) {
    json.key("key").value(*text);
  }
  json.key("role").value(name(key.role));
  json.key("athlete");
  if (key.athlete) {
    write(json, *key.athlete);
  } else {
    json.null();
  }
  json.key("created_at").value(base::format_utc_ms(key.created_ms));
  json.key("label").value(key.label).key("scopes").begin_array();
  for (int i = 0; i < kScopeCount; ++i) {
    if (key.scopes.has(static_cast<Scope>(i))) {
      json.value(name(static_cast<Scope>(i)));
    }
  }
  json.end_array();
  time_or_null(json.key("expires_at"), key.expires_ms);
  time_or_null(json.key("previous_secret_until"), key.previous_until_ms);
  time_or_null(json.key("last_used_at"), key.last_used_ms);
  time_or_null(json.key("revoked_at"), key.revoked_ms);
  json.end_object();
}

// `items` may hold one more than the page: the sign that there is a next one.
template <typename T>
Response page_response(const Request& request, std::string_view prefix, std::vector<T> items, std::size_t limit) {
  const bool has_more = items.size() > limit;
  if (has_more) {
    items.pop_back();
  }
  const std::string cursor = has_more ? format_id(prefix, items.back().id) : "";
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("data").begin_array();
  for (const T& item : items) {
    write(json, item);
  }
  json.end_array().key("page").begin_object().key("next_cursor");
  has_more ? json.value(cursor) : json.null();
  json.key("has_more").value(has_more).end_object().end_object();
  Response response = json_response(200, std::move(body));
  if (has_more) {
    response.headers.set(
        "Link", "<" + request.path + "?limit=" + std::to_string(limit) + "&cursor=" + cursor + ">; rel=\"next\"");
  }
  return response;
}

// ---- handlers ----

// Of the caller's word.
Act act_of(const Request& request, std::string kind, const std::optional<base::Uuid>& athlete, std::string what) {
  return {std::move(kind), identity_of(request)->key_id, athlete, std::move(what)};
}

std::string key_text(const base::Uuid& id) { return "key=" + format_id(kKeyPrefix, id); }

Response create_athlete(Accounts& accounts, AuditLog& audit, const Request& request) {
  if (auto refusal = http::refuse_unless_json(request)) {
    return std::move(*refusal);
  }
  const auto field = only_field(request, {"name"});
  if (!field) {
    return http::problem_response(request, field.error());
  }
  auto act = AuditedAct::begin(audit, act_of(request, "athlete.create", std::nullopt, ""));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto athlete = accounts.create_athlete(field->value);
  if (!athlete) {
    act->failed(athlete.error());
    return http::field_problem(request, "/name", athlete.error());
  }
  act->done(athlete->id, "");
  std::string body;
  JsonWriter json(body);
  write(json, *athlete);
  return json_response(201, std::move(body));
}

Response list_athletes(Accounts& accounts, const Request& request) {
  const auto page = page_of(request, kAthletePrefix);
  if (!page) {
    return http::problem_response(request, page.error());
  }
  auto athletes = accounts.athletes(page->after, page->limit + 1);
  if (!athletes) {
    return http::problem_response(request, athletes.error());
  }
  return page_response(request, kAthletePrefix, std::move(*athletes), page->limit);
}

// For the audit: what the key may do and for how long, not its label, which may name somebody.
std::string text_of(const KeyOptions& options) {
  std::string scopes;
  for (int i = 0; i < kScopeCount; ++i) {
    if (options.scopes.has(static_cast<Scope>(i))) {
      scopes += (scopes.empty() ? "" : ",") + std::string(name(static_cast<Scope>(i)));
    }
  }
  return "scopes=" + scopes +
         (options.lives_ms ? " expires_in_days=" + std::to_string(*options.lives_ms / kDayMs) : "");
}

struct Wanted {
  Field owner;
  KeyOptions options;
};

Result<Scopes> read_scopes(const base::JsonValue& value) {
  if (value.array() == nullptr) {
    return Error{ErrorCode::invalid_input, "scopes is a list of names"};
  }
  Scopes scopes;
  for (const base::JsonValue& entry : *value.array()) {
    const auto scope = scope_of(entry.text() == nullptr ? "" : *entry.text());
    if (!scope) {
      return scope.error();
    }
    scopes.add(*scope);
  }
  return scopes;
}

Result<Wanted> read_wanted(const Request& request) {
  const auto body = base::parse_json(request.body, {.max_depth = 4, .max_bytes = kMaxBody});
  if (!body) {
    return body.error();
  }
  const Error bad{ErrorCode::invalid_input,
                  "the body must be {\"athlete\" or \"athlete_name\": \"...\"}, and may have \"scopes\": [..], "
                  "\"expires_in_days\": 1 to 3650, \"label\": \"...\""};
  if (body->object() == nullptr) {
    return bad;
  }
  Wanted wanted;
  for (const auto& [name, value] : *body->object()) {
    if ((name == "athlete" || name == "athlete_name") && value.text() != nullptr && wanted.owner.name.empty()) {
      wanted.owner = {name, *value.text()};
    } else if (name == "label" && value.text() != nullptr) {
      wanted.options.label = *value.text();
    } else if (name == "expires_in_days" && value.integer() && *value.integer() >= 1 &&
               *value.integer() <= kMaxKeyLifeMs / kDayMs) {
      wanted.options.lives_ms = *value.integer() * kDayMs;
    } else if (name == "scopes") {
      const auto scopes = read_scopes(value);
      if (!scopes) {
        return scopes.error();
      }
      wanted.options.scopes = *scopes;
    } else {
      return bad;
    }
  }
  return wanted.owner.name.empty() ? Result<Wanted>(bad) : Result<Wanted>(wanted);
}

Response create_key(Accounts& accounts, AuditLog& audit, const Request& request) {
  if (auto refusal = http::refuse_unless_json(request)) {
    return std::move(*refusal);
  }
  const auto wanted = read_wanted(request);
  if (!wanted) {
    return http::problem_response(request, wanted.error());
  }
  std::optional<base::Uuid> athlete;
  if (wanted->owner.name == "athlete") {
    const auto id = parse_id(kAthletePrefix, wanted->owner.value);
    if (!id) {
      return http::field_problem(request, "/athlete", id.error());
    }
    athlete = *id;
  }
  auto act = AuditedAct::begin(audit, act_of(request, "key.create", athlete, text_of(wanted->options)));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto made = athlete ? accounts.create_athlete_key(*athlete, wanted->options)
                            : accounts.create_athlete_key(wanted->owner.value, wanted->options);
  if (!made) {
    act->failed(made.error());
    return http::field_problem(request, "/" + wanted->owner.name, made.error());
  }
  act->done(made->key.athlete->id, key_text(made->key.id) + " athlete_made=" + (made->athlete_made ? "yes" : "no"));
  std::string body;
  JsonWriter json(body);
  write(json, made->key, &made->text);
  return json_response(201, std::move(body));
}

Response rotate_key(Accounts& accounts, AuditLog& audit, const Request& request) {
  if (auto refusal = http::refuse_unless_json(request)) {
    return std::move(*refusal);
  }
  const auto id = parse_id(kKeyPrefix, request.path_parameter("id"));
  if (!id) {
    return http::field_problem(request, "path:id", id.error());
  }
  const auto body = base::parse_json(request.body, {.max_depth = 4, .max_bytes = kMaxBody});
  if (!body) {
    return http::problem_response(request, body.error());
  }
  const base::JsonValue* hours = body->find("overlap_hours");
  if (hours == nullptr || !hours->integer() || body->object()->size() != 1 || *hours->integer() < 0 ||
      *hours->integer() > kMaxOverlapMs / kHourMs) {
    return http::field_problem(request, "/overlap_hours",
                               Error{ErrorCode::invalid_input, "the body must be {\"overlap_hours\": 0 to 720}"});
  }
  const std::string what = key_text(*id) + " overlap_hours=" + std::to_string(*hours->integer());
  auto act = AuditedAct::begin(audit, act_of(request, "key.rotate", accounts.athlete_of_key(*id), what));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto made = accounts.rotate(*id, *hours->integer() * kHourMs);
  if (!made) {
    act->failed(made.error());
    return http::problem_response(request, made.error());
  }
  act->done(std::nullopt, what);
  std::string text;
  JsonWriter json(text);
  write(json, made->key, &made->text);
  return json_response(200, std::move(text));
}

Response list_keys(Accounts& accounts, const Request& request) {
  const auto page = page_of(request, kKeyPrefix);
  if (!page) {
    return http::problem_response(request, page.error());
  }
  auto keys = accounts.keys(page->after, page->limit + 1);
  if (!keys) {
    return http::problem_response(request, keys.error());
  }
  return page_response(request, kKeyPrefix, std::move(*keys), page->limit);
}

Response revoke_key(Accounts& accounts, AuditLog& audit, const Request& request) {
  const auto id = parse_id(kKeyPrefix, request.path_parameter("id"));
  if (!id) {
    return http::field_problem(request, "path:id", id.error());
  }
  auto act = AuditedAct::begin(audit, act_of(request, "key.revoke", accounts.athlete_of_key(*id), key_text(*id)));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  if (const auto status = accounts.revoke(*id); !status) {
    act->failed(status.error());
    return http::problem_response(request, status.error());
  }
  act->done(std::nullopt, key_text(*id));
  Response response;
  response.status = 204;
  return response;
}

}  // namespace

base::Status add_routes(http::RouteTable& routes, Accounts& accounts, AuditLog& audit) {
  using Command = Response (*)(Accounts&, AuditLog&, const Request&);
  using Question = Response (*)(Accounts&, const Request&);
  const auto add = [&](http::Method method, std::string pattern, std::string name, std::string summary, Scope scope,
                       std::variant<Question, Command> call, std::size_t max_body_bytes) {
    http::Route route;
    route.method = method;
    route.pattern = std::move(pattern);
    route.name = std::move(name);
    route.summary = std::move(summary);
    route.handler = [&accounts, &audit, call](const Request& request) {
      const auto* question = std::get_if<Question>(&call);
      return question != nullptr ? (*question)(accounts, request) : std::get<Command>(call)(accounts, audit, request);
    };
    route.scope = control::name(scope);
    route.admit = admit_operator(accounts);
    route.max_body_bytes = max_body_bytes;
    return routes.add(std::move(route));
  };
  using enum http::Method;
  BOATHOUSE_TRY(
      add(post, "/v1/athletes", "createAthlete", "Make an athlete", Scope::athletes_write, create_athlete, kMaxBody));
  BOATHOUSE_TRY(add(get, "/v1/athletes", "listAthletes", "All athletes", Scope::athletes_read, list_athletes, 0));
  BOATHOUSE_TRY(add(post, "/v1/keys", "createKey", "Make an athlete's API key; its text is shown this once",
                    Scope::keys_manage, create_key, kMaxBody));
  BOATHOUSE_TRY(
      add(get, "/v1/keys", "listKeys", "All API keys, without their secrets", Scope::keys_manage, list_keys, 0));
  BOATHOUSE_TRY(add(post, "/v1/keys/{id}/rotate", "rotateKey", "A new secret for an API key; it is shown this once",
                    Scope::keys_manage, rotate_key, kMaxBody));
  return add(delete_, "/v1/keys/{id}", "revokeKey", "Revoke an API key, at once", Scope::keys_manage, revoke_key, 0);
}

}  // namespace boathouse::control
