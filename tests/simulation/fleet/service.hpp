// The service: the real routes of the sync protocol over the real ledger; beside it a time-series store that keeps what
// its loader brings. On a simulated disk it is one process, whose power can go at any I/O point, and it can be set back
// to a backup. On PostgreSQL it is two, and a request goes to either. Thread rule: one thread at a time.
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
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "device/sync/engine.hpp"
#include "server/control/accounts.hpp"
#include "server/http/router.hpp"
#include "server/intake/intake.hpp"
#include "server/ledger/ledger.hpp"
#include "tests/simulation/fleet/databases.hpp"
#include "tests/simulation/fleet/webhooks.hpp"

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
  // All must outlive it. `receivers`: whom its webhooks call; nullptr: it has none. Started.
  Service(std::uint64_t seed, std::unique_ptr<Databases> databases, base::ManualClock& clock, Tenants& tenants,
          Receivers* receivers);

  // At least one of its processes runs; all of them.
  [[nodiscard]] bool up() const;
  [[nodiscard]] bool whole() const;
  // nullopt: nobody answers, or the power went meanwhile.
  std::optional<http::Response> call(const sync::Send& request);

  // The power goes, now or at the n-th I/O point from now on; what was not synced is lost, torn or kept. Of two
  // processes one ends, or the sessions of both.
  void power_off();
  void power_off_at(std::uint64_t n) { databases_->power_off_at(n); }
  // The n-th I/O point from now on fails (0: none); the process goes on.
  void fail_at(std::uint64_t n) { databases_->fail_at(n); }
  // Ends what has no power; then starts what does not run.
  void look_after(std::uint64_t seed, bool restart);

  void back_up();
  // Back to the last backup, as another epoch. False: there is none.
  bool restore();
  // Webhooks are called. `dies`: its power goes when the next call was heard, before its answer is noted.
  void tell(bool dies);
  // One block into the time-series store. `forgets`: the power of the loader goes before it is marked.
  void load(bool forgets);

  // For the oracle. Only while up.
  ledger::Ledger& ledger() { return *running()->ledger; }
  [[nodiscard]] std::uint64_t restores() const { return restores_; }
  // Up to this server_seq it is what it was before it was set back; 0: it never was.
  [[nodiscard]] std::int64_t kept_seq() const { return kept_seq_; }
  // nullptr: there are none. Only while up.
  Webhooks* webhooks() { return running()->webhooks.get(); }
  using StreamKey = std::pair<base::Uuid, rowing::Stream>;
  // The sequence numbers that queries count.
  [[nodiscard]] const std::map<StreamKey, std::set<std::uint64_t>>& rows() const { return rows_; }

 private:
  struct Node {
    std::unique_ptr<ledger::Ledger> ledger;  // nullptr: it does not run
    std::unique_ptr<Webhooks> webhooks;
    std::unique_ptr<http::RouteTable> routes;
  };

  void start(Node& node);
  void start();
  static void end(Node& node);
  void end();
  // The first one that runs; nullptr: none.
  Node* running();
  Node* loading();
  base::Status open_webhooks(Node& node);
  // What queries count of these streams up to these numbers.
  [[nodiscard]] intake::Records counted(intake::Records up_to) const;
  base::Result<webhooks::Answer> call_out(const webhooks::Post& post);

  std::unique_ptr<Databases> databases_;
  base::ManualClock& clock_;
  base::SeededRandom random_;
  Tenants& tenants_;
  Receivers* receivers_;
  base::SeededRandom webhook_random_;
  bool dies_when_heard_ = false;
  std::vector<Node> nodes_;
  std::int64_t backup_seq_ = 0;
  std::int64_t kept_seq_ = 0;
  std::uint64_t restores_ = 0;
  std::map<StreamKey, std::set<std::uint64_t>> rows_;
};

}  // namespace boathouse::simulation
