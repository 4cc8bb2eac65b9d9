// Steps that the store's calls are made of. But for in_transaction(), none begins or commits: the caller holds a
// transaction. Only for the sources of this folder.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/result.hpp"
#include "core/db/sqlite.hpp"
#include "core/rowing/edit_order.hpp"
#include "core/rowing/overlap.hpp"
#include "core/rowing/session_map.hpp"
#include "core/wire/chunk.hpp"
#include "device/store/ballast.hpp"
#include "device/store/folder_lock.hpp"
#include "device/store/store.hpp"

namespace boathouse::store {

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

base::Result<base::Uuid> own_replica_id(db::Connection& connection);

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

// Which file lies at a path: another one may have its name later.
struct FileNumber {
  std::uint64_t device = 0;
  std::uint64_t file = 0;
  bool operator==(const FileNumber&) const = default;
};
std::optional<FileNumber> number_of_file(const std::string& path);

struct Store::Impl {
  FolderLock lock;  // before the connection: given back after it is closed
  db::Connection connection;
  Identity identity;
  base::UuidV7Source* ids;
  Ballast ballast;
  std::optional<FileNumber> file;  // nullopt: it took no lock, and may be on a disk of its own
  std::mutex mutex;

  // As Store::check_there().
  [[nodiscard]] base::Status check_there() const;
  // in_transaction() on a file that is there.
  template <typename Work>
  base::Status transact(Work work) {
    BOATHOUSE_TRY(check_there());
    return in_transaction(connection, std::move(work));
  }
  // transact(), again as long as the disk is full and the ballast has something to give: what a recording that
  // runs must have. `work` may be run several times.
  template <typename Work>
  base::Status save(Work work) {
    for (;;) {
      base::Status done = transact(work);
      if (done || done.error().code != base::ErrorCode::no_room || !ballast.give()) return done;
    }
  }
  // Nothing new on an ended one; `last`: records before its end.
  base::Status end(const base::Uuid& rec_id, rowing::EndReason reason, std::span<const rowing::Record> last);
  // ok: something new may begin. Removes what is safe elsewhere if it must.
  base::Status make_room();
  // Store::free_space() with the lock held.
  base::Result<std::uint64_t> drop_freeable(std::uint64_t wanted_bytes);

  // Recordings of the same workout are looked for, in transactions of their own: an error of that undoes nothing, and
  // what was not looked at is the next time. Without the lock.
  void look() { (void)find_overlaps(); }
  // How many recordings are left to be looked at.
  base::Result<std::uint64_t> find_overlaps();
};

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
// get_recording(), for who wants to add to it. conflict: it runs on another device; not_found: it was erased, too.
base::Result<RecordingRow> get_own_recording(db::Connection& connection, const base::Uuid& rec_id);
// Its id.
base::Result<std::int64_t> put_item(db::Connection& connection, const NewItem& item);
// `later` and unknown ids change nothing. A refusal may become a receipt; a receipt is never taken back.
base::Status acknowledge_item(db::Connection& connection, std::string_view epoch, const Acknowledgement& word);
// Of the receipts; "" = the server never answered.
base::Result<std::string> read_epoch(db::Connection& connection);
// Receipts of another epoch than this one count no more.
base::Status forget_other_epochs(db::Connection& connection, std::string_view epoch);
base::Status set_sealed(db::Connection& connection, RecordingRow& recording, rowing::EndReason reason,
                        std::uint32_t revision);
// The server's retention removed [from, to) there. Bodies that are here stay, now for good, and owe nothing; those that
// are not cannot be fetched.
base::Status retire(db::Connection& connection, std::int64_t recording, std::string_view epoch,
                    const wire::Change& gone);
// Of an item i: it lies in such a range.
inline constexpr std::string_view kRetired =
    "EXISTS(SELECT 1 FROM retired AS x WHERE x.recording = i.recording AND x.stream = i.stream AND i.kind = 2 AND "
    "x.first <= i.first AND x.past >= i.past)";
// The owner's purge: nothing is left but the recording's entry and the edits that say so, for a server that is set back
// to before it.
base::Status erase_recording(db::Connection& connection, std::int64_t recording);

// not_found also for one that its owner erased. corrupt: it is damaged.
base::Result<RecordingInfo> read_recording(db::Connection& connection, const base::Uuid& rec_id);
// Newest first; a damaged one says so in `problem`.
base::Result<std::vector<RecordingInfo>> list_recordings(db::Connection& connection, const RecordingQuery& query);
// Records [from, until) of a stream that are on this device, each with its seq.
using TakeRecord = std::function<void(std::uint64_t seq, rowing::Record record)>;
base::Status read_records(db::Connection& connection, std::int64_t recording, rowing::Stream stream, std::uint64_t from,
                          std::uint64_t until, const TakeRecord& take);

// All edits of a recording's session, or with a key those of one field; in the order of fields and stamps.
base::Result<std::vector<rowing::PlacedEdit>> read_edits(db::Connection& connection, std::int64_t recording,
                                                         std::string_view field);
base::Result<SessionFields> read_fields(db::Connection& connection, std::int64_t recording);
// An edit with the bytes that were made of it, under the next number. Its item's id.
base::Result<std::int64_t> put_edit(db::Connection& connection, std::int64_t recording, const rowing::Edit& edit,
                                    const rowing::Stamp& effective, std::string_view json);
// The server erases only what is deleted. Where another device has restored a session before this one's word to erase
// it arrived, the session stays: that word, once refused, is taken back, and nothing waits for a person.
base::Status withdraw_erasures(db::Connection& connection);
// Store::edit() within a transaction.
base::Result<rowing::Edit> make_edit(db::Connection& connection, rowing::Edit edit, std::int64_t now_utc_ms);
// After a field has got an edit, or an edit another place: what is derived from all edits of it.
base::Status settle_field(db::Connection& connection, const RecordingRow& recording, const rowing::Edit& edit);
// The same for all fields of all sessions: files of a version that did not derive anything.
base::Status settle_all(db::Connection& connection);

// The recordings' survey: nullopt if one of the chunks is not here or cannot be read.
base::Result<std::optional<rowing::Survey>> survey_recording(db::Connection& connection, std::int64_t recording);
// What is known of an ended recording; nullopt: its birth or seal is not here. With `points` its records are read if
// they are here.
base::Result<std::optional<rowing::Evidence>> read_evidence(db::Connection& connection, const RecordingRow& recording,
                                                            bool points);

// The recordings of a session by id, the first of them is the session's; at least the recording itself.
base::Result<std::vector<base::Uuid>> session_members(db::Connection& connection, const base::Uuid& rec_id);
base::Result<std::optional<rowing::Link>> find_link(db::Connection& connection, const rowing::Pair& pair);
base::Status write_link(db::Connection& connection, base::UuidV7Source& ids, const rowing::Pair& pair, bool linked,
                        std::int64_t now_utc_ms);
// Link edits that bring two sessions together, and part a recording from the rest of its session.
base::Status join_sessions(db::Connection& connection, base::UuidV7Source& ids, const base::Uuid& a,
                           const base::Uuid& b, std::int64_t now_utc_ms);
base::Status part_from_session(db::Connection& connection, base::UuidV7Source& ids,
                               const std::vector<base::Uuid>& members, const base::Uuid& leaves,
                               std::int64_t now_utc_ms);
// What people chose, of recordings that are members.
base::Result<std::map<rowing::Stream, base::Uuid>> chosen_primaries(db::Connection& connection,
                                                                    const std::vector<base::Uuid>& members);

// The log. An entry that is there stays as it is.
base::Status log_overlap(db::Connection& connection, ConflictKind kind, const rowing::Pair& pair,
                         std::string_view reason, std::int64_t now_utc_ms);
// What the edits of a text field or a link settle or open.
base::Status log_text(db::Connection& connection, const RecordingRow& recording, rowing::EditField field,
                      const rowing::FieldValue& value);
base::Status settle_overlap(db::Connection& connection, const rowing::Pair& pair);

// A UUIDv7 begins with its milliseconds.
std::int64_t made_ms(base::ByteView uuid);

// An edit of the feed: new, or the receipt of one that is here.
base::Status take_edit(db::Connection& connection, std::string_view epoch, const RecordingRow& recording,
                       const wire::Change& change);

// The recording and its birth item. conflict: rec_id is there with another birth.
base::Result<RecordingRow> begin_recording(db::Connection& connection, const rowing::Birth& birth,
                                           std::string_view athlete);
// Rows with the next sequence numbers.
base::Status append_rows(db::Connection& connection, std::int64_t recording, std::span<const rowing::Record> records);
// In place of the tail that is there.
base::Status put_tail(db::Connection& connection, std::int64_t recording, std::span<const rowing::Record> tail);
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
