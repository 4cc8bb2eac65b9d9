// What the tests of damaged files share: a store that was killed, and how much of the damage is tried.
#pragma once

#include <cstdint>
#include <string_view>

#include "tests/simulation/medium.hpp"

namespace boathouse::simulation {

// The process is killed before that step of "more": rows wait for their chunk, in the WAL or, after a checkpoint, in
// the database.
Medium::Contents killed_before(std::string_view name, bool checkpointed);
// In the midst of the workout.
inline Medium::Contents killed_in_the_midst(bool checkpointed) { return killed_before("stop", checkpointed); }

// BOATHOUSE_DISK_FAULTS=all: much more than a run of the tests has time for.
bool every_fault();
// Every so many bytes are damaged.
std::uint64_t stride(std::uint64_t usual);

}  // namespace boathouse::simulation
