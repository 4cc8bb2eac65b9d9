// The way down, between two stores: what one has sent, the feed brings to the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "core/db/sqlite.hpp"
#include "core/wire/edit.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::store {
namespace {

using rowing::Stream;
using wire::Change;
using wire::ChangeKind;

constexpr std::string_view kEpoch = "epoch-1";

class StoreChangesTest : public testing::Test {
 protected:
  static wire::HelloReply hello(TestStore& store, std::string_view epoch = kEpoch, std::int64_t purge_safe_seq = 0) {
    wire::HelloReply reply;
    reply.epoch = epoch;
    reply.replica_id = store->identity().replica_id;
    reply.athlete.bytes[0] = 7;
    reply.purge_safe_seq = purge_safe_seq;
    return reply;
  }

  // A server that keeps what it is sent, and its feed.
  void upload(TestStore& store, std::string_view epoch = kEpoch) {
    const auto items = store->pending({});
    ASSERT_TRUE(ok(items));
    std::vector<Acknowledgement> answers;
    for (const PendingItem& item : *items) {
      const Change change = change_of(item, ++server_seq);
      if (item.kind == wire::ItemKind::chunk) bodies[item.sha256] = item.body;
      feed.push_back(change);
      answers.push_back({item.id, wire::Outcome::stored, change.seq, ""});
    }
    ASSERT_TRUE(ok(store->acknowledge(epoch, answers)));
  }

  base::Status take(TestStore& store, std::vector<Change> changes, std::int64_t since,
                    std::string_view epoch = kEpoch) {
    wire::ChangesReply reply;
    reply.epoch = epoch;
    reply.replica_id = store->identity().replica_id;
    reply.next = changes.empty() ? since : changes.back().seq;
    reply.changes = std::move(changes);
    return store->take_changes("", since, reply);
  }

  // A recording of 600 samples and a summary, ended.
  base::Uuid record(TestStore& store) {
    const rowing::Birth birth = make_birth(store.ids);
    EXPECT_TRUE(ok(store->begin(birth, "")));
    EXPECT_TRUE(ok(store->append(birth.rec_id, make_samples(0, 600))));
    const rowing::Record summary = make_record(Stream::summary, {{"distance_dm", 5000}});
    EXPECT_TRUE(ok(store->append(birth.rec_id, {&summary, 1})));
    EXPECT_TRUE(ok(store->end(birth.rec_id, rowing::EndReason::logged)));
    return birth.rec_id;
  }

  // The same on the phone, then sent, verified, and one of its chunks freed.
  base::Uuid record_and_free() {
    const base::Uuid rec_id = record(phone);
    EXPECT_TRUE(ok(phone->take_hello("", hello(phone, kEpoch, 1000))));
    upload(phone);
    const VerifiedRecording verified{rec_id, 1};
    EXPECT_TRUE(ok(phone->take_verified(kEpoch, {&verified, 1})));
    EXPECT_GT(*phone->free_space(1), 0u);
    return rec_id;
  }

  static void fetch_all(TestStore& store, const std::map<base::Digest, base::Bytes>& bodies,
                        const std::vector<Change>& feed) {
    const auto wanted = store->wanted("", 100);
    ASSERT_TRUE(ok(wanted));
    for (const AwayChunk& chunk : *wanted) {
      for (const Change& change : feed) {
        if (change.kind == ChangeKind::chunk && change.rec_id == chunk.rec_id && change.stream == chunk.stream &&
            change.from == chunk.from) {
          EXPECT_TRUE(ok(store->take_body(chunk.id, bodies.at(change.sha256))));
        }
      }
    }
  }

  TestStore phone;
  TestStore tablet;
  std::int64_t server_seq = 0;
  std::vector<Change> feed;
  std::map<base::Digest, base::Bytes> bodies;
};

TEST_F(StoreChangesTest, ANewDeviceGetsTheDirectoryFirstAndTheBodiesOnDemand) {
  const base::Uuid rec_id = record(phone);
  upload(phone);
  ASSERT_TRUE(ok(tablet->take_hello("", hello(tablet))));
  ASSERT_TRUE(ok(take(tablet, feed, 0)));
  EXPECT_EQ(tablet->account("")->cursor, server_seq);

  auto info = tablet->recording(rec_id);
  ASSERT_TRUE(ok(info));
  EXPECT_TRUE(info->ended);
  EXPECT_EQ(info->streams[Stream::sample].records, 600u);
  EXPECT_EQ(info->pending_items, 0u) << "nothing to send back";
  EXPECT_EQ(info->away_items, 4u) << "three chunks of samples, one of the summary";
  EXPECT_TRUE(tablet->records(rec_id, Stream::sample, 0, 1000)->empty());
  EXPECT_TRUE(tablet->verify(rec_id)->ok());
  EXPECT_EQ(tablet->verify(rec_id)->streams.at(Stream::sample).away, 600u);

  EXPECT_EQ(*tablet->fetch(rec_id), 4u);
  fetch_all(tablet, bodies, feed);
  EXPECT_EQ(*tablet->records(rec_id, Stream::sample, 0, 1000), *phone->records(rec_id, Stream::sample, 0, 1000));
  EXPECT_TRUE(tablet->verify(rec_id)->ok());
  EXPECT_TRUE(tablet->wanted("", 10)->empty());
}

TEST_F(StoreChangesTest, AnyOrderOfChunksAndTheSameFeedAgainGiveTheSame) {
  const base::Uuid rec_id = record(phone);
  upload(phone);
  ASSERT_TRUE(ok(tablet->take_hello("", hello(tablet))));
  std::vector<Change> shuffled = feed;
  std::reverse(shuffled.begin() + 1, shuffled.end());
  for (std::size_t i = 0; i < shuffled.size(); ++i) shuffled[i].seq = static_cast<std::int64_t>(i) + 1;
  ASSERT_TRUE(ok(take(tablet, shuffled, 0)));
  for (Change& change : shuffled) change.seq += 100;
  ASSERT_TRUE(ok(take(tablet, shuffled, tablet->account("")->cursor)));
  const auto info = tablet->recording(rec_id);
  EXPECT_EQ(info->streams.at(Stream::sample).records, 600u);
  EXPECT_EQ(info->items, feed.size());
  EXPECT_TRUE(tablet->verify(rec_id)->ok());
}

TEST_F(StoreChangesTest, TheFeedIsTheReceiptOfWhatWasSentAndItsAnswerLost) {
  const base::Uuid rec_id = record(phone);
  const auto items = phone->pending({});
  upload(phone);
  // As if the answer had been lost: another epoch and back forgets the receipts.
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone, "epoch-0"))));
  ASSERT_EQ(phone->pending({})->size(), items->size());
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone))));
  ASSERT_TRUE(ok(take(phone, feed, 0)));
  EXPECT_TRUE(phone->pending({})->empty());
  EXPECT_TRUE(phone->recording(rec_id)->safe());
}

TEST_F(StoreChangesTest, AnotherHashUnderTheSameKeyIsShownAndNothingIsOverwritten) {
  const base::Uuid rec_id = record(phone);
  upload(phone);
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone, "epoch-2"))));
  std::vector<Change> other = feed;
  for (Change& change : other) {
    if (change.kind == ChangeKind::chunk && change.from == 256) change.sha256[0] ^= 1;
  }
  ASSERT_TRUE(ok(take(phone, other, 0, "epoch-2")));
  const auto refused = phone->refused();
  ASSERT_EQ(refused->size(), 1u);
  EXPECT_EQ((*refused)[0].from, 256u);
  EXPECT_EQ((*refused)[0].outcome, wire::Outcome::mismatch);
  EXPECT_FALSE(phone->recording(rec_id)->safe());
  EXPECT_EQ(phone->records(rec_id, Stream::sample, 0, 1000)->size(), 600u);
}

TEST_F(StoreChangesTest, WhatRunsOnAnotherDeviceIsNotEndedHere) {
  const rowing::Birth birth = make_birth(phone.ids);
  ASSERT_TRUE(ok(phone->begin(birth, "")));
  ASSERT_TRUE(ok(phone->append(birth.rec_id, make_samples(0, 300))));
  ASSERT_TRUE(ok(phone->seal(birth.rec_id, false)));
  upload(phone);
  ASSERT_TRUE(ok(tablet->take_hello("", hello(tablet))));
  ASSERT_TRUE(ok(take(tablet, feed, 0)));

  tablet.reopen();
  EXPECT_EQ(*tablet->end_crashed(), 0u) << "only the own ones can have crashed";
  EXPECT_FALSE(tablet->recording(birth.rec_id)->ended);
  EXPECT_EQ(tablet->status()->open_recordings, 0u);
  EXPECT_EQ(tablet->status()->pending_items, 0u);
  EXPECT_EQ(tablet->append(birth.rec_id, make_samples(300, 1)).error().code, base::ErrorCode::conflict);
  EXPECT_EQ(tablet->end(birth.rec_id, rowing::EndReason::stopped).error().code, base::ErrorCode::conflict);

  const std::int64_t seen = server_seq;
  const std::size_t sent = feed.size();
  ASSERT_TRUE(ok(phone->end(birth.rec_id, rowing::EndReason::logged)));
  upload(phone);
  ASSERT_TRUE(ok(take(tablet, {feed.begin() + static_cast<std::ptrdiff_t>(sent), feed.end()}, seen)));
  EXPECT_TRUE(tablet->recording(birth.rec_id)->ended);
  EXPECT_TRUE(tablet->verify(birth.rec_id)->ok());
}

TEST_F(StoreChangesTest, WhatTheFeedLeavesOutIsNotSafe) {
  const base::Uuid rec_id = record(phone);
  upload(phone);
  // The second chunk of samples is still on the phone: refused, or put off.
  const auto late = std::ranges::find_if(feed, [](const Change& change) {
    return change.kind == ChangeKind::chunk && change.stream == Stream::sample && change.from == 256;
  });
  ASSERT_NE(late, feed.end());
  Change hole = *late;
  feed.erase(late);
  ASSERT_TRUE(ok(tablet->take_hello("", hello(tablet))));
  ASSERT_TRUE(ok(take(tablet, feed, 0)));
  EXPECT_TRUE(tablet->recording(rec_id)->ended);
  EXPECT_FALSE(tablet->recording(rec_id)->safe());
  hole.seq = ++server_seq;
  ASSERT_TRUE(ok(take(tablet, {hole}, feed.back().seq)));
  EXPECT_TRUE(tablet->recording(rec_id)->safe());
}

TEST_F(StoreChangesTest, AnAnswerThatDoesNotGoOnFromHereChangesNothing) {
  record(phone);
  upload(phone);
  ASSERT_TRUE(ok(tablet->take_hello("", hello(tablet))));
  EXPECT_EQ(take(tablet, feed, 5).error().code, base::ErrorCode::conflict);
  EXPECT_EQ(take(tablet, feed, 0, "epoch-9").error().code, base::ErrorCode::conflict);
  wire::ChangesReply foreign;
  foreign.epoch = kEpoch;
  foreign.changes = feed;
  EXPECT_EQ(tablet->take_changes("", 0, foreign).error().code, base::ErrorCode::invalid_input);
  EXPECT_EQ(tablet->status()->recordings, 0u);

  // A page with one bad entry is not taken at all.
  std::vector<Change> damaged = feed;
  damaged.back().json = "{}";
  EXPECT_FALSE(ok(take(tablet, damaged, 0)));
  EXPECT_EQ(tablet->status()->recordings, 0u);
  EXPECT_EQ(tablet->account("")->cursor, 0);
}

TEST_F(StoreChangesTest, AReceiptTellsHowFarTheServerIsBeforeTheFeedDoes) {
  record(phone);
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone))));
  upload(phone);
  EXPECT_EQ(phone->account("")->cursor, 0);
  EXPECT_EQ(phone->account("")->newest_seq, server_seq);
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone, "epoch-2"))));
  EXPECT_EQ(phone->account("")->newest_seq, 0) << "of another history";
  ASSERT_TRUE(ok(tablet->take_hello("", hello(tablet))));
  ASSERT_TRUE(ok(take(tablet, feed, 0)));
  EXPECT_EQ(tablet->account("")->newest_seq, server_seq);
  // Another athlete's receipts are not told.
  ASSERT_TRUE(ok(tablet->take_hello("ben", hello(tablet))));
  EXPECT_EQ(tablet->account("ben")->newest_seq, 0);
}

// Its receipts would be of a history that is over: what the server of now lacks would never be sent again.
TEST_F(StoreChangesTest, APageOfBeforeAnotherAthletesSessionMetARestoredServerIsNotTaken) {
  record(phone);
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone))));
  upload(phone);
  ASSERT_EQ(phone->status()->pending_items, 0u);
  wire::HelloReply bens = hello(phone, "epoch-2");
  bens.athlete.bytes[0] = 8;
  ASSERT_TRUE(ok(phone->take_hello("ben", bens)));
  const std::uint64_t pending = phone->status()->pending_items;
  ASSERT_GT(pending, 0u);
  EXPECT_EQ(take(phone, feed, 0).error().code, base::ErrorCode::conflict);
  EXPECT_EQ(phone->status()->pending_items, pending);
}

TEST_F(StoreChangesTest, AKeyOfAnotherAthleteIsRefused) {
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone))));
  wire::HelloReply other = hello(phone);
  other.athlete.bytes[0] = 8;
  EXPECT_EQ(phone->take_hello("", other).error().code, base::ErrorCode::conflict);
  EXPECT_TRUE(ok(phone->take_hello("ben", other))) << "under a label of their own";
  ASSERT_TRUE(ok(phone->forget_account("")));
  EXPECT_TRUE(ok(phone->take_hello("", other))) << "when somebody says so";
  wire::HelloReply foreign = hello(phone);
  foreign.replica_id.bytes[0] ^= 1;
  EXPECT_EQ(phone->take_hello("", foreign).error().code, base::ErrorCode::invalid_input);
}

TEST_F(StoreChangesTest, ACopyOfAnotherDevicesStoreBecomesOneOfItsOwnAtTheNextOpen) {
  const base::Uuid rec_id = record(phone);
  const Identity before = phone->identity();
  wire::HelloReply reply = hello(phone);
  reply.fork = true;
  ASSERT_TRUE(ok(phone->take_hello("", reply)));
  EXPECT_EQ(phone->identity().replica_id, before.replica_id);
  phone.reopen();
  EXPECT_NE(phone->identity().replica_id, before.replica_id);
  EXPECT_NE(phone->identity().salt, before.salt);
  const base::Uuid own = phone->identity().replica_id;
  phone.reopen();
  EXPECT_EQ(phone->identity().replica_id, own) << "once";
  EXPECT_EQ(phone->records(rec_id, Stream::sample, 0, 1000)->size(), 600u);
}

TEST_F(StoreChangesTest, WhatIsAskedToBeVerifiedIsWhatIsCompleteHereAndWasNot) {
  const base::Uuid rec_id = record(phone);
  EXPECT_TRUE(phone->unverified("", 10)->empty()) << "not sent yet";
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone))));
  upload(phone);
  const auto questions = phone->unverified("", 10);
  ASSERT_EQ(questions->size(), 1u);
  EXPECT_EQ((*questions)[0].rec_id, rec_id);
  EXPECT_EQ((*questions)[0].revision, 1u);
  EXPECT_EQ((*questions)[0].streams.at(Stream::sample).count, 600u);

  const VerifiedRecording old{rec_id, 0};
  ASSERT_TRUE(ok(phone->take_verified(kEpoch, {&old, 1})));
  EXPECT_FALSE(phone->recording(rec_id)->verified);
  const VerifiedRecording done{rec_id, 1};
  ASSERT_TRUE(ok(phone->take_verified(kEpoch, {&done, 1})));
  EXPECT_TRUE(phone->recording(rec_id)->verified);
  EXPECT_TRUE(phone->unverified("", 10)->empty());

  // A late record makes another seal, which nobody has compared yet.
  const rowing::Record late = make_record(Stream::summary, {{"recovery_heart_rate_bpm", 99}});
  ASSERT_TRUE(ok(phone->append(rec_id, {&late, 1})));
  EXPECT_FALSE(phone->recording(rec_id)->verified);
}

TEST_F(StoreChangesTest, OnlyWhatIsSafeElsewhereIsRemovedOldestFirstAndComesBackWhole) {
  const base::Uuid older = record(phone);
  phone.clock.advance_ms(60'000);
  const base::Uuid newer = record(phone);
  const auto space = [&] { return *phone->space(); };
  EXPECT_GT(space().unsent, 0u);
  EXPECT_EQ(*phone->free_space(1 << 20), 0u) << "unsent";

  ASSERT_TRUE(ok(phone->take_hello("", hello(phone))));
  upload(phone);
  EXPECT_GT(space().unverified, 0u);
  EXPECT_EQ(space().unsent, 0u);
  EXPECT_EQ(*phone->free_space(1 << 20), 0u) << "not compared";

  const std::array<VerifiedRecording, 2> verified{{{older, 1}, {newer, 1}}};
  ASSERT_TRUE(ok(phone->take_verified(kEpoch, verified)));
  EXPECT_GT(space().not_backed_up, 0u);
  EXPECT_EQ(space().no_backup, space().not_backed_up);
  EXPECT_EQ(*phone->free_space(1 << 20), 0u) << "in no backup";

  ASSERT_TRUE(ok(phone->take_hello("", hello(phone, kEpoch, server_seq))));
  const std::uint64_t all = space().freeable;
  EXPECT_GT(all, 0u);
  const auto before = phone->records(older, Stream::sample, 0, 1000);
  const std::uint64_t first = *phone->free_space(1);
  EXPECT_GT(first, 0u);
  EXPECT_EQ(phone->recording(older)->away_items, 1u);
  EXPECT_EQ(phone->recording(newer)->away_items, 0u);
  EXPECT_EQ(*phone->free_space(1 << 20), all - first);
  EXPECT_EQ(space().freeable, 0u);
  EXPECT_EQ(phone->records(older, Stream::summary, 0, 10)->size(), 1u) << "summaries stay";
  EXPECT_TRUE(phone->recording(older)->safe());
  EXPECT_TRUE(phone->verify(older)->ok());

  EXPECT_EQ(*phone->fetch(older), 3u);
  fetch_all(phone, bodies, feed);
  EXPECT_EQ(*phone->records(older, Stream::sample, 0, 1000), *before);
  EXPECT_TRUE(phone->verify(older)->ok());
}

TEST_F(StoreChangesTest, ACapThatNothingCouldKeepIsRefusedAndTheSmallestIsNamed) {
  record(phone);
  const std::uint64_t least = phone->space()->always_here();
  const auto refused = phone->set_cap(least);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, base::ErrorCode::invalid_input);
  EXPECT_NE(refused.error().text.find("smallest cap that makes sense is 2000000 bytes"), std::string::npos)
      << refused.error().text;
  EXPECT_EQ(phone->space()->cap, 0u);
  EXPECT_TRUE(ok(phone->set_cap(least + 1)));
  EXPECT_TRUE(ok(phone->set_cap(0)));

  const rowing::Birth next = make_birth(phone.ids);
  ASSERT_TRUE(ok(phone->begin(next, "")));
  ASSERT_TRUE(ok(phone->append(next.rec_id, make_samples(0, 600))));
  ASSERT_TRUE(ok(phone->seal(next.rec_id, false)));
  EXPECT_GT(phone->space()->running, 0u);
  ASSERT_TRUE(ok(phone->end(next.rec_id, rowing::EndReason::stopped)));
  EXPECT_EQ(phone->space()->running, 0u);
}

TEST_F(StoreChangesTest, AtTheCapWhatIsSafeGoesAndElseNothingNewBeginsButWhatRunsGoesOn) {
  // What a file's bytes take cannot be packed further: they have pages of their own.
  const auto add_noise = [&](const base::Uuid& rec_id) {
    rowing::Record block = make_record(Stream::source, {});
    base::Bytes noise(20'000);
    phone.random.fill(noise);
    block.bytes = std::string(base::as_text(noise));
    ASSERT_TRUE(ok(phone->append(rec_id, {&block, 1})));
  };
  const base::Uuid done = record(phone);
  add_noise(done);
  const rowing::Birth running = make_birth(phone.ids);
  ASSERT_TRUE(ok(phone->begin(running, "")));
  add_noise(running.rec_id);
  ASSERT_TRUE(ok(phone->set_cap(phone->space()->used)));
  const rowing::Birth next = make_birth(phone.ids);
  const auto refused = phone->begin(next, "");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, base::ErrorCode::no_room);
  for (const char* const remedy : {"raise the cap", "sync", "cap of"}) {
    EXPECT_THAT(refused.error().text, testing::HasSubstr(remedy));
  }
  EXPECT_EQ(phone->status()->recordings, 2u);
  const auto import = phone->begin_import(base::Digest{1});
  ASSERT_FALSE(import.ok());
  EXPECT_EQ(import.error().code, base::ErrorCode::no_room);

  // What runs, what has ended, and the same beginning again.
  EXPECT_TRUE(ok(phone->begin(running, "")));
  EXPECT_TRUE(ok(phone->append(running.rec_id, make_samples(0, 600))));
  EXPECT_TRUE(ok(phone->seal(running.rec_id, true)));
  EXPECT_TRUE(ok(phone->end(running.rec_id, rowing::EndReason::stopped)));
  const rowing::Record late = make_record(Stream::summary, {{"recovery_heart_rate_bpm", 99}});
  EXPECT_TRUE(ok(phone->append(running.rec_id, {&late, 1})));
  EXPECT_FALSE(phone->begin(next, "").ok());

  ASSERT_TRUE(ok(phone->take_hello("", hello(phone, kEpoch, 1000))));
  upload(phone);
  const std::array<VerifiedRecording, 2> verified{{{done, 2}, {running.rec_id, 2}}};
  ASSERT_TRUE(ok(phone->take_verified(kEpoch, verified)));
  const auto space = [&] { return *phone->space(); };
  ASSERT_TRUE(ok(phone->set_cap(space().used - 1)));
  const std::uint64_t freeable = space().freeable;
  EXPECT_TRUE(ok(phone->begin(next, "")));
  EXPECT_LT(space().freeable, freeable);
  EXPECT_GT(space().freeable, 0u) << "no more than must";
  EXPECT_FALSE(space().full());
  EXPECT_GT(phone->recording(done)->away_items, 0u) << "the oldest first";

  ASSERT_TRUE(ok(phone->set_cap(0)));
  EXPECT_TRUE(ok(phone->begin(make_birth(phone.ids), "")));
}

TEST_F(StoreChangesTest, ARestoredServerMakesWhatIsGoneHereUnconfirmedAndTheRestPending) {
  const base::Uuid rec_id = record_and_free();
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone, "epoch-2"))));
  EXPECT_EQ(phone->status()->unconfirmed_items, 1u);
  EXPECT_EQ(phone->pending({})->size(), feed.size() - 1);
  EXPECT_FALSE(phone->recording(rec_id)->safe());
  EXPECT_FALSE(phone->recording(rec_id)->verified);
  EXPECT_EQ(phone->account("")->cursor, 0);
  EXPECT_EQ(phone->space()->freeable, 0u);
  ASSERT_TRUE(ok(take(phone, feed, 0, "epoch-2")));
  EXPECT_EQ(phone->status()->unconfirmed_items, 0u);
  EXPECT_TRUE(phone->recording(rec_id)->safe());
}

TEST_F(StoreChangesTest, WhatIsFetchedFromARestoredServerIsOfferedToIt) {
  const base::Uuid rec_id = record_and_free();
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone, "epoch-2"))));
  const std::size_t pending = phone->pending({})->size();

  ASSERT_TRUE(ok(phone->fetch(rec_id)));
  fetch_all(phone, bodies, feed);
  EXPECT_EQ(phone->status()->unconfirmed_items, 0u);
  EXPECT_EQ(phone->pending({})->size(), pending + 1);
  upload(phone, "epoch-2");
  EXPECT_TRUE(phone->recording(rec_id)->safe());
}

TEST_F(StoreChangesTest, AFetchedBodyOfOtherContentIsRefused) {
  const base::Uuid rec_id = record(phone);
  upload(phone);
  ASSERT_TRUE(ok(tablet->take_hello("", hello(tablet))));
  ASSERT_TRUE(ok(take(tablet, feed, 0)));
  ASSERT_TRUE(ok(tablet->fetch(rec_id)));
  const std::int64_t id = tablet->wanted("", 1)->at(0).id;
  EXPECT_FALSE(ok(tablet->take_body(id, base::as_bytes("<html>"))));
  EXPECT_EQ(tablet->recording(rec_id)->away_items, 4u);
  ASSERT_TRUE(ok(tablet->give_up_fetching(id)));
  EXPECT_EQ(tablet->wanted("", 10)->size(), 3u);
}

TEST_F(StoreChangesTest, WhatItsOwnerErasedLeavesNothingAndDoesNotComeBack) {
  const base::Uuid rec_id = record(phone);
  upload(phone);
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone))));
  Change gone;
  gone.seq = server_seq + 1;
  gone.kind = ChangeKind::gone;
  gone.rec_id = rec_id;
  ASSERT_TRUE(ok(take(phone, {gone}, 0)));
  EXPECT_EQ(phone->recording(rec_id).error().code, base::ErrorCode::not_found);
  EXPECT_TRUE(phone->recordings()->empty());
  EXPECT_TRUE(phone->records(rec_id, Stream::sample, 0, 10)->empty());
  // A recorder that still had it has nowhere to put more.
  EXPECT_EQ(phone->append(rec_id, make_samples(600, 1)).error().code, base::ErrorCode::not_found);
  EXPECT_EQ(phone->seal(rec_id, true).error().code, base::ErrorCode::not_found);
  std::vector<Change> again = feed;
  for (Change& change : again) change.seq += 100;
  ASSERT_TRUE(ok(take(phone, again, gone.seq)));
  EXPECT_TRUE(phone->recordings()->empty());
  EXPECT_TRUE(phone->pending({})->empty());
}

TEST_F(StoreChangesTest, AServerThatIsSetBackToBeforeAnErasureIsToldOfItAgain) {
  const base::Uuid rec_id = record(phone);
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone))));
  for (const rowing::EditField field :
       {rowing::EditField::notes, rowing::EditField::deleted, rowing::EditField::purged}) {
    rowing::Edit edit;
    edit.op_id = phone.ids.next();
    edit.session = rec_id;
    edit.field = field;
    if (field == rowing::EditField::notes) edit.text = "private";
    if (field != rowing::EditField::notes) edit.flag = true;
    ASSERT_TRUE(ok(phone->edit(edit, 1000)));
  }
  upload(phone);
  Change gone;
  gone.seq = server_seq + 1;
  gone.kind = ChangeKind::gone;
  gone.rec_id = rec_id;
  ASSERT_TRUE(ok(take(phone, {gone}, 0)));
  EXPECT_TRUE(phone->pending({})->empty());

  ASSERT_TRUE(ok(phone->take_hello("", hello(phone, "epoch-of-the-backup"))));
  const auto told = *phone->pending({});
  ASSERT_EQ(told.size(), 2u) << "nothing of what was erased, only that it was";
  EXPECT_EQ(wire::decode_edit(base::as_text(told[0].body))->field, rowing::EditField::deleted);
  EXPECT_EQ(wire::decode_edit(base::as_text(told[1].body))->field, rowing::EditField::purged);
  upload(phone, "epoch-of-the-backup");
  EXPECT_TRUE(phone->pending({})->empty());
  EXPECT_TRUE(phone->recordings()->empty());
}

TEST_F(StoreChangesTest, WhatRetentionRemovedThereStaysHereForGood) {
  const base::Uuid rec_id = record(phone);
  ASSERT_TRUE(ok(phone->take_hello("", hello(phone))));
  Change gone;
  gone.seq = 900;
  gone.kind = ChangeKind::gone;
  gone.rec_id = rec_id;
  gone.stream = Stream::sample;
  gone.to = 256;
  ASSERT_TRUE(ok(take(phone, {gone}, 0)));
  const auto pending = phone->pending({});
  EXPECT_TRUE(std::ranges::none_of(*pending, [](const PendingItem& item) {
    return item.kind == wire::ItemKind::chunk && item.stream == Stream::sample && item.from == 0;
  })) << "the server takes it no more: that is no trouble";
  upload(phone);
  ASSERT_TRUE(ok(phone->take_verified("epoch-1", std::vector<VerifiedRecording>{{rec_id, 1}}, {})));
  EXPECT_TRUE(ok(phone->take_hello("", hello(phone, "epoch-1", 1'000'000))));
  const auto freed = phone->free_space(1'000'000'000);
  ASSERT_TRUE(freed.ok());
  EXPECT_EQ(phone->records(rec_id, Stream::sample, 0, 256)->size(), 256u) << "nobody else has it";
  const auto info = phone->recording(rec_id);
  EXPECT_EQ(info->retired_records, 256u);
  EXPECT_TRUE(info->safe());
  EXPECT_TRUE(phone->unverified("", 10)->empty()) << "there is nothing to compare with";
}

TEST_F(StoreChangesTest, AStoreOfVersion3KeepsWhatItHas) {
  const base::Uuid rec_id = record(phone);
  upload(phone);
  phone.close();
  {
    auto connection = db::Connection::open(phone.folder() + "/device.db");
    ASSERT_TRUE(ok(connection->execute("DROP TABLE retired; PRAGMA user_version = 3")));
  }
  phone.open();
  EXPECT_EQ(phone->records(rec_id, Stream::sample, 0, 1000)->size(), 600u);
  EXPECT_EQ(phone->recording(rec_id)->retired_records, 0u);
}

}  // namespace
}  // namespace boathouse::store
