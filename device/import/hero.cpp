#include "device/import/hero.hpp"

#include <array>
#include <utility>

#include "core/base/utc_time.hpp"

namespace boathouse::import {
namespace {

using enum rowing::Stream;

constexpr std::string_view kStrokeNumber = "Stroke #";

// "Potential Split" and the piece's "Stroke Length" are no metric of a summary; they stay in the source.
constexpr auto kPieceRules = std::to_array<ColumnRule>({
    {"Distance", summary, "distance_dm"},
    {"Split", summary, "avg_pace_ds_per_500m", kClock},
    {"Watts", summary, "avg_power_w"},
    {"Stroke Rate", summary, "avg_stroke_rate_spm"},
    {"Drag Factor", summary, "avg_drag_factor"},
});

constexpr auto kStrokeRules = std::to_array<ColumnRule>({
    {kStrokeNumber, stroke, "stroke_count"},
    {"Time", sample, "elapsed_cs", kClock},
    {"Time", stroke, "elapsed_cs", kClock},
    {"Distance", sample, "distance_dm"},
    {"Distance", stroke, "distance_dm"},
    {"Split", sample, "pace_cs_per_500m", kClock},
    {"Watts", stroke, "stroke_power_w"},
    {"Stroke Rate", sample, "stroke_rate_spm"},
    {"Drag Factor", sample, "drag_factor"},
    {"Stroke Length", stroke, "drive_length_cm", kCenti},
    {"HR", sample, "heart_rate_bpm"},
    {"Work (J)", stroke, "work_per_stroke_dj"},
    {"Peak Drive Force (N)", stroke, "peak_force_dlbf", kNewton},
    {"Average Drive Force (N)", stroke, "avg_force_dlbf", kNewton},
    {"Drive Time", stroke, "drive_time_cs"},
    {"Recovery Time", stroke, "recovery_time_cs"},
    {"Distance per Stroke", stroke, "stroke_distance_cm"},
});

bool recognises_hero(const Header& header) {
  return header.has("Date") && header.has("Piece") && header.has("Potential Split");
}

base::Result<Start> start_of(Input& input, const CsvRow& row) {
  Start start;
  start.title = trimmed(row.cells[*input.header.find("Piece")]);
  const std::string_view date = trimmed(row.cells[*input.header.find("Date")]);
  const auto time = base::parse_iso8601(date);
  if (!time) {
    BOATHOUSE_TRY(input.sink.reject_value(row.line, "Date", date, "is not a date such as 2021-04-26 06:37:32 -07:00"));
  } else if (time->has_zone) {
    start.utc_ms = time->utc_ms;
    start.offset_minutes = time->offset_minutes;
  } else {
    start.utc_ms = input.zone.to_utc_ms(time->utc_ms);
    start.offset_minutes = input.zone.offset_minutes_at(*start.utc_ms);
    start.zone = input.zone.name();
  }
  return start;
}

// The row about the piece.
base::Status take_piece(Input& input, const CsvRow& row) {
  if (row.cells.size() != input.header.size()) {
    return input.sink.reject_line(
        row.line, std::to_string(row.cells.size()) + " cells, the header has " + std::to_string(input.header.size()));
  }
  auto start = start_of(input, row);
  if (!start) return start.error();
  BOATHOUSE_TRY(input.sink.begin(*start, 0));
  RowRecords records;
  BOATHOUSE_TRY(ColumnMap(kPieceRules, input.header).fill(row, records, input.sink));
  input.sink.row_read();
  return input.sink.add(std::move(records.summary));
}

// Up to the header of the strokes; true when it was found.
base::Result<bool> read_piece(Input& input) {
  CsvRow row;
  for (;;) {
    const auto next = input.reader.next(row);
    if (!next) {
      BOATHOUSE_TRY(input.sink.reject_line(input.reader.error_line(), next.error().text));
      continue;
    }
    if (!*next) return false;
    if (row.is_blank()) continue;
    Header header(row);
    if (header.has(kStrokeNumber)) {
      input.header = std::move(header);
      return true;
    }
    if (input.sink.begun()) {
      BOATHOUSE_TRY(
          input.sink.reject_line(row.line, "a second row about the piece; the strokes begin with a row \"Stroke #\""));
    } else {
      BOATHOUSE_TRY(take_piece(input, row));
    }
  }
}

base::Status run_hero(Input& input) {
  const auto found = read_piece(input);
  if (!found) return found.error();
  if (!*found) return {};
  const ColumnMap rules(kStrokeRules, input.header);
  IntervalByRestart intervals;
  return for_each_row(input, "Time", kClock, [&](const CsvRow& row) -> base::Status {
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

const Dialect kHero{
    {"hero", "Hero strokes (first columns \"Date\", \"Piece\", \"Distance\")"}, &recognises_hero, &run_hero};

}  // namespace boathouse::import
