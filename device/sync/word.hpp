// The one word that tells an athlete how things stand: the 13 of the status pill, from the status record alone. Pure;
// any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "device/store/ballast.hpp"
#include "device/store/types.hpp"
#include "device/sync/engine.hpp"

namespace boathouse::sync {

enum class Word : std::uint8_t {
  storage_low,     // the cap is reached or the disk is nearly full, so a new session may not start
  sign_in_needed,  // the server does not take the key, or there is none
  paused,
  offline,
  syncing,
  conflict,        // somebody must choose
  rejected,        // the server refused something; it is kept here
  partial,         // something failed while the rest is there: too large, counted differently, of another key
  limited,         // the server asked for a pause
  server_away,     // there is a network, but no good answer
  saved_locally,   // a session that runs now, or one that nobody sends because no engine runs
  pending_online,  // waits for its turn
  synced
};
std::string_view name(Word word);

// The status record.
struct Facts {
  bool engine_runs = true;  // false: nobody has signed in here yet
  Status sync;
  store::StoreStatus outbox;
  store::Space space;
  std::uint64_t disk_free_bytes = ~std::uint64_t{0};
};

// Of several that hold, the first in the order of Word: what keeps an athlete from rowing goes first, then what only
// they can change, then what passes by itself. `synced` only if nothing at all is left.
Word word_of(const Facts& facts);

// How safe one session is.
enum class Safety : std::uint8_t { on_this_device, partly, safe, verified };
std::string_view name(Safety safety);

Safety safety_of(const store::RecordingInfo& recording);

}  // namespace boathouse::sync
