// Merges the first 0x35, 0x36 and the second 0x35 of a stroke into one record (see assembler.hpp). Thread rule: one
// thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/pm5/interval_counter.hpp"
#include "core/pm5/pending_record.hpp"

namespace boathouse::pm5 {

// Recoveries of slow strokes stay below it, so that the second 0x35 finds its stroke still open.
inline constexpr std::int64_t kStrokeOverdueMs = 8000;

struct StrokeKey {
  std::int64_t interval = 0;
  std::int64_t count = 0;
};

class StrokeMerger {
 public:
  // The key of the stroke that this notification is the first of; nullopt when it goes on with a known one, or is none.
  std::optional<StrokeKey> push(const Notification& notification, std::int64_t at_ms, IntervalCounter& intervals,
                                std::vector<rowing::Record>& out);
  // An interval began in the silence that ends now: a stroke whose first part came before the status is of it.
  void interval_began_in_silence(std::int64_t at_ms, std::int64_t interval);
  void tick(std::int64_t at_ms, std::vector<rowing::Record>& out);
  void flush(std::vector<rowing::Record>& out);

 private:
  struct Stroke {
    StrokeKey key;
    Counters counters;
    std::int64_t last_ms;
    PendingRecord record;
    bool changed;  // since it was handed out
  };

  static void emit(Stroke& stroke, std::vector<rowing::Record>& out);
  static bool goes_on(const std::optional<Stroke>& stroke, std::int64_t count, std::int64_t elapsed_cs,
                      const IntervalCounter& intervals);
  void update(Stroke& stroke, const Notification& notification, const Counters& counters, std::int64_t at_ms);

  std::optional<Stroke> current_;
  std::optional<Stroke> previous_;
};

// A planned rest ends with a 0x35 and a 0x36 whose measures are all 0: no stroke.
bool is_zero_filled(const Notification& stroke_notification);

}  // namespace boathouse::pm5
