#include "server/control/route_parts.hpp"

#include <algorithm>
#include <charconv>

#include "core/base/sha256.hpp"
#include "core/base/utc_time.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/scopes.hpp"
#include "server/http/negotiation.hpp"
#include "server/http/problem.hpp"

namespace boathouse::control {

using base::Error;
using base::ErrorCode;
using base::JsonWriter;
using base::Result;
using http::Request;
using http::Response;

namespace {

constexpr std::size_t kMaxLimit = 200;
constexpr std::string_view kCallHeader = "Idempotency-Key";
constexpr std::size_t kMaxCallKey = 255;

std::optional<Response> refuse_query(const Request& request) {
  if (request.query.empty()) {
    return std::nullopt;
  }
  const std::string name = request.query.front().name.substr(0, 100);
  return http::field_problem(request, "query:" + name,
                             Error{ErrorCode::invalid_input, "this route takes no parameters in the address"});
}

}  // namespace

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

Result<base::JsonValue::Object> body_of(const Request& request) {
  const auto body = base::parse_json(request.body, {.max_depth = 4, .max_bytes = kMaxBody});
  if (!body) {
    return body.error();
  }
  if (body->object() == nullptr) {
    return Error{ErrorCode::invalid_input, "the body must be an object"};
  }
  return *body->object();
}

std::string etag_of(std::int64_t version) { return http::make_etag(std::to_string(version)); }

Response version_problem(const http::RequestHead& request, std::string detail) {
  http::Problem problem;
  problem.status = 412;
  problem.id = "precondition-failed";
  problem.title = "It is not as you have seen it";
  problem.detail = std::move(detail);
  return http::problem_response(request, problem);
}

std::optional<Response> read_if_match(const Request& request, std::optional<std::int64_t>& version) {
  const std::string* header = request.headers.find("If-Match");
  if (header == nullptr) {
    http::Problem problem;
    problem.status = 428;
    problem.id = "precondition-required";
    problem.title = "Say which version you change";
    problem.detail =
        "send the header If-Match with the ETag that you were given, or If-Match: * to write over whatever is there";
    return http::problem_response(request, problem);
  }
  std::string_view tag = *header;
  if (tag == "*") {
    version = std::nullopt;
    return std::nullopt;
  }
  std::int64_t number = 0;
  const bool quoted = tag.size() > 2 && tag.front() == '"' && tag.back() == '"';
  tag = quoted ? tag.substr(1, tag.size() - 2) : std::string_view();
  if (tag.ends_with("-gzip")) {
    tag.remove_suffix(std::string_view("-gzip").size());
  }
  const auto [rest, error] = std::from_chars(tag.data(), tag.data() + tag.size(), number);
  if (!quoted || error != std::errc() || rest != tag.data() + tag.size()) {
    return version_problem(request, "If-Match is the one ETag that you were given, with its quotes, or *");
  }
  version = number;
  return std::nullopt;
}

Response json_response(int status, std::string body) {
  Response response = http::make_response(status, "application/json", std::move(body));
  response.headers.set("Cache-Control", "no-store");
  return response;
}

void time_or_null(JsonWriter& json, const std::optional<std::int64_t>& ms) {
  if (ms) {
    json.value(base::format_utc_ms(*ms));
  } else {
    json.null();
  }
}

void text_or_null(JsonWriter& json, std::string_view text) {
  if (text.empty()) {
    json.null();
  } else {
    json.value(text);
  }
}

void write_key(JsonWriter& json, const Key& key, const std::string* text) {
  json.begin_object();
  json.key("id").value(format_id(kKeyPrefix, key.id));
  if (text != nullptr) {
    json.key("key").value(*text);
  }
  json.key("role").value(name(key.role));
  json.key("athlete");
  if (key.athlete) {
    json.begin_object().key("id").value(format_id(kAthletePrefix, key.athlete->id));
    json.key("name").value(key.athlete->name);
    json.key("created_at").value(base::format_utc_ms(key.athlete->created_ms)).end_object();
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

Act act_of(const Request& request, std::string kind, const std::optional<base::Uuid>& athlete, std::string what) {
  return {std::move(kind), identity_of(request)->key_id, athlete, std::move(what)};
}

base::Result<AuditedAct> begin_act(const RouteParts& parts, Act act) {
  return AuditedAct::begin(parts.audit, parts.accounts.outcomes(), std::move(act));
}

Result<std::optional<IdempotentCall>> call_of(const Request& request, const std::string& besides) {
  if (request.headers.count(kCallHeader) == 0) {
    return std::optional<IdempotentCall>();
  }
  std::string key = request.headers.joined(kCallHeader);
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') {
    key = key.substr(1, key.size() - 2);
  }
  const auto is_allowed = [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ','; };
  if (key.empty() || key.size() > kMaxCallKey || !std::ranges::all_of(key, is_allowed)) {
    return Error{ErrorCode::invalid_input, "one key of 1 to " + std::to_string(kMaxCallKey) +
                                               " visible ASCII characters, e.g. a new UUID for each new call"};
  }
  const std::string asked = request.path + (besides.empty() ? "" : "\n" + besides) + "\n" + request.body;
  return std::optional(IdempotentCall{std::move(key), base::sha256(base::as_bytes(asked)),
                                      identity_of(request)->athlete.value_or(base::Uuid())});
}

Response bad_call_key(const http::RequestHead& request, const Error& error) {
  return http::field_problem(request, "header:" + std::string(kCallHeader), error);
}

Response reused_call_key(const http::RequestHead& request) {
  http::Problem problem;
  problem.status = 422;
  problem.id = "idempotency-key-reused";
  problem.title = "This Idempotency-Key was used for another call";
  problem.detail = "another call had it within the last 24 hours: take a new key for each new call";
  return http::problem_response(request, problem);
}

base::Status add_route(http::RouteTable& routes, RouteText text, std::string_view scope, http::Admit admit, Call call,
                       std::size_t max_body_bytes) {
  http::Route route;
  route.method = text.method;
  route.pattern = std::move(text.pattern);
  route.name = std::move(text.name);
  route.summary = std::move(text.summary);
  // What has a body is read only if it says that it is JSON.
  const bool reads_json = max_body_bytes > 0;
  const bool takes_query = text.takes_query;
  route.handler = [call = std::move(call), reads_json, takes_query](const Request& request) {
    auto refusal = reads_json ? http::refuse_unless_json(request) : std::nullopt;
    if (!refusal && !takes_query) {
      refusal = refuse_query(request);
    }
    return refusal ? std::move(*refusal) : call(request);
  };
  route.scope = scope;
  route.admit = std::move(admit);
  route.max_body_bytes = max_body_bytes;
  return routes.add(std::move(route));
}

}  // namespace boathouse::control
