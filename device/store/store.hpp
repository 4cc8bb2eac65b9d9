// The device's store: recordings as durable rows, sealed into chunks, with an outbox of what the server has not
// acknowledged. One SQLite file, one connection. Every call that changes something is ONE transaction: after an error
// or a crash it happened wholly or not at all.
//
// Thread rule: any thread; calls are serialised. Errors: those of core/db/sqlite.hpp, and not_found for a recording
// that is not there or was erased by its owner, invalid_input for records that the metric catalogue does not allow,
// conflict for adding to a recording that another device began.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/db/sqlite.hpp"
#include "core/rowing/fill.hpp"
#include "core/rowing/record.hpp"
#include "core/rowing/recording.hpp"
#include "core/wire/changes.hpp"
#include "core/wire/hello.hpp"
#include "core/wire/verify.hpp"
#include "device/store/ballast.hpp"
#include "device/store/types.hpp"

namespace boathouse::store {

inline constexpr std::size_t kChunkRecords = 256;                      // a chunk is sealed at this many records
inline constexpr std::size_t kChunkPayload = std::size_t{256} * 1024;  // or when their points and bytes reach this
inline constexpr std::size_t kMaxAthleteLabel = 200;                   // bytes
inline constexpr std::size_t kMaxRuns = 50;                            // kept in the log of sync runs

struct StoreOptions {
  db::Options database;
  bool take_lock = true;  // false: the caller knows that no other process has the folder (simulation on its own disk)
  // Kept for a recording that runs into a full disk (ballast.hpp); kBallastBytes on a device. 0 = none, and then a
  // nearly full disk does not keep a recording from being begun.
  std::uint64_t ballast_bytes = 0;
  std::function<std::uint64_t()> disk_free_bytes = {};  // empty: asks the system about the folder
  // Something that does not travel with the file when it is copied or restored from a backup; asked once the file is
  // there. When it gives another text than the last time, the store is a copy: it gets an identity of its own, and its
  // running recordings go on under new ids. Empty, or "": copies are not noticed here.
  std::function<std::string()> nonce = {};
};

struct PendingQuery {
  std::size_t max_bytes = wire::kTargetBatchBytes;  // of bodies; the first item comes whatever its size
  std::size_t max_items = wire::kMaxBatchItems;
  std::string athlete;  // recordings of this label; "" = those without one
  std::set<std::int64_t> skip_items;
  std::set<base::Uuid> skip_recordings;
};

struct RecordingQuery {
  std::uint64_t limit = 1 << 30;
  bool unsent_only = false;  // those with something that the server has no receipt for, or has refused
};

class ImportTransaction;
class SessionReader;

class Store {
 public:
  // `folder` must exist; the file in it is device.db. `unavailable` when another process holds the folder. `ids` must
  // outlive the store: it makes edits of its own (links).
  static base::Result<Store> open(const std::string& folder, base::UuidV7Source& ids, base::RandomSource& random,
                                  const StoreOptions& options = {});
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  [[nodiscard]] const Identity& identity() const;

  // --- The host's sleep ---

  // Also while another thread works: its call ends with `unavailable`, rolled back. When this returns, the database
  // holds no lock, and until resume() every call fails with `unavailable`. Not while this thread holds an
  // ImportTransaction.
  void suspend();
  void resume();
  [[nodiscard]] bool suspended() const;

  // --- Writing ---

  // Begins a recording. Again with the same birth: ok and nothing new; with another one: conflict. At the cap it first
  // removes what is safe elsewhere, oldest recording first. no_room, with what mends it: nothing more may go, or the
  // disk is nearly full. What has begun is never refused for that; on a full disk it goes on from the ballast.
  base::Status begin(const rowing::Birth& birth, std::string_view athlete);
  // Commits records in their order; seq is given here, dense from 0 for each stream. On a recording that has ended they
  // are sealed at once, with the next seal revision.
  // `tail`: what would be appended next if nothing more came, in place of the tail of the call before; end_crashed()
  // appends it, end() forgets it.
  base::Status append(const base::Uuid& rec_id, std::span<const rowing::Record> records,
                      std::span<const rowing::Record> tail = {});
  // Rows into chunks: those streams that have a whole chunk, or with `all` whatever is there.
  base::Status seal(const base::Uuid& rec_id, bool all);
  // Seals the rest and writes the next seal revision. On an ended recording: ok and nothing new.
  base::Status end(const base::Uuid& rec_id, rowing::EndReason reason);
  // For the start of a process: recordings that a crash left open get their tail and a `reopened` event, and end with
  // reason `crashed`. How many.
  base::Result<std::uint64_t> end_crashed();

  // --- Outbox ---

  // What the server has no receipt for: newest recording first, its birth, then its chunks, then its seals.
  base::Result<std::vector<PendingItem>> pending(const PendingQuery& query);
  // A recording's birth, pending or not.
  base::Result<PendingItem> birth_item(const base::Uuid& rec_id);
  // For each item: its id here if it is here with the same hash, else 0; and whether it is pending.
  base::Result<std::vector<KnownItem>> find_items(std::span<const wire::Item> items);
  base::Result<ToDo> to_do(std::string_view athlete);
  // The chunks among them without their bodies, at most `limit`, in the same order.
  base::Result<std::vector<PendingRange>> pending_ranges(std::string_view athlete, std::size_t limit);
  // Takes the server's answers; the same answers again change nothing, unknown ids are passed over. Another `epoch`
  // than before means another or a restored server: all receipts of other epochs are forgotten in the same transaction,
  // so that everything is offered again.
  base::Status acknowledge(std::string_view epoch, std::span<const Acknowledgement> answers);
  // What the server refused is offered once more: its reason may be gone (a wrong key, a server that has learned). How
  // many items.
  base::Result<std::uint64_t> offer_refused_again();

  // --- Athletes ---

  // Recordings without a label (guests) are this athlete's from now on. How many. conflict: a key without a label syncs
  // this store, so they are its own.
  base::Result<std::uint64_t> claim_guests(std::string_view athlete);

  // --- The log of sync runs ---

  // Adds a run (id 0), or writes it once more; the newest kMaxRuns stay. Its id.
  base::Result<std::int64_t> put_run(const Run& run);
  // Newest first.
  base::Result<std::vector<Run>> runs();

  // --- The way down ---

  // How far this device is with an athlete's changes; with an empty epoch when it never synced for them.
  base::Result<Account> account(std::string_view athlete);
  // Another epoch than before: all receipts count no more and the feed begins anew, in the same transaction. conflict:
  // the key belongs to another athlete than the label's earlier ones. invalid_input: an answer for another device. A
  // store that the server knows as a copy of another (`fork`) gets an identity of its own at the next open(), as one
  // whose nonce is another.
  base::Status take_hello(std::string_view athlete, const wire::HelloReply& hello);
  // The athlete may be another one from now on (a server that was built anew): the next hello says which.
  base::Status forget_account(std::string_view athlete);
  // Births, directories of chunks, seals and edits that are not here; receipts for those that are. All or nothing.
  // conflict: the answer does not go on at this account's epoch and cursor.
  base::Status take_changes(std::string_view athlete, std::int64_t since, const wire::ChangesReply& reply);
  // Ended recordings, all with receipts, that the server has not been asked about since their newest seal.
  base::Result<std::vector<wire::VerifyQuestion>> unverified(std::string_view athlete, std::size_t limit);
  // `lacking`: recordings whose data the server does not have although it gave receipts; they are offered again.
  base::Status take_verified(std::string_view epoch, std::span<const VerifiedRecording> verified,
                             std::span<const base::Uuid> lacking = {});

  // --- What people write about a session ---

  // Fills in who, when and after what (replica_id, op_seq, stamp, seen), and commits the edit to the outbox. `edit` has
  // op_id, session, field and value. As it was stored. not_found: no such session; invalid_input: as check_edit says.
  base::Result<rowing::Edit> edit(rowing::Edit edit, std::int64_t now_utc_ms);
  // `deleted` of all recordings of the session that this one is in, all or nothing.
  base::Status set_deleted(const base::Uuid& rec_id, bool deleted, std::int64_t now_utc_ms);
  // Of this recording's own session, whether it is linked to others or not.
  base::Result<SessionFields> fields(const base::Uuid& session);

  // --- Sessions: recordings of the same workout ---
  //
  // When a recording ends, is imported or comes from the feed, others of the same workout are looked for (the rules of
  // core/rowing/overlap.hpp, by what is on this device). What is certain is linked by an edit, unless somebody has
  // linked or parted the two before; what only looks so is in conflicts(). A deleted recording is alone while it is.

  // Newest first.
  base::Result<std::vector<SessionInfo>> sessions();
  // The session that this recording belongs to.
  base::Result<SessionInfo> session(const base::Uuid& rec_id);
  // Its id: another one than the recording's own says into which it was merged.
  base::Result<base::Uuid> session_of(const base::Uuid& rec_id);
  // One session from now on. Again: ok and nothing new. invalid_input: of two athletes.
  base::Status link(const base::Uuid& a, const base::Uuid& b, std::int64_t now_utc_ms);
  // `leaves` is apart from all other recordings of the session for good, with all that was written about it.
  // not_found: it is not linked to `stays`.
  base::Status unlink(const base::Uuid& stays, const base::Uuid& leaves, std::int64_t now_utc_ms);
  // The primary's records with its holes filled from the others. The store must stay where it is and outlive the
  // reader.
  base::Result<SessionReader> read_session(const base::Uuid& rec_id, rowing::Stream stream);
  // Recordings of which nobody has looked for others yet, after an upgrade or an error; the newest first, as many as
  // fit into a moment. The store does that by itself; how many are left.
  base::Result<std::uint64_t> find_overlaps();

  // The open ones, then the answered (the last kKeptAnswers); each newest first.
  base::Result<std::vector<Conflict>> conflicts();
  // Settles it here and, by edits, on all devices. Texts: the field is written again. Overlap, suggestion: mine and
  // theirs link the two with that recording as the primary; both parts them for good. not_found: no such conflict;
  // conflict: it was answered otherwise; invalid_input: Answer::other, or both texts are too long together.
  base::Status answer(std::string_view id, Answer answer, std::int64_t now_utc_ms);

  // --- Room on the device ---

  // io: the file was removed, moved or replaced under its name. What was written into it before is there for this
  // object alone and gone with the process, so nothing more is saved; all changes begin with this.
  [[nodiscard]] base::Status check_there() const;
  base::Result<Space> space();
  // What the store may take before the device should free some; 0 = no cap. invalid_input: less than what always stays,
  // which no removal could keep.
  base::Status set_cap(std::uint64_t bytes);
  // Removes bodies that are safe elsewhere, oldest recording first, until so many bytes are gone or no more may go.
  // Splits, summaries and the directory stay. How many bytes went.
  base::Result<std::uint64_t> free_space(std::uint64_t wanted_bytes);
  // A recording's chunks that are not here shall be fetched. How many.
  base::Result<std::uint64_t> fetch(const base::Uuid& rec_id);
  base::Result<std::vector<AwayChunk>> wanted(std::string_view athlete, std::size_t limit);
  // A fetched body: checked against the directory's hash and range, else invalid_input and nothing is kept.
  base::Status take_body(std::int64_t id, base::ByteView body);
  // The server does not have it either (404, 410).
  base::Status give_up_fetching(std::int64_t id);

  // --- Reading ---

  base::Result<StoreStatus> status();
  // status().server_epoch alone, at the cost of one row.
  base::Result<std::string> server_epoch();
  // Newest first.
  base::Result<std::vector<RecordingInfo>> recordings(const RecordingQuery& query = {});
  base::Result<RecordingInfo> recording(const base::Uuid& rec_id);
  // Records [from, from + limit) of a stream, out of chunks and rows.
  base::Result<std::vector<rowing::Record>> records(const base::Uuid& rec_id, rowing::Stream stream, std::uint64_t from,
                                                    std::uint64_t limit);
  base::Result<std::vector<RefusedItem>> refused();
  // Reads everything of a recording and checks hashes, ranges, counts and the newest seal.
  base::Result<VerifyReport> verify(const base::Uuid& rec_id);
  // The recordings that came from a file with this SHA-256; empty = never imported.
  base::Result<std::vector<base::Uuid>> imported(const base::Digest& source_sha256);

  // One file's recordings in one transaction. Every other call waits until it is committed or dropped. no_room as in
  // begin(): a file can be imported later, so it does not take the room of what cannot.
  base::Result<ImportTransaction> begin_import(const base::Digest& source_sha256);

 private:
  friend class ImportTransaction;
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A session's records of one stream, in order, page by page; memory stays small whatever its length. One thread at a
// time.
class SessionReader {
 public:
  // Up to kChunkRecords records; none = the end.
  base::Result<SessionPage> next();

 private:
  friend class Store;
  explicit SessionReader(rowing::RecordSource source) : source_(std::move(source)) {}
  rowing::RecordSource source_;
};

// Dropped without commit(): nothing happened. Belongs to one thread, which must not call the store meanwhile; the store
// must outlive it.
class ImportTransaction {
 public:
  ImportTransaction(ImportTransaction&&) noexcept;
  ImportTransaction& operator=(ImportTransaction&&) = delete;
  ~ImportTransaction();

  // Ends the recording before it, if there is one.
  base::Status begin(const rowing::Birth& birth, std::string_view athlete);
  // Of the recording that was begun last; sealed as they come, so memory stays small whatever the file's size.
  base::Status append(rowing::Record record);
  // After any error above the transaction must be dropped.
  base::Status commit();

 private:
  friend class Store;
  struct Impl;
  explicit ImportTransaction(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace boathouse::store
