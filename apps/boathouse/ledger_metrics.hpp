// The numbers that are read from the ledger and from what goes on behind it when somebody asks for /metrics.
// docs/operations.md lists them. All must outlive the registry's last text().
#pragma once

#include "core/base/clock.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ops/metrics.hpp"
#include "server/timeseries/rolling_reconciler.hpp"

namespace boathouse::app {

void add_ledger_metrics(ops::Registry& registry, ledger::Ledger& ledger, base::Clock& clock);
void add_reconciler_metrics(ops::Registry& registry, const timeseries::RollingReconciler& reconciler);

}  // namespace boathouse::app
