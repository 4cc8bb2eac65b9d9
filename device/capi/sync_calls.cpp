// The C ABI's syncing and status.
#include <utility>
#include <vector>

#include "device/capi/http_answer.hpp"
#include "device/capi/sync_handle.hpp"
#include "device/sync/run_log.hpp"
#include "device/sync/word.hpp"

namespace capi = boathouse::capi;
namespace engine = boathouse::sync;  // unistd.h has a sync()
using boathouse::base::Status;
using boathouse::store::Store;

// The C numbers are the C++ ones.
static_assert(static_cast<int>(engine::State::offline) == BOATHOUSE_STATE_OFFLINE);
static_assert(static_cast<int>(engine::State::waiting) == BOATHOUSE_STATE_WAITING);
static_assert(static_cast<int>(engine::State::syncing) == BOATHOUSE_STATE_SYNCING);
static_assert(static_cast<int>(engine::State::up_to_date) == BOATHOUSE_STATE_UP_TO_DATE);
static_assert(static_cast<int>(engine::State::paused) == BOATHOUSE_STATE_PAUSED);
static_assert(static_cast<int>(engine::State::blocked) == BOATHOUSE_STATE_BLOCKED);
static_assert(static_cast<int>(engine::State::needs_auth) == BOATHOUSE_STATE_NEEDS_AUTH);
static_assert(static_cast<int>(engine::Word::storage_low) == BOATHOUSE_WORD_STORAGE_LOW);
static_assert(static_cast<int>(engine::Word::sign_in_needed) == BOATHOUSE_WORD_SIGN_IN_NEEDED);
static_assert(static_cast<int>(engine::Word::paused) == BOATHOUSE_WORD_PAUSED);
static_assert(static_cast<int>(engine::Word::offline) == BOATHOUSE_WORD_OFFLINE);
static_assert(static_cast<int>(engine::Word::syncing) == BOATHOUSE_WORD_SYNCING);
static_assert(static_cast<int>(engine::Word::conflict) == BOATHOUSE_WORD_CONFLICT);
static_assert(static_cast<int>(engine::Word::rejected) == BOATHOUSE_WORD_REJECTED);
static_assert(static_cast<int>(engine::Word::partial) == BOATHOUSE_WORD_PARTIAL);
static_assert(static_cast<int>(engine::Word::limited) == BOATHOUSE_WORD_LIMITED);
static_assert(static_cast<int>(engine::Word::server_away) == BOATHOUSE_WORD_SERVER_AWAY);
static_assert(static_cast<int>(engine::Word::saved_locally) == BOATHOUSE_WORD_SAVED_LOCALLY);
static_assert(static_cast<int>(engine::Word::pending_online) == BOATHOUSE_WORD_PENDING_ONLINE);
static_assert(static_cast<int>(engine::Word::synced) == BOATHOUSE_WORD_SYNCED);
static_assert(static_cast<int>(engine::ErrorDomain::none) == BOATHOUSE_DOMAIN_NONE);
static_assert(static_cast<int>(engine::ErrorDomain::network) == BOATHOUSE_DOMAIN_NETWORK);
static_assert(static_cast<int>(engine::ErrorDomain::http) == BOATHOUSE_DOMAIN_HTTP);
static_assert(static_cast<int>(engine::ErrorDomain::protocol) == BOATHOUSE_DOMAIN_PROTOCOL);
static_assert(static_cast<int>(engine::ErrorDomain::store) == BOATHOUSE_DOMAIN_STORE);

namespace {

template <typename Work>
boathouse_code on_sync(boathouse_sync* one, boathouse_error* error, Work work) noexcept {
  return capi::guarded(error, one == nullptr ? nullptr : &one->handle.device(), [&]() -> Status {
    BOATHOUSE_TRY(capi::need(one, "sync"));
    return work(one->handle);
  });
}

Status check_key(const char* key) {
  return capi::text_of(key).empty() ? Status() : engine::check_key(capi::text_of(key));
}

Status check_callbacks(const boathouse_callbacks* callbacks) {
  BOATHOUSE_TRY(capi::need_struct(callbacks, "callbacks"));
  if (callbacks->send == nullptr) return capi::refused("callbacks: send is NULL");
  if (callbacks->wake == nullptr) return capi::refused("callbacks: wake is NULL");
  return {};
}

// nullopt: no such number.
std::optional<engine::Event> event_of(boathouse_event event) {
  switch (event) {
    case BOATHOUSE_START:
      return engine::Start{};
    case BOATHOUSE_TICK:
      return engine::Tick{};
    case BOATHOUSE_NETWORK_UP:
      return engine::NetworkUp{};
    case BOATHOUSE_NETWORK_DOWN:
      return engine::NetworkDown{};
    case BOATHOUSE_DATA_ADDED:
      return engine::DataAdded{};
    case BOATHOUSE_SYNC_NOW:
      return engine::SyncNow{};
    case BOATHOUSE_FOREGROUND:
      return engine::Foreground{};
    case BOATHOUSE_PAUSE:
      return engine::Pause{};
    case BOATHOUSE_RESUME:
      return engine::Resume{};
    default:
      return std::nullopt;
  }
}

void add_outbox(boathouse_device_status& given, const boathouse::store::StoreStatus& outbox, std::int64_t now_utc_ms) {
  given.recordings = outbox.recordings;
  given.open_recordings = outbox.open_recordings;
  given.records = outbox.records;
  given.open_rows = outbox.open_rows;
  given.pending_recordings = outbox.pending_recordings;
  given.pending_chunks = outbox.pending_chunks;
  given.pending_items = outbox.pending_items;
  given.pending_bytes = outbox.pending_bytes;
  given.oldest_pending_age_ms =
      outbox.oldest_pending_ms == 0 ? -1 : std::max<std::int64_t>(now_utc_ms - outbox.oldest_pending_ms, 0);
  given.refused_items = outbox.refused_items;
  given.unconfirmed_items = outbox.unconfirmed_items;
  given.open_conflicts = outbox.open_conflicts;
}

void add_sync(boathouse_device_status& given, const capi::SyncHandle::Shown& shown, std::int64_t now_ms) {
  const engine::Status& status = shown.status;
  given.state = static_cast<std::int32_t>(status.state);
  given.busy = shown.busy;
  given.runs = status.runs;
  given.run_done_bytes = status.done_bytes;
  given.run_total_bytes = status.total_bytes;
  given.stored_items = status.stored_items;
  given.duplicate_items = status.duplicate_items;
  given.received_changes = status.received_changes;
  given.fetched_chunks = status.fetched_chunks;
  if (status.last_success_ms) given.last_success_age_ms = now_ms - *status.last_success_ms;
  if (status.last_success_utc_ms) given.last_success_utc_ms = *status.last_success_utc_ms;
  if (status.next_try_ms) given.next_try_in_ms = std::max<std::int64_t>(*status.next_try_ms - now_ms, 0);
  given.error_domain = static_cast<std::int32_t>(status.failure.domain);
  given.error_code = status.failure.code;
  if (status.failure.domain == engine::ErrorDomain::store)
    given.error_code = capi::code_of({static_cast<boathouse::base::ErrorCode>(status.failure.code), ""}, nullptr);
  given.error_transient = status.failure.transient;
  capi::put_text(given.reason, sizeof(given.reason), status.reason);
}

}  // namespace

boathouse_code boathouse_sync_new(boathouse_store* store, const char* key, const char* athlete,
                                  const boathouse_callbacks* callbacks, boathouse_sync** sync_out,
                                  boathouse_error* error) {
  capi::put<boathouse_sync*>(sync_out, nullptr);
  return capi::on_store(store, error, [&](capi::Device&, Store&) -> Status {
    BOATHOUSE_TRY(capi::need(sync_out, "sync"));
    BOATHOUSE_TRY(check_callbacks(callbacks));
    BOATHOUSE_TRY(check_key(key));
    const std::string_view label = capi::text_of(athlete);
    BOATHOUSE_TRY(capi::check_utf8(label, "athlete"));
    if (label.empty() || label.size() > boathouse::store::kMaxAthleteLabel)
      return capi::refused("an athlete's label has 1 to 200 bytes");
    *sync_out = new boathouse_sync{{store->device, std::string(capi::text_of(key)), std::string(label), *callbacks}};
    return {};
  });
}

void boathouse_sync_free(boathouse_sync* one) { delete one; }

boathouse_code boathouse_sync_tell(boathouse_sync* one, boathouse_event event, boathouse_error* error) {
  return on_sync(one, error, [&](capi::SyncHandle& handle) -> Status {
    auto known = event_of(event);
    if (!known) return capi::refused("there is no event of this number");
    handle.post(std::move(*known));
    return {};
  });
}

boathouse_code boathouse_sync_set_key(boathouse_sync* one, const char* key, boathouse_error* error) {
  return on_sync(one, error, [&](capi::SyncHandle& handle) -> Status {
    BOATHOUSE_TRY(check_key(key));
    handle.post(engine::KeyChanged{std::string(capi::text_of(key))});
    return {};
  });
}

boathouse_code boathouse_sync_http_response(boathouse_sync* one, uint64_t request_id, int32_t status,
                                            const boathouse_header* headers, size_t header_count, const uint8_t* body,
                                            size_t body_size, boathouse_error* error) {
  return on_sync(one, error, [&](capi::SyncHandle& handle) -> Status {
    auto response = capi::response_of(status, headers, header_count, body, body_size);
    if (!response) return response.error();
    response->request_id = request_id;
    handle.post(std::move(*response));
    return {};
  });
}

boathouse_code boathouse_sync_http_failed(boathouse_sync* one, uint64_t request_id, const char* reason,
                                          boathouse_error* error) {
  return on_sync(one, error, [&](capi::SyncHandle& handle) -> Status {
    BOATHOUSE_TRY(capi::check_utf8(capi::text_of(reason), "reason"));
    handle.post(engine::HttpFailed{request_id, reason == nullptr ? "no answer" : reason});
    return {};
  });
}

boathouse_code boathouse_store_status(boathouse_store* store, boathouse_sync* one, uint64_t disk_free_bytes,
                                      boathouse_device_status* status, boathouse_error* error) {
  return capi::on_store(store, error, [&](capi::Device& device, Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need_struct(status, "status", offsetof(boathouse_device_status, open_conflicts)));
    if (one != nullptr && &one->handle.device() != &device) return capi::refused("the sync is of another store");
    engine::Facts facts;
    auto outbox = opened.status();
    if (!outbox) return outbox.error();
    auto space = opened.space();
    if (!space) return space.error();
    const auto runs = opened.runs();
    if (!runs) return runs.error();
    facts.outbox = std::move(*outbox);
    facts.space = *space;
    facts.disk_free_bytes = disk_free_bytes;
    facts.engine_runs = one != nullptr;

    boathouse_device_status given = BOATHOUSE_INIT(boathouse_device_status);
    given.state = BOATHOUSE_STATE_NEEDS_AUTH;
    given.last_success_utc_ms = engine::last_success_ms(*runs).value_or(-1);
    given.last_success_age_ms = -1;
    given.next_try_in_ms = -1;
    add_outbox(given, facts.outbox, device.clock.utc_ms());
    if (one != nullptr) {
      const capi::SyncHandle::Shown shown = one->handle.shown();
      facts.sync = shown.status;
      add_sync(given, shown, device.clock.monotonic_ms());
    }
    given.word = static_cast<std::int32_t>(engine::word_of(facts));
    capi::give_struct(status, given);
    return {};
  });
}

boathouse_code boathouse_store_log(boathouse_store* store, char** text, boathouse_error* error) {
  capi::put<char*>(text, nullptr);
  return capi::on_store(store, error, [&](capi::Device&, Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need(text, "text"));
    const auto runs = opened.runs();
    if (!runs) return runs.error();
    *text = capi::copy_out(engine::runs_text(*runs));
    return {};
  });
}
