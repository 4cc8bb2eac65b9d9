// Sessions: what an athlete sees and counts. An answer is bounded in bytes, whatever was uploaded: too_large, here and
// below, if there is more.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"
#include "server/query/cursor.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::query {

// Of one answer. A sample, the widest record that comes in hundreds of thousands, has 120 bytes: 600,000 of them are 72
// MB; a page of 200 sessions with the longest notes is some 10 MB.
inline constexpr std::size_t kMostBytes = std::size_t{96} << 20;

// Whose sessions may be seen: those of these athletes (none: nobody's), or everybody's (the operator). Every question
// here has it in its predicate.
struct Scope {
  std::optional<std::vector<base::Uuid>> athletes;
};

struct SessionFilter {
  std::optional<std::int64_t> from_ms;  // started >= from
  std::optional<std::int64_t> to_ms;    // started < to
};

// Rows of table `session` as they are (server/timeseries/schema.cpp has the columns), newest first.
// Reads limit + 1 rows at most, so that the caller sees whether there are more. unavailable, here and below: the tables
// are still an older program's.
base::Result<timeseries::NativeBlock> session_page(timeseries::ClickHouseClient& client, const Scope& scope,
                                                   const SessionFilter& filter, const std::optional<PageKey>& after,
                                                   std::size_t limit);

// One row, or none.
base::Result<timeseries::NativeBlock> one_session(timeseries::ClickHouseClient& client, const Scope& scope,
                                                  const base::Uuid& session);

// The session that the recording with this id is part of, when its own was merged into it.
base::Result<std::optional<base::Uuid>> merged_into(timeseries::ClickHouseClient& client, const Scope& scope,
                                                    const base::Uuid& session);

// Where the records of a session lie: the sort key of the raw tables.
struct RecordKey {
  base::Uuid athlete;
  std::int64_t started_ms = 0;
  base::Uuid rec_id;
};
// Of a stream: of the recording whose records count. nullopt: there are none.
std::optional<RecordKey> record_key(const timeseries::NativeBlock& sessions, std::size_t row, rowing::Stream stream);
// Of all streams that there are.
using RecordKeys = std::map<rowing::Stream, RecordKey>;
RecordKeys record_keys(const timeseries::NativeBlock& sessions, std::size_t row);

struct RecordsAsked {
  std::uint64_t from_seq = 0;
  std::size_t limit = 0;
  bool counted_only = false;  // of two records about the same split, or two summaries, the one with the larger seq
  // The stream's bytes column, too: up to 64 KiB a record that nothing but an export shows.
  bool with_bytes = false;
  std::size_t most_bytes = kMostBytes;
};
// Records of one stream in order of seq. Columns: seq, the metrics, points where the stream has them.
base::Result<timeseries::NativeBlock> records(timeseries::ClickHouseClient& client, const RecordKey& key,
                                              rowing::Stream stream, const RecordsAsked& asked);

}  // namespace boathouse::query
