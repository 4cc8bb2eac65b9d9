// Batches, waiting, failing, and what the status says meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/wire/content_digest.hpp"
#include "device/sync/test_engine.hpp"

namespace boathouse::sync {
namespace {

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

TEST_F(EngineTest, ATryThatFindsNoNetworkIsOfflineAndTriesGoOn) {
  add_recording();
  random = 500;
  give(Start{});
  give(HttpFailed{sent.back().request_id, "no route", true});
  EXPECT_EQ(shown.state, State::offline);
  EXPECT_EQ(shown.obstacle, Obstacle::no_network);
  ASSERT_TRUE(timer.has_value());
  give(DataAdded{});
  EXPECT_EQ(shown.state, State::offline) << "while it waits";
  give(NetworkDown{});
  give(NetworkUp{});
  EXPECT_EQ(shown.state, State::waiting) << "the host says that there is one now";
  run_timer();
  ASSERT_EQ(sent.size(), 2u);
  give(HttpFailed{sent.back().request_id, "refused"});
  EXPECT_EQ(shown.state, State::waiting);
  EXPECT_EQ(shown.obstacle, Obstacle::away);
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

TEST_F(EngineTest, ABirthThatIsTooLargeHoldsItsRecordingBackAndNoOther) {
  const base::Uuid other = add_recording();
  const base::Uuid rec_id = add_recording();
  give(Start{});
  std::uint64_t requests = 0;
  while (engine.phase == Phase::sending && ++requests < 50) {
    const bool has_it = std::ranges::any_of(
        batch, [&](const auto& item) { return item.kind == wire::ItemKind::birth && item.rec_id == rec_id; });
    EXPECT_TRUE(has_it || batch.front().rec_id == other) << "nothing of a recording goes before its birth";
    give(has_it ? status_reply(413) : reply_all(Outcome::stored));
  }
  EXPECT_LT(requests, 50u);
  EXPECT_TRUE(store->recording(other)->safe());
  EXPECT_EQ(store->recording(rec_id)->pending_items, store->recording(rec_id)->items);
  EXPECT_THAT(shown.reason, testing::HasSubstr("1 item larger"));
  now += kOversizeRetryMs;
  give(Tick{});
  while (engine.phase == Phase::sending) give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::up_to_date);
}

TEST_F(EngineTest, ARefusalOfALedgerThatWasSetBackIsNotTaken) {
  const base::Uuid rec_id = add_recording(300);
  give(Start{});
  give(reply_all(Outcome::stored));
  ASSERT_EQ(shown.state, State::up_to_date);
  // A late record makes a chunk and a seal; the restored ledger does not know the birth.
  ASSERT_TRUE(ok(store->append(rec_id, store::make_samples(300, 1))));
  give(DataAdded{});
  const HttpResponse refusal = reply_all(Outcome::rejected, "epoch-2");
  give(refusal);
  EXPECT_EQ(store->status()->refused_items, 0u);
  EXPECT_EQ(store->recording(rec_id)->pending_items, store->recording(rec_id)->items) << "all is sent again";
  while (shown.next_try_ms && shown.state != State::up_to_date && engine.phase != Phase::sending) run_timer();
  ASSERT_EQ(engine.phase, Phase::sending);
  EXPECT_EQ(batch.front().kind, wire::ItemKind::birth);
  give(reply_all(Outcome::stored, "epoch-2"));
  EXPECT_EQ(shown.state, State::up_to_date);
}

TEST_F(EngineTest, ARefusalOfTheKeyBeforeSaysNothingOfTheNewOne) {
  add_recording();
  give(Start{});
  give(KeyChanged{"key-2"});
  give(status_reply(401));
  ASSERT_EQ(engine.phase, Phase::sending) << "with the new one, at once";
  EXPECT_THAT(sent.back().headers, testing::Contains(testing::Pair("Authorization", "Bearer key-2")));
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
