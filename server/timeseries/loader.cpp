#include "server/timeseries/loader.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <exception>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "core/rowing/session_figures.hpp"
#include "core/wire/chunk.hpp"
#include "server/ledger/bodies.hpp"
#include "server/ledger/body_mover.hpp"
#include "server/timeseries/blocks.hpp"
#include "server/timeseries/engine_process.hpp"
#include "server/timeseries/eraser.hpp"
#include "server/timeseries/schema.hpp"
#include "server/timeseries/session_summary.hpp"
#include "server/timeseries/uuid_order.hpp"

namespace boathouse::timeseries {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t kIdsAtOnce = 1000;
// A transaction that others' acknowledgements wait for, and how many of them loading waits for.
constexpr std::size_t kChunksDroppedAtOnce = 1'000;
constexpr int kDropsAtOnce = 20;
constexpr const char* kBeyondTables = "it has records beyond 4294967296, which no query holds; its bytes are here";
static_assert(wire::kMaxStreamRecords == 4'294'967'296);

struct Around {
  std::vector<ledger::SessionsAround> sessions;
  std::map<base::Uuid, std::string> unreadable;  // by the recording that was asked for: why
};

// Those of each recording once: an edit may have marked several of one session. Takes what is too much at once off the
// end of `recordings`: blocks that have come in meanwhile wait for it.
base::Result<Around> sessions_around(ledger::Ledger& ledger, std::vector<ledger::Ledger::DirtySession>& recordings) {
  Around all;
  std::set<base::Uuid> covered;  // not what links only name: that can be somebody else's
  std::size_t ids = 0;
  std::uint64_t records = 0;
  std::size_t taken = 0;
  for (; taken < recordings.size(); ++taken) {
    const base::Uuid& rec_id = recordings[taken].rec_id;
    if (covered.contains(rec_id)) continue;
    if (ids >= kIdsAtOnce || records >= kRecordsAtOnce) break;
    auto around = ledger.sessions_around(rec_id);
    const base::Status can_be_read = around ? check_kept_figures(*around) : base::Status(around.error());
    if (!can_be_read && can_be_read.error().code == base::ErrorCode::corrupt) {
      all.unreadable[rec_id] = can_be_read.error().text;
      continue;
    }
    BOATHOUSE_TRY(can_be_read);
    ids += around->ids.size();
    for (const ledger::SessionState& session : around->sessions) {
      for (const ledger::RecordingState& recording : session.recordings) covered.insert(recording.rec_id);
      records += records_to_read(session);
    }
    all.sessions.push_back(std::move(*around));
  }
  recordings.resize(taken);
  return all;
}

}  // namespace

Loader::Loader(ledger::Ledger& ledger, ClickHouseClient& client, Options options,
               std::function<void(std::string_view)> log)
    : ledger_(ledger),
      client_(client),
      options_(options),
      log_(std::move(log)),
      may_insert_(static_cast<std::ptrdiff_t>(options.inserts_in_flight)) {}

Loader::~Loader() { stop(); }

void Loader::start() {
  thread_ = std::thread([this] { run(); });
}

void Loader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Loader::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Loader::retry_now() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    retry_now_ = true;
  }
  changed_.notify_all();
}

void Loader::run() {
  std::int64_t pause_ms = 0;
  bool strained = false;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, milliseconds(pause_ms), [this] { return stopping_ || retry_now_; });
    if (stopping_) break;
    woken_ = false;
    retry_now_ = false;
    lock.unlock();
    bool threw = false;
    const base::Status status = round(threw);
    lock.lock();
    if (!status) {
      if (healthy_.exchange(false) || pause_ms == 0) log_("loading into ClickHouse failed: " + status.error().text);
      strained = threw || is_overloaded(status.error());
      pause_ms = std::clamp<std::int64_t>(pause_ms * 2, options_.live_pause_ms, options_.max_back_off_ms);
      continue;
    }
    if (!healthy_.exchange(true)) log_("loading into ClickHouse works");
    const auto something = [this] { return stopping_ || woken_; };
    if (may_have_old_sessions_) {
      changed_.wait_for(lock, milliseconds(options_.old_sessions_pause_ms), something);
    } else if (erase_again_ms_ > 0) {
      changed_.wait_for(lock, milliseconds(erase_again_ms_), something);
    } else if (ledger_.shared()) {
      changed_.wait_for(lock, milliseconds(options_.live_pause_ms), something);  // another node may have stored it
    } else {
      changed_.wait(lock, something);
    }
    // Too many parts, or no memory, there or here: what is gathered in a longer pause goes in one insert. It becomes
    // shorter step by step.
    strained = strained && pause_ms / 2 > options_.live_pause_ms;
    pause_ms = strained ? pause_ms / 2 : options_.live_pause_ms;
  }
}

// Nothing runs any more that a block which threw had company in: a future of std::async waits when it goes. What went
// out goes again under its token.
base::Status Loader::round(bool& threw) {
  try {
    return round();
  } catch (const std::exception& exception) {
    threw = true;
    spare_columns_.clear();
    return base::Error{base::ErrorCode::unavailable, std::string("this server threw ") + exception.what()};
  }
}

base::Status Loader::round() {
  const auto leads = ledger_.leads();
  if (!leads) return leads.error();
  if (!*leads) {
    unreadable_.clear();  // from now on another node tries, and tells
    unreadable_count_ = 0;
    return base::Done{};
  }
  // Whether ClickHouse is there or not.
  const auto to_drop = drop_some_purged();
  if (!to_drop) return to_drop.error();
  BOATHOUSE_TRY(prepare());
  const auto left = pass();
  if (!left) return left.error();
  if (*left == Left::little || *to_drop) {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  if (!may_have_old_sessions_) return base::Done{};
  const auto more = renew_old_sessions();
  if (!more) return more.error();
  may_have_old_sessions_ = *more;
  return base::Done{};
}

base::Status Loader::prepare() {
  if (layout_) return base::Done{};
  BOATHOUSE_TRY(migrate(client_, options_.cluster));
  auto layout = layout_of(client_, options_.cluster);
  if (!layout) return layout.error();
  const auto warning = quorum_warning(client_, options_.cluster);
  if (!warning) return warning.error();
  if (!warning->empty()) log_(*warning);
  layout_ = std::move(*layout);
  return base::Done{};
}

// True: there is more.
base::Result<bool> Loader::drop_some_purged() {
  for (int i = 0; i < kDropsAtOnce && !stopping(); ++i) {
    const auto more = ledger_.drop_some(kChunksDroppedAtOnce);
    if (!more || !*more) return more;
  }
  return true;
}

base::Status Loader::drain() {
  BOATHOUSE_TRY(prepare());
  while (true) {
    const auto left = pass();
    if (!left) return left.error();
    if (*left == Left::nothing || stopping()) return base::Done{};
  }
}

// A page of sessions is written beside the blocks that come in meanwhile: they are what a live stream waits for.
base::Result<Loader::Left> Loader::pass() {
  std::future<base::Result<bool>> page;
  while (true) {
    const auto next = std::chrono::steady_clock::now() + milliseconds(options_.live_pause_ms);
    const auto left = load_blocks();
    // Nothing goes while ClickHouse is away. One block that cannot be loaded keeps no others' session rows waiting.
    if (!left && is_transient(left.error())) return left.error();
    if (!page.valid()) page = std::async(std::launch::async, [this] { return write_some_sessions(); });
    if (page.wait_until(next) == std::future_status::timeout && left) continue;
    const auto more = page.get();
    if (!more) {
      // What is to be deleted does not wait for rows that cannot be written.
      if (!is_transient(more.error())) erase_again_ms_ = erase_rows_of_gone();
      return left ? more.error() : left.error();
    }
    if (stopping()) return left;
    if (*more) continue;
    erase_again_ms_ = erase_rows_of_gone();
    return left;
  }
}

// When to look again, 0: nothing is left. What is stored is loaded whether ClickHouse can delete or not.
std::int64_t Loader::erase_rows_of_gone() {
  while (!stopping()) {
    const auto more = erase_some_rows();
    if (!more) {
      if (!std::exchange(erase_failed_, true)) log_("deleting in ClickHouse failed: " + more.error().text);
      return options_.max_back_off_ms;
    }
    erase_failed_ = false;
    if (!*more) break;
  }
  const auto left = ledger_.rows_to_erase(1);
  return left && left->empty() ? 0 : options_.erase_pause_ms;
}

// True: these are gone, and others may wait.
base::Result<bool> Loader::erase_some_rows() {
  const auto rows = ledger_.rows_to_erase(kErasedAtOnce);
  if (!rows) return rows.error();
  if (rows->empty()) return false;
  const auto none_left = erase_rows(client_, *rows, *layout_);
  if (!none_left) return none_left.error();
  if (!*none_left) return false;
  std::vector<std::int64_t> done;
  for (const ledger::RowsToErase& one : *rows) done.push_back(one.server_seq);
  BOATHOUSE_TRY(ledger_.rows_erased(done));
  return true;
}

bool Loader::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

base::Status Loader::insert_in_turn(const std::string& sql, const std::vector<base::ByteView>& native,
                                    const std::string& token) {
  struct Turn {
    explicit Turn(std::counting_semaphore<>& turns) : of(turns) { of.acquire(); }
    ~Turn() { of.release(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    std::counting_semaphore<>& of;
  };
  const Turn turn(may_insert_);
  if (options_.before_insert) options_.before_insert();
  return client_.insert(sql, native, token);
}

// In a thread of its own.
base::Status Loader::load(const ledger::LoadBlock& block) {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kBehindAcknowledgements);  // Linux: of this thread alone
  for (std::size_t first = 0; first < block.items.size();) {
    auto insert = make_insert(block, first, options_.max_insert_bytes, &spare_columns_);
    if (!insert) return insert.error();
    const bool is_whole = insert->items == block.items.size();
    const std::vector<base::ByteView> native(insert->native.begin(), insert->native.end());
    // How much fits in one is this program's matter: another one that goes on must not name other rows the same.
    const std::size_t end = first + insert->items;
    const std::string part = is_whole ? "" : "-" + std::to_string(first) + "-" + std::to_string(end);
    const base::Status inserted = insert_in_turn(insert->sql, native, block.token + part);
    spare_columns_.give_back(std::move(insert->native));
    BOATHOUSE_TRY(inserted);
    first = end;
  }
  return base::Done{};
}

// Of a block that could not be loaded: what is not what was stored is lost (bodies.hpp), and what no table holds counts
// as if it were. True: there was such, the ledger has dissolved the block, and the others go in another one.
base::Result<bool> Loader::lose_damaged(const ledger::LoadBlock& block) {
  std::vector<ledger::LostBody> lost;
  for (const ledger::LoadItem& item : block.items) {
    const bool fits = fits_table(item);
    if (fits && ledger::is_body_of(item.body, item.sha256)) continue;
    lost.push_back({item.server_seq, item.rec_id, item.stream, item.from, item.to, item.sha256,
                    fits ? "what is stored has not the chunk's hash" : kBeyondTables});
  }
  if (lost.empty()) return false;
  BOATHOUSE_TRY(ledger_.bodies().lose_bodies(lost));
  for (const ledger::LostBody& body : lost) {
    log_("loading: lost is recording " + body.rec_id.text() + ", " + std::string(rowing::name(body.stream)) + " " +
         std::to_string(body.from) + "-" + std::to_string(body.to) + ": " + body.reason + " (server_seq " +
         std::to_string(body.server_seq) +
         "); the rest is loaded, docs/operations/segments.md says what brings it back");
  }
  return true;
}

// All that waits when it begins, but not for ever: the first that comes in later is gathered for the next round, for
// many small inserts are what ClickHouse takes worst.
base::Result<Loader::Left> Loader::load_blocks() {
  struct Running {
    std::shared_ptr<const ledger::LoadBlock> block;
    std::future<base::Status> loaded;
  };
  std::deque<Running> running;
  bool dissolved = false;
  const auto finish_oldest = [&]() -> base::Status {
    Running oldest = std::move(running.front());
    running.pop_front();
    base::Status loaded = oldest.loaded.get();
    if (loaded) return ledger_.finish_block(oldest.block->block_id);
    if (is_transient(loaded.error())) return loaded;
    const auto lost = lose_damaged(*oldest.block);
    if (!lost) return lost.error();
    dissolved = dissolved || *lost;
    return *lost ? base::Status() : loaded;
  };

  base::Status status;
  Left left = Left::little;
  const std::int64_t after_all = ledger_.seen().server_seq + 1;  // that waits now
  std::optional<std::int64_t> before;
  std::int64_t newest = 0;
  const auto end = std::chrono::steady_clock::now() + milliseconds(options_.most_loading_ms);
  while (status && !stopping()) {
    // This process may have been frozen since, and another one loads.
    const auto leads = ledger_.leads();
    if (!leads || !*leads) {
      if (!leads) status = leads.error();
      left = Left::nothing;
      break;
    }
    auto block = ledger_.next_block(options_.max_block_records, options_.max_block_bytes, newest, before);
    if (!block || !*block) {
      if (!block) status = block.error();
      if (newest == 0) left = Left::nothing;
      break;
    }
    newest = (*block)->block_id;
    before = after_all;
    if (running.size() > options_.inserts_in_flight + 1) status = finish_oldest();
    if (!status) break;
    const auto taken = std::make_shared<const ledger::LoadBlock>(std::move(**block));
    running.push_back({taken, std::async(std::launch::async, [this, taken] { return load(*taken); })});
    if (std::chrono::steady_clock::now() >= end) break;
  }
  // All that went out is waited for: what is in counts, whatever became of the others.
  while (!running.empty()) {
    const base::Status one = finish_oldest();
    if (status) status = one;
  }
  spare_columns_.clear();
  if (!status) return status.error();
  return dissolved ? Left::little : left;
}

// Sessions that lie beside each other in ClickHouse's tables are read together, whatever else is there: those that have
// waited longest in an order of their own would be all over it, so that each page read most of what is live.
base::Status Loader::make_sweep() {
  constexpr std::size_t kMost = 10'000;
  auto waiting = ledger_.dirty_sessions(kMost + unreadable_.size());
  if (!waiting) return waiting.error();
  sweep_is_all_ = waiting->size() < kMost + unreadable_.size();
  auto dirty = but_unreadable(std::move(*waiting));
  std::ranges::stable_sort(dirty, is_before, &ledger::Ledger::DirtySession::athlete);
  sweep_.assign(std::make_move_iterator(dirty.begin()), std::make_move_iterator(dirty.end()));
  return base::Done{};
}

// False: no more are waiting, but for those that cannot be read.
base::Result<bool> Loader::write_some_sessions() {
  if (sweep_.empty()) BOATHOUSE_TRY(make_sweep());
  const auto end = sweep_.begin() + static_cast<std::ptrdiff_t>(std::min(sweep_.size(), options_.sessions_at_once));
  std::vector<ledger::Ledger::DirtySession> dirty(sweep_.begin(), end);
  const auto around = sessions_around(ledger_, dirty);
  if (!around) {
    sweep_.clear();
    return around.error();
  }
  // Whatever becomes of these: what is not written is still dirty in the ledger.
  sweep_.erase(sweep_.begin(), sweep_.begin() + static_cast<std::ptrdiff_t>(dirty.size()));
  auto unreadable = write_readable(around->sessions);
  if (!unreadable) return unreadable.error();
  unreadable->insert(around->unreadable.begin(), around->unreadable.end());
  std::erase_if(dirty, [&](const ledger::Ledger::DirtySession& session) {
    const auto why = unreadable->find(session.rec_id);
    if (why == unreadable->end()) {
      unreadable_.erase(session.rec_id);
      return false;
    }
    note_unreadable(session, why->second);
    return true;
  });
  unreadable_count_ = unreadable_.size();
  BOATHOUSE_TRY(ledger_.sessions_written(dirty));
  return !sweep_.empty() || !sweep_is_all_;
}

// The rows of those that ClickHouse can read: a damaged part is the trouble of whoever has records in it. Why not, by
// each recording of the others.
base::Result<std::map<base::Uuid, std::string>> Loader::write_readable(std::span<const ledger::SessionsAround> all) {
  std::map<base::Uuid, std::string> damaged;
  const base::Status written = write_sessions(client_, all);
  if (written) return damaged;
  if (!is_damage(written.error())) return written.error();
  for (const ledger::SessionsAround& around : all) {
    const base::Status one = write_sessions(client_, {&around, 1});
    if (one) continue;
    if (!is_damage(one.error())) return one.error();
    for (const base::Uuid& id : around.ids) damaged[id] = one.error().text;
  }
  return damaged;
}

// Those of `dirty` that are to be tried: what could not be read waits until something of it changes, or for a while:
// nobody says so when ClickHouse can read again. `dirty` has all of these, unless they are no longer there, for they
// wait longest.
std::vector<ledger::Ledger::DirtySession> Loader::but_unreadable(std::vector<ledger::Ledger::DirtySession> dirty) {
  const auto now = std::chrono::steady_clock::now();
  const bool again = now - unreadable_tried_ >= milliseconds(options_.unreadable_pause_ms);
  if (again) unreadable_tried_ = now;
  std::map<base::Uuid, std::int64_t> still;
  std::erase_if(dirty, [&](const ledger::Ledger::DirtySession& session) {
    const auto known = unreadable_.find(session.rec_id);
    if (known == unreadable_.end()) return false;
    still.insert(*known);
    return known->second == session.up_to_seq && !again;
  });
  unreadable_ = std::move(still);
  return dirty;
}

void Loader::note_unreadable(const ledger::Ledger::DirtySession& session, const std::string& why) {
  if (!unreadable_.insert_or_assign(session.rec_id, session.up_to_seq).second) return;
  log_("loading: the session of recording " + session.rec_id.text() + " is not written, for it cannot be read: " + why +
       "; others are, docs/operations/runbooks.md (SessionsUnreadable) says what to do");
}

base::Result<bool> Loader::renew_old_sessions() {
  const auto old = client_.select(
      "SELECT session FROM session FINAL WHERE summary_version < {version:UInt32} AND session > {after:UUID}"
      " ORDER BY session LIMIT {limit:UInt64}",
      {{"version", std::to_string(rowing::kFiguresVersion)},
       {"after", renewed_up_to_.text()},
       {"limit", std::to_string(options_.old_sessions_at_once)}});
  if (!old) return old.error();
  if (old->rows == 0) return false;
  std::vector<ledger::Ledger::DirtySession> found;
  for (const base::Uuid& session : old->find("session")->uuids) found.push_back({session, 0});
  const auto around = sessions_around(ledger_, found);
  if (!around) return around.error();
  auto unreadable = write_readable(around->sessions);
  if (!unreadable) return unreadable.error();
  unreadable->insert(around->unreadable.begin(), around->unreadable.end());
  for (const auto& [rec_id, why] : *unreadable) {
    log_("loading: the row of session " + rec_id.text() + " stays as it is: " + why);
  }
  renewed_up_to_ = found.back().rec_id;
  return true;
}

}  // namespace boathouse::timeseries
