// A record that several notifications fill, part by part. Used by the mergers of the assembler. Thread rule: one thread
// at a time.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/pm5/notification.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::pm5 {

class PendingRecord {
 public:
  PendingRecord(rowing::Stream stream, std::int64_t at_ms, std::int64_t interval);

  enum class Order : std::uint8_t { newest, older };

  // Takes over the values that the notification has; null never covers a value, the newest value wins: an `older`
  // notification, overtaken on its way, fills only what is null. True when anything changed.
  bool merge(const Notification& notification, Order order = Order::newest);
  // Whether merging would cover a value or an appended byte that an earlier notification of the same characteristic
  // brought.
  [[nodiscard]] bool would_cover(const Notification& notification) const;
  [[nodiscard]] bool has(std::uint8_t characteristic) const { return (parts_ >> (characteristic & 0xF) & 1U) != 0; }

  void set_at_ms(std::int64_t at_ms);
  void set_interval(std::int64_t interval);

  // The record as it stands, with the appended bytes as docs/pm5.md section 6 lays them out.
  [[nodiscard]] rowing::Record record() const;
  // The same; the pending record is not to be used any more.
  [[nodiscard]] rowing::Record take();

 private:
  rowing::Record record_;
  std::uint32_t parts_ = 0;                    // bit n: 0x003n was received
  std::map<std::uint8_t, base::Bytes> tails_;  // by characteristic id
};

// Appends [characteristic][length][bytes] to `out`; more than 255 bytes go on in a further entry of the same id.
void append_tail(std::string& out, std::uint8_t characteristic, base::ByteView bytes);

// The value of a metric in a notification; rowing::kNull when it carries none.
std::int64_t value_at(const Notification& notification, std::size_t index);

// at_ms as its column can hold it (49 days).
std::int64_t clamped_ms(std::int64_t at_ms);

}  // namespace boathouse::pm5
