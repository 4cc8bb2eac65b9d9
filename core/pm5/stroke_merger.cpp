#include "core/pm5/stroke_merger.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace boathouse::pm5 {
namespace {

struct StrokeColumns {
  std::size_t elapsed = rowing::column_index(rowing::Stream::stroke, "elapsed_cs");
  std::size_t distance = rowing::column_index(rowing::Stream::stroke, "distance_dm");
  std::size_t count = rowing::column_index(rowing::Stream::stroke, "stroke_count");
  std::size_t projected_time = rowing::column_index(rowing::Stream::stroke, "projected_work_time_s");
  std::size_t projected_distance = rowing::column_index(rowing::Stream::stroke, "projected_work_distance_m");
};

const StrokeColumns& stroke_columns() {
  static const StrokeColumns kColumns;
  return kColumns;
}

// What was measured up to now lies behind the interval's own clock: it comes from the interval before.
bool is_of_interval_before(std::int64_t elapsed_cs, const IntervalCounter& intervals) {
  return intervals.counters() && elapsed_cs > intervals.counters()->elapsed_cs + kReorderToleranceCs;
}

}  // namespace

bool is_zero_filled(const Notification& stroke_notification) {
  const StrokeColumns& at = stroke_columns();
  const auto fields = std::span(stroke_notification.fields).first(stroke_notification.field_count);
  return std::ranges::all_of(fields, [&](const FieldValue& field) {
    const bool is_measure = field.index != at.elapsed && field.index != at.distance && field.index != at.count &&
                            field.index != at.projected_time && field.index != at.projected_distance;
    return !is_measure || field.value == 0 || field.value == rowing::kNull;
  });
}

std::optional<StrokeKey> StrokeMerger::push(const Notification& notification, std::int64_t at_ms,
                                            IntervalCounter& intervals, std::vector<rowing::Record>& out) {
  const StrokeColumns& at = stroke_columns();
  const std::int64_t count = value_at(notification, at.count);
  // 0x36 has no distance: 0 then, which never stands against a restart.
  const Counters now{value_at(notification, at.elapsed),
                     std::max<std::int64_t>(value_at(notification, at.distance), 0)};

  if (goes_on(current_, count, now.elapsed_cs, intervals)) {
    update(*current_, notification, now, at_ms);
    return std::nullopt;
  }
  if (goes_on(previous_, count, now.elapsed_cs, intervals)) {  // overtaken by the next stroke's first notification
    update(*previous_, notification, now, at_ms);
    emit(*previous_, out);
    return std::nullopt;
  }

  StrokeKey key{intervals.current(), count};
  if (current_) {
    const bool count_restarts = count * 2 < current_->key.count;
    if (current_->key.interval == intervals.current() && count_restarts && restarted(current_->counters, now)) {
      intervals.restart_by_stroke(now, at_ms);
      key.interval = intervals.current();
    } else if (current_->key.interval < intervals.current() && count > current_->key.count &&
               is_of_interval_before(now.elapsed_cs, intervals)) {
      key.interval = current_->key.interval;
    }
    emit(*current_, out);
    previous_ = std::move(current_);
  }
  current_.emplace(Stroke{key, now, at_ms, PendingRecord(rowing::Stream::stroke, at_ms, key.interval), false});
  update(*current_, notification, now, at_ms);
  return key;
}

bool StrokeMerger::goes_on(const std::optional<Stroke>& stroke, std::int64_t count, std::int64_t elapsed_cs,
                           const IntervalCounter& intervals) {
  if (!stroke || stroke->key.count != count) return false;
  // The same count in the interval that has begun since is another stroke.
  if (stroke->key.interval != intervals.current() && !is_of_interval_before(elapsed_cs, intervals)) return false;
  return elapsed_cs + kReorderToleranceCs >= stroke->counters.elapsed_cs;
}

void StrokeMerger::update(Stroke& stroke, const Notification& notification, const Counters& counters,
                          std::int64_t at_ms) {
  const bool overtaken = counters.elapsed_cs < stroke.counters.elapsed_cs;
  const auto order = overtaken ? PendingRecord::Order::older : PendingRecord::Order::newest;
  if (stroke.record.merge(notification, order)) stroke.changed = true;
  stroke.counters.elapsed_cs = std::max(stroke.counters.elapsed_cs, counters.elapsed_cs);
  stroke.counters.distance_dm = std::max(stroke.counters.distance_dm, counters.distance_dm);
  stroke.last_ms = at_ms;
}

void StrokeMerger::interval_began_in_silence(std::int64_t at_ms, std::int64_t interval) {
  if (!current_ || current_->key.interval == interval) return;
  if (at_ms - current_->last_ms > rowing::kOvertakenCs * 10) return;  // from before the silence
  current_->key.interval = interval;
  current_->record.set_interval(interval);
  current_->changed = true;
}

void StrokeMerger::emit(Stroke& stroke, std::vector<rowing::Record>& out) {
  if (!stroke.changed) return;
  stroke.changed = false;
  out.push_back(stroke.record.record());
}

void StrokeMerger::tick(std::int64_t at_ms, std::vector<rowing::Record>& out) {
  if (current_ && at_ms - current_->last_ms >= kStrokeOverdueMs) emit(*current_, out);
}

void StrokeMerger::flush(std::vector<rowing::Record>& out) {
  if (current_) emit(*current_, out);
}

}  // namespace boathouse::pm5
