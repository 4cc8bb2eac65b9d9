// What an answer means, and what of it the store has to keep.
#include <algorithm>
#include <map>
#include <set>

#include "core/wire/batch.hpp"
#include "core/wire/offer.hpp"
#include "device/sync/machine.hpp"
#include "device/sync/reply.hpp"
#include "device/sync/retry_after.hpp"

namespace boathouse::sync {
namespace {

// Whether the same request may be answered better without anybody's doing.
bool is_transient(int status) { return status < 400 || status == 408 || status == 429 || status >= 500; }

}  // namespace

void Machine::on(const HttpFailed& event) {
  if (!is_awaited(event.request_id)) return;
  state_.phase = Phase::idle;
  blame(ErrorDomain::network, 0, true);
  const std::string error = "the server cannot be reached: " + event.error;
  if (event.no_network) return fail(State::offline, Obstacle::no_network, error);
  fail(State::waiting, Obstacle::away, error);
}

void Machine::on(const HttpResponse& event) {
  if (!is_awaited(event.request_id)) return;
  state_.phase = Phase::idle;
  if (const auto pause = retry_after_ms(event.headers)) state_.hard_until_ms = now() + *pause;
  if (event.status != 200) return take_refusal(event);
  switch (state_.call) {
    case Call::hello:
      return take_hello(event);
    case Call::offer:
      return take_offer(event);
    case Call::changes:
      return take_changes(event);
    case Call::batch:
      return take_batch(event);
    case Call::fetch:
      return take_chunk(event);
    case Call::verify:
      return take_verified(event);
  }
}

void Machine::take_refusal(const HttpResponse& response) {
  const int status = response.status;
  const std::string said = "the server answered " + describe_error(response);
  if (state_.call == Call::fetch && (status == 404 || status == 410)) {
    return store(StoreGivenUp{state_.fetching});
  }
  const bool key_refused = status == 401 || status == 403;
  if (key_refused && state_.key != state_.sent_key) return next();  // of the key before
  blame(ErrorDomain::http, status, is_transient(status));
  if (key_refused) {
    state_.key_refused = true;
    return fail(State::needs_auth, Obstacle::refused, said + ": sign in again, with a key of the athlete's");
  }
  if (status == 413 && state_.call == Call::batch) return too_large();
  if (status == 426) {
    return fail(State::blocked, Obstacle::refused,
                said + ": this program and the server have no protocol in common, update it", kOutdatedRetryMs);
  }
  // Perhaps the cursor is of a ledger that is no more (docs/protocol.md 6.5): hello tells, the same call again would
  // not.
  if (state_.call == Call::changes && status == 503) state_.hello_due = true;
  const bool asked_to_wait = now() < state_.hard_until_ms;
  if (status == 429 || (asked_to_wait && status >= 500)) return fail(State::waiting, Obstacle::limited, said);
  if (status == 408 || (status >= 500 && status <= 599)) return fail(State::waiting, Obstacle::away, said);
  if (status >= 400 && status <= 499) {
    return fail(State::blocked, Obstacle::refused,
                said + ": is this the URL of a Boathouse server, with no proxy before it?");
  }
  nonsense("status " + std::to_string(status));
}

void Machine::nonsense(const std::string& why) {
  blame(ErrorDomain::protocol, 0, true);
  ++status_.nonsense_replies;
  fail(State::waiting, Obstacle::away,
       "the answer is not one of a Boathouse server (a captive portal or a proxy?): " + why);
}

void Machine::other_ledger() {
  state_.hello_due = true;
  blame(ErrorDomain::protocol, 0, true);
  fail(State::waiting, Obstacle::away, "the server's ledger was changed meanwhile");
}

void Machine::store(Command command) {
  state_.phase = Phase::storing;
  commands_.emplace_back(std::move(command));
}

void Machine::take_hello(const HttpResponse& response) {
  auto reply = wire::decode_hello_reply(response.body);
  if (!reply) return nonsense(reply.error().text);
  if (reply->replica_id != state_.identity.replica_id) return nonsense("it is for another device");
  if (reply->epoch.empty()) return nonsense("it names no epoch");
  // Another epoch: everything is offered again, and two servers behind one name would have us do so for ever.
  if (!state_.epoch.empty() && state_.epoch != reply->epoch) {
    slow_down();
    state_.offer_due = true;
  }
  state_.held.clear();
  state_.epoch = reply->epoch;
  state_.hello_due = false;
  state_.changes_due = true;
  state_.next_hello_ms = now() + kHelloEveryMs;
  state_.unproven.clear();
  state_.max_batch_bytes = std::min<std::size_t>(wire::kTargetBatchBytes, reply->batch_bytes);
  state_.max_batch_items = std::min<std::size_t>(wire::kMaxBatchItems, reply->batch_items);
  state_.batch_bytes = std::min(state_.batch_bytes, state_.max_batch_bytes);
  state_.batch_items = std::min(state_.batch_items, state_.max_batch_items);
  state_.retry_base_ms = reply->retry_base_ms;
  state_.retry_cap_ms = std::max(reply->retry_base_ms, reply->retry_cap_ms);
  if (reply->backoff_s > 0) state_.soft_until_ms = std::max(state_.soft_until_ms, now() + reply->backoff_s * 1000);
  store(StoreHello{std::move(*reply)});
}

void Machine::take_offer(const HttpResponse& response) {
  auto reply = wire::decode_offer_reply(response.body, state_.asked);
  if (!reply) return nonsense(reply.error().text);
  if (reply->replica_id != state_.identity.replica_id) return nonsense("it is for another device");
  if (reply->epoch != state_.epoch) return other_ledger();
  std::map<base::Uuid, const wire::OfferAnswer*> answers;
  for (const wire::OfferAnswer& answer : reply->results) answers[answer.rec_id] = &answer;
  StoreAcks command;
  command.epoch = reply->epoch;
  for (const store::PendingRange& range : state_.offered) {
    const wire::OfferAnswer& answer = *answers.at(range.rec_id);
    if (answer.result == wire::OfferResult::mismatch) {
      command.answers.push_back(
          {range.id, wire::Outcome::mismatch, 0, "the server has this recording as another athlete's"});
      ++state_.tally.mismatched;
    } else if (answer.result == wire::OfferResult::gone) {
      command.answers.push_back({range.id, wire::Outcome::rejected, 0, "this session was erased by its owner"});
      ++state_.tally.rejected;
    } else if (const auto held = answer.streams.find(range.stream); held != answer.streams.end()) {
      const auto covers = [&](const wire::Range& had) { return had.from <= range.from && range.to <= had.to; };
      if (std::ranges::any_of(held->second.have, covers) || std::ranges::any_of(held->second.gone, covers)) {
        state_.held.insert(range.id);
      }
    }
  }
  state_.offered.clear();
  state_.offer_due = false;
  store(std::move(command));
}

void Machine::take_changes(const HttpResponse& response) {
  auto reply = wire::decode_changes(response.body, state_.since);
  if (!reply) return nonsense(reply.error().text);
  if (reply->replica_id != state_.identity.replica_id) return nonsense("it is for another device");
  if (reply->epoch != state_.epoch) return other_ledger();
  state_.changes_due = reply->more;
  if (!reply->more) state_.held.clear();
  state_.tally.changes = reply->changes.size();
  store(StoreChanges{state_.since, std::move(*reply)});
}

void Machine::take_batch(const HttpResponse& response) {
  auto decoded = wire::decode_reply(response.body, state_.in_flight.size());
  if (!decoded) return nonsense(decoded.error().text);
  if (decoded->replica_id != state_.identity.replica_id) return nonsense("it is for another device");
  if (decoded->epoch.empty()) return nonsense("it names no epoch");

  put_off_orphans(state_.in_flight, decoded->results);
  // Of a ledger that lacks what this device took for stored: a refusal may only say that the birth is missing.
  const bool other_epoch = !state_.epoch.empty() && state_.epoch != decoded->epoch;
  StoreAcks command;
  command.epoch = decoded->epoch;
  for (std::size_t i = 0; i < state_.in_flight.size(); ++i) {
    const InFlight& item = state_.in_flight[i];
    wire::ItemResult& result = decoded->results[i];
    if (result.outcome == wire::Outcome::rejected && other_epoch) continue;
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
  // Nothing but `later`: the server is busy. Another epoch: see take_hello().
  if (other_epoch || command.answers.empty()) {
    slow_down();
  } else {
    state_.slow_downs = 0;
  }
  if (other_epoch) state_.hello_due = true;
  state_.epoch = decoded->epoch;
  state_.in_flight.clear();
  // What became complete may be asked for at once.
  state_.verify_at_ms = std::min(state_.verify_at_ms, now());
  store(std::move(command));
}

void Machine::too_large() {
  state_.good_batches = 0;
  if (state_.in_flight.size() == 1) {
    if (state_.deferred_items.size() >= kMaxDeferred)
      return fail(State::blocked, Obstacle::refused, "the server takes no item, they are too large for it (413)");
    const InFlight& item = state_.in_flight.front();
    state_.deferred_items[item.id] = now() + kOversizeRetryMs;
    // Without its birth the server would refuse the rest of the recording.
    if (item.kind == wire::ItemKind::birth) defer(item.rec_id, kOversizeRetryMs);
  } else {
    state_.batch_items = std::max<std::size_t>(1, state_.in_flight.size() / 2);
    state_.batch_bytes = std::max(kMinBatchBytes, state_.batch_bytes / 2);
  }
  ++status_.failed_requests;
  status_.last_error = "the server answered 413: the batch is too large for it";
  state_.in_flight.clear();
  next();
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

void Machine::grow_batches() {
  if (++state_.good_batches < kGrowAfter) return;
  state_.good_batches = 0;
  state_.batch_bytes = std::min(state_.max_batch_bytes, state_.batch_bytes * 2);
  state_.batch_items = std::min(state_.max_batch_items, state_.batch_items * 2);
}

void Machine::take_chunk(const HttpResponse& response) {
  state_.tally.chunks = 1;
  store(StoreBody{state_.fetching, {response.body.begin(), response.body.end()}});
}

void Machine::take_verified(const HttpResponse& response) {
  auto reply = wire::decode_verify_reply(response.body, state_.asked);
  if (!reply) return nonsense(reply.error().text);
  if (reply->replica_id != state_.identity.replica_id) return nonsense("it is for another device");
  if (reply->epoch != state_.epoch) return other_ledger();
  StoreVerified command;
  command.epoch = reply->epoch;
  bool not_yet_visible = false;
  for (const wire::VerifyAnswer& answer : reply->results) {
    switch (answer.result) {
      case wire::VerifyResult::verified:
        command.verified.push_back({answer.rec_id, state_.asked_revisions[answer.rec_id]});
        break;
      case wire::VerifyResult::stored:
        not_yet_visible = true;
        state_.uncounted.insert(answer.rec_id);
        break;
      case wire::VerifyResult::incomplete:
      case wire::VerifyResult::unknown:
        // It had confirmed them: send them again, and do not ask before the next hello.
        command.offer_again.push_back(answer.rec_id);
        state_.unproven.insert(answer.rec_id);
        break;
      case wire::VerifyResult::different:
      case wire::VerifyResult::gone:
        state_.unproven.insert(answer.rec_id);
        break;
    }
  }
  state_.tally.verified = command.verified.size();
  // Fewer at once until some are counted: a server counts as many as it can in a moment, be it only one.
  const bool none_counted = not_yet_visible && command.verified.empty();
  if (none_counted) {
    state_.verify_at_once = std::max<std::size_t>(1, state_.asked.size() / 2);
  } else {
    state_.verify_at_once = std::min(wire::kMaxVerifyRecordings, state_.verify_at_once * 2);
  }
  if (!none_counted) state_.verify_pauses = 0;
  if (not_yet_visible) {
    ++state_.verify_pauses;
    const std::uint64_t doublings = std::min<std::uint64_t>(state_.verify_pauses - 1, 20);
    state_.verify_at_ms = now() + std::min(kBackoffCapMs, kVerifyBaseMs << doublings);
  }
  store(std::move(command));
}

}  // namespace boathouse::sync
