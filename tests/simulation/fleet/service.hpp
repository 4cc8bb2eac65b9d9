// The service: the real routes of the sync protocol over the real ledger, whose file lies on a simulated disk; beside
// it a time-series store that keeps what its loader brings. Its power can go at any I/O point, and it can be set back
// to a backup. Thread rule: one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "device/sync/engine.hpp"
#include "server/control/accounts.hpp"
#include "server/http/router.hpp"
#include "server/ledger/ledger.hpp"
#include "tests/simulation/simulated_disk.hpp"

namespace boathouse::simulation {

// Accounts of every run of this process: the same athletes and keys each time.
class Tenants {
 public:
  Tenants();
  ~Tenants();
  Tenants(const Tenants&) = delete;
  Tenants& operator=(const Tenants&) = delete;

  struct Tenant {
    base::Uuid athlete;
    std::string label;
    std::string key;
  };
  // Anna, Ben and Carla.
  static constexpr std::size_t kAthletes = 3;
  [[nodiscard]] const Tenant& athlete(std::size_t n) const { return athletes_[n]; }
  control::Accounts& accounts() { return *accounts_; }

 private:
  std::string folder_;
  base::ManualClock clock_{1'700'000'000'000};
  base::SeededRandom random_{1};
  std::unique_ptr<control::Accounts> accounts_;
  std::array<Tenant, kAthletes> athletes_;
};

class Service {
 public:
  // `clock` and `tenants` must outlive it. Started.
  Service(std::uint64_t seed, base::ManualClock& clock, Tenants& tenants);

  [[nodiscard]] bool up() const { return ledger_ != nullptr; }
  // nullopt: nobody answers, or the power went meanwhile.
  std::optional<http::Response> call(const sync::Send& request);

  // The power goes, now or at the n-th I/O point from now on; what was not synced is lost, torn or kept.
  void power_off() { disk_.power_off(); }
  void power_off_at(std::uint64_t n) { disk_.power_off_at(n); }
  // The n-th I/O point from now on fails (0: none); the process goes on.
  void fail_at(std::uint64_t n) { disk_.arm({.at = n, .error = DiskError::full}); }
  // Ends what has no power; then starts again if nothing runs.
  void look_after(std::uint64_t seed, bool restart);

  void back_up();
  // Back to the last backup, as another epoch. False: there is none.
  bool restore();
  // One block into the time-series store. `forgets`: the power of the loader goes before it is marked.
  void load(bool forgets);

  // For the oracle. Only while up.
  ledger::Ledger& ledger() { return *ledger_; }
  [[nodiscard]] std::uint64_t restores() const { return restores_; }
  using StreamKey = std::pair<base::Uuid, rowing::Stream>;
  // The sequence numbers that queries count.
  [[nodiscard]] const std::map<StreamKey, std::set<std::uint64_t>>& rows() const { return rows_; }

 private:
  void start();
  void set_epoch(const std::string& epoch);

  SimulatedDisk disk_;
  base::ManualClock& clock_;
  base::SeededRandom random_;
  Tenants& tenants_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<http::RouteTable> routes_;
  std::optional<Medium::Contents> backup_;
  std::int64_t backup_seq_ = 0;
  std::uint64_t restores_ = 0;
  std::map<StreamKey, std::set<std::uint64_t>> rows_;
};

}  // namespace boathouse::simulation
