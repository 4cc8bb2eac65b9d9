// What the ledger tells others of: events, written in the transaction of what they tell. They carry ids and counts, no
// samples and no text of the athlete's. docs/webhooks.md lists them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/uuid.hpp"

namespace boathouse::ledger {

// In the order of kEventNames.
enum class EventKind : std::uint8_t {
  session_created,   // a birth was stored
  session_complete,  // for the first time a recording is sealed and all records of its seal are there
  session_updated,   // an edit, or a later seal and its records
  session_deleted,   // an edit said so, or a purge
  sync_completed,    // a store that had something to send has nothing left
  sync_failed,       // items were refused for ever
  sync_stuck,        // a store has kept something for more than kStuckAgeS
  sync_recovered,    // and does no more
  sync_conflict,     // other content under a stored name; it is kept aside
};
inline constexpr std::array<std::string_view, 9> kEventNames{"session.created", "session.complete", "session.updated",
                                                             "session.deleted", "sync.completed",   "sync.failed",
                                                             "sync.stuck",      "sync.recovered",   "sync.conflict"};

inline constexpr std::string_view name(EventKind kind) { return kEventNames[static_cast<std::size_t>(kind)]; }

inline constexpr std::int64_t kStuckAgeS = 86'400;

// Of those that nobody was told of so many stay, the newest (some 200 MB); the others are forgotten.
inline constexpr std::int64_t kMaxWaitingEvents = 1'000'000;

struct Event {
  std::int64_t id = 0;  // rises in the order of commit, with holes; never used again within an epoch
  base::Uuid athlete;
  std::string type;        // of kEventNames
  std::string data;        // JSON object
  std::int64_t at_ms = 0;  // the ledger's clock
};

}  // namespace boathouse::ledger
