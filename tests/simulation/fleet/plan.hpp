// What one seed brings: how many devices, for how long, and which families of faults. Each family is on in some seeds
// only (swarm testing): a fault that always comes hides what goes wrong without it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/random.hpp"

namespace boathouse::simulation {

struct Plan {
  std::size_t devices = 2;     // of one athlete, or shared with others
  bool stranger = false;       // and one of another athlete
  std::size_t turns = 120;     // of the eventful part
  bool lossy_network = false;  // requests and replies are lost, late, doubled
  bool hostile_front = false;  // portals, proxies, refusals, pauses, other devices' replies
  bool flapping = false;       // the network goes and comes, and the device is told
  bool kills = false;          // of processes
  bool power_cuts = false;     // of devices
  bool bad_disks = false;      // full for a while, or failing at some point
  bool clock_jumps = false;    // of wall clocks, by up to ten years
  bool server_crashes = false;
  bool restores = false;        // the server goes back to its last backup, under a new epoch
  bool loader_trouble = false;  // blocks are loaded twice, or late
  bool small_cap = false;       // devices make room as soon as they may
  bool erasing = false;         // sessions are deleted, some for ever
  bool copies = false;          // one device's files are copied to another, which goes on with them
  bool links = false;           // people say which recordings are one session, and part them
  bool people = false;          // pause, sync now, sign out and in
  std::size_t athletes = 1;     // on a device that several share, each with an own key; 1: no device is shared
  bool guests = false;          // some row before they sign in; what they recorded is claimed then
  bool webhooks = false;        // programs are told what happens; calls and answers are lost and refused

  // What a seed brings beyond `random`, which it starts, is drawn apart: the seeds that were kept before stay the same.
  static Plan draw(base::SeededRandom& random, std::uint64_t seed);
};

}  // namespace boathouse::simulation
