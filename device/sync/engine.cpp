// The engine's events, its waiting and its failing; the names and the step itself.
#include "device/sync/engine.hpp"

#include <algorithm>

#include "core/base/planted.hpp"
#include "core/wire/offer.hpp"
#include "device/sync/machine.hpp"

namespace boathouse::sync {

void Machine::on(const Start&) {
  state_.started = true;
  next();
}

void Machine::on(const Tick&) {
  if (status_.next_try_ms && now() >= *status_.next_try_ms) next();
}

void Machine::on(const NetworkDown&) {
  state_.online = false;
  if (state_.phase == Phase::idle) next();
}

void Machine::on(const NetworkUp&) {
  if (state_.online) return;
  state_.online = true;
  if (status_.obstacle == Obstacle::no_network) status_.obstacle = Obstacle::none;
  clear_delay();
  next();
}

void Machine::on(const Foreground&) {
  clear_delay();
  next();
}

// Not per flap: tries stay kMinTryMs apart.
void Machine::clear_delay() {
  const std::int64_t earliest = state_.last_try_ms ? *state_.last_try_ms + kMinTryMs : now();
  state_.soft_until_ms = std::min(state_.soft_until_ms, std::max(earliest, now()));
}

void Machine::on(const DataAdded&) {
  state_.data_added = true;
  next();
}

void Machine::on(const SyncNow&) {
  state_.key_refused = false;
  state_.hello_due = true;
  state_.soft_until_ms = now();
  state_.verify_at_ms = now();
  next();
}

void Machine::on(const KeyChanged& event) {
  state_.key = event.key;
  on(SyncNow{});
}

void Machine::on(const Pause&) {
  state_.paused = true;
  next();
}

void Machine::on(const Resume&) {
  state_.paused = false;
  next();
}

void Machine::on(const Stored&) {
  if (state_.phase != Phase::storing) return;
  state_.phase = Phase::idle;
  status_.stored_items += state_.tally.stored;
  status_.duplicate_items += state_.tally.duplicate;
  status_.mismatched_items += state_.tally.mismatched;
  status_.rejected_items += state_.tally.rejected;
  status_.received_changes += state_.tally.changes;
  status_.fetched_chunks += state_.tally.chunks;
  status_.verified_recordings += state_.tally.verified;
  state_.tally = {};
  status_.consecutive_failures = 0;
  status_.last_success_ms = now();
  status_.last_success_utc_ms = moment_.utc_ms;
  status_.last_error.clear();
  status_.failure = {};
  status_.obstacle = now() < std::max(state_.soft_until_ms, state_.hard_until_ms) ? Obstacle::limited : Obstacle::none;
  if (state_.call == Call::batch) grow_batches();
  next();
}

void Machine::on(const StoreFailed& event) {
  if (state_.phase != Phase::loading && state_.phase != Phase::storing) return;
  const bool fetched = state_.phase == Phase::storing && state_.call == Call::fetch;
  state_.phase = Phase::idle;
  state_.tally = {};
  // A chunk of other content than the directory says must not hold back the others.
  const base::ErrorCode code = event.error.code;
  const bool of_the_disk = code == base::ErrorCode::io || code == base::ErrorCode::no_room;
  if (fetched && !of_the_disk) {
    state_.deferred_items[state_.fetching] = now() + kOversizeRetryMs;
  }
  // What a server said of another account or place in the feed is sorted out by the next hello.
  if (state_.call == Call::changes || state_.call == Call::hello) state_.hello_due = true;
  blame(ErrorDomain::store, static_cast<int>(code), of_the_disk || code == base::ErrorCode::unavailable);
  fail(State::blocked, Obstacle::store, "this device's store: " + event.error.text);
}

// random(0, min(cap, base * 2^tries)): full jitter, so that a crowd of devices does not come back at once.
std::int64_t Machine::backoff_ms(std::uint64_t tries) const {
  const std::uint64_t doublings = std::min<std::uint64_t>(tries, 20);
  const std::int64_t ceiling = std::min(state_.retry_cap_ms, state_.retry_base_ms << doublings);
  return static_cast<std::int64_t>(moment_.random % static_cast<std::uint64_t>(ceiling + 1));
}

// An answer that brought nothing forward.
void Machine::slow_down() { state_.soft_until_ms = now() + backoff_ms(state_.slow_downs++); }

void Machine::show(State shown, std::string reason) {
  status_.state = shown;
  status_.reason = std::move(reason);
  status_.next_try_ms.reset();
}

void Machine::wait(std::int64_t until_ms) {
  status_.next_try_ms = until_ms;
  commands_.emplace_back(WaitUntil{until_ms});
}

// What there is left to do, as of the last look at the store.
void Machine::measure(std::uint64_t to_do_bytes) {
  state_.to_do_bytes = to_do_bytes;
  if (state_.resting) return;
  if (to_do_bytes > status_.total_bytes - status_.done_bytes) {
    status_.total_bytes = status_.done_bytes + to_do_bytes;
  } else {
    status_.done_bytes = status_.total_bytes - to_do_bytes;
  }
}

// Looks for work, or says why not.
void Machine::next() {
  if (!state_.started || state_.phase != Phase::idle) return;
  if (state_.paused) return show(State::paused, "paused by you");
  if (state_.key.empty()) return show(State::needs_auth, "signed out; everything is kept on this device");
  if (!state_.online) return show(State::offline, "there is no network");
  if (state_.key_refused) return show(State::needs_auth, status_.last_error);
  const std::int64_t until = std::max(state_.soft_until_ms, state_.hard_until_ms);
  if (now() < until) {
    State shown = status_.state == State::blocked ? State::blocked : State::waiting;
    if (status_.obstacle == Obstacle::no_network) shown = State::offline;
    show(shown, status_.last_error.empty() ? "until the server may be asked again" : status_.last_error);
    return wait(until);
  }

  Load load;
  load.query.max_bytes = state_.batch_bytes;
  load.query.max_items = state_.batch_items;
  load.query.athlete = state_.athlete;
  std::erase_if(state_.deferred_items, [&](const auto& entry) { return entry.second <= now(); });
  std::erase_if(state_.deferred_recordings, [&](const auto& entry) { return entry.second <= now(); });
  for (const auto& [id, until_ms] : state_.deferred_items) load.query.skip_items.insert(id);
  load.query.skip_items.insert(state_.held.begin(), state_.held.end());
  if (state_.offer_due) load.max_ranges = wire::kMaxOfferRanges;
  for (const auto& [id, until_ms] : state_.deferred_recordings) load.query.skip_recordings.insert(id);
  state_.phase = Phase::loading;
  state_.data_added = false;
  commands_.emplace_back(std::move(load));
}

void Machine::fail(State shown, Obstacle obstacle, const std::string& error, std::int64_t least_pause_ms) {
  state_.in_flight.clear();
  ++status_.failed_requests;
  ++status_.consecutive_failures;
  status_.last_error = error;
  status_.obstacle = obstacle;
  state_.soft_until_ms = now() + std::max(least_pause_ms, backoff_ms(status_.consecutive_failures - 1));
  if (state_.paused || state_.key.empty() || !state_.online) return next();
  show(shown, error);
  if (base::planted(base::Plant::idle_after_failure)) return;
  if (shown != State::needs_auth) wait(std::max(state_.soft_until_ms, state_.hard_until_ms));
}

std::string_view name(State state) {
  switch (state) {
    case State::offline:
      return "offline";
    case State::waiting:
      return "waiting";
    case State::syncing:
      return "syncing";
    case State::up_to_date:
      return "up_to_date";
    case State::paused:
      return "paused";
    case State::blocked:
      return "blocked";
    case State::needs_auth:
      return "needs_auth";
  }
  return "";
}

std::string_view name(ErrorDomain domain) {
  switch (domain) {
    case ErrorDomain::none:
      return "none";
    case ErrorDomain::network:
      return "network";
    case ErrorDomain::http:
      return "http";
    case ErrorDomain::protocol:
      return "protocol";
    case ErrorDomain::store:
      return "store";
  }
  return "";
}

EngineState make_engine(const store::Identity& identity, std::string key, std::string athlete) {
  EngineState state;
  state.identity = identity;
  state.key = std::move(key);
  state.athlete = std::move(athlete);
  return state;
}

Step step(EngineState state, const Event& event, const Moment& moment) {
  Step result{std::move(state), {}};
  const Status before = result.state.status;
  Machine machine(result.state, moment, result.commands);
  std::visit([&](const auto& one) { machine.on(one); }, event);
  const Status& now = result.state.status;
  const bool tries_again = now.consecutive_failures > 0 && now.next_try_ms;
  if (result.state.phase == Phase::idle && !tries_again) result.state.resting = true;
  if (!(result.state.status == before)) {
    result.commands.emplace_back(StatusChanged{result.state.status});
  }
  return result;
}

}  // namespace boathouse::sync
