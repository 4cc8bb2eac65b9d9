// The inside of a simulated PM5: what rows, counts and knows the time (simulated_piece), apart from what is said about
// it (simulated_monitor). Advances in steps of 0.01 s. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/random.hpp"
#include "core/pm5/simulated_rower.hpp"
#include "core/pm5/simulated_workout.hpp"

namespace boathouse::pm5 {

// Integers, so that sums are exact: distance in micrometres, energy in its rate times 0.01 s.
struct PieceCounters {
  std::int64_t elapsed_cs = 0;
  std::int64_t distance_um = 0;
  std::int64_t strokes = 0;
  std::int64_t calorie_sum = 0;  // cal/h x 0.01 s
  std::int64_t watt_sum = 0;     // W x 0.01 s

  [[nodiscard]] std::int64_t distance_dm() const { return distance_um / 100'000; }
  [[nodiscard]] std::int64_t distance_m() const { return distance_um / 1'000'000; }
  [[nodiscard]] std::int64_t calories() const { return calorie_sum / 360'000; }
  [[nodiscard]] std::int64_t watt_minutes() const { return watt_sum / 6'000; }
  [[nodiscard]] std::int64_t pace_cs_per_500m() const;  // truncated; 0 without distance
  [[nodiscard]] std::int64_t average_power_w(Machine machine) const;
  friend PieceCounters operator-(const PieceCounters& a, const PieceCounters& b);
  friend PieceCounters operator+(const PieceCounters& a, const PieceCounters& b);
};

enum class PiecePhase : std::uint8_t { idle, work, rest, ended, logged };

// A finished split or interval.
struct FinishedSplit {
  PieceCounters work;
  std::int64_t number = 1;
  std::int64_t interval = 0;
  std::int64_t rest_s = 0;
  std::int64_t rest_distance_m = 0;
  std::int64_t work_heart_rate_bpm = 0;
  std::int64_t rest_heart_rate_bpm = 0;
  Goal goal = Goal::distance;
};

// What happened in a step.
struct PieceEvents {
  bool drive_ended = false;     // stroke() is the new one
  bool recovery_ended = false;  // stroke() has its recovery
  bool rest_ended = false;      // a planned one
  bool work_ended = false;      // of the whole piece, in this step
  std::optional<FinishedSplit> split;
};

class SimulatedPiece {
 public:
  SimulatedPiece(const SimulatedWorkout& workout, const SimulationOptions& options);

  PieceEvents step();  // 0.01 s

  [[nodiscard]] std::int64_t now_cs() const { return now_cs_; }
  [[nodiscard]] PiecePhase phase() const { return phase_; }
  [[nodiscard]] std::int64_t workout_state() const;
  [[nodiscard]] bool is_rowing() const { return rowing_; }
  [[nodiscard]] std::int64_t stroke_state() const;
  [[nodiscard]] std::int64_t interval() const { return interval_; }
  [[nodiscard]] const SimulatedInterval& goal() const;  // of the interval, or of the whole piece
  [[nodiscard]] const PieceCounters& counters() const { return counters_; }
  [[nodiscard]] std::int64_t shown_elapsed_cs() const;  // jumps back inside some rests
  [[nodiscard]] PieceCounters of_split() const { return counters_ - split_start_; }
  [[nodiscard]] const PieceCounters& total() const { return total_; }  // of finished work
  [[nodiscard]] std::int64_t total_work_distance_m() const { return total_work_distance_m_; }
  [[nodiscard]] std::int64_t total_rest_distance_m() const { return total_rest_distance_m_; }
  [[nodiscard]] std::int64_t rest_left_cs() const;  // counts down by whole seconds
  [[nodiscard]] std::int64_t rest_distance_m() const { return rest_drift_um_ / 1'000'000; }
  [[nodiscard]] const SimulatedStroke& stroke() const { return stroke_; }  // the latest whose drive ended
  [[nodiscard]] std::int64_t recovery_cs() const { return recovery_cs_; }  // the latest that ended
  [[nodiscard]] std::int64_t heart_rate_bpm() const { return rower_.heart_rate_bpm(); }
  [[nodiscard]] std::int64_t split_count() const { return split_number_ - 1; }

 private:
  void begin_interval();
  void step_work(PieceEvents& events);
  void row(PieceEvents& events);
  void end_stroke(PieceEvents& events);
  void step_rest(PieceEvents& events);
  void end_work(PieceEvents& events);
  void end_piece(PieceEvents& events, std::int64_t state);
  [[nodiscard]] bool goal_reached() const;
  [[nodiscard]] bool split_reached() const;
  FinishedSplit finish_split(const PieceCounters& work);

  SimulatedWorkout workout_;
  RowerModel rower_;
  base::SeededRandom random_;

  std::int64_t now_cs_ = 0;
  PiecePhase phase_ = PiecePhase::idle;
  std::int64_t begins_cs_;
  std::int64_t interval_ = 0;
  PieceCounters counters_;
  PieceCounters split_start_;
  PieceCounters total_;
  std::int64_t total_work_distance_m_ = 0;
  std::int64_t total_rest_distance_m_ = 0;
  std::int64_t split_number_ = 1;

  std::int64_t before_pull_cs_ = 0;  // the clock runs, nobody pulls yet
  std::int64_t standing_cs_ = 0;     // an unplanned pause, or the end of a just-row
  bool stops_after_standing_ = false;
  bool rowing_ = false;
  bool stroke_runs_ = false;
  std::int64_t stroke_number_ = 0;  // since the rower last stood still
  std::int64_t stroke_cs_ = 0;      // since the catch
  SimulatedStroke next_stroke_;     // the one that is being rowed
  SimulatedStroke stroke_;
  std::int64_t recovery_cs_ = 0;

  std::int64_t rest_cs_ = 0;  // since the work ended
  std::int64_t rest_length_cs_ = 0;
  std::int64_t rest_drift_um_ = 0;
  std::int64_t overshoot_cs_ = 0;  // the clock runs on so long before it jumps back
  bool ends_in_rest_ = false;
  std::optional<FinishedSplit> held_split_;  // told when the counters have restarted
  std::int64_t end_state_ = 10;
  std::int64_t ended_cs_ = 0;
};

}  // namespace boathouse::pm5
