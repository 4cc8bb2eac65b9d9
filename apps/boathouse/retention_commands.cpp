#include "apps/boathouse/retention_commands.hpp"

#include <cstdio>
#include <string_view>

#include "apps/boathouse/answers.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"

namespace boathouse::app {
namespace {

using base::JsonValue;
using base::Result;

std::string shown_at(const JsonValue& value, std::string_view key) {
  const JsonValue* found = value.find(key);
  if (found == nullptr || found->is_null()) return "-";
  if (found->text() != nullptr) return *found->text();
  const auto integer = found->integer();
  return integer ? std::to_string(*integer) : "-";
}

std::int64_t number_at(const JsonValue& value, std::string_view key) {
  const JsonValue* found = value.find(key);
  return found == nullptr ? 0 : found->integer().value_or(0);
}

// 1.2 MB: 10^6 bytes, as disks are sold.
std::string size_text(std::int64_t bytes) {
  char text[32];
  if (bytes < 1'000'000) {
    std::snprintf(text, sizeof text, "%.1f kB", static_cast<double>(bytes) / 1e3);
  } else if (bytes < 1'000'000'000) {
    std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  } else {
    std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(bytes) / 1e9);
  }
  return text;
}

// Prints the answer as it is, or what `show` makes of it.
int answer(const ServerOptions& server, const std::string& method, const std::string& path, const std::string& body,
           void (*show)(const JsonValue&)) {
  const auto text = call(server, method, path, body);
  if (!text) return fail(text.error());
  if (server.json) {
    print(*text + "\n");
    return kDone;
  }
  const auto found = base::parse_json(*text, {64, std::size_t{64} << 20});
  if (!found) return fail(found.error());
  show(*found);
  return kDone;
}

void show_policy(const JsonValue& policy) {
  print("without a rule: kept for ever; summaries always\n");
  const JsonValue* rules = policy.find("rules");
  if (rules != nullptr && rules->array() != nullptr) {
    for (const JsonValue& rule : *rules->array()) {
      const std::string years = shown_at(rule, "years");
      print(shown_at(rule, "scope") + "  " + shown_at(rule, "grain") + "  " +
            (years == "-" ? "for ever" : years + " years") + "  set " + shown_at(rule, "set_at") + "\n");
    }
  }
  const JsonValue* holds = policy.find("holds");
  if (holds != nullptr && holds->array() != nullptr) {
    for (const JsonValue& hold : *holds->array()) {
      print("HOLD  " + shown_at(hold, "scope") + "  since " + shown_at(hold, "set_at") + "  " +
            shown_at(hold, "reason") + "\n");
    }
  }
  print("being removed: " + shown_at(policy, "streams_to_remove") + " streams of recordings in the ledger, " +
        shown_at(policy, "removals_to_erase") + " removals in ClickHouse\n");
}

void show_left_out(const JsonValue& plan, std::string_view key, const std::string& why) {
  const JsonValue* amount = plan.find(key);
  if (amount == nullptr || number_at(*amount, "recordings") == 0) return;
  print(why + ": " + shown_at(*amount, "records") + " records of " + shown_at(*amount, "recordings") + " recordings\n");
}

void show_plan(const JsonValue& plan) {
  if (const JsonValue* id = plan.find("plan"); id == nullptr || id->text() == nullptr) {
    print("nothing is to be removed\n");
  } else {
    print("plan " + *id->text() + ": " + shown_at(plan, "recordings") + " recordings lose\n");
    print("grain         recordings      records       ledger   clickhouse\n");
    const JsonValue* streams = plan.find("streams");
    for (const auto& [name, amount] : *streams->object()) {
      char line[128];
      std::snprintf(line, sizeof line, "%-12s %11s %12s %12s %12s\n", name.c_str(),
                    shown_at(amount, "recordings").c_str(), shown_at(amount, "records").c_str(),
                    size_text(number_at(amount, "ledger_bytes")).c_str(),
                    size_text(number_at(amount, "clickhouse_bytes")).c_str());
      print(line);
    }
    const JsonValue* usd = plan.find("usd_a_month");
    char money[64];
    std::snprintf(money, sizeof money, "%.4f", usd != nullptr && usd->number() ? *usd->number() : 0.0);
    print("freed: " + size_text(number_at(plan, "ledger_bytes")) + " in the ledger, " +
          size_text(number_at(plan, "clickhouse_bytes")) + " in ClickHouse, " +
          size_text(number_at(plan, "clickhouse_cold_bytes")) + " of it of years before the last one; worth $" + money +
          " a month at AWS' prices of " + shown_at(plan, "prices_of") + "\n" +
          "disks and volumes do not become smaller by themselves: on them room is freed, only S3's bill falls\n");
  }
  show_left_out(plan, "not_backed_up",
                "IN NO VERIFIED BACKUP, so this plan is refused until `boathouse backup create` has made one");
  show_left_out(plan, "held", "left out, on legal hold");
  show_left_out(plan, "on_its_way", "left out, on the way to ClickHouse still");
  show_left_out(plan, "lost", "left out, lost in part here and in the backups (docs/operations/segments.md)");
  if (const JsonValue* more = plan.find("more"); more != nullptr && more->boolean() == true) {
    print("there is more than one plan holds: plan again when this one is applied\n");
  }
}

int apply(const ServerOptions& server, const std::string& plan) {
  return answer(server, "POST", "/v1/retention/plan", one_field_object("plan", plan), [](const JsonValue& applied) {
    print(shown_at(applied, "plan") + ": " + shown_at(applied, "streams") + " streams of " +
          shown_at(applied, "recordings") + " recordings are being removed; `boathouse retention show` says how far\n");
  });
}

void show_proof(const JsonValue& proof) {
  print("athlete " + shown_at(proof, "athlete") + ": " + shown_at(proof, "state") + ", asked " +
        shown_at(proof, "asked_at") + ", due " + shown_at(proof, "due_at") + ", erased " +
        shown_at(proof, "erased_at") + "\n");
  if (const JsonValue* tables = proof.find("tables"); tables != nullptr && tables->object() != nullptr) {
    for (const auto& [name, rows] : *tables->object()) {
      print("  " + name + "  " + std::to_string(rows.integer().value_or(0)) + "\n");
    }
  }
  const JsonValue* elsewhere = proof.find("backups_elsewhere");
  const bool others_make_some = elsewhere != nullptr && elsewhere->object() != nullptr;
  if (others_make_some) {
    const JsonValue* until = elsewhere->find("until");
    print("in backups that others make and keep for " + shown_at(*elsewhere, "kept_days") + " days at most: gone " +
          (until != nullptr && until->text() != nullptr ? "by " + *until->text() : "so long after the erasure") + "\n");
  }
  const JsonValue* copies = proof.find("clickhouse_copies");
  const bool has_copies = copies != nullptr && copies->array() != nullptr && !copies->array()->empty();
  if (has_copies) {
    for (const JsonValue& copy : *copies->array()) {
      const JsonValue* until = copy.find("until");
      const bool known = until != nullptr && until->text() != nullptr;
      print("in ClickHouse's copy " + shown_at(copy, "place") + ", until its bucket removes it: " +
            (known ? *until->text() : "nobody has said when (serve --clickhouse-backup-days)") + "\n");
    }
  }
  const JsonValue* backups = proof.find("backups");
  if (backups == nullptr || backups->array() == nullptr) {
    if (!others_make_some) {
      print(
          "backups: this server makes none by itself and was not told of others' (serve --backups-elsewhere-days); "
          "`boathouse backup list --to FOLDER` shows those that there are\n");
    }
    return;
  }
  for (const JsonValue& backup : *backups->array()) {
    print("in backup " + (backup.text() != nullptr ? *backup.text() : "?") + ", until it is pruned\n");
  }
  if (backups->array()->empty() && !has_copies && !others_make_some) print("in no backup\n");
}

}  // namespace

int retention_show(const ServerOptions& server) { return answer(server, "GET", "/v1/retention", "", show_policy); }

int retention_set(const ServerOptions& server, const RetentionOptions& options) {
  if (options.for_ever == (options.years != 0)) return wrong_use("give --years N, or --for-ever");
  for (const std::string& grain : options.grains) {
    std::string body;
    base::JsonWriter json(body);
    json.begin_object().key("scope").value(options.scope).key("grain").value(grain).key("years");
    options.for_ever ? json.null() : json.value(options.years);
    json.end_object();
    const auto set = call(server, "PUT", "/v1/retention/rules", body);
    if (!set) return fail(set.error());
  }
  return retention_show(server);
}

int retention_hold(const ServerOptions& server, const RetentionOptions& options) {
  std::string body;
  base::JsonWriter json(body);
  json.begin_object().key("scope").value(options.scope).key("reason").value(options.reason).end_object();
  return answer(server, "POST", "/v1/retention/holds", body, show_policy);
}

int retention_release(const ServerOptions& server, const RetentionOptions& options) {
  return answer(server, "DELETE", "/v1/retention/holds/" + options.scope, "", show_policy);
}

int retention_plan(const ServerOptions& server) { return answer(server, "GET", "/v1/retention/plan", "", show_plan); }

int retention_apply(const ServerOptions& server, const RetentionOptions& options) {
  if (options.yes == !options.plan.empty()) return wrong_use("give --plan ID, as `retention plan` shows it, or --yes");
  if (!options.yes) return apply(server, options.plan);
  const auto plan = call_json(server, "GET", "/v1/retention/plan");
  if (!plan) return fail(plan.error());
  if (!server.json) show_plan(*plan);
  const JsonValue* id = plan->find("plan");
  if (id == nullptr || id->text() == nullptr) return kDone;
  return apply(server, *id->text());
}

int athlete_erase(const ServerOptions& server, const RetentionOptions& options) {
  const std::string path = "/v1/athletes/" + options.athlete + "/erasure";
  if (options.proof) {
    const auto found = call_json(server, "GET", path);
    if (!found) return fail(found.error());
    const int printed = answer(server, "GET", path, "", show_proof);
    const JsonValue* nothing_left = found->find("nothing_left");
    const bool proved =
        shown_at(*found, "state") == "erased" && nothing_left != nullptr && nothing_left->boolean() == true;
    return printed == kDone && !proved ? kFailed : printed;
  }
  if (!options.yes) {
    return wrong_use(
        "this hides the athlete at once and removes everything after 30 days, for ever: give --yes (`athlete restore` "
        "takes it back until then), or --proof to see how far one is");
  }
  return answer(server, "POST", path, "", [](const JsonValue& asked) {
    print("athlete " + shown_at(asked, "athlete") + " is hidden; everything is removed at " +
          shown_at(asked, "due_at") + ", until then `boathouse athlete restore` takes it back\n");
  });
}

int athlete_restore(const ServerOptions& server, const RetentionOptions& options) {
  return answer(server, "DELETE", "/v1/athletes/" + options.athlete + "/erasure", "",
                [](const JsonValue& restored) { print("athlete " + shown_at(restored, "athlete") + " is back\n"); });
}

}  // namespace boathouse::app
