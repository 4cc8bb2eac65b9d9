// The calls with JSON bodies: hello, offer, and what they and verify (verify_calls_test.cpp) have in common.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "core/wire/content_digest.hpp"
#include "server/intake/test_sync_calls.hpp"
#include "server/ledger/backup_mark.hpp"
#include "server/ledger/bodies.hpp"
#include "server/sql/test_postgres.hpp"

namespace boathouse::intake {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using wire::OfferResult;
using wire::Range;
using wire::VerifyResult;

// ---- hello ----

TEST_F(SyncCallsTest, HelloTellsWhatTheServerWants) {
  const auto receipts = send({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10)});
  const auto reply = hello();
  EXPECT_EQ(reply.athlete, anna_);
  EXPECT_EQ(reply.batch_bytes, wire::kMaxBatchBytes);
  EXPECT_EQ(reply.in_flight, 4U);
  EXPECT_EQ(reply.batch_items, wire::kMaxBatchItems);
  EXPECT_EQ(reply.retry_base_ms, 1000);
  EXPECT_EQ(reply.retry_cap_ms, 300'000);
  EXPECT_EQ(reply.server_time_ms, clock_.utc_ms());
  EXPECT_EQ(reply.server_seq, receipts[1].server_seq);
  EXPECT_EQ(reply.purge_safe_seq, 0);
  EXPECT_EQ(reply.backoff_s, 0);
  EXPECT_FALSE(reply.fork);
}

TEST_F(SyncCallsTest, HelloCallsSafeOnlyWhatABackupStillHas) {
  const auto receipts = send({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10)});
  auto connection = sql::Connection::open({.sqlite_file = folder_.file("ledger.db")});
  ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(), {"backup", receipts[1].server_seq, 1}));
  EXPECT_EQ(hello().purge_safe_seq, receipts[1].server_seq);
  backed_up_ = 1;
  EXPECT_EQ(hello().purge_safe_seq, 1);
  backed_up_ = 0;
  EXPECT_EQ(hello().purge_safe_seq, 0);
}

// The device may have the last copy of what is lost, or of what the backup was made without: it is told of nothing from
// there on, and others are.
TEST_F(SyncCallsTest, HelloCallsNothingSafeFromTheFirstOnThatIsLostOrNotInTheBackup) {
  const Owned first = chunk(uuid(1), Stream::sample, 0, 10);
  const auto receipts = send({birth(uuid(1)), first, chunk(uuid(1), Stream::sample, 10, 10)});
  const std::int64_t all = receipts[2].server_seq;
  auto connection = sql::Connection::open({.sqlite_file = folder_.file("ledger.db")});
  ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(), {"backup", all, 1}));
  ledger::LostBody lost;
  lost.server_seq = receipts[1].server_seq;
  ASSERT_TRUE(ledger_->bodies().lose_bodies({&lost, 1}));
  EXPECT_EQ(hello().purge_safe_seq, lost.server_seq - 1) << "of two copies one is gone";
  ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(), {"next", all, 2}, {&lost.server_seq, 1}));
  EXPECT_EQ(send({first})[0].outcome, Outcome::duplicate);
  ASSERT_EQ(ledger_->bodies().body_counts()->lost, 0U);
  EXPECT_EQ(hello().purge_safe_seq, lost.server_seq - 1) << "it is back, and in no backup yet";
  const http::Headers annas = headers_;
  become_ben();
  EXPECT_EQ(hello().purge_safe_seq, all);
  headers_ = annas;
  ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(), {"third", all, 3}));
  EXPECT_EQ(hello().purge_safe_seq, all);
}

// What nobody can bring back holds up its owner until it is purged, and no longer.
TEST_F(SyncCallsTest, APurgeOfWhatIsLostEndsTheWaiting) {
  const auto receipts = send({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10)});
  auto connection = sql::Connection::open({.sqlite_file = folder_.file("ledger.db")});
  const std::int64_t lacking = receipts[1].server_seq;
  ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(), {"backup", lacking, 1}, {&lacking, 1}));
  EXPECT_EQ(hello().purge_safe_seq, lacking - 1);
  purge(uuid(1));
  EXPECT_EQ(hello().purge_safe_seq, lacking);
}

// Four numbers of one type: each has its own place in the ledger.
TEST_F(SyncCallsTest, WhatWaitsOnTheDeviceIsNotedNumberByNumber) {
  wire::HelloRequest request;
  request.pending_recordings = 3;
  request.pending_items = 50;
  request.pending_bytes = 7'000;
  request.oldest_age_s = 11;
  ASSERT_EQ(json("/v1/sync/hello", wire::encode_hello_request(request)).status, 200);
  auto connection = sql::Connection::open({.sqlite_file = folder_.file("ledger.db")});
  ASSERT_TRUE(connection);
  const auto noted = [&connection] {
    auto select = connection->prepare("SELECT recordings, items, bytes, oldest_age_s, hello_ms FROM replica");
    EXPECT_TRUE(select && *select->step());
    return std::vector{select->integer(0), select->integer(1), select->integer(2), select->integer(3),
                       select->integer(4)};
  };
  EXPECT_THAT(noted(), ElementsAre(3, 50, 7'000, 11, clock_.utc_ms()));
  const auto today = ledger_->cohorts()->at(0);
  EXPECT_EQ(today.owing, 1U);
  EXPECT_EQ(today.oldest_unsynced_s, 11);

  clock_.advance_ms(1000);
  request.pending_recordings = 4;
  request.pending_items = 0;
  request.pending_bytes = 8'000;
  request.oldest_age_s = 12;
  ASSERT_EQ(json("/v1/sync/hello", wire::encode_hello_request(request)).status, 200);
  EXPECT_THAT(noted(), ElementsAre(4, 0, 8'000, 12, clock_.utc_ms())) << "the later word, in the same row";
  EXPECT_EQ(ledger_->cohorts()->at(0).owing, 0U);
}

TEST_F(SyncCallsTest, HelloTellsTheLaterOfTwoCopies) {
  EXPECT_FALSE(hello(1).fork);
  EXPECT_TRUE(hello(2).fork);
  EXPECT_FALSE(hello(1).fork);
  become_ben();
  EXPECT_FALSE(hello(2).fork);
}

TEST_F(SyncCallsTest, ALedgerThatWentBackAnswersNoCall) {
  const Owned owned = chunk(uuid(1), Stream::sample, 0, 10);
  send({birth(uuid(1)), owned});
  {
    auto connection = sql::Connection::open({.sqlite_file = folder_.file("ledger.db")});
    ASSERT_TRUE(connection->execute("UPDATE state SET last_seq = 1"));
  }
  const std::string rec = uuid(1).text();
  const std::string one_chunk = "/v1/recordings/" + rec + "/sample/0-10";
  http::Headers headers = with("Content-Type", wire::kChunkMediaType);
  headers.set("Boathouse-Catalogue-Version", std::to_string(owned.item.version));
  headers.set("Content-Digest", wire::make_content_digest(owned.body));
  const std::vector<http::Response> answers{
      post(batch_of({birth(uuid(1))})),
      json("/v1/sync/hello", wire::encode_hello_request({})),
      json("/v1/sync/offer", R"({"recordings":[{"rec_id":")" + rec + R"(","streams":{}}]})"),
      json("/v1/sync/verify", R"({"recordings":[{"rec_id":")" + rec + R"(","revision":1,"streams":{}}]})"),
      get("/v1/sync/changes?since=0"),
      get(one_chunk),
      control::call(routes_, {http::Method::put, one_chunk, headers, std::string(base::as_text(owned.body))}),
  };
  for (const http::Response& answer : answers) {
    EXPECT_EQ(answer.status, 503) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr("urn:boathouse:problem:ledger-went-back"));
    EXPECT_THAT(answer.body, HasSubstr("reload --new-epoch"));
  }
}

TEST_F(SyncCallsTest, ALedgerThatWentBackIsNoticedByWhatADeviceHasSeen) {
  const std::int64_t newest = send({birth(uuid(1))})[0].server_seq;
  std::vector<Ahead> told;
  Options options;
  options.on_ahead = [&told](const Ahead& ahead) { told.push_back(ahead); };
  http::RouteTable routes;
  ASSERT_TRUE(add_routes(routes, *accounts_, *ledger_, options));
  routes_ = std::move(routes);
  const auto status = [this](const std::string& epoch, std::int64_t cursor, std::int64_t newest_seq = 0) {
    wire::HelloRequest request;
    request.epoch = epoch;
    request.cursor = cursor;
    request.newest_seq = newest_seq;
    const auto response = json("/v1/sync/hello", wire::encode_hello_request(request));
    if (response.status == 503) {
      EXPECT_THAT(response.body, HasSubstr("urn:boathouse:problem:ledger-went-back"));
      EXPECT_THAT(response.body, HasSubstr("reload --new-epoch"));
    }
    return response.status;
  };
  EXPECT_EQ(status(ledger_->epoch(), newest, newest), 200);
  EXPECT_EQ(status("of another ledger", newest + 1), 200);
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(status(ledger_->epoch(), newest + 1), 503);
  EXPECT_EQ(status(ledger_->epoch(), newest, newest + 2), 503) << "a receipt, newer than its last changes";
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].athlete, anna_);
  EXPECT_EQ(told[0].known_seq, newest + 1);
  EXPECT_EQ(told[1].known_seq, newest + 2);
  EXPECT_EQ(told[0].server_seq, newest);
}

TEST_F(SyncCallsTest, TheOptionsAreTold) {
  http::RouteTable routes;
  ASSERT_TRUE(add_routes(routes, *accounts_, *ledger_, {64'000, 10, 2, 200, 2000, 30}));
  routes_ = std::move(routes);
  const auto reply = hello();
  EXPECT_EQ(reply.batch_bytes, 64'000U);
  EXPECT_EQ(reply.batch_items, 10U);
  EXPECT_EQ(reply.in_flight, 2U);
  EXPECT_EQ(reply.retry_base_ms, 200);
  EXPECT_EQ(reply.retry_cap_ms, 2000);
  EXPECT_EQ(reply.backoff_s, 30);
}

TEST_F(SyncCallsTest, WithoutACommonVersionHelloNamesTheServers) {
  wire::HelloRequest request;
  request.lowest_protocol = 2;
  request.highest_protocol = 3;
  const auto response = json("/v1/sync/hello", wire::encode_hello_request(request));
  EXPECT_EQ(response.status, 426);
  EXPECT_EQ(*response.headers.find("Content-Type"), "application/problem+json");
  const auto problem = base::parse_json(response.body);
  ASSERT_TRUE(problem) << response.body;
  const auto* range = problem->find("protocol");
  ASSERT_NE(range, nullptr);
  EXPECT_EQ(range->array()->at(0).integer(), 1);
  EXPECT_EQ(range->array()->at(1).integer(), 1);
  EXPECT_THAT(detail(response), HasSubstr("update the server"));
  request.lowest_protocol = 1;
  EXPECT_EQ(json("/v1/sync/hello", wire::encode_hello_request(request)).status, 200);
}

// ---- offer ----

TEST_F(SyncCallsTest, OfferTellsWhatIsHereAndWhatIsWanted) {
  send({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10), chunk(uuid(1), Stream::sample, 10, 10),
        chunk(uuid(1), Stream::sample, 30, 10), seal(uuid(1), 4)});
  const auto answers =
      offer({{uuid(1), {{Stream::sample, {{0, 20}, {30, 40}}}}}, {uuid(77), {{Stream::sample, {{0, 5}}}}}});
  EXPECT_EQ(answers[0].result, OfferResult::have);
  EXPECT_TRUE(answers[0].birth);
  EXPECT_EQ(answers[0].revision, 4U);
  EXPECT_THAT(answers[0].streams.at(Stream::sample).have, ElementsAre(Range{0, 20}, Range{30, 40}));
  EXPECT_EQ(answers[1].result, OfferResult::want);
  EXPECT_FALSE(answers[1].birth);

  EXPECT_EQ(offer({{uuid(1), {{Stream::sample, {{0, 21}}}}}})[0].result, OfferResult::want);
  EXPECT_EQ(offer({{uuid(1), {}}})[0].result, OfferResult::have);
  const auto two_streams = offer({{uuid(1), {{Stream::sample, {{5, 15}}}, {Stream::stroke, {{0, 5}}}}}})[0];
  EXPECT_EQ(two_streams.result, OfferResult::want);
  EXPECT_THAT(two_streams.streams.at(Stream::stroke).have, IsEmpty());
}

TEST_F(SyncCallsTest, WhatRetentionRemovedCountsAsHad) {
  send({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10), chunk(uuid(1), Stream::sample, 10, 10)});
  ASSERT_TRUE(ledger_->remove({uuid(1), Stream::sample, {0, 10}}));
  const auto answers = offer({{uuid(1), {{Stream::sample, {{0, 20}}}}}});
  EXPECT_EQ(answers[0].result, OfferResult::have);
  EXPECT_THAT(answers[0].streams.at(Stream::sample).have, ElementsAre(Range{10, 20}));
  EXPECT_THAT(answers[0].streams.at(Stream::sample).gone, ElementsAre(Range{0, 10}));
}

TEST_F(SyncCallsTest, WhatTheServerHasLostIsWantedAgain) {
  const Owned first = chunk(uuid(1), Stream::sample, 0, 10);
  const Owned second = chunk(uuid(1), Stream::sample, 10, 10);
  const auto receipts = send({birth(uuid(1)), first, second});
  load_everything();
  const base::Digest root = wire::stream_root(std::vector{first.item.sha256, second.item.sha256});
  const std::vector<wire::OfferedRecording> offered{{uuid(1), {{Stream::sample, {{0, 20}}}}}};
  EXPECT_EQ(offer(offered)[0].result, OfferResult::have);
  EXPECT_EQ(verify(uuid(1), Stream::sample, {20, root}).result, VerifyResult::verified);

  ledger::LostBody lost;
  lost.server_seq = receipts[1].server_seq;
  ASSERT_TRUE(ledger_->bodies().lose_bodies({&lost, 1}));
  const auto answer = offer(offered)[0];
  EXPECT_EQ(answer.result, OfferResult::want);
  EXPECT_THAT(answer.streams.at(Stream::sample).have, ElementsAre(Range{10, 20}));
  EXPECT_EQ(verify(uuid(1), Stream::sample, {20, root}).result, VerifyResult::incomplete);

  EXPECT_EQ(send({first})[0].outcome, Outcome::duplicate);
  EXPECT_EQ(offer(offered)[0].result, OfferResult::have);
  EXPECT_EQ(verify(uuid(1), Stream::sample, {20, root}).result, VerifyResult::stored) << "it is to be loaded";
  load_everything();
  EXPECT_EQ(verify(uuid(1), Stream::sample, {20, root}).result, VerifyResult::verified);
}

TEST_F(SyncCallsTest, WhatWasPurgedIsGone) {
  send({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10)});
  purge(uuid(1));
  EXPECT_EQ(offer({{uuid(1), {{Stream::sample, {{0, 10}}}}}})[0].result, OfferResult::gone);
  EXPECT_THAT(send({birth(uuid(1))})[0].detail, HasSubstr("purged"));
}

TEST_F(SyncCallsTest, AnothersRecordingTellsNothing) {
  send({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10), seal(uuid(1), 3)});
  become_ben();
  const auto answer = offer({{uuid(1), {{Stream::sample, {{0, 10}}}}}})[0];
  EXPECT_EQ(answer, (wire::OfferAnswer{uuid(1), OfferResult::mismatch, false, 0, {}}));
  const auto verified = verify(uuid(1), Stream::sample, {10, {}});
  EXPECT_EQ(verified, (wire::VerifyAnswer{uuid(1), VerifyResult::unknown, {}}));
}

// ---- what they have in common ----

class JsonCallTest : public SyncCallsTest, public testing::WithParamInterface<const char*> {};

TEST_P(JsonCallTest, RefusesByNameWhatItCannotRead) {
  const std::string target = GetParam();
  for (const char* bad : {"", "[]", "{", "{}", "{\"recordings\":7}", "{\"protocol\":[1]}"}) {
    const auto response = json(target, bad);
    EXPECT_EQ(response.status, 400) << bad;
    EXPECT_EQ(*response.headers.find("Content-Type"), "application/problem+json");
    EXPECT_FALSE(detail(response).empty());
  }
  EXPECT_EQ(json(target, std::string(wire::kMaxRequestBytes + 1, ' ')).status, 413);
  EXPECT_EQ(json(target, std::string(wire::kMaxRequestBytes, '[')).status, 413);
  EXPECT_EQ(control::call(routes_, {http::Method::post, target, headers_, "{}"}).status, 415);

  headers_.set("Content-Encoding", "zstd");
  EXPECT_EQ(json(target, "{}").status, 415);
  headers_.set("Content-Encoding", "");
  headers_.set("Boathouse-Replica", "me");
  const auto response = json(target, "{}");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("header:Boathouse-Replica"));
  headers_.set("Authorization", "Bearer " + operator_key_);
  EXPECT_EQ(json(target, "{}").status, 403);
  headers_.set("Authorization", "");
  EXPECT_EQ(json(target, "{}").status, 401);
}

INSTANTIATE_TEST_SUITE_P(Calls, JsonCallTest, testing::Values("/v1/sync/hello", "/v1/sync/offer", "/v1/sync/verify"));

base::Uuid numbered(std::size_t number) {
  base::Uuid id = uuid(static_cast<std::uint8_t>(number % 256));
  id.bytes[14] = static_cast<std::uint8_t>(1 + number / 256);
  return id;
}

TEST_F(SyncCallsTest, TooManyAreTooLarge) {
  std::vector<wire::OfferedRecording> recordings;
  std::vector<wire::VerifyQuestion> questions;
  for (std::size_t i = 0; i < wire::kMaxOfferRecordings; ++i) {
    recordings.push_back({numbered(i), {}});
    questions.push_back({numbered(i), 1, {}});
  }
  EXPECT_EQ(offer(recordings).size(), wire::kMaxOfferRecordings);
  recordings.push_back({uuid(1), {}});
  EXPECT_EQ(json("/v1/sync/offer", wire::encode_offer(recordings)).status, 413);
  EXPECT_EQ(json("/v1/sync/verify", wire::encode_verify(questions)).status, 200);
  questions.push_back({uuid(1), 1, {}});
  EXPECT_EQ(json("/v1/sync/verify", wire::encode_verify(questions)).status, 413);
}

TEST_F(SyncCallsTest, ARecordingIsNamedOnce) {
  send({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10)});
  const auto offered = json("/v1/sync/offer", wire::encode_offer({{uuid(1), {}}, {uuid(2), {}}, {uuid(1), {}}}));
  EXPECT_EQ(offered.status, 400);
  EXPECT_THAT(detail(offered), HasSubstr(uuid(1).text() + " is named twice"));
  const auto verified = json("/v1/sync/verify", wire::encode_verify({{uuid(1), 1, {}}, {uuid(1), 1, {}}}));
  EXPECT_EQ(verified.status, 400);
  EXPECT_THAT(detail(verified), HasSubstr("named twice"));
}

TEST_F(SyncCallsTest, AStreamOfTomorrowNeedsANewerServer) {
  const std::string offered = R"({"recordings":[{"rec_id":")" + uuid(1).text() + R"(","streams":{"future":[[0,1]]}}]})";
  EXPECT_EQ(json("/v1/sync/offer", offered).status, 415);
}

TEST_F(SyncCallsTest, HelloIsPutOffWhenTheLedgerCannotNoteIt) {
  ledger_->stop();
  const auto response = json("/v1/sync/hello", wire::encode_hello_request({}));
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(response.headers.find("Retry-After"), nullptr);
}

// However the ranges lie, the reply stays within what a device reads; what has no place in it is wanted again.
TEST_F(SyncCallsTest, AnOfferOfSplintersHasAReplyThatFits) {
  constexpr std::uint64_t kFirst = 4'000'000'000;  // as many digits as there can be
  constexpr std::uint64_t kEach = 900;
  std::vector<wire::OfferedRecording> recordings;
  for (std::uint8_t r = 1; r <= 24; ++r) {
    std::vector<Owned> items{birth(uuid(r))};
    for (std::uint64_t i = 0; i < kEach; ++i) {
      items.push_back(chunk(uuid(r), Stream::event, kFirst + 2 * i, 1));
    }
    send(items);
    recordings.push_back({uuid(r), {{Stream::event, {{kFirst + 2 * kEach - 2, kFirst + 2 * kEach - 1}}}}});
  }
  const auto answers = offer(recordings);
  std::size_t ranges = 0;
  for (const auto& answer : answers) {
    ranges += answer.streams.at(Stream::event).have.size();
  }
  EXPECT_EQ(ranges, 20'000U);
  EXPECT_EQ(answers.front().result, OfferResult::have);
  EXPECT_EQ(answers.back().result, OfferResult::want);
  EXPECT_TRUE(answers.back().birth);
}

// What a database says of itself is its operator's business.
TEST_F(SyncCallsTest, NoDeviceIsToldWhatTheDatabaseSays) {
  sql::TestPostgres& server = sql::TestPostgres::get();
  ASSERT_EQ(server.missing(), "");
  sql::Place place = server.make_database();
  const sql::Place plain = place;
  place.postgres_url += "&password=secret";
  const auto ledger = *ledger::Ledger::open({.place = place}, clock_, random_);
  routes_ = http::RouteTable();
  ASSERT_TRUE(add_routes(routes_, *accounts_, *ledger));
  server.drop_database(plain);
  const base::Uuid rec = uuid(1);
  for (const http::Response& response :
       {json("/v1/sync/hello", wire::encode_hello_request({})), json("/v1/sync/offer", wire::encode_offer({{rec, {}}})),
        json("/v1/sync/verify", wire::encode_verify({{rec, 1, {}}})), get("/v1/sync/changes"),
        post(batch_of({birth(rec)}))}) {
    EXPECT_EQ(response.status, 503) << response.body;
    EXPECT_THAT(detail(response), HasSubstr("send the same"));
    EXPECT_THAT(response.note, HasSubstr("postgresql://boathouse@/")) << "the operator's log has it";
    EXPECT_THAT(response.note, Not(HasSubstr("secret")));
    for (const char* of_the_database : {"postgres", "PostgreSQL", "SQLSTATE", "/dev/", "/tmp/", "FATAL", "secret"}) {
      EXPECT_THAT(response.body, Not(HasSubstr(of_the_database)));
    }
  }
}

}  // namespace
}  // namespace boathouse::intake
