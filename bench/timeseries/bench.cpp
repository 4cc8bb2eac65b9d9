// The time-series store in numbers: sizes of the tables, speed of the loader, latency of questions. One command a
// measurement; bench/run_timeseries runs them all against an engine of its own. Exit 0 whatever the numbers are.
#include "bench/timeseries/bench.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "core/base/hex.hpp"
#include "core/base/sha256.hpp"
#include "core/rowing/catalogue.hpp"
#include "server/ops/process.hpp"
#include "server/timeseries/native.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::bench {

using timeseries::ClickHouseClient;
using timeseries::NativeBlock;
using timeseries::NativeColumn;

void give_up(const std::string& why) {
  std::fprintf(stderr, "bench-timeseries: %s\n", why.c_str());
  std::exit(1);
}
void need(const base::Status& status) {
  if (!status) give_up(status.error().text);
}

double seconds_since(Steady::time_point begin) { return std::chrono::duration<double>(Steady::now() - begin).count(); }

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1, static_cast<std::size_t>(q * static_cast<double>(values.size())))];
}

void line(const std::string& what, double number, const char* unit, double bar, bool at_least) {
  std::printf("%-58s %12.4g %-10s", what.c_str(), number, unit);
  if (bar != 0) {
    const bool met = at_least ? number >= bar : number <= bar;
    std::printf(" %s %-6g %s", at_least ? ">=" : "<=", bar, met ? "met" : "MISSED");
  }
  std::printf("\n");
  std::fflush(stdout);
}

Options::Options(int count, char** arguments) {
  if (count % 2 != 0) give_up(std::string("no value after ") + arguments[count - 1]);
  for (int i = 2; i + 1 < count; i += 2) values_[arguments[i]] = arguments[i + 1];
}

std::string Options::text(const std::string& name, const std::string& otherwise) const {
  const auto found = values_.find("--" + name);
  return found == values_.end() ? otherwise : found->second;
}

std::uint64_t Options::number(const std::string& name, std::uint64_t otherwise) const {
  const std::string value = text(name);
  return value.empty() ? otherwise : std::strtoull(value.c_str(), nullptr, 10);
}

timeseries::Endpoint Options::endpoint() const {
  timeseries::Endpoint endpoint{text("url")};
  if (const std::string file = text("password-file"); !file.empty()) {
    std::ifstream in(file);
    std::getline(in, endpoint.password);
  }
  return endpoint;
}

ClickHouseClient patient_client(const Options& options) {
  static const base::SystemClock kClock;
  return ClickHouseClient({options.endpoint()},
                          {.call_timeout_ms = 3'600'000, .select_limit_ms = 3'500'000, .select_timeout_ms = 3'600'000},
                          kClock);
}

std::int64_t ask(ClickHouseClient& client, const std::string& sql) {
  const NativeBlock block = need(client.select("SELECT toInt64(" + sql + ") AS value"));
  return block.integer("value", 0);
}

double rows_of(ClickHouseClient& client, const std::string& table) {
  return static_cast<double>(ask(client, "(SELECT count() FROM " + table + ")"));
}

std::string session_athlete(std::uint64_t number) {
  char text[37];
  std::snprintf(text, sizeof text, "00000000-0000-7000-8000-%012llx", static_cast<unsigned long long>(number));
  return text;
}

namespace {

NativeColumn column(std::string_view name, std::string type) {
  return {std::string(name), std::move(type), {}, {}, {}, {}, {}};
}

}  // namespace

const std::vector<std::string_view> kCoreColumns = {"elapsed_cs",     "distance_dm",     "pace_cs_per_500m",
                                                    "avg_power_w",    "stroke_rate_spm", "heart_rate_bpm",
                                                    "total_calories", "drag_factor",     "rowing_state"};
const std::vector<std::string_view> kStrokeColumns = {"elapsed_cs",      "distance_dm",      "drive_length_cm",
                                                      "drive_time_cs",   "recovery_time_cs", "stroke_distance_cm",
                                                      "peak_force_dlbf", "avg_force_dlbf",   "work_per_stroke_dj",
                                                      "stroke_count",    "stroke_power_w",   "stroke_cal_per_hour"};

RowBlock::RowBlock(rowing::Stream stream, const std::vector<std::string_view>& columns) : stream_(stream) {
  block_.columns.push_back(column("athlete", "UUID"));
  block_.columns.push_back(column("started", "DateTime64(3, 'UTC')"));
  block_.columns.push_back(column("rec_id", "UUID"));
  block_.columns.push_back(column("seq", "UInt32"));
  for (const std::string_view name : columns) {
    const auto& metric = rowing::metrics(stream)[rowing::column_index(stream, name)];
    block_.columns.push_back(column(name, "Nullable(" + std::string(timeseries::integer_type(metric)) + ")"));
  }
  if (rowing::has_points(stream)) block_.columns.push_back(column("points", "Array(UInt16)"));
  block_.columns.push_back(column("ver", "UInt64"));
}

void RowBlock::add(const FleetSession& session, std::size_t seq, std::initializer_list<std::int64_t> values,
                   const std::array<std::int64_t, kCurvePoints>* points) {
  auto next = block_.columns.begin();
  (next++)->uuids.push_back(session.athlete);
  (next++)->integers.push_back(session.started_ms);
  (next++)->uuids.push_back(session.rec_id);
  (next++)->integers.push_back(static_cast<std::int64_t>(seq));
  for (const std::int64_t value : values) (next++)->integers.push_back(value);
  if (points != nullptr) (next++)->arrays.emplace_back(points->begin(), points->end());
  next->integers.push_back(1);
  ++block_.rows;
}

std::pair<std::string, base::Bytes> RowBlock::take() {
  std::string sql = "INSERT INTO " + std::string(rowing::name(stream_)) + " (";
  for (const NativeColumn& one : block_.columns) sql += (sql.ends_with('(') ? "" : ", ") + one.name;
  base::ByteWriter out;
  timeseries::write_native(out, block_);
  for (NativeColumn& one : block_.columns) one = column(one.name, one.type);
  block_.rows = 0;
  return {sql + ")", out.take()};
}

void add_sample(RowBlock& block, const FleetSession& session, std::size_t seq) {
  const Sample& s = session.samples[seq];
  block.add(session, seq,
            {s.elapsed_cs, s.distance_dm, s.pace_cs, s.power_w, s.spm, s.heart_rate_bpm, s.calories, s.drag, s.state});
}

void Inserter::send(std::pair<std::string, base::Bytes> insert) {
  if (running_.size() == connections_) wait_for_one();
  running_.push_back(std::async(std::launch::async, [this, taken = std::move(insert)] {
    need(client_.insert(taken.first, taken.second, base::to_hex(base::sha256(taken.second))));
  }));
}

void Inserter::finish() {
  while (!running_.empty()) wait_for_one();
}

void Inserter::wait_for_one() {
  running_.front().get();
  running_.pop_front();
}

namespace {

int run(int count, char** arguments) {
  const std::map<std::string, void (*)(const Options&)> commands = {{"fill", fill},
                                                                    {"bytes", bytes},
                                                                    {"layouts", layouts},
                                                                    {"sessions", sessions},
                                                                    {"queries", queries},
                                                                    {"loader", loader},
                                                                    {"ledger", ledger_of_fleet},
                                                                    {"streams", streams},
                                                                    {"csv", csv},
                                                                    {"native-blocks", native_blocks},
                                                                    {"send-blocks", send_blocks}};
  const auto found = count < 2 ? commands.end() : commands.find(arguments[1]);
  if (found == commands.end()) {
    std::fprintf(stderr, "bench-timeseries COMMAND [--NAME VALUE]...; commands:");
    for (const auto& [name, command] : commands) std::fprintf(stderr, " %s", name.c_str());
    std::fprintf(stderr, "\n");
    return 2;
  }
  found->second(Options(count, arguments));
  return 0;
}

}  // namespace
}  // namespace boathouse::bench

int main(int count, char** arguments) {
  boathouse::ops::set_kept_memory();  // as `serve`
  return boathouse::bench::run(count, arguments);
}
