#include "server/webhooks/routes.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/ids.hpp"
#include "server/control/route_parts.hpp"
#include "server/control/scopes.hpp"
#include "server/http/problem.hpp"
#include "server/ledger/events.hpp"
#include "server/webhooks/delivery.hpp"

namespace boathouse::webhooks {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonValue;
using base::JsonWriter;
using base::Result;
using base::Status;
using http::Request;
using http::Response;

constexpr std::string_view kWebhookPrefix = "whk_";
constexpr std::string_view kDeliveryPrefix = "whd_";
constexpr std::size_t kMaxBody = 16 * 1024;
constexpr std::size_t kDefaultLimit = 50;
constexpr std::size_t kMaxLimit = 200;

struct Api {
  Parts parts;
  base::UuidV7Source ids;

  explicit Api(const Parts& the_parts) : parts(the_parts), ids(parts.clock, parts.random) {}
};

// ---- requests ----

base::Uuid athlete_of(const Request& request) { return control::identity_of(request)->athlete.value_or(base::Uuid()); }

// An id that is none cannot be anybody's.
Result<base::Uuid> id_of(const Request& request, std::string_view parameter, std::string_view prefix,
                         std::string_view what) {
  auto id = control::parse_id(prefix, request.path_parameter(parameter));
  if (!id) {
    return Error{ErrorCode::not_found, "there is no such " + std::string(what)};
  }
  return id;
}

Result<base::Uuid> webhook_of(const Request& request) { return id_of(request, "id", kWebhookPrefix, "webhook"); }

Result<std::vector<std::string>> read_events(const JsonValue& value) {
  std::string known;
  for (const std::string_view name : ledger::kEventNames) {
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  const Error bad{ErrorCode::invalid_input, "events is null for all, or a list without repeats of: " + known};
  std::vector<std::string> events;
  if (value.is_null()) {
    return events;
  }
  if (value.array() == nullptr || value.array()->empty()) {
    return bad;
  }
  for (const JsonValue& entry : *value.array()) {
    const std::string* name = entry.text();
    if (name == nullptr ||
        std::find(ledger::kEventNames.begin(), ledger::kEventNames.end(), *name) == ledger::kEventNames.end() ||
        std::find(events.begin(), events.end(), *name) != events.end()) {
      return bad;
    }
    events.push_back(*name);
  }
  return events;
}

struct FieldError {
  std::string pointer;  // "" = the whole body
  Error error;
};

// The body's fields, each good by itself.
std::optional<FieldError> read_change(const Request& request, const Policy& policy, bool may_enable, Change& change) {
  const auto body = base::parse_json(request.body, {.max_depth = 4, .max_bytes = kMaxBody});
  if (!body) {
    return FieldError{"", body.error()};
  }
  if (body->object() == nullptr) {
    return FieldError{"", {ErrorCode::invalid_input, "the body must be an object"}};
  }
  for (const auto& [name, value] : *body->object()) {
    if (name == "url" && value.text() != nullptr) {
      if (const auto target = parse_target(*value.text(), policy); !target) {
        return FieldError{"/url", target.error()};
      }
      change.url = *value.text();
    } else if (name == "events") {
      auto events = read_events(value);
      if (!events) {
        return FieldError{"/events", events.error()};
      }
      change.events = std::move(*events);
    } else if (name == "enabled" && may_enable && value.boolean()) {
      change.enabled = value.boolean();
    } else {
      return FieldError{"/" + name,
                        {ErrorCode::invalid_input, "the body has \"url\": \"https://...\", \"events\": [...] or null" +
                                                       std::string(may_enable ? ", \"enabled\": true or false" : "")}};
    }
  }
  return std::nullopt;
}

Response refused(const Request& request, const FieldError& field) {
  return field.pointer.empty() ? http::problem_response(request, field.error)
                               : http::field_problem(request, field.pointer, field.error);
}

// ---- answers ----

void time_or_null(JsonWriter& json, const std::optional<std::int64_t>& ms) {
  if (ms) {
    json.value(base::format_utc_ms(*ms));
  } else {
    json.null();
  }
}

void text_or_null(JsonWriter& json, const std::string& text) {
  if (text.empty()) {
    json.null();
  } else {
    json.value(text);
  }
}

template <typename T>
void number_or_null(JsonWriter& json, const std::optional<T>& number) {
  if (number) {
    json.value(*number);
  } else {
    json.null();
  }
}

void write(JsonWriter& json, const Endpoint& endpoint, bool with_secret = false) {
  json.begin_object();
  json.key("id").value(control::format_id(kWebhookPrefix, endpoint.id));
  json.key("url").value(endpoint.url).key("events");
  if (endpoint.events.empty()) {
    json.null();
  } else {
    json.begin_array();
    for (const std::string& name : endpoint.events) {
      json.value(name);
    }
    json.end_array();
  }
  if (with_secret) {
    json.key("secret").value(secret_text(endpoint.secret));
  }
  json.key("enabled").value(endpoint.enabled);
  text_or_null(json.key("disabled_reason"), endpoint.disabled_why);
  json.key("created_at").value(base::format_utc_ms(endpoint.created_ms));
  time_or_null(json.key("failing_since"), endpoint.failing_since_ms);
  time_or_null(json.key("previous_secret_until"), endpoint.previous_until_ms);
  json.end_object();
}

void write(JsonWriter& json, const Delivery& delivery) {
  json.begin_object();
  json.key("id").value(control::format_id(kDeliveryPrefix, delivery.id));
  json.key("event_id").value(delivery.event_id).key("type").value(delivery.type);
  json.key("state").value(name(delivery.state)).key("attempts").value(delivery.attempts);
  json.key("created_at").value(base::format_utc_ms(delivery.created_ms));
  time_or_null(json.key("next_attempt_at"), delivery.next_ms);
  time_or_null(json.key("last_attempt_at"), delivery.last_ms);
  number_or_null(json.key("status"), delivery.status);
  text_or_null(json.key("error"), delivery.error);
  number_or_null(json.key("duration_ms"), delivery.duration_ms);
  json.end_object();
}

Response json_response(int status, std::string body) {
  Response response = http::make_response(status, "application/json", std::move(body));
  response.headers.set("Cache-Control", "no-store");
  return response;
}

template <typename... Item>
Response one(int status, const Item&... item) {
  std::string body;
  JsonWriter json(body);
  write(json, item...);
  return json_response(status, std::move(body));
}

// With its version, for the If-Match of a change.
Response shown(int status, const Endpoint& endpoint, bool with_secret = false) {
  Response response = one(status, endpoint, with_secret);
  response.headers.set("ETag", control::etag_of(endpoint.version));
  return response;
}

// What an act has made or changed; nullopt: its key is another call's, or the webhook has another version now.
using Made = Result<std::optional<Endpoint>>;

// ---- acts ----

std::string id_text(const base::Uuid& id) { return "webhook=" + id.text(); }

// Ids and the names of fields, never a URL: it may hold a secret, and a record stays for ever.
std::string text_of(const base::Uuid& id, const Change& change) {
  std::string fields;
  const auto add = [&fields](bool named, std::string_view name) {
    fields += named ? (fields.empty() ? "" : ",") + std::string(name) : "";
  };
  add(change.url.has_value(), "url");
  add(change.events.has_value(), "events");
  add(change.enabled.has_value(), "enabled");
  return id_text(id) + " fields=" + fields;
}

// `make`, to which it hands the act, between its two records in the audit. `what`: what the caller wants; "" when only
// the outcome has an id.
template <typename Make>
auto audited(const Api& api, const Request& request, std::string kind, const std::string& what, Make make)
    -> decltype(make(nullptr)) {
  auto act = control::AuditedAct::begin(api.parts.audit, api.parts.store.outcomes(),
                                        control::act_of(request, std::move(kind), athlete_of(request), what));
  if (!act) {
    return act.error();
  }
  auto made = make(&*act);
  act->ended(control::end_of(made));
  return made;
}

// `act` with the call, or without one. Answers what act makes, with its secret.
template <typename Act>
Response once(const Request& request, int status, Act act) {
  const auto call = control::call_of(request);
  if (!call) {
    return control::bad_call_key(request, call.error());
  }
  const Made made = act(*call);
  if (!made) {
    return http::problem_response(request, made.error());
  }
  return *made ? shown(status, **made, true) : control::reused_call_key(request);
}

// ---- handlers ----

Response create_webhook(Api& api, const Request& request) {
  if (auto refusal = http::refuse_unless_json(request)) {
    return std::move(*refusal);
  }
  Change wanted;
  if (const auto wrong = read_change(request, api.parts.policy, false, wanted)) {
    return refused(request, *wrong);
  }
  if (!wanted.url) {
    return http::field_problem(request, "/url", {ErrorCode::invalid_input, "url is missing: where the events go"});
  }
  const auto events = wanted.events.value_or(std::vector<std::string>());
  return once(request, 201, [&](const std::optional<control::IdempotentCall>& call) {
    return audited(api, request, "webhook.create", "", [&](control::AuditedAct* act) {
      return api.parts.store.create(call, athlete_of(request), *wanted.url, events, act);
    });
  });
}

Response list_webhooks(Api& api, const Request& request) {
  const auto endpoints = api.parts.store.endpoints(athlete_of(request));
  if (!endpoints) {
    return http::problem_response(request, endpoints.error());
  }
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("data").begin_array();
  for (const Endpoint& endpoint : *endpoints) {
    write(json, endpoint);
  }
  json.end_array().key("page").begin_object().key("next_cursor").null().key("has_more").value(false);
  json.end_object().end_object();
  return json_response(200, std::move(body));
}

Response get_webhook(Api& api, const Request& request) {
  const auto id = webhook_of(request);
  const auto found = id ? api.parts.store.endpoint(athlete_of(request), *id) : Result<Endpoint>(id.error());
  return found ? shown(200, *found) : http::problem_response(request, found.error());
}

Response change_webhook(Api& api, const Request& request) {
  if (auto refusal = http::refuse_unless_json(request)) {
    return std::move(*refusal);
  }
  std::optional<std::int64_t> version;
  if (auto refusal = control::read_if_match(request, version)) {
    return std::move(*refusal);
  }
  Change wanted;
  if (const auto wrong = read_change(request, api.parts.policy, true, wanted)) {
    return refused(request, *wrong);
  }
  const auto id = webhook_of(request);
  if (!id) {
    return http::problem_response(request, id.error());
  }
  const Made changed = audited(api, request, "webhook.update", text_of(*id, wanted), [&](control::AuditedAct* act) {
    return api.parts.store.change(athlete_of(request), *id, wanted, version, act);
  });
  if (!changed) {
    return http::problem_response(request, changed.error());
  }
  return *changed
             ? shown(200, **changed)
             : control::version_problem(request, "the webhook was changed meanwhile: read it, and change it again");
}

Response delete_webhook(Api& api, const Request& request) {
  const auto id = webhook_of(request);
  if (!id) {
    return http::problem_response(request, id.error());
  }
  const Status removed = audited(api, request, "webhook.delete", id_text(*id), [&](control::AuditedAct* act) {
    return api.parts.store.remove(athlete_of(request), *id, act);
  });
  if (!removed) {
    return http::problem_response(request, removed.error());
  }
  Response response;
  response.status = 204;
  return response;
}

Response rotate_webhook(Api& api, const Request& request) {
  const auto id = webhook_of(request);
  if (!id) {
    return http::problem_response(request, id.error());
  }
  return once(request, 200, [&](const std::optional<control::IdempotentCall>& call) {
    return audited(api, request, "webhook.rotate", id_text(*id), [&](control::AuditedAct* act) {
      return api.parts.store.rotate(call, athlete_of(request), *id, act);
    });
  });
}

Status order_calls(Api& api, const base::Uuid& endpoint, std::int64_t due_ms) {
  const jobs::Order order = Deliverer::order(endpoint, due_ms);
  return api.parts.runner.add({&order, 1});
}

// A job for a delivery that waits; what the client is told is that it is on its way.
Response sent(Api& api, const Request& request, const Result<Delivery>& delivery) {
  if (!delivery) {
    return http::problem_response(request, delivery.error());
  }
  const std::int64_t due_ms = delivery->next_ms.value_or(api.parts.clock.utc_ms());
  if (const Status added = order_calls(api, delivery->endpoint, due_ms); !added) {
    return http::problem_response(request, added.error());
  }
  return one(202, *delivery);
}

Response test_webhook(Api& api, const Request& request) {
  const auto id = webhook_of(request);
  if (!id) {
    return http::problem_response(request, id.error());
  }
  const base::Uuid athlete = athlete_of(request);
  Message message;
  message.event_id = "msg_test_" + api.ids.next().text();
  message.type = "webhook.test";
  JsonWriter json(message.body);
  json.begin_object().key("type").value(message.type);
  json.key("timestamp").value(base::format_utc_ms(api.parts.clock.utc_ms()));
  json.key("data").begin_object();
  json.key("athlete_id").value(control::format_id(control::kAthletePrefix, athlete));
  json.key("webhook_id").value(control::format_id(kWebhookPrefix, *id)).end_object().end_object();
  return sent(api, request, api.parts.store.add(athlete, *id, message));
}

Response list_deliveries(Api& api, const Request& request) {
  const auto id = webhook_of(request);
  if (!id) {
    return http::problem_response(request, id.error());
  }
  std::size_t limit = kDefaultLimit;
  std::optional<base::Uuid> before;
  for (const http::Parameter& parameter : request.query) {
    if (parameter.name == "limit") {
      const char* end = parameter.value.data() + parameter.value.size();
      const auto [rest, error] = std::from_chars(parameter.value.data(), end, limit);
      if (error != std::errc() || rest != end || limit < 1 || limit > kMaxLimit) {
        return http::field_problem(request, "query:limit",
                                   {ErrorCode::invalid_input, "limit is a number from 1 to 200"});
      }
    } else if (parameter.name == "cursor") {
      const auto cursor = control::parse_id(kDeliveryPrefix, parameter.value);
      if (!cursor) {
        return http::field_problem(request, "query:cursor",
                                   {ErrorCode::invalid_input, "cursor is the next_cursor of the page before"});
      }
      before = *cursor;
    } else {
      return http::field_problem(request, "query:" + parameter.name,
                                 {ErrorCode::invalid_input, "this route takes limit and cursor"});
    }
  }
  auto found = api.parts.store.deliveries(athlete_of(request), *id, before, limit + 1);
  if (!found) {
    return http::problem_response(request, found.error());
  }
  const bool has_more = found->size() > limit;
  if (has_more) {
    found->pop_back();
  }
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("data").begin_array();
  for (const Delivery& delivery : *found) {
    write(json, delivery);
  }
  const std::string cursor = has_more ? control::format_id(kDeliveryPrefix, found->back().id) : "";
  json.end_array().key("page").begin_object();
  text_or_null(json.key("next_cursor"), cursor);
  json.key("has_more").value(has_more).end_object().end_object();
  Response response = json_response(200, std::move(body));
  if (has_more) {
    response.headers.set(
        "Link", "<" + request.path + "?limit=" + std::to_string(limit) + "&cursor=" + cursor + ">; rel=\"next\"");
  }
  return response;
}

Response replay_delivery(Api& api, const Request& request) {
  const auto id = webhook_of(request);
  if (!id) {
    return http::problem_response(request, id.error());
  }
  const auto delivery = id_of(request, "delivery", kDeliveryPrefix, "delivery of this webhook");
  if (!delivery) {
    return http::problem_response(request, delivery.error());
  }
  const std::string what = id_text(*id) + " delivery=" + delivery->text();
  return sent(api, request, audited(api, request, "webhook.replay", what, [&](control::AuditedAct* act) {
                return api.parts.store.replay(athlete_of(request), *id, *delivery, act);
              }));
}

// "since" of the body.
Result<std::int64_t> read_since(const Request& request) {
  const Error bad{ErrorCode::invalid_input,
                  "the body has \"since\": a time with its zone, e.g. \"2026-11-28T07:30:00Z\""};
  const auto body = base::parse_json(request.body, {.max_depth = 4, .max_bytes = kMaxBody});
  const JsonValue* since = body ? body->find("since") : nullptr;
  if (since == nullptr || since->text() == nullptr || body->object()->size() != 1) {
    return bad;
  }
  const auto time = base::parse_iso8601(*since->text());
  return time && time->has_zone ? Result<std::int64_t>(time->utc_ms) : Result<std::int64_t>(bad);
}

// Asked again it finds none: those that wait already are as they were.
Response replay_failed(Api& api, const Request& request) {
  if (auto refusal = http::refuse_unless_json(request)) {
    return std::move(*refusal);
  }
  const auto since_ms = read_since(request);
  if (!since_ms) {
    return http::field_problem(request, "/since", since_ms.error());
  }
  const auto id = webhook_of(request);
  if (!id) {
    return http::problem_response(request, id.error());
  }
  const std::string what = id_text(*id) + " since_ms=" + std::to_string(*since_ms);
  const auto replayed = audited(api, request, "webhook.replay", what, [&](control::AuditedAct* act) {
    return api.parts.store.replay_failed(athlete_of(request), *id, *since_ms, kMaxReplayed, act);
  });
  if (!replayed) {
    return http::problem_response(request, replayed.error());
  }
  if (const Status added = order_calls(api, *id, api.parts.clock.utc_ms()); !added) {
    return http::problem_response(request, added.error());
  }
  std::string body;
  JsonWriter(body)
      .begin_object()
      .key("replayed")
      .value(replayed->deliveries.size())
      .key("has_more")
      .value(replayed->has_more)
      .end_object();
  return json_response(202, std::move(body));
}

}  // namespace

Status add_routes(http::RouteTable& routes, const Parts& parts) {
  using Handler = Response (*)(Api&, const Request&);
  const auto api = std::make_shared<Api>(parts);
  const auto add = [&](http::Method method, const std::string& rest, std::string name, std::string summary,
                       Handler call, std::size_t max_body_bytes = 0) {
    http::Route route;
    route.method = method;
    route.pattern = "/v1/webhooks" + rest;
    route.name = std::move(name);
    route.summary = std::move(summary);
    const bool takes_query = call == list_deliveries;
    route.handler = [api, call, takes_query](const Request& request) {
      if (!takes_query && !request.query.empty()) {
        return http::field_problem(request, "query:" + request.query.front().name.substr(0, 100),
                                   {ErrorCode::invalid_input, "this route takes no parameters in the address"});
      }
      return call(*api, request);
    };
    const bool reads = method == http::Method::get;
    route.scope = control::name(reads ? control::Scope::webhooks_read : control::Scope::webhooks_manage);
    route.admit = control::admit_athlete(parts.accounts);
    route.max_body_bytes = max_body_bytes;
    return routes.add(std::move(route));
  };
  using enum http::Method;
  BOATHOUSE_TRY(
      add(post, "", "createWebhook", "Be told of events; the secret is shown this once", create_webhook, kMaxBody));
  BOATHOUSE_TRY(add(get, "", "listWebhooks", "The athlete's webhooks", list_webhooks));
  BOATHOUSE_TRY(add(get, "/{id}", "getWebhook", "One webhook", get_webhook));
  BOATHOUSE_TRY(add(patch, "/{id}", "changeWebhook", "Change, disable or enable a webhook", change_webhook, kMaxBody));
  BOATHOUSE_TRY(add(delete_, "/{id}", "deleteWebhook", "Delete a webhook and its log", delete_webhook));
  BOATHOUSE_TRY(add(post, "/{id}/rotate", "rotateWebhookSecret",
                    "A new secret; the one of before signs too for 24 hours", rotate_webhook));
  BOATHOUSE_TRY(add(post, "/{id}/test", "testWebhook", "Send an event webhook.test", test_webhook));
  BOATHOUSE_TRY(add(get, "/{id}/deliveries", "listWebhookDeliveries", "What a webhook was told, the newest first",
                    list_deliveries));
  BOATHOUSE_TRY(add(post, "/{id}/deliveries/{delivery}/replay", "replayWebhookDelivery", "Send a delivery again",
                    replay_delivery));
  return add(post, "/{id}/replay", "replayFailedDeliveries", "Send again what has failed since a time", replay_failed,
             kMaxBody);
}

}  // namespace boathouse::webhooks
