#include "bench/timeseries/bench.hpp"

#include <atomic>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/base/hex.hpp"
#include "core/base/sha256.hpp"
#include "server/query/sessions.hpp"

namespace boathouse::bench {

using rowing::Stream;
using timeseries::ClickHouseClient;
using timeseries::NativeBlock;

namespace {

// 50,000 rows a second into `sample`, a block each 250 ms, as the loader does live.
class LiveIngestion {
 public:
  explicit LiveIngestion(const Options& options) : client_(patient_client(options)), thread_([this] { run(); }) {}
  ~LiveIngestion() {
    stop_ = true;
    thread_.join();
  }
  LiveIngestion(const LiveIngestion&) = delete;
  LiveIngestion& operator=(const LiveIngestion&) = delete;
  [[nodiscard]] std::uint64_t rows() const { return rows_; }

 private:
  void run() {
    Fleet fleet(100'000'000, 77);
    FleetSession session;
    RowBlock block(Stream::sample, kCoreColumns);
    auto next = Steady::now();
    while (!stop_ && fleet.next(session)) {
      for (std::size_t i = 0; i < session.samples.size() && !stop_; ++i) {
        add_sample(block, session, i);
        if (block.rows() < 12'500) continue;
        auto [sql, body] = block.take();
        need(client_.insert(sql, body, base::to_hex(base::sha256(body))));
        rows_ += 12'500;
        next += std::chrono::milliseconds(250);
        std::this_thread::sleep_until(next);
      }
    }
  }
  ClickHouseClient client_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> rows_ = 0;
  std::thread thread_;
};

struct Question {
  std::string what;
  double bar_ms;
  std::function<void(std::uint64_t n)> ask;
};

std::vector<Question> questions(ClickHouseClient& client, const std::vector<query::RecordKey>& keys) {
  const auto key_of = [&keys](std::uint64_t n) -> const query::RecordKey& { return keys[n % keys.size()]; };
  const auto key_parameters = [key_of](std::uint64_t n) {
    const query::RecordKey& key = key_of(n);
    return timeseries::Parameters{
        {"athlete", key.athlete.text()}, {"started", std::to_string(key.started_ms)}, {"rec", key.rec_id.text()}};
  };
  static constexpr std::string_view kOfRecording =
      " WHERE athlete = {athlete:UUID} AND started = fromUnixTimestamp64Milli({started:Int64}, 'UTC') AND rec_id = "
      "{rec:UUID}";
  return {
      {"one session's samples, the nine metrics", 20,
       [&client, key_parameters](std::uint64_t n) {
         std::string columns = "seq";
         for (const std::string_view name : kCoreColumns) columns += ", " + std::string(name);
         // As query::records() asks.
         (void)need(client.select("SELECT " + columns + " FROM sample" + std::string(kOfRecording) +
                                      " ORDER BY seq LIMIT 1000000 WITH TIES SETTINGS optimize_move_to_prewhere = 0",
                                  key_parameters(n)));
       }},
      {"one session's samples, every metric", 20,
       [&client, key_of](std::uint64_t n) {
         (void)need(query::records(client, key_of(n), Stream::sample, {.limit = 1'000'000}));
       }},
      {"page of 50 sessions", 20,
       [&client](std::uint64_t n) {
         query::Scope scope;
         scope.athletes = {need(base::Uuid::parse(session_athlete(n * 7919 % kAthletesOfSessions)))};
         const NativeBlock page = need(query::session_page(client, scope, {}, std::nullopt, 50));
         if (page.rows == 0) give_up("an empty page of sessions");
       }},
      {"leaderboard of a team of 30, one season", 30,
       [&client](std::uint64_t n) {
         std::string team = "[";
         for (std::uint64_t i = 0; i < 30; ++i) {
           team += (i == 0 ? "'" : ",'") + session_athlete((n * 31 + i * 17) % kAthletesOfSessions) + "'";
         }
         const NativeBlock board = need(client.select(
             "SELECT athlete, sum(work_distance_dm) AS distance, toUInt32(count()) AS rows FROM session FINAL WHERE "
             "athlete IN {team:Array(UUID)} AND started >= {from:DateTime64(3, 'UTC')} AND started < {to:DateTime64(3, "
             "'UTC')} GROUP BY athlete ORDER BY distance DESC",
             {{"team", team + "]"}, {"from", "2024-05-01 00:00:00.000"}, {"to", "2025-05-01 00:00:00.000"}}));
         if (board.rows == 0) give_up("an empty leaderboard");
       }},
      {"chart of a session, 1,000 points", 15,
       [&client, key_parameters](std::uint64_t n) {
         (void)need(client.select(
             "SELECT arrayMap(p -> toUInt32(p.1), points) AS x, arrayMap(p -> toUInt32(p.2), points) AS y FROM (SELECT "
             "largestTriangleThreeBuckets(1000)(assumeNotNull(elapsed_cs), assumeNotNull(pace_cs_per_500m)) AS points "
             "FROM sample FINAL" +
                 std::string(kOfRecording) + ")",
             key_parameters(n)));
       }},
      {"an athlete's 30 days, from the samples", 0,
       [&client, key_parameters](std::uint64_t n) {
         (void)need(client.select(
             "SELECT rec_id, max(distance_dm) AS distance, toUInt32(avg(avg_power_w)) AS power FROM sample FINAL WHERE "
             "athlete = {athlete:UUID} AND started >= fromUnixTimestamp64Milli({started:Int64}, 'UTC') AND started < "
             "fromUnixTimestamp64Milli({started:Int64} + 2592000000, 'UTC') GROUP BY rec_id",
             key_parameters(n)));
       }},
  };
}

std::vector<double> run_question(const Question& question, std::uint64_t runs) {
  std::vector<double> ms;
  for (std::uint64_t n = 0; n < runs + 5; ++n) {
    const auto begin = Steady::now();
    question.ask(n);
    if (n >= 5) ms.push_back(seconds_since(begin) * 1e3);  // the first ones open the parts
  }
  return ms;
}

}  // namespace

void queries(const Options& options) {
  ClickHouseClient client = patient_client(options);
  const std::uint64_t runs = options.number("runs", 200);
  const NativeBlock found = need(client.select(
      "SELECT athlete, started, rec_id FROM sample WHERE seq = 0 AND cityHash64(rec_id) % 3 = 0 LIMIT 1000"));
  std::vector<query::RecordKey> keys;
  for (std::size_t i = 0; i < found.rows; ++i) {
    keys.push_back({found.find("athlete")->uuids[i], found.integer("started", i), found.find("rec_id")->uuids[i]});
  }
  if (keys.empty()) give_up("there are no samples");
  std::printf("warm, %llu runs each over one connection: %.4g M samples, %.4g M session rows, %lld parts of sample\n",
              static_cast<unsigned long long>(runs), rows_of(client, "sample") / 1e6, rows_of(client, "session") / 1e6,
              static_cast<long long>(ask(client,
                                         "(SELECT count() FROM system.parts WHERE active AND table = 'sample' AND "
                                         "database = currentDatabase())")));
  std::map<std::string, double> quiet;
  // What a loaded machine changes least.
  const auto engine_cpu_ms = [&client] {
    return static_cast<double>(
               ask(client, "(SELECT sum(value) FROM system.events WHERE event = 'OSCPUVirtualTimeMicroseconds')")) /
           1e3;
  };
  for (const Question& question : questions(client, keys)) {
    const double cpu = engine_cpu_ms();
    const auto ms = run_question(question, runs);
    line(question.what + ", CPU of the engine", (engine_cpu_ms() - cpu) / static_cast<double>(runs + 5), "ms");
    quiet[question.what] = quantile(ms, 0.99);
    line(question.what + ", p50", quantile(ms, 0.5), "ms");
    line(question.what + ", p99", quantile(ms, 0.99), "ms", question.bar_ms);
  }
  const LiveIngestion ingestion(options);
  const auto begin = Steady::now();
  for (const Question& question : questions(client, keys)) {
    const double p99 = quantile(run_question(question, runs), 0.99);
    line("while ingestion runs: " + question.what + ", p99", p99, "ms", question.bar_ms * 2);
    line("  of that without it", p99 / quiet[question.what], "x", 2);
  }
  line("rows ingested meanwhile", static_cast<double>(ingestion.rows()) / seconds_since(begin), "rows/s");
}

}  // namespace boathouse::bench
