// What a plan frees, in bytes and in money.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

#include "core/base/result.hpp"
#include "core/rowing/stream.hpp"
#include "server/retention/plan.hpp"
#include "server/timeseries/clickhouse_client.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::retention {

// US dollars for a gigabyte (10^9 bytes) and month. As deploy/prices.json has them, which a test compares: ClickHouse's
// disks (gp3, two replicas), the S3 of its older years (each replica's own copy) and the ledger's disk (RDS, with what
// a database needs beside the bodies). Only S3's bill becomes smaller by itself: on a disk room is freed, and the disk
// stays as large as it is.
struct Prices {
  std::string_view date;
  double clickhouse = 0;
  double clickhouse_cold = 0;
  double ledger = 0;
};
inline constexpr Prices kPrices{"2026-11-22", 2 * 0.08, 2 * 0.023, 2.71 * 0.115};

struct Freed {
  std::map<rowing::Stream, std::uint64_t> clickhouse_bytes;  // of one replica
  std::uint64_t clickhouse_total = 0;
  std::uint64_t clickhouse_cold = 0;  // of it: of years that lie in S3 on AWS
  std::uint64_t ledger_total = 0;
  double usd_a_month = 0;
};

double usd_a_month(const Freed& freed);

// A table's bytes are those of its rows on the average, as system.parts counts them now on one replica of each shard.
base::Result<Freed> freed_by(timeseries::ClickHouseClient& client, const Plan& plan,
                             const timeseries::Layout& layout = {});

}  // namespace boathouse::retention
