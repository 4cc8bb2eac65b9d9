// The log of sync runs: what the engine did from one rest to the next, for a person to send to support. It holds
// counters, states and codes alone: no key, name, note, path or text of a server can get into it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/json.hpp"
#include "device/store/types.hpp"
#include "device/sync/engine.hpp"

namespace boathouse::sync {

// Makes the log's entries out of the engine's steps. One thread at a time.
class RunLog {
 public:
  // After each step. The run to be written now: it has come to a rest, for good or until its next try.
  std::optional<store::Run> observe(const Event& event, const Status& before, const EngineState& after,
                                    std::int64_t utc_ms);
  // The id that the store gave it.
  void written(std::int64_t id) { run_.id = id; }

 private:
  std::string_view last_cause_;
  std::string_view cause_;  // of the run
  Status at_start_;
  store::Run run_;
  bool open_ = false;
};

// UTC, of the last good answer in any of them; nullopt when there was none. Pure.
std::optional<std::int64_t> last_success_ms(std::span<const store::Run> runs);
// {"started_at", "ended_at", "cause", "state", "requests", ...}
void write_run(base::JsonWriter& json, const store::Run& run);
// An array of these, in the order given. Pure.
std::string runs_json(std::span<const store::Run> runs);
// One line each; counters of 0 are left out. Pure.
std::string runs_text(std::span<const store::Run> runs);

}  // namespace boathouse::sync
