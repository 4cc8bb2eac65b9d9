// What the committer does inside one transaction. Lives as long as the transaction; thread rule: the committer's alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "server/ledger/block_plan.hpp"
#include "server/ledger/epoch.hpp"
#include "server/ledger/events.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ledger/retention.hpp"
#include "server/ledger/rows.hpp"
#include "server/segments/segment.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

// What decides whether a stream is complete: named here so that a test looks at their plans.
extern const std::string_view kGapQuery;
extern const std::string_view kLastChunkQuery;

// The chunks of a range, which cuts none, by their key alone, so that those behind it are not read: a condition, named
// here so that a test looks at its plan.
extern const std::string_view kChunksOfRange;

class Writer {
 public:
  // Reads the counters; the transaction has begun. `now_ms` = the server's clock, for everything that comes in it.
  // unavailable: the database has another history than `epoch` (Ledger::Options::on_other_epoch), or not all of it;
  // `known_seq`: as of Epoch::check().
  static base::Result<Writer> begin(sql::Connection& connection, std::int64_t now_ms, Epoch& epoch,
                                    std::int64_t known_seq);
  // Writes the counters, if anything changed, and forgets events of which there are too many. The caller commits.
  base::Status finish();

  // Of the database, once this is committed.
  [[nodiscard]] std::int64_t last_seq() const { return counters_.last_seq; }

  // Items were stored: somebody may want to know after the commit.
  [[nodiscard]] bool stored() const { return stored_; }
  // By finish().
  [[nodiscard]] std::uint64_t forgotten_events() const { return forgotten_events_; }

  // One result per entry. An error is the database's and ends the transaction.
  base::Result<std::vector<wire::ItemResult>> apply(const Submission& submission);

  // The id of the block that is in the tables now; 0: what waits has changed meanwhile, make another plan.
  base::Result<std::int64_t> make_block(const BlockPlan& plan);
  // As of Ledger.
  base::Status finish_block(std::int64_t block_id);
  base::Status sessions_written(std::span<const Ledger::DirtySession> sessions);

  // As of Ledger.
  base::Result<HelloState> hello(const Hello& hello);
  base::Status remove(const Removal& removal);
  base::Status events_told(std::int64_t up_to);

  // As of Bodies.
  base::Result<std::int64_t> begin_segment(const std::string& key);
  base::Status place_bodies(std::int64_t id, std::uint64_t bytes, std::uint64_t bodies,
                            std::span<const segments::Place> places);
  base::Status doom_segment(std::int64_t id);
  base::Status forget_segment(std::int64_t id);
  base::Status segment_is_well(std::int64_t id);
  base::Status lose_body(std::int64_t server_seq, const std::string& reason);
  base::Status body_is_back(std::int64_t server_seq, base::ByteView body);
  // As of Ledger.
  base::Result<std::uint64_t> load_recording_again(const base::Uuid& rec_id, rowing::Stream stream);
  base::Status write_session_again(const base::Uuid& rec_id);

  // As of Ledger.
  base::Status set_rule(const RetentionRule& rule, const std::optional<base::Uuid>& key);
  base::Status set_hold(const LegalHold& hold, const std::optional<base::Uuid>& key);
  base::Status release_hold(const std::string& scope, const std::optional<base::Uuid>& key);
  base::Status apply_plan(std::span<const Retirement> retirements, const std::string& what,
                          const std::optional<base::Uuid>& key);
  base::Result<RetiredCounts> retire(std::span<const Retirement> retirements, std::span<const FiguresToKeep> figures,
                                     std::size_t limit, std::int64_t backed_up);
  base::Status rows_erased(std::span<const std::int64_t> server_seqs);
  // As of Ledger; `athlete` nullopt: anybody's.
  base::Result<bool> drop_some(std::size_t limit, const std::optional<base::Uuid>& athlete);
  base::Status ask_erasure(const base::Uuid& athlete, std::int64_t due_ms, const std::optional<base::Uuid>& key);
  base::Status take_back_erasure(const base::Uuid& athlete, const std::optional<base::Uuid>& key);
  base::Status begin_erasing(const base::Uuid& athlete);
  base::Result<bool> erase_some(const base::Uuid& athlete, std::size_t limit);
  base::Status finish_erasure(const base::Uuid& athlete);

  // As of Ledger.
  base::Result<std::int64_t> append_audit(const AuditEntry& entry);
  base::Status append_outcome(const AuditEntry& outcome, std::int64_t intent);
  base::Status settle_intents(std::int64_t up_to);
  base::Status note_restore(const std::string& what);

  // Makes this transaction one that writes.
  void check();

 private:
  struct Counters {
    std::int64_t last_seq = 0;
    std::int64_t recordings = 0;
    std::int64_t chunks = 0;
    std::int64_t unloaded = 0;
    std::int64_t quarantined = 0;
    std::int64_t checks = 0;
    AuditHead audit;
    bool operator==(const Counters&) const = default;
  };

  // Who removes something; neither: the server itself.
  struct Remover {
    std::optional<base::Uuid> key = {};
    std::optional<base::Uuid> replica = {};
    std::string plan = {};  // of retention
  };
  // What there is of a retirement.
  struct Retired {
    base::Uuid athlete;
    std::vector<wire::Range> ranges;  // of stored chunks, merged; empty: nothing is left to remove
    std::int64_t newest_seq = 0;      // of these chunks
    bool all = true;                  // false: there are more than were asked for
    bool changing = false;            // it or what its figures are made of, since then, or on its way to ClickHouse
    bool lacking = false;             // the backup lacks some of these
    std::optional<base::Uuid> key;
  };
  // Of a chunk that comes: whether the stream's records just before it and just behind it are here.
  struct Neighbours {
    bool before = false;  // also of the first chunk, which has none
    bool behind = false;
  };
  struct FeedEntry {
    base::Uuid athlete;
    std::int64_t server_seq = 0;
    FeedKind kind = FeedKind::birth;
    base::Uuid rec_id;
    std::optional<rowing::Stream> stream;   // chunk
    std::optional<std::uint64_t> from;      // chunk
    std::optional<std::uint32_t> revision;  // seal
  };

  Writer(sql::Connection& connection, std::int64_t now_ms, const Counters& counters)
      : connection_(&connection), now_ms_(now_ms), before_(counters), counters_(counters) {}

  std::int64_t next_seq() { return ++counters_.last_seq; }

  base::Result<wire::ItemResult> store(const Submission& submission, const Entry& entry);
  base::Result<wire::ItemResult> store_birth(const Submission& submission, const Entry& entry);
  base::Result<wire::ItemResult> store_chunk(const Submission& submission, const Entry& entry);
  base::Result<wire::ItemResult> store_seal(const Submission& submission, const Entry& entry);
  base::Result<wire::ItemResult> store_edit(const Submission& submission, const Entry& entry);
  base::Status insert_edit(const base::Uuid& athlete, const Entry& entry, std::int64_t server_seq);
  base::Status insert_chunk(const Entry& entry, const Neighbours& neighbours, std::int64_t server_seq);
  // Of the chunk that begins at `from`, if there is one.
  base::Status set_gap_before(const base::Uuid& rec_id, rowing::Stream stream, std::uint64_t from, bool gap);
  base::Result<wire::ItemResult> quarantine(const Submission& submission, const Entry& entry,
                                            const base::Digest& stored, std::string reason);
  base::Result<std::optional<wire::ItemResult>> refuse_recording(const base::Uuid& athlete, const base::Uuid& rec_id);
  base::Status feed(const FeedEntry& entry);
  base::Result<std::vector<wire::Range>> have(const base::Uuid& rec_id, rowing::Stream stream,
                                              std::size_t& chunks_left);
  base::Result<bool> is_gone(const base::Uuid& rec_id, rowing::Stream stream, const wire::Range& range);
  base::Status purge(const base::Uuid& athlete, const base::Uuid& rec_id, const Remover& by);
  base::Status remove_range(const base::Uuid& athlete, const Removal& removal, const Remover& by);
  base::Result<std::int64_t> count_chunks(const base::Uuid& rec_id);
  base::Status drop_later(const base::Uuid& athlete, const base::Uuid& rec_id);
  base::Result<std::int64_t> drop_first(const base::Uuid& athlete, const base::Uuid& rec_id, std::int64_t limit);
  base::Result<std::int64_t> drop_first_chunks(const base::Uuid& athlete, const base::Uuid& rec_id, std::int64_t limit);
  base::Status drop_chunks(const base::Uuid& athlete, const Removal& removal);
  base::Status dissolve_blocks_of(const Removal& removal);
  base::Status dissolve_block(std::int64_t block_id);
  base::Status heal_duplicate(std::int64_t server_seq, const Entry& entry);
  // The chunks of a condition with the parameters from ?3 on, which `bind` binds.
  base::Status load_again(const std::string& which, const std::function<void(sql::Statement&)>& bind);
  base::Status bury(const base::Uuid& athlete, const Removal& removal, std::optional<std::int64_t> started_ms,
                    const std::string& why);
  base::Result<std::optional<std::int64_t>> start_of(const base::Uuid& rec_id);
  base::Status erase_rows(const RowsToErase& rows);
  base::Result<bool> is_held(const base::Uuid& athlete);
  base::Result<bool> is_just_restored();
  base::Result<Retired> look_at(const Retirement& one, const FiguresToKeep& keep, std::size_t limit);
  base::Result<bool> is_changing(const FiguresToKeep::Seen& seen);
  base::Result<bool> may_wait_for_clickhouse(const base::Uuid& rec_id);
  base::Status read_ranges(const Retirement& one, std::size_t limit, Retired& found);
  base::Status keep_figures(const FiguresToKeep& keep);
  base::Status audit_kept(const Retirement& one, const base::Uuid& athlete, std::string_view why);
  base::Result<std::optional<Erasure>> erasure_of(const base::Uuid& athlete);
  base::Result<std::vector<wire::ItemResult>> refuse_all(const Submission& submission, const Erasure& erasure);
  base::Status refuse_if_held(const base::Uuid& athlete);
  base::Status refuse_if_erasing(const std::string& scope);
  base::Status mark_all_dirty(const base::Uuid& athlete);
  base::Status audit_erasure(const base::Uuid& athlete, const std::string& kind, const std::optional<base::Uuid>& key,
                             const std::string& what);
  base::Result<bool> erase_first_of_feed(const base::Uuid& athlete, std::size_t limit);
  base::Status erase_rest(const base::Uuid& athlete);
  // Members that do not belong to the event stay empty.
  struct SessionNews {
    std::uint32_t revision = 0;
    bool purged = false;
  };
  struct SyncNews {
    std::optional<base::Uuid> recording = {};
    std::optional<std::uint64_t> items = {};
    std::optional<std::int64_t> oldest_age_s = {};
  };
  // What is remembered of a store, so that each change is told once.
  struct ReplicaNews {
    bool owes = false;   // it had something to send
    bool stuck = false;  // for too long
    bool operator==(const ReplicaNews&) const = default;
  };
  base::Status forget_old_events();
  base::Status tell(EventKind kind, const base::Uuid& athlete, const base::Uuid& subject, std::string data);
  base::Status tell_of_session(EventKind kind, const base::Uuid& athlete, const base::Uuid& session, SessionNews news);
  base::Status tell_of_sync(EventKind kind, const base::Uuid& athlete, const base::Uuid& replica, SyncNews news);
  base::Status tell_if_complete(const base::Uuid& athlete, const base::Uuid& rec_id);
  base::Result<bool> holds_up_to(const base::Uuid& rec_id, rowing::Stream stream, std::uint64_t count);
  base::Result<ReplicaNews> replica_news(const base::Uuid& athlete, const base::Uuid& replica);
  base::Status set_replica_news(const base::Uuid& athlete, const base::Uuid& replica, const ReplicaNews& news);
  base::Status tell_of_batch(const Submission& submission, std::uint64_t stored, std::uint64_t rejected);
  base::Status tell_of_hello(const Hello& hello);
  base::Status note_replica(const Hello& hello);
  base::Status forget_silent_replicas(const base::Uuid& athlete);
  base::Status mark_dirty(const base::Uuid& rec_id, std::int64_t seq);
  base::Status audit_submission(const Submission& submission, std::span<const wire::ItemResult> results,
                                std::int64_t seq_before);
  base::Status audit_refusal(const Submission& submission, const Entry& refused, const wire::ItemResult& result);
  base::Status audit_removal(const base::Uuid& athlete, const Removal& removal, const Remover& by, std::int64_t chunks);

  sql::Connection* connection_;
  std::int64_t now_ms_;
  Counters before_;
  Counters counters_;
  bool stored_ = false;
  std::uint64_t forgotten_events_ = 0;
  std::map<base::Uuid, std::string> told_;  // the last word about each session and store in this transaction
};

}  // namespace boathouse::ledger
