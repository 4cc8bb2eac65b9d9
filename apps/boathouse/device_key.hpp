// The key that a device was paired with, and the server that it is for: DIR/device.key, mode 0600, two lines.
#pragma once

#include <optional>
#include <string>

#include "apps/boathouse/server_client.hpp"
#include "core/base/result.hpp"

namespace boathouse::app {

struct DeviceKey {
  std::string key;
  std::string server;
};

// nullopt: the device was not paired.
base::Result<std::optional<DeviceKey>> read_device_key(const std::string& folder);
// Durable; makes the folder when it is not there, takes the place of an earlier key.
base::Status write_device_key(const std::string& folder, const DeviceKey& key);

// `boathouse device pair`: asks `server` for a key for the code, under the device's name ("" = the machine's), and
// keeps it.
int device_pair(const std::string& folder, const ServerOptions& server, const std::string& code,
                const std::string& name);

}  // namespace boathouse::app
