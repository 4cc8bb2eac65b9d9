#include "core/pm5/pending_record.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace boathouse::pm5 {
namespace {

// Columns 0 and 1 of every stream but event are the recorder's own; the tests hold the catalogue to it.
constexpr std::size_t kAtMs = 0;
constexpr std::size_t kInterval = 1;

std::span<const FieldValue> fields_of(const Notification& notification) {
  return std::span(notification.fields).first(notification.field_count);
}

}  // namespace

PendingRecord::PendingRecord(rowing::Stream stream, std::int64_t at_ms, std::int64_t interval) {
  record_.stream = stream;
  record_.values.assign(rowing::metrics(stream).size(), rowing::kNull);
  set_at_ms(at_ms);
  if (stream != rowing::Stream::summary) set_interval(interval);
}

bool PendingRecord::merge(const Notification& notification, Order order) {
  const std::uint8_t id = notification.characteristic->id;
  bool changed = !has(id);
  parts_ |= 1U << (id & 0xF);
  for (const FieldValue& field : fields_of(notification)) {
    std::int64_t& held = record_.values[field.index];
    if (field.value == rowing::kNull || field.value == held) continue;
    if (order == Order::older && held != rowing::kNull) continue;
    held = field.value;
    changed = true;
  }
  if (!notification.tail.empty()) {
    base::Bytes& held = tails_[id];
    const bool keeps = order == Order::older && !held.empty();
    if (!keeps && !std::ranges::equal(held, notification.tail)) {
      held.assign(notification.tail.begin(), notification.tail.end());
      changed = true;
    }
  }
  return changed;
}

bool PendingRecord::would_cover(const Notification& notification) const {
  if (!has(notification.characteristic->id)) return false;
  const bool covers_value = std::ranges::any_of(fields_of(notification), [&](const FieldValue& field) {
    const std::int64_t held = record_.values[field.index];
    return held != rowing::kNull && field.value != rowing::kNull && held != field.value;
  });
  if (covers_value) return true;
  const auto tail = tails_.find(notification.characteristic->id);
  return tail != tails_.end() && !notification.tail.empty() && !std::ranges::equal(tail->second, notification.tail);
}

void PendingRecord::set_at_ms(std::int64_t at_ms) { record_.values[kAtMs] = clamped_ms(at_ms); }

void PendingRecord::set_interval(std::int64_t interval) { record_.values[kInterval] = interval; }

rowing::Record PendingRecord::record() const {
  rowing::Record copy = record_;
  for (const auto& [id, bytes] : tails_) append_tail(copy.bytes, id, bytes);
  return copy;
}

rowing::Record PendingRecord::take() {
  for (const auto& [id, bytes] : tails_) append_tail(record_.bytes, id, bytes);
  return std::move(record_);
}

void append_tail(std::string& out, std::uint8_t characteristic, base::ByteView bytes) {
  constexpr std::size_t kMaxEntry = 255;
  while (!bytes.empty()) {
    const base::ByteView entry = bytes.first(std::min(bytes.size(), kMaxEntry));
    out.push_back(static_cast<char>(characteristic));
    out.push_back(static_cast<char>(entry.size()));
    out += base::as_text(entry);
    bytes = bytes.subspan(entry.size());
  }
}

std::int64_t value_at(const Notification& notification, std::size_t index) {
  const auto fields = fields_of(notification);
  const auto found = std::ranges::find_if(fields, [&](const FieldValue& field) { return field.index == index; });
  return found == fields.end() ? rowing::kNull : found->value;
}

std::int64_t clamped_ms(std::int64_t at_ms) { return std::clamp<std::int64_t>(at_ms, 0, 0xFFFFFFFF); }

}  // namespace boathouse::pm5
