// The folder of a device: its store, which one process holds at a time, and the door by which others ask that process.
#pragma once

#include <optional>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "device/store/store.hpp"

namespace boathouse::app {

struct Device {
  base::SystemClock clock;
  base::SystemRandom random;
  base::UuidV7Source ids{clock, random};
  std::optional<store::Store> store;

  // Makes the folder when it is not there; seals what a crash left open. unavailable: another process holds the folder.
  base::Status open(const std::string& folder);
};

// Where a running `device run` listens, and the word that lets a command of the same user in: DIR/device.door, mode
// 0600.
struct Door {
  std::string url;
  std::string token;
};
base::Status write_door(const std::string& folder, const Door& door);
void remove_door(const std::string& folder);
// nullopt when nobody has left one.
std::optional<Door> find_door(const std::string& folder);

}  // namespace boathouse::app
