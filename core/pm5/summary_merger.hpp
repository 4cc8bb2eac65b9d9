// Merges the parts of the monitor's end of workout: 0x39, 0x3A, 0x3B, 0x3C, 0x3F (see assembler.hpp). Thread rule: one
// thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/pm5/pending_record.hpp"

namespace boathouse::pm5 {

inline constexpr std::int64_t kSummaryOverdueMs = 5000;

class SummaryMerger {
 public:
  void push(const Notification& notification, std::int64_t at_ms, std::vector<rowing::Record>& out);
  void tick(std::int64_t at_ms, std::vector<rowing::Record>& out);
  void flush(std::vector<rowing::Record>& out);

 private:
  void emit(std::vector<rowing::Record>& out);

  std::optional<PendingRecord> record_;
  std::optional<std::int64_t> due_since_ms_;  // a part of the end has come
  bool changed_ = false;                      // since it was handed out
  bool handed_out_ = false;
};

}  // namespace boathouse::pm5
