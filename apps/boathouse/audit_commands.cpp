#include "apps/boathouse/audit_commands.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "apps/boathouse/answers.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "server/control/ids.hpp"
#include "server/ledger/audit.hpp"

namespace boathouse::app {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonValue;
using base::Result;
using ledger::AuditRecord;

constexpr std::size_t kPage = 500;  // the most that a server gives
const Error kNoAudit{ErrorCode::internal, "the server's answer is no audit"};

Result<base::Digest> digest_of(const JsonValue* value) {
  const auto bytes = base::from_hex(value != nullptr && value->text() != nullptr ? *value->text() : "");
  base::Digest digest{};
  if (!bytes || bytes->size() != digest.size()) return kNoAudit;
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

Result<std::optional<base::Uuid>> id_of(const JsonValue* value, std::string_view prefix) {
  if (value == nullptr) return kNoAudit;
  if (value->is_null()) return std::optional<base::Uuid>();
  const auto id = value->text() != nullptr ? control::parse_id(prefix, *value->text()) : kNoAudit;
  if (!id) return kNoAudit;
  return std::optional(*id);
}

Result<AuditRecord> record_of(const JsonValue& value) {
  const auto number = [&value](std::string_view key) {
    const JsonValue* found = value.find(key);
    return found != nullptr ? found->integer() : std::nullopt;
  };
  const JsonValue* kind = value.find("kind");
  const JsonValue* what = value.find("what");
  const auto key = id_of(value.find("key"), control::kKeyPrefix);
  const auto athlete = id_of(value.find("athlete"), control::kAthletePrefix);
  const auto replica = id_of(value.find("replica"), "");
  const auto hash = digest_of(value.find("hash"));
  if (!number("n") || !number("at_ms") || kind == nullptr || kind->text() == nullptr || what == nullptr ||
      what->text() == nullptr || !key || !athlete || !replica || !hash) {
    return kNoAudit;
  }
  return AuditRecord{*number("n"), *number("at_ms"), {*kind->text(), *key, *athlete, *replica, *what->text()}, *hash};
}

Result<std::vector<AuditRecord>> page_of(const ServerOptions& server, const std::string& filter, std::int64_t after,
                                         std::size_t limit) {
  const auto page = call_json(
      server, "GET",
      "/v1/audit?after=" + std::to_string(after) + "&limit=" + std::to_string(std::min(limit, kPage)) + filter);
  if (!page) return page.error();
  const JsonValue* data = page->find("data");
  if (data == nullptr || data->array() == nullptr) return kNoAudit;
  std::vector<AuditRecord> records;
  for (const JsonValue& entry : *data->array()) {
    auto record = record_of(entry);
    if (!record) return record.error();
    records.push_back(std::move(*record));
  }
  return records;
}

std::string id_text(std::string_view prefix, const std::optional<base::Uuid>& id) {
  return id ? control::format_id(prefix, *id) : "-";
}

void print_record(const AuditRecord& record, bool as_json) {
  const ledger::AuditEntry& entry = record.entry;
  if (!as_json) {
    print(std::to_string(record.n) + "  " + base::format_utc_ms(record.at_ms) + "  " + entry.kind + "  " +
          id_text(control::kKeyPrefix, entry.key) + "  " + id_text(control::kAthletePrefix, entry.athlete) + "  " +
          entry.what + "\n");
    return;
  }
  std::string line;
  base::JsonWriter json(line);
  json.begin_object().key("n").value(record.n).key("at").value(base::format_utc_ms(record.at_ms));
  json.key("kind").value(entry.kind);
  const auto id = [&json](std::string_view key, std::string_view prefix, const std::optional<base::Uuid>& value) {
    json.key(key);
    value ? json.value(control::format_id(prefix, *value)) : json.null();
  };
  id("key", control::kKeyPrefix, entry.key);
  id("athlete", control::kAthletePrefix, entry.athlete);
  id("replica", "", entry.replica);
  json.key("what").value(entry.what).key("hash").value(base::to_hex(record.hash)).end_object();
  print(line + "\n");
}

// The end of the server's list first, then its records: what is appended meanwhile is not looked at.
Result<ledger::AuditVerdict> check_on_server(const ServerOptions& server,
                                             const std::optional<ledger::AuditHead>& anchor) {
  const auto head = call_json(server, "GET", "/v1/audit/head");
  if (!head) return head.error();
  const JsonValue* n = head->find("n");
  const JsonValue* newest = head->find("newest");
  const auto hash = digest_of(head->find("hash"));
  if (n == nullptr || !n->integer() || newest == nullptr || !newest->integer() || !hash) return kNoAudit;
  return ledger::check_audit(
      {{*n->integer(), *hash}, *newest->integer()},
      [&server](std::int64_t after, std::size_t limit) { return page_of(server, "", after, limit); }, anchor);
}

}  // namespace

int audit_show(const ServerOptions& server, const AuditOptions& options) {
  if (!options.kind.empty() && !ledger::is_audit_kind(options.kind)) {
    return wrong_use("--kind: there is no such kind; there are " + ledger::audit_kinds_text());
  }
  const std::string filter = (options.athlete.empty() ? "" : "&athlete=" + options.athlete) +
                             (options.kind.empty() ? "" : "&kind=" + options.kind);
  if (!options.athlete.empty() && !control::parse_id(control::kAthletePrefix, options.athlete)) {
    return wrong_use("--athlete is an ath_ id, as `boathouse athlete list` shows it");
  }
  std::int64_t after = options.after;
  for (auto left = static_cast<std::size_t>(options.limit); left > 0;) {
    const auto page = page_of(server, filter, after, left);
    if (!page) return fail(page.error());
    if (page->empty()) break;
    for (const AuditRecord& record : *page) print_record(record, server.json);
    after = page->back().n;
    left -= std::min(left, page->size());
  }
  return kDone;
}

int audit_verify(const ServerOptions& server, const AuditOptions& options) {
  std::optional<ledger::AuditHead> anchor;
  if (!options.anchor.empty()) {
    const auto parsed = ledger::parse_audit_head(options.anchor);
    if (!parsed) return wrong_use(parsed.error().text);
    anchor = *parsed;
  }
  const bool offline = !options.data.empty() || !options.ledger.empty();
  const auto place = sql::Place::parse(options.ledger, options.data + "/ledger.db");
  if (!place) return wrong_use(place.error().text);
  const auto found = offline ? ledger::check_audit_at(*place, anchor) : check_on_server(server, anchor);
  if (!found) return fail(found.error());
  if (server.json) {
    std::string text;
    base::JsonWriter json(text);
    json.begin_object().key("records").value(found->records).key("head").value(ledger::text_of(found->head));
    json.key("difference");
    if (found->difference) {
      json.begin_object().key("n").value(found->difference->n).key("text").value(found->difference->text).end_object();
    } else {
      json.null();
    }
    json.end_object();
    print(text + "\n");
  } else if (found->difference) {
    print("DIFFERENCE " + found->difference->text + "\n");
  } else {
    print(std::to_string(found->records) + " records, each as it was written\nanchor " + ledger::text_of(found->head) +
          "\n");
  }
  return found->difference ? kFailed : kDone;
}

}  // namespace boathouse::app
