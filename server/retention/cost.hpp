// What a plan frees, in bytes and in money.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "core/base/result.hpp"
#include "core/rowing/stream.hpp"
#include "server/retention/plan.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::retention {

// US dollars for a gigabyte (10^9 bytes) and month. As deploy/prices.json has them, which a test compares: ClickHouse's
// disks (gp3, two replicas) and the ledger's (RDS, with what a database needs beside the bodies).
struct Prices {
  std::string_view date;
  double clickhouse = 0;
  double ledger = 0;
};
inline constexpr Prices kPrices{"2026-11-22", 2 * 0.08, 1.58 * 0.115};

struct Freed {
  std::map<rowing::Stream, std::uint64_t> clickhouse_bytes;  // of one replica
  std::uint64_t clickhouse_total = 0;
  std::uint64_t ledger_total = 0;
  double usd_a_month = 0;
};

// A table's bytes are those of its rows on the average, as system.parts counts them now.
base::Result<Freed> freed_by(timeseries::ClickHouseClient& client, const Plan& plan);

}  // namespace boathouse::retention
