// What can be asked of a device's store, each with a JSON answer: by a command that holds the folder itself, or through
// the door of the `device run` that does.
#pragma once

#include <string>

#include "apps/boathouse/device_folder.hpp"
#include "core/base/result.hpp"
#include "device/store/line_feeder.hpp"
#include "device/store/recorder.hpp"
#include "device/sync/engine.hpp"

namespace boathouse::app {

struct Action {
  // status, log, sessions, verify, source, offer-refused, forget-account, edit, link, unlink, conflicts, answer, fetch,
  // storage, replay, import
  std::string name;
  std::string argument;   // log: "text" or "json"; replay, import: the file's name; answer: the conflict; the others:
                          // the session
  std::string time_zone;  // import
  std::string content;    // replay, import: the file; edit, storage: JSON (device/page/actions.hpp); link, unlink: the
                          // other session; answer: the word
  std::string monitor = {};  // replay: its serial number
};

// JSON text, but for `source` the imported file's own bytes, and for `log` what was asked for. not_found for an unknown
// name. Any thread.
base::Result<std::string> perform(Device& device, const Action& action);

// {"file", "sessions", "lines", ..., "records", "problems": [{"line", "text"}]}
std::string recorded_json(const store::Recorder& recorder, const store::LineFeeder& feeder, const std::string& file);
// What is committed so far, by stream.
std::string saved_json(const store::Recorder& recorder);
std::string sync_json(const sync::Status& status);

}  // namespace boathouse::app
