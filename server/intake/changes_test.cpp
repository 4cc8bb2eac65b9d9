// GET /v1/sync/changes.
#include "core/wire/changes.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "server/intake/test_intake.hpp"

namespace boathouse::intake {
namespace {

using rowing::EditField;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::ChangeKind;

class ChangesTest : public IntakeTest {
 protected:
  wire::ChangesReply page(std::int64_t since, const std::string& more = "") {
    const auto response = get("/v1/sync/changes?since=" + std::to_string(since) + more);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(*response.headers.find("Cache-Control"), "no-store");
    EXPECT_LE(response.body.size(), wire::kMaxReplyBytes);
    auto reply = wire::decode_changes(response.body, since);
    EXPECT_TRUE(reply) << reply.error().text;
    EXPECT_EQ(reply->epoch, ledger_->epoch());
    EXPECT_EQ(reply->replica_id.text(), kReplica);
    return *reply;
  }
  std::vector<wire::Change> all(const std::string& more = "") {
    std::vector<wire::Change> changes;
    std::int64_t since = 0;
    while (true) {
      const auto reply = page(since, more);
      changes.insert(changes.end(), reply.changes.begin(), reply.changes.end());
      since = reply.next;
      if (!reply.more) {
        return changes;
      }
    }
  }
};

TEST_F(ChangesTest, FromTheBeginningItListsWhatWasStored) {
  std::vector<Owned> items{birth(uuid(1)),         chunk(uuid(1), Stream::sample, 0, 10),
                           edit(uuid(1), uuid(8)), chunk(uuid(1), Stream::stroke, 3, 4),
                           birth(uuid(2)),         seal(uuid(1), 1)};
  const auto receipts = send(items);
  send({chunk(uuid(1), Stream::sample, 0, 10, 500)});  // a mismatch is no change
  const auto changes = all();
  ASSERT_EQ(changes.size(), items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const wire::Item& item = items[i].item;
    EXPECT_EQ(changes[i].seq, receipts[i].server_seq);
    EXPECT_EQ(wire::name(changes[i].kind), wire::name(item.kind));
    EXPECT_EQ(changes[i].rec_id, item.rec_id);
    EXPECT_EQ(changes[i].sha256, item.sha256);
    EXPECT_EQ(changes[i].op_id, item.op_id);
    EXPECT_EQ(changes[i].revision, item.revision);
    if (item.kind == ItemKind::chunk) {
      EXPECT_EQ(changes[i].stream, item.stream);
      EXPECT_EQ(changes[i].from, item.from);
      EXPECT_EQ(changes[i].to, item.to);
      EXPECT_EQ(changes[i].version, item.version);
      EXPECT_EQ(changes[i].bytes, items[i].body.size());
    } else {
      EXPECT_EQ(changes[i].json, base::as_text(items[i].body));
    }
  }
  EXPECT_EQ(all("&limit=1"), changes);
  EXPECT_EQ(all("&limit=4"), changes);
  EXPECT_EQ(page(0, "&limit=1").changes.size(), 1U);
  EXPECT_TRUE(page(0, "&limit=5").more);
  EXPECT_FALSE(page(0, "&limit=6").more);
}

TEST_F(ChangesTest, TheEndIsEmptyAndStaysWhereItIs) {
  EXPECT_EQ(page(0), (wire::ChangesReply{ledger_->epoch(), *base::Uuid::parse(kReplica), 0, {}, 0, false}));
  send({birth(uuid(1))});
  const auto last = page(0);
  EXPECT_THAT(page(last.next).changes, IsEmpty());
  EXPECT_EQ(get("/v1/sync/changes").status, 200);
}

TEST_F(ChangesTest, WhatIsBeyondTheNewestIsOfAnotherLedger) {
  send({birth(uuid(1)), edit(uuid(1), uuid(8))});
  const std::int64_t newest = page(0).next;
  become_ben();
  EXPECT_THAT(page(newest).changes, IsEmpty()) << "the number of somebody else's is a place like any other";
  const auto refused = get("/v1/sync/changes?since=" + std::to_string(newest + 1));
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.body, HasSubstr("urn:boathouse:problem:ledger-went-back"));
  EXPECT_THAT(refused.body, HasSubstr("POST /v1/sync/hello"));
}

TEST_F(ChangesTest, AthletesSeeTheirOwnAlone) {
  send({birth(uuid(1)), edit(uuid(1), uuid(8))});
  become_ben();
  EXPECT_THAT(all(), IsEmpty());
  send({birth(uuid(2))});
  EXPECT_EQ(all().size(), 1U);
}

TEST_F(ChangesTest, AStampThatWasNotTakenIsTold) {
  Owned ahead = edit(uuid(1), uuid(8));
  clock_.set_utc_ms(1'600'000'000'000);
  send({ahead});
  EXPECT_EQ(all().at(0).effective, (rowing::Stamp{1'600'000'000'000, 1}));
}

TEST_F(ChangesTest, APurgeLeavesItsTombstoneAndItsEdits) {
  send({birth(uuid(1)), chunk(uuid(1), Stream::sample, 0, 10), seal(uuid(1), 1)});
  send({flag(uuid(1), uuid(8), EditField::deleted), flag(uuid(1), uuid(9), EditField::purged)});
  const auto changes = all();
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].kind, ChangeKind::edit);
  EXPECT_EQ(changes[1].kind, ChangeKind::edit);
  EXPECT_EQ(changes[2].kind, ChangeKind::gone);
  EXPECT_EQ(changes[2].rec_id, uuid(1));
}

TEST_F(ChangesTest, LongTextsAreCutIntoPagesThatFit) {
  std::vector<Owned> items;
  for (std::uint8_t i = 0; i < 60; ++i) {
    items.push_back(note(uuid(1), uuid(static_cast<std::uint8_t>(100 + i)), std::string(10'000, '"')));
  }
  send(items);
  std::int64_t since = 0;
  std::size_t pages = 0;
  std::size_t count = 0;
  for (bool more = true; more; ++pages) {
    const auto reply = page(since);
    const std::string body = wire::encode_changes(reply);
    EXPECT_LE(body.size(), wire::kMaxChangesBytes + 1000);
    count += reply.changes.size();
    since = reply.next;
    more = reply.more;
  }
  EXPECT_EQ(count, items.size());
  EXPECT_GT(pages, 1U);
}

TEST_F(ChangesTest, AWrongQueryIsNamed) {
  for (const char* query :
       {"since=-1", "since=", "since=1.5", "since=x", "since=9007199254740993", "since=18446744073709551616", "limit=0",
        "limit=1001", "limit=", "since=1&since=2", "limit=5&limit=5", "from=0", "Since=0"}) {
    const auto response = get(std::string("/v1/sync/changes?") + query);
    EXPECT_EQ(response.status, 400) << query;
    EXPECT_THAT(response.body, HasSubstr("query:"));
  }
  EXPECT_EQ(get("/v1/sync/changes?since=0&limit=1000").status, 200);
  EXPECT_EQ(get("/v1/sync/changes?since=9007199254740992&limit=1000").status, 503) << "a number, and never given";
}

TEST_F(ChangesTest, OnlyAnAthletesStoreAsks) {
  headers_.set("Boathouse-Replica", "");
  EXPECT_EQ(get("/v1/sync/changes").status, 400);
  headers_.set("Authorization", "Bearer " + operator_key_);
  EXPECT_EQ(get("/v1/sync/changes").status, 403);
  headers_.set("Authorization", "");
  EXPECT_EQ(get("/v1/sync/changes").status, 401);
}

}  // namespace
}  // namespace boathouse::intake
