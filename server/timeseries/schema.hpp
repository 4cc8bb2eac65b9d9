// The ClickHouse tables, derived from the metric catalogue. Raw tables (one per stream but `source`, which stays in the
// ledger) are keyed by recording; table `session` has one idempotent row a session. Forward-only migrations.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/rowing/catalogue.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::timeseries {

// True for the streams that have a table.
bool has_table(rowing::Stream stream);

// "UInt8", "UInt16" or "UInt32".
std::string_view integer_type(const rowing::Metric& metric);

// CREATE TABLE statements, in order; running them again changes nothing.
std::vector<std::string> create_statements();

// Column list of a raw table as it is written and read: key columns, metrics, points, tail.
std::vector<std::string> table_columns(rowing::Stream stream);

// Creates what is not there.
base::Status migrate(ClickHouseClient& client);

}  // namespace boathouse::timeseries
