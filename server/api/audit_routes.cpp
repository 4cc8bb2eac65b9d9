#include "server/api/audit_routes.hpp"

#include <string>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "server/api/parameters.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/ids.hpp"
#include "server/http/problem.hpp"

namespace boathouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using http::Request;
using http::Response;

constexpr std::size_t kDefaultRecords = 100;
constexpr std::size_t kMaxRecords = 500;
static_assert(kMaxRecords < ledger::kMaxAuditPage, "one record more than is shown tells that there is a next page");

Response uncached_json(std::string body) {
  Response response = http::make_response(200, "application/json", std::move(body));
  response.headers.set("Cache-Control", "no-store");
  return response;
}

void write_id(base::JsonWriter& json, std::string_view prefix, const std::optional<base::Uuid>& id) {
  if (id) {
    json.value(control::format_id(prefix, *id));
  } else {
    json.null();
  }
}

void write_record(base::JsonWriter& json, const ledger::AuditRecord& record) {
  json.begin_object().key("n").value(record.n);
  json.key("at").value(base::format_utc_ms(record.at_ms)).key("at_ms").value(record.at_ms);
  json.key("kind").value(record.entry.kind);
  write_id(json.key("key"), control::kKeyPrefix, record.entry.key);
  write_id(json.key("athlete"), control::kAthletePrefix, record.entry.athlete);
  write_id(json.key("replica"), "", record.entry.replica);
  json.key("what").value(record.entry.what).key("hash").value(base::to_hex(record.hash)).end_object();
}

base::Result<ledger::AuditFilter> filter_of(const Request& request) {
  ledger::AuditFilter filter{control::identity_of(request)->athlete, {}};
  if (const std::string* kind = http::find(request.query, "kind")) {
    if (!ledger::is_audit_kind(*kind)) {
      return Error{ErrorCode::invalid_input, "there is no such kind; there are " + ledger::audit_kinds_text()};
    }
    filter.kind = *kind;
  }
  if (const std::string* text = http::find(request.query, "athlete")) {
    const auto athlete = control::parse_id(control::kAthletePrefix, *text);
    if (!athlete) return athlete.error();
    if (filter.athlete && *filter.athlete != *athlete) {
      return Error{ErrorCode::forbidden, "an athlete's key sees the own records alone"};
    }
    filter.athlete = *athlete;
  }
  return filter;
}

base::Result<Response> list(const Request& request, ledger::Ledger& ledger) {
  BOATHOUSE_TRY(check_names(request.query, {"after", "limit", "kind", "athlete"}));
  const auto after = read_count(request.query, "after");
  if (!after) return after.error();
  const auto limit = read_limit(request.query, kDefaultRecords, kMaxRecords);
  if (!limit) return limit.error();
  const auto filter = filter_of(request);
  if (!filter) return filter.error();
  auto records = ledger.audit(*after, *limit + 1, *filter);
  if (!records) return records.error();
  const bool has_more = records->size() > *limit;
  if (has_more) records->pop_back();

  std::string body;
  base::JsonWriter json(body);
  json.begin_object().key("data").begin_array();
  for (const ledger::AuditRecord& record : *records) write_record(json, record);
  json.end_array().key("page").begin_object().key("next_after");
  if (has_more) {
    json.value(records->back().n);
  } else {
    json.null();
  }
  json.key("has_more").value(has_more).end_object().end_object();
  return uncached_json(std::move(body));
}

base::Result<Response> head(const Request& request, ledger::Ledger& ledger) {
  BOATHOUSE_TRY(check_names(request.query, {}));
  const auto state = ledger.audit_state();
  if (!state) return state.error();
  std::string body;
  base::JsonWriter json(body);
  json.begin_object().key("n").value(state->head.n).key("hash").value(base::to_hex(state->head.hash));
  json.key("newest").value(state->newest).end_object();
  return uncached_json(std::move(body));
}

}  // namespace

base::Status add_audit_routes(http::RouteTable& routes, control::Accounts& accounts, ledger::Ledger& ledger) {
  using Call = base::Result<Response> (*)(const Request&, ledger::Ledger&);
  const auto add = [&](std::string pattern, std::string name, std::string summary, control::Scope scope,
                       http::Admit admit, Call call) {
    http::Route route;
    route.method = http::Method::get;
    route.pattern = std::move(pattern);
    route.name = std::move(name);
    route.summary = std::move(summary);
    route.handler = http::Handler([&ledger, call](const Request& request) {
      auto response = call(request, ledger);
      return response ? *std::move(response) : http::problem_response(request, response.error());
    });
    route.scope = control::name(scope);
    route.admit = std::move(admit);
    return routes.add(std::move(route));
  };
  // What an athlete sees of it is the story of the own sessions: the scope audit:read is for everybody's.
  BOATHOUSE_TRY(add("/v1/audit", "listAudit", "What was done, oldest first: an athlete's own records, or all",
                    control::Scope::sessions_read, control::admit_any(accounts), list));
  return add("/v1/audit/head", "getAuditHead", "The audit's last record, to be kept as an anchor",
             control::Scope::audit_read, control::admit_operator(accounts), head);
}

}  // namespace boathouse::api
