// The sessions of a device as JSON: what is here, how safe each is, what was written about it. Any thread.
#pragma once

#include <cstddef>
#include <string>

#include "core/base/result.hpp"
#include "device/page/tools.hpp"

namespace boathouse::page {

struct SessionQuery {
  std::size_t limit = ~std::size_t{0};  // newest first
  bool pending_only = false;            // those with something that the server has no receipt for, or has refused
};

// An array, newest first; a damaged session is in it with its `problem`, and nothing else there can be relied on.
//   {"id", "started_at", "started_known", "ended", "source_name", "dialect", "safe", "safety", "problem", "away_items",
//    "items", "pending_items", "pending_bytes", "refused_items", "refusal": the server's words or null,
//    "title", "notes": null = none, "tags", "deleted", "distance_m", "time_s": of its summary or null, "records"}
base::Result<std::string> sessions_json(const Tools& tools, const SessionQuery& query);

}  // namespace boathouse::page
