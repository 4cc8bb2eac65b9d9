#include "core/rowing/catalogue.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/rowing/record.hpp"

namespace boathouse::rowing {
namespace {

using enum Stream;
using enum WireType;
using enum Codec;
using N = NullRule;
using E = Enumeration;
constexpr std::int8_t no = kAbsent;

// stream, column, field, shift, unit, wire type, null rule, ClickHouse codec, enumeration, placements, description.
// The order inside a stream is the order of chunk columns and is frozen; append only.
// clang-format off
constexpr Metric kMetrics[] = {
    // ---- sample ----
    {sample, "at_ms", "at_s", 3, "s", recorder_u32, N::never, delta, E::none, {}, "Monotonic time since the start of the recording, at receipt; the time axis of charts. Null where a source has none"},
    {sample, "interval", "interval", 0, "", recorder_u16, N::never, plain, E::none, {}, "Interval of the recording, from 0, counted by the recorder: the monitor's counters restart at each"},
    {sample, "elapsed_cs", "elapsed_s", 2, "s", u24, N::never, delta, E::none, {{{0x31, 0, 0}, {0x32, 0, 0}, {0x33, 0, 0}}}, "Elapsed time of the interval; restarts at each interval and can jump back inside a rest"},
    {sample, "distance_dm", "distance_m", 1, "m", u24, N::never, delta, E::none, {{{0x31, 3, 3}}}, "Distance of the interval"},
    {sample, "workout_type", "workout_type", 0, "", u8, N::never, plain, E::workout_type, {{{0x31, 6, 6}}}, "Workout type"},
    {sample, "interval_type", "interval_type", 0, "", u8, N::never, plain, E::interval_type, {{{0x31, 7, 7}}}, "Interval type"},
    {sample, "workout_state", "workout_state", 0, "", u8, N::never, plain, E::workout_state, {{{0x31, 8, 8}}}, "Workout state"},
    {sample, "rowing_state", "rowing_state", 0, "", u8, N::never, plain, E::rowing_state, {{{0x31, 9, 9}}}, "Rowing state"},
    {sample, "stroke_state", "stroke_state", 0, "", u8, N::never, plain, E::stroke_state, {{{0x31, 10, 10}}}, "Stroke state"},
    {sample, "total_work_distance_m", "total_work_distance_m", 0, "m", u24, N::never, delta, E::none, {{{0x31, 11, 11}}}, "Work distance of the finished intervals; changes only at interval boundaries, counts metres drifted in rest too"},
    {sample, "workout_duration", "workout_duration", 0, "by workout_duration_type", u24, N::never, plain, E::none, {{{0x31, 14, 14}}}, "Set length of the workout or interval: 0.01 s, m, cal or watt-minutes by workout_duration_type"},
    {sample, "workout_duration_type", "workout_duration_type", 0, "", u8, N::never, plain, E::duration_type, {{{0x31, 17, 17}}}, "Unit of the set length"},
    {sample, "drag_factor", "drag_factor", 0, "", u8, N::zero_or_all_ones, plain, E::none, {{{0x31, 18, 18}}}, "Drag factor: flywheel damping in N m s^2 x 10^6"},
    {sample, "speed_mmps", "speed_mps", 3, "m/s", u16, N::never, plain, E::none, {{{0x32, 3, 3}}}, "Speed; keeps its last value when rowing stops"},
    {sample, "stroke_rate_spm", "stroke_rate_spm", 0, "1/min", u8, N::never, delta, E::none, {{{0x32, 5, 5}}}, "Stroke rate; keeps its last value when rowing stops"},
    {sample, "heart_rate_bpm", "heart_rate_bpm", 0, "1/min", u8, N::zero_or_all_ones, delta, E::none, {{{0x32, 6, 6}}}, "Heart rate"},
    {sample, "pace_cs_per_500m", "pace_s_per_500m", 2, "s/500 m", u16, N::zero, plain, E::none, {{{0x32, 7, 7}}}, "Current pace; null while standing"},
    {sample, "avg_pace_cs_per_500m", "avg_pace_s_per_500m", 2, "s/500 m", u16, N::zero, plain, E::none, {{{0x32, 9, 9}}}, "Average pace of the interval"},
    {sample, "rest_distance_m", "rest_distance_m", 0, "m", u16, N::never, plain, E::none, {{{0x32, 11, 11}}}, "Distance of the running rest"},
    {sample, "rest_time_cs", "rest_time_s", 2, "s", u24, N::never, double_delta, E::none, {{{0x32, 13, 13}}}, "Time left of the rest; counts down"},
    {sample, "erg_machine_type", "erg_machine_type", 0, "", u8, N::never, plain, E::erg_machine_type, {{{0x32, 16, 18}}}, "Erg machine type"},
    {sample, "interval_count", "interval_count", 0, "", u8, N::never, plain, E::none, {{{0x33, 3, 3}}}, "The monitor's own interval count; rises on work to rest too"},
    {sample, "avg_power_w", "avg_power_w", 0, "W", u16, N::never, plain, E::none, {{{0x33, 4, no}, {0x32, no, 16}}}, "Average power of the interval, from average pace"},
    {sample, "total_calories", "total_calories", 0, "cal", u16, N::never, delta, E::none, {{{0x33, 6, 4}}}, "Calories of the interval, counted by the monitor stroke by stroke"},
    {sample, "split_avg_pace_cs_per_500m", "split_avg_pace_s_per_500m", 2, "s/500 m", u16, N::zero, plain, E::none, {{{0x33, 8, 6}}}, "Average pace of the split"},
    {sample, "split_avg_power_w", "split_avg_power_w", 0, "W", u16, N::never, plain, E::none, {{{0x33, 10, 8}}}, "Average power of the split"},
    {sample, "split_avg_calories", "split_avg_calories", 0, "cal", u16, N::never, plain, E::none, {{{0x33, 12, 10}}}, "Calories of the split so far (doubtful: the 2017 specification says cal/hour)"},
    {sample, "last_split_time_cs", "last_split_time_s", 2, "s", u24, N::never, plain, E::none, {{{0x33, 14, 12}}}, "Time of the last split (0.01 s in captures, 0.1 s in the specification); the truth is the split's own record"},
    {sample, "last_split_distance_m", "last_split_distance_m", 0, "m", u24, N::never, plain, E::none, {{{0x33, 17, 15}}}, "Distance of the last split"},
    {sample, "operational_state", "operational_state", 0, "", u8, N::never, plain, E::operational_state, {{{0x3E, 0, 0}}}, "Operational state of the monitor"},
    {sample, "verification_state", "verification_state", 0, "", u8, N::never, plain, E::none, {{{0x3E, 1, 1}}}, "Workout verification state"},
    {sample, "screen", "screen", 0, "", u16, N::never, plain, E::none, {{{0x3E, 2, 2}}}, "Screen number"},
    {sample, "last_error", "last_error", 0, "", u16, N::never, plain, E::none, {{{0x3E, 4, 4}}}, "Last error of the monitor"},
    {sample, "calibration_mode", "calibration_mode", 0, "", u8, N::never, plain, E::none, {{{0x3E, 6, 6}}}, "Calibration mode (BikeErg)"},
    {sample, "calibration_state", "calibration_state", 0, "", u8, N::never, plain, E::none, {{{0x3E, 7, 7}}}, "Calibration state (BikeErg)"},
    {sample, "calibration_status", "calibration_status", 0, "", u8, N::never, plain, E::none, {{{0x3E, 8, 8}}}, "Calibration status (BikeErg)"},
    {sample, "game_id", "game_id", 0, "", u8, N::never, plain, E::game_id, {{{0x3E, 9, 9}}}, "Game on the monitor"},
    {sample, "game_score", "game_score", 0, "", u16, N::never, plain, E::none, {{{0x3E, 10, 10}}}, "Game score"},
    {sample, "battery_percent", "battery_percent", 0, "%", u8, N::never, plain, E::none, {{{0x3E, 12, 12}}}, "Battery (seen on firmware of 2026, not in the specification)"},

    // ---- stroke ----
    {stroke, "at_ms", "at_s", 3, "s", recorder_u32, N::never, delta, E::none, {}, "Monotonic time since the start of the recording, at receipt of the stroke's first notification"},
    {stroke, "interval", "interval", 0, "", recorder_u16, N::never, plain, E::none, {}, "Interval of the recording, from 0, counted by the recorder"},
    {stroke, "elapsed_cs", "elapsed_s", 2, "s", u24, N::never, delta, E::none, {{{0x35, 0, 0}, {0x36, 0, 0}}}, "Elapsed time of the interval at the stroke's latest notification"},
    {stroke, "distance_dm", "distance_m", 1, "m", u24, N::never, delta, E::none, {{{0x35, 3, 3}}}, "Distance of the interval"},
    {stroke, "drive_length_cm", "drive_length_m", 2, "m", u8, N::never, plain, E::none, {{{0x35, 6, 6}}}, "Drive length"},
    {stroke, "drive_time_cs", "drive_time_s", 2, "s", u8, N::never, plain, E::none, {{{0x35, 7, 7}}}, "Drive time"},
    {stroke, "recovery_time_cs", "recovery_time_s", 2, "s", u16, N::never, delta, E::none, {{{0x35, 8, 8}}}, "Recovery time"},
    {stroke, "stroke_distance_cm", "stroke_distance_m", 2, "m", u16, N::never, delta, E::none, {{{0x35, 10, 10}}}, "Distance per stroke"},
    {stroke, "peak_force_dlbf", "peak_force_lbf", 1, "lbf", u16, N::never, delta, E::none, {{{0x35, 12, 12}}}, "Peak drive force"},
    {stroke, "avg_force_dlbf", "avg_force_lbf", 1, "lbf", u16, N::never, delta, E::none, {{{0x35, 14, 14}}}, "Average drive force"},
    {stroke, "work_per_stroke_dj", "work_per_stroke_j", 1, "J", u16, N::never, delta, E::none, {{{0x35, 16, no}, {0x36, no, 15}}}, "Work per stroke"},
    {stroke, "stroke_count", "stroke_count", 0, "", u16, N::never, delta, E::none, {{{0x35, 18, 16}, {0x36, 7, 7}}}, "Number of the stroke in the interval"},
    {stroke, "stroke_power_w", "stroke_power_w", 0, "W", u16, N::never, delta, E::none, {{{0x36, 3, 3}}}, "Power of the stroke"},
    {stroke, "stroke_cal_per_hour", "stroke_cal_per_hour", 0, "cal/h", u16, N::never, delta, E::none, {{{0x36, 5, 5}}}, "Calories per hour of the stroke"},
    {stroke, "projected_work_time_s", "projected_work_time_s", 0, "s", u24, N::never, plain, E::none, {{{0x36, 9, 9}}}, "Projected work time"},
    {stroke, "projected_work_distance_m", "projected_work_distance_m", 0, "m", u24, N::never, plain, E::none, {{{0x36, 12, 12}}}, "Projected work distance"},

    // ---- force_curve: the points themselves are Record::points, from 0x3D ----
    {force_curve, "at_ms", "at_s", 3, "s", recorder_u32, N::never, delta, E::none, {}, "Monotonic time since the start of the recording, at receipt of the curve's first packet"},
    {force_curve, "interval", "interval", 0, "", recorder_u16, N::never, plain, E::none, {}, "Interval of the recording, from 0, counted by the recorder"},
    {force_curve, "stroke_count", "stroke_count", 0, "", recorder_u16, N::never, delta, E::none, {}, "Number of the stroke in the interval that the curve belongs to; null when not known"},
    {force_curve, "packets", "packets", 0, "", recorder_u8, N::never, plain, E::none, {}, "Packets that the monitor announced for the curve"},
    {force_curve, "lost_packets", "lost_packets", 0, "", recorder_u16, N::never, plain, E::none, {}, "Bit n set: packet n was lost on the air and its points (9, the last packet fewer) are missing"},

    // ---- split ----
    {split, "at_ms", "at_s", 3, "s", recorder_u32, N::never, delta, E::none, {}, "Monotonic time since the start of the recording, at receipt of the split's first notification"},
    {split, "interval", "interval", 0, "", recorder_u16, N::never, plain, E::none, {}, "Interval of the recording, from 0, counted by the recorder"},
    {split, "elapsed_cs", "elapsed_s", 2, "s", u24, N::never, delta, E::none, {{{0x37, 0, 0}, {0x38, 0, 0}}}, "Elapsed time; in interval pieces near 0, since the counters have rolled over"},
    {split, "distance_dm", "distance_m", 1, "m", u24, N::never, delta, E::none, {{{0x37, 3, 3}}}, "Distance"},
    {split, "split_time_ds", "split_time_s", 1, "s", u24, N::never, plain, E::none, {{{0x37, 6, 6}}}, "Time of the split"},
    {split, "split_distance_m", "split_distance_m", 0, "m", u24, N::never, plain, E::none, {{{0x37, 9, 9}}}, "Distance of the split"},
    {split, "rest_time_s", "rest_time_s", 0, "s", u16, N::never, plain, E::none, {{{0x37, 12, 12}}}, "Rest time after the interval"},
    {split, "rest_distance_m", "rest_distance_m", 0, "m", u16, N::never, plain, E::none, {{{0x37, 14, 14}}}, "Rest distance after the interval"},
    {split, "split_type", "split_type", 0, "", u8, N::never, plain, E::interval_type, {{{0x37, 16, 16}}}, "Split or interval type"},
    {split, "split_number", "split_number", 0, "", u8, N::never, delta, E::none, {{{0x37, 17, 17}, {0x38, 17, 17}}}, "Split or interval number, from 1"},
    {split, "avg_stroke_rate_spm", "avg_stroke_rate_spm", 0, "1/min", u8, N::never, plain, E::none, {{{0x38, 3, 3}}}, "Average stroke rate of the split"},
    {split, "work_heart_rate_bpm", "work_heart_rate_bpm", 0, "1/min", u8, N::zero_or_all_ones, plain, E::none, {{{0x38, 4, 4}}}, "Heart rate at the end of work"},
    {split, "rest_heart_rate_bpm", "rest_heart_rate_bpm", 0, "1/min", u8, N::zero_or_all_ones, plain, E::none, {{{0x38, 5, 5}}}, "Heart rate at the end of rest"},
    {split, "avg_pace_ds_per_500m", "avg_pace_s_per_500m", 1, "s/500 m", u16, N::zero, plain, E::none, {{{0x38, 6, 6}}}, "Average pace of the split"},
    {split, "total_calories", "total_calories", 0, "cal", u16, N::never, plain, E::none, {{{0x38, 8, 8}}}, "Calories of the split"},
    {split, "avg_cal_per_hour", "avg_cal_per_hour", 0, "cal/h", u16, N::never, plain, E::none, {{{0x38, 10, 10}}}, "Average calories per hour of the split"},
    {split, "speed_mmps", "speed_mps", 3, "m/s", u16, N::never, plain, E::none, {{{0x38, 12, 12}}}, "Speed of the split"},
    {split, "power_w", "power_w", 0, "W", u16, N::never, plain, E::none, {{{0x38, 14, 14}}}, "Power of the split"},
    {split, "avg_drag_factor", "avg_drag_factor", 0, "", u8, N::zero_or_all_ones, plain, E::none, {{{0x38, 16, 16}}}, "Average drag factor of the split"},
    {split, "erg_machine_type", "erg_machine_type", 0, "", u8, N::never, plain, E::erg_machine_type, {{{0x38, 18, 18}}}, "Erg machine type (a MultiErg workout changes it between splits)"},

    // ---- summary ----
    {summary, "at_ms", "at_s", 3, "s", recorder_u32, N::never, delta, E::none, {}, "Monotonic time since the start of the recording, at receipt of the newest part"},
    {summary, "log_date", "log_date", 0, "", u16, N::never, plain, E::none, {{{0x39, 0, 0}, {0x3A, 0, 0}, {0x3C, no, 0}}}, "Monitor's date of the END of the workout: month bits 0-3, day 4-8, year - 2000 bits 9-15"},
    {summary, "log_time", "log_time", 0, "", u16, N::never, plain, E::none, {{{0x39, 2, 2}, {0x3A, 2, 2}, {0x3C, no, 2}}}, "Monitor's local time of the end, no zone: low byte minute, high byte hour"},
    {summary, "elapsed_cs", "elapsed_s", 2, "s", u24, N::never, plain, E::none, {{{0x39, 4, 4}}}, "Elapsed time of the workout, work only"},
    {summary, "distance_dm", "distance_m", 1, "m", u24, N::never, plain, E::none, {{{0x39, 7, 7}}}, "Distance of the workout, work only"},
    {summary, "avg_stroke_rate_spm", "avg_stroke_rate_spm", 0, "1/min", u8, N::never, plain, E::none, {{{0x39, 10, 10}}}, "Average stroke rate"},
    {summary, "ending_heart_rate_bpm", "ending_heart_rate_bpm", 0, "1/min", u8, N::zero_or_all_ones, plain, E::none, {{{0x39, 11, 11}}}, "Heart rate at the end"},
    {summary, "avg_heart_rate_bpm", "avg_heart_rate_bpm", 0, "1/min", u8, N::zero_or_all_ones, plain, E::none, {{{0x39, 12, 12}}}, "Average heart rate"},
    {summary, "min_heart_rate_bpm", "min_heart_rate_bpm", 0, "1/min", u8, N::zero_or_all_ones, plain, E::none, {{{0x39, 13, 13}}}, "Lowest heart rate"},
    {summary, "max_heart_rate_bpm", "max_heart_rate_bpm", 0, "1/min", u8, N::zero_or_all_ones, plain, E::none, {{{0x39, 14, 14}}}, "Highest heart rate"},
    {summary, "avg_drag_factor", "avg_drag_factor", 0, "", u8, N::zero_or_all_ones, plain, E::none, {{{0x39, 15, 15}}}, "Average drag factor"},
    {summary, "recovery_heart_rate_bpm", "recovery_heart_rate_bpm", 0, "1/min", u8, N::zero_or_all_ones, plain, E::none, {{{0x39, 16, 16}}}, "Recovery heart rate; comes about one minute later"},
    {summary, "workout_type", "workout_type", 0, "", u8, N::never, plain, E::workout_type, {{{0x39, 17, 17}}}, "Workout type"},
    {summary, "avg_pace_ds_per_500m", "avg_pace_s_per_500m", 1, "s/500 m", u16, N::zero_or_all_ones, plain, E::none, {{{0x39, 18, no}, {0x3C, no, 4}}}, "Average pace"},
    {summary, "split_type", "split_type", 0, "", u8, N::never, plain, E::interval_type, {{{0x3A, 4, no}}}, "Split or interval type"},
    {summary, "split_size", "split_size", 0, "m or s", u16, N::never, plain, E::none, {{{0x3A, 5, 4}}}, "Split or interval size, m or s by split_type"},
    {summary, "split_count", "split_count", 0, "", u8, N::never, plain, E::none, {{{0x3A, 7, 6}}}, "Number of splits or intervals; the monitor holds at most 50"},
    {summary, "total_calories", "total_calories", 0, "cal", u16, N::never, plain, E::none, {{{0x3A, 8, 7}}}, "Calories"},
    {summary, "avg_power_w", "avg_power_w", 0, "W", u16, N::never, plain, E::none, {{{0x3A, 10, 9}}}, "Average power, from average pace"},
    {summary, "total_rest_distance_m", "total_rest_distance_m", 0, "m", u24, N::never, plain, E::none, {{{0x3A, 12, 11}}}, "Rest distance of the workout"},
    {summary, "interval_rest_time_s", "interval_rest_time_s", 0, "s", u16, N::never, plain, E::none, {{{0x3A, 15, 14}}}, "Rest time of an interval"},
    {summary, "avg_cal_per_hour", "avg_cal_per_hour", 0, "cal/h", u16, N::never, plain, E::none, {{{0x3A, 17, 16}}}, "Average calories per hour"},
    {summary, "belt_manufacturer", "belt_manufacturer", 0, "", u8, N::never, plain, E::none, {{{0x3B, 0, 0}}}, "Heart rate belt: manufacturer"},
    {summary, "belt_device_type", "belt_device_type", 0, "", u8, N::never, plain, E::none, {{{0x3B, 1, 1}}}, "Heart rate belt: device type"},
    {summary, "belt_id", "belt_id", 0, "", u32, N::never, plain, E::none, {{{0x3B, 2, 2}}}, "Heart rate belt: id"},
    {summary, "game_id", "game_id", 0, "", low_nibble, N::never, plain, E::game_id, {{{0x3C, no, 6}}}, "Game on the monitor"},
    {summary, "verified", "verified", 0, "", high_nibble, N::never, plain, E::none, {{{0x3C, no, 6}}}, "Workout verified by the monitor"},
    {summary, "game_score", "game_score", 0, "", u16, N::never, plain, E::none, {{{0x3C, no, 7}}}, "Game score"},
    {summary, "erg_machine_type", "erg_machine_type", 0, "", u8, N::never, plain, E::erg_machine_type, {{{0x3C, no, 9}}}, "Erg machine type"},
    {summary, "logged_hash_low", "logged_hash_low", 0, "", u32, N::never, plain, E::none, {{{0x3F, 0, 0}}}, "Hash of the logged workout, low 32 bits"},
    {summary, "logged_hash_high", "logged_hash_high", 0, "", u32, N::never, plain, E::none, {{{0x3F, 4, 4}}}, "Hash of the logged workout, high 32 bits"},
    {summary, "logged_address", "logged_address", 0, "", u32, N::never, plain, E::none, {{{0x3F, 8, 8}}}, "Address in the monitor's log"},
    {summary, "logged_size", "logged_size", 0, "B", u16, N::never, plain, E::none, {{{0x3F, 12, 12}}}, "Size in the monitor's log"},
    {summary, "erg_model", "erg_model", 0, "", u8, N::never, plain, E::erg_model, {{{0x3F, 14, 14}}}, "Erg model"},
    {summary, "work_time_ds", "work_time_s", 1, "s", recorder_u32, N::never, plain, E::none, {}, "Work time as a Logbook file states it (imports only)"},
    {summary, "rest_time_ds", "rest_time_s", 1, "s", recorder_u32, N::never, plain, E::none, {}, "Rest time as a Logbook file states it (imports only)"},
    {summary, "stroke_count", "stroke_count", 0, "", recorder_u32, N::never, plain, E::none, {}, "Strokes of the workout as a file states them (imports only)"},

    // ---- event: Record::bytes holds the detail as JSON text ----
    {event, "at_ms", "at_s", 3, "s", recorder_u32, N::never, delta, E::none, {}, "Monotonic time since the start of the recording"},
    {event, "kind", "kind", 0, "", recorder_u16, N::never, plain, E::event_kind, {}, "What happened"},
};

constexpr Characteristic kCharacteristics[] = {
    {0x31, "general status", sample, 19, 19},
    {0x32, "additional status 1", sample, 16, 18},
    {0x33, "additional status 2", sample, 20, 18},
    {0x35, "stroke data", stroke, 20, 18},
    {0x36, "additional stroke data", stroke, 15, 15},
    {0x37, "split data", split, 18, 18},
    {0x38, "additional split data", split, 18, 18},
    {0x39, "end of workout", summary, 20, 18},
    {0x3A, "additional end of workout", summary, 19, 18},
    {0x3B, "heart rate belt", summary, 6, 6},
    {0x3C, "additional end of workout 2", summary, kAbsent, 10},
    {0x3D, "force curve", force_curve, 2, 2},
    {0x3E, "additional status 3", sample, 12, 12},
    {0x3F, "logged workout", summary, 15, 15},
};
// clang-format on

}  // namespace

std::span<const Metric> metrics(Stream stream) {
  const auto* const first = std::ranges::find(kMetrics, stream, &Metric::stream);
  const auto* const last = std::find_if(first, std::end(kMetrics), [&](const Metric& m) { return m.stream != stream; });
  return {first, last};
}

std::optional<std::size_t> find_column(Stream stream, std::string_view column) {
  const auto all = metrics(stream);
  const auto found = std::ranges::find(all, column, &Metric::column);
  if (found == all.end()) return std::nullopt;
  return static_cast<std::size_t>(found - all.begin());
}

std::size_t column_index(Stream stream, std::string_view column) {
  const auto found = find_column(stream, column);
  if (!found) {
    std::fprintf(stderr, "no column %.*s in the metric catalogue\n", static_cast<int>(column.size()), column.data());
    std::abort();
  }
  return *found;
}

std::size_t column_count(Stream stream, std::uint32_t version) {
  return static_cast<std::size_t>(
      std::ranges::count_if(metrics(stream), [&](const Metric& metric) { return metric.since <= version; }));
}

std::int64_t max_value(const Metric& metric) {
  switch (metric.type) {
    case low_nibble:
    case high_nibble:
      return 0xF;
    case recorder_u8:
    case u8:
      return 0xFF;
    case recorder_u16:
    case u16:
      return 0xFFFF;
    case u24:
      return 0xFFFFFF;
    case recorder_u32:
    case u32:
      return 0xFFFFFFFF;
  }
  return 0;
}

bool in_range(const Metric& metric, std::int64_t value) {
  return value == kNull || (value >= 0 && value <= max_value(metric));
}

std::int64_t apply_null_rule(const Metric& metric, std::int64_t wire) {
  const bool zero = metric.null_rule == N::zero || metric.null_rule == N::zero_or_all_ones;
  const bool ones = metric.null_rule == N::zero_or_all_ones;
  if ((zero && wire == 0) || (ones && wire == max_value(metric))) return kNull;
  return wire;
}

std::span<const Characteristic> characteristics() { return kCharacteristics; }

const Characteristic* find_characteristic(std::uint8_t id) {
  const auto* const found = std::ranges::find(kCharacteristics, id, &Characteristic::id);
  return found == std::end(kCharacteristics) ? nullptr : found;
}

bool has_points(Stream stream) { return stream == force_curve; }

std::string_view bytes_column(Stream stream) {
  switch (stream) {
    case event:
      return "detail";
    case source:
      return "block";
    default:
      return "tail";
  }
}

}  // namespace boathouse::rowing
