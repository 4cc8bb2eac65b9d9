#include "bench/timeseries/bench.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/sha256.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/record.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/facts.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/blocks.hpp"
#include "server/timeseries/loader.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::bench {

namespace fs = std::filesystem;
using rowing::kNull;
using rowing::Stream;
using timeseries::ClickHouseClient;

ledger::Entry birth_of(const FleetSession& session) {
  rowing::Birth birth;
  birth.rec_id = session.rec_id;
  birth.started_ms = session.started_ms;
  birth.origin = rowing::Origin::simulated;
  const std::string json = wire::encode_birth(birth);
  ledger::Entry entry;
  entry.kind = wire::ItemKind::birth;
  entry.rec_id = birth.rec_id;
  entry.started_ms = birth.started_ms;
  entry.body.assign(json.begin(), json.end());
  entry.sha256 = base::sha256(entry.body);
  return entry;
}

void submit(ledger::Ledger& ledger, ledger::Submission submission) {
  std::promise<std::string> done;
  ledger.submit(std::move(submission),
                [&done](const auto& results) { done.set_value(results ? "" : results.error().text); });
  if (const std::string why = done.get_future().get(); !why.empty()) give_up(why);
}

namespace {

class TemporaryLedger {
 public:
  explicit TemporaryLedger(const Options& options)
      : folder_(fs::path(options.text("work", fs::temp_directory_path())) / "bench-ledger") {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    ledger::Ledger::Options how;
    how.place.sqlite_file = folder_ / "ledger.db";
    how.max_queued_bytes = std::size_t{256} << 20;
    how.max_queued_bytes_of_a_key = how.max_queued_bytes;
    ledger_ = need(ledger::Ledger::open(how, clock_, random_));
  }
  ~TemporaryLedger() {
    ledger_.reset();
    fs::remove_all(folder_);
  }
  TemporaryLedger(const TemporaryLedger&) = delete;
  TemporaryLedger& operator=(const TemporaryLedger&) = delete;
  ledger::Ledger* operator->() { return ledger_.get(); }
  ledger::Ledger& operator*() { return *ledger_; }
  [[nodiscard]] const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  std::unique_ptr<ledger::Ledger> ledger_;
};

ledger::Entry chunk_of(const FleetSession& session, std::size_t from, std::size_t to) {
  static const std::vector<std::size_t> kPlaces = [] {
    std::vector<std::size_t> places;
    for (const std::string_view name : kCoreColumns) places.push_back(rowing::column_index(Stream::sample, name));
    return places;
  }();
  std::vector<rowing::Record> records(to - from);
  for (std::size_t i = from; i < to; ++i) {
    const Sample& s = session.samples[i];
    auto& values = records[i - from].values;
    values.assign(rowing::metrics(Stream::sample).size(), kNull);
    const std::array<std::int64_t, 9> nine_values = {s.elapsed_cs,     s.distance_dm, s.pace_cs, s.power_w, s.spm,
                                                     s.heart_rate_bpm, s.calories,    s.drag,    s.state};
    for (std::size_t m = 0; m < kPlaces.size(); ++m) values[kPlaces[m]] = nine_values[m];
    values[0] = s.elapsed_cs * 10;
  }
  const auto chunk = need(wire::seal_chunk(Stream::sample, from, records));
  ledger::Entry entry;
  entry.rec_id = session.rec_id;
  entry.from = from;
  entry.to = chunk.to;
  entry.version = chunk.version;
  entry.sha256 = chunk.sha256;
  entry.body = chunk.body;
  return entry;
}

// The rows of all blocks that wait, as the loader will send them: one file a block, so that 30 M rows need no memory.
struct Spooled {
  std::string sql;
  std::string token;
  fs::path file;
  std::uint64_t rows = 0;
};
std::vector<Spooled> spool(TemporaryLedger& ledger, const timeseries::Loader::Options& how, const fs::path& folder) {
  fs::create_directories(folder);
  std::vector<Spooled> blocks;
  for (std::int64_t after = 0;;) {
    const auto block = need(ledger->next_block(how.max_block_records, how.max_block_bytes, after));
    if (!block) return blocks;
    after = block->block_id;
    const auto insert = need(timeseries::make_insert(*block));
    const fs::path file = folder / std::to_string(after);
    const base::Bytes native = insert.joined();
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(native.data()), static_cast<std::streamsize>(native.size()));
    blocks.push_back({insert.sql, block->token, file, insert.rows});
  }
}

base::Bytes body_of(const Spooled& block) {
  std::ifstream in(block.file, std::ios::binary);
  base::Bytes body(fs::file_size(block.file));
  in.read(reinterpret_cast<char*>(body.data()), static_cast<std::streamsize>(body.size()));
  if (!in) give_up("a spooled block cannot be read");
  return body;
}

// Seconds that the inserts alone take: the bodies are in memory before the clock runs, as the loader's own are, up to
// so many bytes at a time. `begin` is called before the first.
template <typename Begin>
double insert_raw(ClickHouseClient& client, const std::vector<Spooled>& blocks, std::size_t connections, Begin begin) {
  constexpr std::size_t kAtOnce = std::size_t{4} << 30;
  double seconds = 0;
  for (std::size_t from = 0; from < blocks.size();) {
    std::vector<base::Bytes> bodies;
    for (std::size_t bytes = 0; from + bodies.size() < blocks.size() && bytes < kAtOnce;) {
      bodies.push_back(body_of(blocks[from + bodies.size()]));
      bytes += bodies.back().size();
    }
    if (from == 0) begin();
    const auto started = Steady::now();
    std::atomic<std::size_t> next = 0;
    std::vector<std::thread> senders;
    for (std::size_t c = 0; c < connections; ++c) {
      senders.emplace_back([&] {
        for (std::size_t i = next++; i < bodies.size(); i = next++) {
          need(client.insert(blocks[from + i].sql, bodies[i], blocks[from + i].token));
        }
      });
    }
    for (std::thread& sender : senders) sender.join();
    seconds += seconds_since(started);
    from += bodies.size();
  }
  return seconds;
}

}  // namespace

void loader(const Options& options) {
  rusage before{};
  double engine_before = 0;
  ClickHouseClient client = patient_client(options);
  need(timeseries::migrate(client));
  const std::uint64_t wanted = options.number("samples", 30'000'000);
  const std::size_t chunk = options.number("chunk", 256);
  timeseries::Loader::Options how;
  how.max_block_records = options.number("block", how.max_block_records);
  how.inserts_in_flight = options.number("connections", how.inserts_in_flight);
  TemporaryLedger ledger(options);

  auto begin = Steady::now();
  Fleet fleet(wanted);
  FleetSession session;
  std::uint64_t rows = 0;
  while (fleet.next(session)) {
    ledger::Submission submission;
    submission.athlete = session.athlete;
    submission.entries.push_back(birth_of(session));
    for (std::size_t from = 0; from < session.samples.size(); from += chunk) {
      submission.entries.push_back(chunk_of(session, from, std::min(from + chunk, session.samples.size())));
    }
    rows += session.samples.size();
    submit(*ledger, std::move(submission));
  }
  std::printf(
      "%.4g M samples in chunks of %zu sealed and committed to the ledger in %.1f s; blocks of %llu rows, %zu in "
      "flight\n",
      static_cast<double>(rows) / 1e6, chunk, seconds_since(begin),
      static_cast<unsigned long long>(how.max_block_records), how.inserts_in_flight);
  const auto blocks = spool(ledger, how, ledger.folder() / "spool");

  // CPU microseconds a row, of this process and of the engine, since the last mark: what a loaded machine changes
  // least.
  const auto engine_cpu = [&client] {
    return static_cast<double>(
        ask(client, "(SELECT sum(value) FROM system.events WHERE event = 'OSCPUVirtualTimeMicroseconds')"));
  };
  const auto own_cpu = [](const rusage& usage) {
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  };
  const auto mark = [&] {
    getrusage(RUSAGE_SELF, &before);
    engine_before = engine_cpu();
  };
  const auto since_mark = [&](const std::string& what) {
    rusage now{};
    getrusage(RUSAGE_SELF, &now);
    line("  " + what + ": CPU here", (own_cpu(now) - own_cpu(before)) / static_cast<double>(rows), "us/row");
    line("  " + what + ": CPU of the engine", (engine_cpu() - engine_before) / static_cast<double>(rows), "us/row");
  };
  const auto empty = [&client] { need(client.execute("TRUNCATE TABLE sample")); };
  empty();
  const double raw = static_cast<double>(rows) / insert_raw(client, blocks, how.inserts_in_flight, mark) / 1e6;
  since_mark("raw");
  if (ask(client, "(SELECT count() FROM sample)") != static_cast<std::int64_t>(rows)) give_up("rows are missing");
  empty();
  fs::remove_all(ledger.folder() / "spool");

  timeseries::Loader loading(*ledger, client, how, [](std::string_view text) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  });
  mark();
  begin = Steady::now();
  auto drained = std::async(std::launch::async, [&] { need(loading.drain()); });
  while (need(ledger->counts()).unloaded_chunks > 0) std::this_thread::sleep_for(std::chrono::milliseconds(250));
  const double ours = static_cast<double>(rows) / seconds_since(begin) / 1e6;
  since_mark("loader");
  if (ask(client, "(SELECT count() FROM sample)") != static_cast<std::int64_t>(rows)) give_up("rows are missing");
  drained.get();
  const double with_sessions = static_cast<double>(rows) / seconds_since(begin) / 1e6;
  line("raw Native insert of the same blocks", raw, "M rows/s");
  line("through the loader, ledger to visible", ours, "M rows/s");
  line("the loader of the raw insert", ours / raw, "x", 0.8, true);
  line("until the session rows are written too", with_sessions, "M rows/s");
}

// ---- 5,000 streams ----

void streams(const Options& options) {
  ClickHouseClient client = patient_client(options);
  need(timeseries::migrate(client));
  const std::size_t count = options.number("streams", 5000);
  const std::size_t seconds = options.number("seconds", 30);
  constexpr std::size_t kRows = 10;  // a second and stream
  TemporaryLedger ledger(options);
  std::vector<FleetSession> all(count);
  {
    Fleet fleet(std::uint64_t{1} << 40, 5);
    for (FleetSession& session : all) {
      do {
        if (!fleet.next(session)) give_up("the fleet ended");
      } while (session.samples.size() < kRows * seconds);
      session.samples.resize(kRows * seconds);
      session.strokes.clear();
      ledger::Submission submission;
      submission.athlete = session.athlete;
      submission.entries.push_back(birth_of(session));
      submit(*ledger, std::move(submission));
    }
  }
  // Sealing is the devices' work, on processors of their own.
  std::vector<ledger::Entry> chunks;
  chunks.reserve(count * seconds);
  for (std::size_t n = 0; n < count * seconds; ++n) {
    const std::size_t from = n / count * kRows;
    chunks.push_back(chunk_of(all[n % count], from, from + kRows));
  }
  std::atomic<int> failures = 0;
  timeseries::Loader loading(*ledger, client, {}, [&failures](std::string_view text) {
    if (text.find("failed") != std::string_view::npos) ++failures;
  });
  need(loading.drain());
  ledger->on_commit([&loading] { loading.wake(); });
  loading.start();

  std::mutex mutex;
  std::deque<Steady::time_point> sent;  // of what is not visible yet, in the ledger's order
  std::vector<double> until_visible;
  std::atomic<bool> sending = true;
  std::atomic<int> refused = 0;
  std::size_t submitted = 0;              // under `mutex`
  std::atomic<std::size_t> answered = 0;  // of those: committed, or refused
  std::thread watcher([&] {
    while (true) {
      const bool last = !sending;
      // Before the ledger is asked: what is committed in between counts as not visible, never the other way round.
      const std::size_t committed = answered;
      std::size_t waiting = static_cast<std::size_t>(need(ledger->counts()).unloaded_chunks);
      {
        const std::lock_guard lock(mutex);
        waiting += submitted - committed;  // in the queue of commits: not visible either
        while (sent.size() > waiting) {
          until_visible.push_back(seconds_since(sent.front()) * 1e3);
          sent.pop_front();
        }
      }
      if (last && waiting == 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  const auto begin = Steady::now();
  std::size_t late = 0;
  for (std::size_t n = 0; n < count * seconds; ++n) {
    const FleetSession& session = all[n % count];
    ledger::Submission submission;
    submission.athlete = session.athlete;
    submission.entries.push_back(std::move(chunks[n]));
    const auto due = begin + std::chrono::nanoseconds(n * 1'000'000'000 / count);
    if (Steady::now() > due + std::chrono::milliseconds(100)) ++late;
    std::this_thread::sleep_until(due);
    const std::lock_guard lock(mutex);
    sent.push_back(Steady::now());
    ++submitted;
    ledger->submit(std::move(submission), [&refused, &answered](const auto& results) {
      if (!results) ++refused;
      ++answered;
    });
  }
  const double took = seconds_since(begin);
  // The ledger has them all before the watcher counts what is left.
  submit(*ledger, {all[0].athlete, {}, {birth_of(all[0])}, {}});
  sending = false;
  watcher.join();
  loading.stop();
  ledger->on_commit([] {});
  std::printf("%zu streams of %zu rows a second for %zu s, each its own batch; %zu of %zu sent over 0.1 s late\n",
              count, kRows, seconds, late, count * seconds);
  line("rows a second", static_cast<double>(count * seconds * kRows) / took, "rows/s");
  line("errors: batches refused, rounds of loading failed", refused + failures, "");
  line("from commit's queue until visible, p50", quantile(until_visible, 0.5), "ms");
  line("from commit's queue until visible, p99", quantile(until_visible, 0.99), "ms", 1000);
}

}  // namespace boathouse::bench
