// What the ledger's connection for reading answers, within a snapshot() that the caller holds.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "server/ledger/block_plan.hpp"
#include "server/ledger/bodies.hpp"
#include "server/ledger/epoch.hpp"
#include "server/ledger/gauges.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ledger/retention.hpp"
#include "server/segments/chunk_store.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

// What finds a chunk's body, and the joins of table chunk that it needs.
extern const std::string_view kBodyColumns;
extern const std::string_view kBodyJoins;

// What changes() asks: named here so that a test looks at its plan.
extern const std::string_view kFeedQuery;

// What a step of held() has found of a recording in whose middle it ended.
struct HeldBegun {
  Held held;
  std::map<rowing::Stream, base::Sha256> roots;  // wire::stream_root(), without all the hashes at once
  bool chunks_read = false;                      // what is gone comes next
  // Of the chunk, or of what is gone, that was read last.
  std::int64_t stream = 0;
  std::int64_t from = 0;
};

// What the rest of a held() may still tell and look at.
struct HeldLeft {
  std::size_t ranges = 0;
  std::size_t chunks = 0;
  std::optional<HeldBegun> begun = {};  // of the next question
};

class Reader {
 public:
  explicit Reader(sql::Connection connection) : connection_(std::move(connection)) {}

  // While it lives, all calls see one state of the database, that of some commit. Connects anew if it must.
  base::Result<sql::Snapshot> snapshot() { return sql::Snapshot::begin(connection_); }
  // unavailable: it is not of this history, or not all of it; `known_seq`: as of Epoch::check().
  base::Status check(Epoch& epoch, std::int64_t known_seq) { return epoch.check(connection_, known_seq); }

  // As of Ledger.
  base::Result<std::optional<RecordingState>> recording(const base::Uuid& rec_id);
  base::Result<SessionsAround> sessions_around(const base::Uuid& rec_id);
  // One step of Ledger::recordings(): at least one if there is any, and none after `step_chunks` chunks were read.
  struct Recordings {
    std::vector<RecordingState> states;
    bool more = false;  // the step has ended before the limit
  };
  base::Result<Recordings> recordings(const std::optional<base::Uuid>& athlete, const std::optional<base::Uuid>& after,
                                      std::size_t limit, std::uint64_t step_chunks);
  base::Result<std::vector<base::Uuid>> athletes(const std::optional<base::Uuid>& after, std::size_t limit);
  base::Result<std::vector<LoadItem>> chunks(const base::Uuid& rec_id, rowing::Stream stream);
  base::Result<std::vector<Ledger::DirtySession>> dirty_sessions(std::size_t limit);
  base::Result<std::vector<Event>> events(std::size_t limit);
  base::Result<Counts> counts();
  base::Result<FeedPage> changes(const base::Uuid& athlete, std::int64_t since, std::size_t limit,
                                 std::size_t max_bytes);
  // One step of Ledger::held(): answers of the first questions, or none and left.begun has more than before.
  base::Result<std::vector<Held>> held(const base::Uuid& athlete, std::span<const Question> questions,
                                       const HeldBounds& bounds, HeldLeft& left);
  base::Result<FoundChunk> chunk(const base::Uuid& athlete, const base::Uuid& rec_id, rowing::Stream stream,
                                 const wire::Range& range);
  base::Result<std::int64_t> newest_seq();
  base::Result<std::int64_t> backed_up_seq();  // 0: no backup was verified
  base::Result<std::optional<std::int64_t>> first_lacking_seq(const base::Uuid& athlete);
  base::Result<std::vector<AuditRecord>> audit(std::int64_t after, std::size_t limit, const AuditFilter& filter);
  base::Result<AuditState> audit_state();
  base::Result<std::vector<AuditRecord>> open_intents(std::int64_t up_to);
  base::Result<DataVersion> data_version(const base::Uuid& athlete);
  base::Result<std::optional<Trail>> trail(const std::optional<base::Uuid>& athlete, const base::Uuid& rec_id);

  // As of Bodies.
  base::Result<base::Bytes> body(std::int64_t server_seq);
  base::Result<std::vector<MovableBody>> movable(std::uint64_t bytes);
  base::Result<std::vector<MovableBody>> in_segment(std::int64_t id);
  base::Result<std::vector<SegmentRow>> segment_rows(std::int64_t after, std::size_t limit);
  base::Result<std::vector<LostBody>> lost(std::size_t limit);
  base::Result<BodyCounts> body_counts();

  // As of Ledger.
  base::Result<Gauges> gauges();
  base::Result<Cohorts> cohorts(std::int64_t now_ms);
  base::Result<Ledger::Changed> changed_recordings(const Ledger::DirtySession& after, std::size_t limit);

  // Where segments are, from now on; it must outlive the reader. nullptr: nowhere.
  void use(segments::ChunkStore* store) { store_ = store; }
  // Bodies that could not be read since the last call.
  std::vector<LostBody> take_lost() { return std::exchange(lost_, {}); }

  // As of Ledger.
  base::Result<std::vector<RowsToErase>> rows_to_erase(std::size_t limit);
  base::Result<bool> has_to_drop();
  base::Result<std::vector<RetentionRule>> retention_rules();
  base::Result<std::vector<LegalHold>> legal_holds();
  base::Result<std::vector<AgedStream>> aged_streams(std::int64_t before_ms, const std::optional<base::Uuid>& after,
                                                     std::size_t limit);
  base::Result<std::vector<Retirement>> retirements(std::size_t limit);
  base::Result<std::vector<Erasure>> erasures();
  base::Result<std::vector<TableCount>> rows_of_athlete(const base::Uuid& athlete);

  // The first block after `after`, or what the next one is to be made of; nothing: no chunk with a number under
  // `before` waits outside a block.
  base::Result<std::optional<BlockPlan>> next_block(std::uint64_t max_records, std::size_t max_bytes,
                                                    std::int64_t after, std::optional<std::int64_t> before);
  // corrupt if it is not what its token was made of.
  base::Result<LoadBlock> block(std::int64_t block_id);

 private:
  // Chunks of a stream and round that are in no block: from first_seq on, before end_seq.
  struct Gap {
    std::int64_t stream = 0;
    std::int64_t round = 0;
    std::int64_t first_seq = 0;
    std::int64_t end_seq = 0;
  };

  base::Result<std::optional<Gap>> oldest_gap();
  base::Result<std::optional<BlockPlan>> plan_block(std::uint64_t max_records, std::size_t max_bytes,
                                                    std::int64_t before);
  // Of a row with kBodyColumns from `column` on.
  base::Result<base::Bytes> body_of(const sql::Statement& row, int column, std::int64_t server_seq);
  base::Result<std::vector<LoadItem>> items_of(sql::Statement& select);
  base::Result<base::Bytes> kept_figures(const base::Uuid& rec_id);
  base::Result<bool> is_hidden(const base::Uuid& athlete);
  base::Status read_trail(Trail& trail);
  base::Status read_refused(Trail& trail, const std::optional<base::Uuid>& athlete);
  base::Result<RecordingState> state_of(sql::Statement& recording_row);
  // As recording(); corrupt: what is stored of it cannot be read.
  base::Result<std::optional<RecordingState>> readable_recording(const base::Uuid& rec_id);
  base::Status read_streams(RecordingState& state);
  base::Status read_removed(RecordingState& state);
  base::Status count_quarantined(RecordingState& state);
  // False: `step`, the chunks that are left of the step, was not enough.
  base::Result<bool> look_at(const base::Uuid& athlete, const Question& question, std::size_t step, HeldLeft& left);
  base::Status read_owner(const base::Uuid& athlete, Held& held);
  base::Result<bool> read_held_chunks(const Question& question, std::size_t& step, HeldLeft& left);
  base::Result<bool> read_gone(std::size_t& step, HeldLeft& left);
  base::Result<bool> go_on(std::string_view sql, std::size_t& step, HeldLeft& left,
                           const std::function<void(const sql::Statement&)>& take);

  sql::Connection connection_;
  segments::ChunkStore* store_ = nullptr;
  std::vector<LostBody> lost_;
};

}  // namespace boathouse::ledger
