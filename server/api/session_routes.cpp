#include "server/api/session_routes.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/base/sha256.hpp"
#include "core/base/utc_time.hpp"
#include "core/rowing/edge.hpp"
#include "server/api/parameters.hpp"
#include "server/api/session_json.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/ids.hpp"
#include "server/control/readers.hpp"
#include "server/control/route_parts.hpp"
#include "server/exports/session_csv.hpp"
#include "server/http/negotiation.hpp"
#include "server/http/problem.hpp"
#include "server/query/sessions.hpp"

namespace boathouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using http::Request;
using http::Response;
using rowing::Stream;
using timeseries::NativeBlock;

constexpr std::size_t kDefaultSessions = 50;
constexpr std::size_t kMaxSessions = 200;
constexpr std::size_t kMaxRows = 600'000;  // of one JSON answer: more than 16 hours at 10 Hz

// A version of the content in the tag, so that an unchanged answer costs 304.
Response tagged_json(const Request& request, std::string body) {
  const std::string etag = http::make_etag(base::to_hex(base::ByteView(base::sha256(base::as_bytes(body))).first(16)));
  if (auto fresh = http::not_modified(request, etag)) return *fresh;
  Response response = http::make_response(200, "application/json", std::move(body));
  response.headers.set("ETag", etag);
  response.headers.set("Cache-Control", "private, no-cache");
  response.headers.set("Vary", "Authorization");
  return response;
}

class SessionRoutes {
 public:
  SessionRoutes(control::Accounts& accounts, control::AuditLog& audit, timeseries::ClickHouseClient& client,
                const query::CursorCodec& cursors)
      : accounts_(accounts), audit_(audit), client_(client), cursors_(cursors) {}

  base::Result<Response> list(const Request& request) const;
  base::Result<Response> one(const Request& request) const;
  base::Result<Response> columns(const Request& request, Stream stream) const;
  base::Result<Response> splits(const Request& request) const;
  base::Result<Response> csv(const Request& request) const;

 private:
  // What the caller may read, and what of it the list is asked for.
  [[nodiscard]] query::Scope readable(const Request& request) const;
  base::Result<query::Scope> listed(const Request& request) const;
  base::Result<NativeBlock> find(const Request& request) const;
  base::Result<NativeBlock> records(const NativeBlock& session, Stream stream) const;

  control::Accounts& accounts_;
  control::AuditLog& audit_;
  timeseries::ClickHouseClient& client_;
  const query::CursorCodec& cursors_;
};

query::Scope SessionRoutes::readable(const Request& request) const {
  return {control::readable_athletes(accounts_, *control::identity_of(request))};
}

base::Result<query::Scope> SessionRoutes::listed(const Request& request) const {
  const control::Identity& caller = *control::identity_of(request);
  const std::string* athlete = http::find(request.query, "athlete");
  const std::string* team = http::find(request.query, "team");
  if (athlete != nullptr && team != nullptr) {
    return Error{ErrorCode::invalid_input, "give athlete or team, not both"};
  }
  if (athlete != nullptr) {
    const auto id = control::parse_id(control::kAthletePrefix, *athlete);
    if (!id) return id.error();
    const bool may_read = control::may_read(accounts_, caller, *id);
    const bool is_known = may_read && (caller.athlete.has_value() || accounts_.athlete(*id).ok());
    if (!is_known) return Error{ErrorCode::not_found, "there is no such athlete"};
    return query::Scope{std::vector{*id}};
  }
  if (team != nullptr) {
    const auto id = control::parse_id(control::kTeamPrefix, *team);
    if (!id) return id.error();
    const bool coaches = caller.athlete && caller.scopes.has(control::Scope::teams_read) &&
                         accounts_.teams().is(control::TeamRole::coach, *id, *caller.athlete);
    if (!coaches && (caller.athlete || !accounts_.teams().team(*id))) {
      return Error{ErrorCode::not_found, "there is no such team"};
    }
    auto members = accounts_.teams().members(*id);
    std::erase_if(members, [this](const base::Uuid& member) { return accounts_.is_suspended(member); });
    return query::Scope{std::move(members)};
  }
  return caller.athlete ? query::Scope{std::vector{*caller.athlete}} : query::Scope{};
}

base::Result<Response> SessionRoutes::list(const Request& request) const {
  BOATHOUSE_TRY(check_names(request.query, {"limit", "cursor", "from", "to", "athlete", "team"}));
  const auto limit = read_limit(request.query, kDefaultSessions, kMaxSessions);
  if (!limit) return limit.error();
  const auto from = read_time(request.query, "from");
  if (!from) return from.error();
  const auto to = read_time(request.query, "to");
  if (!to) return to.error();

  const auto scope = listed(request);
  if (!scope) return scope.error();
  const auto text_of = [&](std::string_view name) {
    const std::string* text = http::find(request.query, name);
    return text == nullptr ? std::string() : *text;
  };
  // The page size may change between pages, the filter may not.
  const auto& caller = control::identity_of(request)->athlete;
  std::string cursor_scope = caller ? caller->text() : "all";
  for (const char* name : {"from", "to", "athlete", "team"}) cursor_scope += "\n" + text_of(name);
  std::optional<query::PageKey> after;
  if (const std::string* cursor = http::find(request.query, "cursor")) {
    const auto key = cursors_.decode(*cursor, cursor_scope);
    if (!key) return key.error();
    after = *key;
  }
  const auto page = query::session_page(client_, *scope, {*from, *to}, after, *limit);
  if (!page && page.error().code == ErrorCode::too_large) {
    return Error{ErrorCode::too_large, "these sessions are more than one answer holds: ask for fewer with limit="};
  }
  if (!page) return page.error();

  const std::size_t shown = std::min(page->rows, *limit);
  const bool has_more = page->rows > shown;
  std::string next;
  if (has_more) {
    next =
        cursors_.encode({page->integer("started", shown - 1), page->find("session")->uuids[shown - 1]}, cursor_scope);
  }
  std::string body;
  base::JsonWriter json(body);
  json.begin_object().key("data").begin_array();
  for (std::size_t row = 0; row < shown; ++row) write_session(json, *page, row);
  json.end_array().key("page").begin_object().key("next_cursor");
  if (has_more) {
    json.value(next);
  } else {
    json.null();
  }
  json.key("has_more").value(has_more).end_object().end_object();
  Response response = tagged_json(request, std::move(body));
  if (has_more) {
    std::string link = "</v1/sessions?limit=" + std::to_string(*limit);
    for (const char* name : {"from", "to", "athlete", "team"}) {
      // An id and plain ISO 8601 need no escape but for the + of an offset.
      std::string value = text_of(name);
      for (std::size_t at = 0; (at = value.find('+', at)) != std::string::npos; at += 3) value.replace(at, 1, "%2B");
      if (!value.empty()) link += std::string("&") + name + "=" + value;
    }
    response.headers.set("Link", link + "&cursor=" + next + ">; rel=\"next\"");
  }
  return response;
}

// Exactly one row, or not_found: also for a session of somebody else.
base::Result<NativeBlock> SessionRoutes::find(const Request& request) const {
  const auto id = control::parse_id(kSessionPrefix, request.path_parameter("id"));
  if (!id) return id.error();
  auto session = query::one_session(client_, readable(request), *id);
  if (!session || session->rows > 0) return session;
  const auto survivor = query::merged_into(client_, readable(request), *id);
  if (!survivor) return survivor.error();
  if (!*survivor) return Error{ErrorCode::not_found, "there is no such session"};
  return Error{ErrorCode::not_found,
               "this session was merged into " + control::format_id(kSessionPrefix, **survivor) + ": ask for that one"};
}

// Those that count. Without a recording that has any, none of its first one's.
base::Result<NativeBlock> SessionRoutes::records(const NativeBlock& session, Stream stream) const {
  const auto key = query::record_key(session, 0, stream);
  auto block = query::records(client_, key.value_or(query::RecordKey{session.find("athlete")->uuids[0], 0, {}}), stream,
                              {.limit = kMaxRows + 1, .counted_only = true});
  const bool fits = block ? block->rows <= kMaxRows : block.error().code != ErrorCode::too_large;
  if (!fits) return Error{ErrorCode::too_large, "more records than one answer holds; take export.csv"};
  return block;
}

base::Result<Response> SessionRoutes::one(const Request& request) const {
  BOATHOUSE_TRY(check_names(request.query, {}));
  const auto id = control::parse_id(kSessionPrefix, request.path_parameter("id"));
  if (!id) return id.error();
  const auto session = query::one_session(client_, readable(request), *id);
  if (!session) return session.error();
  std::string body;
  base::JsonWriter json(body);
  if (session->rows > 0) {
    write_session(json, *session, 0);
    return tagged_json(request, std::move(body));
  }
  const auto survivor = query::merged_into(client_, readable(request), *id);
  if (!survivor) return survivor.error();
  if (!*survivor) return Error{ErrorCode::not_found, "there is no such session"};
  json.begin_object().key("id").value(control::format_id(kSessionPrefix, *id));
  json.key("merged_into").value(control::format_id(kSessionPrefix, **survivor)).end_object();
  return tagged_json(request, std::move(body));
}

base::Result<std::vector<const rowing::EdgeField*>> chosen_fields(const Request& request, Stream stream) {
  const auto all = rowing::edge_fields(stream);
  std::vector<const rowing::EdgeField*> chosen;
  const std::string* text = http::find(request.query, "fields");
  if (text == nullptr) {
    for (const rowing::EdgeField& field : all) chosen.push_back(&field);
    return chosen;
  }
  std::string_view rest = *text;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string_view name = rest.substr(0, comma);
    const auto found = std::ranges::find(all, name, &rowing::EdgeField::name);
    if (found == all.end()) {
      return Error{ErrorCode::invalid_input, "fields: a " + std::string(rowing::name(stream)) + " has no field '" +
                                                 std::string(name.substr(0, 100)) + "' (docs/metrics.md lists them)"};
    }
    if (std::ranges::find(chosen, &*found) == chosen.end()) chosen.push_back(&*found);
    if (comma == std::string_view::npos) return chosen;
    rest.remove_prefix(comma + 1);
  }
}

base::Result<Response> SessionRoutes::columns(const Request& request, Stream stream) const {
  BOATHOUSE_TRY(check_names(request.query, {"fields"}));
  const auto fields = chosen_fields(request, stream);
  if (!fields) return fields.error();
  const auto session = find(request);
  if (!session) return session.error();
  const auto block = records(*session, stream);
  if (!block) return block.error();
  std::string body;
  base::JsonWriter json(body);
  json.begin_object();
  json.key("stream").value(rowing::name(stream));
  json.key("original_size").value(block->rows);
  json.key("resolution").value("full");
  json.key("data");
  write_columns(json, stream, *block, *fields);
  json.end_object();
  return tagged_json(request, std::move(body));
}

base::Result<Response> SessionRoutes::splits(const Request& request) const {
  BOATHOUSE_TRY(check_names(request.query, {"fields"}));
  const auto fields = chosen_fields(request, Stream::split);
  if (!fields) return fields.error();
  const auto session = find(request);
  if (!session) return session.error();
  const auto block = records(*session, Stream::split);
  if (!block) return block.error();
  std::string body;
  base::JsonWriter json(body);
  json.begin_object().key("data");
  write_rows(json, Stream::split, *block, *fields);
  json.end_object();
  return tagged_json(request, std::move(body));
}

base::Result<Response> SessionRoutes::csv(const Request& request) const {
  BOATHOUSE_TRY(check_names(request.query, {"stream", "superseded"}));
  exports::CsvOptions options;
  if (const std::string* name = http::find(request.query, "stream")) {
    options.stream = rowing::stream_from_name(*name);
    if (!options.stream || *options.stream == Stream::source) {
      return Error{ErrorCode::invalid_input, "stream must be summary, split, stroke, force_curve, sample or event"};
    }
  }
  const auto superseded = read_flag(request.query, "superseded");
  if (!superseded) return superseded.error();
  options.superseded = *superseded;
  const auto session = find(request);
  if (!session) return session.error();

  const base::Uuid& session_id = session->find("session")->uuids[0];
  const std::string what = "session=" + session_id.text() + " format=csv stream=" +
                           (options.stream ? std::string(rowing::name(*options.stream)) : "all");
  if (!audit_.append(control::act_of(request, "export", session->find("athlete")->uuids[0], what))) {
    return Error{ErrorCode::unavailable, "the audit cannot be written now"};
  }

  const auto file = std::make_shared<exports::SessionCsv>(client_, query::record_keys(*session, 0), options);
  Response response = http::make_response(200, "text/csv; charset=utf-8; header=present", "");
  response.source = [file](std::string& out) { return file->next(out); };
  const std::string day = base::format_utc_ms(session->integer("started", 0)).substr(0, 10);
  const std::string short_id = session_id.text().substr(24);
  response.headers.set("Content-Disposition", "attachment; filename=\"session-" + day + "-" + short_id + ".csv\"");
  response.headers.set("Cache-Control", "private, no-cache");
  return response;
}

}  // namespace

base::Status add_session_routes(http::RouteTable& routes, control::Accounts& accounts, control::AuditLog& audit,
                                timeseries::ClickHouseClient& client, const query::CursorCodec& cursors) {
  const auto api = std::make_shared<SessionRoutes>(accounts, audit, client, cursors);
  const auto add = [&](std::string pattern, std::string name, std::string summary, control::Scope scope, auto handler,
                       http::Admission admission = http::Admission::normal) {
    http::Route route;
    route.method = http::Method::get;
    route.pattern = std::move(pattern);
    route.name = std::move(name);
    route.summary = std::move(summary);
    route.handler = http::Handler([api, handler](const Request& request) {
      auto response = handler(*api, request);
      return response ? *std::move(response) : http::problem_response(request, response.error());
    });
    route.scope = control::name(scope);
    route.admit = control::admit_any(accounts);
    route.admission = admission;
    route.waits_elsewhere = true;
    return routes.add(std::move(route));
  };
  BOATHOUSE_TRY(add("/v1/sessions", "listSessions", "Sessions, newest first", control::Scope::sessions_read,
                    [](const SessionRoutes& r, const Request& q) { return r.list(q); }));
  BOATHOUSE_TRY(add("/v1/sessions/{id}", "getSession", "One session", control::Scope::sessions_read,
                    [](const SessionRoutes& r, const Request& q) { return r.one(q); }));
  BOATHOUSE_TRY(add("/v1/sessions/{id}/strokes", "getStrokes", "Strokes of a session, as columns",
                    control::Scope::strokes_read,
                    [](const SessionRoutes& r, const Request& q) { return r.columns(q, Stream::stroke); }));
  BOATHOUSE_TRY(add("/v1/sessions/{id}/samples", "getSamples", "Samples of a session, as columns",
                    control::Scope::strokes_read,
                    [](const SessionRoutes& r, const Request& q) { return r.columns(q, Stream::sample); }));
  BOATHOUSE_TRY(add("/v1/sessions/{id}/splits", "getSplits", "Splits or intervals of a session",
                    control::Scope::sessions_read,
                    [](const SessionRoutes& r, const Request& q) { return r.splits(q); }));
  return add(
      "/v1/sessions/{id}/export.csv", "exportSessionCsv", "One session as CSV with every metric",
      control::Scope::exports_read, [](const SessionRoutes& r, const Request& q) { return r.csv(q); },
      http::Admission::bulk);
}

}  // namespace boathouse::api
