// Asking a device: directly when its folder is free, through the door of the `device run` that holds it otherwise.
#pragma once

#include <string>

#include "apps/boathouse/device_actions.hpp"
#include "apps/boathouse/device_commands.hpp"
#include "core/base/result.hpp"

namespace boathouse::app {

// The answer of perform(), whoever gives it.
base::Result<std::string> ask_device(const std::string& folder, const Action& action);

// Sends what is pending; the answer of sync_json(). A running `device run` uses its own server and key.
base::Result<std::string> sync_device(const std::string& folder, const SyncOptions& options);

}  // namespace boathouse::app
