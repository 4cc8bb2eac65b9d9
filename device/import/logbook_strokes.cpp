#include "device/import/logbook_strokes.hpp"

#include <array>
#include <utility>

namespace boathouse::import {
namespace {

using enum rowing::Stream;

constexpr std::string_view kTime = "Time (seconds)";

constexpr auto kStrokesRules = std::to_array<ColumnRule>({
    {"Number", stroke, "stroke_count"},
    {"Stroke Number", stroke, "stroke_count"},
    {kTime, sample, "elapsed_cs"},
    {kTime, stroke, "elapsed_cs"},
    {"Distance (meters)", sample, "distance_dm"},
    {"Distance (meters)", stroke, "distance_dm"},
    {"Pace (seconds)", sample, "pace_cs_per_500m"},
    {"Pace (seconds per 500m", sample, "pace_cs_per_500m"},  // ErgData never closed it
    {"Pace (seconds per 500m)", sample, "pace_cs_per_500m"},
    {"Watts", stroke, "stroke_power_w"},
    {"Cal/Hr", stroke, "stroke_cal_per_hour"},
    {"Stroke Rate", sample, "stroke_rate_spm"},
    {"Heart Rate", sample, "heart_rate_bpm"},
});

bool recognises_logbook(const Header& header) {
  return header.has("Number") && header.has(kTime) && header.has("Cal/Hr");
}
bool recognises_ergdata(const Header& header) { return header.has("Stroke Number") && header.has(kTime); }

base::Status run_strokes(Input& input) {
  const ColumnMap rules(kStrokesRules, input.header);
  IntervalByRestart intervals;
  return for_each_row(input, kTime, kPlain, [&](const CsvRow& row) -> base::Status {
    if (!input.sink.begun()) BOATHOUSE_TRY(input.sink.begin({}, 0));
    RowRecords records;
    BOATHOUSE_TRY(rules.fill(row, records, input.sink));
    const std::int64_t interval =
        intervals.observe(value_in(records.sample, "elapsed_cs"), value_in(records.sample, "distance_dm"));
    value_in(records.sample, "interval") = interval;
    value_in(records.stroke, "interval") = interval;
    BOATHOUSE_TRY(input.sink.add(std::move(records.sample)));
    return input.sink.add(std::move(records.stroke));
  });
}

}  // namespace

const Dialect kLogbookStrokes{{"logbook_strokes", "Concept2 Logbook, strokes of a workout (first column \"Number\")"},
                              &recognises_logbook,
                              &run_strokes};
const Dialect kErgData{
    {"ergdata", "ErgData strokes (first column \"Stroke Number\")"}, &recognises_ergdata, &run_strokes};

}  // namespace boathouse::import
