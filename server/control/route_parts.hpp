// What the routes of this folder share: their parts, how they read requests and write answers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/result.hpp"
#include "server/control/accounts.hpp"
#include "server/control/audit_log.hpp"
#include "server/control/idempotent_call.hpp"
#include "server/control/ids.hpp"
#include "server/control/routes.hpp"
#include "server/http/router.hpp"

namespace boathouse::control {

inline constexpr std::size_t kMaxBody = 16 * 1024;

struct RouteParts {
  Accounts& accounts;
  AuditLog& audit;
};

base::Status add_athlete_routes(http::RouteTable& routes, const RouteParts& parts);
base::Status add_key_routes(http::RouteTable& routes, const RouteParts& parts);
base::Status add_team_routes(http::RouteTable& routes, const RouteParts& parts);
base::Status add_pairing_routes(http::RouteTable& routes, const RouteParts& parts, const PairingLimits& limits);

// ---- requests ----

// A page of a list: ?limit=1 to 200, ?cursor= the id of the last one that was seen.
struct Page {
  std::optional<base::Uuid> after;
  std::size_t limit = 50;
};
base::Result<Page> page_of(const http::Request& request, std::string_view prefix);
// The body as an object. invalid_input: it is none.
base::Result<base::JsonValue::Object> body_of(const http::Request& request);
// Writing over something asks for If-Match (RFC 9110 13.1.1): the version that its ETag shows, or * for whatever is
// there. Sets `version`; the answer is a 428 without the header and 412 for a tag that none of ours is.
std::optional<http::Response> read_if_match(const http::Request& request, std::optional<std::int64_t>& version);
// 412: the version is another one now.
http::Response version_problem(const http::RequestHead& request, std::string detail);
std::string etag_of(std::int64_t version);

// ---- answers ----

http::Response json_response(int status, std::string body);
void time_or_null(base::JsonWriter& json, const std::optional<std::int64_t>& ms);
void text_or_null(base::JsonWriter& json, std::string_view text);

// `items` may hold one more than the page: the sign that there is a next one. `write(json, item)`.
template <typename T, typename Write>
http::Response page_response(const http::Request& request, std::string_view prefix, std::vector<T> items,
                             std::size_t limit, Write write) {
  const bool has_more = items.size() > limit;
  if (has_more) {
    items.pop_back();
  }
  const std::string cursor = has_more ? format_id(prefix, items.back().id) : "";
  std::string body;
  base::JsonWriter json(body);
  json.begin_object().key("data").begin_array();
  for (const T& item : items) {
    write(json, item);
  }
  json.end_array().key("page").begin_object();
  text_or_null(json.key("next_cursor"), cursor);
  json.key("has_more").value(has_more).end_object().end_object();
  http::Response response = json_response(200, std::move(body));
  if (has_more) {
    response.headers.set(
        "Link", "<" + request.path + "?limit=" + std::to_string(limit) + "&cursor=" + cursor + ">; rel=\"next\"");
  }
  return response;
}

// A key as the API shows it; `text`: with its secret.
void write_key(base::JsonWriter& json, const Key& key, const std::string* text);

// ---- acts ----

// Of the caller's word.
Act act_of(const http::Request& request, std::string kind, const std::optional<base::Uuid>& athlete, std::string what);
// On accounts or teams.
base::Result<AuditedAct> begin_act(const RouteParts& parts, Act act);
// How an act has ended, for its second record.
template <typename T>
base::Status end_of(const base::Result<T>& made) {
  return made ? base::Status() : base::Status(made.error());
}
// nullopt: its Idempotency-Key is another call's, or what it was to change has another version now.
template <typename T>
base::Status end_of(const base::Result<std::optional<T>>& made) {
  if (made && !*made) {
    return base::Error{base::ErrorCode::conflict, ""};
  }
  return made ? base::Status() : base::Status(made.error());
}

// ---- calls that may come again ----

// The call that the header Idempotency-Key names, as a string of structured fields ("...") or bare; nullopt without
// one. What it asks is the path, so the route too, and the body; and `besides`, of a route on which something else
// decides. invalid_input: the header. Of a route that has let its caller in.
base::Result<std::optional<IdempotentCall>> call_of(const http::Request& request, const std::string& besides = "");
// 400: call_of() said so.
http::Response bad_call_key(const http::RequestHead& request, const base::Error& error);
// 422: the key is another call's.
http::Response reused_call_key(const http::RequestHead& request);

// ---- the table ----

using Call = std::function<http::Response(const http::Request&)>;

struct RouteText {
  http::Method method = http::Method::get;
  std::string pattern;
  std::string name;
  std::string summary;
  bool takes_query = false;  // else a parameter in the address is refused
};
// `admit` empty: a public route.
base::Status add_route(http::RouteTable& routes, RouteText text, std::string_view scope, http::Admit admit, Call call,
                       std::size_t max_body_bytes = 0);

}  // namespace boathouse::control
