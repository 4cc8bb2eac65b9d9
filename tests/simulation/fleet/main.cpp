// boathouse-simulation: see --help and docs/simulation.md.
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/planted.hpp"
#include "tests/simulation/fleet/fleet.hpp"

namespace {

using boathouse::base::Plant;
using boathouse::simulation::Home;
using boathouse::simulation::Outcome;
using boathouse::simulation::simulate;
using boathouse::simulation::Stage;

constexpr std::uint64_t kProofSeeds = 400;  // within which each planted bug must be found
constexpr std::int64_t kProofMs = 20'000;

constexpr std::array<std::pair<std::string_view, Plant>, 10> kPlants{{
    {"ack_before_commit", Plant::ack_before_commit},
    {"cursor_before_data", Plant::cursor_before_data},
    {"idle_after_failure", Plant::idle_after_failure},
    {"two_part_queue", Plant::two_part_queue},
    {"purge_on_200", Plant::purge_on_200},
    {"dedup_by_start", Plant::dedup_by_start},
    {"copy_unnoticed", Plant::copy_unnoticed},
    {"any_key", Plant::any_key},
    {"events_forgotten_first", Plant::events_forgotten_first},
    {"cursor_ahead_of_commit", Plant::cursor_ahead_of_commit},
}};

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t failed = 0;
  std::uint64_t requests = 0;
  std::uint64_t faults = 0;
  std::uint64_t deaths = 0;
  std::uint64_t records = 0;
  std::uint64_t virtual_hours = 0;
};

void add(Totals& totals, const Totals& more) {
  totals.seeds += more.seeds;
  totals.failed += more.failed;
  totals.requests += more.requests;
  totals.faults += more.faults;
  totals.deaths += more.deaths;
  totals.records += more.records;
  totals.virtual_hours += more.virtual_hours;
}

std::string option_of(Home home) { return home == Home::postgres ? " --ledger postgresql" : ""; }

// first, first + step, ... as long as they are within [first, end).
Totals run_some(Home home, std::uint64_t first, std::uint64_t end, std::uint64_t step) {
  Stage stage(home);
  Totals totals;
  std::int64_t virtual_ms = 0;
  for (std::uint64_t seed = first; seed < end; seed += step) {
    const Outcome outcome = simulate(seed, stage);
    ++totals.seeds;
    totals.requests += outcome.requests;
    totals.faults += outcome.network_faults;
    totals.deaths += outcome.deaths;
    totals.records += outcome.records;
    virtual_ms += outcome.virtual_ms;
    if (!outcome.violation) continue;
    ++totals.failed;
    std::cout << "seed " + std::to_string(seed) + " failed: " + *outcome.violation + "\n  again: boathouse-simulation" +
                     option_of(home) + " --seed " + std::to_string(seed) + "\n"
              << std::flush;
  }
  totals.virtual_hours = static_cast<std::uint64_t>(virtual_ms / 3'600'000);
  return totals;
}

// One process a job: SQLite's random numbers are of the whole process. A job that dies counts as a failure.
Totals run_all(Home home, std::uint64_t first, std::uint64_t count, std::uint64_t jobs) {
  struct Job {
    pid_t process = 0;
    int pipe = -1;
  };
  std::vector<Job> running;
  Totals totals;
  std::cout << std::flush;
  for (std::uint64_t i = 0; i < jobs; ++i) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe");
    const pid_t process = ::fork();
    if (process < 0) throw std::runtime_error("no process");
    if (process == 0) {
      ::close(ends[0]);
      try {
        const Totals part = run_some(home, first + i, first + count, jobs);
        const bool told = ::write(ends[1], &part, sizeof part) == static_cast<ssize_t>(sizeof part);
        ::_exit(told ? 0 : 1);
      } catch (const std::exception& failure) {
        std::cout << failure.what() << "\n" << std::flush;
        ::_exit(1);
      }
    }
    ::close(ends[1]);
    running.push_back({process, ends[0]});
  }
  for (const Job& job : running) {
    Totals part;
    const bool told = ::read(job.pipe, &part, sizeof part) == static_cast<ssize_t>(sizeof part);
    ::close(job.pipe);
    int status = 0;
    ::waitpid(job.process, &status, 0);
    if (told && status == 0) {
      add(totals, part);
    } else {
      ++totals.failed;
      std::cout << "a process of the simulation died, with status " << status << "\n";
    }
  }
  return totals;
}

// The first seed that finds the plant.
bool finds(std::string_view name, Plant plant, Stage& stage) {
  boathouse::base::plant_in_force = plant;
  const std::int64_t begun = now_ms();
  for (std::uint64_t seed = 1; seed <= kProofSeeds; ++seed) {
    const Outcome outcome = simulate(seed, stage);
    const std::int64_t ms = now_ms() - begun;
    if (outcome.violation) {
      std::cout << "ok " << name << " (found by seed " << seed << " after " << ms << " ms: " << *outcome.violation
                << ")\n";
      return ms <= kProofMs;
    }
    if (ms > kProofMs) break;
  }
  std::cout << "not ok " << name << " (not found within " << kProofSeeds << " seeds and " << kProofMs / 1000 << " s)\n";
  return false;
}

bool prove() {
  Stage stage(Home::disk);
  bool all = true;
  for (const auto& [name, plant] : kPlants) all &= finds(name, plant, stage);
  return all;
}

int replay(Home home, std::uint64_t seed, bool trace) try {
  Stage stage(home);
  const Outcome outcome = simulate(seed, stage, [trace](const std::string& line) {
    if (trace) std::cout << line << "\n";
  });
  std::cout << "seed " << seed << ": " << outcome.violation.value_or("all invariants hold") << "\n"
            << outcome.requests << " requests, " << outcome.network_faults << " network faults, " << outcome.deaths
            << " deaths, " << outcome.records << " records, " << outcome.virtual_ms / 1000 << " s, digest " << std::hex
            << outcome.digest << "\n";
  return outcome.violation ? 1 : 0;
} catch (const std::exception& failure) {
  std::cerr << failure.what() << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  // Each run grows some files of megabytes in memory: what it gave back is taken again, not asked for anew.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);

  CLI::App app(
      "Several devices, a hostile network, failing disks, wrong clocks and the service, in virtual time: looks for "
      "lost training data. Each seed is a run of its own and always the same.");
  std::uint64_t seeds = 100;
  std::uint64_t first = 1;
  std::uint64_t seed = 0;
  std::uint64_t jobs = std::max(1u, std::thread::hardware_concurrency());
  bool trace = false;
  bool wants_proof = false;
  std::string plant;
  std::string ledger = "sqlite";
  app.add_option("--seeds", seeds, "how many seeds")->check(CLI::Range(1, 100'000'000))->capture_default_str();
  app.add_option("--first", first, "the first of them")->capture_default_str();
  app.add_option(
         "--ledger", ledger,
         "the server's databases: on a simulated disk, or in a PostgreSQL server that two nodes share (Debian's, "
         "started here; the same seed may differ by PostgreSQL's timing)")
      ->check(CLI::IsMember({"sqlite", "postgresql"}))
      ->capture_default_str();
  auto* const one = app.add_option("--seed", seed, "this one alone, with its numbers");
  app.add_flag("--trace", trace, "with --seed: print everything that happens")->needs(one);
  app.add_option("--jobs", jobs, "processes at a time")->check(CLI::Range(1, 256))->capture_default_str();
  app.add_option("--plant", plant, "run with this bug in the code; \"list\" names them");
  app.add_flag("--prove", wants_proof, "every planted bug must be found within 400 seeds and 20 s");
  CLI11_PARSE(app, argc, argv);

  if (plant == "list") {
    for (const auto& [name, value] : kPlants) std::cout << name << "\n";
    return 0;
  }
  if (wants_proof) return prove() ? 0 : 1;
  if (!plant.empty()) {
    const auto* const found = std::ranges::find(kPlants, plant, &std::pair<std::string_view, Plant>::first);
    if (found == kPlants.end()) {
      std::cerr << "no plant is called \"" << plant << "\"; --plant list names them\n";
      return 2;
    }
    boathouse::base::plant_in_force = found->second;
  }
  const Home home = ledger == "postgresql" ? Home::postgres : Home::disk;
  if (one->count() > 0) return replay(home, seed, trace);
  const Totals totals = run_all(home, first, seeds, std::min(jobs, seeds));
  std::cout << totals.seeds << " seeds from " << first << ": " << totals.failed << " failed; " << totals.requests
            << " requests, " << totals.faults << " network faults, " << totals.deaths << " deaths, " << totals.records
            << " records, " << totals.virtual_hours << " h of virtual time\n";
  return totals.failed == 0 ? 0 : 1;
}
