// The service's webhooks and those who are called: the real store, queue, dispatcher and deliverer in the service's
// databases, in virtual time and without threads; receivers that lose, refuse, and are gone for good. Thread rule: one
// thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/jobs/queue.hpp"
#include "server/jobs/runner.hpp"
#include "server/ledger/ledger.hpp"
#include "server/webhooks/delivery.hpp"
#include "server/webhooks/dispatcher.hpp"
#include "server/webhooks/store.hpp"
#include "tests/simulation/fleet/databases.hpp"

namespace boathouse::simulation {

// A call that reached a receiver.
struct Heard {
  std::size_t receiver = 0;
  std::string id;
  std::string body;
};

struct Receiver {
  base::Uuid athlete;
  std::string url;
  std::vector<std::string> events;            // that it wants; empty = all
  bool gone = false;                          // answers 410 from now on
  bool said_gone = false;                     // since the service was last set back
  std::map<std::string, std::string> bodies;  // of all that it heard, by webhook-id
};

class Receivers {
 public:
  // Two of the first athlete, one of the other.
  Receivers(std::uint64_t seed, const base::Uuid& one, const base::Uuid& other);

  // What one of them answers, if anything comes back.
  base::Result<webhooks::Answer> take(const webhooks::Post& post);
  // All answer from now on; who is gone stays gone.
  void heal() { healed_ = true; }
  // The service was set back: what it knew since then it knows no more.
  void forget();

  // What was heard since the last call.
  std::vector<Heard> news();
  [[nodiscard]] const std::vector<Receiver>& all() const { return all_; }

 private:
  base::SeededRandom random_;
  std::vector<Receiver> all_;
  std::vector<Heard> news_;
  bool healed_ = false;
};

// The service's side; one for each life of its process.
class Webhooks {
 public:
  // All must outlive it.
  static base::Result<std::unique_ptr<Webhooks>> open(const Databases& databases, ledger::Ledger& ledger,
                                                      base::Clock& clock, base::RandomSource& random,
                                                      const Receivers& receivers, webhooks::Send send);

  // Takes on what the ledger has to tell, and makes the calls that are due. What fails is tried again the next time.
  void tell();
  // Deliveries that wait for their time.
  base::Result<std::uint64_t> waiting();
  // How those stand.
  std::string unrest();
  base::Result<bool> is_enabled(const Receiver& receiver);

 private:
  Webhooks() = default;
  base::Result<webhooks::Endpoint> endpoint_of(const Receiver& receiver);

  std::unique_ptr<webhooks::Store> store_;
  std::unique_ptr<jobs::Queue> queue_;
  std::unique_ptr<jobs::Runner> runner_;
  std::unique_ptr<webhooks::Deliverer> deliverer_;
  std::unique_ptr<webhooks::Dispatcher> dispatcher_;
  bool recovered_ = false;
};

}  // namespace boathouse::simulation
