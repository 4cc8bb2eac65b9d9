// The fleet as its devices would have sent it: what its records take in a ledger, and, once a service has loaded it and
// backed it up, everywhere else (bench/run_backups).
#include <cmath>
#include <cstdio>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/timeseries/bench.hpp"
#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/sha256.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/record.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/facts.hpp"
#include "server/ledger/ledger.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::bench {

using rowing::kNull;
using rowing::Record;
using rowing::Stream;

namespace {

// Whichever comes first ends a chunk on a device.
constexpr std::size_t kChunkRecords = 256;
constexpr std::int64_t kChunkCs = 6'000;

struct Amount {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

Record record_of(Stream stream, std::int64_t elapsed_cs, const std::vector<std::string_view>& columns,
                 const std::vector<std::int64_t>& values) {
  Record record;
  record.stream = stream;
  record.values.assign(rowing::metrics(stream).size(), kNull);
  record.values[0] = elapsed_cs * 10;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    record.values[rowing::column_index(stream, columns[i])] = values[i];
  }
  return record;
}

struct Streams {
  std::vector<Record> samples, strokes, curves;
};

Streams records_of(const FleetSession& session) {
  static const std::vector<std::string_view> kCurveColumns = {"stroke_count"};
  Streams all;
  for (const Sample& s : session.samples) {
    all.samples.push_back(record_of(
        Stream::sample, s.elapsed_cs, kCoreColumns,
        {s.elapsed_cs, s.distance_dm, s.pace_cs, s.power_w, s.spm, s.heart_rate_bpm, s.calories, s.drag, s.state}));
  }
  for (const Stroke& s : session.strokes) {
    all.strokes.push_back(
        record_of(Stream::stroke, s.elapsed_cs, kStrokeColumns,
                  {s.elapsed_cs, s.distance_dm, s.drive_length_cm, s.drive_time_cs, s.recovery_time_cs, s.distance_cm,
                   s.peak_dlbf, s.avg_dlbf, s.work_dj, s.count, s.power_w, s.cal_per_hour}));
    all.curves.push_back(record_of(Stream::force_curve, s.elapsed_cs, kCurveColumns, {s.count}));
    all.curves.back().points.assign(s.curve.begin(), s.curve.end());
  }
  return all;
}

void add_chunks(const FleetSession& session, Stream stream, const std::vector<Record>& records,
                ledger::Submission& submission, Amount& amount) {
  for (std::size_t from = 0; from < records.size();) {
    std::size_t to = from;
    while (to < records.size() && to - from < kChunkRecords &&
           records[to].values[0] - records[from].values[0] < kChunkCs * 10) {
      ++to;
    }
    const auto chunk = need(wire::seal_chunk(stream, from, std::span(records).subspan(from, to - from)));
    ledger::Entry entry;
    entry.rec_id = session.rec_id;
    entry.stream = stream;
    entry.from = from;
    entry.to = chunk.to;
    entry.version = chunk.version;
    entry.sha256 = chunk.sha256;
    entry.body = chunk.body;
    amount.records += to - from;
    amount.bytes += entry.body.size();
    submission.entries.push_back(std::move(entry));
    from = to;
  }
}

}  // namespace

void ledger_of_fleet(const Options& options) {
  base::SystemClock clock;
  base::SystemRandom random;
  ledger::Ledger::Options how;
  how.place = need(sql::Place::parse(options.text("ledger"), ""));
  const auto ledger = need(ledger::Ledger::open(how, clock, random));
  const std::uint64_t from = options.number("from", 0);
  const std::uint64_t to = options.number("to", 1'000'000);
  const std::uint64_t hertz = options.number("hertz", 0);  // only sessions of that many samples a second; 0: all
  Fleet fleet(options.number("samples", to));
  FleetSession session;
  std::map<std::string, Amount> amounts;
  std::uint64_t made = 0;
  std::uint64_t sessions = 0;
  double hours = 0;
  while (made < to && fleet.next(session)) {
    if (hertz != 0 &&
        std::llround(static_cast<double>(session.samples.size()) /
                     (static_cast<double>(session.samples.back().elapsed_cs) / 100)) != static_cast<long long>(hertz)) {
      continue;
    }
    made += session.samples.size();
    if (made <= from) continue;
    ++sessions;
    hours += static_cast<double>(session.samples.back().elapsed_cs) / 360'000;
    ledger::Submission submission;
    submission.athlete = session.athlete;
    submission.entries.push_back(birth_of(session));
    const Streams all = records_of(session);
    add_chunks(session, Stream::sample, all.samples, submission, amounts["sample"]);
    add_chunks(session, Stream::stroke, all.strokes, submission, amounts["stroke"]);
    add_chunks(session, Stream::force_curve, all.curves, submission, amounts["force_curve"]);
    submit(*ledger, std::move(submission));
  }
  std::printf("%llu sessions of %.0f hours\n", static_cast<unsigned long long>(sessions), hours);
  for (const auto& [grain, amount] : amounts) {
    std::printf("%s %llu records %llu bytes\n", grain.c_str(), static_cast<unsigned long long>(amount.records),
                static_cast<unsigned long long>(amount.bytes));
  }
}

}  // namespace boathouse::bench
