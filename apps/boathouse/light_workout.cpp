#include "apps/boathouse/light_workout.hpp"

#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <optional>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/sha256.hpp"
#include "core/pm5/simulated_monitor.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/facts.hpp"
#include "device/store/recorder.hpp"
#include "device/store/store.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;

constexpr std::int64_t kSealEveryMs = 60'000;
constexpr pm5::Machine kCrewMachines[] = {pm5::Machine::rowerg, pm5::Machine::rowerg, pm5::Machine::skierg,
                                          pm5::Machine::bikeerg};

struct TemporaryFolder {
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "boathouse-light-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path.empty()) fs::remove_all(path, ignored);
  }
  fs::path path;
};

base::Result<pm5::SimulatedMonitor> monitor_of(std::uint64_t seed, int hz, double minutes) {
  pm5::SimulationOptions options;
  options.seed = seed;
  options.sample_hz = hz;
  options.keep_samples = false;
  options.machine = kCrewMachines[seed % std::size(kCrewMachines)];
  options.rower.power_w = 140.0 + static_cast<double>(seed * 37 % 160);
  return pm5::SimulatedMonitor::create(pm5::sample_workout(1, static_cast<std::int64_t>(minutes * 6000.0)), options);
}

// Takes what the store has sealed since `last_id` out of its outbox.
base::Status take_sealed(store::Store& store, std::int64_t& last_id, LightWorkout& workout) {
  store::PendingQuery query;
  query.max_bytes = std::size_t{1} << 30;
  query.max_items = std::size_t{1} << 20;
  auto pending = store.pending(query);
  if (!pending) return pending.error();
  std::int64_t newest = last_id;
  for (store::PendingItem& item : *pending) {
    if (item.id <= last_id) continue;
    newest = std::max(newest, item.id);
    if (item.kind == wire::ItemKind::birth) {
      auto birth = wire::decode_birth(base::as_text(item.body));
      if (!birth) return birth.error();
      workout.birth = std::move(*birth);
    } else if (item.kind == wire::ItemKind::seal) {
      auto seal = wire::decode_seal(base::as_text(item.body));
      if (!seal) return seal.error();
      workout.seal = std::move(*seal);
    } else if (item.kind == wire::ItemKind::chunk) {
      workout.records += item.to - item.from;
      workout.minutes.back().push_back(std::move(item));
    }
  }
  last_id = newest;
  return base::Done{};
}

}  // namespace

base::Result<LightWorkout> LightWorkout::make(std::uint64_t seed, int hz, double minutes) {
  const TemporaryFolder folder;
  if (folder.path.empty()) return Error{ErrorCode::io, "cannot make a temporary folder"};
  auto monitor = monitor_of(seed, hz, minutes);
  if (!monitor) return monitor.error();
  base::ManualClock clock{1'700'000'000'000};
  base::SeededRandom random{seed};
  base::UuidV7Source ids{clock, random};
  auto store = store::Store::open(folder.path.string(), ids, random);
  if (!store) return store.error();
  store::RecorderOptions options;
  options.origin = rowing::Origin::simulated;
  store::Recorder recorder(*store, clock, ids, options);

  LightWorkout workout;
  workout.minutes.emplace_back();
  std::int64_t last_id = 0;
  std::int64_t next_seal_ms = kSealEveryMs;
  pm5::TimedNotification heard;
  while (monitor->next(heard)) {
    if (heard.at_ms >= next_seal_ms && recorder.running()) {
      BOATHOUSE_TRY(recorder.seal());
      BOATHOUSE_TRY(take_sealed(*store, last_id, workout));
      workout.minutes.emplace_back();
      next_seal_ms += kSealEveryMs;
    }
    BOATHOUSE_TRY(recorder.feed(heard.characteristic, heard.payload, heard.at_ms));
  }
  BOATHOUSE_TRY(recorder.stop(rowing::EndReason::stopped));
  BOATHOUSE_TRY(take_sealed(*store, last_id, workout));
  if (recorder.recordings().size() != 1) {
    return Error{ErrorCode::internal,
                 "the simulated workout became " + std::to_string(recorder.recordings().size()) + " recordings"};
  }
  return workout;
}

base::Bytes LightWorkout::batch(std::size_t minute, const base::Uuid& rec_id, std::int64_t started_ms) const {
  wire::BatchWriter writer;
  std::string json;
  if (minute == 0) {
    rowing::Birth own = birth;
    own.rec_id = rec_id;
    own.started_ms = started_ms;
    json = wire::encode_birth(own);
    wire::Item item;
    item.kind = wire::ItemKind::birth;
    item.rec_id = rec_id;
    item.body = base::as_bytes(json);
    item.sha256 = base::sha256(item.body);
    writer.add(item);
  }
  for (const store::PendingItem& chunk : minutes[minute]) {
    wire::Item item = chunk.item();
    item.rec_id = rec_id;
    writer.add(item);
  }
  if (minute + 1 == minutes.size()) {
    rowing::Seal own = seal;
    own.rec_id = rec_id;
    json = wire::encode_seal(own);
    wire::Item item;
    item.kind = wire::ItemKind::seal;
    item.rec_id = rec_id;
    item.revision = own.revision;
    item.body = base::as_bytes(json);
    item.sha256 = base::sha256(item.body);
    writer.add(item);
  }
  return writer.take();
}

std::size_t LightWorkout::items(std::size_t minute) const {
  return minutes[minute].size() + (minute == 0 ? 1 : 0) + (minute + 1 == minutes.size() ? 1 : 0);
}

std::uint64_t LightWorkout::records_of(std::size_t minute) const {
  std::uint64_t count = 0;
  for (const store::PendingItem& chunk : minutes[minute]) count += chunk.to - chunk.from;
  return count;
}

}  // namespace boathouse::app
