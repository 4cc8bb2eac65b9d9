#include "server/timeseries/session_summary.hpp"

#include <cmath>
#include <map>
#include <string>

#include "core/base/hex.hpp"
#include "core/rowing/formulas.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::timeseries {
namespace {

using rowing::kNull;

// FINAL reads the recordings by the tables' sort key; the set is made once and the key's index is used for it.
constexpr std::string_view kOfRecordings =
    " FINAL WHERE (athlete, started, rec_id) IN (SELECT key.1, fromUnixTimestamp64Milli(key.2, 'UTC'), key.3 FROM "
    "(SELECT arrayJoin({keys:Array(Tuple(UUID, Int64, UUID))}) AS key))";

Parameters keys_of(std::span<const ledger::RecordingState> recordings) {
  std::string keys;
  for (const ledger::RecordingState& recording : recordings) {
    keys += keys.empty() ? "[('" : ",('";
    keys += recording.athlete.text() + "'," + std::to_string(recording.birth.started_ms) + ",'" +
            recording.rec_id.text() + "')";
  }
  return {{"keys", keys + "]"}};
}

// Of one recording.
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
    "SELECT rec_id, toNullable(sum(t)) AS work_time_cs, toNullable(sum(d)) AS work_distance_dm, max(rest) AS "
    "rest_distance_m, "
    "anyLast(wt) AS workout_type,"
    " anyLast(erg) AS erg_machine_type, toNullable(sum(cal)) AS calories, toInt64OrNull(toString(round(sum(rate_sum) / "
    "sum(rate_n)))) AS rate,"
    " toInt64OrNull(toString(round(sum(hr_sum) / sum(hr_n)))) AS heart_rate, max(hr_max) AS max_heart_rate,"
    " toInt64OrNull(toString(round(sum(drag_sum) / sum(drag_n)))) AS drag"
    " FROM (SELECT rec_id, interval, maxIf(elapsed_cs, work) AS t, maxIf(distance_dm, work) AS d, max(rest_distance_m) "
    "AS rest,"
    " anyLast(workout_type) AS wt, anyLast(erg_machine_type) AS erg, max(total_calories) AS cal,"
    " sumIf(toInt64(stroke_rate_spm), stroke_rate_spm > 0 AND work) AS rate_sum, countIf(stroke_rate_spm > 0 AND work) "
    "AS rate_n,"
    " sum(toInt64(heart_rate_bpm)) AS hr_sum, count(heart_rate_bpm) AS hr_n, max(heart_rate_bpm) AS hr_max,"
    " sum(toInt64(drag_factor)) AS drag_sum, count(drag_factor) AS drag_n"
    " FROM (SELECT *, ifNull(workout_state NOT IN (3, 8, 9), 1) AS work FROM sample";

using TotalsByRecording = std::map<base::Uuid, Totals>;

// Calls `take(totals, block, row)` for each row of a query that has a column rec_id.
template <typename Take>
base::Status for_each_row(ClickHouseClient& client, const std::string& sql,
                          std::span<const ledger::RecordingState> recordings, TotalsByRecording& all, Take take) {
  const auto block = client.select(sql, keys_of(recordings));
  if (!block) return block.error();
  if (block->rows == 0) return base::Done{};
  const NativeColumn* const ids = block->find("rec_id");
  if (ids == nullptr) return base::Error{base::ErrorCode::internal, "a query of sessions without rec_id"};
  for (std::size_t row = 0; row < block->rows; ++row) take(all[ids->uuids[row]], *block, row);
  return base::Done{};
}

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

base::Status totals_of_samples(ClickHouseClient& client, std::span<const ledger::RecordingState> recordings,
                               TotalsByRecording& all) {
  return for_each_row(
      client, std::string(kSampleTotals) + std::string(kOfRecordings) + ") GROUP BY rec_id, interval) GROUP BY rec_id",
      recordings, all, [](Totals& totals, const NativeBlock& block, std::size_t row) {
        totals.from = "derived";
        totals.work_time_cs = block.integer("work_time_cs", row);
        totals.work_distance_dm = block.integer("work_distance_dm", row);
        totals.rest_distance_m = block.integer("rest_distance_m", row);
        totals.workout_type = block.integer("workout_type", row);
        totals.erg_machine_type = block.integer("erg_machine_type", row);
        totals.calories = block.integer("calories", row);
        totals.avg_rate = block.integer("rate", row);
        totals.avg_heart_rate = block.integer("heart_rate", row);
        totals.max_heart_rate = block.integer("max_heart_rate", row);
        totals.drag_factor = block.integer("drag", row);
      });
}

// Rest of interval pieces stands in the splits: the newest record of each split number counts.
base::Status rest_of_splits(ClickHouseClient& client, std::span<const ledger::RecordingState> recordings,
                            TotalsByRecording& all) {
  return for_each_row(client,
                      "SELECT rec_id, toNullable(sum(r)) AS rest_time_s, toNullable(sum(m)) AS rest_distance_m FROM"
                      " (SELECT rec_id, argMax(rest_time_s, seq) AS r, argMax(rest_distance_m, seq) AS m FROM split" +
                          std::string(kOfRecordings) + " GROUP BY rec_id, split_number) GROUP BY rec_id",
                      recordings, all, [](Totals& totals, const NativeBlock& block, std::size_t row) {
                        const std::int64_t rest_s = block.integer("rest_time_s", row);
                        if (rest_s != kNull) totals.rest_time_cs = rest_s * 100;
                        totals.rest_distance_m = or_else(block.integer("rest_distance_m", row), totals.rest_distance_m);
                      });
}

// A stroke whose second notification came very late has two records: it is one stroke.
base::Status count_strokes(ClickHouseClient& client, std::span<const ledger::RecordingState> recordings,
                           TotalsByRecording& all) {
  return for_each_row(
      client,
      "SELECT rec_id, count() AS n FROM (SELECT rec_id FROM stroke" + std::string(kOfRecordings) +
          " GROUP BY rec_id, interval, ifNull(toInt64(stroke_count), -1 - toInt64(seq))) GROUP BY rec_id",
      recordings, all, [](Totals& totals, const NativeBlock& block, std::size_t row) {
        totals.strokes = or_else(totals.strokes, block.integer("n", row));
      });
}

void take_summary(Totals& totals, const NativeBlock& block, std::size_t row) {
  const auto value = [&](std::string_view column) { return block.integer(column, row); };
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
}

// The newest of each recording counts.
base::Status totals_of_summaries(ClickHouseClient& client, std::span<const ledger::RecordingState> recordings,
                                 TotalsByRecording& all) {
  return for_each_row(
      client, "SELECT * FROM summary" + std::string(kOfRecordings) + " ORDER BY rec_id, seq DESC LIMIT 1 BY rec_id",
      recordings, all, take_summary);
}

std::int64_t records(const ledger::RecordingState& recording, rowing::Stream stream) {
  for (const ledger::StreamState& state : recording.streams) {
    if (state.stream == stream) return static_cast<std::int64_t>(state.records);
  }
  return 0;
}

// Appends a row; the first makes the columns, the others name them in the same order.
void add_session_row(NativeBlock& block, const ledger::RecordingState& recording, const Totals& totals) {
  std::size_t next = 0;
  const auto column = [&](std::string_view name, std::string_view type) -> NativeColumn& {
    if (block.rows == 0) block.columns.push_back({std::string(name), std::string(type), {}, {}, {}, {}, {}});
    return block.columns[next++];
  };
  const auto integer = [&](std::string_view name, std::string_view type, std::int64_t value) {
    column(name, type).integers.push_back(value);
  };
  const auto text = [&](std::string_view name, std::string_view value) {
    column(name, "String").texts.emplace_back(value);
  };
  const auto uuid = [&](std::string_view name, const base::Uuid& value) {
    column(name, "UUID").uuids.push_back(value);
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
  ++block.rows;
}

}  // namespace

base::Status write_sessions(ClickHouseClient& client, std::span<const ledger::RecordingState> recordings) {
  if (recordings.empty()) return base::Done{};
  TotalsByRecording all;
  BOATHOUSE_TRY(totals_of_samples(client, recordings, all));
  BOATHOUSE_TRY(rest_of_splits(client, recordings, all));
  BOATHOUSE_TRY(totals_of_summaries(client, recordings, all));
  for (auto& [rec_id, totals] : all) derive_pace(totals);
  BOATHOUSE_TRY(count_strokes(client, recordings, all));
  NativeBlock block;
  for (const ledger::RecordingState& recording : recordings) add_session_row(block, recording, all[recording.rec_id]);
  std::string sql = "INSERT INTO session (";
  for (const NativeColumn& column : block.columns) sql += (sql.ends_with('(') ? "" : ", ") + column.name;
  base::ByteWriter body;
  write_native(body, block);
  const base::Bytes bytes = body.take();
  // The content is in the token: the same state written twice is one row, a changed one is never dropped.
  return client.insert(sql + ")", bytes, base::to_hex(base::sha256(bytes)));
}

}  // namespace boathouse::timeseries
