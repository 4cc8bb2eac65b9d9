#include "server/retention/routes.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/ids.hpp"
#include "server/control/scopes.hpp"
#include "server/http/problem.hpp"
#include "server/retention/cost.hpp"
#include "server/retention/plan.hpp"

namespace boathouse::retention {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonValue;
using base::JsonWriter;
using base::Result;
using http::Request;
using http::Response;

constexpr std::size_t kMaxBody = 16 * 1024;

Response json_response(int status, std::string body) {
  Response response = http::make_response(status, "application/json", std::move(body));
  response.headers.set("Cache-Control", "no-store");
  return response;
}

std::optional<base::Uuid> caller(const Request& request) { return control::identity_of(request)->key_id; }

// ---- words in and out ----

// "athlete:ath_..." as the ledger has it; what is wrong with it otherwise.
Result<std::string> stored_scope(const std::string& scope) {
  if (scope == ledger::kScopeAll) return scope;
  const std::size_t colon = scope.find(':');
  const std::string kind = scope.substr(0, colon);
  const std::string id = colon == std::string::npos ? "" : scope.substr(colon + 1);
  if (kind == "athlete") {
    const auto athlete = control::parse_id(control::kAthletePrefix, id);
    if (!athlete) return athlete.error();
    return ledger::scope_of_athlete(*athlete);
  }
  if (kind == "team") {
    const auto team = control::parse_id(control::kTeamPrefix, id);
    if (!team) return team.error();
    return ledger::scope_of_team(*team);
  }
  return Error{ErrorCode::invalid_input, "scope is all, team:team_... or athlete:ath_..."};
}

bool is_team(const std::string& stored) { return stored.starts_with(ledger::kTeamScope); }

std::string shown_scope(const std::string& scope) {
  const std::size_t colon = scope.find(':');
  if (colon == std::string::npos) return scope;
  return scope.substr(0, colon + 1) + std::string(is_team(scope) ? control::kTeamPrefix : control::kAthletePrefix) +
         scope.substr(colon + 1);
}

Result<JsonValue> object_of(const Request& request) {
  auto body = base::parse_json(request.body, {.max_depth = 4, .max_bytes = kMaxBody});
  if (!body) return body.error();
  if (body->object() == nullptr) return Error{ErrorCode::invalid_input, "the body must be a JSON object"};
  return body;
}

std::string text_of(const JsonValue& body, std::string_view key) {
  const JsonValue* value = body.find(key);
  return value != nullptr && value->text() != nullptr ? *value->text() : "";
}

void write_amount(JsonWriter& json, const Amount& amount) {
  json.begin_object().key("recordings").value(amount.recordings).key("records").value(amount.records);
  json.key("ledger_bytes").value(amount.ledger_bytes).end_object();
}

void write_hold(JsonWriter& json, const ledger::LegalHold& hold) {
  json.begin_object().key("scope").value(shown_scope(hold.scope)).key("reason").value(hold.reason);
  json.key("set_at").value(base::format_utc_ms(hold.set_ms)).end_object();
}

void write_time(JsonWriter& json, std::string_view key, const std::optional<std::int64_t>& ms) {
  json.key(key);
  ms ? json.value(base::format_utc_ms(*ms)) : json.null();
}

// ---- rules and holds ----

Result<Policy> policy_now(const Parts& parts) {
  auto teams_of = parts.accounts.teams().teams_of_members();
  if (!teams_of) return teams_of.error();
  return policy_of(parts.ledger, std::move(*teams_of));
}

// not_found: there is no such team, or it is archived.
Result<control::Team> open_team(const Parts& parts, const std::string& stored) {
  auto team = parts.accounts.teams().team(*base::Uuid::parse(stored.substr(ledger::kTeamScope.size())));
  if (team && team->archived_ms) return Error{ErrorCode::not_found, "the team is archived: nobody is in it"};
  return team;
}

// not_found: nobody has such an id, so a word about it would be about nobody. Who has data and no account (of a
// restored ledger) is somebody; who is erased has lost the account first, and the ledger says so.
base::Status is_somebody(const Parts& parts, const std::string& stored) {
  if (is_team(stored)) {
    const auto team = open_team(parts, stored);
    return team ? base::Status() : base::Status(team.error());
  }
  if (!stored.starts_with(ledger::kAthleteScope)) return base::Done{};
  const base::Uuid athlete = *base::Uuid::parse(stored.substr(ledger::kAthleteScope.size()));
  const auto account = parts.accounts.athlete(athlete);
  if (account) return base::Done{};
  if (account.error().code != ErrorCode::not_found) return account.error();
  const auto erasures = parts.ledger.erasures();
  if (!erasures) return erasures.error();
  const auto recordings = parts.ledger.recordings(athlete, {}, 1);
  if (!recordings) return recordings.error();
  const bool known =
      !recordings->empty() || std::ranges::find(*erasures, athlete, &ledger::Erasure::athlete) != erasures->end();
  return known ? base::Status() : base::Status(account.error());
}

Result<Response> show(const Parts& parts, const Request&) {
  const auto policy = policy_now(parts);
  if (!policy) return policy.error();
  const auto counts = parts.ledger.counts();
  if (!counts) return counts.error();
  const auto retiring = parts.ledger.retirements(kMaxStreamsOfAPlan);
  if (!retiring) return retiring.error();
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("default").value("keep").key("rules").begin_array();
  for (const ledger::RetentionRule& rule : policy->rules) {
    json.begin_object().key("scope").value(shown_scope(rule.scope)).key("grain").value(rowing::name(rule.stream));
    json.key("years");
    rule.years ? json.value(*rule.years) : json.null();
    json.key("set_at").value(base::format_utc_ms(rule.set_ms)).end_object();
  }
  json.end_array().key("holds").begin_array();
  for (const ledger::LegalHold& hold : policy->holds) write_hold(json, hold);
  json.end_array().key("streams_to_remove").value(retiring->size());
  json.key("removals_to_erase").value(counts->rows_to_erase).end_object();
  return json_response(200, std::move(body));
}

Result<Response> set_rule(const Parts& parts, const Request& request) {
  const auto body = object_of(request);
  if (!body) return body.error();
  const auto scope = stored_scope(text_of(*body, "scope"));
  if (!scope) return scope.error();
  const auto grain = grain_of(text_of(*body, "grain"));
  if (!grain) return grain.error();
  const JsonValue* years = body->find("years");
  const bool for_ever = years != nullptr && years->is_null();
  if (body->object()->size() != 3 || years == nullptr ||
      (!for_ever &&
       (!years->integer() || *years->integer() < ledger::kMinYears || *years->integer() > ledger::kMaxYears))) {
    return Error{ErrorCode::invalid_input,
                 "the body must be {\"scope\": \"...\", \"grain\": \"...\", \"years\": 1 to 100, or null for ever}"};
  }
  ledger::RetentionRule rule{*scope, *grain, {}, 0};
  if (!for_ever) rule.years = static_cast<int>(*years->integer());
  BOATHOUSE_TRY(is_somebody(parts, *scope));
  BOATHOUSE_TRY(parts.ledger.set_retention_rule(rule, caller(request)));
  return show(parts, request);
}

Result<Response> set_hold(const Parts& parts, const Request& request) {
  const auto body = object_of(request);
  if (!body) return body.error();
  const auto scope = stored_scope(text_of(*body, "scope"));
  if (!scope) return scope.error();
  const std::string reason = text_of(*body, "reason");
  if (body->object()->size() != 2 || reason.empty() || reason.size() > ledger::kMaxHoldReason ||
      reason.find('\0') != std::string::npos) {
    return Error{ErrorCode::invalid_input,
                 "the body must be {\"scope\": \"...\", \"reason\": \"...\"}, the reason of at most 500 bytes"};
  }
  BOATHOUSE_TRY(is_somebody(parts, *scope));
  if (!is_team(*scope)) {
    BOATHOUSE_TRY(parts.ledger.set_legal_hold({*scope, reason, 0}, caller(request)));
    return show(parts, request);
  }
  // A hold is on people, whatever team they are in tomorrow: it is on those who are members now.
  const base::Uuid team = *base::Uuid::parse(scope->substr(ledger::kTeamScope.size()));
  const auto teams_of = parts.accounts.teams().teams_of_members();
  if (!teams_of) return teams_of.error();
  bool anybody = false;
  for (const auto& [athlete, teams] : *teams_of) {
    if (std::ranges::find(teams, team) == teams.end()) continue;
    BOATHOUSE_TRY(parts.ledger.set_legal_hold({ledger::scope_of_athlete(athlete), reason, 0}, caller(request)));
    anybody = true;
  }
  if (!anybody) return Error{ErrorCode::conflict, "nobody is a member of that team, so nothing is held"};
  return show(parts, request);
}

Result<Response> release_hold(const Parts& parts, const Request& request) {
  const auto scope = stored_scope(std::string(request.path_parameter("scope")));
  if (!scope) return scope.error();
  if (is_team(*scope)) {
    return Error{ErrorCode::invalid_input, "a hold on a team is one on each of its members: release athlete:ath_..."};
  }
  BOATHOUSE_TRY(parts.ledger.release_legal_hold(*scope, caller(request)));
  return show(parts, request);
}

// ---- plan and apply ----

Result<Plan> plan_now(const Parts& parts) {
  const auto policy = policy_now(parts);
  if (!policy) return policy.error();
  const auto backed_up = backed_up_seq(parts.ledger, parts.backups);
  if (!backed_up) return backed_up.error();
  return make_plan(parts.ledger, *policy, parts.clock.utc_ms(), *backed_up);
}

Result<Response> show_plan(const Parts& parts, const Request&) {
  const auto plan = plan_now(parts);
  if (!plan) return plan.error();
  const auto layout = timeseries::layout_of(parts.client, parts.cluster);
  if (!layout) return layout.error();
  const auto freed = freed_by(parts.client, *plan, *layout);
  if (!freed) return freed.error();
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("plan");
  plan->id.empty() ? json.null() : json.value(plan->id);
  json.key("recordings").value(plan->recordings).key("streams").begin_object();
  for (const auto& [stream, amount] : plan->streams) {
    json.key(rowing::name(stream)).begin_object();
    json.key("recordings").value(amount.recordings).key("records").value(amount.records);
    json.key("ledger_bytes").value(amount.ledger_bytes).key("clickhouse_bytes");
    const auto bytes = freed->clickhouse_bytes.find(stream);
    json.value(bytes == freed->clickhouse_bytes.end() ? 0 : bytes->second).end_object();
  }
  json.end_object().key("ledger_bytes").value(freed->ledger_total);
  json.key("clickhouse_bytes")
      .value(freed->clickhouse_total)
      .key("clickhouse_cold_bytes")
      .value(freed->clickhouse_cold);
  char usd[32];
  std::snprintf(usd, sizeof usd, "%.4f", freed->usd_a_month);
  json.key("usd_a_month").number(usd).key("prices_of").value(kPrices.date);
  write_amount(json.key("not_backed_up"), plan->not_backed_up);
  write_amount(json.key("held"), plan->held);
  json.key("holds").begin_array();
  for (const ledger::LegalHold& hold : plan->holds) write_hold(json, hold);
  json.end_array();
  write_amount(json.key("on_its_way"), plan->on_its_way);
  write_amount(json.key("lost"), plan->lost);
  json.key("more").value(plan->more).end_object();
  return json_response(200, std::move(body));
}

Result<Response> apply(const Parts& parts, const Request& request) {
  const auto body = object_of(request);
  if (!body) return body.error();
  const std::string id = text_of(*body, "plan");
  if (body->object()->size() != 1 || id.empty()) {
    return Error{ErrorCode::invalid_input, "the body must be {\"plan\": \"ret_...\"}, as the plan shows it"};
  }
  const auto plan = plan_now(parts);
  if (!plan) return plan.error();
  if (plan->id != id) {
    return Error{ErrorCode::conflict, "the plan is not the one that was shown (" +
                                          (plan->id.empty() ? "nothing is due" : "now " + plan->id) +
                                          "), so nothing was removed: look at `boathouse retention plan` again"};
  }
  if (plan->not_backed_up.recordings > 0) {
    return Error{ErrorCode::conflict,
                 std::to_string(plan->not_backed_up.records) + " records of " +
                     std::to_string(plan->not_backed_up.recordings) +
                     " recordings of this plan are in no verified backup" +
                     (parts.backups.empty() ? "" : " in " + parts.backups.string()) +
                     ", so nothing was removed: run `boathouse backup "
                     "create --data DIR --to FOLDER`, which verifies what it makes (`boathouse backup verify --from "
                     "FOLDER` says what is wrong with one), then plan again"};
  }
  const std::string what = "plan=" + plan->id + " recordings=" + std::to_string(plan->recordings) +
                           " streams=" + std::to_string(plan->items.size());
  BOATHOUSE_TRY(parts.ledger.apply_plan(plan->items, what, caller(request)));
  BOATHOUSE_TRY(parts.remover.order());
  std::string answer;
  JsonWriter json(answer);
  json.begin_object().key("plan").value(plan->id).key("recordings").value(plan->recordings);
  json.key("streams").value(plan->items.size()).end_object();
  return json_response(202, std::move(answer));
}

// ---- erasure ----

std::string_view name(ledger::ErasureState state) {
  switch (state) {
    case ledger::ErasureState::hidden:
      return "hidden";
    case ledger::ErasureState::erasing:
      return "erasing";
    case ledger::ErasureState::erased:
      break;
  }
  return "erased";
}

Result<Response> proof(const Parts& parts, const Request& request) {
  const auto athlete = control::parse_id(control::kAthletePrefix, request.path_parameter("id"));
  if (!athlete) return athlete.error();
  const auto found = parts.eraser.proof(*athlete);
  if (!found) return found.error();
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("athlete").value(control::format_id(control::kAthletePrefix, *athlete));
  json.key("state").value(name(found->erasure.state()));
  json.key("asked_at").value(base::format_utc_ms(found->erasure.asked_ms));
  json.key("due_at").value(base::format_utc_ms(found->erasure.due_ms));
  write_time(json, "erased_at", found->erasure.erased_ms);
  json.key("nothing_left").value(found->nothing_left()).key("tables").begin_object();
  for (const ledger::TableCount& count : found->tables) json.key(count.table).value(count.rows);
  json.end_object().key("backups");
  if (found->backups_known) {
    json.begin_array();
    for (const std::string& backup : found->backups) json.value(backup);
    json.end_array();
  } else {
    json.null();
  }
  json.key("clickhouse_copies").begin_array();
  for (const HoldingCopy& copy : found->clickhouse_copies) {
    json.begin_object().key("place").value(copy.place);
    write_time(json, "until", copy.until_ms);
    json.end_object();
  }
  json.end_array().key("backups_elsewhere");
  if (found->elsewhere_days > 0) {
    std::optional<std::int64_t> until_ms;
    if (const auto erased_ms = found->erasure.erased_ms) until_ms = *erased_ms + found->elsewhere_days * kDayMs;
    json.begin_object().key("kept_days").value(found->elsewhere_days);
    write_time(json, "until", until_ms);
    json.end_object();
  } else {
    json.null();
  }
  json.end_object();
  return json_response(200, std::move(body));
}

Result<Response> erase(const Parts& parts, const Request& request) {
  const auto athlete = control::parse_id(control::kAthletePrefix, request.path_parameter("id"));
  if (!athlete) return athlete.error();
  if (const auto there = parts.accounts.athlete(*athlete); !there) return there.error();
  std::int64_t due_ms = parts.clock.utc_ms() + kReversibleMs;
  // The ledger first; whatever fails after it, the same call again sets right.
  const auto erasures = parts.ledger.erasures();
  if (!erasures) return erasures.error();
  const auto asked = std::ranges::find(*erasures, *athlete, &ledger::Erasure::athlete);
  if (asked == erasures->end()) {
    BOATHOUSE_TRY(parts.ledger.ask_erasure(*athlete, due_ms, caller(request)));
  } else {
    due_ms = asked->due_ms;
  }
  BOATHOUSE_TRY(parts.accounts.suspend(*athlete, true));
  BOATHOUSE_TRY(parts.eraser.order(*athlete, due_ms));
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("athlete").value(control::format_id(control::kAthletePrefix, *athlete));
  json.key("state").value("hidden").key("due_at").value(base::format_utc_ms(due_ms)).end_object();
  return json_response(202, std::move(body));
}

Result<Response> restore(const Parts& parts, const Request& request) {
  const auto athlete = control::parse_id(control::kAthletePrefix, request.path_parameter("id"));
  if (!athlete) return athlete.error();
  const base::Status taken_back = parts.ledger.take_back_erasure(*athlete, caller(request));
  // Also after one that was cut short between the two.
  if (taken_back || taken_back.error().code == ErrorCode::not_found) {
    BOATHOUSE_TRY(parts.accounts.suspend(*athlete, false));
  }
  BOATHOUSE_TRY(taken_back);
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("athlete").value(control::format_id(control::kAthletePrefix, *athlete));
  json.key("state").value("restored").end_object();
  return json_response(200, std::move(body));
}

}  // namespace

base::Status add_routes(http::RouteTable& routes, const Parts& parts) {
  using Call = Result<Response> (*)(const Parts&, const Request&);
  const auto add = [&routes, shared = std::make_shared<const Parts>(parts)](
                       http::Method method, std::string pattern, std::string name, std::string summary,
                       control::Scope scope, Call call, bool has_body = false, bool asks_clickhouse = false) {
    http::Route route;
    route.method = method;
    route.pattern = std::move(pattern);
    route.name = std::move(name);
    route.summary = std::move(summary);
    route.handler = http::Handler([shared, call, has_body](const Request& request) {
      if (!request.query.empty()) {
        return http::field_problem(request, "query:" + request.query.front().name.substr(0, 100),
                                   {ErrorCode::invalid_input, "this route takes no parameters in the address"});
      }
      if (has_body) {
        if (auto refusal = http::refuse_unless_json(request)) return std::move(*refusal);
      }
      auto response = call(*shared, request);
      return response ? *std::move(response) : http::problem_response(request, response.error());
    });
    route.scope = control::name(scope);
    route.admit = control::admit_operator(shared->accounts);
    route.max_body_bytes = has_body ? kMaxBody : 0;
    route.admission = http::Admission::bulk;
    route.waits_elsewhere = asks_clickhouse;
    return routes.add(std::move(route));
  };
  using enum http::Method;
  using enum control::Scope;
  BOATHOUSE_TRY(
      add(get, "/v1/retention", "getRetention", "Rules, legal holds, what is being removed", audit_read, show));
  BOATHOUSE_TRY(add(put, "/v1/retention/rules", "setRetentionRule", "How long one grain is kept, of all or of one",
                    account_delete, set_rule, true));
  BOATHOUSE_TRY(add(post, "/v1/retention/holds", "setLegalHold", "Keep everything, whatever the rules say",
                    account_delete, set_hold, true));
  BOATHOUSE_TRY(add(delete_, "/v1/retention/holds/{scope}", "releaseLegalHold", "End a legal hold", account_delete,
                    release_hold));
  BOATHOUSE_TRY(add(get, "/v1/retention/plan", "planRetention", "What the rules would remove now, and what it frees",
                    audit_read, show_plan, false, true));
  BOATHOUSE_TRY(add(post, "/v1/retention/plan", "applyRetention", "Remove exactly what the plan showed", account_delete,
                    apply, true));
  BOATHOUSE_TRY(add(get, "/v1/athletes/{id}/erasure", "getErasure",
                    "How far the erasure of an athlete is, and what is left of them", audit_read, proof, false, true));
  BOATHOUSE_TRY(add(post, "/v1/athletes/{id}/erasure", "eraseAthlete",
                    "Hide an athlete at once and remove everything after 30 days", account_delete, erase));
  return add(delete_, "/v1/athletes/{id}/erasure", "restoreAthlete", "Take an erasure back, within the 30 days",
             account_delete, restore);
}

}  // namespace boathouse::retention
