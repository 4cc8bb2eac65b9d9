// Sessions as the athlete counts them, and what awaits a choice: list, link, answer. JSON answers; any thread.
#pragma once

#include <string>

#include "apps/boathouse/device_folder.hpp"
#include "core/base/result.hpp"

namespace boathouse::app {

// Newest first, those of several recordings once: [{"id", "recordings": [ids], "started_at", "title", "elapsed_s",
// "distance_m" (null = not told), "records": of the primaries, "safety": the least of its recordings', ...}]
base::Result<std::string> sessions_json(Device& device);

// {"session", "recordings": [ids]} of the one that stays. Both ids may be of sessions or their recordings.
base::Result<std::string> link_sessions(Device& device, const std::string& session, const std::string& other);
base::Result<std::string> unlink_sessions(Device& device, const std::string& session, const std::string& other);
// {"open": how many, "conflicts": [{"id", "kind", "session", "mine", "theirs", "reason", "since", "answered": null or a
// word}]}, as Store::conflicts(); mine and theirs are {"text"} or {"recording", "started_at", "elapsed_s",
// "distance_m", "device"}.
base::Result<std::string> conflicts_json(Device& device);
// `answer`: mine, theirs or both. {"open"}: how many are left.
base::Result<std::string> answer_conflict(Device& device, const std::string& id, const std::string& answer);

}  // namespace boathouse::app
