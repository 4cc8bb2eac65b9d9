#include "apps/boathouse/cost_model.hpp"

#include <algorithm>
#include <numeric>

#include "core/base/json.hpp"

namespace boathouse::app {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonValue;

constexpr double kGb = 1e9;
constexpr int kReplicas = 2;
constexpr int kKeepers = 3;
constexpr int kNightsOnTheVolume = 3;  // two that stay, and the one that is being made
// The backup after an erasure leans on no earlier file: it writes all bodies beside those that are there still.
constexpr int kBodiesOnTheVolume = 2;
constexpr double kNightsOfAMonth = 365.0 / 12;

double sum(const BytesByGrain& parts) {
  return std::accumulate(parts.begin(), parts.end(), 0.0,
                         [](double all, const auto& part) { return all + part.second; });
}

base::Result<JsonValue> parse_file(std::string_view text, std::string_view name) {
  auto json = base::parse_json(text);
  if (!json) return json.error().within(name);
  if (json->object() == nullptr) return Error{ErrorCode::invalid_input, std::string(name) + " is no object"};
  return json;
}

const JsonValue* path(const JsonValue& value, std::initializer_list<std::string_view> keys) {
  const JsonValue* found = &value;
  for (const std::string_view key : keys) {
    found = found->find(key);
    if (found == nullptr) return nullptr;
  }
  return found;
}

std::string text_at(const JsonValue& value, std::string_view key) {
  const JsonValue* found = value.find(key);
  return found != nullptr && found->text() != nullptr ? *found->text() : "";
}

// Numbers that stand at `inner` of each member; those without one are passed over.
std::map<std::string, double> numbers(const JsonValue* object, std::initializer_list<std::string_view> inner) {
  std::map<std::string, double> all;
  if (object == nullptr || object->object() == nullptr) return all;
  for (const auto& [name, value] : *object->object()) {
    const JsonValue* found = path(value, inner);
    if (found == nullptr) continue;
    if (const auto number = found->number()) all[name] = *number;
    if (const auto flag = found->boolean()) all[name] = *flag ? 1 : 0;
  }
  return all;
}

// Looks up numbers that the formulas need; the first that is missing is remembered.
class Needed {
 public:
  double operator()(const std::map<std::string, double>& numbers, const std::string& name) {
    const auto found = numbers.find(name);
    if (found != numbers.end()) return found->second;
    if (missing_.empty()) missing_ = name;
    return 0;
  }
  [[nodiscard]] const std::string& missing() const { return missing_; }

 private:
  std::string missing_;
};

}  // namespace

base::Result<CostModel> CostModel::parse(std::string_view prices_text, std::string_view sizes_text) {
  const auto prices = parse_file(prices_text, "prices");
  if (!prices) return prices.error();
  const auto sizes = parse_file(sizes_text, "sizes");
  if (!sizes) return sizes.error();
  CostModel model;
  model.region = text_at(*prices, "region");
  model.date = text_at(*prices, "date");
  model.prices = numbers(prices->find("prices"), {"usd"});
  model.assumed = numbers(prices->find("assumed"), {});
  model.clickhouse = numbers(path(*prices, {"measured", "clickhouse"}), {"bytes"});
  model.ledger = numbers(path(*prices, {"measured", "ledger"}), {"bytes"});
  const JsonValue* overhead = path(*prices, {"measured", "ledgerOverhead", "factor"});
  const auto backups = numbers(path(*prices, {"measured", "backups"}), {"factor"});
  if (model.date.empty() || model.prices.empty() || model.clickhouse.size() != 3 || model.ledger.size() != 3 ||
      overhead == nullptr || !overhead->number() || backups.size() != 4) {
    return Error{ErrorCode::invalid_input,
                 "prices need date, prices, measured (clickhouse, ledger, ledgerOverhead, backups) and assumed, as "
                 "deploy/prices.json has them"};
  }
  Needed of_backups;
  model.backups = {of_backups(backups, "clickhouseFull"), of_backups(backups, "clickhouseIncrements"),
                   of_backups(backups, "segments"), of_backups(backups, "databases")};
  if (!of_backups.missing().empty()) {
    return Error{ErrorCode::invalid_input, "measured.backups of the prices has no `" + of_backups.missing() + "`"};
  }
  model.ledger_overhead = *overhead->number();
  for (const auto& [name, value] : *sizes->object()) {
    model.sizes[name] = numbers(&value, {});
    if (const JsonValue* least = path(value, {"serviceNodes", "min"}); least != nullptr && least->number()) {
      model.sizes[name]["serviceNodes"] = *least->number();
    }
    if (value.object() == nullptr) continue;
    for (const auto& [field, kind] : *value.object()) {
      if (kind.text() != nullptr) model.size_names[name][field] = *kind.text();
    }
  }
  return model;
}

BytesByGrain CostModel::of_an_hour(const BytesByGrain& each) const {
  BytesByGrain hour;
  for (const auto& [grain, bytes] : each) {
    const auto times = assumed.find(grain == "sample" ? "samplesAnHour" : "strokesAnHour");
    hour[grain] = times == assumed.end() ? 0 : bytes * times->second;
  }
  return hour;
}

base::Result<Month> month_of(const CostModel& model, const std::string& size_name, double athletes, double years,
                             double hours_a_week) {
  const auto found = model.sizes.find(size_name);
  if (found == model.sizes.end()) return Error{ErrorCode::invalid_input, "there is no size `" + size_name + "`"};
  Needed needed;
  const auto usd = [&](const std::string& name) { return needed(model.prices, name); };
  const auto assumed = [&](const std::string& name) { return needed(model.assumed, name); };
  const auto size = [&](const std::string& name) { return needed(found->second, name); };
  const auto always = [&](const std::string& name) { return usd(name) * assumed("hoursOfAMonth"); };
  const auto machine = [&](const std::string& field) {
    const auto& names = model.size_names.at(size_name);
    const auto kind = names.find(field);
    return kind == names.end() ? field : kind->second;
  };

  const BytesByGrain clickhouse = model.of_an_hour(model.clickhouse);
  const double hours_a_year = athletes * hours_a_week * 52;
  const double clickhouse_a_year = sum(clickhouse) * hours_a_year / kGb;
  const double bodies_a_year = sum(model.of_an_hour(model.ledger)) * hours_a_year / kGb;
  // This year's and the last one's parts lie on gp3, older ones in S3, each replica's own copy.
  const double hot_gb = clickhouse_a_year * std::min(years, 2.0);
  const double cold_gb = clickhouse_a_year * std::max(years - 2, 0.0);
  const double volume_gb = std::max(size("clickhouseVolumeGb"), hot_gb / assumed("diskFullAt"));
  const BackupFactors& backups = model.backups;
  const double backup_volume_gb = std::max(
      size("backupVolumeGb"), bodies_a_year * years *
                                  (kBodiesOnTheVolume * backups.segments + kNightsOnTheVolume * backups.databases) /
                                  assumed("diskFullAt"));
  const double machines = kReplicas + kKeepers + 1 + size("serviceNodes");
  const double copies = size("ledgerMultiAz") != 0 ? 2 : 1;

  Month month{size_name, athletes, years, hours_a_week};
  month.clickhouse_gb = clickhouse_a_year * years;
  month.ledger_gb = bodies_a_year * model.ledger_overhead * years;
  month.backups_gb =
      assumed("clickhouseWeeksKept") * (clickhouse_a_year * years * backups.clickhouse_full +
                                        clickhouse_a_year / 52 * backups.clickhouse_increments) +
      bodies_a_year * years *
          (assumed("ledgerWeeksKept") * backups.segments + assumed("ledgerNightsKept") * backups.databases);
  const double ledger_volume_gb = std::max(size("ledgerStorageGb"), month.ledger_gb / assumed("diskFullAt"));
  month.fits_ledger = ledger_volume_gb <= size("ledgerStorageMaxGb");
  const double sent_gb = bodies_a_year / 12 * assumed("readsOfAStoredByte");
  // Each night's backup reads the databases, and the ledger may serve from another zone than that where backups are
  // made.
  const double backups_between_zones_gb = kNightsOfAMonth * bodies_a_year * years * backups.databases;
  month.usd = {
      {"ClickHouse, Keepers: machines",
       kReplicas * always(machine("clickhouseInstance")) + kKeepers * always(machine("keeperInstance"))},
      {"service, Prometheus: machines",
       size("serviceNodes") * always(machine("serviceInstance")) + always(machine("monitorInstance"))},
      {"ledger: machine", copies * always("db." + machine("ledgerInstance"))},
      {"ledger: storage", copies * ledger_volume_gb * usd("rds-gp3")},
      {"ClickHouse: storage",
       (kReplicas * volume_gb + kKeepers * size("keeperVolumeGb") + machines * assumed("rootDiskGb")) * usd("gp3") +
           kReplicas * cold_gb * usd("s3")},
      {"backups", month.backups_gb * usd("s3") + backup_volume_gb * usd("gp3")},
      {"network", size("natGateways") * always("nat") + assumed("updatesThroughNatGb") * usd("nat-gb") +
                      always("load-balancer") + always("load-balancer-unit") +
                      (2 + size("natGateways")) * always("public-ipv4") + sent_gb * usd("out-gb") +
                      ((clickhouse_a_year + bodies_a_year) / 12 + backups_between_zones_gb) * usd("between-zones-gb")},
      {"keys, secrets, alarms, logs", 2 * usd("key") + 6 * usd("secret") + 17 * usd("alarm") + 2 * usd("zone") +
                                          assumed("logsGb") * usd("logs-gb") +
                                          (machines * assumed("detailedMetricsOfAMachine") + 1) * usd("metric")}};
  for (const auto& [what, dollars] : month.usd) month.all += dollars;
  month.all_on_gp3 = kReplicas * month.clickhouse_gb * usd("gp3");
  month.as_deployed = kReplicas * (hot_gb * usd("gp3") + cold_gb * usd("s3"));
  const double curves = sum(clickhouse) == 0 ? 0 : clickhouse.at("force_curve") / sum(clickhouse);
  month.without_curves = (1 - curves) * month.as_deployed;
  if (!needed.missing().empty()) {
    return Error{ErrorCode::invalid_input, "the prices or the sizes have no `" + needed.missing() + "`"};
  }
  return month;
}

}  // namespace boathouse::app
