// Bugs that other sync engines have had, planted on purpose: boathouse-simulation compiles its own copy of the code
// with BOATHOUSE_PLANTS, chooses one with --plant, and must find it (docs/simulation.md). Everywhere else planted() is
// false at compile time and nothing of them is in the program: no other one has the symbol plant_in_force.
#pragma once

#include <atomic>
#include <cstdint>

namespace boathouse::base {

enum class Plant : std::uint8_t {
  none,
  ack_before_commit,       // the server answers before it knows that its transaction is committed
  cursor_before_data,      // the feed's cursor is saved ahead of what it brought (pouchdb #1240)
  idle_after_failure,      // a failed request leaves no timer behind (powersync-swift #179)
  two_part_queue,          // data and its place in the queue in two transactions (powersync-sqlite-core #162)
  purge_on_200,            // what the server took may be removed, verified and backed up or not
  dedup_by_start,          // two recordings that start at the same time are one (hevy2garmin #66)
  copy_unnoticed,          // a copied store goes on under the identity of the one it was copied from
  events_forgotten_first,  // the ledger forgets an event before it is in the log of the webhooks
  any_key,                 // on a device of several athletes what is pending goes up with whichever key syncs
  cursor_ahead_of_commit,  // a page of the feed ends behind a number that is not committed yet
};

#ifdef BOATHOUSE_PLANTS
inline std::atomic<Plant> plant_in_force = Plant::none;
inline bool planted(Plant plant) { return plant_in_force == plant; }
#else
constexpr bool planted(Plant) { return false; }
#endif

}  // namespace boathouse::base
