// The session rows: one idempotent summary of each recording, computed from what ClickHouse holds of it and from the
// ledger's facts. Running it again for the same state writes the same row.
#pragma once

#include <span>

#include "core/base/result.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::timeseries {

// Totals: from the monitor's own summary record (the newest) where there is one, else derived from samples: per
// interval the largest elapsed time and distance outside of rests, added up. Average pace = 500 m * time / distance;
// average power from average pace (core/rowing/formulas.hpp), as the monitor does.
// Some hundred recordings at a time cost about as much as one.
base::Status write_sessions(ClickHouseClient& client, std::span<const ledger::RecordingState> recordings);

}  // namespace boathouse::timeseries
