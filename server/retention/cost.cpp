#include "server/retention/cost.hpp"

#include <cmath>
#include <string>

namespace boathouse::retention {
namespace {

constexpr double kGigabyte = 1e9;

}  // namespace

double usd_a_month(const Freed& freed) {
  const auto gigabytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / kGigabyte; };
  return gigabytes(freed.clickhouse_total - freed.clickhouse_cold) * kPrices.clickhouse +
         gigabytes(freed.clickhouse_cold) * kPrices.clickhouse_cold + gigabytes(freed.ledger_total) * kPrices.ledger;
}

base::Result<Freed> freed_by(timeseries::ClickHouseClient& client, const Plan& plan, const timeseries::Layout& layout) {
  Freed freed;
  for (const auto& [stream, amount] : plan.streams) {
    freed.ledger_total += amount.ledger_bytes;
    if (!timeseries::has_table(stream)) continue;
    const auto parts = client.select("SELECT sum(rows) AS n, sum(bytes_on_disk) AS bytes FROM " +
                                         timeseries::on_each_shard("system.parts", layout) +
                                         " WHERE active AND database = currentDatabase() AND table = {table:String}",
                                     {{"table", timeseries::stored_table(rowing::name(stream), layout)}});
    if (!parts) return parts.error();
    const std::int64_t rows = parts->rows == 1 ? parts->integer("n", 0) : 0;
    if (rows <= 0) continue;
    const double a_row = static_cast<double>(parts->integer("bytes", 0)) / static_cast<double>(rows);
    const auto bytes = static_cast<std::uint64_t>(std::llround(a_row * static_cast<double>(amount.records)));
    freed.clickhouse_bytes[stream] = bytes;
    freed.clickhouse_total += bytes;
    if (const auto cold = plan.cold_records.find(stream); cold != plan.cold_records.end()) {
      freed.clickhouse_cold += static_cast<std::uint64_t>(std::llround(a_row * static_cast<double>(cold->second)));
    }
  }
  freed.usd_a_month = usd_a_month(freed);
  return freed;
}

}  // namespace boathouse::retention
