// POST /v1/sync/batch through a route table, a real ledger behind it: the way of good batches, and hostile ones.
#include "server/intake/intake.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "core/rowing/catalogue.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/compression.hpp"
#include "core/wire/content_digest.hpp"
#include "server/control/authenticator.hpp"
#include "server/intake/item_check.hpp"
#include "server/intake/test_intake.hpp"

namespace boathouse::intake {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

TEST_F(IntakeTest, AnEditMayComeBeforeItsBirth) {
  const std::vector<Owned> items{edit(uuid(1), uuid(8)), birth(uuid(1)), edit(uuid(1), uuid(9))};
  const auto first = send(items);
  for (const ItemResult& result : first) {
    EXPECT_EQ(result.outcome, Outcome::stored) << result.detail;
  }
  EXPECT_EQ(send(items)[0], (ItemResult{Outcome::duplicate, first[0].server_seq, {}, {}, 0}));
  Owned other = edit(uuid(1), uuid(8), "another title");
  EXPECT_EQ(send({other})[0].outcome, Outcome::mismatch);
}

TEST_F(IntakeTest, ABatchWhoseKeyIsRevokedWhileItWaitsIsAnsweredAsOneOfARevokedKey) {
  before_storing_ = [this] { EXPECT_TRUE(accounts_->revoke(anna_key_)); };
  const auto waited = post(batch_of({birth(uuid(1))}));
  EXPECT_EQ(waited.status, 401);
  EXPECT_EQ(detail(waited), detail(post(batch_of({birth(uuid(1))})))) << "to the word";
  EXPECT_FALSE(*ledger_->recording(uuid(1)));
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
  request.identity = control::Identity{anna_key_, control::Role::athlete, anna_, {}};
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
  add("the range [4294967286, 4294967297) reaches beyond 4294967296",
      chunk(uuid(1), Stream::sample, wire::kMaxStreamRecords - 10, 11), [](Owned&) {});
  add("reaches beyond", chunk(uuid(1), Stream::source, wire::kMaxStreamRecords, 1), [](Owned&) {});
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
  rowing::Seal beyond;
  beyond.rec_id = uuid(1);
  beyond.revision = 1;
  beyond.streams[Stream::stroke].count = wire::kMaxStreamRecords + 1;
  add("the count 4294967297 of stroke is beyond 4294967296", seal(uuid(1), 1), facts(wire::encode_seal(beyond)));
  add("SHA-256", edit(uuid(1), uuid(8)), [](Owned& o) { o.item.sha256[0] ^= 1; });
  add("session: the item says", edit(uuid(1), uuid(8)), [](Owned& o) { o.item.rec_id = uuid(3); });
  rowing::Edit tag;
  tag.field = rowing::EditField::tag;
  tag.name = std::string("a\0b", 3);
  tag.flag = true;
  add("must not hold control characters", edit_of(tag, uuid(1), uuid(8)), [](Owned&) {});
  add("op_id: the item says", edit(uuid(1), uuid(8)), [](Owned& o) { o.item.op_id = uuid(9); });
  add("edit: \"op_id\" is missing", edit(uuid(1), uuid(8)), facts("{}"));
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

TEST_F(IntakeTest, TheLastRecordsThatAStreamMayHaveAreTaken) {
  rowing::Seal facts;
  facts.rec_id = uuid(1);
  facts.revision = 1;
  facts.streams[Stream::sample].count = wire::kMaxStreamRecords;
  const std::string json = wire::encode_seal(facts);
  Owned full = seal(uuid(1), 1);
  full.body.assign(json.begin(), json.end());
  full.item.sha256 = base::sha256(full.body);
  for (const ItemResult& result :
       send({birth(uuid(1)), chunk(uuid(1), Stream::sample, wire::kMaxStreamRecords - 10, 10), full})) {
    EXPECT_EQ(result.outcome, Outcome::stored) << result.detail;
  }
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

TEST_F(IntakeTest, ABatchOfCompressionBombsIsPutOffAfterAsMuchAsOneMayUnpack) {
  Owned bomb = chunk(uuid(1), Stream::sample, 0, 10);
  bomb.body = wire::compress(base::Bytes(wire::kMaxCanonicalBytes));
  constexpr std::size_t kOpened = kMaxUnpackedBytes / wire::kMaxCanonicalBytes;
  std::vector<Owned> items{birth(uuid(1))};
  items.insert(items.end(), kOpened + 5, bomb);
  const Owned honest = chunk(uuid(1), Stream::sample, 0, 10);
  items.push_back(honest);
  ASSERT_LT(batch_of(items).size(), std::size_t{64} << 10);
  const auto answers = send(items);
  EXPECT_EQ(answers[0].outcome, Outcome::stored);
  EXPECT_EQ(answers[kOpened].outcome, Outcome::rejected);
  for (std::size_t i = kOpened + 1; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].outcome, Outcome::later);
    EXPECT_EQ(answers[i].retry_after_s, 1);
    EXPECT_THAT(answers[i].detail, HasSubstr("in another one"));
  }
  EXPECT_EQ(send({honest})[0].outcome, Outcome::stored);
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
  // A refusal that cannot be written down is not given either: the device would give up what nobody knows of.
  Owned wrong = chunk(uuid(1), Stream::sample, 0, 10);
  wrong.item.sha256[0] ^= 1;
  EXPECT_EQ(post(batch_of({wrong})).status, 503);
}

// What was on its way when the athlete's keys were shut out: an answer for each item, as of docs/protocol.md.
TEST_F(IntakeTest, OfAnAthleteWhoIsToBeErasedNothingIsTaken) {
  send({birth(uuid(1))});
  ASSERT_TRUE(ledger_->ask_erasure(anna_, clock_.utc_ms() + 1000, {}));
  for (const ItemResult& answer : send({chunk(uuid(1), Stream::sample, 0, 10), birth(uuid(2))})) {
    EXPECT_EQ(answer.outcome, Outcome::later);
    EXPECT_EQ(answer.retry_after_s, 3600);
    EXPECT_THAT(answer.detail, HasSubstr("this athlete's data is to be erased"));
  }
  clock_.advance_ms(1000);
  ASSERT_TRUE(ledger_->begin_erasing(anna_));
  for (const ItemResult& answer : send({chunk(uuid(1), Stream::sample, 0, 10), birth(uuid(2))})) {
    EXPECT_EQ(answer.outcome, Outcome::rejected);
    EXPECT_THAT(answer.detail, HasSubstr("this athlete's data is erased"));
  }
}

TEST_F(IntakeTest, TheAuditHasEachBatchAndEachRefusedItemWithItsKey) {
  Owned wrong = chunk(uuid(1), Stream::sample, 0, 10);
  wrong.item.sha256[0] ^= 1;
  Owned strange = edit(uuid(1), uuid(50));
  strange.item.op_id = uuid(51);
  EXPECT_EQ(send({birth(uuid(1)), wrong, strange}).size(), 3U);
  EXPECT_EQ(send({wrong}).size(), 1U);
  const auto records = *ledger_->audit(0, 100);
  std::vector<std::string> kinds;
  for (const ledger::AuditRecord& record : records) {
    kinds.push_back(record.entry.kind);
    EXPECT_EQ(record.entry.athlete, anna_);
    EXPECT_EQ(record.entry.replica->text(), kReplica);
    const auto key = accounts_->keys(std::nullopt, 10)->back();
    EXPECT_EQ(key.athlete->id, anna_);
    EXPECT_EQ(record.entry.key, key.id);
  }
  EXPECT_THAT(kinds, ElementsAre("submission", "refused", "refused", "submission")) << "the same again is named once";
  EXPECT_THAT(records[0].entry.what, HasSubstr("items=3 stored=1 duplicate=0 mismatch=0 rejected=2"));
  EXPECT_THAT(records[1].entry.what, HasSubstr("item=chunk " + uuid(1).text() + " sample 0-10 sha256="));
  EXPECT_THAT(records[2].entry.what, HasSubstr("item=edit " + uuid(1).text() + " " + uuid(51).text()));
  EXPECT_THAT(records[2].entry.what, HasSubstr("reason=op_id: the item says"));
  EXPECT_FALSE(ledger_->verify_audit()->difference);
}

}  // namespace
}  // namespace boathouse::intake
