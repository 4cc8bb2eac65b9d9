// What the store hands out: its identity, what waits for the server, what the server said, and how things stand.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/recording.hpp"
#include "core/wire/batch.hpp"

namespace boathouse::store {

// Made when the file was created; a copied file keeps it.
struct Identity {
  base::Uuid replica_id;
  std::array<std::uint8_t, 8> salt{};
};

// One entry of the outbox with its body.
struct PendingItem {
  std::int64_t id = 0;  // of this store; what acknowledge() takes
  wire::ItemKind kind = wire::ItemKind::chunk;
  base::Uuid rec_id;
  rowing::Stream stream = rowing::Stream::sample;  // chunk
  std::uint64_t from = 0;                          // chunk
  std::uint64_t to = 0;                            // chunk
  std::uint32_t version = 0;                       // chunk
  std::uint32_t revision = 0;                      // seal
  base::Digest sha256{};
  base::Bytes body;

  // As it travels. A view: this item must outlive it.
  [[nodiscard]] wire::Item item() const;
};

// The server's word about one item. `later` changes nothing in the store.
struct Acknowledgement {
  std::int64_t id = 0;
  wire::Outcome outcome = wire::Outcome::later;
  std::int64_t server_seq = 0;  // stored, duplicate
  std::string detail;           // mismatch, rejected
};

// Of one stream of one recording.
struct StreamCounts {
  std::uint64_t records = 0;  // committed: sealed and not yet sealed
  std::uint64_t sealed = 0;   // of these in chunks
  std::uint64_t chunks = 0;
  std::uint64_t acknowledged = 0;  // records in chunks with a receipt
};

struct RecordingInfo {
  rowing::Birth birth;
  std::string athlete;  // label of the key it belongs to; "" = nobody's yet
  bool ended = false;
  rowing::EndReason reason = rowing::EndReason::stopped;  // if ended
  std::uint32_t revision = 0;                             // of the newest seal; 0 = none
  std::map<rowing::Stream, StreamCounts> streams;         // those with records
  std::uint64_t items = 0;                                // birth, chunks and seals
  std::uint64_t pending_items = 0;                        // without a receipt, not refused
  std::uint64_t refused_items = 0;

  // Everything is sealed and the server holds all of it.
  [[nodiscard]] bool safe() const { return ended && pending_items == 0 && refused_items == 0; }
};

struct RefusedItem {
  wire::ItemKind kind = wire::ItemKind::chunk;
  base::Uuid rec_id;
  rowing::Stream stream = rowing::Stream::sample;   // chunk
  std::uint64_t from = 0;                           // chunk
  std::uint64_t to = 0;                             // chunk
  std::uint32_t revision = 0;                       // seal
  wire::Outcome outcome = wire::Outcome::rejected;  // mismatch or rejected
  std::string detail;
};

struct StoreStatus {
  std::uint64_t recordings = 0;
  std::uint64_t open_recordings = 0;
  std::uint64_t records = 0;    // of all streams
  std::uint64_t open_rows = 0;  // of these not yet sealed, so not yet in the outbox
  std::uint64_t items = 0;      // birth, chunks and seals
  std::uint64_t pending_items = 0;
  std::uint64_t pending_bytes = 0;  // of their bodies
  std::uint64_t refused_items = 0;
  std::string server_epoch;  // of the receipts; "" = the server never answered
};

// What verify() found for one stream.
struct StreamCheck {
  std::uint64_t records = 0;  // counted in the chunks' contents and the open rows
  std::uint64_t chunks = 0;
  base::Digest root{};  // over the hashes of the chunks as they are, each recomputed from its body
  std::uint64_t acknowledged = 0;
  std::optional<rowing::StreamSeal> sealed;  // of the newest seal
};

struct VerifyReport {
  base::Uuid rec_id;
  std::map<rowing::Stream, StreamCheck> streams;
  std::uint32_t revision = 0;         // of the newest seal; 0 = none (still open)
  std::vector<std::string> problems;  // each names stream and range; empty = the recording is whole

  [[nodiscard]] bool ok() const { return problems.empty(); }
};

}  // namespace boathouse::store
