#include "core/pm5/curve_merger.hpp"

#include <span>

#include "core/pm5/pending_record.hpp"

namespace boathouse::pm5 {
void CurveMerger::push(const Notification& notification, std::int64_t at_ms, std::int64_t interval,
                       std::vector<rowing::Record>& out) {
  const ForcePacket& packet = notification.force;
  if (curve_) {
    const bool far = at_ms - curve_->last_ms > kCurveGapMs;
    const bool fits = !far && packet.packets == curve_->packets;
    const bool known = fits && curve_->has(packet.sequence);
    if (known && curve_->parts[packet.sequence] == packet) return;  // repeated
    if (!fits || known) {
      emit(out);
      curve_.reset();
    }
  }
  if (!curve_) {
    curve_.emplace();
    curve_->at_ms = at_ms;
    curve_->interval = interval;
    curve_->packets = packet.packets;
    if (last_stroke_ && at_ms - last_stroke_->at_ms <= kSameDriveMs) {
      curve_->interval = last_stroke_->key.interval;
      curve_->stroke_count = last_stroke_->key.count;
    }
  }
  curve_->last_ms = at_ms;
  curve_->received = static_cast<std::uint16_t>(curve_->received | 1U << packet.sequence);
  curve_->parts[packet.sequence] = packet;
  if (!notification.tail.empty()) {
    curve_->tails[packet.sequence].assign(notification.tail.begin(), notification.tail.end());
  }
  if (curve_->complete() && curve_->stroke_count) emit(out);
}

void CurveMerger::stroke_began(const StrokeKey& key, std::int64_t at_ms, std::vector<rowing::Record>& out) {
  last_stroke_ = StrokeStart{key, at_ms};
  if (!curve_ || curve_->handed_out || curve_->stroke_count || at_ms - curve_->last_ms > kSameDriveMs) return;
  curve_->interval = key.interval;
  curve_->stroke_count = key.count;
  if (curve_->complete()) emit(out);
}

void CurveMerger::tick(std::int64_t at_ms, std::vector<rowing::Record>& out) {
  if (curve_ && at_ms - curve_->last_ms >= kCurveOverdueMs) emit(out);
}

void CurveMerger::flush(std::vector<rowing::Record>& out) { emit(out); }

void CurveMerger::emit(std::vector<rowing::Record>& out) {
  if (!curve_ || curve_->handed_out) return;
  curve_->handed_out = true;
  out.push_back(record_of(*curve_));
}

rowing::Record CurveMerger::record_of(const OpenCurve& curve) {
  struct Columns {
    std::size_t at_ms = rowing::column_index(rowing::Stream::force_curve, "at_ms");
    std::size_t interval = rowing::column_index(rowing::Stream::force_curve, "interval");
    std::size_t stroke_count = rowing::column_index(rowing::Stream::force_curve, "stroke_count");
    std::size_t packets = rowing::column_index(rowing::Stream::force_curve, "packets");
    std::size_t lost_packets = rowing::column_index(rowing::Stream::force_curve, "lost_packets");
  };
  static const Columns kAt;
  rowing::Record record;
  record.stream = rowing::Stream::force_curve;
  record.values.assign(rowing::metrics(record.stream).size(), rowing::kNull);
  record.values[kAt.at_ms] = clamped_ms(curve.at_ms);
  record.values[kAt.interval] = curve.interval;
  if (curve.stroke_count) record.values[kAt.stroke_count] = *curve.stroke_count;
  record.values[kAt.packets] = curve.packets;
  record.values[kAt.lost_packets] = ~curve.received & ((1 << curve.packets) - 1);
  for (std::uint8_t sequence = 0; sequence < curve.packets; ++sequence) {
    if (!curve.has(sequence)) continue;
    const ForcePacket& part = curve.parts[sequence];
    record.points.insert(record.points.end(), part.force.begin(), part.force.begin() + part.points);
  }
  for (const auto& [sequence, tail] : curve.tails) append_tail(record.bytes, kForceCurve, tail);
  return record;
}

}  // namespace boathouse::pm5
