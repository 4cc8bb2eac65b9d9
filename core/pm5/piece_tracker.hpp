// Decides when a recording begins and ends, from the monitor's own words: it begins when the workout state leaves 0 or
// elapsed grows; it ends at state 12, 13 or a new 0, with another piece, or after 10 minutes of silence; late parts
// belong to the ended one. Pure: no clock; times are milliseconds of any monotonic clock, the same one in all calls.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "core/pm5/notification.hpp"
#include "core/pm5/piece_counters.hpp"
#include "core/rowing/recording.hpp"

namespace boathouse::pm5 {

inline constexpr std::int64_t kSilenceMs = 10 * 60 * 1000;  // after this a recording has ended
inline constexpr std::int64_t kLatePartsMs =
    5 * 1000;  // strokes, splits, 0x39 to 0x3C and 0x3F still belong to the ended one
inline constexpr std::int64_t kRecoveryMs = 90 * 1000;  // a second 0x39 (recovery heart rate) still belongs to it

enum class Verdict : std::uint8_t {
  idle,    // nothing runs: do not store
  begins,  // first notification of a new recording: open one, then store it there. If one runs, end that first (its end
           // was not seen)
  belongs,  // store in the running recording
  ends,     // store in the running recording, then end it; what is late completes its open records: flush when
            // kLatePartsMs are over
  ended,    // the running recording ended just before this notification, which is idle: end it, do not store
  late,     // store in the recording that ended last, whether another one runs or not
};

class PieceTracker {
 public:
  // Call tick() with the same time first, so that silence is seen also where time comes with the notifications alone.
  Verdict observe(const Notification& notification, std::int64_t monotonic_ms);
  // Ends a running recording after silence; true when it just ended.
  bool tick(std::int64_t monotonic_ms);
  // The user's stop, or the end of the input. After the user's stop nothing begins until the monitor has left the
  // piece.
  void stop(rowing::EndReason reason, std::int64_t monotonic_ms);

  [[nodiscard]] bool running() const { return running_; }
  // Why the last recording ended.
  [[nodiscard]] rowing::EndReason end_reason() const { return end_reason_; }

 private:
  struct Status;  // what 0x0031 says

  Verdict observe_status(const Status& status, std::int64_t monotonic_ms);
  Verdict observe_other(const Notification& notification, std::int64_t monotonic_ms);
  [[nodiscard]] bool is_another_piece(const Status& status) const;
  [[nodiscard]] bool is_late_part(std::uint8_t characteristic, std::int64_t monotonic_ms) const;
  bool is_last_sample(std::uint8_t characteristic, std::int64_t elapsed_cs, std::int64_t monotonic_ms);
  void begin(std::int64_t monotonic_ms);
  void end(rowing::EndReason reason, std::int64_t monotonic_ms);

  bool running_ = false;
  bool stopped_by_user_ = false;  // and the monitor is still in that piece
  rowing::EndReason end_reason_ = rowing::EndReason::stopped;
  std::optional<std::int64_t> ended_at_ms_;
  std::int64_t last_ms_ = 0;  // of the running recording's latest notification
  // The latest of each, in a piece or out of it.
  std::optional<std::int64_t> state_;
  std::optional<std::int64_t> elapsed_cs_;
  std::int64_t distance_dm_ = 0;
  std::int64_t total_work_distance_m_ = 0;
  std::int64_t workout_type_ = 0;
  // 0x32 and 0x33 of the ended recording's last sample that are still to come.
  bool awaits_status1_ = false;
  bool awaits_status2_ = false;
};

}  // namespace boathouse::pm5
