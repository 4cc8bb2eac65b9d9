// What a ledger shows to those who watch over it. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/ledger/backup_mark.hpp"

namespace boathouse::ledger {

struct Gauges {
  std::int64_t last_seq = 0;  // the newest server_seq
  std::optional<std::int64_t>
      oldest_chunk_ms;               // since when the oldest chunk waits for ClickHouse (of the oldest 1,000)
  std::uint64_t waiting_events = 0;  // that nobody was told of; about
  std::optional<std::int64_t> oldest_event_ms;
  std::optional<BackupMark> backup;  // the newest verified one
};

// Device stores by the age of their last hello, so that one that was put aside for ever hides nobody who syncs.
inline constexpr std::array<std::string_view, 4> kCohorts{"1d", "7d", "30d", "older"};
struct Cohort {
  std::uint64_t replicas = 0;
  std::uint64_t owing = 0;             // of them, those that had something to send
  std::int64_t oldest_unsynced_s = 0;  // the largest age that any of them reported
};
using Cohorts = std::array<Cohort, kCohorts.size()>;

}  // namespace boathouse::ledger
