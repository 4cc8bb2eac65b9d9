#include "server/timeseries/schema.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <set>
#include <utility>

namespace boathouse::timeseries {
namespace {

using rowing::Codec;
using rowing::Metric;
using rowing::Stream;
using rowing::WireType;

// Durability and dedup on every table: an acknowledged insert survives a power cut, a repeated token counts once.
// ReplacingMergeTree is the second line should the token window have moved on.
constexpr std::string_view kDurable =
    "fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1";
constexpr std::string_view kWindow = "non_replicated_deduplication_window = 10000";
// The built-in one of replicated tables is an hour; a phone may come back with its retry after weeks.
constexpr std::string_view kReplicatedWindow =
    "replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 2592000";
// Neighbouring points of a curve are alike: 19.5 bytes instead of 29 for one of 35 points.
constexpr std::string_view kCurveCodec = "Delta(2), ZSTD(5)";
// By name, not by UUID: a replica that was lost with its disk makes its tables anew and joins the other's.
constexpr std::string_view kReplicaPath = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ";

constexpr std::string_view kShardSuffix = "_shard";

std::string head(std::string_view table, const Layout& layout) {
  return "CREATE TABLE IF NOT EXISTS " + stored_table(table, layout) + on_cluster(layout);
}

// One description for one server and for a cluster: the same columns, keys and versions. `arguments` of
// ReplacingMergeTree.
std::string engine(std::string_view arguments, const Layout& layout) {
  return layout.cluster.empty()
             ? " ENGINE = ReplacingMergeTree(" + std::string(arguments) + ")"
             : " ENGINE = ReplicatedReplacingMergeTree(" + std::string(kReplicaPath) + std::string(arguments) + ")";
}

std::string settings(const Layout& layout) {
  return " SETTINGS " + std::string(layout.cluster.empty() ? kWindow : kReplicatedWindow) + ", " +
         std::string(kDurable);
}

// A session row is wide, and a page asks for some dozens of one athlete: with granules of 8192 rows nearly all that is
// read and unpacked is of others. ClickHouse cannot change that of a table: one that was made before keeps its
// granules, and its pages take twice as long.
constexpr const char* kFewRowsAtOnce = ", index_granularity = 512, min_compress_block_size = 16384";

std::string metric_column(const Metric& metric) {
  return std::string(metric.column) + " Nullable(" + std::string(integer_type(metric)) + ") CODEC(" +
         std::string(codec_text(metric)) + ")";
}

std::string raw_table(Stream stream, const Layout& layout) {
  std::string sql =
      head(rowing::name(stream), layout) +
      " (athlete UUID CODEC(ZSTD(1)), started DateTime64(3, 'UTC') CODEC(ZSTD(1)), rec_id UUID CODEC(ZSTD(1)),"
      " seq UInt32 CODEC(DoubleDelta, ZSTD(1))";
  for (const Metric& metric : rowing::metrics(stream)) sql += ", " + metric_column(metric);
  if (rowing::has_points(stream)) sql += ", points Array(UInt16) CODEC(" + std::string(kCurveCodec) + ")";
  sql += ", " + std::string(rowing::bytes_column(stream)) +
         " String CODEC(ZSTD(1)), ver UInt64 CODEC(DoubleDelta, ZSTD(1)))" + engine("ver", layout) +
         " PARTITION BY toYear(started) ORDER BY (athlete, started, rec_id, seq)";
  return sql + settings(layout);
}

// One row a session. `ver` is the ledger's server_seq, so a later state wins whatever arrives when; a moved key leaves
// a tombstone (is_deleted). Frozen as version 1 had it, but for the granules: what came later is in the migrations.
std::string session_table(const Layout& layout) {
  return head("session", layout) +
         " (athlete UUID CODEC(ZSTD(1)), started DateTime64(3, 'UTC') CODEC(ZSTD(1)),"
         " session UUID CODEC(ZSTD(1)), primary_rec UUID CODEC(ZSTD(1)), started_known UInt8, offset_minutes "
         "Nullable(Int16),"
         " zone String, origin UInt8, dialect String, source_name String, title String, monitor_serial String, sealed "
         "UInt8,"
         " end_reason UInt8, totals_from String, workout_type Nullable(UInt8), erg_machine_type Nullable(UInt8),"
         " work_time_cs Nullable(UInt32), work_distance_dm Nullable(UInt32), rest_time_cs Nullable(UInt32),"
         " rest_distance_m Nullable(UInt32), avg_pace_cs_per_500m Nullable(UInt32), avg_power_w Nullable(UInt16),"
         " avg_stroke_rate_spm Nullable(UInt8), avg_heart_rate_bpm Nullable(UInt8), max_heart_rate_bpm Nullable(UInt8),"
         " total_calories Nullable(UInt32), stroke_count Nullable(UInt32), avg_drag_factor Nullable(UInt8),"
         " samples UInt32, strokes UInt32, force_curves UInt32, splits UInt32, summaries UInt32, events UInt32, "
         "sources UInt32,"
         " ver UInt64, is_deleted UInt8)" +
         engine("ver, is_deleted", layout) + " ORDER BY (athlete, started, session)" + settings(layout) +
         kFewRowsAtOnce;
}

// What a session comes to beyond its totals, which recordings it has and what people wrote. A session of before is one
// recording, and its row says by summary_version 0 that it is to be made again.
constexpr std::string_view kSessionColumnsOfVersion2 =
    " ADD COLUMN IF NOT EXISTS recordings Array(UUID) DEFAULT [primary_rec] CODEC(ZSTD(1)),"
    " ADD COLUMN IF NOT EXISTS recordings_started Array(DateTime64(3, 'UTC')) DEFAULT [started] CODEC(ZSTD(1)),"
    // Of each stream in the order of their numbers: its place in `recordings`, 255 = none.
    " ADD COLUMN IF NOT EXISTS primaries Array(UInt8) DEFAULT [0, 0, 0, 0, 0, 0, 0],"
    " ADD COLUMN IF NOT EXISTS notes String CODEC(ZSTD(1)),"
    " ADD COLUMN IF NOT EXISTS tags Array(String) CODEC(ZSTD(1)),"
    " ADD COLUMN IF NOT EXISTS summary_version UInt32,"
    // Bit n: the n-th of rowing::kTotals is the monitor's word.
    " ADD COLUMN IF NOT EXISTS monitor_totals UInt32,"
    " ADD COLUMN IF NOT EXISTS max_power_w Nullable(UInt16),"
    " ADD COLUMN IF NOT EXISTS min_heart_rate_bpm Nullable(UInt8),"
    // As rowing::kBestDistancesM, kBestTimesS; 0 = none. The sources are rowing::FigureSource's numbers.
    " ADD COLUMN IF NOT EXISTS best_times_cs Array(UInt32) CODEC(ZSTD(1)),"
    " ADD COLUMN IF NOT EXISTS best_times_from Array(UInt8) CODEC(ZSTD(1)),"
    " ADD COLUMN IF NOT EXISTS best_distances_dm Array(UInt32) CODEC(ZSTD(1)),"
    " ADD COLUMN IF NOT EXISTS best_distances_from Array(UInt8) CODEC(ZSTD(1)),"
    // For the first of rowing::kPowerDurationsS; rowing::PowerSource.
    " ADD COLUMN IF NOT EXISTS power_w Array(UInt16) CODEC(ZSTD(1)),"
    " ADD COLUMN IF NOT EXISTS power_from UInt8,"
    // Histograms: a value and how long it was held.
    " ADD COLUMN IF NOT EXISTS heart_rate_bpm Array(UInt8) CODEC(Delta, ZSTD(1)),"
    " ADD COLUMN IF NOT EXISTS heart_rate_ms Array(UInt32) CODEC(ZSTD(1)),"
    " ADD COLUMN IF NOT EXISTS pace_s_per_500m Array(UInt16) CODEC(Delta, ZSTD(1)),"
    " ADD COLUMN IF NOT EXISTS pace_ms Array(UInt32) CODEC(ZSTD(1)),"
    " ADD COLUMN IF NOT EXISTS gaps UInt32,"
    " ADD COLUMN IF NOT EXISTS clock_jumps UInt32,"
    " ADD COLUMN IF NOT EXISTS missing_records UInt64,"
    " ADD COLUMN IF NOT EXISTS has_summary UInt8";

// Codecs that hold real recordings in less room (docs/benchmarks.md); of splits, summaries and events there are too few
// to matter.
constexpr std::string_view kSampleOfVersion3 =
    " MODIFY COLUMN at_ms Nullable(UInt32) CODEC(Delta, T64, ZSTD(1)),"
    " MODIFY COLUMN elapsed_cs Nullable(UInt32) CODEC(Delta, T64, ZSTD(1)),"
    " MODIFY COLUMN distance_dm Nullable(UInt32) CODEC(Delta, T64, ZSTD(1)),"
    " MODIFY COLUMN total_work_distance_m Nullable(UInt32) CODEC(Delta, T64, ZSTD(1)),"
    " MODIFY COLUMN ver UInt64 CODEC(DoubleDelta, ZSTD(1))";
constexpr std::string_view kStrokeOfVersion3 =
    " MODIFY COLUMN at_ms Nullable(UInt32) CODEC(Delta, T64, ZSTD(1)),"
    " MODIFY COLUMN elapsed_cs Nullable(UInt32) CODEC(Delta, T64, ZSTD(1)),"
    " MODIFY COLUMN distance_dm Nullable(UInt32) CODEC(Delta, T64, ZSTD(1)),"
    " MODIFY COLUMN recovery_time_cs Nullable(UInt16) CODEC(Delta, ZSTD(1)),"
    " MODIFY COLUMN stroke_distance_cm Nullable(UInt16) CODEC(Delta, ZSTD(1)),"
    " MODIFY COLUMN peak_force_dlbf Nullable(UInt16) CODEC(Delta, ZSTD(1)),"
    " MODIFY COLUMN avg_force_dlbf Nullable(UInt16) CODEC(Delta, ZSTD(1)),"
    " MODIFY COLUMN work_per_stroke_dj Nullable(UInt16) CODEC(Delta, ZSTD(1)),"
    " MODIFY COLUMN stroke_power_w Nullable(UInt16) CODEC(Delta, ZSTD(1)),"
    " MODIFY COLUMN stroke_cal_per_hour Nullable(UInt16) CODEC(Delta, ZSTD(1)),"
    " MODIFY COLUMN ver UInt64 CODEC(DoubleDelta, ZSTD(1))";
constexpr std::string_view kCurveOfVersion3 =
    " MODIFY COLUMN at_ms Nullable(UInt32) CODEC(Delta, T64, ZSTD(1)),"
    " MODIFY COLUMN points Array(UInt16) CODEC(Delta(2), ZSTD(5)),"
    " MODIFY COLUMN ver UInt64 CODEC(DoubleDelta, ZSTD(1))";

// A small part, which has all columns in one file, has them in blocks together too: a recording's 80 pieces, most of
// them alike all the way, each in a frame of its own were a seventh of its room.
constexpr std::string_view kRawTableOfVersion5 = " MODIFY SETTING compress_per_column_in_compact_parts = 0";

// All of a session in one column, which costs ClickHouse a fourth of planning and reading sixty (docs/benchmarks.md).
// Made from the others by ClickHouse itself, so that it cannot tell another story than they do; parts of before have it
// made as they are read, until they have theirs.
constexpr std::string_view kPackedOfVersion6 =
    " ADD COLUMN IF NOT EXISTS packed String MATERIALIZED formatRow('RowBinary', athlete, started, session,"
    " primary_rec, started_known, offset_minutes, zone, origin, dialect, source_name, title, notes, tags,"
    " monitor_serial, sealed, end_reason, recordings, recordings_started, primaries, work_time_cs, work_distance_dm,"
    " rest_time_cs, rest_distance_m, avg_pace_cs_per_500m, avg_power_w, max_power_w, avg_stroke_rate_spm,"
    " avg_heart_rate_bpm, min_heart_rate_bpm, max_heart_rate_bpm, total_calories, stroke_count, avg_drag_factor,"
    " monitor_totals, totals_from, workout_type, erg_machine_type, best_times_cs, best_times_from, best_distances_dm,"
    " best_distances_from, power_w, power_from, heart_rate_bpm, heart_rate_ms, pace_s_per_500m, pace_ms, gaps,"
    " clock_jumps, has_summary, samples, strokes, force_curves, splits, summaries, events, sources, removed_streams,"
    " missing_records, summary_version, ver, is_deleted) CODEC(ZSTD(1))";

struct Stored {
  std::int64_t version = 0;
  bool distributed = false;
};

base::Result<Stored> what_is_stored(ClickHouseClient& client) {
  const auto block = client.select(
      "SELECT comment, engine FROM system.tables WHERE database = currentDatabase() AND name = 'session'");
  if (!block) return block.error();
  if (block->rows == 0) return Stored{};
  constexpr std::string_view kWord = "schema ";
  const std::string& comment = block->find("comment")->texts[0];
  Stored stored{1, block->find("engine")->texts[0] == "Distributed"};
  if (comment.starts_with(kWord)) {
    std::from_chars(comment.data() + kWord.size(), comment.data() + comment.size(), stored.version);
  }
  return stored;
}

using ColumnsOf = std::map<std::string, std::set<std::string>, std::less<>>;

base::Result<ColumnsOf> columns_in_clickhouse(ClickHouseClient& client) {
  const auto block =
      client.select("SELECT table, name FROM system.columns WHERE database = currentDatabase() LIMIT 100000");
  if (!block) return block.error();
  ColumnsOf columns;
  for (std::size_t row = 0; row < block->rows; ++row) {
    columns[block->find("table")->texts[row]].insert(block->find("name")->texts[row]);
  }
  return columns;
}

// Metrics that the catalogue has and the table has not: it was made by a program with fewer of them. None of a table
// whose columns nobody may see.
std::vector<Metric> missing_metrics(const ColumnsOf& columns, Stream stream, std::string_view table) {
  std::vector<Metric> missing;
  const auto found = columns.find(table);
  if (found == columns.end()) return missing;
  for (const Metric& metric : rowing::metrics(stream)) {
    if (!found->second.contains(std::string(metric.column))) missing.push_back(metric);
  }
  return missing;
}

// True: some Distributed table lacks a column, which the tables under it have now.
base::Result<bool> add_new_metrics(ClickHouseClient& client, const ColumnsOf& columns, const Layout& layout) {
  bool front_lacks = false;
  for (const Stream stream : rowing::kStreams) {
    if (!has_table(stream)) continue;
    const std::string_view name = rowing::name(stream);
    front_lacks = front_lacks || (layout.sharded && !missing_metrics(columns, stream, name).empty());
    const auto missing = missing_metrics(columns, stream, stored_table(name, layout));
    if (missing.empty()) continue;
    BOATHOUSE_TRY(client.execute(new_metrics_statement(stream, missing, layout), {}, kAbsentHostsLater));
  }
  return front_lacks;
}

// Of those that hold the rows.
bool has_all_tables(const ColumnsOf& columns, const Layout& layout) {
  return columns.contains(stored_table("session", layout)) && std::ranges::all_of(rowing::kStreams, [&](Stream stream) {
           return !has_table(stream) || columns.contains(stored_table(rowing::name(stream), layout));
         });
}

std::string called_on(std::string_view function, std::string_view table, const Layout& layout) {
  if (layout.cluster.empty()) return std::string(table);
  return std::string(function) + "(`" + layout.cluster + "`, " +
         (table.find('.') == std::string_view::npos ? "currentDatabase(), " : "") + std::string(table) + ")";
}

}  // namespace

std::string new_metrics_statement(Stream stream, std::span<const Metric> metrics, const Layout& layout) {
  std::string sql = "ALTER TABLE " + stored_table(rowing::name(stream), layout) + on_cluster(layout);
  for (const Metric& metric : metrics) {
    sql += (sql.ends_with(')') ? ", ADD" : " ADD") + std::string(" COLUMN IF NOT EXISTS ") + metric_column(metric);
  }
  return sql;
}

std::string on_cluster(const Layout& layout) {
  return layout.cluster.empty() ? std::string() : " ON CLUSTER `" + layout.cluster + "`";
}

std::string stored_table(std::string_view table, const Layout& layout) {
  return std::string(table) + std::string(layout.sharded ? kShardSuffix : "");
}

std::string_view table_of_stored(std::string_view stored) {
  return stored.ends_with(kShardSuffix) ? stored.substr(0, stored.size() - kShardSuffix.size()) : stored;
}

std::string on_all_replicas(std::string_view table, const Layout& layout) {
  return called_on("clusterAllReplicas", table, layout);
}

std::string on_each_shard(std::string_view table, const Layout& layout) { return called_on("cluster", table, layout); }

bool has_table(Stream stream) { return stream != Stream::source; }

std::string_view integer_type(const Metric& metric) {
  switch (rowing::max_value(metric)) {
    case 0xF:
    case 0xFF:
      return "UInt8";
    case 0xFFFF:
      return "UInt16";
    default:
      return "UInt32";
  }
}

// T64 takes the high bytes that are all zero off steps of 32 bits.
std::string_view codec_text(const Metric& metric) {
  switch (metric.codec) {
    case Codec::plain:
      return "ZSTD(1)";
    case Codec::delta:
      return integer_type(metric) == "UInt32" ? "Delta, T64, ZSTD(1)" : "Delta, ZSTD(1)";
    case Codec::double_delta:
      return "DoubleDelta, ZSTD(1)";
  }
  return "ZSTD(1)";
}

bool cluster_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::vector<std::string> create_statements(const Layout& layout) {
  std::vector<std::string> statements;
  for (const Stream stream : rowing::kStreams) {
    if (has_table(stream)) statements.push_back(raw_table(stream, layout));
  }
  statements.push_back(session_table(layout));
  return statements;
}

std::vector<std::string> table_columns(Stream stream) {
  std::vector<std::string> columns{"athlete", "started", "rec_id", "seq"};
  for (const Metric& metric : rowing::metrics(stream)) columns.emplace_back(metric.column);
  if (rowing::has_points(stream)) columns.emplace_back("points");
  columns.emplace_back(rowing::bytes_column(stream));
  columns.emplace_back("ver");
  return columns;
}

std::vector<std::string> migration_statements(std::int64_t version, const Layout& layout) {
  const auto alter = [&layout](std::string_view table) {
    return "ALTER TABLE " + stored_table(table, layout) + on_cluster(layout);
  };
  std::vector<std::string> statements;
  if (version == 2) statements.push_back(alter("session") + std::string(kSessionColumnsOfVersion2));
  if (version == 3) {
    statements.push_back(alter("sample") + std::string(kSampleOfVersion3));
    statements.push_back(alter("stroke") + std::string(kStrokeOfVersion3));
    statements.push_back(alter("force_curve") + std::string(kCurveOfVersion3));
  }
  // Bit n: retention took records of the n-th stream.
  if (version == 4) statements.push_back(alter("session") + " ADD COLUMN IF NOT EXISTS removed_streams UInt8");
  if (version == 5) {
    for (const Stream stream : rowing::kStreams) {
      if (has_table(stream)) statements.push_back(alter(rowing::name(stream)) + std::string(kRawTableOfVersion5));
    }
  }
  if (version == 6) {
    statements.push_back(alter("session") + std::string(kPackedOfVersion6));
    statements.push_back(alter("session") + " MATERIALIZE COLUMN packed");
  }
  if (!statements.empty()) {
    statements.push_back(alter("session") + " MODIFY COMMENT 'schema " + std::to_string(version) + "'");
  }
  return statements;
}

std::vector<std::string> distributed_statements(const Layout& layout) {
  if (!layout.sharded) return {};
  std::vector<std::string> statements;
  const auto add = [&](std::string_view table) {
    const std::string stored = stored_table(table, layout);
    statements.push_back("CREATE OR REPLACE TABLE " + std::string(table) + on_cluster(layout) + " AS " + stored +
                         " ENGINE = Distributed(`" + layout.cluster + "`, currentDatabase(), " + stored +
                         ", cityHash64(athlete)) COMMENT 'schema " + std::to_string(kSchemaVersion) + "'");
  };
  for (const Stream stream : rowing::kStreams) {
    if (has_table(stream)) add(rowing::name(stream));
  }
  add("session");  // the last: its comment says that all is done
  return statements;
}

std::vector<std::string> all_statements(const Layout& layout) {
  std::vector<std::string> statements = create_statements(layout);
  const auto append = [&statements](std::vector<std::string> more) {
    for (std::string& statement : more) statements.push_back(std::move(statement));
  };
  for (std::int64_t version = 2; version <= kSchemaVersion; ++version) append(migration_statements(version, layout));
  append(distributed_statements(layout));
  return statements;
}

base::Result<Layout> layout_of(ClickHouseClient& client, std::string_view cluster) {
  if (cluster.empty()) return Layout();
  const auto block =
      client.select("SELECT uniqExact(shard_num) AS shards FROM system.clusters WHERE cluster = {name:String}",
                    {{"name", std::string(cluster)}});
  if (!block) return block.error();
  return Layout(cluster, block->rows == 1 && block->integer("shards", 0) > 1);
}

base::Result<std::string> quorum_warning(ClickHouseClient& client, std::string_view cluster) {
  if (cluster.empty()) return std::string();
  const auto block = client.select(
      "SELECT replicas, if(value = 'auto', intDiv(replicas, 2) + 1, toUInt64OrZero(value)) AS quorum"
      " FROM system.settings CROSS JOIN (SELECT max(n) AS replicas FROM (SELECT count() AS n FROM system.clusters"
      " WHERE cluster = {name:String} GROUP BY shard_num)) AS replicated WHERE name = 'insert_quorum'",
      {{"name", std::string(cluster)}});
  if (!block) return block.error();
  if (block->rows != 1) return std::string();
  const std::int64_t replicas = block->integer("replicas", 0);
  const std::int64_t quorum = block->integer("quorum", 0);
  if (replicas <= 1 || quorum >= replicas) return std::string();
  return "ClickHouse's insert_quorum is " + std::to_string(quorum) + " and cluster " + std::string(cluster) + " has " +
         std::to_string(replicas) + " replicas: reads may miss what was loaded; give serve --clickhouse-quorum " +
         std::to_string(replicas);
}

base::Status migrate(ClickHouseClient& client, std::string_view cluster) {
  const auto stored = what_is_stored(client);
  if (!stored) return stored.error();
  if (stored->version > kSchemaVersion) {
    return base::Error{base::ErrorCode::unsupported, "ClickHouse's tables are of version " +
                                                         std::to_string(stored->version) + " and this program knows " +
                                                         std::to_string(kSchemaVersion) + "; run the newer one"};
  }
  const auto layout = layout_of(client, cluster);
  if (!layout) return layout.error();
  if (stored->version != 0 && stored->distributed != layout->sharded) {
    return base::Error{base::ErrorCode::unsupported, std::string("ClickHouse's tables were made for ") +
                                                         (layout->sharded ? "one shard" : "several shards") +
                                                         ", and cluster " + std::string(cluster) + " has " +
                                                         (layout->sharded ? "several" : "one") +
                                                         ": give it an empty database, the ledger fills it again"};
  }
  const auto columns = columns_in_clickhouse(client);
  if (!columns) return columns.error();
  const bool has_all = has_all_tables(*columns, *layout);
  if (!has_all) {
    for (const std::string& statement : create_statements(*layout)) {
      const base::Status made = client.execute(statement);
      if (!made && !cluster.empty()) return made.error().within("making tables, which all replicas must be there for");
      BOATHOUSE_TRY(made);
    }
  }
  // A table that is made anew is one of version 1.
  for (std::int64_t next = has_all ? stored->version + 1 : 2; next <= kSchemaVersion; ++next) {
    for (const std::string& statement : migration_statements(next, *layout)) {
      BOATHOUSE_TRY(client.execute(statement, {}, kAbsentHostsLater));
    }
  }
  const auto front_lacks = add_new_metrics(client, *columns, *layout);
  if (!front_lacks) return front_lacks.error();
  if (has_all && stored->version == kSchemaVersion && !*front_lacks) return base::Done{};
  for (const std::string& statement : distributed_statements(*layout)) BOATHOUSE_TRY(client.execute(statement));
  return base::Done{};
}

}  // namespace boathouse::timeseries
