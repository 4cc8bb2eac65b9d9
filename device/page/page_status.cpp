// The status record as the page sees it.
#include <algorithm>
#include <set>

#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "device/page/actions.hpp"
#include "device/page/page.hpp"
#include "device/sync/run_log.hpp"
#include "device/sync/word.hpp"

namespace boathouse::page {
namespace {

using base::JsonWriter;

void write_time(JsonWriter& json, std::string_view key, std::optional<std::int64_t> utc_ms) {
  json.key(key);
  if (utc_ms) {
    json.value(base::format_utc_ms(*utc_ms));
  } else {
    json.null();
  }
}

// Moves whenever a session, its safety or what is written about it may have changed.
std::string mark_of(const sync::Facts& facts) {
  const store::StoreStatus& outbox = facts.outbox;
  const sync::Status& sync = facts.sync;
  std::string mark;
  for (const std::uint64_t number :
       {outbox.recordings, outbox.open_recordings, outbox.items, outbox.pending_items, outbox.refused_items,
        sync.received_changes, sync.fetched_chunks, sync.verified_recordings, facts.space.freeable}) {
    mark += std::to_string(number) + ".";
  }
  return mark + outbox.server_epoch;
}

base::Result<std::uint64_t> refused_sessions(store::Store& store, const store::StoreStatus& outbox) {
  if (outbox.refused_items == 0) return std::uint64_t{0};
  const auto items = store.refused();
  if (!items) return items.error();
  std::set<base::Uuid> sessions;
  for (const store::RefusedItem& item : *items) sessions.insert(item.rec_id);
  return std::uint64_t{sessions.size()};
}

}  // namespace

std::uint64_t Page::backlog_since_empty(const store::StoreStatus& outbox) {
  const std::lock_guard lock(mutex_);
  if (outbox.pending_items == 0) backlog_ = 0;
  backlog_ = std::max(backlog_, outbox.pending_recordings);
  return backlog_;
}

// Of this process, else the log knows an earlier one's.
std::optional<std::int64_t> Page::last_success_ms(const sync::Status& sync) {
  if (sync.last_success_utc_ms) return sync.last_success_utc_ms;
  const std::lock_guard lock(mutex_);
  if (!log_read_) {
    if (const auto runs = tools_.store.runs()) logged_success_ms_ = sync::last_success_ms(*runs);
    log_read_ = true;
  }
  return logged_success_ms_;
}

base::Result<std::string> Page::status(const Question&) {
  BOATHOUSE_TRY(tools_.store.check_there());
  sync::Facts facts;
  facts.sync = controls_.status();
  const auto outbox = tools_.store.status();
  if (!outbox) return outbox.error();
  facts.outbox = *outbox;
  const auto space = tools_.store.space();
  if (!space) return space.error();
  facts.space = *space;
  facts.disk_free_bytes = controls_.disk_free_bytes();
  const std::string mark = mark_of(facts);
  const auto refused = refused_sessions(tools_.store, *outbox);
  if (!refused) return refused.error();
  const std::uint64_t backlog = backlog_since_empty(*outbox);

  const std::int64_t now = tools_.clock.utc_ms();
  const std::int64_t since_boot = tools_.clock.monotonic_ms();
  std::optional<std::int64_t> next_try_ms = facts.sync.next_try_ms;
  if (next_try_ms) *next_try_ms += now - since_boot;
  std::optional<std::int64_t> paused_ms;
  if (facts.sync.state == sync::State::paused) {
    const std::lock_guard lock(mutex_);
    paused_ms = paused_ms_;
  }
  const auto rowing = controls_.rowing();
  const std::int64_t age_ms = outbox->oldest_pending_ms > 0 ? now - outbox->oldest_pending_ms : 0;

  std::string out;
  JsonWriter json(out);
  json.begin_object().key("word").value(sync::name(sync::word_of(facts)));
  json.key("state").value(sync::name(facts.sync.state)).key("reason").value(facts.sync.reason);
  json.key("now").value(base::format_utc_ms(now));
  json.key("sessions").value(outbox->recordings).key("pending_recordings").value(outbox->pending_recordings);
  json.key("pending_items").value(outbox->pending_items).key("pending_bytes").value(outbox->pending_bytes);
  json.key("oldest_pending_s").value(std::max<std::int64_t>(age_ms, 0) / 1000);
  json.key("refused_sessions").value(*refused).key("conflicts").value(facts.outbox.open_conflicts);
  json.key("rowing");
  if (rowing) {
    json.value(session_id(*rowing));
  } else {
    json.null();
  }
  json.key("tries").value(facts.sync.consecutive_failures);
  write_time(json, "next_try_at", next_try_ms);
  write_time(json, "last_success_at", last_success_ms(facts.sync));
  write_time(json, "paused_at", paused_ms);
  json.key("last_error").value(facts.sync.last_error);
  json.key("progress").begin_object().key("done").value(backlog - outbox->pending_recordings);
  json.key("total").value(backlog);
  json.key("done_bytes").value(facts.sync.done_bytes).key("total_bytes").value(facts.sync.total_bytes);
  json.end_object().key("space").begin_object();
  write_space(json, *space);
  json.key("disk_free").value(facts.disk_free_bytes).end_object();
  json.key("list").value(mark).end_object();
  return out;
}

}  // namespace boathouse::page
