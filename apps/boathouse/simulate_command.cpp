#include "apps/boathouse/simulate_command.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "apps/boathouse/light_crew.hpp"
#include "apps/boathouse/output.hpp"
#include "apps/boathouse/percentile.hpp"
#include "apps/boathouse/server_client.hpp"
#include "core/base/clock.hpp"
#include "core/base/json.hpp"
#include "core/base/random.hpp"
#include "core/pm5/simulated_monitor.hpp"
#include "device/store/recorder.hpp"
#include "device/store/store.hpp"
#include "device/transport/sync_runner.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr int kThreads = 8;                  // ergs wait for the server more than for the processor
constexpr std::int64_t kSyncEveryMs = 1000;  // wall time between pushes of one erg
constexpr std::int64_t kLastSyncLimitMs = 120'000;
constexpr std::uint8_t kWorkoutTypes[] = {1, 3, 5, 7, 6, 8};
constexpr pm5::Machine kMachines[] = {pm5::Machine::rowerg, pm5::Machine::rowerg, pm5::Machine::skierg,
                                      pm5::Machine::bikeerg};

// One monitor with one device beside it.
struct Erg {
  std::optional<pm5::SimulatedMonitor> monitor;
  std::optional<store::Store> store;
  std::optional<store::Recorder> recorder;
  std::optional<transport::SyncRunner> runner;
  std::optional<pm5::TimedNotification> next;
  std::int64_t last_sync_ms = 0;
  bool finished = false;  // the workout is over and everything is recorded
};

struct Crew {
  explicit Crew(const SimulateOptions& wanted) : options(wanted), folder(wanted.data) {}

  const SimulateOptions& options;
  fs::path folder;
  base::SystemClock clock;
  base::SystemRandom random;
  base::UuidV7Source ids{clock, random};
  std::vector<Erg> ergs;
  std::mutex mutex;  // guards what follows
  std::vector<double> ack_ms;
  std::uint64_t errors = 0;

  base::Status prepare();
  void row(std::size_t first);
  void advance(Erg& erg, std::int64_t erg_ms);
  void push(Erg& erg, std::int64_t deadline_ms);
  void count_error(const base::Error& error);
};

void Crew::count_error(const base::Error& error) {
  const std::lock_guard lock(mutex);
  if (++errors <= 10) fail(error);
}

base::Status Crew::prepare() {
  ServerOptions server;
  server.server = options.server;
  server.key = options.key;
  server.ca_file = options.ca_file;
  ergs.resize(static_cast<std::size_t>(options.ergs));
  for (std::size_t i = 0; i < ergs.size(); ++i) {
    Erg& erg = ergs[i];
    const auto key = make_athlete_key(server, "sim-" + std::to_string(i + 1));
    if (!key) return key.error();
    pm5::SimulationOptions simulation;
    simulation.seed = options.seed + i;
    simulation.machine = kMachines[i % std::size(kMachines)];
    simulation.sample_hz = options.hz;
    simulation.rower.power_w = 140.0 + static_cast<double>(i * 37 % 160);
    simulation.keep_samples = false;
    auto monitor =
        pm5::SimulatedMonitor::create(pm5::sample_workout(kWorkoutTypes[i % std::size(kWorkoutTypes)],
                                                          static_cast<std::int64_t>(options.minutes * 6000.0)),
                                      simulation);
    if (!monitor) return monitor.error();
    erg.monitor.emplace(std::move(*monitor));

    const fs::path place = folder / ("sim-" + std::to_string(i + 1));
    std::error_code error;
    fs::create_directories(place, error);
    if (error) return base::Error{base::ErrorCode::io, "cannot make " + place.string() + ": " + error.message()};
    auto opened = store::Store::open(place.string(), ids, random);
    if (!opened) return opened.error();
    erg.store.emplace(std::move(*opened));
    store::RecorderOptions recorder;
    recorder.origin = rowing::Origin::simulated;
    erg.recorder.emplace(*erg.store, clock, ids, recorder);
    transport::SyncRunnerOptions runner;
    runner.server = options.server;
    runner.key = *key;
    runner.http.ca_file = options.ca_file;
    auto made = transport::SyncRunner::create(*erg.store, clock, random, std::move(runner));
    if (!made) return made.error();
    erg.runner.emplace(std::move(*made));
  }
  return base::Done{};
}

// Feeds everything that has arrived by erg_ms.
void Crew::advance(Erg& erg, std::int64_t erg_ms) {
  while (true) {
    if (!erg.next) {
      erg.next.emplace();
      if (!erg.monitor->next(*erg.next)) {
        if (const auto stopped = erg.recorder->stop(rowing::EndReason::stopped); !stopped) count_error(stopped.error());
        erg.finished = true;
        return;
      }
    }
    if (erg.next->at_ms > erg_ms) return;
    if (const auto fed = erg.recorder->feed(erg.next->characteristic, erg.next->payload, erg.next->at_ms); !fed) {
      count_error(fed.error());
    }
    erg.next.reset();
  }
}

void Crew::push(Erg& erg, std::int64_t deadline_ms) {
  const std::uint64_t stored_before = erg.runner->status().stored_items;
  const auto begin = std::chrono::steady_clock::now();
  transport::DrainLimits limits;
  limits.deadline_ms = deadline_ms;
  limits.count_ms = 0;
  const sync::Status status = erg.runner->drain(limits);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  const std::lock_guard lock(mutex);
  if (status.stored_items > stored_before) ack_ms.push_back(took.count());
  if (status.failed_requests > 0 && status.state != sync::State::up_to_date && ++errors <= 10) fail(status.last_error);
}

// The share of one thread: every kThreads-th erg.
void Crew::row(std::size_t first) {
  const std::int64_t begin_ms = clock.monotonic_ms();
  bool all_finished = false;
  while (!all_finished) {
    all_finished = true;
    for (std::size_t i = first; i < ergs.size(); i += kThreads) {
      Erg& erg = ergs[i];
      const std::int64_t now_ms = clock.monotonic_ms();
      const double erg_ms = options.speed > 0 ? static_cast<double>(now_ms - begin_ms) * options.speed : 1e15;
      if (!erg.finished) advance(erg, static_cast<std::int64_t>(erg_ms));
      if (!erg.finished && now_ms - erg.last_sync_ms >= kSyncEveryMs) {
        push(erg, kSyncEveryMs);
        erg.last_sync_ms = now_ms;
      }
      all_finished = all_finished && erg.finished;
    }
    if (!all_finished) std::this_thread::sleep_for(milliseconds(5));
  }
  for (std::size_t i = first; i < ergs.size(); i += kThreads) push(ergs[i], kLastSyncLimitMs);
}

int report(Crew& crew) {
  std::uint64_t records = 0;
  std::uint64_t acked = 0;
  for (Erg& erg : crew.ergs) {
    const auto recordings = erg.store->recordings();
    if (!recordings) return fail(recordings.error());
    for (const store::RecordingInfo& info : *recordings) {
      for (const auto& [stream, counts] : info.streams) {
        records += counts.records;
        acked += counts.acknowledged;
      }
    }
  }
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().key("ergs").value(crew.ergs.size()).key("records").value(records).key("acked").value(acked);
  json.key("errors").value(crew.errors).key("ack_ms").begin_object();
  json.key("p50")
      .number(tenths(percentile(crew.ack_ms, 0.50)))
      .key("p99")
      .number(tenths(percentile(crew.ack_ms, 0.99)));
  json.end_object().end_object();
  std::printf("%s\n", out.c_str());
  return records > 0 && acked == records ? kDone : kFailed;
}

}  // namespace

int simulate(const SimulateOptions& options) {
  if (options.light) return simulate_light(options);
  if (options.storm || !options.keys_file.empty()) return wrong_use("--storm and --keys need --light");
  Crew crew(options);
  const bool temporary = options.data.empty();
  if (temporary) {
    std::string pattern = (fs::temp_directory_path() / "boathouse-crew-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return fail("cannot make a temporary folder");
    crew.folder = pattern;
  }
  int exit_code = kFailed;
  if (const auto ready = crew.prepare(); !ready) {
    fail(ready.error());
  } else {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < std::min<std::size_t>(kThreads, crew.ergs.size()); ++i) {
      threads.emplace_back([&crew, i] { crew.row(i); });
    }
    for (std::thread& thread : threads) thread.join();
    exit_code = report(crew);
  }
  crew.ergs.clear();
  std::error_code ignored;
  if (temporary) fs::remove_all(crew.folder, ignored);
  return exit_code;
}

}  // namespace boathouse::app
