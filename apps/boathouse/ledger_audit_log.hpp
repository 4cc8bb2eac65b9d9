// Administrative acts go into the ledger's audit.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/control/audit_log.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::app {

class LedgerAuditLog final : public control::AuditLog {
 public:
  // `ledger` must outlive it; `log` gets a line when a record could not be written.
  LedgerAuditLog(ledger::Ledger& ledger, std::function<void(std::string_view)> log)
      : ledger_(ledger), log_(std::move(log)) {}

  base::Result<std::int64_t> append(const control::Act& act) override {
    auto written = ledger_.append_audit(entry_of(act));
    if (!written) log_("the audit has no record of " + text_of(act) + ": " + written.error().text);
    return written;
  }

  base::Status append(const control::Outcome& outcome) override {
    auto written = ledger_.append_outcome(entry_of(outcome.act), outcome.intent);
    if (!written) log_("the audit has no record yet of " + text_of(outcome.act) + ": " + written.error().text);
    return written;
  }

  base::Result<std::int64_t> newest() override {
    const auto state = ledger_.audit_state();
    return state ? base::Result<std::int64_t>(state->head.n) : state.error();
  }

  base::Result<std::vector<control::Outcome>> open_intents(std::int64_t up_to) override {
    const auto records = ledger_.open_intents(up_to);
    if (!records) return records.error();
    std::vector<control::Outcome> intents;
    for (const ledger::AuditRecord& record : *records) {
      intents.push_back({record.n, {record.entry.kind, record.entry.key, record.entry.athlete, record.entry.what}});
    }
    return intents;
  }

  base::Status settle(std::int64_t up_to) override { return ledger_.settle_intents(up_to); }

 private:
  static ledger::AuditEntry entry_of(const control::Act& act) { return {act.kind, act.key, act.athlete, {}, act.what}; }
  static std::string text_of(const control::Act& act) { return act.kind + " " + act.what; }

  ledger::Ledger& ledger_;
  std::function<void(std::string_view)> log_;
};

}  // namespace boathouse::app
