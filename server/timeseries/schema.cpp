#include "server/timeseries/schema.hpp"

#include <algorithm>

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
    std::string sql = "CREATE TABLE IF NOT EXISTS " + std::string(table);
    if (!cluster.empty()) sql += " ON CLUSTER `" + std::string(cluster) + "`";
    return sql;
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
// a tombstone (is_deleted). Totals are the monitor's own summary (totals_from = 'monitor'), else derived from samples.
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

base::Status migrate(ClickHouseClient& client, std::string_view cluster) {
  for (const std::string& statement : create_statements(cluster)) BOATHOUSE_TRY(client.execute(statement));
  return base::Done{};
}

}  // namespace boathouse::timeseries
