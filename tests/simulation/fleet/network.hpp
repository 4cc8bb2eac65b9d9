// Between the devices and the service: what is under way, in the order of its arrival, and everything that happens to
// requests and replies there. Seeded. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/base/random.hpp"
#include "device/sync/engine.hpp"
#include "server/http/message.hpp"
#include "tests/simulation/fleet/plan.hpp"

namespace boathouse::simulation {

struct Delivery {
  enum class Kind : std::uint8_t {
    request,   // arrives at the service
    response,  // arrives at the device
    failure    // the device gives up waiting
  };
  Kind kind = Kind::request;
  std::size_t device = 0;
  std::size_t athlete = 0;       // of the device's: whose engine asks
  std::uint64_t connection = 0;  // of the device's process: another process hears nothing of it
  sync::Send request;
  bool answered = true;  // request: whether its reply finds the way back
  sync::HttpResponse response;
  std::string error;
};

class Network {
 public:
  Network(std::uint64_t seed, const Plan& plan) : random_(seed), plan_(plan) {}

  // No more faults from now on; what is under way arrives.
  void heal() { healed_ = true; }

  void send(std::int64_t now_ms, std::size_t device, std::size_t athlete, std::uint64_t connection, sync::Send request);
  // What the service answered, or that nobody did.
  void answer(std::int64_t now_ms, const Delivery& request, const std::optional<http::Response>& response);

  [[nodiscard]] std::optional<std::int64_t> next_ms() const;
  // The next one that has arrived by then.
  std::optional<Delivery> take(std::int64_t now_ms);

  [[nodiscard]] std::uint64_t faults() const { return faults_; }

 private:
  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }
  void put(std::int64_t at_ms, Delivery delivery);
  [[nodiscard]] std::optional<sync::HttpResponse> front_answer(const Delivery& asked, const sync::Send& request);
  void distort(const sync::Send& request, sync::HttpResponse& response);

  base::SeededRandom random_;
  Plan plan_;
  bool healed_ = false;
  std::uint64_t next_ = 0;
  std::uint64_t faults_ = 0;
  std::map<std::pair<std::int64_t, std::uint64_t>, Delivery> under_way_;
  struct Answer {
    std::size_t device = 0;  // that got it
    std::size_t athlete = 0;
    std::string body;
  };
  std::map<std::string, Answer> last_bodies_;  // by path
};

}  // namespace boathouse::simulation
