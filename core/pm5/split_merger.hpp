// Pairs 0x37 and 0x38 by split number (see assembler.hpp). Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/pm5/interval_counter.hpp"
#include "core/pm5/pending_record.hpp"

namespace boathouse::pm5 {

inline constexpr std::int64_t kSplitOverdueMs = 5000;

class SplitMerger {
 public:
  void push(const Notification& notification, std::int64_t at_ms, IntervalCounter& intervals,
            std::vector<rowing::Record>& out);
  void tick(std::int64_t at_ms, std::vector<rowing::Record>& out);
  void flush(std::vector<rowing::Record>& out);
  // Split numbers seen; at most 256.
  [[nodiscard]] std::size_t count() const { return splits_.size(); }

 private:
  struct Split {
    PendingRecord record;
    std::int64_t changed_ms;
    bool changed;  // since it was handed out
  };

  static void emit(Split& split, std::vector<rowing::Record>& out);

  std::map<std::int64_t, Split> splits_;  // by split number, a byte
};

}  // namespace boathouse::pm5
