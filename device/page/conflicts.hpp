// What awaits a choice of the athlete, and what was chosen: two devices wrote the same field differently, or two
// recordings may be of one workout. Any thread.
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "device/page/tools.hpp"

namespace boathouse::page {

// {"open": how many, "conflicts": [{"id", "kind", "session", "title": of the session or null, "mine", "theirs",
// "reason", "since", "answered": null or a word}]}, as Store::conflicts(); mine and theirs are {"text"} or
// {"recording", "started_at", "elapsed_s", "distance_m" (null = not told), "device"}.
base::Result<std::string> conflicts_json(const Tools& tools);
// `answer`: mine, theirs or both. {"open"}: how many are left. Errors as of Store::answer().
base::Result<std::string> answer_conflict(const Tools& tools, const std::string& id, const std::string& answer);

}  // namespace boathouse::page
