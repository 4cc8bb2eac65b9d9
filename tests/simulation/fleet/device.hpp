// A device: the real store on a simulated disk, the real recorder and the real engine, and the host around them, whose
// process can die, whose power can go and whose clock can be set. Thread rule: one thread at a time.
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
  std::vector<base::Uuid> recordings;  // that these records are in, together
  std::map<rowing::Stream, std::uint64_t> records;
  bool handmade = false;  // one recording, whose samples are those of handmade_samples()
};
using Promises = std::deque<Promise>;

// Samples [from, from + count) of a recording whose content can be told from its id.
std::vector<rowing::Record> handmade_samples(const base::Uuid& rec_id, std::uint64_t from, std::uint64_t count);

class Device {
 public:
  using Deliver = std::function<void(sync::Send)>;

  // `deliver` takes the engine's requests. Not booted yet. All must outlive it.
  Device(std::uint64_t seed, const Tenants::Tenant& tenant, Deliver deliver);

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
  void give(sync::Event event);
  void tick();
  void pass(std::int64_t ms) { clock_.advance_ms(ms); }
  void set_clock(std::int64_t utc_ms) { clock_.set_utc_ms(utc_ms); }
  // In the world's time; nullopt: it waits for nothing.
  [[nodiscard]] std::optional<std::int64_t> next_ms() const;
  // The next two of a running device.
  [[nodiscard]] const sync::Status& status() const { return session_->status(); }
  [[nodiscard]] bool awaits_reply() const { return session_->busy(); }
  [[nodiscard]] std::int64_t monotonic_ms() const { return clock_.monotonic_ms(); }

  // --- Its user; an error is what the user would see. The host tells the engine afterwards ---
  base::Status row(const std::vector<pm5::TimedNotification>& workout, std::size_t notifications);
  base::Status stop_rowing();
  [[nodiscard]] bool rowing() const { return recorder_.has_value(); }
  base::Status begin_by_hand(std::int64_t started_ms);
  base::Status append_by_hand(std::uint64_t count);
  base::Status end_by_hand();
  base::Status import(std::int64_t started_ms, std::uint64_t samples);
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
  [[nodiscard]] const std::string& athlete() const { return tenant_.label; }
  [[nodiscard]] const Tenants::Tenant& tenant() const { return tenant_; }
  // What was promised here, over all processes.
  Promises& promises() { return promises_; }
  // Edits that the store took, with their sessions.
  [[nodiscard]] const std::map<base::Uuid, base::Uuid>& edits() const { return edits_; }

 private:
  // Of what the recorder says is committed.
  void note_promise();
  Promise& promise(const base::Uuid& rec_id);
  void check_status();

  SimulatedDisk disk_;
  const Tenants::Tenant& tenant_;
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
  std::optional<sync::Session> session_;

  struct ByHand {
    base::Uuid rec_id;
    std::uint64_t appended = 0;
    Promise* promise = nullptr;
  };
  std::optional<ByHand> by_hand_;
  std::map<base::Uuid, base::Uuid> edits_;
};

}  // namespace boathouse::simulation
