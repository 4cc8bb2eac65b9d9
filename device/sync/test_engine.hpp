// What the tests of the engine share: the engine with a real store and a scripted server.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/wire/offer.hpp"
#include "device/store/test_store.hpp"
#include "device/sync/engine.hpp"

namespace boathouse::sync {

using rowing::Stream;
using store::ok;
using wire::Outcome;

// The engine with a real store and a scripted server. Commands are executed by hand, so a test can lose, repeat and
// delay what it likes.
class EngineTest : public testing::Test {
 protected:
  EngineTest() { restart(); }

  void restart() { engine = make_engine(store->identity(), "key-1", ""); }

  base::Uuid add_recording(std::size_t samples = 300) {
    const rowing::Birth birth = store::make_birth(store.ids);
    EXPECT_TRUE(ok(store->begin(birth, "")));
    // Each of its own: two of the same records would be linked.
    const std::uint64_t first = 1000 * store->status()->recordings;
    EXPECT_TRUE(ok(store->append(birth.rec_id, store::make_samples(first, samples))));
    EXPECT_TRUE(ok(store->end(birth.rec_id, rowing::EndReason::logged)));
    return birth.rec_id;
  }

  // Gives the engine an event and does what concerns the store; what remains is kept in `sent` and `timer`.
  void give(Event event) {
    std::deque<Event> events{std::move(event)};
    while (!events.empty()) {
      Step result = step(std::move(engine), events.front(), {now, random});
      events.pop_front();
      engine = std::move(result.state);
      for (Command& command : result.commands) execute(command, events);
    }
  }
  void execute(Command& command, std::deque<Event>& events) {
    if (auto* const load = std::get_if<Load>(&command)) {
      Loaded work{*store->status(),
                  *store->account(""),
                  *store->pending(load->query),
                  *store->wanted("", 10),
                  *store->unverified("", 500),
                  {},
                  *store->to_do(""),
                  0};
      if (load->max_ranges > 0) work.ranges = *store->pending_ranges("", load->max_ranges);
      batch = work.items;
      events.emplace_back(std::move(work));
    } else if (auto* const send = std::get_if<Send>(&command)) {
      if (auto answer = server_answers(*send)) {
        others.push_back(std::move(*send));
        events.emplace_back(std::move(*answer));
      } else {
        sent.push_back(std::move(*send));
      }
    } else if (auto* const hello = std::get_if<StoreHello>(&command)) {
      stored(store->take_hello("", hello->reply), events);
    } else if (auto* const changes = std::get_if<StoreChanges>(&command)) {
      stored(store->take_changes("", changes->since, changes->reply), events);
    } else if (auto* const acks = std::get_if<StoreAcks>(&command)) {
      if (fail_acks) {
        events.emplace_back(StoreFailed{{base::ErrorCode::io, "disk full"}});
        return;
      }
      stored(store->acknowledge(acks->epoch, acks->answers), events);
    } else if (auto* const body = std::get_if<StoreBody>(&command)) {
      stored(store->take_body(body->id, body->body), events);
    } else if (auto* const given_up = std::get_if<StoreGivenUp>(&command)) {
      stored(store->give_up_fetching(given_up->id), events);
    } else if (auto* const verified = std::get_if<StoreVerified>(&command)) {
      stored(store->take_verified(verified->epoch, verified->verified, verified->offer_again), events);
    } else if (auto* const wait = std::get_if<WaitUntil>(&command)) {
      timer = wait->monotonic_ms;
    } else if (auto* const changed = std::get_if<StatusChanged>(&command)) {
      shown = changed->status;
    }
  }
  static void stored(const base::Status& status, std::deque<Event>& events) {
    if (status) {
      events.emplace_back(Stored{});
    } else {
      events.emplace_back(StoreFailed{status.error()});
    }
  }
  // Batches are the tests' own; the other calls are answered by this server unless a test wants them too.
  std::optional<HttpResponse> server_answers(const Send& request) {
    if (manual || request.path == "/v1/sync/batch" || request.path.starts_with("/v1/recordings/")) return std::nullopt;
    HttpResponse answer{request.request_id, 200, {}, ""};
    if (request.path == "/v1/sync/hello") {
      answer.body = wire::encode_hello_reply(hello_reply());
    } else if (request.path == "/v1/sync/offer") {
      const auto offered = wire::decode_offer(base::as_text(request.body));
      EXPECT_TRUE(ok(offered));
      wire::OfferReply offer;
      offer.epoch = server_epoch;
      offer.replica_id = store->identity().replica_id;
      for (const wire::OfferedRecording& recording : *offered) {
        wire::OfferAnswer& one = offer.results.emplace_back();
        one.rec_id = recording.rec_id;
        one.result = offer_result;
        if (offer_result != wire::OfferResult::have) continue;
        for (const auto& [stream, ranges] : recording.streams) one.streams[stream].have = ranges;
      }
      answer.body = wire::encode_offer_reply(offer);
    } else if (request.path.starts_with("/v1/sync/changes")) {
      wire::ChangesReply changes;
      changes.epoch = server_epoch;
      changes.replica_id = store->identity().replica_id;
      const std::int64_t since = std::stoll(request.path.substr(request.path.find('=') + 1));
      changes.since = since;
      for (const wire::Change& change : feed) {
        if (change.seq <= since) continue;
        changes.more = changes.changes.size() == changes_at_once;
        if (changes.more) break;
        changes.changes.push_back(change);
      }
      changes.next = changes.changes.empty() ? since : changes.changes.back().seq;
      answer.body = wire::encode_changes(changes);
    } else {
      const auto questions = wire::decode_verify(base::as_text(request.body));
      EXPECT_TRUE(ok(questions));
      wire::VerifyReply verified;
      verified.epoch = server_epoch;
      verified.replica_id = store->identity().replica_id;
      for (const wire::VerifyQuestion& question : *questions) {
        wire::VerifyAnswer& one = verified.results.emplace_back();
        one.rec_id = question.rec_id;
        one.result = verify_result;
        if (questions->size() > counts_at_once || never_counted.contains(question.rec_id)) {
          one.result = wire::VerifyResult::stored;
        }
      }
      answer.body = wire::encode_verify_reply(verified);
    }
    return answer;
  }
  wire::HelloReply hello_reply() {
    wire::HelloReply reply;
    reply.epoch = server_epoch;
    reply.replica_id = store->identity().replica_id;
    reply.athlete.bytes[0] = 1;
    reply.batch_bytes = wire::kTargetBatchBytes;
    reply.batch_items = wire::kMaxBatchItems;
    reply.retry_base_ms = kBackoffBaseMs;
    reply.retry_cap_ms = kBackoffCapMs;
    reply.server_seq = server_seq;
    return reply;
  }
  // A server that answers every item of the last request alike.
  HttpResponse reply_all(Outcome outcome, std::string epoch = "epoch-1") {
    wire::Reply reply;
    if (!epoch.empty()) server_epoch = epoch;
    reply.epoch = std::move(epoch);
    reply.replica_id = store->identity().replica_id;
    std::vector<wire::Item> items;
    for (const store::PendingItem& item : batch) {
      items.push_back(item.item());
      wire::ItemResult result;
      result.outcome = outcome;
      if (outcome == Outcome::stored || outcome == Outcome::duplicate) result.server_seq = ++server_seq;
      if (outcome == Outcome::mismatch || outcome == Outcome::rejected) result.detail = "no";
      if (outcome == Outcome::later) result.retry_after_s = 30;
      reply.results.push_back(std::move(result));
    }
    return {sent.back().request_id, 200, {{"content-type", "application/json"}}, wire::encode_reply(reply, items)};
  }
  HttpResponse status_reply(int status, std::vector<std::pair<std::string, std::string>> headers = {},
                            std::string body = "") {
    return {sent.back().request_id, status, std::move(headers), std::move(body)};
  }
  // Time goes to the timer.
  void run_timer() {
    ASSERT_TRUE(timer.has_value());
    now = std::max(now, *timer);
    timer.reset();
    give(Tick{});
  }
  std::uint64_t pending() { return store->status()->pending_items; }

  store::TestStore store;
  EngineState engine;
  std::int64_t now = 1'000'000;
  std::uint64_t random = 999;  // of kBackoffBaseMs + 1: nearly the whole first pause
  std::vector<store::PendingItem> batch;
  std::vector<Send> sent;    // that a test answers
  std::vector<Send> others;  // that the server below answered
  bool manual = false;       // true: a test answers all
  std::string server_epoch = "epoch-1";
  std::vector<wire::Change> feed;
  std::size_t changes_at_once = wire::kMaxChanges;  // in one reply; it says when there are more
  wire::OfferResult offer_result = wire::OfferResult::want;
  wire::VerifyResult verify_result = wire::VerifyResult::verified;
  std::size_t counts_at_once = wire::kMaxVerifyRecordings;  // of a request for more it counts none
  std::set<base::Uuid> never_counted;
  std::optional<std::int64_t> timer;
  Status shown;
  bool fail_acks = false;
  std::int64_t server_seq = 0;
};

}  // namespace boathouse::sync
