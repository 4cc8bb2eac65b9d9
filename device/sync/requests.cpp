// From what there is to do to the next call: hello, changes, batch, one chunk down, verify; or why there is none.
#include <algorithm>
#include <map>
#include <utility>

#include "core/wire/batch.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/content_digest.hpp"
#include "core/wire/offer.hpp"
#include "device/sync/machine.hpp"

namespace boathouse::sync {
namespace {

constexpr std::string_view kJson = "application/json";

std::string count(std::uint64_t n, std::string_view thing) {
  return std::to_string(n) + " " + std::string(thing) + (n == 1 ? "" : "s");
}

// Ascending; what touches is one.
std::vector<wire::Range> merged(std::vector<wire::Range> ranges) {
  std::ranges::sort(ranges);
  std::vector<wire::Range> out;
  for (const wire::Range& range : ranges) {
    if (!out.empty() && range.from <= out.back().to) {
      out.back().to = std::max(out.back().to, range.to);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

base::Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace

void Machine::on(const Loaded& work) {
  if (state_.phase != Phase::loading) return;
  state_.phase = Phase::idle;
  if (state_.paused || !state_.online || state_.key.empty()) return next();
  status_.pending_items = std::max<std::uint64_t>(work.outbox.pending_items, work.items.size());
  status_.pending_bytes = work.outbox.pending_bytes;
  status_.open_rows = work.outbox.open_rows;
  status_.refused_items = work.outbox.refused_items;
  status_.wanted_chunks = work.wanted.size();
  status_.unproven = state_.unproven.size();
  status_.deferred = !state_.deferred_items.empty() || !state_.deferred_recordings.empty();
  if (state_.epoch.empty()) state_.epoch = work.outbox.server_epoch;
  // Another athlete's session of this store has met another history of the server.
  if (state_.epoch != work.outbox.server_epoch) {
    state_.epoch = work.outbox.server_epoch;
    state_.hello_due = true;
    state_.offer_due = true;
  }
  measure(work.to_do.bytes());

  if (state_.hello_due || now() >= state_.next_hello_ms) return send_hello(work);
  if (state_.offer_due && !work.ranges.empty()) return send_offer(work);
  state_.offer_due = false;
  // What the server lacks goes before the long feed of one that was restored.
  if (state_.changes_due && (state_.held.empty() || work.items.empty())) return send_changes(work);
  if (!work.items.empty()) return send_batch(work);
  if (send_fetch(work) || send_verify(work)) return;
  if (state_.data_added) return next();
  nothing_to_send(work);
}

void Machine::send(Call call, std::string method, std::string path, std::string_view media_type, base::Bytes body) {
  Send command;
  command.request_id = state_.next_request_id++;
  command.method = std::move(method);
  command.path = std::move(path);
  command.headers = {{"Authorization", "Bearer " + state_.key},
                     {"Boathouse-Replica", state_.identity.replica_id.text()},
                     {"Accept", call == Call::fetch ? std::string(wire::kChunkMediaType) : std::string(kJson)}};
  if (!media_type.empty()) command.headers.emplace_back("Content-Type", media_type);
  command.body = std::move(body);
  if (call == Call::batch) command.headers.emplace_back("Content-Digest", wire::make_content_digest(command.body));
  if (std::exchange(state_.resting, false)) {
    ++status_.runs;
    status_.done_bytes = 0;
    status_.total_bytes = state_.to_do_bytes;
  }
  ++status_.requests;
  status_.sent_bytes += command.body.size();
  state_.call = call;
  state_.sent_key = state_.key;
  state_.phase = Phase::sending;
  state_.last_try_ms = now();
  show(State::syncing, "");
  commands_.emplace_back(std::move(command));
}

void Machine::send_hello(const Loaded& work) {
  wire::HelloRequest hello;
  hello.lowest_protocol = hello.highest_protocol = wire::kProtocolVersion;
  hello.salt = state_.identity.salt;
  hello.epoch = work.account.epoch;
  hello.cursor = work.account.cursor;
  hello.newest_seq = work.account.newest_seq;
  hello.pending_recordings = work.to_do.pending_recordings;
  hello.pending_items = work.to_do.pending_items;
  hello.pending_bytes = work.to_do.pending_bytes;
  hello.oldest_age_s = work.oldest_age_s;
  send(Call::hello, "POST", "/v1/sync/hello", kJson, bytes_of(wire::encode_hello_request(hello)));
}

void Machine::send_offer(const Loaded& work) {
  std::map<base::Uuid, wire::OfferedRecording> recordings;
  std::vector<base::Uuid> order;
  state_.offered.clear();
  for (const store::PendingRange& range : work.ranges) {
    if (state_.offered.size() == wire::kMaxOfferRanges) break;
    auto found = recordings.find(range.rec_id);
    if (found == recordings.end()) {
      if (order.size() == wire::kMaxOfferRecordings) break;
      order.push_back(range.rec_id);
      found = recordings.emplace(range.rec_id, wire::OfferedRecording{range.rec_id, {}}).first;
    }
    found->second.streams[range.stream].push_back({range.from, range.to});
    state_.offered.push_back(range);
  }
  std::vector<wire::OfferedRecording> offer;
  for (const base::Uuid& rec_id : order) {
    wire::OfferedRecording& recording = recordings.at(rec_id);
    for (auto& [stream, ranges] : recording.streams) ranges = merged(std::move(ranges));
    offer.push_back(std::move(recording));
  }
  state_.asked = std::move(order);
  send(Call::offer, "POST", "/v1/sync/offer", kJson, bytes_of(wire::encode_offer(offer)));
}

void Machine::send_changes(const Loaded& work) {
  state_.since = work.account.cursor;
  send(Call::changes, "GET", "/v1/sync/changes?since=" + std::to_string(state_.since), "", {});
}

void Machine::send_batch(const Loaded& work) {
  wire::BatchWriter batch;
  state_.in_flight.clear();
  for (const store::PendingItem& item : work.items) {
    batch.add(item.item());
    state_.in_flight.push_back({item.id, item.kind, item.rec_id});
  }
  status_.sent_items += work.items.size();
  send(Call::batch, "POST", "/v1/sync/batch", wire::kBatchMediaType, batch.take());
}

bool Machine::send_fetch(const Loaded& work) {
  for (const store::AwayChunk& chunk : work.wanted) {
    if (state_.deferred_items.contains(chunk.id)) continue;
    state_.fetching = chunk.id;
    send(Call::fetch, "GET",
         "/v1/recordings/" + chunk.rec_id.text() + "/" + std::string(rowing::name(chunk.stream)) + "/" +
             std::to_string(chunk.from) + "-" + std::to_string(chunk.to),
         "", {});
    return true;
  }
  return false;
}

bool Machine::send_verify(const Loaded& work) {
  if (now() < state_.verify_at_ms) return false;
  std::vector<wire::VerifyQuestion> questions;
  const auto add = [&] {
    for (const wire::VerifyQuestion& question : work.unverified) {
      if (questions.size() == state_.verify_at_once) break;
      if (state_.unproven.contains(question.rec_id) || state_.uncounted.contains(question.rec_id)) continue;
      questions.push_back(question);
    }
  };
  add();
  if (questions.empty()) {
    state_.uncounted.clear();  // all have had their turn
    add();
  }
  if (questions.empty()) return false;
  state_.asked.clear();
  state_.asked_revisions.clear();
  for (const wire::VerifyQuestion& question : questions) {
    state_.asked.push_back(question.rec_id);
    state_.asked_revisions[question.rec_id] = question.revision;
  }
  send(Call::verify, "POST", "/v1/sync/verify", kJson, bytes_of(wire::encode_verify(questions)));
  return true;
}

// Why there is nothing to do now, and when there may be.
void Machine::nothing_to_send(const Loaded& work) {
  std::int64_t until = state_.next_hello_ms;
  const store::StoreStatus& outbox = work.outbox;
  const auto is_proven_wrong = [&](const wire::VerifyQuestion& one) { return state_.unproven.contains(one.rec_id); };
  status_.uncounted =
      work.unverified.size() - static_cast<std::uint64_t>(std::ranges::count_if(work.unverified, is_proven_wrong));
  for (const auto& [id, until_ms] : state_.deferred_items) until = std::min(until, until_ms);
  for (const auto& [id, until_ms] : state_.deferred_recordings) until = std::min(until, until_ms);
  if (!work.unverified.empty() && now() < state_.verify_at_ms) until = std::min(until, state_.verify_at_ms);
  if (!state_.deferred_items.empty()) {
    show(State::blocked, count(state_.deferred_items.size(), "item") + " larger than the server takes (413)");
  } else if (!state_.deferred_recordings.empty()) {
    show(State::waiting, "the server asked to send " + count(outbox.pending_items, "item") + " later");
  } else if (outbox.pending_items > 0) {
    show(State::blocked,
         count(outbox.pending_items, "item") + " of recordings that belong to another key or to a guest");
  } else if (outbox.refused_items > 0) {
    show(State::blocked, "the server refused " + count(outbox.refused_items, "item") + "; they are kept here");
  } else if (!state_.unproven.empty()) {
    show(State::blocked,
         "the server counts " + count(state_.unproven.size(), "session") + " differently than this device");
  } else if (outbox.unconfirmed_items > 0) {
    show(State::blocked, "the server no longer names " + count(outbox.unconfirmed_items, "item") +
                             " whose data were removed from this device");
  } else if (outbox.open_rows > 0) {
    show(State::waiting, count(outbox.open_rows, "record") + " of a running recording, not sealed yet");
  } else {
    show(State::up_to_date, "");
  }
  wait(until);
}

}  // namespace boathouse::sync
