#include "server/retention/cost.hpp"

#include <cmath>
#include <string>

#include "server/timeseries/schema.hpp"

namespace boathouse::retention {
namespace {

constexpr double kGigabyte = 1e9;

}  // namespace

base::Result<Freed> freed_by(timeseries::ClickHouseClient& client, const Plan& plan) {
  Freed freed;
  for (const auto& [stream, amount] : plan.streams) {
    freed.ledger_total += amount.ledger_bytes;
    if (!timeseries::has_table(stream)) continue;
    const auto parts = client.select(
        "SELECT sum(rows) AS n, sum(bytes_on_disk) AS bytes FROM system.parts "
        "WHERE active AND database = currentDatabase() AND table = {table:String}",
        {{"table", std::string(rowing::name(stream))}});
    if (!parts) return parts.error();
    const std::int64_t rows = parts->rows == 1 ? parts->integer("n", 0) : 0;
    if (rows <= 0) continue;
    const double a_row = static_cast<double>(parts->integer("bytes", 0)) / static_cast<double>(rows);
    const auto bytes = static_cast<std::uint64_t>(std::llround(a_row * static_cast<double>(amount.records)));
    freed.clickhouse_bytes[stream] = bytes;
    freed.clickhouse_total += bytes;
  }
  freed.usd_a_month = static_cast<double>(freed.clickhouse_total) / kGigabyte * kPrices.clickhouse +
                      static_cast<double>(freed.ledger_total) / kGigabyte * kPrices.ledger;
  return freed;
}

}  // namespace boathouse::retention
