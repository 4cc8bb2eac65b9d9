// What a month costs on AWS: from bytes that were measured, the prices of deploy/prices.json and the sizes of
// deploy/aws/sizes.json. The one place where it is reckoned: docs/cost.md and `boathouse cost` both ask here. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"

namespace boathouse::app {

// As they were when this program was built.
std::string_view built_in_prices();
std::string_view built_in_sizes();

// Of each record of a grain, on the disk. Grains: "sample", "stroke", "force_curve".
using BytesByGrain = std::map<std::string, double>;

// What backups take, each by something that is known of any size.
struct BackupFactors {
  double clickhouse_full = 1;        // a full copy, by what ClickHouse's parts take
  double clickhouse_increments = 0;  // a week's six increments together, by what ClickHouse gains in the week
  double segments = 1;               // by the bodies in them; each week anew
  double databases = 0;              // of one night's backup, by all bodies
};

struct CostModel {
  std::string region;
  std::string date;                       // of the prices
  std::map<std::string, double> prices;   // USD
  std::map<std::string, double> assumed;  // numbers of prices.json
  BytesByGrain clickhouse;
  BytesByGrain ledger;         // bodies alone
  double ledger_overhead = 1;  // all of the ledger by its bodies
  BackupFactors backups;
  std::map<std::string, std::map<std::string, double>> sizes;            // numbers; a flag is 0 or 1
  std::map<std::string, std::map<std::string, std::string>> size_names;  // kinds of machines

  // invalid_input says which of the two lacks what.
  static base::Result<CostModel> parse(std::string_view prices, std::string_view sizes);

  // Bytes of an athlete's hour.
  [[nodiscard]] BytesByGrain of_an_hour(const BytesByGrain& each) const;
};

struct Month {
  std::string size;
  double athletes = 0;
  double years = 0;  // after the first athlete
  double hours_a_week = 0;
  double clickhouse_gb = 0;  // each replica
  double ledger_gb = 0;
  double backups_gb = 0;
  bool fits_ledger = true;                               // a database of this size takes so much
  std::vector<std::pair<std::string, double>> usd = {};  // by what it is for
  double all = 0;
  // ClickHouse's storage on both replicas, by where its parts lie.
  double all_on_gp3 = 0;
  double as_deployed = 0;  // this year and the last one on gp3, the rest in S3
  double without_curves = 0;
};

// invalid_input: no such size; a price that is missing.
base::Result<Month> month_of(const CostModel& model, const std::string& size, double athletes, double years,
                             double hours_a_week);

}  // namespace boathouse::app
