#include "core/pm5/simulated_piece.hpp"

#include <algorithm>
#include <cmath>

#include "core/pm5/piece_counters.hpp"
#include "core/rowing/enumerations.hpp"
#include "core/rowing/formulas.hpp"

namespace boathouse::pm5 {
namespace {

using rowing::WorkoutState;

constexpr std::int64_t kTransitionCs = 20;  // the states between work and rest last so long
constexpr std::int64_t kUntilStateCs = 60;  // a first pull shows in elapsed before it shows in the state
constexpr std::int64_t kDriftCs = 600;      // the boat glides on in a rest
constexpr std::int64_t kUntilLoggedCs = 120;
constexpr std::int64_t kStandsBeforeStopCs = 400;

std::int64_t number(WorkoutState state) { return static_cast<std::int64_t>(state); }

bool is_just_row(std::uint8_t type) { return type <= 1; }

// On the monitor these go on until the rower ends them, which is in a rest.
bool repeats_for_ever(std::uint8_t type) { return type == 6 || type == 7 || type == 12; }

}  // namespace

std::int64_t PieceCounters::pace_cs_per_500m() const {
  return distance_um == 0 ? 0 : elapsed_cs * 500'000'000 / distance_um;
}

std::int64_t PieceCounters::average_power_w(Machine machine) const {
  if (distance_um == 0 || elapsed_cs == 0) return 0;
  const double pace = static_cast<double>(elapsed_cs) / 100.0 / (static_cast<double>(distance_um) / 1e6);
  return std::llround(rowing::power_w(pace, static_cast<std::int64_t>(machine)));
}

PieceCounters operator-(const PieceCounters& a, const PieceCounters& b) {
  return {a.elapsed_cs - b.elapsed_cs, a.distance_um - b.distance_um, a.strokes - b.strokes,
          a.calorie_sum - b.calorie_sum, a.watt_sum - b.watt_sum};
}

PieceCounters operator+(const PieceCounters& a, const PieceCounters& b) {
  return {a.elapsed_cs + b.elapsed_cs, a.distance_um + b.distance_um, a.strokes + b.strokes,
          a.calorie_sum + b.calorie_sum, a.watt_sum + b.watt_sum};
}

SimulatedPiece::SimulatedPiece(const SimulatedWorkout& workout, const SimulationOptions& options)
    : workout_(workout),
      rower_(options.rower, options.machine, options.seed * 3 + 1),
      random_(options.seed * 3 + 2),
      begins_cs_(220 + static_cast<std::int64_t>(random_.below(200))) {
  if (!has_intervals(workout_.type)) workout_.intervals = {{workout_.goal, workout_.length, 0}};
}

const SimulatedInterval& SimulatedPiece::goal() const {
  return workout_.intervals[static_cast<std::size_t>(interval_)];
}

PieceEvents SimulatedPiece::step() {
  PieceEvents events;
  ++now_cs_;
  if (now_cs_ % 100 == 0) rower_.beat(rowing_ ? stroke_.power_w : 0);
  switch (phase_) {
    case PiecePhase::idle:
      if (now_cs_ >= begins_cs_) {
        phase_ = PiecePhase::work;
        begin_interval();
      }
      break;
    case PiecePhase::work:
      step_work(events);
      break;
    case PiecePhase::rest:
      step_rest(events);
      break;
    case PiecePhase::ended:
      if (now_cs_ - ended_cs_ >= kUntilLoggedCs) phase_ = PiecePhase::logged;
      break;
    case PiecePhase::logged:
      break;
  }
  return events;
}

void SimulatedPiece::begin_interval() {
  counters_ = {};
  split_start_ = {};
  before_pull_cs_ = 10 + static_cast<std::int64_t>(random_.below(120));
  stroke_runs_ = false;
  stroke_number_ = 0;
  recovery_cs_ = 0;
}

void SimulatedPiece::step_work(PieceEvents& events) {
  ++counters_.elapsed_cs;
  rowing_ = false;
  if (before_pull_cs_ > 0) {
    --before_pull_cs_;
  } else if (standing_cs_ > 0) {
    --standing_cs_;
    if (standing_cs_ == 0 && stops_after_standing_) return end_piece(events, number(WorkoutState::terminate));
    if (standing_cs_ == 0) end_stroke(events);
  } else {
    row(events);
  }
  if (stops_after_standing_) return;
  if (goal_reached()) return end_work(events);
  if (split_reached()) {
    events.split = finish_split(of_split());
    split_start_ = counters_;
  }
}

void SimulatedPiece::row(PieceEvents& events) {
  rowing_ = true;
  if (!stroke_runs_) {
    next_stroke_ = rower_.next_stroke(stroke_number_++);
    stroke_runs_ = true;
    stroke_cs_ = 0;
  }
  ++stroke_cs_;
  counters_.distance_um += next_stroke_.speed_mmps * 10;
  counters_.calorie_sum += next_stroke_.cal_per_hour;
  counters_.watt_sum += next_stroke_.power_w;
  if (stroke_cs_ == next_stroke_.drive_cs) {
    stroke_ = next_stroke_;
    ++counters_.strokes;
    events.drive_ended = true;
  }
  if (stroke_cs_ < next_stroke_.period_cs) return;
  standing_cs_ = rower_.next_pause_cs();
  recovery_cs_ = next_stroke_.period_cs - next_stroke_.drive_cs + standing_cs_;
  if (standing_cs_ > 0) stroke_number_ = 0;
  if (standing_cs_ == 0) end_stroke(events);
}

void SimulatedPiece::end_stroke(PieceEvents& events) {
  stroke_runs_ = false;
  events.recovery_ended = true;
}

bool SimulatedPiece::goal_reached() const {
  const std::int64_t length = goal().length;
  switch (goal().goal) {
    case Goal::time:
      return counters_.elapsed_cs >= length;
    case Goal::distance:
      return counters_.distance_m() >= length;
    case Goal::calories:
      return counters_.calories() >= length;
    case Goal::watt_minutes:
      return counters_.watt_minutes() >= length;
  }
  return true;
}

bool SimulatedPiece::split_reached() const {
  const bool has_splits =
      workout_.type == 1 || workout_.type == 3 || workout_.type == 5 || workout_.type == 10 || workout_.type == 11;
  if (!has_splits) return false;
  const std::int64_t next = split_number_ * workout_.split;
  switch (workout_.goal) {
    case Goal::time:
      return counters_.elapsed_cs >= next;
    case Goal::distance:
      return counters_.distance_m() >= next;
    case Goal::calories:
      return counters_.calories() >= next;
    case Goal::watt_minutes:
      return counters_.watt_minutes() >= next;
  }
  return false;
}

FinishedSplit SimulatedPiece::finish_split(const PieceCounters& work) {
  FinishedSplit split;
  split.work = work;
  split.number = split_number_++;
  split.interval = interval_;
  split.work_heart_rate_bpm = heart_rate_bpm();
  split.goal = goal().goal;
  return split;
}

void SimulatedPiece::end_work(PieceEvents& events) {
  stroke_runs_ = false;
  rowing_ = false;
  standing_cs_ = 0;
  if (goal().goal == Goal::distance) counters_.distance_um = goal().length * 1'000'000;
  if (is_just_row(workout_.type)) {  // it has no goal: its rower stops, stands and ends it on the monitor
    standing_cs_ = kStandsBeforeStopCs;
    stops_after_standing_ = true;
    return;
  }
  if (!has_intervals(workout_.type)) return end_piece(events, number(WorkoutState::workout_end));

  total_ = total_ + counters_;
  total_work_distance_m_ += counters_.distance_m();
  held_split_ = finish_split(counters_);
  held_split_->rest_s = goal().rest_s;
  const bool last = interval_ + 1 == static_cast<std::int64_t>(workout_.intervals.size());
  ends_in_rest_ = last && repeats_for_ever(workout_.type);
  if (last && !ends_in_rest_) return end_piece(events, number(WorkoutState::workout_end));
  phase_ = PiecePhase::rest;
  rest_cs_ = 0;
  rest_drift_um_ = 0;
  rest_length_cs_ = ends_in_rest_ ? 300 + static_cast<std::int64_t>(random_.below(300)) : goal().rest_s * 100;
  overshoot_cs_ = random_.below(3) == 0 ? 150 : 0;
}

void SimulatedPiece::step_rest(PieceEvents& events) {
  ++rest_cs_;
  if (rest_cs_ < std::min(kDriftCs, rest_length_cs_)) {
    const std::int64_t drift = stroke_.speed_mmps * 10 * (kDriftCs - rest_cs_) / (2 * kDriftCs);
    rest_drift_um_ += drift;
    counters_.distance_um += drift;
  }
  if (rest_cs_ < rest_length_cs_) return;
  total_rest_distance_m_ += rest_distance_m();
  total_work_distance_m_ += rest_distance_m();
  held_split_->rest_distance_m = rest_distance_m();
  held_split_->rest_heart_rate_bpm = heart_rate_bpm();
  if (ends_in_rest_) return end_piece(events, number(WorkoutState::terminate));
  events.rest_ended = goal().rest_s > 0 && workout_.type != 9;
  events.split = held_split_;
  held_split_.reset();
  ++interval_;
  phase_ = PiecePhase::work;
  begin_interval();
}

void SimulatedPiece::end_piece(PieceEvents& events, std::int64_t state) {
  events.work_ended = true;
  if (held_split_) {
    events.split = held_split_;
  } else {
    total_ = counters_;
    total_work_distance_m_ = counters_.distance_m();
    const bool has_splits = workout_.type == 1 || workout_.type == 3 || workout_.type == 5 || workout_.type >= 10;
    if (has_splits && of_split().elapsed_cs > 0) events.split = finish_split(of_split());
  }
  phase_ = PiecePhase::ended;
  ended_cs_ = now_cs_;
  end_state_ = state;
  rowing_ = false;
}

std::int64_t SimulatedPiece::workout_state() const {
  const bool by_distance = goal().goal == Goal::distance;
  switch (phase_) {
    case PiecePhase::idle:
      return number(WorkoutState::wait_to_begin);
    case PiecePhase::work:
      if (interval_ == 0 && goal().goal != Goal::time && counters_.elapsed_cs < kUntilStateCs) {
        return number(WorkoutState::wait_to_begin);
      }
      if (!has_intervals(workout_.type)) return number(WorkoutState::workout_row);
      if (interval_ > 0 && counters_.elapsed_cs < kTransitionCs) {
        return number(by_distance ? WorkoutState::rest_end_to_work_distance : WorkoutState::rest_end_to_work_time);
      }
      return number(by_distance ? WorkoutState::interval_work_distance : WorkoutState::interval_work_time);
    case PiecePhase::rest:
      if (rest_cs_ >= kTransitionCs) return number(WorkoutState::interval_rest);
      return number(by_distance ? WorkoutState::work_distance_to_rest : WorkoutState::work_time_to_rest);
    case PiecePhase::ended:
      return end_state_;
    case PiecePhase::logged:
      return number(WorkoutState::workout_logged);
  }
  return 0;
}

std::int64_t SimulatedPiece::stroke_state() const {
  if (phase_ != PiecePhase::work) return phase_ == PiecePhase::idle ? 0 : 1;
  if (!rowing_) return 0;
  return stroke_cs_ <= next_stroke_.drive_cs ? 2 : 4;
}

std::int64_t SimulatedPiece::shown_elapsed_cs() const {
  const bool runs_on = phase_ == PiecePhase::rest && rest_cs_ < std::min(overshoot_cs_, rest_length_cs_);
  return counters_.elapsed_cs + (runs_on ? rest_cs_ : 0);
}

std::int64_t SimulatedPiece::rest_left_cs() const {
  if (workout_.type == 9) return 0;  // the monitor does not know it
  const std::int64_t planned = goal().rest_s * 100;
  return phase_ == PiecePhase::rest ? std::max<std::int64_t>(planned - rest_cs_ / 100 * 100, 0) : planned;
}

}  // namespace boathouse::pm5
