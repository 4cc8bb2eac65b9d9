// An app with a store on a simulated disk, and a script of what it does: one process from its start to its end, told
// as a table of steps.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/uuid.hpp"
#include "core/pm5/simulated_air.hpp"
#include "device/store/recorder.hpp"
#include "device/store/store.hpp"
#include "tests/simulation/simulated_disk.hpp"
#include "tests/simulation/test_reference.hpp"

namespace boathouse::simulation {

inline constexpr const char* kDatabase = "/sim/device.db";
inline constexpr const char* kWal = "/sim/device.db-wal";
inline constexpr const char* kBallast = "/sim/ballast";

struct ImportedRecording {
  rowing::Birth birth;
  std::vector<rowing::Record> records;
};

// What outlives a process.
struct World {
  explicit World(std::uint64_t seed) : disk(seed) {}

  SimulatedDisk disk;
  ReferenceServer server;
  Model model;
  Problems problems;
  std::uint64_t ballast_bytes = 64 * 1024;
  bool believes_early = false;  // the planted fault: records count as durable as soon as the recorder has them
};

class App {
 public:
  // `seed`: of the ids it gives; the same ones whatever fails.
  App(World& world, std::uint64_t seed);

  base::Status open();
  // A regular end, and also what is left of one after the power went.
  void close();
  store::Store& store() { return *store_; }
  [[nodiscard]] bool is_open() const { return store_.has_value(); }

  base::Status feed(const pm5::TimedNotification& notification);
  base::Status tick(std::int64_t at_ms);
  base::Status stop(rowing::EndReason reason);
  // Another connection of the same process takes the WAL back into the database and begins it anew.
  base::Status checkpoint();
  // Until nothing is pending but what the server wants later. `again`: the refused are offered once more.
  base::Status upload(bool again);
  base::Status begin(const rowing::Birth& birth);
  // The recording's samples from `from` on: those that are there already are passed over, as after a lost answer.
  base::Status append(const base::Uuid& rec_id, std::size_t from, const std::vector<rowing::Record>& samples);
  base::Status end(const base::Uuid& rec_id);
  // A title; what was written before a lost answer is not written again.
  base::Status edit(const base::Uuid& session, const std::string& title);
  // The server's word on how far its backups go, and all of its feed.
  base::Status hear();
  // The server has counted what is complete here.
  base::Status verified();
  // Everything that may go goes.
  base::Status make_room();
  base::Status fetch();
  base::Status import(const base::Digest& source, const std::vector<ImportedRecording>& recordings);

 private:
  void note_promises();

  World& world_;
  base::ManualClock clock_{1'700'000'000'000, 5000};
  base::SeededRandom store_random_;
  base::UuidV7Source store_ids_;
  base::SeededRandom random_;
  base::UuidV7Source ids_;  // of the recorder alone: how often the store was opened must not show in them
  std::optional<store::Store> store_;
  std::optional<store::Recorder> recorder_;
};

struct Step {
  enum class Kind : std::uint8_t {
    first,   // nothing can be done without it
    again,   // an app does it again when it failed
    passing  // the recorder remembers what failed
  };
  std::string name;
  Kind kind = Kind::passing;
  std::function<base::Status(App&)> run;
};

// A process's script, with what was there before it and what is there after it when nothing fails.
struct Act {
  std::string name;
  std::uint64_t id_seed = 0;
  std::vector<Step> steps;
  std::vector<base::Uuid> imports;  // those of an import among them
  Medium::Contents disk;
  ReferenceServer server;
  Model model;
  // Filled by rehearse().
  Truths truths;
  std::uint64_t points = 0;
  std::uint64_t reads = 0;
  Medium::Contents disk_after;   // closed in order
  Medium::Contents disk_killed;  // the power went before the close; all that was written is there
  ReferenceServer server_after;
  Model model_after;
};

// "row": a new store, a short workout with a checkpoint in its midst, upload, the monitor's late summary, upload.
// "more": goes on with that disk; a longer workout that the user stops, one record by record, an import, upload.
// "room": goes on with that disk; what another device sent comes in, edits, removing what is safe, fetching it again.
// "old": a store of version 1, with a queue in it, is migrated and uploaded.
const std::vector<Act>& acts();
const Act& act_named(const std::string& name);

}  // namespace boathouse::simulation
