// Deletes from ClickHouse what is gone from the ledger. The rows leave the files, not only the answers: ALTER TABLE ...
// DELETE, which rewrites the parts that have such rows and links the others. A replicated table carries it to its
// replicas by itself; ON CLUSTER would do it once for each of them, which is what several shards take.
#pragma once

#include <span>

#include "core/base/result.hpp"
#include "server/ledger/retention.hpp"
#include "server/timeseries/clickhouse_client.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::timeseries {

inline constexpr std::size_t kErasedAtOnce = 200;  // their ids travel in the URL

// True: no table of any replica has a row of any of `rows` (at most kErasedAtOnce), and none can come from an insert
// that nobody waits for. False: some have, and deletes are under way, or somebody's insert is; ask again. Asking again
// while a delete runs starts no other. Whoever inserts must not begin an insert of such rows meanwhile. unavailable:
// ClickHouse or one of its replicas is away, or cannot delete, with its reason.
base::Result<bool> erase_rows(ClickHouseClient& client, std::span<const ledger::RowsToErase> rows,
                              const Layout& layout = {});

// How many rows each table has of an athlete, deleted and replaced ones too; on a cluster those of all replicas.
base::Result<std::vector<ledger::TableCount>> rows_of_athlete(ClickHouseClient& client, const base::Uuid& athlete,
                                                              const Layout& layout = {});

}  // namespace boathouse::timeseries
