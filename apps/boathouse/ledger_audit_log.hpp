// Administrative acts go into the ledger's audit.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include "server/control/audit_log.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::app {

class LedgerAuditLog final : public control::AuditLog {
 public:
  // `ledger` must outlive it; `log` gets a line when a record could not be written.
  LedgerAuditLog(ledger::Ledger& ledger, std::function<void(std::string_view)> log)
      : ledger_(ledger), log_(std::move(log)) {}

  base::Result<std::int64_t> append(const control::Act& act) override {
    auto written = ledger_.append_audit({act.kind, act.key, act.athlete, {}, act.what});
    if (!written) log_("the audit has no record of " + act.kind + " " + act.what + ": " + written.error().text);
    return written;
  }

 private:
  ledger::Ledger& ledger_;
  std::function<void(std::string_view)> log_;
};

}  // namespace boathouse::app
