// What two devices wrote differently without knowing of each other, and the answer of the athlete. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.hpp"
#include "device/page/tools.hpp"

namespace boathouse::page {

// How many await an answer.
base::Result<std::uint64_t> count_conflicts(const Tools& tools);
// [{"id", "kind": "title" or "notes", "session", "title", "started_at", "mine": what is shown now, "theirs": the
// other}]
base::Result<std::string> conflicts_json(const Tools& tools);
// `answer`: {"keep": "mine", "theirs" or "both"}. {"open": how many are left}. not_found: it has been answered.
base::Result<std::string> answer_conflict(const Tools& tools, const std::string& id, const std::string& answer);

}  // namespace boathouse::page
