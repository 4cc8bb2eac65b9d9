// The numbers that are read from the ledger and from what goes on behind it when somebody asks for /metrics.
// docs/operations.md lists them. All must outlive the registry's last text().
#pragma once

#include <functional>

#include "core/base/clock.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ops/metrics.hpp"
#include "server/timeseries/rolling_reconciler.hpp"

namespace boathouse::app {

void add_ledger_metrics(ops::Registry& registry, ledger::Ledger& ledger, base::Clock& clock);
// `leads`: whether this node is the one that reconciles now.
void add_reconciler_metrics(ops::Registry& registry, const timeseries::RollingReconciler& reconciler,
                            std::function<bool()> leads);

}  // namespace boathouse::app
