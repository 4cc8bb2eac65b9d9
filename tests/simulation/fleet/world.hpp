// The world of one seed: its devices, its service, the network between them, and all that happens to them. What it is
// and does follows from the seed alone. `world.cpp` is time and what comes in it, `world_acts.cpp` a turn's events,
// `world_rest.cpp` the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/uuid.hpp"
#include "tests/simulation/fleet/device.hpp"
#include "tests/simulation/fleet/fleet.hpp"
#include "tests/simulation/fleet/network.hpp"
#include "tests/simulation/fleet/oracle.hpp"
#include "tests/simulation/fleet/plan.hpp"
#include "tests/simulation/fleet/service.hpp"
#include "tests/simulation/fleet/told.hpp"
#include "tests/simulation/fleet/webhooks.hpp"

namespace boathouse::simulation {

class World {
 public:
  World(std::uint64_t seed, Stage& stage, const std::function<void(const std::string&)>& tell);

  Outcome run();

 private:
  // The first device is the one that is shared, where one is. Of two, the other may be the first athlete's alone.
  Device::Athletes athletes_of(std::size_t device);

  void add_device(Device::Athletes athletes);

  [[nodiscard]] std::string of(std::size_t i, std::size_t athlete) const;
  // Nothing is drawn where there is no choice.
  std::size_t some_athlete(std::size_t i);

  // Who rows or imports.
  Device::Who somebody(std::size_t i);

  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }

  void note(std::size_t device, const std::string& what) { note("device " + std::to_string(device) + ": " + what); }
  void note(const std::string& what);

  // Webhooks are called.
  void tell();

  void check_news();

  // Receivers are well again: all that waits for its time is told.
  void tell_the_rest();

  void check();

  // --- Time ---

  [[nodiscard]] std::optional<std::int64_t> next_ms() const;

  void pass_to(std::int64_t then_ms);

  // Whatever is due by then happens, in order.
  void advance_to(std::int64_t until_ms);

  void deliver(Delivery delivery);

  void service_dies();

  // A device did something: its power may have gone with one of its writes.
  template <typename Work>
  void after(std::size_t i, Work work) {
    if (!devices_[i]->running()) return;
    work();
    if (devices_[i]->dies_if_powerless(random_.u64() % 8)) {
      ++outcome_.deaths;
      note(i, "has lost its power");
    }
  }

  // A user's doing; whatever came of it, the outbox may have grown.
  template <typename Work>
  void by_user(std::size_t i, const char* what, Work work) {
    after(i, [&] {
      const base::Status done = work(*devices_[i]);
      note(i, std::string(what) + (done ? "" : ": " + done.error().text));
      if (devices_[i]->running() && devices_[i]->disk().powered()) devices_[i]->give_all(sync::DataAdded{});
    });
  }

  void boot(std::size_t i);

  // --- One turn ---

  void act();

  // Few moments, so that some sessions begin at the same one.
  std::int64_t some_start_ms() { return 1'700'000'000'000 + static_cast<std::int64_t>(random_.below(4)) * 3'600'000; }

  void row(std::size_t i);

  std::optional<base::Uuid> some_session(Device& device);

  void edit(std::size_t i);

  void make_room(std::size_t i);

  void meddle(std::size_t i);

  void link(std::size_t i);

  void part(std::size_t i);

  void answer(std::size_t i);

  void copy(std::size_t i);

  void people(std::size_t i);

  // Of the last athlete, who says that what the guests recorded is theirs.
  void sign_in(std::size_t i);

  void meddle_with_server();

  // --- The end ---

  // No faults any more, everybody is at home.
  void come_to_rest();

  void fetch_all(Device& device);

  // Everybody signs in and syncs, until nobody has anything left to do.
  void settle();

  void wake_up(std::size_t i);

  bool is_quiet(Device& device);

  // Nobody has anything to do, and all of them had a good answer since.
  bool all_quiet(const std::vector<std::int64_t>& since);

  static std::string refusals(Device& device);

  // How all of them stand.
  std::string unrest();

  Stage& stage_;
  const std::function<void(const std::string&)>& tell_;
  base::SeededRandom random_;
  Plan plan_;
  base::ManualClock server_clock_;
  std::uint64_t service_seed_;
  Receivers receivers_;
  Service service_;
  Network network_;
  Devices devices_;
  std::vector<std::int64_t> start_;  // of their monotonic clocks
  Oracle oracle_;
  Told told_;
  Outcome outcome_;
  std::int64_t now_ms_ = 0;
  bool quiet_ = false;
};

}  // namespace boathouse::simulation
