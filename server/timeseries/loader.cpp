#include "server/timeseries/loader.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "server/timeseries/blocks.hpp"
#include "server/timeseries/schema.hpp"
#include "server/timeseries/session_summary.hpp"

namespace boathouse::timeseries {

using std::chrono::milliseconds;

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
    if (ledger_.shared()) {
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
  return *leads ? drain() : base::Status();
}

base::Status Loader::drain() {
  if (!migrated_) {
    BOATHOUSE_TRY(migrate(client_, options_.cluster));
    migrated_ = true;
  }
  BOATHOUSE_TRY(load_blocks());
  return write_sessions();
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

base::Status Loader::write_sessions() {
  constexpr std::size_t kAtOnce = 200;
  while (true) {
    const auto dirty = ledger_.dirty_sessions(kAtOnce);
    if (!dirty) return dirty.error();
    std::vector<ledger::RecordingState> recordings;
    for (const auto& [rec_id, up_to_seq] : *dirty) {
      auto recording = ledger_.recording(rec_id);
      if (!recording) return recording.error();
      if (*recording) recordings.push_back(std::move(**recording));
    }
    BOATHOUSE_TRY(timeseries::write_sessions(client_, recordings));
    BOATHOUSE_TRY(ledger_.sessions_written(*dirty));
    if (dirty->size() < kAtOnce) return base::Done{};
  }
}

}  // namespace boathouse::timeseries
