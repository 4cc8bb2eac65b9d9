#include "device/sync/engine.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "core/wire/batch.hpp"
#include "core/wire/content_digest.hpp"
#include "device/sync/reply.hpp"
#include "device/sync/retry_after.hpp"

namespace boathouse::sync {
namespace {

// random(0, min(cap, base * 2^tries)): full jitter, so that a crowd of devices does not come back at once.
std::int64_t backoff_ms(std::uint64_t tries, std::uint64_t random) {
  const std::uint64_t doublings = std::min<std::uint64_t>(tries, 20);
  const std::int64_t ceiling = std::min(kBackoffCapMs, kBackoffBaseMs << doublings);
  return static_cast<std::int64_t>(random % static_cast<std::uint64_t>(ceiling + 1));
}

std::string count(std::uint64_t n, std::string_view thing) {
  return std::to_string(n) + " " + std::string(thing) + (n == 1 ? "" : "s");
}

// One step of the engine: handles one event, collects commands.
class Machine {
 public:
  Machine(EngineState& state, const Moment& moment, std::vector<Command>& commands)
      : state_(state), status_(state.status), moment_(moment), commands_(commands) {}

  void on(const Start&) {
    state_.started = true;
    next();
  }
  void on(const Tick&) {
    if (status_.next_try_ms && now() >= *status_.next_try_ms) next();
  }
  void on(const NetworkDown&) {
    state_.online = false;
    if (state_.phase == Phase::idle) next();
  }
  void on(const NetworkUp&) {
    if (state_.online) return;
    state_.online = true;
    const std::int64_t earliest = state_.last_try_ms ? *state_.last_try_ms + kMinTryMs : now();
    state_.soft_until_ms = std::min(state_.soft_until_ms, std::max(earliest, now()));
    next();
  }
  void on(const DataAdded&) {
    state_.data_added = true;
    next();
  }
  void on(const SyncNow&) {
    state_.key_refused = false;
    state_.soft_until_ms = now();
    next();
  }
  void on(const KeyChanged& event) {
    state_.key = event.key;
    on(SyncNow{});
  }
  void on(const BatchReady& event);
  void on(const StoreFailed& event);
  void on(const HttpResponse& event);
  void on(const HttpFailed& event) {
    if (!is_awaited(event.request_id)) return;
    state_.phase = Phase::idle;
    fail(State::waiting, "the server cannot be reached: " + event.error);
  }
  void on(const AcksStored&);

 private:
  [[nodiscard]] std::int64_t now() const { return moment_.monotonic_ms; }
  [[nodiscard]] bool is_awaited(std::uint64_t request_id) const {
    return state_.phase == Phase::sending && request_id + 1 == state_.next_request_id;
  }

  void next();
  void wait(std::int64_t until_ms);
  void show(State shown, std::string reason);
  void fail(State shown, const std::string& error);
  void send(const std::vector<store::PendingItem>& items);
  void nothing_to_send(const store::StoreStatus& outbox);
  void take_reply(const HttpResponse& response);
  void nonsense(const std::string& why);
  void too_large();
  void defer(const base::Uuid& recording, std::int64_t ms);
  void grow_batches();

  EngineState& state_;
  Status& status_;
  const Moment& moment_;
  std::vector<Command>& commands_;
};

void Machine::show(State shown, std::string reason) {
  status_.state = shown;
  status_.reason = std::move(reason);
  status_.next_try_ms.reset();
}

void Machine::wait(std::int64_t until_ms) {
  status_.next_try_ms = until_ms;
  commands_.emplace_back(WaitUntil{until_ms});
}

// Looks for work, or says why not.
void Machine::next() {
  if (!state_.started || state_.phase != Phase::idle) return;
  if (!state_.online) return show(State::offline, "there is no network");
  if (state_.key_refused) return show(State::needs_auth, status_.last_error);
  const std::int64_t until = std::max(state_.soft_until_ms, state_.hard_until_ms);
  if (now() < until) {
    const bool blocked = status_.state == State::blocked;
    show(blocked ? State::blocked : State::waiting,
         status_.last_error.empty() ? "until the server may be asked again" : status_.last_error);
    return wait(until);
  }

  LoadBatch load;
  load.query.max_bytes = state_.batch_bytes;
  load.query.max_items = state_.batch_items;
  load.query.athlete = state_.athlete;
  std::erase_if(state_.deferred_items, [&](const auto& entry) { return entry.second <= now(); });
  std::erase_if(state_.deferred_recordings, [&](const auto& entry) { return entry.second <= now(); });
  for (const auto& [id, until_ms] : state_.deferred_items) load.query.skip_items.insert(id);
  for (const auto& [id, until_ms] : state_.deferred_recordings) load.query.skip_recordings.insert(id);
  state_.phase = Phase::loading;
  state_.data_added = false;
  commands_.emplace_back(std::move(load));
}

void Machine::fail(State shown, const std::string& error) {
  state_.in_flight.clear();
  ++status_.failed_requests;
  ++status_.consecutive_failures;
  status_.last_error = error;
  state_.soft_until_ms = now() + backoff_ms(status_.consecutive_failures - 1, moment_.random);
  if (!state_.online) return show(State::offline, "there is no network");
  show(shown, error);
  if (shown != State::needs_auth) wait(std::max(state_.soft_until_ms, state_.hard_until_ms));
}

void Machine::on(const BatchReady& event) {
  if (state_.phase != Phase::loading) return;
  state_.phase = Phase::idle;
  status_.pending_items = std::max<std::uint64_t>(event.outbox.pending_items, event.items.size());
  status_.pending_bytes = event.outbox.pending_bytes;
  status_.open_rows = event.outbox.open_rows;
  status_.refused_items = event.outbox.refused_items;
  status_.deferred = !state_.deferred_items.empty() || !state_.deferred_recordings.empty();
  if (state_.epoch.empty()) state_.epoch = event.outbox.server_epoch;
  if (!event.items.empty()) {
    send(event.items);
  } else if (state_.data_added) {
    next();
  } else {
    nothing_to_send(event.outbox);
  }
}

void Machine::nothing_to_send(const store::StoreStatus& outbox) {
  if (status_.deferred) {
    std::int64_t until = std::numeric_limits<std::int64_t>::max();
    for (const auto& [id, until_ms] : state_.deferred_items) until = std::min(until, until_ms);
    for (const auto& [id, until_ms] : state_.deferred_recordings) until = std::min(until, until_ms);
    show(state_.deferred_recordings.empty() ? State::blocked : State::waiting,
         state_.deferred_recordings.empty()
             ? count(state_.deferred_items.size(), "item") + " larger than the server takes (413)"
             : "the server asked to send " + count(outbox.pending_items, "item") + " later");
    return wait(until);
  }
  if (outbox.pending_items > 0) {
    return show(State::blocked, count(outbox.pending_items, "item") + " of recordings that belong to another key");
  }
  if (outbox.refused_items > 0) {
    return show(State::blocked, "the server refused " + count(outbox.refused_items, "item") + "; they are kept here");
  }
  if (outbox.open_rows > 0) {
    return show(State::waiting, count(outbox.open_rows, "record") + " of a running recording, not sealed yet");
  }
  show(State::up_to_date, "");
}

void Machine::send(const std::vector<store::PendingItem>& items) {
  wire::BatchWriter batch;
  state_.in_flight.clear();
  for (const store::PendingItem& item : items) {
    batch.add(item.item());
    state_.in_flight.push_back({item.id, item.kind, item.rec_id});
  }
  Send command;
  command.request_id = state_.next_request_id++;
  command.path = "/v1/sync/batch";
  command.body = batch.take();
  command.headers = {{"Authorization", "Bearer " + state_.key},
                     {"Content-Type", wire::kBatchMediaType},
                     {"Content-Digest", wire::make_content_digest(command.body)},
                     {"Boathouse-Replica", state_.replica_id.text()},
                     {"Accept", "application/json"}};
  ++status_.requests;
  status_.sent_items += items.size();
  status_.sent_bytes += command.body.size();
  state_.phase = Phase::sending;
  state_.last_try_ms = now();
  show(State::syncing, "");
  commands_.emplace_back(std::move(command));
}

void Machine::on(const StoreFailed& event) {
  if (state_.phase != Phase::loading && state_.phase != Phase::storing) return;
  state_.phase = Phase::idle;
  fail(State::blocked, "this device's store: " + event.error.text);
}

void Machine::on(const HttpResponse& event) {
  if (!is_awaited(event.request_id)) return;
  state_.phase = Phase::idle;
  if (const auto pause = retry_after_ms(event.headers)) state_.hard_until_ms = now() + *pause;
  const int status = event.status;
  if (status == 200) return take_reply(event);
  const std::string said = "the server answered " + describe_error(event);
  if (status == 401 || status == 403) {
    state_.key_refused = true;
    return fail(State::needs_auth, said);
  }
  if (status == 413) return too_large();
  if (status == 408 || status == 429 || (status >= 500 && status <= 599)) return fail(State::waiting, said);
  if (status >= 400 && status <= 499) return fail(State::blocked, said);
  nonsense("status " + std::to_string(status));
}

void Machine::nonsense(const std::string& why) {
  ++status_.nonsense_replies;
  fail(State::waiting, "the answer is not one of a Boathouse server (a captive portal or a proxy?): " + why);
}

void Machine::too_large() {
  state_.good_batches = 0;
  if (state_.in_flight.size() == 1) {
    if (state_.deferred_items.size() >= kMaxDeferred)
      return fail(State::blocked, "the server takes no item, they are too large for it (413)");
    state_.deferred_items[state_.in_flight.front().id] = now() + kOversizeRetryMs;
  } else {
    state_.batch_items = std::max<std::size_t>(1, state_.in_flight.size() / 2);
    state_.batch_bytes = std::max(kMinBatchBytes, state_.batch_bytes / 2);
  }
  ++status_.failed_requests;
  status_.last_error = "the server answered 413: the batch is too large for it";
  state_.in_flight.clear();
  next();
}

void Machine::take_reply(const HttpResponse& response) {
  auto decoded = wire::decode_reply(response.body, state_.in_flight.size());
  if (!decoded) return nonsense(decoded.error().text);
  if (decoded->epoch.empty()) return nonsense("it names no epoch");

  // A chunk or seal whose birth has to wait is no item to refuse, whatever the server says about it.
  std::set<base::Uuid> births_wait;
  for (std::size_t i = 0; i < state_.in_flight.size(); ++i) {
    if (state_.in_flight[i].kind == wire::ItemKind::birth && decoded->results[i].outcome == wire::Outcome::later) {
      births_wait.insert(state_.in_flight[i].rec_id);
    }
  }
  StoreAcks command;
  command.epoch = decoded->epoch;
  state_.tally = {};
  for (std::size_t i = 0; i < state_.in_flight.size(); ++i) {
    const InFlight& item = state_.in_flight[i];
    wire::ItemResult& result = decoded->results[i];
    if (result.outcome == wire::Outcome::rejected && births_wait.contains(item.rec_id))
      result.outcome = wire::Outcome::later;
    switch (result.outcome) {
      case wire::Outcome::stored:
        ++state_.tally.stored;
        break;
      case wire::Outcome::duplicate:
        ++state_.tally.duplicate;
        break;
      case wire::Outcome::mismatch:
        ++state_.tally.mismatched;
        break;
      case wire::Outcome::rejected:
        ++state_.tally.rejected;
        break;
      case wire::Outcome::later:
        defer(item.rec_id, std::clamp<std::int64_t>(result.retry_after_s, 0, kMaxRetryAfterMs / 1000) * 1000);
        continue;
    }
    command.answers.push_back({item.id, result.outcome, result.server_seq, std::move(result.detail)});
  }
  // Another epoch: everything is offered again, and two servers behind one name would have us do so for ever. Nothing
  // but `later`: the server is busy. Slow down in both cases.
  const bool other_epoch = !state_.epoch.empty() && state_.epoch != decoded->epoch;
  if (other_epoch || command.answers.empty()) {
    state_.soft_until_ms = now() + backoff_ms(state_.slow_downs++, moment_.random);
  } else {
    state_.slow_downs = 0;
  }
  state_.epoch = decoded->epoch;
  state_.in_flight.clear();
  state_.phase = Phase::storing;
  commands_.emplace_back(std::move(command));
}

void Machine::defer(const base::Uuid& recording, std::int64_t ms) {
  const std::int64_t until = now() + std::max(ms, kMinLaterMs);
  if (state_.deferred_recordings.size() >= kMaxDeferred) {
    state_.hard_until_ms = std::max(state_.hard_until_ms, until);
    return;
  }
  std::int64_t& entry = state_.deferred_recordings[recording];
  entry = std::max(entry, until);
}

void Machine::on(const AcksStored&) {
  if (state_.phase != Phase::storing) return;
  state_.phase = Phase::idle;
  status_.stored_items += state_.tally.stored;
  status_.duplicate_items += state_.tally.duplicate;
  status_.mismatched_items += state_.tally.mismatched;
  status_.rejected_items += state_.tally.rejected;
  status_.consecutive_failures = 0;
  status_.last_success_ms = now();
  status_.last_error.clear();
  grow_batches();
  next();
}

void Machine::grow_batches() {
  if (++state_.good_batches < kGrowAfter) return;
  state_.good_batches = 0;
  state_.batch_bytes = std::min(wire::kTargetBatchBytes, state_.batch_bytes * 2);
  state_.batch_items = std::min(wire::kMaxBatchItems, state_.batch_items * 2);
}

}  // namespace

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
    case State::blocked:
      return "blocked";
    case State::needs_auth:
      return "needs_auth";
  }
  return "";
}

EngineState make_engine(const base::Uuid& replica_id, std::string key, std::string athlete) {
  EngineState state;
  state.replica_id = replica_id;
  state.key = std::move(key);
  state.athlete = std::move(athlete);
  return state;
}

Step step(EngineState state, const Event& event, const Moment& moment) {
  Step result{std::move(state), {}};
  const Status before = result.state.status;
  Machine machine(result.state, moment, result.commands);
  std::visit([&](const auto& one) { machine.on(one); }, event);
  if (!(result.state.status == before)) {
    result.commands.emplace_back(StatusChanged{result.state.status});
  }
  return result;
}

}  // namespace boathouse::sync
