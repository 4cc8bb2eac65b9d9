#include "device/import/logbook_season.hpp"

#include <array>
#include <utility>

#include "core/base/utc_time.hpp"
#include "core/rowing/formulas.hpp"

namespace boathouse::import {
namespace {

using enum rowing::Stream;

constexpr std::string_view kDistance = "Work Distance";
constexpr std::string_view kDate = "Date";
constexpr std::int64_t kBikeErg = 192;
constexpr std::int64_t kSkiErg = 128;

// Log ID, Age, Weight, Ranked and Date Entered are no metrics; they stay in the source. Description or Comments is the
// title.
constexpr auto kSeasonRules = std::to_array<ColumnRule>({
    {kDistance, summary, "distance_dm"},
    {"Rest Distance", summary, "total_rest_distance_m"},
    {"Stroke Rate/Cadence", summary, "avg_stroke_rate_spm"},
    {"Stroke Rate", summary, "avg_stroke_rate_spm"},
    {"Stroke Count", summary, "stroke_count"},
    {"Avg Watts", summary, "avg_power_w"},
    {"Cal/Hour", summary, "avg_cal_per_hour"},
    {"Total Cal", summary, "total_calories"},
    {"Avg Heart Rate", summary, "avg_heart_rate_bpm"},
    {"Drag Factor", summary, "avg_drag_factor"},
});
// Every time is there twice, in seconds and as people read it; the latter counts where the former has no column.
constexpr auto kWorkSeconds = std::to_array<ColumnRule>({
    {"Work Time (Seconds)", summary, "work_time_ds"},
    {"Work Time (Seconds)", summary, "elapsed_cs"},
});
constexpr auto kWorkFormatted = std::to_array<ColumnRule>({
    {"Work Time (Formatted)", summary, "work_time_ds", kClock},
    {"Work Time (Formatted)", summary, "elapsed_cs", kClock},
});
constexpr auto kRestSeconds = std::to_array<ColumnRule>({{"Rest Time (Seconds)", summary, "rest_time_ds"}});
constexpr auto kRestFormatted = std::to_array<ColumnRule>({{"Rest Time (Formatted)", summary, "rest_time_ds", kClock}});

bool recognises_season(const Header& header) {
  return header.has(kDate) && header.has(kDistance) &&
         (header.has("Work Time (Seconds)") || header.has("Work Time (Formatted)"));
}

template <std::size_t kFirst, std::size_t kSecond>
ColumnMap either(const std::array<ColumnRule, kFirst>& wanted, const std::array<ColumnRule, kSecond>& otherwise,
                 const Header& header) {
  return header.has(wanted.front().header) ? ColumnMap(wanted, header) : ColumnMap(otherwise, header);
}

// A rower's model is not told (static, dynamic, on slides), so it stays null.
std::int64_t machine_of(std::string_view type) {
  if (type == "BikeErg") return kBikeErg;
  if (type == "SkiErg") return kSkiErg;
  return rowing::kNull;
}

class SeasonReader {
 public:
  explicit SeasonReader(Input& input)
      : input_(input),
        rules_(kSeasonRules, input.header),
        work_(either(kWorkSeconds, kWorkFormatted, input.header)),
        rest_(either(kRestSeconds, kRestFormatted, input.header)) {}

  base::Status take(const CsvRow& row) {
    RowRecords records;
    rowing::Record& record = records.summary;
    // A recording's events follow its begin, and the begin needs the times: rejections wait until then.
    std::vector<Rejection> rejections;
    BOATHOUSE_TRY(begin(row, rejections));
    for (const Rejection& rejection : rejections) {
      BOATHOUSE_TRY(input_.sink.reject_value(row.line, rejection.column, rejection.cell, rejection.why));
    }
    for (const ColumnMap* const rules : {&rules_, &work_, &rest_})
      BOATHOUSE_TRY(rules->fill(row, records, input_.sink));
    const std::int64_t machine = machine_of(cell(row, "Type"));
    value_in(record, "erg_machine_type") = machine;
    BOATHOUSE_TRY(take_pace(row, machine, record));
    return input_.sink.add(std::move(record));
  }

 private:
  struct Rejection {
    std::string_view column;
    std::string cell;
    std::string why;
  };

  // "" when the file has no such column.
  [[nodiscard]] std::string_view cell(const CsvRow& row, std::string_view name) const {
    const auto found = input_.header.find(name);
    return found ? trimmed(row.cells[*found]) : std::string_view();
  }

  [[nodiscard]] std::int64_t milliseconds(const CsvRow& row, std::string_view seconds,
                                          std::string_view formatted) const {
    const bool has_seconds = input_.header.has(seconds);
    const auto nano = to_nano(cell(row, has_seconds ? seconds : formatted), !has_seconds);
    return nano && *nano > 0 ? *nano / 1'000'000 : 0;
  }

  base::Status begin(const CsvRow& row, std::vector<Rejection>& rejections) {
    Start start;
    const std::string_view description = cell(row, "Description");
    start.title = description.empty() ? cell(row, "Comments") : description;
    const std::string_view date = cell(row, kDate);
    const auto end = base::parse_iso8601(date);
    if (end) {
      const std::int64_t end_ms = end->has_zone ? end->utc_ms : input_.zone.to_utc_ms(end->utc_ms);
      const std::int64_t work_ms = milliseconds(row, "Work Time (Seconds)", "Work Time (Formatted)");
      const std::int64_t rest_ms = milliseconds(row, "Rest Time (Seconds)", "Rest Time (Formatted)");
      start.utc_ms = end_ms - work_ms - rest_ms;
      start.offset_minutes =
          end->has_zone ? std::optional(end->offset_minutes) : input_.zone.offset_minutes_at(*start.utc_ms);
      start.zone = end->has_zone ? "" : input_.zone.name();
    } else {
      rejections.push_back({kDate, std::string(date), "is not a date such as 2019-04-23 12:08:00"});
    }
    return input_.sink.begin(start, row.begin);
  }

  // A BikeErg's is per 1000 m, the metric's per 500 m.
  base::Status take_pace(const CsvRow& row, std::int64_t machine, rowing::Record& record) {
    const std::size_t index = rowing::column_index(summary, "avg_pace_ds_per_500m");
    const Conversion conversion{true, rowing::pace_metres(rowing::kNull), rowing::pace_metres(machine)};
    const std::string_view text = cell(row, "Pace");
    const auto value = to_wire(text, rowing::metrics(summary)[index], conversion);
    if (!value) return input_.sink.reject_value(row.line, "Pace", text, value.error().text);
    record.values[index] = *value;
    return {};
  }

  Input& input_;
  ColumnMap rules_;
  ColumnMap work_;
  ColumnMap rest_;
};

base::Status run_season(Input& input) {
  SeasonReader reader(input);
  return for_each_row(input, kDistance, kPlain, [&](const CsvRow& row) { return reader.take(row); });
}

}  // namespace

const Dialect kLogbookSeason{
    {"logbook_season", "Concept2 Logbook, workouts of a season (columns \"Date\", \"Work Time\", \"Work Distance\")"},
    &recognises_season,
    &run_season};

}  // namespace boathouse::import
