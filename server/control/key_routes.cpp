// The operator's API keys.
#include <algorithm>
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
using http::Request;
using http::Response;

std::string key_text(const base::Uuid& id) { return "key=" + format_id(kKeyPrefix, id); }

// For the audit: what the key may do and for how long, not its label, which may name somebody.
std::string text_of(const KeyOptions& options) {
  std::string scopes;
  for (int i = 0; i < kScopeCount; ++i) {
    if (options.scopes.has(static_cast<Scope>(i))) {
      scopes += (scopes.empty() ? "" : ",") + std::string(name(static_cast<Scope>(i)));
    }
  }
  return "scopes=" + scopes +
         (options.lives_ms ? " expires_in_days=" + std::to_string(*options.lives_ms / kDayMs) : "") +
         (options.expires_ms ? " expires_at=" + base::format_utc_ms(*options.expires_ms) : "");
}

struct Owner {
  std::string field;  // "athlete" or "athlete_name"
  std::string value;
};

struct Wanted {
  Owner owner;
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

// "2027-01-31T00:00:00Z"; a day alone is its first moment in UTC.
std::optional<std::int64_t> read_end(const base::JsonValue& value) {
  if (value.text() == nullptr) {
    return std::nullopt;
  }
  const auto time = base::parse_iso8601(*value.text());
  const bool is_clear = time && (time->has_zone || value.text()->size() == std::string_view("2027-01-31").size());
  return is_clear ? std::optional(time->utc_ms) : std::nullopt;
}

Result<Wanted> read_wanted(const Request& request) {
  const auto body = body_of(request);
  if (!body) {
    return body.error();
  }
  const Error bad{
      ErrorCode::invalid_input,
      "the body must be {\"athlete\" or \"athlete_name\": \"...\"}, and may have \"scopes\": [..], "
      "\"expires_in_days\": 1 to 3650 or \"expires_at\": a day or a time with its zone, \"label\": \"...\""};
  Wanted wanted;
  for (const auto& [name, value] : *body) {
    const bool may_end = !wanted.options.lives_ms && !wanted.options.expires_ms;
    if ((name == "athlete" || name == "athlete_name") && value.text() != nullptr && wanted.owner.field.empty()) {
      wanted.owner = {name, *value.text()};
    } else if (name == "label" && value.text() != nullptr) {
      wanted.options.label = *value.text();
    } else if (name == "expires_in_days" && may_end && value.integer() && *value.integer() >= 1 &&
               *value.integer() <= kMaxKeyLifeMs / kDayMs) {
      wanted.options.lives_ms = *value.integer() * kDayMs;
    } else if (name == "expires_at" && may_end && read_end(value)) {
      wanted.options.expires_ms = read_end(value);
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
  return wanted.owner.field.empty() ? Result<Wanted>(bad) : Result<Wanted>(wanted);
}

// Of a call that was done, now or before; nullopt: its Idempotency-Key is another call's.
Response made_response(const Request& request, int status, const std::optional<NewKey>& made) {
  if (!made) {
    return reused_call_key(request);
  }
  std::string body;
  JsonWriter json(body);
  write_key(json, made->key, made->text.empty() ? nullptr : &made->text);
  return json_response(status, std::move(body));
}

Response create_key(const RouteParts& parts, const Request& request) {
  const auto wanted = read_wanted(request);
  if (!wanted) {
    return http::problem_response(request, wanted.error());
  }
  std::optional<base::Uuid> athlete;
  if (wanted->owner.field == "athlete") {
    const auto id = parse_id(kAthletePrefix, wanted->owner.value);
    if (!id) {
      return http::field_problem(request, "/athlete", id.error());
    }
    athlete = *id;
  }
  const auto call = call_of(request);
  if (!call) {
    return bad_call_key(request, call.error());
  }
  auto act = begin_act(parts, act_of(request, "key.create", athlete, text_of(wanted->options)));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto made = athlete ? parts.accounts.create_athlete_key(*call, *athlete, wanted->options, &*act)
                            : parts.accounts.create_athlete_key(*call, wanted->owner.value, wanted->options, &*act);
  act->ended(end_of(made));
  return made ? made_response(request, 201, *made)
              : http::field_problem(request, "/" + wanted->owner.field, made.error());
}

Response rotate_key(const RouteParts& parts, const Request& request) {
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
  const auto call = call_of(request);
  if (!call) {
    return bad_call_key(request, call.error());
  }
  const std::string what = key_text(*id) + " overlap_hours=" + std::to_string(*hours->integer());
  const auto owner = parts.accounts.athlete_of_key(*id);
  if (!owner) {
    return http::problem_response(request, owner.error());
  }
  auto act = begin_act(parts, act_of(request, "key.rotate", *owner, what));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto made = parts.accounts.rotate(*call, *id, *hours->integer() * kHourMs, &*act);
  act->ended(end_of(made));
  return made ? made_response(request, 200, *made) : http::problem_response(request, made.error());
}

Response list(const RouteParts& parts, const Request& request, const std::optional<base::Uuid>& athlete) {
  const auto page = page_of(request, kKeyPrefix);
  if (!page) {
    return http::problem_response(request, page.error());
  }
  auto keys = parts.accounts.keys(page->after, page->limit + 1, athlete);
  if (!keys) {
    return http::problem_response(request, keys.error());
  }
  return page_response(request, kKeyPrefix, std::move(*keys), page->limit,
                       [](JsonWriter& json, const Key& key) { write_key(json, key, nullptr); });
}

Response revoke(const RouteParts& parts, const Request& request, const base::Uuid& id) {
  const auto owner = parts.accounts.athlete_of_key(id);
  if (!owner) {
    return http::problem_response(request, owner.error());
  }
  auto act = begin_act(parts, act_of(request, "key.revoke", *owner, key_text(id)));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto status = parts.accounts.revoke(id, &*act);
  act->ended(status);
  if (!status) {
    return http::problem_response(request, status.error());
  }
  Response response;
  response.status = 204;
  return response;
}

Response list_keys(const RouteParts& parts, const Request& request) { return list(parts, request, std::nullopt); }

Response revoke_key(const RouteParts& parts, const Request& request) {
  const auto id = parse_id(kKeyPrefix, request.path_parameter("id"));
  return id ? revoke(parts, request, *id) : http::field_problem(request, "path:id", id.error());
}

// Whoever loses a phone does not wait for the operator.
Response list_own_keys(const RouteParts& parts, const Request& request) {
  return list(parts, request, identity_of(request)->athlete);
}

Response revoke_own_key(const RouteParts& parts, const Request& request) {
  const auto id = parse_id(kKeyPrefix, request.path_parameter("id"));
  const auto owner =
      id ? parts.accounts.athlete_of_key(*id) : Result<std::optional<base::Uuid>>(std::optional<base::Uuid>());
  if (!owner) {
    return http::problem_response(request, owner.error());
  }
  if (!*owner || *owner != identity_of(request)->athlete) {
    return http::problem_response(request, Error{ErrorCode::not_found, "you have no such key"});
  }
  return revoke(parts, request, *id);
}

}  // namespace

base::Status add_key_routes(http::RouteTable& routes, const RouteParts& parts) {
  const auto add = [&](RouteText text, auto call, std::size_t max_body_bytes) {
    return add_route(
        routes, std::move(text), name(Scope::keys_manage), admit_operator(parts.accounts),
        [parts, call](const Request& request) { return call(parts, request); }, max_body_bytes);
  };
  using enum http::Method;
  BOATHOUSE_TRY(add({post, "/v1/keys", "createKey", "Make an athlete's API key; its text is shown this once"},
                    create_key, kMaxBody));
  BOATHOUSE_TRY(add({get, "/v1/keys", "listKeys", "All API keys, without their secrets", true}, list_keys, 0));
  BOATHOUSE_TRY(add({post, "/v1/keys/{id}/rotate", "rotateKey", "A new secret for an API key; it is shown this once"},
                    rotate_key, kMaxBody));
  BOATHOUSE_TRY(add({delete_, "/v1/keys/{id}", "revokeKey", "Revoke an API key, at once"}, revoke_key, 0));
  const auto bind = [parts](auto call) {
    return [parts, call](const Request& request) { return call(parts, request); };
  };
  BOATHOUSE_TRY(add_route(routes, {get, "/v1/me/keys", "listMyKeys", "The caller's keys, without their secrets", true},
                          name(Scope::athletes_read), admit_athlete(parts.accounts), bind(list_own_keys)));
  return add_route(routes, {delete_, "/v1/me/keys/{id}", "revokeMyKey", "Revoke one of the caller's keys, at once"},
                   name(Scope::athletes_write), admit_athlete(parts.accounts), bind(revoke_own_key));
}

}  // namespace boathouse::control
