// Merges 0x31, 0x32, 0x33 and 0x3E into samples (see assembler.hpp). Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/pm5/pending_record.hpp"

namespace boathouse::pm5 {

inline constexpr std::int64_t kSampleOverdueMs = 1500;

class SampleMerger {
 public:
  void push(const Notification& notification, std::int64_t at_ms, std::int64_t interval,
            std::vector<rowing::Record>& out);
  // A 0x31 has shown that `interval` began at or before `elapsed_cs`; parts of it may have come before that 0x31.
  void interval_began(std::int64_t elapsed_cs, std::int64_t interval);
  void tick(std::int64_t at_ms, std::vector<rowing::Record>& out);
  void flush(std::vector<rowing::Record>& out);

 private:
  struct Open {
    PendingRecord record;
    std::int64_t at_ms;
    std::optional<std::int64_t> elapsed_cs;  // nullopt: holds nothing but a 0x3E so far
  };

  void push_status3(const Notification& notification, std::int64_t at_ms, std::int64_t interval,
                    std::vector<rowing::Record>& out);
  void emit(std::vector<rowing::Record>& out);

  std::optional<Open> open_;
  std::optional<PendingRecord> last_status3_;  // what the newest 0x3E said
  bool status3_is_news_ = false;               // the open one differs from what the samples before it say
};

}  // namespace boathouse::pm5
