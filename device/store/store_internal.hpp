// Steps that the store's calls are made of. But for in_transaction(), none begins or commits: the caller holds a
// transaction. Only for the sources of this folder.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/result.hpp"
#include "core/db/sqlite.hpp"
#include "core/wire/chunk.hpp"
#include "device/store/folder_lock.hpp"
#include "device/store/store.hpp"

namespace boathouse::store {

struct Store::Impl {
  FolderLock lock;  // before the connection: given back after it is closed
  db::Connection connection;
  Identity identity;
  std::mutex mutex;
};

struct RecordingRow {
  std::int64_t id = 0;
  base::Uuid rec_id;
  std::string athlete;
  bool ended = false;
  bool elsewhere = false;  // begun by another device, which may still go on with it
  rowing::EndReason reason = rowing::EndReason::stopped;
  std::uint32_t revision = 0;
  bool purged = false;
};

// An item on its way into the table.
struct NewItem {
  std::int64_t recording = 0;
  wire::ItemKind kind = wire::ItemKind::chunk;
  int stream = 0;
  std::uint64_t first = 0;
  std::uint64_t past = 0;
  std::uint32_t version = 0;
  base::Digest sha256{};
  base::ByteView body;                      // empty: it is not on this device
  std::optional<std::uint64_t> away_bytes;  // then: how many bytes it has
};

struct StreamRow {
  std::uint64_t next_seq = 0;
  std::uint64_t sealed_to = 0;
};

template <std::size_t kSize>
bool copy_exact(base::ByteView from, std::array<std::uint8_t, kSize>& to) {
  if (from.size() != kSize) return false;
  std::copy(from.begin(), from.end(), to.begin());
  return true;
}

base::Error damaged(std::string_view what);

// A row that was stored, after its sum was looked at (nullopt: of version 1, it has none).
base::Result<rowing::Record> checked_row(std::int64_t recording, rowing::Stream stream, std::uint64_t seq,
                                         base::ByteView row, std::optional<std::int64_t> sum);

// Runs `work` (which gives a base::Status) in one transaction.
template <typename Work>
base::Status in_transaction(db::Connection& connection, Work work) {
  auto transaction = db::Transaction::begin(connection);
  if (!transaction) return transaction.error();
  BOATHOUSE_TRY(work());
  return transaction->commit();
}

// nullopt: there is none.
base::Result<std::optional<RecordingRow>> find_recording(db::Connection& connection, const base::Uuid& rec_id);
// not_found: there is none.
base::Result<RecordingRow> get_recording(db::Connection& connection, const base::Uuid& rec_id);
base::Result<std::map<rowing::Stream, StreamRow>> get_streams(db::Connection& connection, std::int64_t recording);
base::Status put_stream(db::Connection& connection, std::int64_t recording, rowing::Stream stream,
                        const StreamRow& row);

enum class Begun : std::uint8_t { here, elsewhere };
base::Result<RecordingRow> add_recording(db::Connection& connection, const base::Uuid& rec_id, std::string_view athlete,
                                         Begun begun);
// get_recording(), for who wants to add to it. conflict: it runs on another device.
base::Result<RecordingRow> get_own_recording(db::Connection& connection, const base::Uuid& rec_id);
// Its id.
base::Result<std::int64_t> put_item(db::Connection& connection, const NewItem& item);
// `later` and unknown ids change nothing. A refusal may become a receipt; a receipt is never taken back.
base::Status acknowledge_item(db::Connection& connection, std::string_view epoch, const Acknowledgement& word);
// Receipts of another epoch than this one count no more.
base::Status forget_other_epochs(db::Connection& connection, std::string_view epoch);
base::Status set_sealed(db::Connection& connection, RecordingRow& recording, rowing::EndReason reason,
                        std::uint32_t revision);
// The chunks within [from, to) lose their bodies; the directory stays.
base::Status drop_bodies(db::Connection& connection, std::int64_t recording, rowing::Stream stream, std::uint64_t from,
                         std::uint64_t to);
// The owner's purge: nothing but the recording's entry is left.
base::Status erase_recording(db::Connection& connection, std::int64_t recording);

// An edit of the feed: new, or the receipt of one that is here.
base::Status take_edit(db::Connection& connection, std::string_view epoch, const RecordingRow& recording,
                       const wire::Change& change);

// The recording and its birth item. conflict: rec_id is there with another birth.
base::Result<RecordingRow> begin_recording(db::Connection& connection, const rowing::Birth& birth,
                                           std::string_view athlete);
// Rows with the next sequence numbers.
base::Status append_rows(db::Connection& connection, std::int64_t recording, std::span<const rowing::Record> records);
// Rows into chunks.
base::Status seal_rows(db::Connection& connection, std::int64_t recording, bool all);
base::Status put_chunk(db::Connection& connection, std::int64_t recording, const wire::Chunk& chunk);
// Marks the recording as ended and writes its next seal revision from the chunks there are.
base::Status put_seal(db::Connection& connection, RecordingRow& recording, rowing::EndReason reason);

// How many of these records go into one chunk: up to kChunkRecords and about kChunkPayload; at least one if there is
// any.
class ChunkCut {
 public:
  // False: the chunk is full without this record.
  bool take(const rowing::Record& record);
  void restart() { *this = {}; }
  [[nodiscard]] std::size_t records() const { return records_; }
  [[nodiscard]] bool full() const { return records_ == kChunkRecords || payload_ >= kChunkPayload; }

 private:
  std::size_t records_ = 0;
  std::size_t payload_ = 0;
};

}  // namespace boathouse::store
