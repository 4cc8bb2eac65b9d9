// The routes of the sync protocol, one .cpp each. Internal to this folder: intake.hpp adds them all.
#pragma once

#include <algorithm>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/intake/intake.hpp"

namespace boathouse::intake {

// All outlive the routes.
struct Parts {
  http::RouteTable& routes;
  control::Accounts& accounts;
  ledger::Ledger& ledger;
  OnResult on_result;
};

// What an answer costs is bounded by how many recordings may be named: each counts once.
template <typename Named>
base::Status each_named_once(const std::vector<Named>& recordings) {
  std::vector<base::Uuid> ids;
  ids.reserve(recordings.size());
  for (const Named& recording : recordings) {
    ids.push_back(recording.rec_id);
  }
  std::sort(ids.begin(), ids.end());
  const auto twice = std::adjacent_find(ids.begin(), ids.end());
  if (twice != ids.end()) {
    return base::Error{base::ErrorCode::invalid_input,
                       "recording " + twice->text() + " is named twice; name it once, with all of its streams"};
  }
  return base::Done{};
}

base::Status add_batch(const Parts& parts);
base::Status add_hello(const Parts& parts, const Options& options);
base::Status add_offer(const Parts& parts);
base::Status add_changes(const Parts& parts);
base::Status add_verify(const Parts& parts, const Options& options);
base::Status add_chunk_put(const Parts& parts);
base::Status add_chunk_get(const Parts& parts);

}  // namespace boathouse::intake
