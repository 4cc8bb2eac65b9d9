#include "bench/timeseries/bench.hpp"

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "core/rowing/catalogue.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::bench {

using rowing::Stream;
using timeseries::ClickHouseClient;
using timeseries::NativeBlock;

// ---- fill: the generated fleet into the product's tables ----

void fill(const Options& options) {
  ClickHouseClient client = patient_client(options);
  const std::uint64_t wanted = options.number("samples", 20'000'000);
  const std::size_t limit = options.number("block", 500'000);
  const std::size_t connections = options.number("connections", 2);
  need(timeseries::migrate(client));
  RowBlock samples(Stream::sample, kCoreColumns);
  RowBlock strokes(Stream::stroke, kStrokeColumns);
  RowBlock curves(Stream::force_curve, {"stroke_count"});
  Inserter inserter(client, connections);
  Fleet fleet(wanted);
  FleetSession session;
  std::uint64_t count = 0;
  const auto begin = Steady::now();
  while (fleet.next(session)) {
    for (std::size_t i = 0; i < session.samples.size(); ++i) add_sample(samples, session, i);
    for (std::size_t i = 0; i < session.strokes.size(); ++i) {
      const Stroke& s = session.strokes[i];
      strokes.add(session, i,
                  {s.elapsed_cs, s.distance_dm, s.drive_length_cm, s.drive_time_cs, s.recovery_time_cs, s.distance_cm,
                   s.peak_dlbf, s.avg_dlbf, s.work_dj, s.count, s.power_w, s.cal_per_hour});
      curves.add(session, i, {s.count}, &s.curve);
    }
    count += session.samples.size();
    for (RowBlock* block : {&samples, &strokes, &curves}) {
      if (block->rows() >= limit) inserter.send(block->take());
    }
  }
  for (RowBlock* block : {&samples, &strokes, &curves}) {
    if (block->rows() > 0) inserter.send(block->take());
  }
  inserter.finish();
  std::printf("generated and inserted %llu samples in %.1f s, blocks of %zu rows, %zu connections\n",
              static_cast<unsigned long long>(count), seconds_since(begin), limit, connections);
}

// ---- bytes: what the tables take on disk ----

namespace {
double bytes_of(ClickHouseClient& client, const std::string& table, const std::vector<std::string_view>& columns) {
  std::string names;
  for (const std::string_view name : columns) names += (names.empty() ? "'" : ", '") + std::string(name) + "'";
  return static_cast<double>(ask(client,
                                 "(SELECT sum(column_data_compressed_bytes) FROM system.parts_columns WHERE active AND "
                                 "database = currentDatabase() AND table = '" +
                                     table + "'" + (columns.empty() ? "" : " AND column IN (" + names + ")") + ")"));
}

// Of table sample, before anything is changed to tell its columns apart.
double bytes_as_kept(ClickHouseClient& client) {
  need(client.execute("OPTIMIZE TABLE sample FINAL"));
  return static_cast<double>(ask(client,
                                 "(SELECT sum(data_compressed_bytes) FROM system.parts WHERE active AND database = "
                                 "currentDatabase() AND table = 'sample')"));
}

}  // namespace

void bytes(const Options& options) {
  ClickHouseClient client = patient_client(options);
  const bool recording = !options.text("recording").empty();
  const double kept = recording ? bytes_as_kept(client) : 0;
  for (const char* table : {"sample", "stroke", "force_curve"}) {
    // A small part has all columns in one file, where they cannot be told apart.
    need(client.execute("ALTER TABLE " + std::string(table) + " MODIFY SETTING min_bytes_for_wide_part = 0"));
    need(client.execute("OPTIMIZE TABLE " + std::string(table) + " FINAL"));
  }
  const double samples = rows_of(client, "sample");
  if (samples == 0) give_up("there are no samples");
  const double all = bytes_of(client, "sample", {}) / samples;
  const double core = bytes_of(client, "sample", kCoreColumns) / samples;
  if (recording) {
    const double at = bytes_of(client, "sample", {"at_ms"}) / samples;
    line("recording: the nine core metrics, columns in files of their own", core, "B/sample", 2.7);
    line("recording: all metrics, keys, version and at_ms, as it is kept", kept / samples, "B/sample", 3.5);
    line("recording: the same, columns in files of their own", all, "B/sample", 5);
    line("recording: of that at_ms", at, "B/sample");
    // Each column of a part costs some 90 bytes, whatever is in it: much for one recording, nothing for many.
    const double fixed = bytes_of(client, "sample", {"game_id"}) / samples;
    const auto metrics = static_cast<double>(rowing::metrics(Stream::sample).size());
    line("recording: rows", samples, "");
    line("recording: what a column without values costs, of a part", fixed * samples, "B");
    line("recording: the nine core metrics without that", core - fixed * static_cast<double>(kCoreColumns.size()),
         "B/sample");
    line("recording: everything without that", all - fixed * metrics, "B/sample");
    return;
  }
  line("the nine core metrics", core, "B/sample", 1.6);
  line("the whole row: keys, version and 31 columns of NULL besides", all, "B/sample");
  line("marks besides",
       static_cast<double>(ask(client,
                               "(SELECT sum(marks_bytes) FROM system.parts WHERE active AND database = "
                               "currentDatabase() AND table = 'sample')")) /
           samples,
       "B/sample");
  for (const std::string_view name : kCoreColumns) {
    line("  " + std::string(name), bytes_of(client, "sample", {name}) / samples, "B/sample");
  }
  const double strokes = rows_of(client, "stroke");
  line("stroke, 12 metrics", bytes_of(client, "stroke", {}) / strokes, "B/stroke", 10);
  const double curves = rows_of(client, "force_curve");
  line("force curve of 35 points", bytes_of(client, "force_curve", {}) / curves, "B/curve", 20);
  line("  points alone", bytes_of(client, "force_curve", {"points"}) / curves, "B/curve");
}

// ---- layouts: the same rows in other tables ----

namespace {
std::string nine(std::string_view before, std::string_view after) {
  std::string text;
  for (const std::string_view name : kCoreColumns)
    text += ", " + std::string(before) + std::string(name) + std::string(after);
  return text;
}
}  // namespace

void layouts(const Options& options) {
  ClickHouseClient client = patient_client(options);
  const double rows = rows_of(client, "sample");
  struct Table {
    const char* name;
    std::string create;
    std::string select;
    std::string one_session;  // both: what follows the table's name
    std::string thirty_days;
  };
  std::string typed =
      "athlete UUID CODEC(ZSTD(1)), started DateTime64(3, 'UTC') CODEC(ZSTD(1)), rec_id UUID CODEC(ZSTD(1)), "
      "seq UInt32 CODEC(DoubleDelta, ZSTD(1))";
  for (const std::string_view name : kCoreColumns) {
    const auto& metric = rowing::metrics(Stream::sample)[rowing::column_index(Stream::sample, name)];
    typed += ", " + std::string(name) + " Nullable(" + std::string(timeseries::integer_type(metric)) + ") CODEC(" +
             std::string(timeseries::codec_text(metric)) + ")";
  }
  typed += ", ver UInt64 CODEC(DoubleDelta, ZSTD(1))) ENGINE = ReplacingMergeTree(ver) PARTITION BY toYear(started)";
  const std::string same = "SELECT athlete, started, rec_id, seq" + nine("", "") + ", ver FROM sample";
  const std::string session =
      " FINAL WHERE athlete = {athlete:UUID} AND started = fromUnixTimestamp64Milli({started:Int64}, "
      "'UTC') AND rec_id = {rec:UUID} ORDER BY seq";
  const std::string window = " >= fromUnixTimestamp64Milli({started:Int64}, 'UTC') AND ";
  const std::string end = " < fromUnixTimestamp64Milli({started:Int64} + 2592000000, 'UTC')";
  const std::string days =
      " FINAL WHERE athlete = {athlete:UUID} AND started" + window + "started" + end + " GROUP BY rec_id";
  const std::vector<Table> tables = {
      {"ours", "(" + typed + " ORDER BY (athlete, started, rec_id, seq)", same, session, days},
      {"time_first", "(" + typed + " ORDER BY (started, athlete, rec_id, seq)", same, session, days},
      {"naive",
       "(at DateTime64(3), athlete UUID, session UUID" + nine("", " Float64") +
           ") ENGINE = MergeTree PARTITION BY toYYYYMMDD(at) ORDER BY at",
       "SELECT started + toIntervalMillisecond(ifNull(elapsed_cs, 0) * 10), athlete, rec_id" +
           nine("toFloat64(ifNull(", ", 0))") + " FROM sample",
       " WHERE session = {rec:UUID} ORDER BY at",
       " WHERE athlete = {athlete:UUID} AND at" + window + "at" + end + " GROUP BY session"},
  };
  const NativeBlock keys = need(
      client.select("SELECT athlete, started, rec_id FROM sample WHERE seq = 0 ORDER BY cityHash64(rec_id) LIMIT 30"));
  for (const Table& table : tables) {
    const std::string name = table.name;
    need(client.execute("CREATE OR REPLACE TABLE layout_" + name + " " + table.create +
                        " SETTINGS min_bytes_for_wide_part = 0"));
    const auto begin = Steady::now();
    need(client.execute("INSERT INTO layout_" + name + " " + table.select +
                        " SETTINGS max_partitions_per_insert_block = 0, throw_on_max_partitions_per_insert_block = 0"));
    line(name + ": INSERT SELECT", rows / seconds_since(begin) / 1e6, "M rows/s");
    need(client.execute("OPTIMIZE TABLE layout_" + name + " FINAL"));
    line(name + ": on disk", bytes_of(client, "layout_" + name, {}) / rows, "B/sample");
    const auto time = [&](const char* what, const std::string& sql) {
      std::vector<double> ms;
      for (std::size_t n = 0; n < keys.rows; ++n) {
        const auto asked = Steady::now();
        (void)need(client.select(sql, {{"athlete", keys.find("athlete")->uuids[n].text()},
                                       {"started", std::to_string(keys.integer("started", n))},
                                       {"rec", keys.find("rec_id")->uuids[n].text()}}));
        ms.push_back(seconds_since(asked) * 1e3);
      }
      line(name + ": " + what + ", p50", quantile(ms, 0.5), "ms");
    };
    time("one session's samples", "SELECT" + nine("", "").substr(1) + " FROM layout_" + name + table.one_session);
    time("an athlete's 30 days",
         "SELECT toFloat64(ifNull(max(distance_dm), 0)) AS distance FROM layout_" + name + table.thirty_days);
  }
}

// ---- sessions: rows for the lists ----

void sessions(const Options& options) {
  ClickHouseClient client = patient_client(options);
  need(timeseries::migrate(client));
  const std::uint64_t rows = options.number("rows", 1'000'000);
  need(client.execute(
      "INSERT INTO session (athlete, started, session, primary_rec, started_known, title, sealed, work_time_cs, "
      "work_distance_dm, avg_pace_cs_per_500m, avg_power_w, avg_stroke_rate_spm, avg_heart_rate_bpm, total_calories, "
      "stroke_count, samples, strokes, summary_version, best_times_cs, power_w, ver) SELECT "
      "toUUID('00000000-0000-7000-8000-' || lower(leftPad(hex(toUInt32(number % " +
      std::to_string(kAthletesOfSessions) +
      ")), 12, '0'))), toDateTime64('2024-01-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(intHash64(number) % "
      "63072000000), "
      "reinterpretAsUUID(sipHash128(number)) AS id, id, 1, 'Morning row ' || toString(number % 1000), 1, "
      "90000 + intHash32(number) % 200000 AS t, t / 2 + intHash32(number + 1) % 4000, 10500 + intHash32(number + 2) % "
      "4000, "
      "120 + intHash32(number + 3) % 160, 18 + number % 14, 120 + number % 60, 200 + number % 600, 500 + number % 900, "
      "t / 50, t / 250, 1000000, arrayMap(i -> toUInt32(i * 3000 + intHash32(number + i) % 900), range(14)), "
      "arrayMap(i -> toUInt16(400 - i * 3 + intHash32(number + i) % 20), range(40)), 1 FROM numbers(" +
      std::to_string(rows) + ")"));
  std::printf("%llu session rows of %llu athletes\n", static_cast<unsigned long long>(rows),
              static_cast<unsigned long long>(kAthletesOfSessions));
}

}  // namespace boathouse::bench
