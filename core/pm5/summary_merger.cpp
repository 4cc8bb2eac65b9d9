#include "core/pm5/summary_merger.hpp"

namespace boathouse::pm5 {

void SummaryMerger::push(const Notification& notification, std::int64_t at_ms, std::vector<rowing::Record>& out) {
  if (!record_) record_.emplace(rowing::Stream::summary, at_ms, rowing::kNull);
  if (record_->would_cover(notification)) emit(out);
  if (!record_->merge(notification)) return;
  record_->set_at_ms(at_ms);
  changed_ = true;
  // The heart rate belt can be announced long before the end: it waits for the other parts.
  const bool of_end = notification.characteristic->id != 0x3B;
  if (of_end && !due_since_ms_) due_since_ms_ = at_ms;
  const bool complete = record_->has(0x39) && record_->has(0x3A);
  if (complete || handed_out_) emit(out);
}

void SummaryMerger::emit(std::vector<rowing::Record>& out) {
  if (!changed_) return;
  changed_ = false;
  handed_out_ = true;
  out.push_back(record_->record());
}

void SummaryMerger::tick(std::int64_t at_ms, std::vector<rowing::Record>& out) {
  if (due_since_ms_ && at_ms - *due_since_ms_ >= kSummaryOverdueMs) emit(out);
}

void SummaryMerger::flush(std::vector<rowing::Record>& out) { emit(out); }

}  // namespace boathouse::pm5
