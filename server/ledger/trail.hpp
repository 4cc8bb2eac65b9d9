// What the ledger knows of one recording's way: "where is my workout?". Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"
#include "core/wire/batch.hpp"
#include "server/ledger/audit.hpp"

namespace boathouse::ledger {

struct RecordingState;  // ledger.hpp

inline constexpr std::size_t kMaxTrailItems = 100;  // of a list in a trail, the newest

// An item that was kept aside because other content is stored under its identity.
struct Quarantined {
  wire::ItemKind kind = wire::ItemKind::chunk;
  rowing::Stream stream = rowing::Stream::sample;  // chunk
  wire::Range range;                               // chunk
  std::uint32_t revision = 0;                      // seal
  base::Digest sha256{};
  std::int64_t received_ms = 0;
  std::string reason;
};

// Chunks of a stream that ClickHouse has not acknowledged.
struct Waiting {
  std::uint64_t chunks = 0;
  std::uint64_t records = 0;
  std::uint64_t in_blocks = 0;  // of the chunks: on their way
};

struct Trail {
  base::Uuid rec_id;
  std::optional<std::int64_t> purged_ms;                    // then there is nothing else but `athlete`
  std::optional<base::Uuid> athlete;                        // whose it is or was
  std::shared_ptr<const RecordingState> state;              // nullptr: its birth has not come, or it was purged
  base::Uuid replica;                                       // that brought the birth
  std::int64_t birth_seq = 0;                               // the birth's server_seq
  std::optional<std::int64_t> seal_received_ms;             // of the newest revision
  bool session_waits = false;                               // its session row is to be written again
  std::map<rowing::Stream, std::vector<wire::Range>> gone;  // removed by retention; ascending, merged
  std::map<rowing::Stream, Waiting> waiting;
  std::vector<Quarantined> quarantined;  // at most kMaxTrailItems, the newest first
  // The audit's records of refused items of it, the newest first: at most kMaxTrailItems.
  std::vector<AuditRecord> refused;
};

}  // namespace boathouse::ledger
