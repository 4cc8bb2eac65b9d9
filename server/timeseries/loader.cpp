#include "server/timeseries/loader.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include "core/rowing/session_figures.hpp"
#include "server/timeseries/blocks.hpp"
#include "server/timeseries/schema.hpp"
#include "server/timeseries/session_summary.hpp"

namespace boathouse::timeseries {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t kIdsAtOnce = 1000;

// Those of each recording once: an edit may have marked several of one session. Takes what is too much at once off the
// end of `recordings`.
base::Result<std::vector<ledger::SessionsAround>> sessions_around(
    ledger::Ledger& ledger, std::vector<ledger::Ledger::DirtySession>& recordings) {
  std::vector<ledger::SessionsAround> all;
  std::set<base::Uuid> covered;  // not what links only name: that can be somebody else's
  std::size_t ids = 0;
  std::size_t taken = 0;
  for (; taken < recordings.size() && ids < kIdsAtOnce; ++taken) {
    if (covered.contains(recordings[taken].rec_id)) continue;
    auto around = ledger.sessions_around(recordings[taken].rec_id);
    if (!around) return around.error();
    ids += around->ids.size();
    for (const ledger::SessionState& session : around->sessions) {
      for (const ledger::RecordingState& recording : session.recordings) covered.insert(recording.rec_id);
    }
    all.push_back(std::move(*around));
  }
  recordings.resize(taken);
  return all;
}

}  // namespace

Loader::Loader(ledger::Ledger& ledger, ClickHouseClient& client, Options options,
               std::function<void(std::string_view)> log)
    : ledger_(ledger), client_(client), options_(options), log_(std::move(log)) {}

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
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, milliseconds(pause_ms), [this] { return stopping_ || retry_now_; });
    if (stopping_) break;
    woken_ = false;
    retry_now_ = false;
    lock.unlock();
    const base::Status status = round();
    lock.lock();
    if (!status) {
      if (healthy_.exchange(false) || pause_ms == 0) log_("loading into ClickHouse failed: " + status.error().text);
      pause_ms = std::clamp<std::int64_t>(pause_ms * 2, options_.live_pause_ms, options_.max_back_off_ms);
      continue;
    }
    if (!healthy_.exchange(true)) log_("loading into ClickHouse works");
    const auto something = [this] { return stopping_ || woken_; };
    if (may_have_old_sessions_) {
      changed_.wait_for(lock, milliseconds(options_.old_sessions_pause_ms), something);
    } else if (ledger_.shared()) {
      changed_.wait_for(lock, milliseconds(options_.live_pause_ms), something);  // another node may have stored it
    } else {
      changed_.wait(lock, something);
    }
    pause_ms = options_.live_pause_ms;
  }
}

base::Status Loader::round() {
  const auto leads = ledger_.leads();
  if (!leads) return leads.error();
  if (!*leads) return base::Done{};
  BOATHOUSE_TRY(drain());
  if (!may_have_old_sessions_) return base::Done{};
  const auto more = renew_old_sessions();
  if (!more) return more.error();
  may_have_old_sessions_ = *more;
  return base::Done{};
}

base::Status Loader::drain() {
  if (!migrated_) {
    BOATHOUSE_TRY(migrate(client_, options_.cluster));
    migrated_ = true;
  }
  // What comes in meanwhile waits for a page of sessions, not for all.
  while (true) {
    BOATHOUSE_TRY(load_blocks());
    const auto more = write_some_sessions();
    if (!more) return more.error();
    if (!*more || stopping()) return base::Done{};
  }
}

bool Loader::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

base::Status Loader::load_blocks() {
  while (true) {
    const auto block = ledger_.next_block(options_.max_block_records, options_.max_block_bytes);
    if (!block) return block.error();
    if (!*block) return base::Done{};
    const auto insert = make_insert(**block);
    if (!insert) return insert.error();
    BOATHOUSE_TRY(client_.insert(insert->sql, insert->native, (*block)->token));
    BOATHOUSE_TRY(ledger_.finish_block((*block)->block_id));
  }
}

// False: no more are waiting.
base::Result<bool> Loader::write_some_sessions() {
  constexpr std::size_t kAtOnce = 200;
  auto dirty = ledger_.dirty_sessions(kAtOnce);
  if (!dirty) return dirty.error();
  const std::size_t found = dirty->size();
  const auto sessions = sessions_around(ledger_, *dirty);
  if (!sessions) return sessions.error();
  BOATHOUSE_TRY(write_sessions(client_, *sessions));
  BOATHOUSE_TRY(ledger_.sessions_written(*dirty));
  return found == kAtOnce || dirty->size() < found;
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
  const auto sessions = sessions_around(ledger_, found);
  if (!sessions) return sessions.error();
  BOATHOUSE_TRY(write_sessions(client_, *sessions));
  renewed_up_to_ = found.back().rec_id;
  return true;
}

}  // namespace boathouse::timeseries
