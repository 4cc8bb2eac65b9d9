#include "server/timeseries/session_summary.hpp"

#include <cmath>
#include <optional>

#include "core/base/hex.hpp"
#include "core/rowing/formulas.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::timeseries {
namespace {

using rowing::kNull;

// FINAL reads one recording by the tables' sort key.
constexpr std::string_view kOfRecording =
    " FINAL WHERE athlete = {athlete:UUID} AND started = fromUnixTimestamp64Milli({started:Int64}, 'UTC') AND rec_id = "
    "{rec:UUID}";

Parameters key_of(const ledger::RecordingState& recording) {
  return {{"athlete", recording.athlete.text()},
          {"started", std::to_string(recording.birth.started_ms)},
          {"rec", recording.rec_id.text()}};
}

struct Totals {
  std::string from = "none";
  std::int64_t workout_type = kNull;
  std::int64_t erg_machine_type = kNull;
  std::int64_t work_time_cs = kNull;
  std::int64_t work_distance_dm = kNull;
  std::int64_t rest_time_cs = kNull;
  std::int64_t rest_distance_m = kNull;
  std::int64_t avg_pace_cs = kNull;
  std::int64_t avg_power_w = kNull;
  std::int64_t avg_rate = kNull;
  std::int64_t avg_heart_rate = kNull;
  std::int64_t max_heart_rate = kNull;
  std::int64_t calories = kNull;
  std::int64_t strokes = kNull;
  std::int64_t drag_factor = kNull;
};

std::int64_t or_else(std::int64_t first, std::int64_t second) { return first == kNull ? second : first; }

// Workout states 3, 8 and 9 are rest; without a state (imports) everything counts as work.
constexpr std::string_view kSampleTotals =
    "SELECT toNullable(sum(t)) AS work_time_cs, toNullable(sum(d)) AS work_distance_dm, max(rest) AS rest_distance_m, "
    "anyLast(wt) AS workout_type,"
    " anyLast(erg) AS erg_machine_type, toNullable(sum(cal)) AS calories, toInt64OrNull(toString(round(sum(rate_sum) / "
    "sum(rate_n)))) AS rate,"
    " toInt64OrNull(toString(round(sum(hr_sum) / sum(hr_n)))) AS heart_rate, max(hr_max) AS max_heart_rate,"
    " toInt64OrNull(toString(round(sum(drag_sum) / sum(drag_n)))) AS drag"
    " FROM (SELECT interval, maxIf(elapsed_cs, work) AS t, maxIf(distance_dm, work) AS d, max(rest_distance_m) AS rest,"
    " anyLast(workout_type) AS wt, anyLast(erg_machine_type) AS erg, max(total_calories) AS cal,"
    " sumIf(toInt64(stroke_rate_spm), stroke_rate_spm > 0 AND work) AS rate_sum, countIf(stroke_rate_spm > 0 AND work) "
    "AS rate_n,"
    " sum(toInt64(heart_rate_bpm)) AS hr_sum, count(heart_rate_bpm) AS hr_n, max(heart_rate_bpm) AS hr_max,"
    " sum(toInt64(drag_factor)) AS drag_sum, count(drag_factor) AS drag_n"
    " FROM (SELECT *, ifNull(workout_state NOT IN (3, 8, 9), 1) AS work FROM sample";

void derive_pace(Totals& totals) {
  if (totals.work_time_cs == kNull || totals.work_distance_dm == kNull || totals.work_distance_dm <= 0) return;
  // 500 m in 0.1 m is 5,000.
  totals.avg_pace_cs = or_else(totals.avg_pace_cs, totals.work_time_cs * 5000 / totals.work_distance_dm);
  const double seconds_per_metre =
      static_cast<double>(totals.work_time_cs) / 10.0 / static_cast<double>(totals.work_distance_dm);
  if (totals.avg_power_w == kNull && seconds_per_metre > 0.03) {
    const std::int64_t machine = or_else(totals.erg_machine_type, 0);  // without a word: a RowErg
    totals.avg_power_w = std::lround(rowing::power_w(seconds_per_metre, machine));
  }
}

base::Status totals_of_samples(ClickHouseClient& client, const ledger::RecordingState& recording, Totals& totals) {
  const auto block =
      client.select(std::string(kSampleTotals) + std::string(kOfRecording) + ") GROUP BY interval)", key_of(recording));
  if (!block) return block.error();
  if (block->rows == 0) return base::Done{};
  totals.from = "derived";
  totals.work_time_cs = block->integer("work_time_cs", 0);
  totals.work_distance_dm = block->integer("work_distance_dm", 0);
  totals.rest_distance_m = block->integer("rest_distance_m", 0);
  totals.workout_type = block->integer("workout_type", 0);
  totals.erg_machine_type = block->integer("erg_machine_type", 0);
  totals.calories = block->integer("calories", 0);
  totals.avg_rate = block->integer("rate", 0);
  totals.avg_heart_rate = block->integer("heart_rate", 0);
  totals.max_heart_rate = block->integer("max_heart_rate", 0);
  totals.drag_factor = block->integer("drag", 0);
  return base::Done{};
}

// Rest of interval pieces stands in the splits: the newest record of each split number counts.
base::Status rest_of_splits(ClickHouseClient& client, const ledger::RecordingState& recording, Totals& totals) {
  const auto block = client.select(
      "SELECT toNullable(sum(r)) AS rest_time_s, toNullable(sum(m)) AS rest_distance_m, count() AS n FROM"
      " (SELECT argMax(rest_time_s, seq) AS r, argMax(rest_distance_m, seq) AS m FROM split" +
          std::string(kOfRecording) + " GROUP BY split_number)",
      key_of(recording));
  if (!block) return block.error();
  if (block->rows == 0 || block->integer("n", 0) == 0) return base::Done{};
  const std::int64_t rest_s = block->integer("rest_time_s", 0);
  if (rest_s != kNull) totals.rest_time_cs = rest_s * 100;
  totals.rest_distance_m = or_else(block->integer("rest_distance_m", 0), totals.rest_distance_m);
  return base::Done{};
}

// A stroke whose second notification came very late has two records: it is one stroke.
base::Status count_strokes(ClickHouseClient& client, const ledger::RecordingState& recording, Totals& totals) {
  const auto block = client.select("SELECT count() AS n FROM (SELECT 1 FROM stroke" + std::string(kOfRecording) +
                                       " GROUP BY interval, ifNull(toInt64(stroke_count), -1 - toInt64(seq)))",
                                   key_of(recording));
  if (!block) return block.error();
  if (block->rows > 0 && block->integer("n", 0) > 0) totals.strokes = block->integer("n", 0);
  return base::Done{};
}

base::Status totals_of_summary(ClickHouseClient& client, const ledger::RecordingState& recording, Totals& totals) {
  const auto block = client.select("SELECT * FROM summary" + std::string(kOfRecording) + " ORDER BY seq DESC LIMIT 1",
                                   key_of(recording));
  if (!block) return block.error();
  if (block->rows == 0) return base::Done{};
  const auto value = [&](std::string_view column) { return block->integer(column, 0); };
  // After a hasty abort the monitor sends a summary with no distance: it is kept in the stream, but says nothing about
  // the work.
  if (value("distance_dm") != kNull && value("distance_dm") > 0) {
    totals.from = "monitor";
    totals.work_time_cs = or_else(value("elapsed_cs"), totals.work_time_cs);
    totals.work_distance_dm = value("distance_dm");
    const std::int64_t pace_ds = value("avg_pace_ds_per_500m");
    if (pace_ds != kNull) totals.avg_pace_cs = pace_ds * 10;
    totals.avg_power_w = or_else(value("avg_power_w"), totals.avg_power_w);
    totals.avg_rate = or_else(value("avg_stroke_rate_spm"), totals.avg_rate);
    totals.calories = or_else(value("total_calories"), totals.calories);
    totals.rest_distance_m = or_else(value("total_rest_distance_m"), totals.rest_distance_m);
  }
  if (value("work_time_ds") != kNull) totals.work_time_cs = value("work_time_ds") * 10;
  if (value("rest_time_ds") != kNull) totals.rest_time_cs = value("rest_time_ds") * 10;
  totals.strokes = value("stroke_count");
  totals.workout_type = or_else(value("workout_type"), totals.workout_type);
  totals.erg_machine_type = or_else(value("erg_machine_type"), totals.erg_machine_type);
  totals.avg_heart_rate = or_else(value("avg_heart_rate_bpm"), totals.avg_heart_rate);
  totals.max_heart_rate = or_else(value("max_heart_rate_bpm"), totals.max_heart_rate);
  totals.drag_factor = or_else(value("avg_drag_factor"), totals.drag_factor);
  return base::Done{};
}

std::int64_t records(const ledger::RecordingState& recording, rowing::Stream stream) {
  for (const ledger::StreamState& state : recording.streams) {
    if (state.stream == stream) return static_cast<std::int64_t>(state.records);
  }
  return 0;
}

NativeBlock session_row(const ledger::RecordingState& recording, const Totals& totals) {
  NativeBlock row;
  row.rows = 1;
  const auto integer = [&row](std::string_view name, std::string_view type, std::int64_t value) {
    row.columns.push_back({std::string(name), std::string(type), {value}, {}, {}, {}, {}});
  };
  const auto text = [&row](std::string_view name, std::string_view value) {
    row.columns.push_back({std::string(name), "String", {}, {std::string(value)}, {}, {}, {}});
  };
  const auto uuid = [&row](std::string_view name, const base::Uuid& value) {
    row.columns.push_back({std::string(name), "UUID", {}, {}, {value}, {}, {}});
  };
  // A value that the column cannot hold is shown as unknown rather than wrapped; the raw records keep it.
  const auto bounded = [&](std::string_view name, std::string_view type, std::int64_t largest, std::int64_t value) {
    integer(name, type, value < 0 || value > largest ? kNull : value);
  };
  const rowing::Birth& birth = recording.birth;
  uuid("athlete", recording.athlete);
  integer("started", "DateTime64(3, 'UTC')", birth.started_ms);
  uuid("session", recording.rec_id);
  uuid("primary_rec", recording.rec_id);
  integer("started_known", "UInt8", birth.started_known ? 1 : 0);
  integer("offset_minutes", "Nullable(Int16)", birth.offset_minutes ? *birth.offset_minutes : kNull);
  text("zone", birth.zone);
  integer("origin", "UInt8", static_cast<std::int64_t>(birth.origin));
  text("dialect", birth.dialect);
  text("source_name", birth.source_name);
  text("title", birth.title);
  text("monitor_serial", birth.monitor_serial);
  integer("sealed", "UInt8", recording.seal ? 1 : 0);
  integer("end_reason", "UInt8", recording.seal ? static_cast<std::int64_t>(recording.seal->reason) : 0);
  text("totals_from", totals.from);
  bounded("workout_type", "Nullable(UInt8)", 0xFF, totals.workout_type);
  bounded("erg_machine_type", "Nullable(UInt8)", 0xFF, totals.erg_machine_type);
  bounded("work_time_cs", "Nullable(UInt32)", 0xFFFFFFFF, totals.work_time_cs);
  bounded("work_distance_dm", "Nullable(UInt32)", 0xFFFFFFFF, totals.work_distance_dm);
  bounded("rest_time_cs", "Nullable(UInt32)", 0xFFFFFFFF, totals.rest_time_cs);
  bounded("rest_distance_m", "Nullable(UInt32)", 0xFFFFFFFF, totals.rest_distance_m);
  bounded("avg_pace_cs_per_500m", "Nullable(UInt32)", 0xFFFFFFFF, totals.avg_pace_cs);
  bounded("avg_power_w", "Nullable(UInt16)", 0xFFFF, totals.avg_power_w);
  bounded("avg_stroke_rate_spm", "Nullable(UInt8)", 0xFF, totals.avg_rate);
  bounded("avg_heart_rate_bpm", "Nullable(UInt8)", 0xFF, totals.avg_heart_rate);
  bounded("max_heart_rate_bpm", "Nullable(UInt8)", 0xFF, totals.max_heart_rate);
  bounded("total_calories", "Nullable(UInt32)", 0xFFFFFFFF, totals.calories);
  bounded("stroke_count", "Nullable(UInt32)", 0xFFFFFFFF, totals.strokes);
  bounded("avg_drag_factor", "Nullable(UInt8)", 0xFF, totals.drag_factor);
  integer("samples", "UInt32", records(recording, rowing::Stream::sample));
  integer("strokes", "UInt32", records(recording, rowing::Stream::stroke));
  integer("force_curves", "UInt32", records(recording, rowing::Stream::force_curve));
  integer("splits", "UInt32", records(recording, rowing::Stream::split));
  integer("summaries", "UInt32", records(recording, rowing::Stream::summary));
  integer("events", "UInt32", records(recording, rowing::Stream::event));
  integer("sources", "UInt32", records(recording, rowing::Stream::source));
  integer("ver", "UInt64", recording.server_seq);
  integer("is_deleted", "UInt8", 0);
  return row;
}

}  // namespace

base::Status write_session(ClickHouseClient& client, const ledger::RecordingState& recording) {
  Totals totals;
  BOATHOUSE_TRY(totals_of_samples(client, recording, totals));
  BOATHOUSE_TRY(rest_of_splits(client, recording, totals));
  BOATHOUSE_TRY(totals_of_summary(client, recording, totals));
  derive_pace(totals);
  if (totals.strokes == kNull) BOATHOUSE_TRY(count_strokes(client, recording, totals));
  const NativeBlock row = session_row(recording, totals);
  std::string sql = "INSERT INTO session (";
  for (const NativeColumn& column : row.columns) sql += (sql.ends_with('(') ? "" : ", ") + column.name;
  base::ByteWriter body;
  write_native(body, row);
  const base::Bytes bytes = body.take();
  // The content is in the token: the same state written twice is one row, a changed one is never dropped.
  return client.insert(sql + ")", bytes, base::to_hex(base::sha256(bytes)));
}

}  // namespace boathouse::timeseries
