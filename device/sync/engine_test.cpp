#include "device/sync/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "core/wire/content_digest.hpp"
#include "core/wire/offer.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::sync {
namespace {

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
    EXPECT_TRUE(ok(store->append(birth.rec_id, store::make_samples(0, samples))));
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
      for (const wire::Change& change : feed) {
        if (change.seq > since) changes.changes.push_back(change);
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
  wire::OfferResult offer_result = wire::OfferResult::want;
  wire::VerifyResult verify_result = wire::VerifyResult::verified;
  std::optional<std::int64_t> timer;
  Status shown;
  bool fail_acks = false;
  std::int64_t server_seq = 0;
};

TEST_F(EngineTest, SendsEverythingAndSaysUpToDate) {
  add_recording();
  give(Start{});
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(shown.state, State::syncing);
  EXPECT_EQ(shown.pending_items, 4u);
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::up_to_date);
  EXPECT_EQ(shown.reason, "");
  EXPECT_EQ(shown.stored_items, 4u);
  EXPECT_EQ(shown.pending_items, 0u);
  EXPECT_EQ(shown.last_success_ms, now);
  EXPECT_EQ(pending(), 0u);
  EXPECT_EQ(timer, now + kHelloEveryMs);
  EXPECT_EQ(shown.verified_recordings, 1u);
  EXPECT_TRUE(store->recordings()->at(0).verified);
}

TEST_F(EngineTest, TheRequestIsTheProtocols) {
  add_recording();
  give(Start{});
  const Send& request = sent.at(0);
  EXPECT_EQ(request.path, "/v1/sync/batch");
  EXPECT_THAT(request.headers, testing::Contains(testing::Pair("Authorization", "Bearer key-1")));
  EXPECT_THAT(request.headers, testing::Contains(testing::Pair("Content-Type", "application/vnd.boathouse.batch")));
  EXPECT_THAT(request.headers,
              testing::Contains(testing::Pair("Boathouse-Replica", store->identity().replica_id.text())));
  EXPECT_THAT(request.headers,
              testing::Contains(testing::Pair("Content-Digest", wire::make_content_digest(request.body))));
  const auto items = wire::parse_batch(request.body);
  ASSERT_TRUE(ok(items));
  ASSERT_EQ(items->size(), 4u);
  EXPECT_EQ((*items)[0].kind, wire::ItemKind::birth);
  EXPECT_EQ((*items)[3].kind, wire::ItemKind::seal);
}

TEST_F(EngineTest, AnEmptyStoreIsUpToDateWithoutARequest) {
  give(Start{});
  EXPECT_EQ(shown.state, State::up_to_date);
  EXPECT_TRUE(sent.empty());
  add_recording();
  give(DataAdded{});
  EXPECT_EQ(sent.size(), 1u);
}

TEST_F(EngineTest, ALargeBacklogGoesInBatches) {
  engine.batch_items = 3;
  for (int i = 0; i < 4; ++i) add_recording(10);
  give(Start{});
  while (!sent.empty() && engine.phase == Phase::sending) give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::up_to_date);
  EXPECT_EQ(sent.size(), 4u);
  EXPECT_EQ(shown.stored_items, 12u);
}

TEST_F(EngineTest, ALostReplyIsSentAgainAndTheDuplicateIsAReceipt) {
  add_recording();
  give(Start{});
  const HttpResponse lost = reply_all(Outcome::stored);
  give(HttpFailed{sent[0].request_id, "cut off"});
  EXPECT_EQ(shown.state, State::waiting);
  EXPECT_EQ(timer, now + 999);
  EXPECT_EQ(shown.next_try_ms, timer);
  EXPECT_THAT(shown.reason, testing::HasSubstr("cut off"));
  EXPECT_EQ(pending(), 4u);
  give(Tick{});
  EXPECT_EQ(sent.size(), 1u) << "not before its time";
  run_timer();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[1].body, sent[0].body) << "the same bytes";
  give(lost);
  EXPECT_EQ(engine.phase, Phase::sending) << "an answer to an older request is nobody's";
  give(reply_all(Outcome::duplicate));
  EXPECT_EQ(shown.state, State::up_to_date);
  EXPECT_EQ(shown.duplicate_items, 4u);
  EXPECT_EQ(shown.last_error, "");
  const Status before = shown;
  give(reply_all(Outcome::duplicate));
  EXPECT_EQ(shown, before) << "a repeated answer changes nothing";
}

TEST_F(EngineTest, ARestartBetweenReplyAndStoringSendsAgain) {
  add_recording();
  give(Start{});
  restart();
  give(Start{});
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[1].body, sent[0].body);
  give(reply_all(Outcome::duplicate));
  EXPECT_EQ(shown.state, State::up_to_date);
}

TEST_F(EngineTest, BacksOffWithFullJitterUpToTheCap) {
  add_recording();
  random = std::numeric_limits<std::uint64_t>::max();
  give(Start{});
  engine.next_hello_ms = std::numeric_limits<std::int64_t>::max();  // one that is answered would begin anew
  std::int64_t longest = 0;
  for (int i = 0; i < 15; ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    give(HttpFailed{sent.back().request_id, "away"});
    ASSERT_TRUE(timer.has_value());
    EXPECT_GE(*timer, now);
    EXPECT_LE(*timer - now, std::min(kBackoffCapMs, kBackoffBaseMs << i));
    longest = std::max(longest, *timer - now);
    run_timer();
    ASSERT_EQ(sent.size(), static_cast<std::size_t>(i) + 2);
  }
  EXPECT_GT(longest, 60'000);
  EXPECT_EQ(shown.consecutive_failures, 15u);
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.consecutive_failures, 0u);
}

TEST_F(EngineTest, RetryAfterIsObeyedEvenIfAPersonAsks) {
  add_recording();
  give(Start{});
  give(status_reply(503, {{"Retry-After", "120"}}));
  EXPECT_EQ(timer, now + 120'000);
  EXPECT_EQ(shown.state, State::waiting);
  now += 119'000;
  give(SyncNow{});
  EXPECT_EQ(sent.size(), 1u);
  run_timer();
  EXPECT_EQ(sent.size(), 2u);
}

TEST_F(EngineTest, APersonsWishGoesBeforeTheBackOff) {
  add_recording();
  give(Start{});
  give(HttpFailed{sent.back().request_id, "away"});
  give(SyncNow{});
  EXPECT_EQ(sent.size(), 2u);
}

TEST_F(EngineTest, ARefusedKeyStopsUntilItChanges) {
  add_recording();
  give(Start{});
  give(status_reply(401, {{"Content-Type", "application/problem+json"}},
                    R"({"title":"Unauthorized","detail":"this key was revoked"})"));
  EXPECT_EQ(shown.state, State::needs_auth);
  EXPECT_THAT(shown.reason, testing::HasSubstr("401 (this key was revoked)"));
  timer.reset();
  give(DataAdded{});
  give(NetworkDown{});
  EXPECT_EQ(shown.state, State::offline);
  give(NetworkUp{});
  EXPECT_EQ(shown.state, State::needs_auth);
  now += 3600'000;
  give(Tick{});
  EXPECT_EQ(sent.size(), 1u);
  EXPECT_EQ(pending(), 4u);
  give(KeyChanged{"key-2"});
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_THAT(sent[1].headers, testing::Contains(testing::Pair("Authorization", "Bearer key-2")));
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::up_to_date);
}

TEST_F(EngineTest, TooLargeHalvesTheBatchAndSetsAsideWhatIsTooLargeAlone) {
  const base::Uuid rec_id = add_recording(600);
  give(Start{});
  // The server takes two items at most, and never the second chunk.
  std::uint64_t requests = 0;
  while (engine.phase == Phase::sending && ++requests < 50) {
    const bool has_it = std::ranges::any_of(batch, [](const auto& item) { return item.from == 256; });
    give(has_it || batch.size() > 2 ? status_reply(413) : reply_all(Outcome::stored));
  }
  EXPECT_LT(requests, 50u);
  EXPECT_EQ(shown.state, State::blocked);
  EXPECT_THAT(shown.reason, testing::HasSubstr("1 item larger"));
  EXPECT_EQ(pending(), 1u) << "everything else went";
  EXPECT_EQ(store->status()->refused_items, 0u);
  EXPECT_FALSE(store->recording(rec_id)->safe());
  now += kOversizeRetryMs;
  give(Tick{});
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::up_to_date);
}

TEST_F(EngineTest, NonsenseIsCountedAndNothingIsLost) {
  add_recording();
  give(Start{});
  const std::string good = reply_all(Outcome::stored).body;
  wire::Reply short_reply{"epoch-1", store->identity().replica_id, std::vector<wire::ItemResult>(1)};
  const std::vector<wire::Item> one{batch[0].item()};
  const std::vector<std::pair<int, std::string>> answers{
      {200, "<html><body>Welcome to our Wi-Fi</body></html>"},
      {200, ""},
      {200, "{}"},
      {200, good.substr(0, good.size() / 2)},
      {200, wire::encode_reply(short_reply, one)},
      {204, ""},
      {302, ""},
      {100, ""},
  };
  std::uint64_t count = 0;
  for (const auto& [status, body] : answers) {
    give(status_reply(status, {}, body));
    EXPECT_EQ(shown.nonsense_replies, ++count) << status << body;
    EXPECT_EQ(shown.state, State::waiting);
    EXPECT_THAT(shown.reason, testing::HasSubstr("not one of a Boathouse server"));
    EXPECT_EQ(pending(), 4u);
    run_timer();
  }
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::up_to_date);
}

TEST_F(EngineTest, AnEmptyEpochIsNonsense) {
  add_recording();
  give(Start{});
  give(reply_all(Outcome::stored, ""));
  EXPECT_EQ(shown.nonsense_replies, 1u);
  EXPECT_EQ(pending(), 4u);
}

TEST_F(EngineTest, TheReplyForAnotherDeviceIsNonsense) {
  add_recording();
  give(Start{});
  HttpResponse answer = reply_all(Outcome::stored);
  auto reply = wire::decode_reply(answer.body, batch.size());
  ASSERT_TRUE(ok(reply));
  std::vector<wire::Item> items;
  for (const auto& item : batch) items.push_back(item.item());
  for (const base::Uuid& other : {base::Uuid(), store.ids.next()}) {
    reply->replica_id = other;
    answer.body = wire::encode_reply(*reply, items);
    give(answer);
    EXPECT_THAT(shown.reason, testing::HasSubstr("another device"));
    EXPECT_EQ(pending(), 4u);
    run_timer();
    answer.request_id = sent.back().request_id;
  }
  EXPECT_EQ(shown.nonsense_replies, 2u);
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::up_to_date);
}

TEST_F(EngineTest, OtherRefusalsOfTheRequestBlockWithTheirReasonAndAreTriedAgain) {
  add_recording();
  give(Start{});
  for (const int status : {400, 404, 405, 415, 426}) {
    give(status_reply(status));
    EXPECT_EQ(shown.state, State::blocked) << status;
    EXPECT_THAT(shown.reason, testing::HasSubstr(std::to_string(status)));
    EXPECT_TRUE(shown.next_try_ms.has_value());
    run_timer();
  }
  for (const int status : {408, 429, 500, 502, 503}) {
    give(status_reply(status));
    EXPECT_EQ(shown.state, State::waiting) << status;
    run_timer();
  }
  EXPECT_EQ(pending(), 4u);
}

TEST_F(EngineTest, ARefusedItemIsShownAndTheOthersGo) {
  add_recording();
  add_recording();
  give(Start{});
  HttpResponse answer = reply_all(Outcome::stored);
  auto reply = wire::decode_reply(answer.body, batch.size());
  ASSERT_TRUE(ok(reply));
  reply->results[1].outcome = Outcome::mismatch;
  reply->results[1].detail = "another hash";
  reply->results[6].outcome = Outcome::rejected;
  reply->results[6].detail = "broken";
  std::vector<wire::Item> items;
  for (const auto& item : batch) items.push_back(item.item());
  answer.body = wire::encode_reply(*reply, items);
  give(answer);
  EXPECT_EQ(shown.state, State::blocked);
  EXPECT_THAT(shown.reason, testing::HasSubstr("refused 2 items"));
  EXPECT_EQ(shown.mismatched_items, 1u);
  EXPECT_EQ(shown.rejected_items, 1u);
  EXPECT_EQ(shown.stored_items, 6u);
  EXPECT_EQ(shown.refused_items, 2u);
  std::vector<std::string> details;
  const auto refused = store->refused();
  ASSERT_TRUE(ok(refused));
  for (const store::RefusedItem& item : *refused) details.push_back(item.detail);
  EXPECT_THAT(details, testing::UnorderedElementsAre("another hash", "broken"));
}

TEST_F(EngineTest, LaterHoldsBackThatRecordingAlone) {
  const base::Uuid old = add_recording();
  const base::Uuid young = add_recording();
  engine.batch_items = 4;  // one recording a batch
  give(Start{});
  ASSERT_EQ(batch[0].rec_id, young);
  give(reply_all(Outcome::later));
  run_timer();  // the pause after an answer that brought nothing
  ASSERT_EQ(sent.size(), 2u);
  ASSERT_EQ(batch[0].rec_id, old);
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::waiting);
  EXPECT_TRUE(shown.deferred);
  EXPECT_THAT(shown.reason, testing::HasSubstr("4 items later"));
  EXPECT_EQ(pending(), 4u);
  run_timer();
  ASSERT_EQ(batch[0].rec_id, young);
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::up_to_date);
}

TEST_F(EngineTest, AChunkWhoseBirthHasToWaitIsNotRefused) {
  add_recording();
  give(Start{});
  HttpResponse answer = reply_all(Outcome::rejected);
  auto reply = wire::decode_reply(answer.body, batch.size());
  ASSERT_TRUE(ok(reply));
  reply->results[0].outcome = Outcome::later;
  std::vector<wire::Item> items;
  for (const auto& item : batch) items.push_back(item.item());
  answer.body = wire::encode_reply(*reply, items);
  give(answer);
  EXPECT_EQ(store->status()->refused_items, 0u);
  EXPECT_EQ(pending(), 4u);
}

TEST_F(EngineTest, ARestoredServerGetsEverythingAgain) {
  add_recording();
  give(Start{});
  give(reply_all(Outcome::stored));
  ASSERT_EQ(shown.state, State::up_to_date);
  add_recording();
  give(DataAdded{});
  ASSERT_EQ(batch.size(), 4u);
  give(reply_all(Outcome::stored, "epoch-2"));
  EXPECT_EQ(shown.state, State::waiting) << "not at once: two servers behind one name would keep us busy for ever";
  EXPECT_EQ(pending(), 4u) << "the first recording again";
  run_timer();
  give(reply_all(Outcome::stored, "epoch-2"));
  EXPECT_EQ(shown.state, State::up_to_date);
  EXPECT_EQ(pending(), 0u);
}

TEST_F(EngineTest, ARestoredServerIsAskedWhatItLacksAndThatGoesFirst) {
  const base::Uuid old = add_recording();
  give(Start{});
  const std::vector<store::PendingItem> first = batch;
  give(reply_all(Outcome::stored));
  // It was restored with everything; the feed says so.
  for (const store::PendingItem& item : first) {
    wire::Change change;
    change.seq = static_cast<std::int64_t>(feed.size()) + 1;
    change.rec_id = item.rec_id;
    change.sha256 = item.sha256;
    if (item.kind == wire::ItemKind::chunk) {
      change.kind = wire::ChangeKind::chunk;
      change.stream = item.stream;
      change.from = item.from;
      change.to = item.to;
      change.version = item.version;
      change.bytes = item.body.size();
    } else {
      change.kind = item.kind == wire::ItemKind::birth ? wire::ChangeKind::birth : wire::ChangeKind::seal;
      change.revision = item.revision;
      change.json = base::as_text(item.body);
    }
    feed.push_back(std::move(change));
  }
  server_epoch = "epoch-2";
  offer_result = wire::OfferResult::have;
  sent.clear();
  others.clear();
  give(SyncNow{});
  run_timer();  // the pause after a new epoch
  std::vector<std::string> paths;
  for (const Send& request : others) paths.push_back(request.path);
  EXPECT_THAT(paths, testing::Contains("/v1/sync/offer"));
  ASSERT_EQ(sent.size(), 1u) << "birth and seal, which no offer names, go before the feed";
  for (const store::PendingItem& item : batch) EXPECT_NE(item.kind, wire::ItemKind::chunk);
  give(reply_all(Outcome::duplicate, "epoch-2"));
  EXPECT_EQ(sent.size(), 1u) << "no chunk was sent again";
  EXPECT_EQ(pending(), 0u);
  EXPECT_TRUE(store->recording(old)->safe());
  EXPECT_EQ(shown.state, State::up_to_date);
}

TEST_F(EngineTest, WhatAnOfferSaysIsAnotherAthletesOrErasedIsShownNotSent) {
  for (const auto& [result, reason] :
       {std::pair{wire::OfferResult::mismatch, "another athlete"}, std::pair{wire::OfferResult::gone, "erased"}}) {
    add_recording();
    give(Start{});
    give(SyncNow{});
    if (engine.phase == Phase::sending) give(reply_all(Outcome::stored, server_epoch));
    server_epoch += "x";
    offer_result = result;
    give(SyncNow{});
    run_timer();
    const auto refused = store->refused();
    ASSERT_FALSE(refused->empty());
    EXPECT_THAT(refused->back().detail, testing::HasSubstr(reason));
    for (const store::PendingItem& item : batch) EXPECT_NE(item.kind, wire::ItemKind::chunk);
    give(reply_all(Outcome::stored, server_epoch));
  }
}

TEST_F(EngineTest, TheEpochOfTheLastRunIsRemembered) {
  add_recording();
  give(Start{});
  give(reply_all(Outcome::stored));
  restart();
  add_recording();
  give(Start{});
  give(reply_all(Outcome::stored, "epoch-2"));
  EXPECT_EQ(pending(), 4u);
  EXPECT_EQ(shown.state, State::waiting);
}

TEST_F(EngineTest, AStoreThatFailsIsSaidAndTriedAgain) {
  add_recording();
  give(Start{});
  fail_acks = true;
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::blocked);
  EXPECT_THAT(shown.reason, testing::HasSubstr("disk full"));
  EXPECT_EQ(shown.stored_items, 0u) << "nothing is said to be stored before the receipt is durable";
  fail_acks = false;
  run_timer();
  give(reply_all(Outcome::duplicate));
  EXPECT_EQ(shown.state, State::up_to_date);
}

TEST_F(EngineTest, ANetworkThatComesAndGoesIsNotAFlood) {
  add_recording();
  give(Start{});
  for (int i = 0; i < 100; ++i) {
    if (engine.phase == Phase::sending) give(HttpFailed{sent.back().request_id, "gone"});
    give(NetworkDown{});
    EXPECT_EQ(shown.state, State::offline);
    EXPECT_FALSE(shown.next_try_ms.has_value());
    now += 100;
    give(NetworkUp{});
  }
  EXPECT_LE(sent.size(), 1u + 10'000u / 1000u + 1u) << "ten seconds";
  now += kMinTryMs;
  give(NetworkDown{});
  give(NetworkUp{});
  EXPECT_EQ(engine.phase, Phase::sending) << "the network is back: the long back-off is forgotten";
}

TEST_F(EngineTest, UnsealedRowsAreNotUpToDate) {
  const rowing::Birth birth = store::make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "")));
  ASSERT_TRUE(ok(store->append(birth.rec_id, store::make_samples(0, 5))));
  give(Start{});
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::waiting);
  EXPECT_THAT(shown.reason, testing::HasSubstr("5 records"));
  EXPECT_EQ(shown.open_rows, 5u);
}

TEST_F(EngineTest, RecordingsOfAnotherKeyAreNamedNotSent) {
  const rowing::Birth birth = store::make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "bert")));
  give(Start{});
  EXPECT_TRUE(sent.empty());
  EXPECT_EQ(shown.state, State::blocked);
  EXPECT_THAT(shown.reason, testing::HasSubstr("another key"));
}

TEST_F(EngineTest, EventsAtTheWrongTimeDoNothing) {
  add_recording();
  give(Tick{});
  give(Stored{});
  give(HttpFailed{0, "x"});
  give(Loaded{});
  give(StoreFailed{{base::ErrorCode::io, "x"}});
  EXPECT_TRUE(sent.empty());
  give(Start{});
  give(Start{});
  give(Stored{});
  give(Loaded{});
  EXPECT_EQ(sent.size(), 1u);
}

TEST_F(EngineTest, HelloComesFirstAndTellsWhatWaits) {
  manual = true;
  add_recording();
  store.clock.advance_ms(1000);
  give(Start{});
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].method, "POST");
  EXPECT_EQ(sent[0].path, "/v1/sync/hello");
  const auto hello = wire::decode_hello_request(base::as_text(sent[0].body));
  ASSERT_TRUE(ok(hello));
  EXPECT_EQ(hello->salt, store->identity().salt);
  EXPECT_EQ(hello->epoch, "");
  EXPECT_EQ(hello->pending_items, 4u);
  EXPECT_EQ(hello->pending_recordings, 1u);
  server_seq = 3;
  give(HttpResponse{sent[0].request_id, 200, {}, wire::encode_hello_reply(hello_reply())});
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[1].path, "/v1/sync/changes?since=0");
  EXPECT_EQ(sent[1].method, "GET");
}

TEST_F(EngineTest, AHelloOfNonsenseOrForAnotherDeviceChangesNothing) {
  manual = true;
  add_recording();
  give(Start{});
  wire::HelloReply foreign = hello_reply();
  foreign.replica_id.bytes[3] ^= 1;
  wire::HelloReply nameless = hello_reply();
  nameless.epoch.clear();
  std::uint64_t count = 0;
  for (const std::string& body : {std::string("<html>Log in to the hotel</html>"), wire::encode_hello_reply(foreign),
                                  wire::encode_hello_reply(nameless)}) {
    give(HttpResponse{sent.back().request_id, 200, {}, body});
    EXPECT_EQ(shown.nonsense_replies, ++count) << body;
    EXPECT_EQ(store->account("")->epoch, "");
    run_timer();
    EXPECT_EQ(sent.back().path, "/v1/sync/hello");
  }
}

TEST_F(EngineTest, NoCommonProtocolIsSaidAndNotHammered) {
  manual = true;
  add_recording();
  give(Start{});
  give(status_reply(426));
  EXPECT_EQ(shown.state, State::blocked);
  EXPECT_THAT(shown.reason, testing::HasSubstr("update"));
  EXPECT_EQ(timer, now + kMaxRetryAfterMs);
  EXPECT_EQ(pending(), 4u);
}

TEST_F(EngineTest, TheServersLimitsAndPausesAreObeyed) {
  manual = true;
  for (int i = 0; i < 3; ++i) add_recording(10);
  give(Start{});
  wire::HelloReply hello = hello_reply();
  hello.batch_items = 3;
  hello.backoff_s = 60;
  give(HttpResponse{sent.back().request_id, 200, {}, wire::encode_hello_reply(hello)});
  EXPECT_EQ(shown.state, State::waiting);
  EXPECT_EQ(timer, now + 60'000);
  give(SyncNow{});
  EXPECT_EQ(sent.size(), 2u) << "a wish only: a person may go before it";
  hello.backoff_s = 0;
  give(HttpResponse{sent.back().request_id, 200, {}, wire::encode_hello_reply(hello)});
  manual = false;
  give(status_reply(500));
  run_timer();
  EXPECT_EQ(batch.size(), 3u);
}

TEST_F(EngineTest, WhatAnotherDeviceSentComesByItselfAndItsBodiesOnDemand) {
  store::TestStore phone;
  const rowing::Birth birth = store::make_birth(phone.ids);
  const base::Uuid rec_id = birth.rec_id;
  ASSERT_TRUE(ok(phone->begin(birth, "")));
  ASSERT_TRUE(ok(phone->append(rec_id, store::make_samples(0, 300))));
  ASSERT_TRUE(ok(phone->seal(rec_id, true)));
  std::map<std::int64_t, base::Bytes> bodies;
  for (const store::PendingItem& item : *phone->pending({})) {
    wire::Change change;
    change.seq = static_cast<std::int64_t>(feed.size()) + 1;
    change.rec_id = item.rec_id;
    change.sha256 = item.sha256;
    if (item.kind == wire::ItemKind::chunk) {
      change.kind = wire::ChangeKind::chunk;
      change.stream = item.stream;
      change.from = item.from;
      change.to = item.to;
      change.version = item.version;
      change.bytes = item.body.size();
      bodies[static_cast<std::int64_t>(item.from)] = item.body;
    } else {
      change.json = base::as_text(item.body);
    }
    feed.push_back(std::move(change));
  }
  give(Start{});
  EXPECT_EQ(shown.state, State::up_to_date);
  EXPECT_EQ(shown.received_changes, 3u);
  EXPECT_EQ(store->recordings()->size(), 1u);
  EXPECT_TRUE(sent.empty());

  EXPECT_EQ(*store->fetch(rec_id), 2u);
  give(DataAdded{});
  std::vector<std::string> paths;
  while (engine.phase == Phase::sending && paths.size() < 9) {
    paths.push_back(sent.back().path);
    const bool second = paths.back().ends_with("/256-300");
    const base::Bytes& body = bodies.at(second ? 256 : 0);
    give(status_reply(200, {}, std::string(base::as_text(body))));
  }
  EXPECT_THAT(paths, testing::ElementsAre("/v1/recordings/" + rec_id.text() + "/sample/0-256",
                                          "/v1/recordings/" + rec_id.text() + "/sample/256-300"));
  EXPECT_EQ(shown.fetched_chunks, 2u);
  EXPECT_EQ(*store->records(rec_id, Stream::sample, 0, 1000), *phone->records(rec_id, Stream::sample, 0, 1000));
}

TEST_F(EngineTest, AChunkThatCannotBeFetchedHoldsBackNoOther) {
  const base::Uuid rec_id = add_recording(600);
  give(Start{});
  give(reply_all(Outcome::stored));
  auto hello = hello_reply();
  hello.purge_safe_seq = 1000;
  ASSERT_TRUE(ok(store->take_hello("", hello)));
  ASSERT_GT(*store->free_space(1 << 20), 0u);
  EXPECT_EQ(*store->fetch(rec_id), 3u);
  give(DataAdded{});
  sent.erase(sent.begin());
  give(status_reply(200, {}, "<html>"));
  run_timer();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_NE(sent[1].path, sent[0].path);
  give(status_reply(410));
  ASSERT_EQ(sent.size(), 3u);
  give(status_reply(404));
  EXPECT_EQ(sent.size(), 3u);
  EXPECT_EQ(store->wanted("", 10)->size(), 1u) << "the first is tried again later, the others nobody has";
  EXPECT_EQ(store->recording(rec_id)->away_items, 3u);
}

TEST_F(EngineTest, VerifyIsAskedAgainUntilQueriesCountEverything) {
  verify_result = wire::VerifyResult::stored;
  const base::Uuid rec_id = add_recording();
  give(Start{});
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::up_to_date) << "safe, though not counted yet";
  EXPECT_EQ(timer, now + kVerifyBaseMs);
  const std::size_t calls = others.size();
  run_timer();
  EXPECT_EQ(others.size(), calls + 1);
  EXPECT_EQ(timer, now + 2 * kVerifyBaseMs);
  verify_result = wire::VerifyResult::verified;
  run_timer();
  EXPECT_TRUE(store->recording(rec_id)->verified);
  EXPECT_EQ(shown.verified_recordings, 1u);
}

TEST_F(EngineTest, WhatTheServerLacksAlthoughItConfirmedItIsSentAgain) {
  verify_result = wire::VerifyResult::incomplete;
  add_recording();
  give(Start{});
  give(reply_all(Outcome::stored));
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(batch.size(), 4u);
  give(reply_all(Outcome::duplicate));
  EXPECT_EQ(shown.state, State::blocked) << "not for ever, and not in silence";
  EXPECT_THAT(shown.reason, testing::HasSubstr("1 session differently"));
  verify_result = wire::VerifyResult::verified;
  give(SyncNow{});
  EXPECT_EQ(shown.state, State::up_to_date);
}

TEST_F(EngineTest, ADifferenceIsShownAndNothingIsOverwritten) {
  verify_result = wire::VerifyResult::different;
  const base::Uuid rec_id = add_recording();
  give(Start{});
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::blocked);
  EXPECT_EQ(shown.unproven, 1u);
  EXPECT_EQ(pending(), 0u);
  EXPECT_FALSE(store->recording(rec_id)->verified);
  EXPECT_TRUE(store->verify(rec_id)->ok());
}

TEST_F(EngineTest, APauseSendsNothingAndResumingGoesOn) {
  add_recording();
  give(Pause{});
  give(Start{});
  EXPECT_EQ(shown.state, State::paused);
  give(SyncNow{});
  give(DataAdded{});
  EXPECT_TRUE(sent.empty() && others.empty());
  EXPECT_EQ(shown.state, State::paused);
  give(Resume{});
  ASSERT_EQ(sent.size(), 1u);
  give(Pause{});
  EXPECT_EQ(shown.state, State::syncing) << "the running request ends first";
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::paused);
  EXPECT_EQ(pending(), 0u) << "its receipts are kept";
}

TEST_F(EngineTest, SigningOutKeepsEverything) {
  add_recording();
  give(Start{});
  give(KeyChanged{""});
  give(status_reply(401));
  EXPECT_EQ(shown.state, State::needs_auth);
  EXPECT_EQ(pending(), 4u);
  const std::size_t before = sent.size();
  give(KeyChanged{"key-2"});
  EXPECT_EQ(sent.size(), before + 1);
}

TEST_F(EngineTest, SameStateSameEventSameAnswer) {
  add_recording();
  give(Start{});
  const HttpFailed event{sent.back().request_id, "away"};
  const Step a = step(engine, event, {now, 5});
  const Step b = step(engine, event, {now, 5});
  EXPECT_EQ(a.state.status, b.state.status);
  EXPECT_EQ(a.state.soft_until_ms, b.state.soft_until_ms);
  EXPECT_EQ(a.commands.size(), b.commands.size());
}

}  // namespace
}  // namespace boathouse::sync
