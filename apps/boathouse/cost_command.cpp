#include "apps/boathouse/cost_command.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "apps/boathouse/cost_model.hpp"
#include "apps/boathouse/engine_access.hpp"
#include "apps/boathouse/folder_owner.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"
#include "core/rowing/stream.hpp"
#include "server/backup/backup.hpp"
#include "server/backup/manifest.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;

// With fewer records the block headers weigh more than the records.
constexpr std::uint64_t kEnoughRecords = 10'000;

struct GrainFound {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

struct BoxFound {
  std::map<std::string, GrainFound> ledger;      // bodies, by grain
  std::map<std::string, GrainFound> clickhouse;  // rows and what they take on the disk, by table
  std::uint64_t ledger_bytes = 0;                // its file; 0: not a file
  std::uint64_t backup_bytes = 0;                // of the whole folder
  std::optional<backup::Manifest> newest_backup = {};
  std::int64_t athletes = 0;
  double hours = 0;  // of work, as the sessions say
};

std::string shown(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string exact(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, error)) {
    bytes += entry.is_regular_file(error) ? entry.file_size(error) : 0;
  }
  return bytes;
}

base::Status measure_ledger(const sql::Place& place, BoxFound& found) {
  auto connection = sql::Connection::open(place);
  if (!connection) return connection.error();
  auto select = connection->prepare(
      "SELECT stream, CAST(sum(to_seq - from_seq) AS BIGINT), CAST(sum(size) AS BIGINT) FROM chunk GROUP BY stream");
  if (!select) return select.error();
  while (true) {
    const auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(select->integer(0)));
    if (stream) {
      found.ledger[std::string(rowing::name(*stream))] = {static_cast<std::uint64_t>(select->integer(1)),
                                                          static_cast<std::uint64_t>(select->integer(2))};
    }
  }
  auto athletes = connection->prepare("SELECT count(DISTINCT athlete) FROM recording");
  if (!athletes) return athletes.error();
  const auto row = athletes->step();
  if (!row) return row.error();
  found.athletes = athletes->integer(0);
  std::error_code error;
  if (!place.sqlite_file.empty()) found.ledger_bytes = fs::file_size(place.sqlite_file, error);
  return {};
}

// With several shards the bytes are those of the shard that is asked: what a record takes is the same on each.
base::Status measure_clickhouse(timeseries::ClickHouseClient& client, BoxFound& found) {
  const auto parts = client.select(
      "SELECT table, sum(rows) AS n, sum(bytes_on_disk) AS b FROM system.parts WHERE active AND database = "
      "currentDatabase() GROUP BY table");
  if (!parts) return parts.error();
  for (std::size_t row = 0; row < parts->rows; ++row) {
    const std::string grain(timeseries::table_of_stored(parts->find("table")->texts[row]));
    found.clickhouse[grain] = {static_cast<std::uint64_t>(parts->integer("n", row)),
                               static_cast<std::uint64_t>(parts->integer("b", row))};
  }
  if (!found.clickhouse.contains("session")) return {};
  const auto work = client.select("SELECT toUInt64(sum(ifNull(work_time_cs, 0))) AS cs FROM session FINAL");
  if (!work) return work.error();
  found.hours = static_cast<double>(work->integer("cs", 0)) / 360'000;
  return {};
}

Result<BoxFound> measure(const BackupOptions& box) {
  const fs::path data = fs::absolute(box.data);
  auto place = sql::Place::parse(box.ledger, (data / "ledger.db").string());
  if (!place) return place.error();
  place->sqlite.create = false;
  BoxFound found;
  BOATHOUSE_TRY(measure_ledger(*place, found));
  if (!box.to.empty()) {
    found.backup_bytes = bytes_below(box.to);
    const auto backups = backup::list(box.to);
    if (!backups) return backups.error();
    if (!backups->empty()) found.newest_backup = backups->front().manifest;
  }
  if (!box.clickhouse.empty()) {
    auto password = read_password(box.clickhouse_password_file);
    if (!password) return password.error();
    auto servers = clickhouse_servers(box.clickhouse, box.clickhouse_user, *password);
    if (!servers) return servers.error();
    const base::SystemClock clock;
    timeseries::ClickHouseClient client(std::move(*servers), {}, clock);
    BOATHOUSE_TRY(measure_clickhouse(client, found));
    return found;
  }
  const auto engine = EngineAccess::open(data, box.engine_binary, false);
  if (!engine) return engine.error();
  BOATHOUSE_TRY(measure_clickhouse((*engine)->client(), found));
  return found;
}

// Takes the box's own bytes for a record where there are enough of them. The grains for which there were.
std::vector<std::string> use_measured(const BoxFound& found, CostModel& model) {
  std::vector<std::string> used;
  const auto take = [&](const std::map<std::string, GrainFound>& store, BytesByGrain& bytes, const std::string& name) {
    for (auto& [grain, each] : bytes) {
      const auto measured = store.find(grain);
      if (measured == store.end() || measured->second.records < kEnoughRecords) continue;
      each = static_cast<double>(measured->second.bytes) / static_cast<double>(measured->second.records);
      used.push_back(name + ": " + grain);
    }
  };
  take(found.clickhouse, model.clickhouse, "clickhouse");
  take(found.ledger, model.ledger, "ledger");
  std::uint64_t bodies = 0;
  for (const auto& [grain, measured] : found.ledger) bodies += measured.bytes;
  constexpr std::uint64_t kEnoughBytes = std::uint64_t{1} << 20;
  if (bodies >= kEnoughBytes && found.ledger_bytes > bodies) {
    model.ledger_overhead = static_cast<double>(found.ledger_bytes) / static_cast<double>(bodies);
    used.emplace_back("ledger: all, by its bodies");
  }
  if (!found.newest_backup) return used;
  std::uint64_t segments = 0;
  std::uint64_t databases = 0;
  for (const backup::Segment& segment : found.newest_backup->segments) segments += segment.bytes;
  for (const backup::CopiedFile& file : found.newest_backup->files) databases += file.bytes;
  if (segments >= kEnoughBytes) {
    model.backups.databases = static_cast<double>(databases) / static_cast<double>(segments);
    used.emplace_back("backups: databases");
  }
  return used;
}

void put(base::JsonWriter& json, const CostModel& model, const Month& month) {
  json.begin_object().key("size").value(month.size).key("athletes").number(exact(month.athletes));
  json.key("years").number(exact(month.years)).key("hoursAWeek").number(exact(month.hours_a_week));
  json.key("clickhouseGb").number(exact(month.clickhouse_gb)).key("ledgerGb").number(exact(month.ledger_gb));
  json.key("backupsGb").number(exact(month.backups_gb)).key("fitsLedger").value(month.fits_ledger);
  json.key("usd").begin_object();
  for (const auto& [what, dollars] : month.usd) json.key(what).number(exact(dollars));
  json.end_object().key("all").number(exact(month.all));
  json.key("tiersUsd").begin_object().key("allOnGp3").number(exact(month.all_on_gp3));
  json.key("asDeployed").number(exact(month.as_deployed)).key("withoutCurves").number(exact(month.without_curves));
  json.end_object().key("bytesOfAnHour").begin_object();
  for (const auto& [store, each] : {std::pair{"clickhouse", &model.clickhouse}, std::pair{"ledger", &model.ledger}}) {
    json.key(store).begin_object();
    for (const auto& [grain, bytes] : model.of_an_hour(*each)) json.key(grain).number(exact(bytes));
    json.end_object();
  }
  json.end_object().end_object();
}

// SIZE:ATHLETES:YEARS[:HOURS]
Result<Month> asked_month(const CostModel& model, const std::string& text) {
  const Error wrong{ErrorCode::invalid_input, "`" + text + "` is not SIZE:ATHLETES:YEARS[:HOURS_A_WEEK]"};
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == ':') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  std::vector<double> numbers;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    double number = 0;
    const char* const end = parts[i].data() + parts[i].size();
    const auto [rest, error] = std::from_chars(parts[i].data(), end, number);
    if (error != std::errc() || rest != end || !(number > 0) || number > 1e9) return wrong;
    numbers.push_back(number);
  }
  if (numbers.size() != 2 && numbers.size() != 3) return wrong;
  return month_of(model, parts[0], numbers[0], numbers[1],
                  numbers.size() == 3 ? numbers[2] : model.assumed.at("hoursAWeek"));
}

Result<std::string> prices_text(const std::string& file) {
  if (file.empty()) return std::string(built_in_prices());
  std::ifstream in(file, std::ios::binary);
  if (!in) return Error{ErrorCode::invalid_input, "cannot read " + file};
  return std::string{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void print_box(const BoxFound& found, const std::vector<std::string>& used) {
  std::printf("on this box: %lld athletes, %s hours of work, ledger %s MB, backups %s MB\n",
              static_cast<long long>(found.athletes), shown(found.hours, 1).c_str(),
              shown(static_cast<double>(found.ledger_bytes) / 1e6, 1).c_str(),
              shown(static_cast<double>(found.backup_bytes) / 1e6, 1).c_str());
  std::printf("%-12s %12s %14s %14s\n", "grain", "records", "ledger B/rec", "ClickHouse B/rec");
  for (const auto& [grain, ledger] : found.ledger) {
    const auto rows = found.clickhouse.find(grain);
    const auto each = [](const GrainFound& of) {
      return of.records == 0 ? std::string("-")
                             : shown(static_cast<double>(of.bytes) / static_cast<double>(of.records), 2);
    };
    std::printf("%-12s %12llu %14s %14s\n", grain.c_str(), static_cast<unsigned long long>(ledger.records),
                each(ledger).c_str(), rows == found.clickhouse.end() ? "-" : each(rows->second).c_str());
  }
  std::printf("used below, the rest is of the prices file:");
  for (const std::string& name : used) std::printf(" [%s]", name.c_str());
  std::printf("%s\n\n", used.empty() ? " nothing, there is too little" : "");
}

void put_box(base::JsonWriter& json, const BoxFound& found, const std::vector<std::string>& used) {
  json.begin_object().key("athletes").value(found.athletes).key("hours").number(exact(found.hours));
  json.key("ledgerBytes").value(found.ledger_bytes).key("backupBytes").value(found.backup_bytes);
  for (const auto& [store, grains] : {std::pair{"ledger", &found.ledger}, std::pair{"clickhouse", &found.clickhouse}}) {
    json.key(store).begin_object();
    for (const auto& [grain, of] : *grains) {
      json.key(grain).begin_object().key("records").value(of.records).key("bytes").value(of.bytes).end_object();
    }
    json.end_object();
  }
  json.key("used").begin_array();
  for (const std::string& name : used) json.value(name);
  json.end_array().end_object();
}

}  // namespace

int cost(const CostOptions& options) {
  const auto prices = prices_text(options.prices);
  if (!prices) return wrong_use(prices.error().text);
  auto model = CostModel::parse(*prices, built_in_sizes());
  if (!model) return wrong_use(model.error().text);

  std::string text;
  base::JsonWriter json(text);
  if (!options.months.empty()) {
    json.begin_array();
    for (const std::string& asked : options.months) {
      const auto month = asked_month(*model, asked);
      if (!month) return wrong_use(month.error().text);
      put(json, *model, *month);
    }
    json.end_array();
    std::printf("%s\n", text.c_str());
    return kDone;
  }

  std::optional<BoxFound> found;
  std::vector<std::string> used;
  if (!options.box.data.empty()) {
    // Where no server runs, an engine of our own does.
    const bool starts_engine = options.box.clickhouse.empty();
    if (const auto refused = refuse_other_user({starts_engine ? options.box.data : ""})) return *refused;
    auto measured = measure(options.box);
    if (!measured) return fail(measured.error());
    found = std::move(*measured);
    used = use_measured(*found, *model);
  }
  const double athletes =
      options.athletes > 0 ? options.athletes : std::max(1.0, found ? static_cast<double>(found->athletes) : 1.0);
  const double hours = options.hours_a_week > 0 ? options.hours_a_week : model->assumed.at("hoursAWeek");
  std::vector<Month> months;
  for (int year = 1; year <= 5; ++year) {
    auto month = month_of(*model, options.size, athletes, year, hours);
    if (!month) return wrong_use(month.error().text);
    months.push_back(std::move(*month));
  }
  if (options.box.json) {
    json.begin_object().key("prices").value(model->date).key("region").value(model->region).key("measured");
    found ? put_box(json, *found, used) : static_cast<void>(json.null());
    json.key("months").begin_array();
    for (const Month& month : months) put(json, *model, month);
    json.end_array().end_object();
    std::printf("%s\n", text.c_str());
    return kDone;
  }
  if (found) print_box(*found, used);
  std::printf("%s, %s athletes, %s hours a week; prices of %s, %s\n", options.size.c_str(), shown(athletes, 0).c_str(),
              shown(hours, 1).c_str(), model->region.c_str(), model->date.c_str());
  std::printf("%-32s", "USD a month at the end of year");
  for (const Month& month : months) std::printf("%10s", shown(month.years, 0).c_str());
  const auto line = [&](const std::string& what, int digits, auto value) {
    std::printf("\n%-32s", what.c_str());
    for (const Month& month : months) std::printf("%10s", shown(value(month), digits).c_str());
  };
  for (std::size_t i = 0; i < months[0].usd.size(); ++i) {
    line(months[0].usd[i].first, 0, [i](const Month& month) { return month.usd[i].second; });
  }
  line("all", 0, [](const Month& month) { return month.all; });
  line("an athlete", 2, [&](const Month& month) { return month.all / athletes; });
  line("GB in ClickHouse, each replica", 2, [](const Month& month) { return month.clickhouse_gb; });
  line("GB in the ledger", 2, [](const Month& month) { return month.ledger_gb; });
  line("GB of backups", 2, [](const Month& month) { return month.backups_gb; });
  std::printf("\n");
  if (!months.back().fits_ledger) say("this size's database takes less than that; see deploy/aws/sizes.json");
  return kDone;
}

}  // namespace boathouse::app
