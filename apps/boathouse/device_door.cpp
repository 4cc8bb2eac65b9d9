#include "apps/boathouse/device_door.hpp"

#include "apps/boathouse/server_client.hpp"
#include "core/base/base64.hpp"
#include "core/base/json.hpp"
#include "device/transport/sync_runner.hpp"

namespace boathouse::app {
namespace {

using base::Error;
using base::ErrorCode;

// The question travels as base64url of JSON, the file as the body.
base::Result<std::string> ask_door(const Door& door, const Action& action) {
  std::string question;
  base::JsonWriter json(question);
  json.begin_object().key("argument").value(action.argument).key("time_zone").value(action.time_zone);
  json.key("monitor").value(action.monitor).end_object();
  ServerOptions server;
  server.server = door.url;
  server.key = door.token;
  return call(server, "POST", "/device/" + action.name + "?question=" + base::to_base64url(base::as_bytes(question)),
              action.content);
}

}  // namespace

base::Result<std::string> ask_device(const std::string& folder, const Action& action) {
  Device device;
  const auto opened = device.open(folder);
  if (opened) return perform(device, action);
  const auto door = opened.error().code == ErrorCode::unavailable ? find_door(folder) : std::nullopt;
  if (!door) return opened.error();
  return ask_door(*door, action);
}

base::Result<std::string> sync_device(const std::string& folder, const SyncOptions& options) {
  Device device;
  const auto opened = device.open(folder);
  if (!opened) {
    const auto door = opened.error().code == ErrorCode::unavailable ? find_door(folder) : std::nullopt;
    if (!door) return opened.error();
    return ask_door(*door, {"sync", std::to_string(options.deadline_s), "", ""});
  }
  transport::SyncRunnerOptions runner_options;
  runner_options.server = options.server;
  runner_options.key = options.key;
  runner_options.http.ca_file = options.ca_file;
  auto runner = transport::SyncRunner::create(*device.store, device.clock, device.random, std::move(runner_options));
  if (!runner) return runner.error();
  transport::DrainLimits limits;
  limits.deadline_ms = std::int64_t{1000} * options.deadline_s;
  return sync_json(runner->drain(limits));
}

}  // namespace boathouse::app
