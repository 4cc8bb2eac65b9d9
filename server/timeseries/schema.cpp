#include "server/timeseries/schema.hpp"

#include <algorithm>
#include <charconv>
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
// By name, not by UUID: a replica that was lost with its disk makes its tables anew and joins the other's.
constexpr std::string_view kReplicaPath = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ";

// One description for one server and for a cluster: the same columns, keys and versions.
struct Placement {
  std::string_view cluster;

  [[nodiscard]] std::string head(std::string_view table) const {
    return "CREATE TABLE IF NOT EXISTS " + std::string(table) + on_cluster();
  }
  [[nodiscard]] std::string alter(std::string_view table) const {
    return "ALTER TABLE " + std::string(table) + on_cluster();
  }
  [[nodiscard]] std::string on_cluster() const {
    return cluster.empty() ? std::string() : " ON CLUSTER `" + std::string(cluster) + "`";
  }
  // `arguments` of ReplacingMergeTree.
  [[nodiscard]] std::string engine(std::string_view arguments) const {
    return cluster.empty()
               ? " ENGINE = ReplacingMergeTree(" + std::string(arguments) + ")"
               : " ENGINE = ReplicatedReplacingMergeTree(" + std::string(kReplicaPath) + std::string(arguments) + ")";
  }
  [[nodiscard]] std::string settings() const {
    return " SETTINGS " + std::string(cluster.empty() ? kWindow : kReplicatedWindow) + ", " + std::string(kDurable);
  }
};

std::string_view codec_text(Codec codec) {
  switch (codec) {
    case Codec::plain:
      return "ZSTD(1)";
    case Codec::delta:
      return "Delta, ZSTD(1)";
    case Codec::double_delta:
      return "DoubleDelta, ZSTD(1)";
  }
  return "ZSTD(1)";
}

std::string raw_table(Stream stream, const Placement& placement) {
  std::string sql =
      placement.head(rowing::name(stream)) +
      " (athlete UUID CODEC(ZSTD(1)), started DateTime64(3, 'UTC') CODEC(ZSTD(1)), rec_id UUID CODEC(ZSTD(1)),"
      " seq UInt32 CODEC(DoubleDelta, ZSTD(1))";
  for (const Metric& metric : rowing::metrics(stream)) {
    sql += ", " + std::string(metric.column) + " Nullable(" + std::string(integer_type(metric)) + ") CODEC(" +
           std::string(codec_text(metric.codec)) + ")";
  }
  if (rowing::has_points(stream)) sql += ", points Array(UInt16) CODEC(ZSTD(1))";
  sql += ", " + std::string(rowing::bytes_column(stream)) + " String CODEC(ZSTD(1)), ver UInt64 CODEC(ZSTD(1)))" +
         placement.engine("ver") + " PARTITION BY toYear(started) ORDER BY (athlete, started, rec_id, seq)";
  return sql + placement.settings();
}

// One row a session. `ver` is the ledger's server_seq, so a later state wins whatever arrives when; a moved key leaves
// a tombstone (is_deleted). Frozen as version 1 had it: what came later is in the migrations.
std::string session_table(const Placement& placement) {
  return placement.head("session") +
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
         placement.engine("ver, is_deleted") + " ORDER BY (athlete, started, session)" + placement.settings();
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

base::Result<std::int64_t> stored_version(ClickHouseClient& client) {
  const auto block =
      client.select("SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = 'session'");
  if (!block) return block.error();
  if (block->rows == 0) return std::int64_t{0};
  constexpr std::string_view kWord = "schema ";
  const std::string& comment = block->find("comment")->texts[0];
  std::int64_t version = 1;
  if (comment.starts_with(kWord)) {
    std::from_chars(comment.data() + kWord.size(), comment.data() + comment.size(), version);
  }
  return version;
}

}  // namespace

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

bool cluster_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::vector<std::string> create_statements(std::string_view cluster) {
  const Placement placement{cluster};
  std::vector<std::string> statements;
  for (const Stream stream : rowing::kStreams) {
    if (has_table(stream)) statements.push_back(raw_table(stream, placement));
  }
  statements.push_back(session_table(placement));
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

std::vector<std::string> migration_statements(std::int64_t version, std::string_view cluster) {
  if (version != 2) return {};
  const std::string alter = Placement{cluster}.alter("session");
  return {alter + std::string(kSessionColumnsOfVersion2), alter + " MODIFY COMMENT 'schema 2'"};
}

std::vector<std::string> all_statements(std::string_view cluster) {
  std::vector<std::string> statements = create_statements(cluster);
  for (std::int64_t version = 2; version <= kSchemaVersion; ++version) {
    for (std::string& statement : migration_statements(version, cluster)) statements.push_back(std::move(statement));
  }
  return statements;
}

base::Status migrate(ClickHouseClient& client, std::string_view cluster) {
  auto version = stored_version(client);
  if (!version) return version.error();
  if (*version > kSchemaVersion) {
    return base::Error{base::ErrorCode::unsupported, "ClickHouse's tables are of version " + std::to_string(*version) +
                                                         " and this program knows " + std::to_string(kSchemaVersion) +
                                                         "; run the newer one"};
  }
  for (const std::string& statement : create_statements(cluster)) BOATHOUSE_TRY(client.execute(statement));
  for (std::int64_t next = std::max<std::int64_t>(*version, 1) + 1; next <= kSchemaVersion; ++next) {
    for (const std::string& statement : migration_statements(next, cluster)) BOATHOUSE_TRY(client.execute(statement));
  }
  return base::Done{};
}

}  // namespace boathouse::timeseries
