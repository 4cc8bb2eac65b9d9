#include "core/pm5/sample_merger.hpp"

#include <utility>

namespace boathouse::pm5 {
namespace {

constexpr std::uint8_t kStatus3Id = 0x3E;

}  // namespace

void SampleMerger::push(const Notification& notification, std::int64_t at_ms, std::int64_t interval,
                        std::vector<rowing::Record>& out) {
  static const std::size_t kElapsed = rowing::column_index(rowing::Stream::sample, "elapsed_cs");
  const std::uint8_t id = notification.characteristic->id;
  if (id == kStatus3Id) return push_status3(notification, at_ms, interval, out);

  const std::int64_t elapsed_cs = value_at(notification, kElapsed);
  // While the clock stands (in a rest) only the repetition of a part shows the next sample.
  const bool other = open_ && open_->elapsed_cs && (*open_->elapsed_cs != elapsed_cs || open_->record.has(id));
  if (other) emit(out);
  if (!open_) open_.emplace(Open{PendingRecord(rowing::Stream::sample, at_ms, interval), at_ms, std::nullopt});
  if (!open_->elapsed_cs) {
    open_->elapsed_cs = elapsed_cs;
    open_->at_ms = at_ms;
    open_->record.set_at_ms(at_ms);
    open_->record.set_interval(interval);
  }
  open_->record.merge(notification);
  if (open_->record.has(0x31) && open_->record.has(0x32) && open_->record.has(0x33)) emit(out);
}

// 0x3E carries no elapsed time: it joins the open sample, or waits for the next one.
void SampleMerger::push_status3(const Notification& notification, std::int64_t at_ms, std::int64_t interval,
                                std::vector<rowing::Record>& out) {
  if (open_ && open_->record.would_cover(notification)) emit(out);
  if (!open_) open_.emplace(Open{PendingRecord(rowing::Stream::sample, at_ms, interval), at_ms, std::nullopt});
  if (!last_status3_ || !last_status3_->has(kStatus3Id) || last_status3_->would_cover(notification)) {
    status3_is_news_ = true;
    last_status3_.emplace(rowing::Stream::sample, at_ms, interval);
    last_status3_->merge(notification);
  }
  open_->record.merge(notification);
}

void SampleMerger::interval_began(std::int64_t elapsed_cs, std::int64_t interval) {
  if (open_ && open_->elapsed_cs && !open_->record.has(0x31) && *open_->elapsed_cs <= elapsed_cs) {
    open_->record.set_interval(interval);
  }
}

void SampleMerger::tick(std::int64_t at_ms, std::vector<rowing::Record>& out) {
  if (open_ && open_->elapsed_cs && at_ms - open_->at_ms >= kSampleOverdueMs) emit(out);
}

void SampleMerger::flush(std::vector<rowing::Record>& out) {
  if (!open_) return;
  if (open_->elapsed_cs || status3_is_news_) return emit(out);
  open_.reset();  // a 0x3E that repeats what the samples before it say
}

void SampleMerger::emit(std::vector<rowing::Record>& out) {
  if (open_->record.has(kStatus3Id)) status3_is_news_ = false;
  out.push_back(open_->record.take());
  open_.reset();
}

}  // namespace boathouse::pm5
