// Records of one session for a chart: those from a place on, as rows of numbers. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/result.hpp"
#include "device/page/tools.hpp"

namespace boathouse::page {

inline constexpr std::size_t kMaxRows = 5000;  // an answer; the rest with the next question

struct RecordQuery {
  std::string session;  // ses_ id
  std::string stream;   // "sample", "stroke", "split", "summary"
  std::string fields;   // names of the edge view (docs/metrics.md) with commas between: "at_s,pace_s_per_500m"
  std::string from;     // the first seq, decimal; "" = 0
};

// {"from", "next": the first seq that is not in it, "pace_m": that the machine's pace is shown for, "rows": [[number or
// text or null, ...], ...]}; as many rows as there are, kMaxRows at most. not_found: no such session; invalid_input: a
// stream or field that is none.
base::Result<std::string> records_json(const Tools& tools, const RecordQuery& query);

inline constexpr std::size_t kMaxCopy = std::size_t{256} << 20;  // bytes

// A stream as CSV (RFC 4180) with every field of the edge view, for an athlete who wants a copy whatever the server
// says.
base::Result<std::string> records_csv(const Tools& tools, const std::string& session, const std::string& stream);

}  // namespace boathouse::page
