// The facts of a recording that are not samples: its birth (immutable, made before the first record) and its seals
// (numbered revisions). Both travel as one line of JSON (core/wire/facts.hpp) and are stored as those very bytes on
// both sides.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"

namespace boathouse::rowing {

// Where a recording's data come from.
enum class Origin : std::uint8_t { live = 1, replay = 2, import = 3, simulated = 4 };

struct Birth {
  base::Uuid rec_id;
  std::int64_t started_ms = 0;        // UTC; of the first record, or the best a file tells. Never changed
  bool started_known = true;          // false: the file has no date, started_ms is the moment of the import
  std::optional<int> offset_minutes;  // local time minus UTC at the start
  std::string zone;                   // IANA name, "" = not known
  Origin origin = Origin::live;
  std::string dialect;                        // import: "ergstick", "rowingdata", ...; else ""
  std::string source_name;                    // import and replay: the file's name without folders
  std::optional<base::Digest> source_sha256;  // import: of the whole file
  std::string title;                          // import: what the file calls the workout; "" = none
  std::string monitor_serial;                 // "" = not known
  std::string monitor_firmware;               // "" = not known
};

// How far a stream's records reach into the workout, in units of position_of() (core/rowing/survey.hpp).
struct Reach {
  std::uint64_t covered = 0;  // the steps between neighbours, holes not counted
  std::uint64_t step = 0;     // the usual one between two neighbours; 0 = there are none

  bool operator==(const Reach&) const = default;
};

// What a recording's own records say of its workout; what they do not say is absent.
struct WorkoutFacts {
  std::optional<std::int64_t> type;  // the monitor's workout type
  std::optional<std::int64_t> elapsed_cs;
  std::optional<std::int64_t> distance_dm;
  std::optional<std::uint64_t> logged_hash;  // of the workout in the monitor's log (0x003F)
  std::map<Stream, Reach> reach;

  bool operator==(const WorkoutFacts&) const = default;
};

struct StreamSeal {
  std::uint64_t count = 0;  // records
  base::Digest root{};      // SHA-256 over the stream's chunk hashes in order

  bool operator==(const StreamSeal&) const = default;
};

enum class EndReason : std::uint8_t {
  logged = 1,
  rearmed = 2,
  stopped = 3,
  silence = 4,
  end_of_input = 5,
  crashed = 6
};

struct Seal {
  base::Uuid rec_id;
  std::uint32_t revision = 1;  // from 1, each one later than the last; earlier ones stay
  std::map<Stream, StreamSeal> streams;
  EndReason reason = EndReason::stopped;
  std::optional<WorkoutFacts> workout;  // nullopt: made by a program that did not say it
};

}  // namespace boathouse::rowing
