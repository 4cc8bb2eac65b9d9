#include "device/store/line_feeder.hpp"

#include <variant>

#include "core/base/json.hpp"
#include "core/pm5/notification_line.hpp"

namespace boathouse::store {

base::Status LineFeeder::feed(std::string_view line, std::optional<std::int64_t> received_ms) {
  ++counters_.lines;
  const auto parsed = pm5::parse_notification_line(line);
  if (!parsed) return reject(parsed.error().text);
  const auto* const notification = std::get_if<pm5::NotificationLine>(&*parsed);
  if (notification == nullptr) {
    ++counters_.skipped;
    return {};
  }
  if (notification->payload.size() > pm5::kMaxNotification) {
    return reject("a payload of " + std::to_string(notification->payload.size()) + " bytes, at most " +
                  std::to_string(pm5::kMaxNotification) + " can be sent");
  }
  ++counters_.fed;
  const auto at_ms = notification->at_ms ? notification->at_ms : received_ms;
  if (at_ms && received_ms) source_offset_ms_ = *at_ms - *received_ms;
  return recorder_.feed(notification->characteristic, notification->payload, at_ms);
}

base::Status LineFeeder::tick(std::int64_t received_ms) {
  return source_offset_ms_ ? recorder_.tick(received_ms + *source_offset_ms_) : base::Status();
}

base::Status LineFeeder::feed_all(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    BOATHOUSE_TRY(feed(text.substr(0, end), std::nullopt));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return {};
}

base::Status LineFeeder::reject(const std::string& reason) {
  ++counters_.rejected;
  if (rejected_.size() < kMaxRejectedLines) rejected_.push_back({counters_.lines, reason});
  if (counters_.rejected > kMaxLineEvents) return {};
  std::string detail;
  base::JsonWriter(detail).begin_object().key("line").value(counters_.lines).key("reason").value(reason).end_object();
  return recorder_.note(rowing::EventKind::rejected_line, detail);
}

}  // namespace boathouse::store
