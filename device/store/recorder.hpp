// From a monitor's notifications to durable recordings: decode, decide where a recording begins and ends, assemble
// records, commit them in groups, seal. The same code serves a live monitor, a replayed capture and the simulator.
//
// Durability: what feed() or tick() was given is committed after at most kGroupMs or kGroupRecords records, finished or
// not (Store::append's tail). When the
// store fails, nothing is dropped: records stay in memory and later calls try again, once a kGroupMs; they
// return the store's error until then. A recording that the store will not begin for want of room (start_refused()) is
// such a failure; one that its owner erases while it runs is not: it has ended (RecorderCounters::erased).
// Thread rule: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/pm5/notification.hpp"
#include "core/rowing/enumerations.hpp"
#include "core/rowing/recording.hpp"
#include "device/store/store.hpp"

namespace boathouse::store {

inline constexpr std::int64_t kGroupMs = 1000;
inline constexpr std::size_t kGroupRecords = 10;
inline constexpr std::int64_t kSealMs = 60 * 1000;  // rows do not wait longer for their chunk
inline constexpr std::int64_t kGapMs =
    5000;  // without a notification while a piece runs: the monitor sends at least one a second
inline constexpr std::int64_t kNominalStepMs = 100;  // between notifications whose time of receipt is not known

struct RecorderOptions {
  rowing::Origin origin = rowing::Origin::live;
  std::string athlete;                // label of the key
  std::string source_name;            // replay: the file's name
  bool started_known = true;          // false: a capture without dates; the start is then the moment of the replay
  std::optional<int> offset_minutes;  // local time minus UTC
  std::string zone;                   // IANA name
  std::string monitor_serial;
  std::string monitor_firmware;
};

struct RecorderCounters {
  std::uint64_t notifications = 0;  // given to feed(); = decoded + the three refused
  std::uint64_t decoded = 0;
  std::uint64_t too_short = 0;
  std::uint64_t unknown_characteristic = 0;
  std::uint64_t malformed = 0;
  std::uint64_t refused_idle = 0;  // of the refused: outside of a recording, so there is nothing to keep them in
  std::uint64_t idle = 0;          // of the decoded: outside of a recording
  std::uint64_t recordings = 0;
  std::uint64_t erased = 0;                // of these: erased by their owner, on another device, while they ran here
  std::uint64_t erased_records = 0;        // that were still in memory then
  std::array<std::uint64_t, 8> records{};  // committed, by stream number

  [[nodiscard]] std::uint64_t refused() const { return too_short + unknown_characteristic + malformed; }
};

class Recorder {
 public:
  // All must outlive the recorder.
  Recorder(Store& store, base::Clock& clock, base::UuidV7Source& ids, RecorderOptions options);
  Recorder(Recorder&&) noexcept;
  Recorder& operator=(Recorder&&) noexcept;
  // Does not stop(): what was not committed is lost, as in a crash.
  ~Recorder();

  // `characteristic`: 16-bit short id. `at_ms`: milliseconds of any monotonic clock at receipt; nullopt = the source
  // does not tell, then at_ms of the records is null. A time before the last one (captures put one after the other)
  // goes on from the last, with a gap event.
  base::Status feed(std::uint16_t characteristic, base::ByteView payload, std::optional<std::int64_t> at_ms);
  // Time passes without notifications; call it about once a second. `at_ms` is of the same clock as in feed().
  base::Status tick(std::int64_t at_ms);
  // An event of the running recording, or of the next one if none runs.
  base::Status note(rowing::EventKind kind, std::string_view detail_json);
  // Everything that is complete is committed and sealed at once, so that it can be sent: the app goes to the
  // background. The piece goes on.
  base::Status seal();
  // The user's stop or the end of the input: everything is committed and sealed. The recorder may go on afterwards.
  base::Status stop(rowing::EndReason reason);

  [[nodiscard]] const RecorderCounters& counters() const;
  [[nodiscard]] bool running() const;
  // Records in memory that the store has not got yet: a group that waits for its second, or all since the store fails.
  [[nodiscard]] std::size_t unsaved() const;
  // The store has no room to begin a recording in (Store::begin). It does not begin: what is heard of it is only in
  // memory, and is saved if room is made in time.
  [[nodiscard]] bool start_refused() const;
  // Made since the construction, in order.
  [[nodiscard]] const std::vector<base::Uuid>& recordings() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace boathouse::store
