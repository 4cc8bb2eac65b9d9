// One seed's run: devices, service, network and oracle in virtual time. An eventful part, then all faults stop and
// everybody has to come to rest within kQuietMs, with nothing lost. The same seed gives the same run, byte by byte.
// Thread rule: one run at a time in a process (SQLite's random numbers are of the whole process).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/pm5/simulated_air.hpp"
#include "tests/simulation/fleet/databases.hpp"
#include "tests/simulation/fleet/device.hpp"
#include "tests/simulation/fleet/network.hpp"
#include "tests/simulation/fleet/oracle.hpp"
#include "tests/simulation/fleet/plan.hpp"
#include "tests/simulation/fleet/service.hpp"

namespace boathouse::simulation {

inline constexpr std::int64_t kQuietMs = std::int64_t{6} * 3600 * 1000;

// Where the service keeps its databases.
enum class Home : std::uint8_t { disk, postgres };

// What all runs of a process share: the accounts, what monitors say during some workouts, and a PostgreSQL server, if
// they are on one. Throws std::runtime_error if none can be had.
struct Stage {
  explicit Stage(Home home);
  [[nodiscard]] std::unique_ptr<Databases> databases(std::uint64_t seed) const;

  std::optional<PostgresTemplate> postgres;
  Tenants tenants;
  std::vector<std::vector<pm5::TimedNotification>> workouts;
};

struct Outcome {
  std::optional<std::string> violation;  // nullopt: all invariants held
  std::uint64_t digest = 0;              // of everything that happened
  std::uint64_t requests = 0;
  std::uint64_t network_faults = 0;
  std::uint64_t deaths = 0;   // of devices and the server
  std::uint64_t records = 0;  // that the server had in the end
  std::int64_t virtual_ms = 0;
};

// `tell` gets a line for each thing that happens; may be empty.
Outcome simulate(std::uint64_t seed, Stage& stage, const std::function<void(const std::string&)>& tell = {});

}  // namespace boathouse::simulation
