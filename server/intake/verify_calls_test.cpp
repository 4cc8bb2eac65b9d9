// The call verify: what is stored, what queries count, what neither does.
#include <gmock/gmock.h>

#include "server/intake/test_sync_calls.hpp"

namespace boathouse::intake {
namespace {

using testing::ElementsAre;
using wire::OfferResult;
using wire::VerifyResult;

class VerifyCallTest : public SyncCallsTest {};

TEST_F(VerifyCallTest, VerifyHasSixResults) {
  const Owned first = chunk(uuid(1), Stream::sample, 0, 10);
  const Owned second = chunk(uuid(1), Stream::sample, 10, 10);
  const base::Digest root = wire::stream_root(std::vector{first.item.sha256, second.item.sha256});
  const auto result = [&](const base::Uuid& rec_id, std::uint64_t count, const base::Digest& sealed_root) {
    return verify(rec_id, Stream::sample, {count, sealed_root}).result;
  };
  EXPECT_EQ(result(uuid(1), 20, root), VerifyResult::unknown);
  send({birth(uuid(1)), second});
  EXPECT_EQ(result(uuid(1), 20, root), VerifyResult::incomplete);
  send({first});
  EXPECT_EQ(result(uuid(1), 20, root), VerifyResult::stored);
  EXPECT_EQ(result(uuid(1), 21, root), VerifyResult::incomplete);
  EXPECT_EQ(result(uuid(1), 20, first.item.sha256), VerifyResult::different);
  // A seal that ends inside of a chunk is none of these chunks.
  EXPECT_EQ(result(uuid(1), 15, root), VerifyResult::different);
  load_everything();
  const auto verified = verify(uuid(1), Stream::sample, {20, root});
  EXPECT_EQ(verified.result, VerifyResult::verified);
  EXPECT_EQ(verified.streams.at(Stream::sample), (wire::VerifiedStream{20, root, 20}));
  // What came after the seal does not count against it.
  send({chunk(uuid(1), Stream::sample, 20, 5), chunk(uuid(1), Stream::event, 0, 1)});
  EXPECT_EQ(result(uuid(1), 20, root), VerifyResult::verified);
  ASSERT_TRUE(ledger_->remove({uuid(1), Stream::sample, {0, 10}}));
  EXPECT_EQ(result(uuid(1), 20, root), VerifyResult::gone);
  purge(uuid(1));
  EXPECT_EQ(result(uuid(1), 20, root), VerifyResult::gone);
}

TEST_F(VerifyCallTest, VerifiedIsWhatQueriesCount) {
  const Owned samples = chunk(uuid(1), Stream::sample, 0, 10);
  send({birth(uuid(1)), samples});
  const rowing::StreamSeal sealed{10, wire::stream_root({&samples.item.sha256, 1})};
  const auto ask = [&] { return verify(uuid(1), Stream::sample, sealed); };
  EXPECT_EQ(ask().result, VerifyResult::stored);
  EXPECT_EQ(counts_asked_, 0) << "the ledger knows that it is not loaded";
  load_everything();
  EXPECT_EQ(ask().result, VerifyResult::verified);
  EXPECT_EQ(counts_asked_, 1);
  EXPECT_EQ(started_ms_, (Starts{{uuid(1), 1'700'000'000'000}}));
  EXPECT_THAT(miscounted_, testing::IsEmpty());

  visible_ = [](Records up_to) {
    EXPECT_EQ(up_to, (Records{{Stream::sample, {{uuid(1), 10}}}}));
    up_to[Stream::sample][uuid(1)] = 7;
    return up_to;
  };
  const auto fewer = ask();
  EXPECT_EQ(fewer.result, VerifyResult::stored);
  EXPECT_EQ(fewer.streams.at(Stream::sample), (wire::VerifiedStream{10, sealed.root, 7}));
  EXPECT_THAT(miscounted_, ElementsAre(uuid(1)));

  miscounted_.clear();
  visible_ = [](const Records&) { return Records(); };
  EXPECT_EQ(ask().result, VerifyResult::stored) << "ClickHouse is away";
  EXPECT_THAT(miscounted_, testing::IsEmpty()) << "which says nothing of its rows";
  visible_ = {};
  EXPECT_EQ(ask().result, VerifyResult::verified);
}

// What a call has not looked at is neither held nor verified.
TEST_F(VerifyCallTest, WhatIsPutOffIsWantedAndNotVerified) {
  std::vector<Owned> items;
  std::vector<wire::OfferedRecording> offered;
  std::vector<wire::VerifyQuestion> questions;
  std::vector<base::Uuid> asked;
  for (std::uint8_t n = 1; n <= 3; ++n) {
    const Owned one = chunk(uuid(n), Stream::sample, 0, 10, n);
    items.push_back(birth(uuid(n)));
    items.push_back(one);
    asked.push_back(uuid(n));
    offered.push_back({uuid(n), {{Stream::sample, {{0, 10}}}}});
    questions.push_back({uuid(n), 1, {{Stream::sample, {10, wire::stream_root({&one.item.sha256, 1})}}}});
  }
  send(items);
  load_everything();
  routes_ = {};
  ledger_.reset();
  ledger_ = *ledger::Ledger::open({.place = {.sqlite_file = folder_.file("ledger.db")}, .held = {.chunks = 2}}, clock_,
                                  random_);
  Options options;
  options.count_visible = [](const base::Uuid&, const Records& up_to, const Starts&) {
    EXPECT_EQ(up_to.at(Stream::sample).size(), 2U);
    return up_to;
  };
  ASSERT_TRUE(add_routes(routes_, *accounts_, *ledger_, options));

  const auto answers = offer(offered);
  EXPECT_EQ(answers[0].result, OfferResult::have);
  EXPECT_EQ(answers[1].result, OfferResult::have);
  EXPECT_EQ(answers[2], (wire::OfferAnswer{uuid(3), OfferResult::want, true, 0, {}}));
  const auto response = json("/v1/sync/verify", wire::encode_verify(questions));
  const auto reply = wire::decode_verify_reply(response.body, asked);
  ASSERT_TRUE(reply) << response.body;
  EXPECT_EQ(reply->results[0].result, VerifyResult::verified);
  EXPECT_EQ(reply->results[1].result, VerifyResult::verified);
  EXPECT_EQ(reply->results[2], (wire::VerifyAnswer{uuid(3), VerifyResult::stored, {}}));
  // Asked again it is looked at.
  EXPECT_EQ(offer({offered[2]})[0].result, OfferResult::have);
}

// One question for all recordings, and none for what queries never count.
TEST_F(VerifyCallTest, OnlyTheRecordingThatQueriesCountOtherwiseIsNotVerified) {
  const Owned first = chunk(uuid(1), Stream::sample, 0, 10);
  const Owned second = chunk(uuid(2), Stream::sample, 0, 10, 5);
  const Owned file = chunk(uuid(2), Stream::source, 0, 3);
  send({birth(uuid(1)), first, birth(uuid(2)), second, file});
  load_everything();
  visible_ = [](Records up_to) {
    EXPECT_EQ(up_to, (Records{{Stream::sample, {{uuid(1), 10}, {uuid(2), 10}}}}));
    up_to[Stream::sample][uuid(1)] = 0;
    return up_to;
  };
  const auto seal_of = [](const Owned& one, std::uint64_t count) {
    return rowing::StreamSeal{count, wire::stream_root({&one.item.sha256, 1})};
  };
  const auto response = json(
      "/v1/sync/verify",
      wire::encode_verify({{uuid(1), 1, {{Stream::sample, seal_of(first, 10)}}},
                           {uuid(2), 1, {{Stream::sample, seal_of(second, 10)}, {Stream::source, seal_of(file, 3)}}}}));
  const auto reply = wire::decode_verify_reply(response.body, {uuid(1), uuid(2)});
  ASSERT_TRUE(reply) << response.body;
  EXPECT_EQ(reply->results[0].result, VerifyResult::stored);
  EXPECT_EQ(reply->results[1].result, VerifyResult::verified);
  EXPECT_EQ(reply->results[1].streams.at(Stream::source).visible, 3U);
  EXPECT_EQ(counts_asked_, 1);
  EXPECT_THAT(miscounted_, ElementsAre(uuid(1)));
}

// As many as could be counted in a moment are verified; of the others nothing is said against them.
TEST_F(VerifyCallTest, WhatWasNotCountedThisTimeIsStoredAndNotMiscounted) {
  const Owned first = chunk(uuid(1), Stream::sample, 0, 10);
  const Owned second = chunk(uuid(2), Stream::sample, 0, 10, 5);
  send({birth(uuid(1)), first, birth(uuid(2)), second});
  load_everything();
  visible_ = [](Records up_to) {
    up_to[Stream::sample].erase(uuid(2));
    return up_to;
  };
  const auto question_of = [](const base::Uuid& id, const Owned& one) {
    return wire::VerifyQuestion{id, 1, {{Stream::sample, {10, wire::stream_root({&one.item.sha256, 1})}}}};
  };
  const auto response =
      json("/v1/sync/verify", wire::encode_verify({question_of(uuid(1), first), question_of(uuid(2), second)}));
  const auto reply = wire::decode_verify_reply(response.body, {uuid(1), uuid(2)});
  ASSERT_TRUE(reply) << response.body;
  EXPECT_EQ(reply->results[0].result, VerifyResult::verified);
  EXPECT_EQ(reply->results[1].result, VerifyResult::stored);
  EXPECT_EQ(reply->results[1].streams.at(Stream::sample).visible, 10U) << "what was loaded";
  EXPECT_THAT(miscounted_, testing::IsEmpty());
}

TEST_F(VerifyCallTest, AnEmptyStreamIsVerifiedByItsRoot) {
  send({birth(uuid(1))});
  EXPECT_EQ(verify(uuid(1), Stream::split, {0, wire::stream_root({})}).result, VerifyResult::verified);
  EXPECT_EQ(verify(uuid(1), Stream::split, {0, {}}).result, VerifyResult::different);
}

}  // namespace
}  // namespace boathouse::intake
