// The sessions of a device as JSON: what is here, how safe each is, what was written about it. Any thread.
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "device/page/tools.hpp"

namespace boathouse::page {

// An array, newest first; a damaged session is in it with its `problem`, and nothing else there can be relied on.
//   {"id", "started_at", "started_known", "ended", "source_name", "dialect", "safe", "safety", "problem", "away_items",
//    "items", "pending_items", "pending_bytes", "refused_items", "refusal": the server's words or null,
//    "title", "notes": null = none, "tags", "deleted", "distance_m", "time_s": of its summary or null, "pace_m": that a
//    pace is shown for, "records"}
base::Result<std::string> sessions_json(const Tools& tools, const store::RecordingQuery& query);

}  // namespace boathouse::page
