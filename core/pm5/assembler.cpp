#include "core/pm5/assembler.hpp"

#include <algorithm>
#include <string>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/pm5/curve_merger.hpp"
#include "core/pm5/interval_counter.hpp"
#include "core/pm5/sample_merger.hpp"
#include "core/pm5/split_merger.hpp"
#include "core/pm5/stroke_merger.hpp"
#include "core/pm5/summary_merger.hpp"

namespace boathouse::pm5 {
namespace {

using rowing::EventKind;
using rowing::Record;
using rowing::Stream;

std::string refusal_detail(std::string_view reason, std::uint16_t characteristic, base::ByteView payload) {
  const std::uint8_t id[] = {static_cast<std::uint8_t>(characteristic >> 8), static_cast<std::uint8_t>(characteristic)};
  std::string detail;
  base::JsonWriter(detail)
      .begin_object()
      .key("char")
      .value("0x" + base::to_hex(id))
      .key("reason")
      .value(reason)
      .key("length")
      .value(payload.size())
      .key("hex")
      .value(base::to_hex(payload.first(std::min(payload.size(), kMaxEventHex))))
      .end_object();
  return detail;
}

}  // namespace

struct Assembler::State {
  IntervalCounter intervals;
  SampleMerger samples;
  StrokeMerger strokes;
  CurveMerger curves;
  SplitMerger splits;
  SummaryMerger summary;
  bool too_many_splits = false;

  void push_sample(const Notification& notification, std::int64_t at_ms, std::vector<Record>& out) {
    static const std::size_t kElapsed = rowing::column_index(Stream::sample, "elapsed_cs");
    if (notification.characteristic->id == 0x31) {
      const auto begin = intervals.observe_status(notification, at_ms);
      if (begin != IntervalCounter::Begin::none) {
        samples.interval_began(value_at(notification, kElapsed), intervals.current());
      }
      if (begin == IntervalCounter::Begin::in_silence) strokes.interval_began_in_silence(at_ms, intervals.current());
    }
    samples.push(notification, at_ms, intervals.current(), out);
  }

  void push_stroke(const Notification& notification, std::int64_t at_ms, std::vector<Record>& out) {
    if (is_zero_filled(notification)) return keep_zero_filled(notification, at_ms, out);
    if (const auto began = strokes.push(notification, at_ms, intervals, out)) curves.stroke_began(*began, at_ms, out);
  }

  static void keep_zero_filled(const Notification& notification, std::int64_t at_ms, std::vector<Record>& out) {
    auto payload = encode(notification.characteristic->id, Form::direct, spread(notification));
    if (!payload) return;  // cannot be: every decoded value fits its field
    payload->insert(payload->end(), notification.tail.begin(), notification.tail.end());
    if (std::ranges::all_of(*payload, [](std::uint8_t byte) { return byte == 0; })) return;
    out.push_back(make_event(EventKind::rejected_notification, at_ms,
                             refusal_detail("zero_filled", notification.characteristic->id, *payload)));
  }

  void push_split(const Notification& notification, std::int64_t at_ms, std::vector<Record>& out) {
    splits.push(notification, at_ms, intervals, out);
    if (splits.count() <= rowing::kMaxSplits || too_many_splits) return;
    too_many_splits = true;
    std::string detail;
    base::JsonWriter(detail).begin_object().key("limit").value(rowing::kMaxSplits).end_object();
    out.push_back(make_event(EventKind::too_many_splits, at_ms, detail));
  }
};

Assembler::Assembler() : state_(std::make_unique<State>()) {}
Assembler::~Assembler() = default;
Assembler::Assembler(Assembler&&) noexcept = default;
Assembler& Assembler::operator=(Assembler&&) noexcept = default;

void Assembler::push(const Notification& notification, std::int64_t at_ms, std::vector<Record>& out) {
  State& state = *state_;
  switch (notification.characteristic->stream) {
    case Stream::sample:
      return state.push_sample(notification, at_ms, out);
    case Stream::stroke:
      return state.push_stroke(notification, at_ms, out);
    case Stream::force_curve:
      return state.curves.push(notification, at_ms, state.intervals.current(), out);
    case Stream::split:
      return state.push_split(notification, at_ms, out);
    case Stream::summary:
      return state.summary.push(notification, at_ms, out);
    case Stream::event:
    case Stream::source:
      return;  // no characteristic belongs to them
  }
}

void Assembler::push_refused(DecodeStatus status, std::uint16_t characteristic, base::ByteView payload,
                             std::int64_t at_ms, std::vector<Record>& out) {
  const EventKind kind = status == DecodeStatus::unknown_characteristic ? EventKind::unknown_characteristic
                                                                        : EventKind::rejected_notification;
  out.push_back(make_event(kind, at_ms, refusal_detail(name(status), characteristic, payload)));
}

void Assembler::tick(std::int64_t at_ms, std::vector<Record>& out) {
  state_->samples.tick(at_ms, out);
  state_->strokes.tick(at_ms, out);
  state_->curves.tick(at_ms, out);
  state_->splits.tick(at_ms, out);
  state_->summary.tick(at_ms, out);
}

void Assembler::flush(std::vector<Record>& out) {
  state_->samples.flush(out);
  state_->strokes.flush(out);
  state_->curves.flush(out);
  state_->splits.flush(out);
  state_->summary.flush(out);
}

std::vector<Record> Assembler::unfinished() const {
  Assembler copy;
  *copy.state_ = *state_;
  std::vector<Record> out;
  copy.flush(out);
  return out;
}

rowing::Record make_event(EventKind kind, std::int64_t at_ms, std::string_view detail) {
  static const std::size_t kAtMs = rowing::column_index(Stream::event, "at_ms");
  static const std::size_t kKind = rowing::column_index(Stream::event, "kind");
  Record record;
  record.stream = Stream::event;
  record.values.assign(rowing::metrics(Stream::event).size(), rowing::kNull);
  record.values[kAtMs] = clamped_ms(at_ms);
  record.values[kKind] = static_cast<std::int64_t>(kind);
  record.bytes = detail;
  return record;
}

}  // namespace boathouse::pm5
