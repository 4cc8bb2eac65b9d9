// The ClickHouse tables, derived from the metric catalogue. Raw tables (one per stream but `source`, which stays in the
// ledger) are keyed by recording; table `session` has one idempotent row a session. Forward-only migrations.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/rowing/catalogue.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::timeseries {

// True for the streams that have a table.
bool has_table(rowing::Stream stream);

// "UInt8", "UInt16" or "UInt32".
std::string_view integer_type(const rowing::Metric& metric);

// How a metric's column is compressed, e.g. "Delta, ZSTD(1)".
std::string_view codec_text(const rowing::Metric& metric);

// The version of the tables: in the comment of table `session`, "schema N". Version 1 said nothing.
inline constexpr std::int64_t kSchemaVersion = 6;

// Where the tables are: on one server, or on a cluster, one of the server's <remote_servers>: the same tables are then
// made on all of its replicas, as copies of each other. With several shards the rows lie in SAMPLE_shard, those of one
// athlete together, and SAMPLE is a Distributed table over them, for reading and writing. Requires a cluster_name() or
// "", else nothing is quoted.
struct Layout {
  Layout(std::string_view name = {}, bool several_shards = false) : cluster(name), sharded(several_shards) {}
  std::string cluster;
  bool sharded;
};

// " ON CLUSTER `name`", or nothing on one server.
std::string on_cluster(const Layout& layout);
// The table that holds the rows.
std::string stored_table(std::string_view table, const Layout& layout);
// The way back, whatever the layout: "sample" of "sample" and of "sample_shard".
std::string_view table_of_stored(std::string_view stored);

// A table ("sample_shard", or "system.mutations") as a FROM names it to read what each replica has, not only the server
// that is asked: on a cluster the statement fails while one of them does not answer.
std::string on_all_replicas(std::string_view table, const Layout& layout);

// The same of one replica of each shard: what counts once however many copies there are.
std::string on_each_shard(std::string_view table, const Layout& layout);

// CREATE TABLE statements of version 1, in order; running them again changes nothing.
std::vector<std::string> create_statements(const Layout& layout = {});

// Whether a cluster may have this name here: 1 to 64 of A-Z, a-z, 0-9, _ and -.
bool cluster_name(std::string_view text);

// What leads from version - 1 to `version`, 2 to kSchemaVersion; running it again changes nothing. Never change one
// that was released; append the next.
std::vector<std::string> migration_statements(std::int64_t version, const Layout& layout = {});

// Adds columns to the table of a stream that was made before the catalogue had these metrics; at least one.
std::string new_metrics_statement(rowing::Stream stream, std::span<const rowing::Metric> metrics,
                                  const Layout& layout = {});

// The Distributed tables, to be made anew after each migration; none without shards.
std::vector<std::string> distributed_statements(const Layout& layout);

// All of them: what an empty server, or a cluster, is given.
std::vector<std::string> all_statements(const Layout& layout = {});

// What every call to a cluster says besides, as URL parameters: an insert into a Distributed table is acknowledged when
// the shard has it, and an athlete's rows of two tables are on the same shard, which alone is asked for them: with
// another shard away his questions are answered; of inserts that wait for their quorum several go on at once, and one
// is given up before its client gives up on it, as is the wait for hosts that have not carried out a statement ON
// CLUSTER.
inline constexpr std::string_view kClusterSettings =
    "&distributed_foreground_insert=1&distributed_product_mode=local&optimize_skip_unused_shards=1"
    "&insert_quorum_parallel=1&insert_quorum_timeout=60000&distributed_ddl_task_timeout=60";

// With a statement that changes tables of a cluster: it succeeds, too, when a host has not carried it out after
// distributed_ddl_task_timeout; a host that fails at it is an error all the same. That is safe for an ALTER: the queue
// in the Keepers gives it to the absent host when that is back (within a week, task_max_lifetime), in the order of the
// statements, and a replicated table takes its columns from the Keepers besides, whenever it comes. It is not for a
// CREATE: a host that makes a table after an ALTER has changed its copies is refused by the Keepers (code 122), so new
// tables wait for all hosts.
inline constexpr std::string_view kAbsentHostsLater = "&distributed_ddl_output_mode=null_status_on_timeout";

// Column list of a raw table as it is written and read: key columns, metrics, points, tail.
std::vector<std::string> table_columns(rowing::Stream stream);

// Asks the server how many shards the cluster has.
base::Result<Layout> layout_of(ClickHouseClient& client, std::string_view cluster);

// What the operator of a cluster should hear, or "": an insert is acknowledged before all replicas have it, and then a
// read of another one misses what counts as loaded.
base::Result<std::string> quorum_warning(ClickHouseClient& client, std::string_view cluster);

// Creates what is not there and brings the rest to kSchemaVersion; adds the columns of metrics that are new in the
// catalogue; asks the server how many shards the cluster has. Where nothing is lacking no statement is sent, so that a
// replica which is away keeps nobody from starting; one that is away while tables change gets that later, and new
// tables are unavailable until it is back. What the server that is asked has counts: a replica that lost its tables is
// made anew by the operator (docs/operations/runbooks.md). unsupported: a newer program made the tables, or they were
// made for one shard and there are several now.
base::Status migrate(ClickHouseClient& client, std::string_view cluster = {});

}  // namespace boathouse::timeseries
