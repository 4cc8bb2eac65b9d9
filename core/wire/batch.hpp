// The body of POST /v1/sync/batch: framed items, and the reply with one result per item in order. docs/protocol.md
// sections 4 and 5 have every byte. Thread rule: a writer belongs to one thread at a time; the functions are pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"

namespace boathouse::wire {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::size_t kTargetBatchBytes = std::size_t{256} << 10;  // a sender stops adding items beyond this
inline constexpr std::size_t kMaxBatchBytes = std::size_t{4} << 20;       // a receiver refuses more
inline constexpr std::size_t kMaxBatchItems = 1000;
inline constexpr std::size_t kMaxRequestBytes = std::size_t{1} << 20;  // of a request's JSON
inline constexpr std::size_t kMaxReplyBytes = std::size_t{2} << 20;    // of a reply's JSON
inline constexpr const char* kBatchMediaType = "application/vnd.boathouse.batch";

enum class ItemKind : std::uint8_t { birth = 1, chunk = 2, seal = 3, edit = 4 };
std::string_view name(ItemKind kind);

// Identity: birth (rec_id), chunk (rec_id, stream, from, to), seal (rec_id, revision), edit (op_id). The hash decides
// between duplicate and mismatch.
struct Item {
  ItemKind kind = ItemKind::chunk;
  base::Uuid rec_id;                               // edit: the session
  rowing::Stream stream = rowing::Stream::sample;  // chunk
  std::uint64_t from = 0;                          // chunk
  std::uint64_t to = 0;                            // chunk
  std::uint32_t version = 0;                       // chunk: catalogue version
  std::uint32_t revision = 0;                      // seal
  base::Uuid op_id;                                // edit
  base::Digest sha256{};                           // chunk: of its canonical bytes; the others: of the JSON bytes
  base::ByteView body;  // chunk: zstd frame; the others: JSON. A view: its owner outlives the item
  // Made by parse_batch: why the item cannot be taken (unsupported: a kind or stream that only a newer program knows;
  // invalid_input: a range that is none, ...; too_large). Only rec_id is sure then; answer the item and go on with the
  // others.
  std::optional<base::Error> refusal;
};

// Requires items within the limits (kMaxBatchBytes, kMaxBatchItems), else the receiver refuses the batch.
class BatchWriter {
 public:
  BatchWriter();
  void add(const Item& item);
  // What the body has come to so far, and what it would come to with one more item.
  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] std::size_t size_with(const Item& item) const;
  [[nodiscard]] std::size_t items() const { return items_; }
  // The body; the writer begins anew.
  base::Bytes take();

 private:
  base::ByteWriter out_;
  std::size_t items_ = 0;
};

// Splits a body into items without opening them (the views point into `body`). A framing error refuses the whole batch
// and names item and byte offset: invalid_input; too_large over a limit; unsupported for another protocol version. What
// is wrong inside an item refuses only that item, here (Item::refusal) or when its body is opened.
base::Result<std::vector<Item>> parse_batch(base::ByteView body);

enum class Outcome : std::uint8_t { stored, duplicate, mismatch, rejected, later };
std::string_view name(Outcome outcome);

struct Range {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  auto operator<=>(const Range&) const = default;
};

struct ItemResult {
  Outcome outcome = Outcome::rejected;
  std::int64_t server_seq = 0;     // stored, duplicate: the receipt, > 0 (with Reply::epoch)
  std::vector<Range> have;         // chunk: what the server holds of the stream now; ascending, merged
  std::string detail;              // mismatch, rejected, later: why
  std::int64_t retry_after_s = 0;  // later

  bool operator==(const ItemResult&) const = default;
};

struct Reply {
  std::string epoch;      // of the ledger: changes when it was restored from a backup
  base::Uuid replica_id;  // of the device that asked: another's reply counts as lost
  std::vector<ItemResult> results;

  bool operator==(const Reply&) const = default;
};

// `items` and `reply.results` have equal length: each result repeats its item's identity for people who read along.
// Details are cut to 300 code points.
std::string encode_reply(const Reply& reply, std::span<const Item> items);
// Checks the shape and that there are exactly `expected_items` results; whose reply it is, the caller compares. Errors:
// invalid_input, unsupported (a protocol or an outcome that only a newer program knows), too_large.
base::Result<Reply> decode_reply(std::string_view json, std::size_t expected_items);

}  // namespace boathouse::wire
