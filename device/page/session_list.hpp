// The sessions of a device as JSON: what is here, how safe each is, what was written about it. Any thread.
#pragma once

#include <string>

#include "core/base/result.hpp"
#include "device/page/tools.hpp"

namespace boathouse::page {

// An array, newest first; a session of several recordings is in it once, at its first; with query.unsent_only each
// recording for itself. A damaged one is in it with its `problem`, and nothing else there can be relied on.
//   {"id", "recordings": [ids], "started_at", "started_known", "ended", "source_name", "dialect", "safe", "safety": the
//    least of its recordings', "problem", "away_items", "items", "removed_from_cloud" (records,
//    by the retention policy there), "pending_items", "pending_bytes", "refused_items",
//    "refusal": the server's words or null, "title", "notes": null = none, "tags", "deleted", "elapsed_s",
//    "distance_m": of the primary or null, "pace_m": that a pace is shown for, "records": of the primaries}
base::Result<std::string> sessions_json(const Tools& tools, const store::RecordingQuery& query);

}  // namespace boathouse::page
