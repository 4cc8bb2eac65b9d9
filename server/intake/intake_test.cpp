// POST /v1/sync/batch through a route table, a real ledger behind it: the way of good batches, and hostile ones.
#include "server/intake/intake.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "core/base/json.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/compression.hpp"
#include "core/wire/content_digest.hpp"
#include "core/wire/facts.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/test_call.hpp"

namespace boathouse::intake {
namespace {

using rowing::Stream;
using testing::ElementsAre;
using testing::HasSubstr;
using wire::ItemKind;
using wire::ItemResult;
using wire::Outcome;

constexpr const char* kReplica = "018bcfe5-6800-7abc-8def-0123456789ab";

base::Uuid uuid(std::uint8_t last) {
  base::Uuid id;
  id.bytes[6] = 0x70;
  id.bytes[15] = last;
  return id;
}

// An item with its body.
struct Owned {
  wire::Item item;
  base::Bytes body;
};

Owned birth(const base::Uuid& rec_id) {
  rowing::Birth facts;
  facts.rec_id = rec_id;
  facts.started_ms = 1'700'000'000'000;
  const std::string json = wire::encode_birth(facts);
  Owned owned;
  owned.item.kind = ItemKind::birth;
  owned.item.rec_id = rec_id;
  owned.body.assign(json.begin(), json.end());
  owned.item.sha256 = base::sha256(owned.body);
  return owned;
}

Owned seal(const base::Uuid& rec_id, std::uint32_t revision) {
  rowing::Seal facts;
  facts.rec_id = rec_id;
  facts.revision = revision;
  facts.streams[Stream::sample] = {10, base::Digest{}};
  const std::string json = wire::encode_seal(facts);
  Owned owned;
  owned.item.kind = ItemKind::seal;
  owned.item.rec_id = rec_id;
  owned.item.revision = revision;
  owned.body.assign(json.begin(), json.end());
  owned.item.sha256 = base::sha256(owned.body);
  return owned;
}

std::vector<rowing::Record> records(Stream stream, std::size_t count, std::int64_t first = 1) {
  std::vector<rowing::Record> result;
  for (std::size_t i = 0; i < count; ++i) {
    rowing::Record record;
    record.stream = stream;
    record.values.assign(rowing::metrics(stream).size(), rowing::kNull);
    record.values[0] = first + static_cast<std::int64_t>(i);
    result.push_back(std::move(record));
  }
  return result;
}

Owned chunk(const base::Uuid& rec_id, Stream stream, std::uint64_t from, std::size_t count, std::int64_t first = 1) {
  const auto sealed = wire::seal_chunk(stream, from, records(stream, count, first));
  EXPECT_TRUE(sealed) << sealed.error().text;
  Owned owned;
  owned.item.kind = ItemKind::chunk;
  owned.item.rec_id = rec_id;
  owned.item.stream = stream;
  owned.item.from = sealed->from;
  owned.item.to = sealed->to;
  owned.item.version = sealed->version;
  owned.item.sha256 = sealed->sha256;
  owned.body = sealed->body;
  return owned;
}

std::string batch_of(const std::vector<Owned>& items) {
  wire::BatchWriter writer;
  for (const Owned& owned : items) {
    wire::Item item = owned.item;
    item.body = owned.body;
    writer.add(item);
  }
  const base::Bytes bytes = writer.take();
  return {bytes.begin(), bytes.end()};
}

class IntakeTest : public testing::Test {
 protected:
  IntakeTest() {
    accounts_ = *control::Accounts::open(folder_.path(), clock_, random_);
    ledger_ = *ledger::Ledger::open({.path = folder_.file("ledger.db")}, clock_, random_);
    operator_key_ = accounts_->create_operator_key()->text;
    const auto anna = accounts_->create_athlete_key("Anna");
    anna_ = anna->key.athlete->id;
    headers_.add("Authorization", "Bearer " + anna->text);
    headers_.add("Content-Type", wire::kBatchMediaType);
    headers_.add("Boathouse-Replica", kReplica);
    EXPECT_TRUE(add_routes(routes_, *accounts_, *ledger_));
  }

  http::Response post(std::string body) { return post(std::move(body), headers_); }
  http::Response post(std::string body, http::Headers headers) {
    return control::call(routes_, {.method = http::Method::post,
                                   .target = "/v1/sync/batch",
                                   .headers = std::move(headers),
                                   .body = std::move(body)});
  }
  http::Headers with(std::string_view name, std::string_view value) {
    http::Headers headers = headers_;
    headers.set(name, value);
    return headers;
  }
  std::vector<ItemResult> results(const http::Response& response, std::size_t count) {
    EXPECT_EQ(response.status, 200) << response.body;
    auto reply = wire::decode_reply(response.body, count);
    EXPECT_TRUE(reply) << reply.error().text;
    EXPECT_EQ(reply->epoch, ledger_->epoch());
    EXPECT_EQ(reply->replica_id.text(), kReplica);
    return reply->results;
  }
  std::vector<ItemResult> send(const std::vector<Owned>& items) { return results(post(batch_of(items)), items.size()); }
  static std::string detail(const http::Response& response) {
    const auto problem = base::parse_json(response.body);
    EXPECT_TRUE(problem) << response.body;
    const auto* text = problem ? problem->find("detail") : nullptr;
    return text != nullptr && text->text() != nullptr ? *text->text() : "";
  }

  control::TemporaryFolder folder_;
  base::ManualClock clock_{1'700'000'000'000};
  base::SystemRandom random_;
  std::unique_ptr<control::Accounts> accounts_;
  std::unique_ptr<ledger::Ledger> ledger_;
  http::RouteTable routes_;
  http::Headers headers_;
  base::Uuid anna_;
  std::string operator_key_;
};

// ---- good batches ----

TEST_F(IntakeTest, AWholeRecordingIsStoredAndAnsweredInOrder) {
  const std::vector<Owned> items{birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10),
                                 chunk(uuid(1), Stream::stroke, 0, 3), seal(uuid(1), 1)};
  const auto first = send(items);
  for (const ItemResult& result : first) {
    EXPECT_EQ(result.outcome, Outcome::stored) << result.detail;
    EXPECT_GT(result.server_seq, 0);
  }
  EXPECT_THAT(first[1].have, ElementsAre(wire::Range{0, 10}));
  const auto state = *ledger_->recording(uuid(1));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->athlete, anna_);
  EXPECT_EQ(state->birth.started_ms, 1'700'000'000'000);
  EXPECT_EQ(state->seal->revision, 1U);
  EXPECT_EQ(ledger_->chunks(uuid(1), Stream::sample)->at(0).body, items[1].body);

  const auto again = send(items);
  for (std::size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(again[i].outcome, Outcome::duplicate);
    EXPECT_EQ(again[i].server_seq, first[i].server_seq);
  }
}

TEST_F(IntakeTest, TheBodyMayBeCompressed) {
  const std::string plain = batch_of({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10)});
  const base::Bytes packed = wire::compress(base::as_bytes(plain));
  const auto response = post(std::string(base::as_text(packed)), with("Content-Encoding", "zstd"));
  EXPECT_EQ(results(response, 2)[1].outcome, Outcome::stored);
  EXPECT_EQ(results(post(plain, with("Content-Encoding", "identity")), 2)[1].outcome, Outcome::duplicate);
}

TEST_F(IntakeTest, TheDigestIsOfTheBytesAsTheyCame) {
  const std::string plain = batch_of({birth(uuid(1))});
  EXPECT_EQ(post(plain, with("Content-Digest", wire::make_content_digest(base::as_bytes(plain)))).status, 200);
  const std::string packed(base::as_text(wire::compress(base::as_bytes(plain))));
  http::Headers headers = with("Content-Encoding", "zstd");
  headers.set("Content-Digest", wire::make_content_digest(base::as_bytes(packed)));
  EXPECT_EQ(post(packed, headers).status, 200);
  headers.set("Content-Digest", wire::make_content_digest(base::as_bytes(plain)));
  EXPECT_EQ(post(packed, headers).status, 422);
  EXPECT_EQ(post(plain, with("Content-Digest", "sha-512=:AAAA:")).status, 200);
  for (const char* malformed : {"sha-256", "sha-256=AAAA", "sha-256=:AAAA:", "sha-256=:%%%%:", "=", "sha-256=:"}) {
    EXPECT_EQ(post(plain, with("Content-Digest", malformed)).status, 422) << malformed;
  }
}

TEST_F(IntakeTest, TheHandlerWaitsForNobodyAndTheCommitAnswers) {
  std::promise<void> held;
  std::promise<void> release;
  ledger_->submit({anna_, uuid(9), {}}, [&](auto&&) {
    held.set_value();
    release.get_future().wait();
  });
  held.get_future().wait();
  http::Request request;
  request.headers = headers_;
  request.identity = control::Identity{uuid(8), control::Role::athlete, anna_};
  request.body = batch_of({birth(uuid(1))});
  std::promise<http::Response> answer;
  auto response = answer.get_future();
  std::get<http::AsyncHandler>(routes_.routes().front().handler)(
      std::move(request), [&answer](http::Response one) { answer.set_value(std::move(one)); });
  // The handler is back although the committer stands still; so there is no answer yet.
  EXPECT_EQ(response.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  release.set_value();
  EXPECT_EQ(results(response.get(), 1)[0].outcome, Outcome::stored);
}

// ---- what is wrong in one item refuses that item alone ----

TEST_F(IntakeTest, WrongItemsAreNamedAndTheOthersGoOn) {
  struct Wrong {
    std::string says;
    Owned owned;
  };
  std::vector<Wrong> wrong;
  const auto add = [&wrong](std::string says, Owned owned, const std::function<void(Owned&)>& spoil) {
    spoil(owned);
    wrong.push_back({std::move(says), std::move(owned)});
  };
  const auto good = [] { return chunk(uuid(1), Stream::sample, 20, 10); };
  add("", good(), [](Owned& o) { o.item.sha256[0] ^= 1; });
  add("", good(), [](Owned& o) { o.body.resize(o.body.size() / 2); });
  add("", good(), [](Owned& o) { o.body.clear(); });
  add("", good(), [](Owned& o) { o.body = base::Bytes(100, 'x'); });
  add("stream: the item says stroke, its body sample", good(), [](Owned& o) { o.item.stream = Stream::stroke; });
  add("first record: the item says 21, its body 20", good(), [](Owned& o) { o.item.from = 21; });
  add("records: the item says 11, its body 10", good(), [](Owned& o) { o.item.to = 31; });
  add("records: the item says 9, its body 10", good(), [](Owned& o) { o.item.to = 29; });
  add("SHA-256", birth(uuid(2)), [](Owned& o) { o.item.sha256[0] ^= 1; });
  add("rec_id: the item says", birth(uuid(2)), [](Owned& o) { o.item.rec_id = uuid(3); });
  const auto facts = [](std::string json) {
    return [json](Owned& o) {
      o.body.assign(json.begin(), json.end());
      o.item.sha256 = base::sha256(o.body);
    };
  };
  add("", birth(uuid(2)), facts("{"));
  add("", birth(uuid(2)), facts("{}"));
  add("", birth(uuid(2)), facts("{\"rec_id\": \"\xff\"}"));
  add("", birth(uuid(2)), facts(std::string(100'000, '[')));
  add("revision: the item says 2, its body 1", seal(uuid(1), 1), [](Owned& o) { o.item.revision = 2; });
  add("rec_id: the item says", seal(uuid(1), 1), [](Owned& o) { o.item.rec_id = uuid(3); });
  add("", seal(uuid(1), 1), facts("[]"));
  add("unknown recording: send its birth first", chunk(uuid(77), Stream::sample, 0, 5), [](Owned&) {});

  std::vector<Owned> items{birth(uuid(1))};
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    items.push_back(wrong[i].owned);
    items.push_back(chunk(uuid(1), Stream::stroke, 2 * i, 2));
  }
  const auto answers = send(items);
  EXPECT_EQ(answers[0].outcome, Outcome::stored);
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    EXPECT_EQ(answers[2 * i + 1].outcome, Outcome::rejected) << i << ' ' << wrong[i].says;
    EXPECT_FALSE(answers[2 * i + 1].detail.empty()) << i;
    EXPECT_THAT(answers[2 * i + 1].detail, HasSubstr(wrong[i].says));
    EXPECT_EQ(answers[2 * i + 2].outcome, Outcome::stored) << i;
  }
  const auto state = *ledger_->recording(uuid(1));
  ASSERT_EQ(state->streams.size(), 1U);
  EXPECT_EQ(state->streams[0].records, 2 * wrong.size());
}

TEST_F(IntakeTest, MismatchesComeFromTheLedger) {
  send({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10)});
  const auto answers = send({chunk(uuid(1), Stream::sample, 0, 10, 500), chunk(uuid(1), Stream::sample, 5, 10),
                             chunk(uuid(1), Stream::sample, 10, 10)});
  EXPECT_EQ(answers[0].outcome, Outcome::mismatch);
  EXPECT_EQ(answers[1].outcome, Outcome::mismatch);
  EXPECT_EQ(answers[2].outcome, Outcome::stored);
}

TEST_F(IntakeTest, AnotherAthletesRecordingStaysUnknown) {
  send({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10)});
  headers_.set("Authorization", "Bearer " + accounts_->create_athlete_key("Ben")->text);
  const auto answers = send({chunk(uuid(1), Stream::sample, 0, 10), birth(uuid(1))});
  EXPECT_EQ(answers[0].detail, "unknown recording: send its birth first");
  EXPECT_TRUE(answers[0].have.empty());
  EXPECT_EQ(answers[1].outcome, Outcome::rejected);
}

TEST_F(IntakeTest, AVersionOfTomorrowIsForLater) {
  wire::Columns columns;
  columns.rows = 1;
  columns.columns.assign(rowing::metrics(Stream::sample).size() + 1, {1});
  const std::uint32_t newer = rowing::kCatalogueVersion + 1;
  const base::Bytes canonical = wire::encode_columns(Stream::sample, newer, 0, columns);
  Owned owned = chunk(uuid(1), Stream::sample, 0, 1);
  owned.item.version = newer;
  owned.item.sha256 = base::sha256(canonical);
  owned.body = wire::compress(canonical);
  const auto answers = send({birth(uuid(1)), owned});
  EXPECT_EQ(answers[1].outcome, Outcome::later) << answers[1].detail;
  EXPECT_GT(answers[1].retry_after_s, 0);
  EXPECT_EQ((*ledger_->recording(uuid(1)))->streams.size(), 0U);
}

// ---- what refuses the whole batch ----

TEST_F(IntakeTest, HeadersAreJudgedBeforeTheBody) {
  const std::string garbage = "never looked at";
  http::Headers no_key = headers_;
  no_key.set("Authorization", "");
  EXPECT_EQ(post(garbage, no_key).status, 401);
  const auto operators = post(garbage, with("Authorization", "Bearer " + operator_key_));
  EXPECT_EQ(operators.status, 403);
  EXPECT_THAT(detail(operators), HasSubstr("boathouse key create --athlete NAME"));

  for (const char* type : {"", "application/json", "application/vnd.boathouse.batch2", "text/plain"}) {
    const auto response = post(garbage, with("Content-Type", type));
    EXPECT_EQ(response.status, 415) << type;
    EXPECT_THAT(detail(response), HasSubstr(wire::kBatchMediaType));
  }
  for (const char* coding : {"gzip", "br", "zstd, zstd", "identity, zstd"}) {
    const auto response = post(garbage, with("Content-Encoding", coding));
    EXPECT_EQ(response.status, 415) << coding;
    EXPECT_EQ(*response.headers.find("Accept-Encoding"), "zstd, identity");
  }
  for (const char* replica : {"", "me", "018BCFE5-6800-7ABC-8DEF-0123456789AB"}) {
    const auto response = post(garbage, with("Boathouse-Replica", replica));
    EXPECT_EQ(response.status, 400) << replica;
    EXPECT_THAT(response.body, HasSubstr("header:Boathouse-Replica"));
  }
  EXPECT_EQ(post(std::string(wire::kMaxBatchBytes + 1, 'x')).status, 413);
  EXPECT_EQ(post(garbage).status, 400);
  EXPECT_EQ(ledger_->counts()->recordings, 0U);
}

TEST_F(IntakeTest, ACompressionBombIsCutShort) {
  const std::string zeros(std::size_t{64} << 20, '\0');
  const base::Bytes bomb = wire::compress(base::as_bytes(zeros));
  ASSERT_LT(bomb.size(), std::size_t{64} << 10);
  EXPECT_EQ(post(std::string(base::as_text(bomb)), with("Content-Encoding", "zstd")).status, 413);
  EXPECT_EQ(post("not zstd", with("Content-Encoding", "zstd")).status, 400);
  EXPECT_EQ(
      post(std::string(base::as_text(bomb).substr(0, bomb.size() / 2)), with("Content-Encoding", "zstd")).status / 100,
      4);
}

TEST_F(IntakeTest, AFramingErrorNamesItsPlace) {
  const std::string whole = batch_of({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10)});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto response = post(whole.substr(0, length));
    ASSERT_EQ(response.status, 400) << length;
    EXPECT_THAT(detail(response), testing::ContainsRegex(length < 6 ? "does not begin with" : "byte [0-9]+")) << length;
  }
  EXPECT_EQ(post(whole + "x").status, 400);
  EXPECT_EQ(post(batch_of({})).status, 400);
  EXPECT_EQ(ledger_->counts()->recordings, 0U);
}

TEST_F(IntakeTest, AProtocolOfTomorrowIsRefusedByName) {
  std::string batch = batch_of({birth(uuid(1))});
  ASSERT_EQ(batch[3], static_cast<char>(wire::kProtocolVersion));
  batch[3] = static_cast<char>(wire::kProtocolVersion + 1);
  EXPECT_EQ(post(batch).status, 415);
}

TEST_F(IntakeTest, AnyDamageIsRefusedOrHarmless) {
  const std::vector<Owned> items{birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 20),
                                 chunk(uuid(1), Stream::event, 0, 2), seal(uuid(1), 1)};
  const std::string whole = batch_of(items);
  base::SeededRandom dice(99);
  for (int round = 0; round < 400; ++round) {
    std::string damaged = whole;
    for (std::uint64_t flips = 1 + dice.below(3); flips > 0; --flips) {
      damaged[dice.below(damaged.size())] ^= static_cast<char>(1 + dice.below(255));
    }
    const auto response = post(damaged);
    ASSERT_TRUE(response.status == 200 || response.status == 400 || response.status == 413 || response.status == 415)
        << response.status << ' ' << response.body;
  }
  // Whatever got in is what its hash says.
  const auto recordings = ledger_->recordings(std::nullopt, std::nullopt, 1000);
  for (const auto& recording : *recordings) {
    for (const auto& stream : recording.streams) {
      const auto chunks = ledger_->chunks(recording.rec_id, stream.stream);
      for (const auto& one : *chunks) {
        const auto opened = wire::open_chunk(one.body, one.sha256);
        ASSERT_TRUE(opened);
        EXPECT_EQ(opened->from, one.from);
        EXPECT_EQ(opened->columns.rows, one.to - one.from);
      }
    }
  }
  for (const ItemResult& result : send(items)) {
    EXPECT_TRUE(result.outcome == Outcome::stored || result.outcome == Outcome::duplicate) << result.detail;
  }
}

TEST_F(IntakeTest, ALedgerThatCannotStoreMeansComeAgain) {
  ledger_->stop();
  const auto response = post(batch_of({birth(uuid(1))}));
  EXPECT_EQ(response.status, 503);
  ASSERT_NE(response.headers.find("Retry-After"), nullptr);
  EXPECT_THAT(detail(response), HasSubstr("send the same bytes again"));
  EXPECT_FALSE(response.note.empty());
  // What never reaches the ledger is answered all the same.
  Owned wrong = chunk(uuid(1), Stream::sample, 0, 10);
  wrong.item.sha256[0] ^= 1;
  EXPECT_EQ(send({wrong})[0].outcome, Outcome::rejected);
}

}  // namespace
}  // namespace boathouse::intake
