#include "server/ledger/ledger.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <iterator>
#include <memory>
#include <utility>

#include "core/base/pool.hpp"
#include "server/ledger/bodies.hpp"
#include "server/ledger/committer.hpp"
#include "server/ledger/epoch.hpp"
#include "server/ledger/lead.hpp"
#include "server/ledger/reader.hpp"
#include "server/ledger/readers.hpp"
#include "server/ledger/schema.hpp"
#include "server/sql/checkpointer.hpp"
#include "server/sql/migrations.hpp"

namespace boathouse::ledger {
namespace {

using base::Result;
using base::Status;

constexpr std::chrono::seconds kCheckedWithin{3};
// A WAL that begins anew is written where it lies; what is cut off would have to be allocated again.
constexpr std::int64_t kKeptWalBytes = std::int64_t{96} << 20;
constexpr std::size_t kEntryOverhead = sizeof(Entry) + sizeof(wire::ItemResult);

class SqlLedger final : public Ledger, public Bodies {
  using ReaderPool = base::Pool<Reader>;

  template <typename Read>
  auto read(Read read) -> decltype(read(std::declval<Reader&>())) {
    return this->read(for_calls_, std::move(read));
  }

  template <typename Read>
  auto read(ReaderPool& readers, Read read) -> decltype(read(std::declval<Reader&>())) {
    std::vector<LostBody> lost;
    auto answer = [&]() -> decltype(read(std::declval<Reader&>())) {
      const auto reader = readers.take();
      const std::int64_t known_seq = epoch_.seen_seq();
      const auto snapshot = reader->snapshot();
      if (!snapshot) {
        return snapshot.error();
      }
      BOATHOUSE_TRY(reader->check(epoch_, known_seq));
      reader->use(segments_);
      auto found = read(*reader);
      lost = reader->take_lost();
      return found;
    }();
    if (!lost.empty()) {
      // Nobody waits: when it fails now, the next reader finds the same.
      (void)committer_.post(
          base::Uuid{}, [lost](Writer& writer) { return lose(writer, lost); }, [](const Status&) {}, 0);
    }
    return answer;
  }

  static Status lose(Writer& writer, std::span<const LostBody> bodies) {
    for (const LostBody& body : bodies) {
      BOATHOUSE_TRY(writer.lose_body(body.server_seq, body.reason));
    }
    return {};
  }

  // What the committer's thread found in its transaction.
  template <typename Found, typename Work>
  Result<Found> ask(Work work) {
    Found answer{};
    BOATHOUSE_TRY(committer_.run([&](Writer& writer) -> Status {
      auto found = work(writer);
      if (!found) {
        return found.error();
      }
      answer = std::move(*found);
      return {};
    }));
    return answer;
  }

 public:
  SqlLedger(sql::Connection writing, std::unique_ptr<sql::Checkpointer> checkpointer, Readers readers,
            sql::Connection leading, const Seen& found, const Options& options, base::Clock& clock)
      : epoch_(found, options.seen, {options.on_other_epoch, options.on_went_back}),
        purge_without_backup_(options.purge_without_backup),
        held_bounds_(options.held),
        on_answer_time_(options.on_answer_time),
        check_key_(options.check_key),
        clock_(clock),
        lead_(std::move(leading), std::chrono::milliseconds(options.place.patience_ms / 5)),
        for_calls_(std::move(readers.for_calls)),
        for_upkeep_(std::move(readers.for_upkeep)),
        for_watch_(std::move(readers.for_watch)),
        checkpointer_(std::move(checkpointer)),
        committer_(std::move(writing), epoch_, clock, {options.max_queued_bytes, options.max_queued_bytes_of_a_key},
                   {options.on_commit_time, options.on_forgotten_events}, options.steady_now) {}

  std::string epoch() override { return epoch_.text(); }

  Seen seen() override { return {epoch_.text(), epoch_.seen_seq()}; }

  std::optional<WentBack> went_back() override { return epoch_.went_back(); }

  void submit(Submission submission, Completion done) override {
    std::size_t bytes = 0;
    for (const Entry& entry : submission.entries) {
      bytes += kEntryOverhead + entry.body.size();
    }
    struct Pending {
      Submission submission;
      Completion done;
      std::vector<wire::ItemResult> results;
      Status may_store;
    };
    const base::Uuid key = submission.key.value_or(submission.athlete);
    const auto pending = std::make_shared<Pending>(Pending{std::move(submission), std::move(done), {}, {}});
    const Status queued = committer_.post(
        key,
        [this, pending](Writer& writer) -> Status {
          const auto& asked = pending->submission.key;
          pending->may_store = check_key_ && asked ? check_key_(*asked) : Status();
          if (!pending->may_store) {
            return {};  // which ends nobody else's transaction
          }
          auto results = writer.apply(pending->submission);
          if (!results) {
            return results.error();
          }
          pending->results = std::move(*results);
          return {};
        },
        [this, pending, begun = std::chrono::steady_clock::now()](const Status& status) {
          ++submissions_;
          if (on_answer_time_) {
            on_answer_time_(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
          }
          if (status && pending->may_store) {
            pending->done(std::move(pending->results));
          } else {
            pending->done(status ? pending->may_store.error() : status.error());
          }
        },
        bytes);
    if (!queued) {
      pending->done(queued.error());
    }
  }

  void stop() override { committer_.stop(); }

  bool shared() const override { return lead_.shared(); }

  Result<bool> leads() override { return lead_.ask(); }

  Result<std::optional<LoadBlock>> next_block(std::uint64_t max_records, std::size_t max_bytes, std::int64_t after,
                                              std::optional<std::int64_t> before) override {
    while (true) {
      const auto plan =
          read(for_upkeep_, [&](Reader& reader) { return reader.next_block(max_records, max_bytes, after, before); });
      if (!plan) {
        return plan.error();
      }
      if (!*plan) {
        return std::optional<LoadBlock>();
      }
      std::int64_t block_id = (*plan)->block_id;
      if (block_id == 0) {
        const auto made = ask<std::int64_t>([&plan](Writer& writer) { return writer.make_block(**plan); });
        if (!made) {
          return made.error();
        }
        block_id = *made;
      }
      if (block_id == 0) {
        continue;
      }
      auto block = read(for_upkeep_, [block_id](Reader& reader) { return reader.block(block_id); });
      if (block) {
        return std::optional(std::move(*block));
      }
      // A purge between the two has dissolved it: there is another, or none.
      if (block.error().code != base::ErrorCode::not_found) {
        return block.error();
      }
    }
  }

  Status finish_block(std::int64_t block_id) override {
    return committer_.run([block_id](Writer& writer) { return writer.finish_block(block_id); });
  }

  Result<std::uint64_t> load_again(const base::Uuid& rec_id, rowing::Stream stream) override {
    return ask<std::uint64_t>([&](Writer& writer) { return writer.load_recording_again(rec_id, stream); });
  }

  Status write_session_again(const base::Uuid& rec_id) override {
    return committer_.run([&rec_id](Writer& writer) { return writer.write_session_again(rec_id); });
  }

  Result<std::vector<DirtySession>> dirty_sessions(std::size_t limit) override {
    return read(for_upkeep_, [limit](Reader& reader) { return reader.dirty_sessions(limit); });
  }

  Result<SessionsAround> sessions_around(const base::Uuid& rec_id) override {
    return read([&rec_id](Reader& reader) { return reader.sessions_around(rec_id); });
  }

  Status sessions_written(std::span<const DirtySession> sessions) override {
    if (sessions.empty()) {
      return {};
    }
    return committer_.run([sessions](Writer& writer) { return writer.sessions_written(sessions); });
  }

  Result<std::vector<Event>> events(std::size_t limit) override {
    return read(for_upkeep_, [limit](Reader& reader) { return reader.events(limit); });
  }

  Status events_told(std::int64_t up_to) override {
    return committer_.run([up_to](Writer& writer) { return writer.events_told(up_to); });
  }

  void on_commit(std::function<void()> wake) override { committer_.on_commit(std::move(wake)); }

  Result<std::optional<RecordingState>> recording(const base::Uuid& rec_id) override {
    return read([&rec_id](Reader& reader) { return reader.recording(rec_id); });
  }

  Result<DataVersion> data_version(const base::Uuid& athlete) override {
    return read([&](Reader& reader) { return reader.data_version(athlete); });
  }

  Result<std::optional<Trail>> trail(std::optional<base::Uuid> athlete, const base::Uuid& rec_id) override {
    return read([&](Reader& reader) { return reader.trail(athlete, rec_id); });
  }

  Result<std::vector<RecordingState>> recordings(std::optional<base::Uuid> athlete, std::optional<base::Uuid> after,
                                                 std::size_t limit) override {
    std::vector<RecordingState> states;
    while (true) {
      // Other calls have their turn between the steps.
      auto some = read([&](Reader& reader) {
        return reader.recordings(athlete, after, limit - states.size(), held_bounds_.step_chunks);
      });
      if (!some) {
        return some.error();
      }
      std::ranges::move(some->states, std::back_inserter(states));
      if (!some->more) {
        return states;
      }
      after = states.back().rec_id;
    }
  }

  Result<std::vector<base::Uuid>> athletes(std::optional<base::Uuid> after, std::size_t limit) override {
    return read([&](Reader& reader) { return reader.athletes(after, limit); });
  }

  Result<std::vector<LoadItem>> chunks(const base::Uuid& rec_id, rowing::Stream stream) override {
    return read([&](Reader& reader) { return reader.chunks(rec_id, stream); });
  }

  Result<Counts> counts() override {
    auto counts = read(for_watch_, [](Reader& reader) { return reader.counts(); });
    if (counts) {
      counts->submissions = submissions_;
      counts->commits = committer_.commits();
      counts->queued_bytes = committer_.queued_bytes();
    }
    return counts;
  }

  Result<Gauges> gauges() override {
    return read(for_watch_, [](Reader& reader) { return reader.gauges(); });
  }

  Result<Cohorts> cohorts() override {
    return read(for_watch_, [this](Reader& reader) { return reader.cohorts(clock_.utc_ms()); });
  }

  Result<Changed> changed_recordings(const DirtySession& after, std::size_t limit) override {
    return read(for_upkeep_, [&](Reader& reader) { return reader.changed_recordings(after, limit); });
  }

  Result<HelloState> hello(const Hello& hello) override {
    return ask<HelloState>([&](Writer& writer) { return writer.hello(hello); });
  }

  Result<std::int64_t> purge_safe_seq() override {
    return read(
        [this](Reader& reader) { return purge_without_backup_ ? reader.newest_seq() : reader.backed_up_seq(); });
  }

  Result<std::optional<std::int64_t>> first_lacking_seq(const base::Uuid& athlete) override {
    return read([&athlete](Reader& reader) { return reader.first_lacking_seq(athlete); });
  }

  Result<FeedPage> changes(const base::Uuid& athlete, std::int64_t since, std::size_t limit,
                           std::size_t max_bytes) override {
    return read([&](Reader& reader) { return reader.changes(athlete, since, limit, max_bytes); });
  }

  Result<std::vector<Held>> held(const base::Uuid& athlete, std::span<const Question> questions,
                                 std::size_t max_ranges) override {
    HeldLeft left{max_ranges, held_bounds_.chunks};
    std::vector<Held> answers;
    answers.reserve(questions.size());
    while (answers.size() < questions.size()) {
      const auto rest = questions.subspan(answers.size());
      // Other calls have their turn between the steps.
      auto some = read([&](Reader& reader) { return reader.held(athlete, rest, held_bounds_, left); });
      if (!some) {
        return some.error();
      }
      std::ranges::move(*some, std::back_inserter(answers));
    }
    return answers;
  }

  Result<FoundChunk> chunk(const base::Uuid& athlete, const base::Uuid& rec_id, rowing::Stream stream,
                           const wire::Range& range) override {
    return read([&](Reader& reader) { return reader.chunk(athlete, rec_id, stream, range); });
  }

  Status remove(const Removal& removal) override {
    return committer_.run([&removal](Writer& writer) { return writer.remove(removal); });
  }

  // Mostly there is nothing, and no transaction is needed to know.
  Result<bool> drop_some(std::size_t limit) override {
    const auto waits = read([](Reader& reader) { return reader.has_to_drop(); });
    if (!waits || !*waits) {
      return waits;
    }
    return ask<bool>([&](Writer& writer) { return writer.drop_some(limit, {}); });
  }

  Result<std::vector<RowsToErase>> rows_to_erase(std::size_t limit) override {
    return read(for_upkeep_, [limit](Reader& reader) { return reader.rows_to_erase(limit); });
  }

  Status rows_erased(std::span<const std::int64_t> server_seqs) override {
    return committer_.run([&](Writer& writer) { return writer.rows_erased(server_seqs); });
  }

  Status set_retention_rule(const RetentionRule& rule, const std::optional<base::Uuid>& key) override {
    return committer_.run([&](Writer& writer) { return writer.set_rule(rule, key); });
  }

  Result<std::vector<RetentionRule>> retention_rules() override {
    return read([](Reader& reader) { return reader.retention_rules(); });
  }

  Status set_legal_hold(const LegalHold& hold, const std::optional<base::Uuid>& key) override {
    return committer_.run([&](Writer& writer) { return writer.set_hold(hold, key); });
  }

  Status release_legal_hold(const std::string& scope, const std::optional<base::Uuid>& key) override {
    return committer_.run([&](Writer& writer) { return writer.release_hold(scope, key); });
  }

  Result<std::vector<LegalHold>> legal_holds() override {
    return read([](Reader& reader) { return reader.legal_holds(); });
  }

  Result<std::vector<AgedStream>> aged_streams(std::int64_t before_ms, std::optional<base::Uuid> after,
                                               std::size_t limit) override {
    return read(for_upkeep_, [&](Reader& reader) { return reader.aged_streams(before_ms, after, limit); });
  }

  Status apply_plan(std::span<const Retirement> retirements, const std::string& what,
                    const std::optional<base::Uuid>& key) override {
    return committer_.run([&](Writer& writer) { return writer.apply_plan(retirements, what, key); });
  }

  Result<std::vector<Retirement>> retirements(std::size_t limit) override {
    return read(for_upkeep_, [limit](Reader& reader) { return reader.retirements(limit); });
  }

  Result<RetiredCounts> retire(std::span<const Retirement> retirements, std::span<const FiguresToKeep> figures,
                               std::size_t limit, std::int64_t backed_up) override {
    return ask<RetiredCounts>([&](Writer& writer) { return writer.retire(retirements, figures, limit, backed_up); });
  }

  Result<std::int64_t> backed_up_seq() override {
    return read([](Reader& reader) { return reader.backed_up_seq(); });
  }

  Status ask_erasure(const base::Uuid& athlete, std::int64_t due_ms, const std::optional<base::Uuid>& key) override {
    return committer_.run([&](Writer& writer) { return writer.ask_erasure(athlete, due_ms, key); });
  }

  Status take_back_erasure(const base::Uuid& athlete, const std::optional<base::Uuid>& key) override {
    return committer_.run([&](Writer& writer) { return writer.take_back_erasure(athlete, key); });
  }

  Status begin_erasing(const base::Uuid& athlete) override {
    return committer_.run([&](Writer& writer) { return writer.begin_erasing(athlete); });
  }

  Result<bool> erase_some(const base::Uuid& athlete, std::size_t limit) override {
    return ask<bool>([&](Writer& writer) { return writer.erase_some(athlete, limit); });
  }

  Status finish_erasure(const base::Uuid& athlete) override {
    return committer_.run([&](Writer& writer) { return writer.finish_erasure(athlete); });
  }

  Result<std::vector<Erasure>> erasures() override {
    return read([](Reader& reader) { return reader.erasures(); });
  }

  Result<std::vector<TableCount>> rows_of_athlete(const base::Uuid& athlete) override {
    return read([&](Reader& reader) { return reader.rows_of_athlete(athlete); });
  }

  Result<std::int64_t> append_audit(const AuditEntry& entry) override {
    return ask<std::int64_t>([&](Writer& writer) { return writer.append_audit(entry); });
  }

  Result<std::vector<AuditRecord>> audit(std::int64_t after, std::size_t limit, const AuditFilter& filter) override {
    return read([&](Reader& reader) { return reader.audit(after, limit, filter); });
  }

  Result<AuditState> audit_state() override {
    return read([](Reader& reader) { return reader.audit_state(); });
  }

  Status append_outcome(const AuditEntry& outcome, std::int64_t intent) override {
    return committer_.run([&](Writer& writer) { return writer.append_outcome(outcome, intent); });
  }

  Result<std::vector<AuditRecord>> open_intents(std::int64_t up_to) override {
    return read(for_upkeep_, [up_to](Reader& reader) { return reader.open_intents(up_to); });
  }

  Status settle_intents(std::int64_t up_to) override {
    return committer_.run([up_to](Writer& writer) { return writer.settle_intents(up_to); });
  }

  Status note_restore(const std::string& what) override {
    return committer_.run([&what](Writer& writer) { return writer.note_restore(what); });
  }

  Bodies& bodies() override { return *this; }

  void use_segments(segments::ChunkStore& store) override { segments_ = &store; }

  Result<std::vector<MovableBody>> movable(std::uint64_t bytes) override {
    return read(for_upkeep_, [bytes](Reader& reader) { return reader.movable(bytes); });
  }

  Result<std::vector<MovableBody>> in_segment(std::int64_t id) override {
    return read(for_upkeep_, [id](Reader& reader) { return reader.in_segment(id); });
  }

  Result<base::Bytes> body(std::int64_t server_seq) override {
    return read(for_upkeep_, [server_seq](Reader& reader) { return reader.body(server_seq); });
  }

  Result<std::vector<SegmentRow>> segment_rows(std::int64_t after, std::size_t limit) override {
    return read(for_upkeep_, [&](Reader& reader) { return reader.segment_rows(after, limit); });
  }

  Result<std::int64_t> begin_segment(const std::string& key) override {
    return ask<std::int64_t>([&key](Writer& writer) { return writer.begin_segment(key); });
  }

  Status place_bodies(std::int64_t id, std::uint64_t bytes, std::uint64_t bodies,
                      std::span<const segments::Place> places) override {
    return committer_.run([&](Writer& writer) { return writer.place_bodies(id, bytes, bodies, places); });
  }

  Status doom_segment(std::int64_t id) override {
    return committer_.run([id](Writer& writer) { return writer.doom_segment(id); });
  }

  Status forget_segment(std::int64_t id) override {
    return committer_.run([id](Writer& writer) { return writer.forget_segment(id); });
  }

  Status segment_is_well(std::int64_t id) override {
    return committer_.run([id](Writer& writer) { return writer.segment_is_well(id); });
  }

  Status lose_bodies(std::span<const LostBody> bodies) override {
    return committer_.run([bodies](Writer& writer) { return lose(writer, bodies); });
  }

  Result<std::vector<LostBody>> lost(std::size_t limit) override {
    return read(for_upkeep_, [limit](Reader& reader) { return reader.lost(limit); });
  }

  Status body_is_back(std::int64_t server_seq, base::ByteView body) override {
    return committer_.run([&](Writer& writer) { return writer.body_is_back(server_seq, body); });
  }

  Result<BodyCounts> body_counts() override {
    return read(for_watch_, [](Reader& reader) { return reader.body_counts(); });
  }

  // Whoever asks must know soon; the work may end after they have gone.
  Status check() override {
    const auto done = std::make_shared<std::promise<Status>>();
    auto answer = done->get_future();
    BOATHOUSE_TRY(committer_.post(
        base::Uuid{},
        [](Writer& writer) -> Status {
          writer.check();
          return {};
        },
        [done](const Status& status) { done->set_value(status); }, 0));
    if (answer.wait_for(kCheckedWithin) != std::future_status::ready) {
      return base::Error{base::ErrorCode::unavailable,
                         "the ledger has not answered within " + std::to_string(kCheckedWithin.count()) + " s"};
    }
    return answer.get();
  }

 private:
  Epoch epoch_;
  const bool purge_without_backup_;
  const HeldBounds held_bounds_;
  const std::function<void(double)> on_answer_time_;
  const std::function<Status(const base::Uuid&)> check_key_;
  base::Clock& clock_;
  Lead lead_;
  ReaderPool for_calls_;
  ReaderPool for_upkeep_;
  ReaderPool for_watch_;
  std::atomic<segments::ChunkStore*> segments_ = nullptr;
  std::atomic<std::uint64_t> submissions_ = 0;
  std::unique_ptr<sql::Checkpointer> checkpointer_;  // none: on PostgreSQL, or Options says so
  Committer committer_;                              // last: its thread uses the members above until it is stopped
};

}  // namespace

Result<std::unique_ptr<Ledger>> Ledger::open(const Options& options, base::Clock& clock, base::RandomSource& random) {
  sql::Place place = options.place;
  std::unique_ptr<sql::Checkpointer> checkpointer;
  if (options.checkpoints_beside && !place.sqlite_file.empty()) {
    auto started = sql::Checkpointer::start(place.sqlite_file, place.sqlite, {});
    if (!started) {
      return started.error();
    }
    checkpointer = std::move(*started);
    place.sqlite.must_checkpoint = [&beside = *checkpointer](int wal_pages) { return beside.after_commit(wal_pages); };
    place.sqlite.journal_size_limit = kKeptWalBytes;
  }
  auto writing = sql::Connection::open(place);
  if (!writing) {
    return writing.error();
  }
  BOATHOUSE_TRY(sql::migrate(*writing, kSchema));
  const auto found = epoch_of(*writing, random);
  if (!found) {
    return found.error();
  }
  auto readers = open_readers(options.place);
  if (!readers) {
    return readers.error();
  }
  auto leading = sql::Connection::open(options.place);
  if (!leading) {
    return leading.error();
  }
  return std::unique_ptr<Ledger>(std::make_unique<SqlLedger>(
      std::move(*writing), std::move(checkpointer), std::move(*readers), std::move(*leading), *found, options, clock));
}

}  // namespace boathouse::ledger
