#include "core/pm5/split_merger.hpp"

namespace boathouse::pm5 {

void SplitMerger::push(const Notification& notification, std::int64_t at_ms, IntervalCounter& intervals,
                       std::vector<rowing::Record>& out) {
  static const std::size_t kNumber = rowing::column_index(rowing::Stream::split, "split_number");
  static const std::size_t kElapsed = rowing::column_index(rowing::Stream::split, "elapsed_cs");
  const std::int64_t number = value_at(notification, kNumber);
  auto found = splits_.find(number);
  if (found == splits_.end()) {
    PendingRecord record(rowing::Stream::split, at_ms, intervals.of_split(number, value_at(notification, kElapsed)));
    found = splits_.emplace(number, Split{std::move(record), at_ms, false}).first;
  }
  Split& split = found->second;
  if (split.record.would_cover(notification)) emit(split, out);
  if (!split.record.merge(notification)) return;
  split.changed = true;
  split.changed_ms = at_ms;
  if (split.record.has(0x37) && split.record.has(0x38)) emit(split, out);
}

void SplitMerger::emit(Split& split, std::vector<rowing::Record>& out) {
  if (!split.changed) return;
  split.changed = false;
  out.push_back(split.record.record());
}

void SplitMerger::tick(std::int64_t at_ms, std::vector<rowing::Record>& out) {
  for (auto& [number, split] : splits_) {
    if (at_ms - split.changed_ms >= kSplitOverdueMs) emit(split, out);
  }
}

void SplitMerger::flush(std::vector<rowing::Record>& out) {
  for (auto& [number, split] : splits_) emit(split, out);
}

}  // namespace boathouse::pm5
