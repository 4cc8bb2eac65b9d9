// The reader's half for how far an athlete's data is: taken in, and counted by queries.
#include <algorithm>

#include "server/ledger/reader.hpp"

namespace boathouse::ledger {

using base::Result;

namespace {

// The first of what is not there yet, or is still there, for each of the three ways in which ClickHouse can be behind.
// The feed is read from the oldest chunk that waits, anybody's: of an athlete's years only what is about as new.
constexpr std::string_view kFirstChunkToLoad =
    "SELECT feed.server_seq FROM feed JOIN unloaded ON unloaded.server_seq = feed.server_seq "
    "WHERE feed.athlete = ?1 AND feed.server_seq >= (SELECT min(server_seq) FROM unloaded) "
    "ORDER BY feed.server_seq LIMIT 1";
constexpr std::string_view kFirstRowToWrite =
    "SELECT min(dirty_since) FROM session_mark WHERE dirty_since IS NOT NULL AND ("
    "EXISTS (SELECT 1 FROM recording WHERE recording.rec_id = session_mark.rec_id AND recording.athlete = ?1) OR "
    "EXISTS (SELECT 1 FROM gone WHERE gone.rec_id = session_mark.rec_id AND gone.athlete = ?1))";
constexpr std::string_view kFirstToErase = "SELECT min(server_seq) FROM erasing WHERE athlete = ?1";

}  // namespace

Result<DataVersion> Reader::data_version(const base::Uuid& athlete) {
  const auto number = [&](std::string_view sql) -> Result<std::optional<std::int64_t>> {
    auto select = connection_.prepare(sql);
    if (!select) {
      return select.error();
    }
    const auto row = select->bind(1, athlete.bytes).step();
    if (!row) {
      return row.error();
    }
    return *row ? select->optional_integer(0) : std::nullopt;
  };
  const auto accepted = number("SELECT max(server_seq) FROM feed WHERE athlete = ?1");
  if (!accepted) {
    return accepted.error();
  }
  DataVersion version{accepted->value_or(0), accepted->value_or(0)};
  for (const std::string_view behind : {kFirstChunkToLoad, kFirstRowToWrite, kFirstToErase}) {
    const auto first = number(behind);
    if (!first) {
      return first.error();
    }
    if (*first) {
      version.visible_seq = std::min(version.visible_seq, **first - 1);
    }
  }
  return version;
}

}  // namespace boathouse::ledger
