// The ledger: the server's durable record of births, chunks, seals and edits. A commit here IS the acknowledgement;
// ClickHouse is filled from it afterwards and can be rebuilt from it.
//
// Identity and dedup: birth (rec_id), chunk (rec_id, stream, [from, to)), seal (rec_id, revision), edit
// (op_id). Same key and same hash: duplicate. Same key and another hash, or a range that overlaps a stored one without
// being equal: mismatch, kept in quarantine, never overwrites. rejected: another athlete's recording or session, a
// chunk or seal before its birth, a range that is empty or beyond wire::kMaxStreamRecords, what was purged or removed
// before, the purge of what a legal hold keeps. Every duplicate's receipt is that of the first. An edit may come before
// its session's birth.
//
// An edit whose stamp is too far ahead of the ledger's clock is ordered by where rowing::placed_stamp puts it instead:
// its `effective` stamp. An edit `purged` of a session whose newest `deleted` is true removes the recording that the
// session was born with (its birth, chunks, seals and what of it is in quarantine) in the same transaction (for who
// asks: drop_some); edits stay.
//
// server_seq counts what is stored (births, chunks, seals, edits), removed and loaded (blocks) from 1, in the order of
// commit; it has holes. Who has seen N has seen everything that is below N.
//
// Threads: one committer thread owns the writing connection and groups what is queued into one fsync'd transaction;
// reads use other connections: some for calls, one for the loader and other upkeep, one for those who watch (eight
// connections in all with the lead's), each one call at a time, in the order of arrival. All public members may be
// called from any thread; those of the loader wait for the committer, so never from a Completion or from `wake`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/edit.hpp"
#include "core/rowing/recording.hpp"
#include "core/wire/batch.hpp"
#include "server/ledger/audit.hpp"
#include "server/ledger/events.hpp"
#include "server/ledger/gauges.hpp"
#include "server/ledger/retention.hpp"
#include "server/ledger/seen.hpp"
#include "server/ledger/sessions.hpp"
#include "server/ledger/sync.hpp"
#include "server/ledger/trail.hpp"
#include "server/segments/chunk_store.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

// How many chunks are looked at for the `have` of one submission's results, for others wait meanwhile.
inline constexpr std::size_t kMaxHaveChunks = 10'000;
inline constexpr std::size_t kMaxHaveRanges = 32;  // 1,000 results with as many stay within a reply's 2 MiB

// One item on its way in. Owns its bytes.
struct Entry {
  wire::ItemKind kind = wire::ItemKind::chunk;
  base::Uuid rec_id;  // edit: the session
  rowing::Stream stream = rowing::Stream::sample;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint32_t version = 0;
  std::uint32_t revision = 0;
  base::Digest sha256{};
  base::Bytes body;
  std::int64_t started_ms = 0;       // birth: its start, for the ClickHouse key
  base::Uuid op_id;                  // edit
  std::optional<rowing::Edit> edit;  // edit: what `body` says
  // It could not be taken, and why: the answer is this, and all that becomes of it is a record in the audit.
  std::optional<wire::ItemResult> refusal;
};

// The entries of one batch, all of one athlete, in the order of the batch.
struct Submission {
  base::Uuid athlete;
  base::Uuid replica;  // as the device names itself; for the log
  std::vector<Entry> entries;
  std::optional<base::Uuid> key = {};  // the API key that brought them; for the audit
};

// One result per entry, in order. A chunk's `have` is what is held after the commit: at most kMaxHaveRanges, the
// lowest, and nothing once kMaxHaveChunks were looked at, so it may say less than is held but never more. An error (io,
// unavailable, ...) only when nothing of the submission is known to be stored: send it again. One of
// Options::check_key: nothing is.
using Completion = std::function<void(base::Result<std::vector<wire::ItemResult>>)>;

// A stored item that waits to be loaded into ClickHouse.
struct LoadItem {
  std::int64_t server_seq = 0;
  base::Uuid athlete;
  base::Uuid rec_id;
  std::int64_t started_ms = 0;  // of the recording
  rowing::Stream stream = rowing::Stream::sample;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  base::Digest sha256{};
  base::Bytes body;
};

// Chunks of one stream that go to ClickHouse in one insert. The boundaries are durable before the first byte is sent,
// so a retry sends the same rows under the same token.
struct LoadBlock {
  std::int64_t block_id = 0;
  rowing::Stream stream = rowing::Stream::sample;
  std::string token;  // hex SHA-256 over the chunk hashes and keys, in order
  std::vector<LoadItem> items;
};

struct Counts {
  std::uint64_t recordings = 0;
  std::uint64_t chunks = 0;
  std::uint64_t unloaded_chunks = 0;  // in no block that ClickHouse acknowledged; without `source`
  std::uint64_t quarantined = 0;
  std::uint64_t rows_to_erase = 0;  // removals whose rows ClickHouse may still have
  std::uint64_t submissions = 0;    // since open(): answered from the committer
  std::uint64_t commits = 0;        // since open(): transactions that did so
  std::uint64_t queued_bytes = 0;   // that wait for the committer
};

class Bodies;  // bodies.hpp

class Ledger {
 public:
  struct Options {
    sql::Place place = {};                                          // a file's folder must exist
    std::size_t max_queued_bytes = std::size_t{64} << 20;           // above it submissions are refused as unavailable
    std::size_t max_queued_bytes_of_a_key = std::size_t{16} << 20;  // above it those of this API key (or athlete)
    // A file's WAL is copied into it by a thread of its own (server/sql/checkpointer.hpp). Without: by the commits,
    // from 1,000 pages on, so that the same commits always do the same to the disk.
    bool checkpoints_beside = true;
    bool purge_without_backup = false;  // purge_safe_seq() is the newest server_seq, by the operator's word
    // The database was restored under this process: every call but epoch() and leads() is unavailable from now on, and
    // only a new Ledger serves what is there. Called once, from any thread that calls the ledger; must be short.
    std::function<void()> on_other_epoch = {};
    // What an earlier process has seen of the ledger (witness.hpp); of another epoch it says nothing.
    std::optional<Seen> seen = {};
    // The ledger is older than what was seen of it in the same epoch, by this process or before it: every call but
    // those of on_other_epoch, seen() and went_back() is unavailable from now on. As on_other_epoch; open() may call
    // it.
    std::function<void(const WentBack&)> on_went_back = {};
    // After each commit, and before each Completion, with the seconds that it took: from the transaction's begin, and
    // from submit(). On the committer's thread; short, and must not throw.
    std::function<void(double seconds)> on_commit_time = {};
    std::function<void(double seconds)> on_answer_time = {};
    // After a commit that has forgotten events of which nobody was told (kMaxWaitingEvents): how many. As
    // on_commit_time.
    std::function<void(std::uint64_t events)> on_forgotten_events = {};
    // Asked of a submission's API key in the transaction that stores it: an error is its answer, and nothing of it is
    // stored, as it may have waited since its key was looked at. On the committer's thread; from memory, and must not
    // throw. Empty: nobody is asked.
    std::function<base::Status(const base::Uuid& key)> check_key = {};
    // What one held() looks at, and after how many chunks others read. Only tests have others.
    HeldBounds held = {};
    // What keys rest by (heavy_keys.hpp); never goes back. Only tests have another.
    std::function<std::chrono::steady_clock::time_point()> steady_now = &std::chrono::steady_clock::now;
  };
  // `clock` and `random` must outlive the ledger. Errors as of server/sql. One process per file; on
  // PostgreSQL any number of nodes.
  static base::Result<std::unique_ptr<Ledger>> open(const Options& options, base::Clock& clock,
                                                    base::RandomSource& random);
  // Stops.
  virtual ~Ledger() = default;

  // Another one only when the ledger was restored from a backup; never another one of this object, so that a receipt
  // and the epoch beside it are of one history.
  virtual std::string epoch() = 0;

  // How far it is known to have come: only what is committed for certain counts.
  virtual Seen seen() = 0;
  // Options::on_went_back: there it was, and there it is.
  virtual std::optional<WentBack> went_back() = 0;

  // Queues for the committer; `done` is called exactly once: from the committer thread after the durable commit (or its
  // failure), or at once from this one with unavailable when the queue is full or the ledger has stopped. It must be
  // short and must not throw.
  virtual void submit(Submission submission, Completion done) = 0;

  // Refuses what comes from now on as unavailable, finishes what is queued, ends the committer. Reading goes on. Later
  // calls do nothing.
  virtual void stop() = 0;

  // --- several nodes ---
  // Whether other processes may write to it: then on_commit() does not tell of what they store.
  [[nodiscard]] virtual bool shared() const = 0;
  // True: this node is the one that loads. Of several nodes on one PostgreSQL exactly one is, until its connection
  // ends, which the database does for one that is frozen (Place::patience_ms); without others every one is. To be asked
  // before each block.
  virtual base::Result<bool> leads() = 0;

  // --- loader ---
  // The oldest unfinished block with an id above `after`, or a new one: the stream whose oldest waiting chunk is the
  // oldest of all, its chunks in order of server_seq, at most max_records records, max_bytes of bodies and 10,000
  // chunks, but at least one; nullopt when nothing waits. Durable before it returns. Only one loader may run: with
  // several inserts in flight it gives the newest one's id as `after`, and 0 after a failure, to get the same block
  // again. A new one takes only what has a server_seq under `before`, if that is given.
  virtual base::Result<std::optional<LoadBlock>> next_block(std::uint64_t max_records, std::size_t max_bytes,
                                                            std::int64_t after = 0,
                                                            std::optional<std::int64_t> before = {}) = 0;
  // ClickHouse has acknowledged the block's rows. Again: nothing changes. not_found: no such block was ever made.
  virtual base::Status finish_block(std::int64_t block_id) = 0;
  // The chunks of this stream are loaded once more, in blocks with tokens of their own, because ClickHouse has lost
  // rows of them; those whose bodies are lost are not. How many will be.
  virtual base::Result<std::uint64_t> load_again(const base::Uuid& rec_id, rowing::Stream stream) = 0;
  // The row of the recording's session is written once more, because ClickHouse has lost it: under a new number, so
  // that it is none that ClickHouse remembers. Of a recording that is not there: nothing.
  virtual base::Status write_session_again(const base::Uuid& rec_id) = 0;
  // Recordings whose session row must be written again (a birth, a seal, an edit, a purge, a `source` chunk, or other
  // chunks that are now loaded), the one that waits longest first, with the number to hand back when it is done: what
  // changed after it leaves the recording in the list. An edit marks the recording that its session was born with:
  // sessions_around() has all that it may change.
  struct DirtySession {
    base::Uuid rec_id;
    std::int64_t up_to_seq = 0;
    base::Uuid athlete = {};  // of dirty_sessions(), if the recording is there
  };
  virtual base::Result<std::vector<DirtySession>> dirty_sessions(std::size_t limit) = 0;
  // Empty for a recording that was never there. corrupt: what is stored of one of them cannot be read.
  virtual base::Result<SessionsAround> sessions_around(const base::Uuid& rec_id) = 0;
  virtual base::Status sessions_written(std::span<const DirtySession> sessions) = 0;  // all in one transaction
  base::Status session_written(const base::Uuid& rec_id, std::int64_t up_to_seq) {
    const DirtySession session{rec_id, up_to_seq};
    return sessions_written({&session, 1});
  }

  // Recordings that have changed (by a birth, a seal, an edit, a purge or a load) after that one, in order of the
  // change; `newest_seq`: of the ledger.
  struct Changed {
    std::vector<DirtySession> recordings;
    std::int64_t newest_seq = 0;
  };
  virtual base::Result<Changed> changed_recordings(const DirtySession& after, std::size_t limit) = 0;

  // --- events ---
  // What nobody was told of yet, the oldest first. With several nodes the one that leads tells.
  virtual base::Result<std::vector<Event>> events(std::size_t limit) = 0;
  // They were handed on, up to this id: they are forgotten here. Waits for the committer. (kMaxWaitingEvents.)
  virtual base::Status events_told(std::int64_t up_to) = 0;

  // Calls `wake` (from the committer thread) after each commit that stored something or has an event; empty = nobody.
  // When this returns the former `wake` is not running and will not be called again.
  virtual void on_commit(std::function<void()> wake) = 0;

  // --- reading ---
  virtual base::Result<std::optional<RecordingState>> recording(const base::Uuid& rec_id) = 0;
  virtual base::Result<DataVersion> data_version(const base::Uuid& athlete) = 0;
  // For one athlete, or for the operator. nullopt: nothing of it ever came, or it is another athlete's. corrupt: what
  // is stored of it cannot be read.
  virtual base::Result<std::optional<Trail>> trail(std::optional<base::Uuid> athlete, const base::Uuid& rec_id) = 0;
  // Of one athlete, or of all (operator), in order of rec_id, after `after`; each of one state. Others read between its
  // steps.
  virtual base::Result<std::vector<RecordingState>> recordings(std::optional<base::Uuid> athlete,
                                                               std::optional<base::Uuid> after, std::size_t limit) = 0;
  // Those that have recordings, in order, after `after`.
  virtual base::Result<std::vector<base::Uuid>> athletes(std::optional<base::Uuid> after, std::size_t limit) = 0;
  // Bodies of the chunks of one stream in order of `from`.
  virtual base::Result<std::vector<LoadItem>> chunks(const base::Uuid& rec_id, rowing::Stream stream) = 0;
  virtual base::Result<Counts> counts() = 0;
  virtual base::Result<Gauges> gauges() = 0;
  virtual base::Result<Cohorts> cohorts() = 0;  // reads the row of each device store

  // --- the sync protocol ---
  // Notes the store and what it reports; waits for the committer, so never from a Completion.
  virtual base::Result<HelloState> hello(const Hello& hello) = 0;
  // Receipts up to this one are in a verified backup (backup_mark.hpp): devices may remove such chunks, those of an
  // athlete only below first_lacking_seq(). 0 = none.
  virtual base::Result<std::int64_t> purge_safe_seq() = 0;
  // The athlete's first chunk whose body is lost here, or not in that backup: a device may have the last copy.
  virtual base::Result<std::optional<std::int64_t>> first_lacking_seq(const base::Uuid& athlete) = 0;
  // The athlete's feed after `since`: at most `limit` (from 1) entries and about max_bytes of JSON, but at least one if
  // there is any.
  virtual base::Result<FeedPage> changes(const base::Uuid& athlete, std::int64_t since, std::size_t limit,
                                         std::size_t max_bytes) = 0;
  // One answer for each question, in order, each of one state, or, of a recording that takes several steps, of what
  // came along on the way. Of each stream it has the first range of `have` and of `gone`, of the others together at
  // most max_ranges: what is left out counts in records, visible and root. What is beyond Options::held is put off.
  // Others read between its steps.
  virtual base::Result<std::vector<Held>> held(const base::Uuid& athlete, std::span<const Question> questions,
                                               std::size_t max_ranges) = 0;
  virtual base::Result<FoundChunk> chunk(const base::Uuid& athlete, const base::Uuid& rec_id, rowing::Stream stream,
                                         const wire::Range& range) = 0;
  // not_found: no such recording; invalid_input: an empty range, or one that cuts a chunk. Waits for the committer.
  virtual base::Status remove(const Removal& removal) = 0;

  // --- what is purged, here ---
  // From a purge on nobody is given anything of the recording, and nothing of it is loaded or taken in; its chunks,
  // seals and what is in quarantine are dropped by this, at most `limit` of them (from 1; a large
  // body counts as one for each 64 KiB) in one transaction, for acknowledgements wait meanwhile. Until then Counts has
  // them. False: nothing is left to drop. With several nodes the one that leads drops them.
  virtual base::Result<bool> drop_some(std::size_t limit) = 0;

  // --- what is gone, in ClickHouse ---
  // The oldest removals whose rows may still be there. With several nodes the one that leads erases them.
  virtual base::Result<std::vector<RowsToErase>> rows_to_erase(std::size_t limit) = 0;
  // Somebody has seen that there are none left of these. Waits for the committer.
  virtual base::Status rows_erased(std::span<const std::int64_t> server_seqs) = 0;

  // --- retention (docs/retention.md) ---
  // What is set is written into the audit in its transaction. All but the questions wait for the committer; `key` is
  // whose word it was. Setting is a conflict for an athlete whose removal has begun: there is no keeping any more. A
  // hold on `all` does not hold them either.
  virtual base::Status set_retention_rule(const RetentionRule& rule, const std::optional<base::Uuid>& key) = 0;
  virtual base::Result<std::vector<RetentionRule>> retention_rules() = 0;
  virtual base::Status set_legal_hold(const LegalHold& hold, const std::optional<base::Uuid>& key) = 0;
  // not_found: there is none on that scope.
  virtual base::Status release_legal_hold(const std::string& scope, const std::optional<base::Uuid>& key) = 0;
  virtual base::Result<std::vector<LegalHold>> legal_holds() = 0;
  // Streams of recordings that both began and were received before `before_ms`, in order of (rec_id, stream), those of
  // recordings after `after`: at most `limit` or those of one recording. Empty: there are no more.
  virtual base::Result<std::vector<AgedStream>> aged_streams(std::int64_t before_ms, std::optional<base::Uuid> after,
                                                             std::size_t limit) = 0;
  // From now on they are to be removed; `what` goes into the audit.
  virtual base::Status apply_plan(std::span<const Retirement> retirements, const std::string& what,
                                  const std::optional<base::Uuid>& key) = 0;
  // Those that are still to be removed.
  virtual base::Result<std::vector<Retirement>> retirements(std::size_t limit) = 0;
  // Removes of them, in order, at most `limit` chunks (from 1) in one transaction, for acknowledgements wait meanwhile,
  // with their tombstones and audit records, and keeps the figures; what it does not come to stays among retirements().
  // Never what a hold keeps, what no verified backup has (backup_mark.hpp, whatever purge_safe_seq() says), what is
  // beyond `backed_up`, up to where the caller has seen that one is there still, or what changes, it or what its
  // figures were made of: `figures` has one entry for each recording, and one without is tried again later.
  virtual base::Result<RetiredCounts> retire(std::span<const Retirement> retirements,
                                             std::span<const FiguresToKeep> figures, std::size_t limit,
                                             std::int64_t backed_up) = 0;
  // As purge_safe_seq(), but of a backup in any case.
  virtual base::Result<std::int64_t> backed_up_seq() = 0;

  // --- the erasure of an athlete ---
  // Hides all sessions and refuses each entry that comes for them, until it is taken back: as `later` at first, as
  // `rejected` from begin_erasing() on, which is refused before due_ms. conflict: it was asked for before, or a hold
  // keeps the athlete's data.
  virtual base::Status ask_erasure(const base::Uuid& athlete, std::int64_t due_ms,
                                   const std::optional<base::Uuid>& key) = 0;
  // not_found: nobody asked; conflict: it has begun.
  virtual base::Status take_back_erasure(const base::Uuid& athlete, const std::optional<base::Uuid>& key) = 0;
  // From now on there is no way back. not_found: taken back; unavailable: not due; conflict: a hold.
  virtual base::Status begin_erasing(const base::Uuid& athlete) = 0;
  // Removes so many of the athlete's recordings or, when there are none, some of their chunks, then some edits and
  // tombstones or, when there are none of these either, whatever else; false: that was all, and rows_to_erase() has the
  // rest.
  virtual base::Result<bool> erase_some(const base::Uuid& athlete, std::size_t limit) = 0;
  // conflict: something is still there.
  virtual base::Status finish_erasure(const base::Uuid& athlete) = 0;
  virtual base::Result<std::vector<Erasure>> erasures() = 0;
  // Of every table that can have rows of an athlete, but for the audit, the list of its refused items, and erasures().
  virtual base::Result<std::vector<TableCount>> rows_of_athlete(const base::Uuid& athlete) = 0;

  // --- the audit ---
  // Every submission and removal writes its own records in its transaction; this is for what happens elsewhere. The
  // record's n. Waits for the committer, so never from a Completion.
  virtual base::Result<std::int64_t> append_audit(const AuditEntry& entry) = 0;
  // In order of n, after `after`; at most `limit`, at most kMaxAuditPage.
  virtual base::Result<std::vector<AuditRecord>> audit(std::int64_t after, std::size_t limit,
                                                       const AuditFilter& filter = {}) = 0;
  virtual base::Result<AuditState> audit_state() = 0;
  // An act that is done in another database has two records of one kind: its intent, "step=intent ...", and its
  // outcome, "step=WORD intent=N ...". Appends the outcome of record `intent`, unless that has one: then nothing is
  // done.
  virtual base::Status append_outcome(const AuditEntry& outcome, std::int64_t intent) = 0;
  // Up to record `up_to`, those without an outcome that are not settled; in order of n, at most kMaxAuditPage.
  virtual base::Result<std::vector<AuditRecord>> open_intents(std::int64_t up_to) = 0;
  // From now on no record up to that is looked at for it.
  virtual base::Status settle_intents(std::int64_t up_to) = 0;
  // The state of another time was put back: "restore" with `what` in the audit, no open intent of before is looked at,
  // and nothing of an athlete's is purged or erased for a day (kRestoredRestMs).
  virtual base::Status note_restore(const std::string& what) = 0;
  // Page by page: others read meanwhile.
  base::Result<AuditVerdict> verify_audit(const std::optional<AuditHead>& anchor = {});

  // --- bodies of chunks that lie in segments ---
  virtual Bodies& bodies() = 0;
  // Where they are; before anything that needs a body, if body_counts() says that there are segments. It must outlive
  // the ledger.
  virtual void use_segments(segments::ChunkStore& store) = 0;

  // Writes and commits a mark: io when the disk refuses it, unavailable after stop(). For readiness.
  virtual base::Status check() = 0;
};

}  // namespace boathouse::ledger
