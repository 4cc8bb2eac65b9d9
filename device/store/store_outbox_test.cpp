#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/wire/chunk.hpp"
#include "core/wire/facts.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::store {
namespace {

using rowing::EndReason;
using rowing::Stream;
using wire::ItemKind;
using wire::Outcome;

std::vector<PendingItem> pending(TestStore& store, const PendingQuery& query = {}) {
  auto items = store->pending(query);
  EXPECT_TRUE(ok(items));
  return items ? std::move(*items) : std::vector<PendingItem>();
}

// Birth, two chunks of samples, one of strokes, seal.
base::Uuid add_recording(TestStore& store, std::string_view athlete = "") {
  const rowing::Birth birth = make_birth(store.ids);
  EXPECT_TRUE(ok(store->begin(birth, athlete)));
  EXPECT_TRUE(ok(store->append(birth.rec_id, make_samples(0, 300))));
  // Each of its own: two of the same records would be linked.
  const auto number = static_cast<std::int64_t>(store->status()->recordings);
  const rowing::Record stroke = make_record(Stream::stroke, {{"stroke_count", number}});
  EXPECT_TRUE(ok(store->append(birth.rec_id, {&stroke, 1})));
  EXPECT_TRUE(ok(store->end(birth.rec_id, EndReason::logged)));
  return birth.rec_id;
}

std::vector<Acknowledgement> answer_all(const std::vector<PendingItem>& items, Outcome outcome) {
  std::vector<Acknowledgement> answers;
  for (const PendingItem& item : items) answers.push_back({item.id, outcome, 100 + item.id, "because"});
  return answers;
}

TEST(Outbox, NewestRecordingFirstAndInItBirthThenChunksThenSeal) {
  TestStore store;
  const base::Uuid old = add_recording(store);
  const base::Uuid young = add_recording(store);
  const auto items = pending(store);
  ASSERT_EQ(items.size(), 10u);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(items[i].rec_id, i < 5 ? young : old) << i;
    const std::size_t place = i % 5;
    EXPECT_EQ(items[i].kind, place == 0 ? ItemKind::birth : place == 4 ? ItemKind::seal : ItemKind::chunk) << i;
  }
  EXPECT_EQ(items[1].from, 0u);
  EXPECT_EQ(items[1].to, 256u);
  EXPECT_EQ(items[2].from, 256u);
  EXPECT_EQ(items[2].to, 300u);
  EXPECT_EQ(items[3].stream, Stream::stroke);
  EXPECT_EQ(items[4].revision, 1u);
}

TEST(Outbox, AnItemIsWhatTravels) {
  TestStore store;
  const base::Uuid rec_id = add_recording(store);
  const auto items = pending(store);
  const auto birth = wire::decode_birth(base::as_text(items[0].body));
  ASSERT_TRUE(ok(birth));
  EXPECT_EQ(birth->rec_id, rec_id);
  EXPECT_EQ(items[0].sha256, base::sha256(items[0].body));
  const auto chunk = wire::open_chunk(items[1].body, items[1].sha256);
  ASSERT_TRUE(ok(chunk));
  EXPECT_EQ(wire::records_of(*chunk), make_samples(0, 256));
  EXPECT_EQ(items[1].version, rowing::kCatalogueVersion);
  const auto seal = wire::decode_seal(base::as_text(items[4].body));
  ASSERT_TRUE(ok(seal));
  EXPECT_EQ(seal->reason, EndReason::logged);
  EXPECT_EQ(seal->streams.at(Stream::sample).count, 300u);
  EXPECT_EQ(seal->streams.at(Stream::sample).root, wire::stream_root(std::vector{items[1].sha256, items[2].sha256}));
  const wire::Item view = items[1].item();
  EXPECT_EQ(view.body.data(), items[1].body.data());
  EXPECT_EQ(view.to, 256u);
}

TEST(Outbox, LimitsAreKeptButTheFirstItemAlwaysComes) {
  TestStore store;
  add_recording(store);
  PendingQuery query;
  query.max_items = 2;
  EXPECT_EQ(pending(store, query).size(), 2u);
  query = {};
  query.max_bytes = 1;
  ASSERT_EQ(pending(store, query).size(), 1u);
  query.max_bytes = pending(store)[0].body.size() + pending(store)[1].body.size();
  EXPECT_EQ(pending(store, query).size(), 2u);
}

TEST(Outbox, SkippedItemsAndRecordingsStayBehind) {
  TestStore store;
  const base::Uuid old = add_recording(store);
  const base::Uuid young = add_recording(store);
  PendingQuery query;
  query.skip_recordings = {young};
  query.skip_items = {pending(store, query)[1].id};
  const auto items = pending(store, query);
  ASSERT_EQ(items.size(), 4u);
  for (const PendingItem& item : items) EXPECT_EQ(item.rec_id, old);
  EXPECT_EQ(items[1].from, 256u);
}

TEST(Outbox, RecordingsOfAnotherAthleteAreNotOffered) {
  TestStore store;
  const base::Uuid anna = add_recording(store, "anna");
  const base::Uuid nobody = add_recording(store);
  add_recording(store, "bert");
  PendingQuery query;
  query.athlete = "anna";
  const auto items = pending(store, query);
  ASSERT_EQ(items.size(), 5u);
  EXPECT_EQ(items[0].rec_id, anna);
  ASSERT_EQ(pending(store).size(), 5u);
  EXPECT_EQ(pending(store)[0].rec_id, nobody);
  std::uint64_t bytes = 0;
  for (const PendingItem& item : items) bytes += item.body.size();
  const auto to_do = store->to_do("anna");
  ASSERT_TRUE(ok(to_do));
  EXPECT_EQ(to_do->bytes(), bytes);
  EXPECT_EQ(to_do->pending_items, 5u);
  EXPECT_EQ(to_do->pending_recordings, 1u);
}

TEST(Outbox, GuestsAreOfferedOnceTheyAreClaimed) {
  TestStore store;
  const base::Uuid guest = add_recording(store);
  const base::Uuid bert = add_recording(store, "bert");
  EXPECT_EQ(store->claim_guests("").error().code, base::ErrorCode::invalid_input);
  EXPECT_EQ(*store->claim_guests("anna"), 1u);
  EXPECT_EQ(*store->claim_guests("anna"), 0u) << "again changes nothing";
  EXPECT_EQ(store->recording(guest)->athlete, "anna");
  EXPECT_EQ(store->recording(bert)->athlete, "bert");
  EXPECT_TRUE(pending(store).empty());
  PendingQuery query;
  query.athlete = "anna";
  EXPECT_EQ(pending(store, query).size(), 5u);
}

TEST(Outbox, WhatAKeyWithoutALabelHasSyncedIsNobodyElses) {
  TestStore store;
  add_recording(store);
  wire::HelloReply hello;
  hello.epoch = "epoch-1";
  hello.replica_id = store->identity().replica_id;
  hello.athlete.bytes[0] = 1;
  ASSERT_TRUE(ok(store->take_hello("", hello)));
  EXPECT_EQ(store->claim_guests("anna").error().code, base::ErrorCode::conflict);
  EXPECT_EQ(pending(store).size(), 5u);
}

TEST(Outbox, ItemsAreFoundByWhatTheyAre) {
  TestStore store;
  const base::Uuid rec_id = add_recording(store);
  rowing::Edit edit;
  edit.op_id.bytes[0] = 9;
  edit.session = rec_id;
  edit.text = "5 x 500 m";
  ASSERT_TRUE(ok(store->edit(edit, 1'700'000'000'000)));
  const auto items = pending(store);
  ASSERT_EQ(items.size(), 6u);
  std::vector<wire::Item> asked;
  for (const PendingItem& item : items) asked.push_back(item.item());
  ASSERT_TRUE(ok(store->acknowledge("epoch-1", answer_all({items[1]}, Outcome::stored))));
  const auto known = *store->find_items(asked);
  ASSERT_EQ(known.size(), asked.size());
  for (std::size_t i = 0; i < known.size(); ++i) {
    EXPECT_EQ(known[i].id, items[i].id) << i;
    EXPECT_EQ(known[i].pending, i != 1) << i;
  }
  for (wire::Item& item : asked) item.sha256[0] ^= 1;
  for (const KnownItem& one : *store->find_items(asked)) EXPECT_EQ(one.id, 0) << "another hash is another item";
  EXPECT_EQ(store->birth_item(rec_id)->sha256, items[0].sha256);
  EXPECT_EQ(store->birth_item(base::Uuid{}).error().code, base::ErrorCode::not_found);
}

TEST(Runs, TheNewestFiftyStay) {
  TestStore store;
  std::int64_t last = 0;
  for (int i = 0; i < 60; ++i) last = *store->put_run({0, i, i + 1, "{}"});
  EXPECT_EQ(*store->put_run({last, 1, 99, R"({"state":"up_to_date"})"}), last);
  store.reopen();
  const auto runs = *store->runs();
  ASSERT_EQ(runs.size(), kMaxRuns);
  EXPECT_EQ(runs.front().ended_ms, 99);
  EXPECT_EQ(runs.front().started_ms, 59) << "written once more, it is still the same run";
  EXPECT_EQ(runs.back().started_ms, 10);
}

TEST(Outbox, AReceiptEndsAnItemAndTheSameAnswersAgainChangeNothing) {
  TestStore store;
  const base::Uuid rec_id = add_recording(store);
  auto items = pending(store);
  const auto last = items.back();
  items.pop_back();
  const auto answers = answer_all(items, Outcome::stored);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(ok(store->acknowledge("epoch-1", answers)));
    store.reopen();
    ASSERT_EQ(pending(store).size(), 1u);
    EXPECT_EQ(pending(store)[0].id, last.id);
    EXPECT_FALSE(store->recording(rec_id)->safe());
    EXPECT_EQ(store->recording(rec_id)->streams[Stream::sample].acknowledged, 300u);
  }
  // A receipt is never taken back.
  ASSERT_TRUE(ok(store->acknowledge("epoch-1", answer_all(items, Outcome::rejected))));
  EXPECT_EQ(store->status()->refused_items, 0u);

  ASSERT_TRUE(ok(store->acknowledge(
      "epoch-1", std::vector<Acknowledgement>{{last.id, Outcome::duplicate, 9, ""}, {12345, Outcome::stored, 1, ""}})));
  EXPECT_TRUE(pending(store).empty());
  EXPECT_TRUE(store->recording(rec_id)->safe());
  EXPECT_EQ(store->status()->server_epoch, "epoch-1");
}

TEST(Outbox, LaterChangesNothing) {
  TestStore store;
  add_recording(store);
  const auto items = pending(store);
  ASSERT_TRUE(ok(store->acknowledge("epoch-1", answer_all(items, Outcome::later))));
  EXPECT_EQ(pending(store).size(), items.size());
}

TEST(Outbox, ARefusedItemIsKeptAndShownAndHoldsNothingBack) {
  TestStore store;
  const base::Uuid rec_id = add_recording(store);
  const auto items = pending(store);
  ASSERT_TRUE(
      ok(store->acknowledge("e", std::vector<Acknowledgement>{{items[1].id, Outcome::mismatch, 0, "another hash"},
                                                              {items[4].id, Outcome::rejected, 0, "no count"}})));
  EXPECT_EQ(pending(store).size(), 3u);
  const auto refused = store->refused();
  ASSERT_TRUE(ok(refused));
  ASSERT_EQ(refused->size(), 2u);
  EXPECT_EQ((*refused)[0].outcome, Outcome::mismatch);
  EXPECT_EQ((*refused)[0].detail, "another hash");
  EXPECT_EQ((*refused)[0].to, 256u);
  EXPECT_EQ((*refused)[1].kind, ItemKind::seal);
  EXPECT_EQ((*refused)[1].outcome, Outcome::rejected);
  EXPECT_EQ(store->recording(rec_id)->refused_items, 2u);
  EXPECT_TRUE(store->verify(rec_id)->ok()) << "its records are all still here";

  const auto again = store->offer_refused_again();
  ASSERT_TRUE(ok(again));
  EXPECT_EQ(*again, 2u);
  EXPECT_EQ(pending(store).size(), 5u);
  ASSERT_TRUE(ok(store->acknowledge("e", answer_all(pending(store), Outcome::duplicate))));
  EXPECT_TRUE(store->recording(rec_id)->safe());
}

TEST(Outbox, AnotherEpochHasEverythingOfferedAgain) {
  TestStore store;
  add_recording(store);
  const auto items = pending(store);
  auto answers = answer_all(items, Outcome::stored);
  answers[1].outcome = Outcome::rejected;
  ASSERT_TRUE(ok(store->acknowledge("before", answers)));
  EXPECT_TRUE(pending(store).empty());

  // The first answer of the restored server is about one new item.
  const base::Uuid young = add_recording(store);
  const auto fresh = pending(store);
  ASSERT_EQ(fresh.size(), 5u);
  ASSERT_TRUE(ok(store->acknowledge("after", std::vector<Acknowledgement>{{fresh[0].id, Outcome::stored, 1, ""}})));
  EXPECT_EQ(pending(store).size(), 4u + items.size());
  EXPECT_EQ(store->status()->refused_items, 0u) << "the restored server may judge otherwise";
  EXPECT_EQ(store->status()->server_epoch, "after");
  EXPECT_TRUE(store->verify(young)->ok());
}

TEST(Outbox, AnAnswerWithoutAnEpochIsRefused) {
  TestStore store;
  add_recording(store);
  EXPECT_FALSE(store->acknowledge("", answer_all(pending(store), Outcome::stored)));
  EXPECT_EQ(pending(store).size(), 5u);
}

TEST(Outbox, CountsWhatIsThere) {
  TestStore store;
  const base::Uuid rec_id = add_recording(store);
  const rowing::Birth running = make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(running, "")));
  ASSERT_TRUE(ok(store->append(running.rec_id, make_samples(0, 4))));
  std::uint64_t bytes = 0;
  for (const PendingItem& item : pending(store)) bytes += item.body.size();
  const auto status = store->status();
  ASSERT_TRUE(ok(status));
  EXPECT_EQ(status->recordings, 2u);
  EXPECT_EQ(status->open_recordings, 1u);
  EXPECT_EQ(status->records, 305u);
  EXPECT_EQ(status->open_rows, 4u);
  EXPECT_EQ(status->items, 6u);
  EXPECT_EQ(status->pending_items, 6u);
  EXPECT_EQ(status->pending_bytes, bytes);
  EXPECT_EQ(status->server_epoch, "");
  EXPECT_EQ(store->recording(rec_id)->pending_items, 5u);
}

}  // namespace
}  // namespace boathouse::store
