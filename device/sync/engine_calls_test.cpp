// Hello, offer, changes, fetched chunks, verify: what each answer makes the engine do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "device/sync/test_engine.hpp"

namespace boathouse::sync {
namespace {

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
    feed.push_back(store::change_of(item, static_cast<std::int64_t>(feed.size()) + 1));
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

TEST_F(EngineTest, HelloTellsNothingOfAnotherAthletesData) {
  manual = true;
  const rowing::Birth birth = store::make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "bert")));
  ASSERT_TRUE(ok(store->append(birth.rec_id, store::make_samples(0, 5))));
  ASSERT_TRUE(ok(store->end(birth.rec_id, rowing::EndReason::logged)));
  give(Start{});
  ASSERT_EQ(sent.size(), 1u);
  const auto hello = wire::decode_hello_request(base::as_text(sent[0].body));
  ASSERT_TRUE(ok(hello));
  EXPECT_EQ(hello->pending_items, 0u);
  EXPECT_EQ(hello->pending_recordings, 0u);
  EXPECT_EQ(hello->pending_bytes, 0u);
  EXPECT_EQ(hello->oldest_age_s, 0);
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
    feed.push_back(store::change_of(item, static_cast<std::int64_t>(feed.size()) + 1));
    if (item.kind == wire::ItemKind::chunk) bodies[static_cast<std::int64_t>(item.from)] = item.body;
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

TEST_F(EngineTest, AFeedThatIsRefusedIsAskedForAgainAfterAHello) {
  manual = true;
  add_recording();
  give(Start{});
  const std::string hello = wire::encode_hello_reply(hello_reply());
  give(status_reply(200, {}, hello));
  ASSERT_EQ(sent.back().path, "/v1/sync/changes?since=0");
  give(status_reply(503));
  EXPECT_EQ(shown.state, State::waiting);
  run_timer();
  EXPECT_EQ(sent.back().path, "/v1/sync/hello") << "the cursor may be of a ledger that is no more";
  server_epoch = "epoch-2";
  give(status_reply(200, {}, wire::encode_hello_reply(hello_reply())));
  manual = false;
  give(status_reply(503));
  run_timer();
  give(reply_all(Outcome::stored, "epoch-2"));
  EXPECT_EQ(pending(), 0u);
}

TEST_F(EngineTest, ALongFeedIsReadToItsEndPageByPage) {
  store::TestStore phone;
  const rowing::Birth birth = store::make_birth(phone.ids);
  ASSERT_TRUE(ok(phone->begin(birth, "")));
  ASSERT_TRUE(ok(phone->append(birth.rec_id, store::make_samples(0, 300))));
  ASSERT_TRUE(ok(phone->seal(birth.rec_id, true)));
  for (const store::PendingItem& item : *phone->pending({})) {
    feed.push_back(store::change_of(item, static_cast<std::int64_t>(feed.size()) + 1));
  }
  ASSERT_EQ(feed.size(), 3u);
  changes_at_once = 2;
  give(Start{});
  std::vector<std::string> asked;
  for (const Send& request : others) {
    if (request.path.starts_with("/v1/sync/changes")) asked.push_back(request.path);
  }
  EXPECT_THAT(asked, testing::ElementsAre("/v1/sync/changes?since=0", "/v1/sync/changes?since=2")) << "at once";
  EXPECT_EQ(shown.received_changes, 3u);
  EXPECT_EQ(store->account("")->cursor, 3);
  EXPECT_EQ(shown.state, State::up_to_date);
}

// The feed brings their receipts, on whichever page.
TEST_F(EngineTest, WhatTheServerHasIsNotSentBeforeTheFeedHasEnded) {
  const base::Uuid old = add_recording();
  give(Start{});
  for (const store::PendingItem& item : batch) {
    feed.push_back(store::change_of(item, static_cast<std::int64_t>(feed.size()) + 1));
  }
  give(reply_all(Outcome::stored));
  server_epoch = "epoch-2";
  offer_result = wire::OfferResult::have;
  changes_at_once = 1;
  sent.clear();
  give(SyncNow{});
  run_timer();                                     // the pause after a new epoch
  give(reply_all(Outcome::duplicate, "epoch-2"));  // birth and seal
  EXPECT_EQ(sent.size(), 1u) << "no chunk was sent again";
  EXPECT_EQ(pending(), 0u);
  EXPECT_TRUE(store->recording(old)->safe());
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
  EXPECT_EQ(shown.uncounted, 1u);
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

// A server that cannot count all of them in a moment is asked for fewer, and for more again as soon as it can.
TEST_F(EngineTest, FewerRecordingsAreVerifiedAtOnceUntilTheServerCountsThem) {
  counts_at_once = 2;
  std::vector<base::Uuid> recordings;
  for (int i = 0; i < 9; ++i) recordings.push_back(add_recording());
  give(Start{});
  give(reply_all(Outcome::stored));
  const auto verified = [&] {
    return std::ranges::count_if(recordings, [&](const base::Uuid& id) { return store->recording(id)->verified; });
  };
  EXPECT_EQ(verified(), 0) << "nine at once, and then none of them";
  run_timer();
  EXPECT_EQ(verified(), 0) << "four";
  run_timer();
  EXPECT_EQ(verified(), 2) << "two, and then four again";
  for (int pauses = 0; verified() < 9; ++pauses) {
    ASSERT_LT(pauses, 10);
    run_timer();
  }
  EXPECT_EQ(shown.uncounted, 0U);
}

// One that stays uncounted has its turn after the others: it holds back none of them.
TEST_F(EngineTest, ARecordingThatIsNeverCountedHoldsBackNoOther) {
  counts_at_once = 1;
  std::vector<base::Uuid> recordings;
  for (int i = 0; i < 5; ++i) recordings.push_back(add_recording());
  never_counted = {recordings.front(), recordings.back()};
  give(Start{});
  give(reply_all(Outcome::stored));
  for (int i = 0; i < 20; ++i) run_timer();
  for (const base::Uuid& id : recordings) {
    EXPECT_EQ(store->recording(id)->verified, !never_counted.contains(id));
  }
  EXPECT_EQ(shown.uncounted, 2U);
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

}  // namespace
}  // namespace boathouse::sync
