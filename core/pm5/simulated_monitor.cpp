#include "core/pm5/simulated_monitor.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

#include "core/pm5/piece_counters.hpp"
#include "core/pm5/simulated_piece.hpp"
#include "core/pm5/wire_values.hpp"
#include "core/rowing/formulas.hpp"

namespace boathouse::pm5 {
namespace {

using rowing::Record;
using rowing::Stream;

constexpr std::int64_t kStepMs = 10;
constexpr std::int64_t kPacketMs = 8;  // between the packets of a burst
constexpr std::int64_t kRecoveryHeartMs = 60'000;
constexpr std::int64_t kSilentAfterMs = 8'000;

std::int64_t number_of(Goal goal, bool rest_undefined) {
  switch (goal) {
    case Goal::time:
      return rest_undefined ? 3 : 0;
    case Goal::distance:
      return rest_undefined ? 4 : 1;
    case Goal::calories:
      return rest_undefined ? 7 : 6;
    case Goal::watt_minutes:
      return rest_undefined ? 9 : 8;
  }
  return 255;
}

std::int64_t duration_type_of(Goal goal) {
  switch (goal) {
    case Goal::time:
      return 0x00;
    case Goal::distance:
      return 0x80;
    case Goal::calories:
      return 0x40;
    case Goal::watt_minutes:
      return 0xC0;
  }
  return 0;
}

}  // namespace

struct SimulatedMonitor::Impl {
  SimulatedWorkout workout;
  SimulationOptions options;
  SimulatedPiece piece;
  AirModel air;
  base::SeededRandom random;
  SimulatedTruth truth;
  std::multimap<std::int64_t, std::function<void()>> schedule;  // by time in ms
  std::int64_t next_status_ms;
  std::int64_t silent_at_ms = -1;  // -1: the end has not come yet
  std::int64_t drag_factor;
  std::int64_t last_split_time_cs = 0;
  std::int64_t last_split_distance_m = 0;
  bool logged_sample_sent = false;
  WireValues stroke{Stream::stroke};
  WireValues summary{Stream::summary};

  Impl(SimulatedWorkout the_workout, SimulationOptions the_options)
      : workout(std::move(the_workout)),
        options(the_options),
        piece(workout, options),
        air(options.air, options.seed * 5 + 3),
        random(options.seed * 7 + 4),
        next_status_ms(static_cast<std::int64_t>(random.below(90)) * kStepMs),
        drag_factor(105 + static_cast<std::int64_t>(random.below(30))) {
    if (options.rower.has_belt) schedule.emplace(1000, [this] { send_belt(); });
  }

  [[nodiscard]] std::int64_t now_ms() const { return piece.now_cs() * kStepMs; }
  [[nodiscard]] std::int64_t machine() const { return static_cast<std::int64_t>(options.machine); }
  [[nodiscard]] std::int64_t interval_type() const {
    if (piece.phase() == PiecePhase::rest) return 2;
    if (workout.type <= 1) return 255;
    return number_of(piece.goal().goal, workout.type == 9);
  }
  std::int64_t between(std::int64_t from_ms, std::int64_t to_ms) {
    return from_ms + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(to_ms - from_ms)));
  }
  void after(std::int64_t delay_ms, std::function<void()> action) {
    schedule.emplace(now_ms() + delay_ms, std::move(action));
  }

  void send(std::uint8_t characteristic, const WireValues& values, std::int64_t at_ms) {
    put(characteristic, encode(characteristic, options.form, values.values()), at_ms);
  }
  // Encoding cannot fail: WireValues keeps every value within its field.
  void put(std::uint8_t characteristic, base::Result<base::Bytes> payload, std::int64_t at_ms) {
    const std::uint16_t id = options.form == Form::direct ? characteristic : kMultiplexed;
    air.send({at_ms, id, std::move(payload).value()});
  }
  void begin_recording(std::int64_t at_ms) {
    if (!truth.begins_at_ms) truth.begins_at_ms = at_ms;
  }

  void step();
  void send_status();
  [[nodiscard]] WireValues status() const;
  void end_drive();
  void end_recovery();
  void send_curve(std::int64_t at_ms);
  void send_zero_filled();
  void send_split(const FinishedSplit& split);
  void end_piece();
  void fill_summary();
  void send_belt();
};

void SimulatedMonitor::Impl::step() {
  const PieceEvents events = piece.step();
  if (events.drive_ended) end_drive();
  if (events.recovery_ended) end_recovery();
  if (events.rest_ended) send_zero_filled();
  if (events.split) {
    const FinishedSplit split = *events.split;
    (split.goal == Goal::distance ? last_split_time_cs : last_split_distance_m) =
        split.goal == Goal::distance ? split.work.elapsed_cs : split.work.distance_m();
    // Of the last one real monitors took up to 3 s.
    after(events.work_ended ? between(800, 2100) : between(30, 300), [this, split] { send_split(split); });
  }
  if (events.work_ended) end_piece();
  while (!schedule.empty() && schedule.begin()->first <= now_ms()) {
    const auto action = std::move(schedule.begin()->second);
    schedule.erase(schedule.begin());
    action();
  }
  if (now_ms() >= next_status_ms) {
    next_status_ms += 1000 / options.sample_hz;
    send_status();
  }
}

WireValues SimulatedMonitor::Impl::status() const {
  const PieceCounters& counters = piece.counters();
  const PieceCounters split = piece.of_split();
  const bool began = piece.phase() != PiecePhase::idle;
  const SimulatedStroke& shown = piece.stroke();  // holds its values when rowing stops; all 0 before the first drive
  WireValues values(Stream::sample);
  values.set("interval", piece.interval()).set("elapsed_cs", piece.shown_elapsed_cs());
  values.set("distance_dm", counters.distance_dm()).set("workout_type", workout.type);
  values.set("interval_type", interval_type()).set("workout_state", piece.workout_state());
  values.set("rowing_state", piece.is_rowing()).set("stroke_state", piece.stroke_state());
  values.set("total_work_distance_m", piece.total_work_distance_m());
  values.set("workout_duration", workout.type <= 1 ? 0 : piece.goal().length);
  values.set("workout_duration_type", workout.type <= 1 ? 0x80 : duration_type_of(piece.goal().goal));
  values.set("drag_factor", counters.strokes < 3 && piece.interval() == 0 ? 0 : drag_factor);
  values.set("speed_mmps", shown.speed_mmps).set("stroke_rate_spm", shown.rate_spm);
  values.set("pace_cs_per_500m", shown.speed_mmps == 0 ? 0 : 50'000'000 / shown.speed_mmps);
  values.set("avg_pace_cs_per_500m", counters.pace_cs_per_500m());
  values.set("rest_distance_m", piece.phase() == PiecePhase::rest ? piece.rest_distance_m() : 0);
  values.set("rest_time_cs", piece.rest_left_cs()).set("erg_machine_type", machine());
  if (options.rower.has_belt) values.set("heart_rate_bpm", piece.heart_rate_bpm());  // else 255
  values.set("interval_count", piece.interval() * 2 + (piece.phase() == PiecePhase::rest ? 1 : 0));
  values.set("avg_power_w", counters.average_power_w(options.machine)).set("total_calories", counters.calories());
  values.set("split_avg_pace_cs_per_500m", split.pace_cs_per_500m());
  values.set("split_avg_power_w", split.average_power_w(options.machine)).set("split_avg_calories", split.calories());
  values.set("last_split_time_cs", last_split_time_cs).set("last_split_distance_m", last_split_distance_m);
  values.set("operational_state", began ? 2 : 1).set("verification_state", 0).set("screen", began ? 259 : 1);
  values.set("last_error", 0).set("calibration_mode", 0).set("calibration_state", 0).set("calibration_status", 0);
  values.set("game_id", 0).set("game_score", 0).set("battery_percent", 78);
  return values;
}

void SimulatedMonitor::Impl::send_status() {
  constexpr std::string_view kStatus3[] = {
      "operational_state", "verification_state", "screen",  "last_error", "calibration_mode",
      "calibration_state", "calibration_status", "game_id", "game_score", "battery_percent"};
  const std::int64_t at_ms = now_ms();
  WireValues values = status();
  send(0x3E, values, at_ms);
  send(0x31, values, at_ms + 1);
  send(0x32, values, at_ms + 2);
  send(0x33, values, at_ms + 3);

  // The recording begins with 0x31 here, so its first sample has no 0x3E.
  if (!truth.begins_at_ms) {
    for (const std::string_view column : kStatus3) values.set_null(column);
  }
  if (piece.workout_state() != 0 || piece.shown_elapsed_cs() > 0) begin_recording(at_ms + 1);
  if (!truth.begins_at_ms || logged_sample_sent) return;
  logged_sample_sent = piece.phase() == PiecePhase::logged;
  if (options.keep_samples) truth.samples.push_back(values.set("at_ms", at_ms + 1).record(options.form));
}

void SimulatedMonitor::Impl::end_drive() {
  const SimulatedStroke& measured = piece.stroke();
  const std::int64_t at_ms = now_ms();
  begin_recording(at_ms);
  stroke = WireValues(Stream::stroke);
  stroke.set("at_ms", at_ms).set("interval", piece.interval()).set("elapsed_cs", piece.counters().elapsed_cs);
  stroke.set("distance_dm", piece.counters().distance_dm()).set("drive_length_cm", measured.drive_length_cm);
  stroke.set("drive_time_cs", measured.drive_cs).set("recovery_time_cs", piece.recovery_cs());
  stroke.set("stroke_distance_cm", measured.stroke_distance_cm).set("peak_force_dlbf", measured.peak_force_dlbf);
  stroke.set("avg_force_dlbf", measured.avg_force_dlbf).set("work_per_stroke_dj", measured.work_dj);
  stroke.set("stroke_count", piece.counters().strokes).set("stroke_power_w", measured.power_w);
  stroke.set("stroke_cal_per_hour", measured.cal_per_hour);
  // At the mean pace so far; of a goal that is neither, nothing is projected.
  const std::int64_t pace_cs = std::max<std::int64_t>(piece.counters().pace_cs_per_500m(), 1);
  const SimulatedInterval& goal = piece.goal();
  stroke.set("projected_work_time_s", goal.goal == Goal::distance ? goal.length * pace_cs / 50'000
                                      : goal.goal == Goal::time   ? goal.length / 100
                                                                  : 0);
  stroke.set("projected_work_distance_m", goal.goal == Goal::time       ? goal.length * 500 / pace_cs
                                          : goal.goal == Goal::distance ? goal.length
                                                                        : 0);
  send(0x35, stroke, at_ms);
  send(0x36, stroke, at_ms + kPacketMs);
  truth.strokes.push_back(stroke.record(options.form));
  send_curve(at_ms + 2 * kPacketMs);
}

void SimulatedMonitor::Impl::end_recovery() {
  stroke.set("elapsed_cs", piece.counters().elapsed_cs).set("distance_dm", piece.counters().distance_dm());
  stroke.set("recovery_time_cs", piece.recovery_cs());
  send(0x35, stroke, now_ms());
  truth.strokes.back() = stroke.record(options.form);
}

void SimulatedMonitor::Impl::send_curve(std::int64_t at_ms) {
  const std::vector<std::uint16_t>& points = piece.stroke().force_lbf;
  if (points.empty()) return;
  // Inside 0x0080 the id byte takes a point's place.
  const std::size_t per_packet = options.form == Form::direct ? kMaxForcePoints : kMaxForcePoints - 1;
  const std::size_t packets = (points.size() + per_packet - 1) / per_packet;
  for (std::size_t i = 0; i < packets; ++i) {
    ForcePacket packet;
    packet.packets = static_cast<std::uint8_t>(packets);
    packet.sequence = static_cast<std::uint8_t>(i);
    packet.points = static_cast<std::uint8_t>(std::min(per_packet, points.size() - i * per_packet));
    std::copy_n(points.begin() + static_cast<std::ptrdiff_t>(i * per_packet), packet.points, packet.force.begin());
    put(0x3D, encode_force_packet(packet, options.form), at_ms + static_cast<std::int64_t>(i) * kPacketMs);
  }
  WireValues curve(Stream::force_curve);
  curve.set("at_ms", at_ms).set("interval", piece.interval()).set("stroke_count", piece.counters().strokes);
  curve.set("packets", static_cast<std::int64_t>(packets)).set("lost_packets", 0);
  Record record = curve.record(options.form);
  record.points.assign(points.begin(), points.end());
  truth.force_curves.push_back(std::move(record));
}

void SimulatedMonitor::Impl::send_zero_filled() {
  WireValues zeros(Stream::stroke);
  for (const rowing::Metric& metric : rowing::metrics(Stream::stroke)) zeros.set(metric.column, 0);
  send(0x35, zeros, now_ms());
  send(0x36, zeros, now_ms() + kPacketMs);
}

void SimulatedMonitor::Impl::send_split(const FinishedSplit& split) {
  const PieceCounters& work = split.work;
  const std::int64_t time_ds = work.elapsed_cs / 10;
  const std::int64_t metres = work.distance_m();
  // Without a whole metre the pace is infinite and the power 0; elapsed is never 0 here.
  const double pace = static_cast<double>(work.elapsed_cs) / 100.0 / static_cast<double>(metres);
  WireValues values(Stream::split);
  values.set("at_ms", now_ms()).set("interval", has_intervals(workout.type) ? split.interval : 0);
  values.set("elapsed_cs", piece.counters().elapsed_cs).set("distance_dm", piece.counters().distance_dm());
  values.set("split_time_ds", time_ds).set("split_distance_m", work.distance_m());
  values.set("rest_time_s", split.rest_s).set("rest_distance_m", split.rest_distance_m);
  values.set("split_type", workout.type <= 1 ? 0 : number_of(split.goal, workout.type == 9));
  values.set("split_number", split.number);
  send(0x37, values, now_ms());

  after(between(50, 900), [this, values, split, time_ds, metres, pace]() mutable {
    values.set("elapsed_cs", piece.counters().elapsed_cs);
    values.set("avg_stroke_rate_spm", split.work.strokes * 6000 / std::max<std::int64_t>(split.work.elapsed_cs, 1));
    values.set("work_heart_rate_bpm", split.work_heart_rate_bpm).set("rest_heart_rate_bpm", split.rest_heart_rate_bpm);
    values.set("avg_pace_ds_per_500m", rowing::average_pace_ds_per_500m(time_ds, metres).value_or(0));
    values.set("total_calories", split.work.calories());
    values.set("avg_cal_per_hour", rowing::calories_per_hour(rowing::power_w(pace, machine())));
    values.set("speed_mmps", metres * 100'000 / std::max<std::int64_t>(split.work.elapsed_cs, 1));
    values.set("power_w", split.work.average_power_w(options.machine)).set("avg_drag_factor", drag_factor);
    values.set("erg_machine_type", machine());
    send(0x38, values, now_ms());
    truth.splits.push_back(values.record(options.form));
  });
}

void SimulatedMonitor::Impl::end_piece() {
  truth.elapsed_cs = piece.total().elapsed_cs;
  truth.distance_dm = piece.total().distance_dm();
  fill_summary();
  const std::int64_t summary_ms = between(500, 3500);
  after(summary_ms, [this] {
    send(0x39, summary, now_ms());
    send(0x3A, summary, now_ms() + 30);
    if (options.form == Form::multiplexed) send(0x3C, summary, now_ms() + 60);
    send(0x3F, summary, now_ms() + 90);
    truth.summary = summary.set("at_ms", now_ms() + 90).record(options.form);
  });
  if (!options.rower.has_belt) {
    silent_at_ms = now_ms() + kSilentAfterMs;
    return;
  }
  after(summary_ms + kRecoveryHeartMs, [this] {
    summary.set("recovery_heart_rate_bpm", piece.heart_rate_bpm()).set("at_ms", now_ms());
    send(0x39, summary, now_ms());
    truth.summary = summary.record(options.form);
  });
  silent_at_ms = now_ms() + summary_ms + kRecoveryHeartMs + 1000;
}

void SimulatedMonitor::Impl::fill_summary() {
  using namespace std::chrono;
  const PieceCounters& total = piece.total();
  const sys_time<milliseconds> local{milliseconds(options.local_start_ms + now_ms())};
  const auto day = floor<days>(local);
  const year_month_day date(day);
  const auto minutes_of_day = floor<minutes>(local - day).count();
  const std::int64_t month = static_cast<unsigned>(date.month());
  const std::int64_t day_of_month = static_cast<unsigned>(date.day());
  const std::int64_t year = static_cast<int>(date.year()) - 2000;
  const std::int64_t metres = total.distance_m();
  const double pace = static_cast<double>(total.elapsed_cs) / 100.0 / static_cast<double>(metres);
  const std::int64_t heart_rate = piece.heart_rate_bpm();
  const bool intervals = has_intervals(workout.type);

  summary.set("log_date", month | day_of_month << 4 | year << 9);
  summary.set("log_time", minutes_of_day % 60 | minutes_of_day / 60 << 8);
  summary.set("elapsed_cs", total.elapsed_cs).set("distance_dm", total.distance_dm());
  summary.set("avg_stroke_rate_spm", total.strokes * 6000 / std::max<std::int64_t>(total.elapsed_cs, 1));
  summary.set("ending_heart_rate_bpm", heart_rate).set("avg_heart_rate_bpm", heart_rate * 9 / 10);
  summary.set("min_heart_rate_bpm", heart_rate * 7 / 10).set("max_heart_rate_bpm", heart_rate);
  summary.set("avg_drag_factor", drag_factor).set("recovery_heart_rate_bpm", 0).set("workout_type", workout.type);
  summary.set("avg_pace_ds_per_500m", rowing::average_pace_ds_per_500m(total.elapsed_cs / 10, metres).value_or(0));
  const Goal split_goal = piece.goal().goal;
  const std::int64_t size = intervals ? piece.goal().length : workout.split;
  summary.set("split_type", number_of(split_goal, workout.type == 9));
  summary.set("split_size", split_goal == Goal::time ? size / 100 : size).set("split_count", piece.split_count());
  summary.set("total_calories", total.calories()).set("avg_power_w", total.average_power_w(options.machine));
  summary.set("total_rest_distance_m", piece.total_rest_distance_m());
  summary.set("interval_rest_time_s", intervals ? piece.goal().rest_s : 0);
  summary.set("avg_cal_per_hour", rowing::calories_per_hour(rowing::power_w(pace, machine())));
  summary.set("game_id", 0).set("verified", 1).set("game_score", 0).set("erg_machine_type", machine());
  summary.set("logged_hash_low", static_cast<std::int64_t>(random.below(0x1'0000'0000)));
  summary.set("logged_hash_high", static_cast<std::int64_t>(random.below(0x1'0000'0000)));
  summary.set("logged_address", 0x0012'0000).set("logged_size", 48 + 32 * piece.split_count()).set("erg_model", 0);
}

void SimulatedMonitor::Impl::send_belt() {
  // Told when the belt is found, which may be before the recording: then again when it has begun.
  if (!truth.begins_at_ms) return after(500, [this] { send_belt(); });
  summary.set("belt_manufacturer", 1).set("belt_device_type", 120).set("belt_id", 305'419'896);
  send(0x3B, summary, now_ms());
}

base::Result<SimulatedMonitor> SimulatedMonitor::create(SimulatedWorkout workout, SimulationOptions options) {
  BOATHOUSE_TRY(check(workout, options));
  return SimulatedMonitor(std::make_unique<Impl>(std::move(workout), options));
}

SimulatedMonitor::SimulatedMonitor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SimulatedMonitor::~SimulatedMonitor() = default;
SimulatedMonitor::SimulatedMonitor(SimulatedMonitor&&) noexcept = default;
SimulatedMonitor& SimulatedMonitor::operator=(SimulatedMonitor&&) noexcept = default;

bool SimulatedMonitor::next(TimedNotification& out) {
  Impl& impl = *impl_;
  const auto is_silent = [&] { return impl.silent_at_ms >= 0 && impl.now_ms() >= impl.silent_at_ms; };
  while (!impl.air.receive(impl.now_ms(), out)) {
    if (is_silent()) {
      constexpr std::int64_t kEverything = INT64_MAX;
      return impl.air.receive(kEverything, out);  // what is still under way
    }
    impl.step();
  }
  return true;
}

const SimulatedTruth& SimulatedMonitor::truth() const { return impl_->truth; }
const AirCounts& SimulatedMonitor::air() const { return impl_->air.counts(); }

}  // namespace boathouse::pm5
