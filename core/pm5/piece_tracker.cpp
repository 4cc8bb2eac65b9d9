#include "core/pm5/piece_tracker.hpp"

#include "core/pm5/pending_record.hpp"
#include "core/rowing/enumerations.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::pm5 {
namespace {

using rowing::Stream;
using rowing::WorkoutState;

struct PieceColumns {
  std::size_t elapsed = rowing::column_index(Stream::sample, "elapsed_cs");
  std::size_t distance = rowing::column_index(Stream::sample, "distance_dm");
  std::size_t workout_type = rowing::column_index(Stream::sample, "workout_type");
  std::size_t workout_state = rowing::column_index(Stream::sample, "workout_state");
  std::size_t total_work_distance = rowing::column_index(Stream::sample, "total_work_distance_m");
  std::size_t stroke_elapsed = rowing::column_index(Stream::stroke, "elapsed_cs");
};

const PieceColumns& piece_columns() {
  static const PieceColumns kColumns;
  return kColumns;
}

bool is(std::int64_t state, WorkoutState wanted) { return state == static_cast<std::int64_t>(wanted); }

// A piece is under way: anything but waiting, ended, logged and rearmed. Unknown states count as active, since nothing
// may be lost.
bool is_active(std::int64_t state) {
  return !is(state, WorkoutState::wait_to_begin) && !is(state, WorkoutState::workout_end) &&
         !is(state, WorkoutState::terminate) && !is(state, WorkoutState::workout_logged) &&
         !is(state, WorkoutState::rearm);
}

}  // namespace

struct PieceTracker::Status {
  Counters counters;
  std::int64_t workout_type = 0;
  std::int64_t state = 0;
  std::int64_t total_work_distance_m = 0;
};

Verdict PieceTracker::observe(const Notification& notification, std::int64_t monotonic_ms) {
  Verdict verdict = Verdict::idle;
  if (notification.characteristic->id == 0x31) {
    const PieceColumns& at = piece_columns();
    const Status status{{value_at(notification, at.elapsed), value_at(notification, at.distance)},
                        value_at(notification, at.workout_type),
                        value_at(notification, at.workout_state),
                        value_at(notification, at.total_work_distance)};
    verdict = observe_status(status, monotonic_ms);
    state_ = status.state;
    elapsed_cs_ = status.counters.elapsed_cs;
    distance_dm_ = status.counters.distance_dm;
    total_work_distance_m_ = status.total_work_distance_m;
    workout_type_ = status.workout_type;
  } else {
    verdict = observe_other(notification, monotonic_ms);
  }
  if (running_ && verdict != Verdict::late) last_ms_ = monotonic_ms;
  return verdict;
}

Verdict PieceTracker::observe_status(const Status& status, std::int64_t monotonic_ms) {
  const bool waits = is(status.state, WorkoutState::wait_to_begin);
  const bool grew = elapsed_cs_ && status.counters.elapsed_cs > *elapsed_cs_;
  const bool fell = elapsed_cs_ && restarted({*elapsed_cs_, distance_dm_}, status.counters);

  if (running_) {
    if (is_another_piece(status)) {
      end(rowing::EndReason::rearmed, last_ms_);
      begin(monotonic_ms);
      return Verdict::begins;
    }
    if (is(status.state, WorkoutState::workout_logged) || is(status.state, WorkoutState::rearm)) {
      const bool logged = is(status.state, WorkoutState::workout_logged);
      end(logged ? rowing::EndReason::logged : rowing::EndReason::rearmed, monotonic_ms);
      // Counters that are reset already are no sample of the piece.
      if (fell) return Verdict::ended;
      awaits_status1_ = awaits_status2_ = true;
      return Verdict::ends;
    }
    // A piece may begin in state 0 (elapsed runs before the state changes); only a return to 0 ends it.
    if (waits && state_ && !is(*state_, WorkoutState::wait_to_begin)) {
      end(rowing::EndReason::rearmed, monotonic_ms);
      return Verdict::ended;
    }
    return Verdict::belongs;
  }

  if (stopped_by_user_) {
    if (is_active(status.state) && !is_another_piece(status)) return Verdict::idle;
    stopped_by_user_ = false;
  }
  if (is_active(status.state) || (waits && grew)) {
    begin(monotonic_ms);
    return Verdict::begins;
  }
  return Verdict::idle;
}

// The states between two pieces can be lost on the air.
bool PieceTracker::is_another_piece(const Status& status) const {
  if (!is_active(status.state) || !state_ || !elapsed_cs_) return false;
  if (is(*state_, WorkoutState::workout_end) || is(*state_, WorkoutState::terminate)) return true;
  if (!restarted({*elapsed_cs_, distance_dm_}, status.counters)) return false;
  return status.workout_type != workout_type_ || !has_intervals(status.workout_type) ||
         status.total_work_distance_m < total_work_distance_m_;
}

Verdict PieceTracker::observe_other(const Notification& notification, std::int64_t monotonic_ms) {
  const std::uint8_t id = notification.characteristic->id;
  if (is_late_part(id, monotonic_ms)) return Verdict::late;
  if (running_) return Verdict::belongs;

  const bool of_sample = id == 0x32 || id == 0x33;
  const bool of_stroke = id == 0x35 || id == 0x36;
  if (!of_sample && !of_stroke) return Verdict::idle;
  const std::int64_t elapsed_cs =
      value_at(notification, of_sample ? piece_columns().elapsed : piece_columns().stroke_elapsed);
  if (of_sample && is_last_sample(id, elapsed_cs, monotonic_ms)) return Verdict::late;
  // The first stroke can come before the 0x31 that tells the new state.
  const bool waits = !state_ || is(*state_, WorkoutState::wait_to_begin);
  const bool grew = elapsed_cs_ && elapsed_cs > *elapsed_cs_;
  if (waits && grew && !stopped_by_user_) {
    begin(monotonic_ms);
    return Verdict::begins;
  }
  if (of_sample && !elapsed_cs_) elapsed_cs_ = elapsed_cs;
  return Verdict::idle;
}

bool PieceTracker::is_late_part(std::uint8_t characteristic, std::int64_t monotonic_ms) const {
  if (!ended_at_ms_) return false;
  const std::int64_t age = monotonic_ms - *ended_at_ms_;
  const bool of_end = (characteristic >= 0x37 && characteristic <= 0x3C) || characteristic == 0x3F;
  if (of_end && age <= kLatePartsMs) return true;
  // A new piece cancels the second 0x39, and has strokes of its own.
  if (running_) return false;
  const bool of_stroke = characteristic == 0x35 || characteristic == 0x36 || characteristic == 0x3D;
  return (of_stroke && age <= kLatePartsMs) || (characteristic == 0x39 && age <= kRecoveryMs);
}

// 0x31 announces the end; 0x32 and 0x33 of that same moment follow it.
bool PieceTracker::is_last_sample(std::uint8_t characteristic, std::int64_t elapsed_cs, std::int64_t monotonic_ms) {
  bool& awaited = characteristic == 0x32 ? awaits_status1_ : awaits_status2_;
  if (!awaited || elapsed_cs != elapsed_cs_ || monotonic_ms - *ended_at_ms_ > kLatePartsMs) return false;
  awaited = false;
  return true;
}

void PieceTracker::begin(std::int64_t monotonic_ms) {
  running_ = true;
  stopped_by_user_ = false;
  awaits_status1_ = awaits_status2_ = false;
  last_ms_ = monotonic_ms;
}

void PieceTracker::end(rowing::EndReason reason, std::int64_t monotonic_ms) {
  running_ = false;
  end_reason_ = reason;
  ended_at_ms_ = monotonic_ms;
}

bool PieceTracker::tick(std::int64_t monotonic_ms) {
  if (!running_ || monotonic_ms - last_ms_ < kSilenceMs) return false;
  end(rowing::EndReason::silence, monotonic_ms);
  return true;
}

void PieceTracker::stop(rowing::EndReason reason, std::int64_t monotonic_ms) {
  if (!running_) return;
  end(reason, monotonic_ms);
  stopped_by_user_ = reason == rowing::EndReason::stopped && state_ && is_active(*state_);
}

}  // namespace boathouse::pm5
