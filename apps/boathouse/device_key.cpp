#include "apps/boathouse/device_key.hpp"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <sstream>

#include "apps/boathouse/answers.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"
#include "server/control/secret_file.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;

std::string file_of(const std::string& folder) { return (fs::path(folder) / "device.key").string(); }

std::string machine_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "device";
}

}  // namespace

base::Result<std::optional<DeviceKey>> read_device_key(const std::string& folder) {
  const auto content = control::read_secret_file(file_of(folder));
  if (!content) return content.error();
  if (!*content) return std::optional<DeviceKey>();
  DeviceKey key;
  std::istringstream lines(**content);
  if (!std::getline(lines, key.key) || !std::getline(lines, key.server)) {
    return Error{ErrorCode::corrupt, file_of(folder) + " is not whole: pair the device again"};
  }
  return std::optional(std::move(key));
}

base::Status write_device_key(const std::string& folder, const DeviceKey& key) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return Error{ErrorCode::io, "cannot make " + folder + ": " + error.message()};
  const std::string file = file_of(folder);
  BOATHOUSE_TRY(control::stage_secret_file(file, key.key + "\n" + key.server + "\n"));
  fs::remove(file, error);
  if (error) return Error{ErrorCode::io, "cannot replace " + file + ": " + error.message()};
  return control::publish_secret_file(file);
}

int device_pair(const std::string& folder, const ServerOptions& server, const std::string& code,
                const std::string& name) {
  std::string body;
  base::JsonWriter(body)
      .begin_object()
      .key("code")
      .value(code)
      .key("device_name")
      .value(name.empty() ? machine_name() : name)
      .end_object();
  const auto text = call_without_key(server, "POST", "/v1/pairings/claim", body);
  if (!text) return fail(text.error());
  const auto made = base::parse_json(*text);
  if (!made) return fail(made.error());
  const DeviceKey key{text_of(*made, "key"), server.server};
  // Without it the code is used up and the key is nowhere: name it, so that it can be revoked.
  if (const auto written = write_device_key(folder, key); !written) {
    say("the server made " + text_of(*made, "id") + ", but it could not be kept: revoke it and pair again");
    return fail(written.error());
  }
  std::printf("paired with %s as %s's device %s\n", server.server.c_str(), text_of(*made, "athlete.name").c_str(),
              text_of(*made, "label").c_str());
  return kDone;
}

}  // namespace boathouse::app
