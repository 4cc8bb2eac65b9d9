// A device: the real store on a simulated disk, the real recorder and a real engine for each athlete who is signed in,
// and the host around them, whose process can die, whose power can go and whose clock can be set. Thread rule: one
// thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/uuid.hpp"
#include "core/pm5/simulated_air.hpp"
#include "device/store/recorder.hpp"
#include "device/store/store.hpp"
#include "device/sync/session.hpp"
#include "tests/simulation/fleet/service.hpp"
#include "tests/simulation/simulated_disk.hpp"

namespace boathouse::simulation {

// What a device's user was told is kept. It only grows.
struct Promise {
  const Tenants::Tenant* owner = nullptr;  // whose account it comes to; of a guest's: whoever claims the guests' here
  bool guest = false;                      // it was nobody's when it was begun
  std::vector<base::Uuid> recordings;      // that these records are in, together
  std::map<rowing::Stream, std::uint64_t> records;
  bool handmade = false;  // one recording, whose samples are those of handmade_samples()
};
using Promises = std::deque<Promise>;

// Samples [from, from + count) of a recording whose content can be told from its id.
std::vector<rowing::Record> handmade_samples(const base::Uuid& rec_id, std::uint64_t from, std::uint64_t count);

class Device {
 public:
  // From the engine of which athlete.
  using Deliver = std::function<void(std::size_t athlete, sync::Send)>;
  using Athletes = std::vector<const Tenants::Tenant*>;

  // `athletes`: at least one; numbered in their order below. The last one claims what guests recorded. Not booted yet.
  // All must outlive it.
  Device(std::uint64_t seed, Athletes athletes, Deliver deliver);

  [[nodiscard]] bool running() const { return store_.has_value(); }
  // Which process this is: replies to another one's requests are nobody's.
  [[nodiscard]] std::uint64_t process() const { return process_; }

  // Takes what is on another's disk now, as a backup that is brought back here. Before the first boot.
  void copy_from(Device& other) { disk_.load(other.disk_.contents()); }

  // A new process. An error: the store cannot be opened now.
  base::Status boot();
  // The process is gone; what it wrote is there.
  void kill();
  // Power: what was not synced is lost, torn or kept. False: there is power.
  bool dies_if_powerless(std::uint64_t seed);

  // --- The host ---
  void give(std::size_t athlete, sync::Event event);
  void give_all(const sync::Event& event);
  void tick();
  void pass(std::int64_t ms) { clock_.advance_ms(ms); }
  void set_clock(std::int64_t utc_ms) { clock_.set_utc_ms(utc_ms); }
  // On its monotonic clock; nullopt: it waits for nothing.
  [[nodiscard]] std::optional<std::int64_t> next_ms() const;
  // The next two of a running device.
  [[nodiscard]] const sync::Status& status(std::size_t athlete) const { return sessions_[athlete].status(); }
  [[nodiscard]] bool awaits_reply() const;
  [[nodiscard]] std::int64_t monotonic_ms() const { return clock_.monotonic_ms(); }

  // --- Its users; an error is what the user would see. The host tells the engines afterwards ---

  // Who begins: the number of an athlete; nullopt: a guest.
  using Who = std::optional<std::size_t>;
  base::Status row(Who who, const std::vector<pm5::TimedNotification>& workout, std::size_t notifications);
  base::Status stop_rowing();
  [[nodiscard]] bool rowing() const { return recorder_.has_value(); }
  base::Status begin_by_hand(Who who, std::int64_t started_ms);
  base::Status append_by_hand(std::uint64_t count);
  base::Status end_by_hand();
  base::Status import(Who who, std::int64_t started_ms, std::uint64_t samples);
  // What guests recorded is the last athlete's from now on.
  base::Status claim_guests();
  base::Status edit(rowing::Edit edit);
  base::Status link(const base::Uuid& a, const base::Uuid& b) { return store_->link(a, b, clock_.utc_ms()); }
  base::Status unlink(const base::Uuid& stays, const base::Uuid& leaves) {
    return store_->unlink(stays, leaves, clock_.utc_ms());
  }
  base::Status answer(const std::string& conflict, store::Answer answer) {
    return store_->answer(conflict, answer, clock_.utc_ms());
  }

  store::Store& store() { return *store_; }
  SimulatedDisk& disk() { return disk_; }
  [[nodiscard]] const Athletes& athletes() const { return athletes_; }
  // What was promised here, over all processes.
  Promises& promises() { return promises_; }
  // Edits that the store took, with their sessions.
  [[nodiscard]] const std::map<base::Uuid, base::Uuid>& edits() const { return edits_; }

 private:
  // Of what the recorder says is committed.
  void note_promise();
  Promise& promise(Who who);
  [[nodiscard]] std::string label(Who who) const { return who ? athletes_[*who]->label : std::string(); }
  void check_status(std::size_t athlete);

  SimulatedDisk disk_;
  Athletes athletes_;
  Promises promises_;
  Deliver deliver_;
  base::ManualClock clock_;
  base::SeededRandom random_;
  base::UuidV7Source ids_;
  std::uint64_t process_ = 0;
  std::string nonce_;

  std::optional<store::Store> store_;
  std::optional<store::Recorder> recorder_;
  Promise* rowing_promise_ = nullptr;
  std::size_t heard_ = 0;  // of the workout
  std::int64_t rowing_since_ms_ = 0;
  std::deque<sync::Session> sessions_;  // of the athletes; none: it does not run

  struct ByHand {
    base::Uuid rec_id;
    std::uint64_t appended = 0;
    Promise* promise = nullptr;
  };
  std::optional<ByHand> by_hand_;
  std::map<base::Uuid, base::Uuid> edits_;
};

}  // namespace boathouse::simulation
