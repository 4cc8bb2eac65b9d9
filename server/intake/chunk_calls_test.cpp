// PUT and GET of one chunk.
#include <gmock/gmock.h>

#include <string>

#include "core/wire/content_digest.hpp"
#include "server/intake/test_intake.hpp"

namespace boathouse::intake {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ChunkCallsTest : public IntakeTest {
 protected:
  static std::string path(const wire::Item& item) {
    return "/v1/recordings/" + item.rec_id.text() + "/" + std::string(rowing::name(item.stream)) + "/" +
           std::to_string(item.from) + "-" + std::to_string(item.to);
  }
  http::Headers headers_of(const Owned& owned) {
    http::Headers headers = with("Content-Type", "application/vnd.boathouse.chunk");
    headers.set("Boathouse-Catalogue-Version", std::to_string(owned.item.version));
    headers.set("Content-Digest", wire::make_content_digest(owned.body));
    return headers;
  }
  http::Response put(const std::string& target, const Owned& owned) { return put(target, owned, headers_of(owned)); }
  http::Response put(const std::string& target, const Owned& owned, http::Headers headers) {
    return control::call(routes_,
                         {http::Method::put, target, std::move(headers), std::string(base::as_text(owned.body))});
  }
  ItemResult put(const Owned& owned) { return results(put(path(owned.item), owned), 1).at(0); }
};

TEST_F(ChunkCallsTest, WhatGoesUpComesDown) {
  send({birth(uuid(1))});
  const Owned owned = chunk(uuid(1), Stream::stroke, 30, 10);
  const ItemResult stored = put(owned);
  EXPECT_EQ(stored.outcome, Outcome::stored) << stored.detail;
  EXPECT_THAT(stored.have, ElementsAre(wire::Range{30, 40}));

  const auto response = get(path(owned.item));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(*response.headers.find("Content-Type"), "application/vnd.boathouse.chunk");
  EXPECT_EQ(*response.headers.find("Content-Digest"), wire::make_content_digest(owned.body));
  EXPECT_EQ(*response.headers.find("Boathouse-Catalogue-Version"), std::to_string(owned.item.version));
  EXPECT_EQ(response.body, base::as_text(owned.body));
  EXPECT_TRUE(wire::open_chunk(base::as_bytes(response.body), owned.item.sha256));

  // The same by PUT and by batch is one thing.
  EXPECT_EQ(put(owned).server_seq, stored.server_seq);
  const auto by_batch = send({owned}).at(0);
  EXPECT_EQ(by_batch.outcome, Outcome::duplicate);
  EXPECT_EQ(by_batch.server_seq, stored.server_seq);
  EXPECT_EQ(put(chunk(uuid(1), Stream::stroke, 30, 10, 500)).outcome, Outcome::mismatch);
}

TEST_F(ChunkCallsTest, TheResultOfABadChunkIsThatOfABatch) {
  const Owned owned = chunk(uuid(1), Stream::sample, 0, 10);
  EXPECT_THAT(put(owned).detail, HasSubstr("send its birth first"));
  send({birth(uuid(1))});
  Owned moved = owned;
  moved.item.from = 1;
  moved.item.to = 11;
  EXPECT_THAT(put(moved).detail, HasSubstr("first record"));
  moved.item = owned.item;
  moved.item.stream = Stream::stroke;
  EXPECT_THAT(put(moved).detail, HasSubstr("stream"));
  EXPECT_THAT(put(chunk(uuid(1), Stream::sample, wire::kMaxStreamRecords - 9, 10)).detail, HasSubstr("reaches beyond"));
  Owned garbage = owned;
  garbage.body.assign(100, 'x');
  EXPECT_EQ(put(garbage).outcome, Outcome::rejected);
  Owned newer = owned;
  newer.item.version = rowing::kCatalogueVersion + 1;
  EXPECT_NE(put(newer).outcome, Outcome::stored);
  EXPECT_EQ(ledger_->counts()->chunks, 0U);
}

TEST_F(ChunkCallsTest, HeadersOfAPutAreJudged) {
  send({birth(uuid(1))});
  const Owned owned = chunk(uuid(1), Stream::sample, 0, 10);
  const auto with_header = [&](const char* name, const std::string& value) {
    http::Headers headers = headers_of(owned);
    headers.set(name, value);
    return put(path(owned.item), owned, headers).status;
  };
  EXPECT_EQ(with_header("Content-Type", "application/octet-stream"), 415);
  EXPECT_EQ(with_header("Content-Encoding", "zstd"), 415);
  EXPECT_EQ(with_header("Content-Digest", wire::make_content_digest(base::as_bytes("else"))), 422);
  EXPECT_EQ(with_header("Content-Digest", "sha-256=AAAA"), 422);
  EXPECT_EQ(with_header("Content-Digest", ""), 400);
  for (const char* version : {"", "0", "-1", "x", "1.0", "4294967296"}) {
    EXPECT_EQ(with_header("Boathouse-Catalogue-Version", version), 400) << version;
  }
  EXPECT_EQ(with_header("Boathouse-Replica", "me"), 400);
  EXPECT_EQ(with_header("Authorization", ""), 401);
  EXPECT_EQ(with_header("Authorization", "Bearer " + operator_key_), 403);
  Owned big = owned;
  big.body.resize(wire::kMaxChunkBody + 1);
  EXPECT_EQ(put(path(owned.item), big).status, 413);
  EXPECT_EQ(ledger_->counts()->chunks, 0U);
}

TEST_F(ChunkCallsTest, APathThatNamesNoChunkIsNamed) {
  const Owned owned = chunk(uuid(1), Stream::sample, 0, 10);
  const std::string rec = "/v1/recordings/" + uuid(1).text();
  for (const std::string& target :
       {rec + "/sample/0", rec + "/sample/-10", rec + "/sample/0-", rec + "/sample/10-10", rec + "/sample/10-5",
        rec + "/sample/a-b", rec + "/sample/0-10-20", rec + "/sample/0-9007199254740993", rec + "/samples/0-10",
        rec + "/SAMPLE/0-10", std::string("/v1/recordings/me/sample/0-10")}) {
    EXPECT_EQ(get(target).status, 400) << target;
    EXPECT_THAT(get(target).body, HasSubstr("path:"));
    EXPECT_EQ(put(target, owned).status, 400) << target;
  }
}

TEST_F(ChunkCallsTest, WhatIsNotHereOrNotOnesOwnIsNotFound) {
  const Owned owned = chunk(uuid(1), Stream::sample, 0, 10);
  send({birth(uuid(1)), owned});
  const std::string rec = "/v1/recordings/" + uuid(1).text();
  EXPECT_EQ(get(path(owned.item)).status, 200);
  EXPECT_EQ(get(rec + "/sample/0-9").status, 404);
  EXPECT_EQ(get(rec + "/stroke/0-10").status, 404);
  EXPECT_EQ(get("/v1/recordings/" + uuid(2).text() + "/sample/0-10").status, 404);
  become_ben();
  const auto foreign = get(path(owned.item));
  EXPECT_EQ(foreign.status, 404);
  EXPECT_EQ(detail(foreign), detail(get("/v1/recordings/" + uuid(2).text() + "/sample/0-10")));
  EXPECT_EQ(put(owned).detail, "unknown recording: send its birth first");
}

TEST_F(ChunkCallsTest, WhatWasRemovedIsGone) {
  const Owned owned = chunk(uuid(1), Stream::sample, 0, 10);
  send({birth(uuid(1)), owned, chunk(uuid(1), Stream::sample, 10, 10)});
  ASSERT_TRUE(ledger_->remove({uuid(1), Stream::sample, {0, 10}}));
  EXPECT_EQ(get(path(owned.item)).status, 410);
  EXPECT_THAT(detail(get(path(owned.item))), HasSubstr("retention policy"));
  EXPECT_THAT(put(owned).detail, HasSubstr("retention"));
  ASSERT_TRUE(ledger_->remove({uuid(1), std::nullopt, {}}));
  EXPECT_EQ(get("/v1/recordings/" + uuid(1).text() + "/sample/10-20").status, 410);
  EXPECT_THAT(detail(get(path(owned.item))), HasSubstr("purged"));
  EXPECT_THAT(put(owned).detail, HasSubstr("purged"));
  become_ben();
  EXPECT_EQ(get(path(owned.item)).status, 404);
}

}  // namespace
}  // namespace boathouse::intake
