// Whether the disk still gives what ClickHouse wrote: parts of tables, read whole and compared with their checksums. A
// part that is damaged and that nobody asks for is noticed by nothing else.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::timeseries {

struct DamagedPart {
  std::string table;
  std::string part;  // "2026_1_1_0"
};

struct PartsRead {
  std::size_t there = 0;
  std::size_t read = 0;
  std::vector<DamagedPart> damaged;
};

// Of the tables on this server, in an order that is another each time, as long as `go_on` says so: it is asked before
// each. One may take as long as the client's check_timeout_ms. A part that was merged away meanwhile counts as read:
// its rows are in another.
base::Result<PartsRead> read_parts(ClickHouseClient& client, const std::function<bool()>& go_on);

}  // namespace boathouse::timeseries
