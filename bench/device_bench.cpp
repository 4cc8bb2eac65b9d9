// The device's promises in numbers: one table, each row with its baseline of the same run and its target.
// See --help. Needs 5 GB free in the folder for temporary files (TMPDIR) but for --hour-only. Exit 0 whatever the
// numbers are.
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/sha256.hpp"
#include "core/db/sqlite.hpp"
#include "core/pm5/simulated_monitor.hpp"
#include "core/rowing/catalogue.hpp"
#include "device/store/recorder.hpp"
#include "device/store/store.hpp"
#include "device/transport/sync_runner.hpp"

namespace {
std::atomic<std::uint64_t> syncs{0};
}
// In the C library's place, so that what reaches the disk is counted, not guessed. A commit is one call.
extern "C" int fdatasync(int file) {
  ++syncs;
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}
extern "C" int fsync(int file) {
  ++syncs;
  return static_cast<int>(::syscall(SYS_fsync, file));
}

namespace boathouse {
namespace {

namespace fs = std::filesystem;
using rowing::Stream;

constexpr Stream kStreams[] = {Stream::sample, Stream::stroke,  Stream::force_curve,
                               Stream::split,  Stream::summary, Stream::event};
constexpr double kHourSeconds = 3600;

// A benchmark without its data is none.
template <typename T>
T need(base::Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "bench-device: %s\n", result.error().text.c_str());
    std::exit(1);
  }
  return std::move(*result);
}
void need(const base::Status& status) {
  if (status) return;
  std::fprintf(stderr, "bench-device: %s\n", status.error().text.c_str());
  std::exit(1);
}

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "boathouse-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      need(base::Status(base::Error{base::ErrorCode::io, "mkdtemp " + pattern}));
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] double bytes() const {
    double sum = 0;
    for (const auto& entry : fs::directory_iterator(path_)) sum += static_cast<double>(entry.file_size());
    return sum;
  }

 private:
  std::string path_;
};

struct Bench {
  base::SystemClock clock;
  base::SystemRandom random;
  base::UuidV7Source ids{clock, random};
  Folder hour;  // one hour at 10 Hz
  base::Uuid rec_id;
  std::vector<std::vector<rowing::Record>> records;  // its own, by kStreams
  std::vector<rowing::Record> samples;
  // Of saving the hour, the file of an empty store included, and of sending it.
  double save_s = 0;
  double save_cpu_s = 0;
  double disk_bytes = 0;
  std::uint64_t save_syncs = 0;
  double send_s = 0;
  double send_requests = 0;

  store::Store open(const Folder& folder) { return need(store::Store::open(folder.path(), ids, random)); }
  base::Uuid begin(store::Store& store) {
    rowing::Birth birth;
    birth.rec_id = ids.next();
    birth.started_ms = clock.utc_ms();
    birth.origin = rowing::Origin::simulated;
    need(store.begin(birth, ""));
    return birth.rec_id;
  }
};

void heading() {
  std::printf("%-38s %12s %12s  %-34s %8s  %-10s %s\n", "what", "number", "baseline", "which", "ratio", "target", "");
}
void row(const char* what, double number, double baseline, const char* which, const char* target, bool met) {
  std::printf("%-38s %12.5g %12.5g  %-34s %8.3g  %-10s %s\n", what, number, baseline, which, number / baseline, target,
              met ? "met" : "MISSED");
  std::fflush(stdout);
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}
double wall_ms(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}
double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void record_hour(Bench& bench) {
  pm5::SimulationOptions options;
  options.sample_hz = 10;
  options.keep_samples = false;
  options.rower.has_belt = false;
  auto monitor = need(pm5::SimulatedMonitor::create(pm5::sample_workout(5, 360'000), options));
  std::vector<pm5::TimedNotification> air;
  for (pm5::TimedNotification one; monitor.next(one);) air.push_back(one);

  Folder empty;
  { auto store = bench.open(empty); }
  auto store = bench.open(bench.hour);
  store::Recorder recorder(store, bench.clock, bench.ids, {});
  const double cpu = cpu_seconds();
  const std::uint64_t before = syncs;
  const double ms = wall_ms([&] {
    for (const auto& one : air) need(recorder.feed(one.characteristic, one.payload, one.at_ms));
    need(recorder.stop(rowing::EndReason::end_of_input));
  });
  const double seconds = static_cast<double>(air.back().at_ms - air.front().at_ms) / 1000;
  bench.rec_id = recorder.recordings().at(0);
  bench.save_cpu_s = cpu_seconds() - cpu;
  bench.save_s = ms / 1e3;
  const double used = bench.save_cpu_s / seconds;
  row("CPU seconds a recorded second, 10 Hz", used, 1, "a core", "< 0.01", used < 0.01);
  const double commits = static_cast<double>(syncs - before) / seconds;
  double count = 0;
  for (const Stream stream : kStreams) {
    auto& records = bench.records.emplace_back(need(store.records(bench.rec_id, stream, 0, 1'000'000)));
    count += static_cast<double>(records.size());
  }
  row("fsyncs a recorded second", commits, count / seconds, "one a record", "< 2", commits < 2);
  bench.samples = bench.records[0];
  { auto closing = std::move(store); }  // a checkpoint
  const double size = (bench.hour.bytes() - empty.bytes()) / 1e6;
  bench.disk_bytes = bench.hour.bytes();
  bench.save_syncs = syncs - before;
  row("MB on disk an hour", size, empty.bytes() / 1e6, "an empty store", "< 1", size < 1);
}

// What an app without chunks would write: a table a stream, a typed column a metric, in one transaction.
void compare_with_rows(Bench& bench) {
  Folder folder;
  Folder empty;
  { auto store = bench.open(empty); }
  {
    auto db = need(db::Connection::open(folder.path() + "/rows.db"));
    auto transaction = need(db::Transaction::begin(db));
    for (std::size_t s = 0; s < std::size(kStreams); ++s) {
      const std::string table(rowing::name(kStreams[s]));
      const auto metrics = rowing::metrics(kStreams[s]);
      std::string sql = "CREATE TABLE " + table + "(seq INTEGER PRIMARY KEY";
      for (const auto& metric : metrics) sql.append(", \"").append(metric.column).append("\" INTEGER");
      need(db.execute(sql + ", points BLOB, bytes BLOB) STRICT"));
      std::string marks = "?1";
      for (std::size_t i = 2; i <= metrics.size() + 3; ++i) marks += ",?" + std::to_string(i);
      auto insert = need(db.prepare("INSERT INTO " + table + " VALUES(" + marks + ")"));
      for (std::size_t seq = 0; seq < bench.records[s].size(); ++seq) {
        const rowing::Record& record = bench.records[s][seq];
        int at = 1;
        insert.bind(at++, seq);
        for (const std::int64_t value : record.values) {
          if (value == rowing::kNull) {
            insert.bind(at++, nullptr);
          } else {
            insert.bind(at++, value);
          }
        }
        base::Bytes points;
        for (const std::int64_t point : record.points) {
          points.push_back(static_cast<std::uint8_t>(point & 0xff));
          points.push_back(static_cast<std::uint8_t>(point >> 8 & 0xff));
        }
        insert.bind(at++, base::ByteView(points));
        insert.bind(at, base::as_bytes(record.bytes));
        need(insert.run());
      }
    }
    need(transaction.commit());
  }
  const double chunks = bench.hour.bytes() - empty.bytes();
  const double rows = folder.bytes();
  row("bytes an hour in chunks", chunks, rows, "one SQLite row a record", "< 1/4", chunks * 4 < rows);
}

void append_to_large(Bench& bench) {
  Folder large_folder;
  Folder small_folder;
  if (fs::space(large_folder.path()).available < std::uintmax_t{5'000'000'000}) {
    std::printf("%-38s skipped: less than 5 GB free in %s\n", "append to 2 GB", large_folder.path().c_str());
    return;
  }
  auto large = bench.open(large_folder);
  auto small = bench.open(small_folder);
  base::SeededRandom noise(1);
  for (std::uint8_t file = 0; file < 32; ++file) {
    base::Digest name{};
    name[0] = file;
    auto import = need(large.begin_import(name));
    rowing::Birth birth;
    birth.rec_id = bench.ids.next();
    birth.started_ms = 1'700'000'000'000 + file * std::int64_t{86'400'000};
    birth.origin = rowing::Origin::import;
    birth.source_sha256 = name;
    need(import.begin(birth, ""));
    for (int block = 0; block < 1024; ++block) {
      rowing::Record record;
      record.stream = Stream::source;
      record.values.assign(rowing::metrics(Stream::source).size(), rowing::kNull);
      record.bytes.resize(65'536);
      noise.fill({reinterpret_cast<std::uint8_t*>(record.bytes.data()), record.bytes.size()});
      need(import.append(std::move(record)));
    }
    need(import.commit());
  }
  const base::Uuid in_large = bench.begin(large);
  const base::Uuid in_small = bench.begin(small);
  std::vector<double> large_ms;
  std::vector<double> small_ms;
  for (std::size_t i = 0; i < 400; ++i) {
    const std::span<const rowing::Record> group(bench.samples.data() + i * 10, 10);
    small_ms.push_back(wall_ms([&] { need(small.append(in_small, group)); }));
    large_ms.push_back(wall_ms([&] { need(large.append(in_large, group)); }));
  }
  const double a = median(large_ms);
  const double b = median(small_ms);
  row("ms to append 10 to a 2 GB store", a, b, "to an empty store", "< 1.25x", a < b * 1.25);
}

void open_many_sessions(Bench& bench) {
  Folder folder;
  {
    auto store = bench.open(folder);
    auto import = need(store.begin_import(base::Digest{}));
    for (std::int64_t i = 0; i < 5000; ++i) {
      rowing::Birth birth;
      birth.rec_id = bench.ids.next();
      birth.started_ms = 1'500'000'000'000 + i * 43'200'000;
      birth.origin = rowing::Origin::import;
      birth.source_sha256 = base::Digest{};
      need(import.begin(birth, ""));
      for (std::size_t n = 0; n < 20; ++n) need(import.append(bench.samples[n]));
    }
    need(import.commit());
  }
  std::vector<double> many;
  std::vector<double> fresh;
  for (int i = 0; i < 15; ++i) {
    Folder empty;
    fresh.push_back(wall_ms([&] { need(bench.open(empty).status()); }));
    many.push_back(wall_ms([&] { need(bench.open(folder).status()); }));
  }
  const double a = median(many);
  row("ms to open 5000 sessions and ask status", a, median(fresh), "a new store", "< 50", a < 50);
}

void count_requests(Bench& bench, const std::string& server, const std::string& key) {
  if (server.empty()) {
    std::printf("%-38s skipped: no --server URL --key KEY (bench/run_device gives them)\n",
                "requests an hour's session");
    return;
  }
  auto store = bench.open(bench.hour);
  transport::SyncRunnerOptions options;
  options.server = server;
  options.key = key;
  auto runner = need(transport::SyncRunner::create(store, bench.clock, bench.random, options));
  sync::Status status;
  const double ms = wall_ms([&] { status = runner.drain(); });
  const double requests = static_cast<double>(status.requests);
  bench.send_s = ms / 1e3;
  bench.send_requests = requests;
  const bool done = status.state == sync::State::up_to_date && status.verified_recordings == 1;
  double items = static_cast<double>(status.stored_items);
  row("requests to upload and verify the hour", requests, items, "one an item", "<= 5", done && requests <= 5);
  std::printf("    (%.0f ms, %.0f kB of request bodies, %s)\n", ms, static_cast<double>(status.sent_bytes) / 1e3,
              std::string(sync::name(status.state)).c_str());
}

void write_hour(const Bench& bench, const std::string& file) {
  std::ofstream out(file);
  for (std::size_t s = 0; s < std::size(kStreams); ++s) {
    const auto metrics = rowing::metrics(kStreams[s]);
    for (const rowing::Record& record : bench.records[s]) {
      std::string line;
      base::JsonWriter json(line);
      json.begin_object().key("stream").value(rowing::name(kStreams[s]));
      for (std::size_t i = 0; i < metrics.size(); ++i) {
        if (record.values[i] != rowing::kNull) json.key(metrics[i].column).value(record.values[i]);
      }
      if (!record.points.empty()) {
        json.key("points").begin_array();
        for (const std::int64_t point : record.points) json.value(point);
        json.end_array();
      }
      json.end_object();
      out << line << '\n';
    }
  }
}

}  // namespace
}  // namespace boathouse

namespace {

// For bench/run_device, which puts them beside a peer's.
void write_numbers(const boathouse::Bench& bench, const std::string& file) {
  std::ofstream out(file);
  out << "save_s " << bench.save_s << "\nsave_cpu_s " << bench.save_cpu_s << "\ndisk_bytes " << bench.disk_bytes
      << "\nsave_syncs " << bench.save_syncs << "\nsend_s " << bench.send_s << "\nrequests " << bench.send_requests
      << "\n";
}

constexpr const char* kUsage =
    "bench-device [--server URL --key KEY] [--hour FILE] [--numbers FILE] [--hour-only]\n"
    "  --server, --key  a running boathouse serve, for the row of requests\n"
    "  --hour           the hour's records as JSON lines, for other programs\n"
    "  --numbers        of saving and sending the hour, one a line\n"
    "  --hour-only      without the rows that need gigabytes or thousands of sessions\n";

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> given;
  bool hour_only = false;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const bool takes_value = name == "--server" || name == "--key" || name == "--hour" || name == "--numbers";
    if (name == "--hour-only") {
      hour_only = true;
    } else if (takes_value && i + 1 < argc) {
      given[name] = argv[++i];
    } else {
      const bool asked = name == "--help";
      std::fputs(kUsage, asked ? stdout : stderr);
      return asked ? 0 : 2;
    }
  }
  boathouse::Bench bench;
  boathouse::heading();
  boathouse::record_hour(bench);
  boathouse::compare_with_rows(bench);
  if (!hour_only) boathouse::open_many_sessions(bench);
  boathouse::count_requests(bench, given["--server"], given["--key"]);
  if (!hour_only) boathouse::append_to_large(bench);
  if (given.contains("--hour")) boathouse::write_hour(bench, given["--hour"]);
  if (given.contains("--numbers")) write_numbers(bench, given["--numbers"]);
  return 0;
}
