// What the ledger tells of one recording's way, and to whom.
#include "server/ledger/trail.hpp"

#include <gmock/gmock.h>

#include "server/ledger/rows.hpp"
#include "server/ledger/schema.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/sql/migrations.hpp"

namespace boathouse::ledger {
namespace {

using rowing::EditField;
using rowing::Stream;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::Range;

class TrailTest : public LedgerTest {
 protected:
  std::optional<Trail> trail(const std::optional<base::Uuid>& athlete = kAnna, const base::Uuid& rec_id = kRec) {
    auto found = ledger_->trail(athlete, rec_id);
    EXPECT_TRUE(found) << found.error().text;
    return std::move(*found);
  }
};

TEST_P(TrailTest, FollowsARecordingFromItsBirthToTheLoader) {
  EXPECT_FALSE(trail());
  put({birth_entry(uuid(7))});
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 20, 30),
       chunk_entry(kRec, Stream::stroke, 0, 4)});
  auto now = trail();
  ASSERT_TRUE(now && now->state);
  EXPECT_EQ(now->athlete, kAnna);
  EXPECT_EQ(now->replica, uuid(99));
  EXPECT_EQ(now->birth_seq, 2);
  EXPECT_FALSE(now->seal_received_ms);
  EXPECT_TRUE(now->session_waits);
  EXPECT_THAT(now->state->streams.at(0).have, ElementsAre(Range{0, 10}, Range{20, 30}));
  EXPECT_EQ(now->waiting.at(Stream::sample).chunks, 2U);
  EXPECT_EQ(now->waiting.at(Stream::sample).records, 20U);
  EXPECT_EQ(now->waiting.at(Stream::sample).in_blocks, 0U);
  EXPECT_EQ(now->waiting.at(Stream::stroke).records, 4U);

  clock_.advance_ms(5);
  put({seal_entry(kRec, 1, 30)});
  const auto block = *ledger_->next_block(1000, 1'000'000);
  EXPECT_EQ(trail()->waiting.at(Stream::sample).in_blocks, 2U);
  EXPECT_EQ(trail()->seal_received_ms, clock_.utc_ms());
  ASSERT_TRUE(ledger_->finish_block(block->block_id));
  EXPECT_FALSE(trail()->waiting.contains(Stream::sample));
  EXPECT_TRUE(trail()->waiting.contains(Stream::stroke));
  const auto dirty = *ledger_->dirty_sessions(10);
  ASSERT_TRUE(ledger_->sessions_written(dirty));
  EXPECT_FALSE(trail()->session_waits);
}

TEST_P(TrailTest, TellsHowFarAnAthletesDataIs) {
  const auto version = [this](const base::Uuid& athlete) {
    const auto found = ledger_->data_version(athlete);
    EXPECT_TRUE(found) << found.error().text;
    return std::pair(found->accepted_seq, found->visible_seq);
  };
  const auto write_rows = [this] { ASSERT_TRUE(ledger_->sessions_written(*ledger_->dirty_sessions(10))); };
  const auto load = [this] {
    while (true) {
      const auto block = *ledger_->next_block(1000, 1'000'000);
      if (!block) return;
      ASSERT_TRUE(ledger_->finish_block(block->block_id));
    }
  };
  EXPECT_EQ(version(kAnna), std::pair(0L, 0L));
  ASSERT_TRUE(submit(*ledger_, kBen, {birth_entry(uuid(7))}));
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  EXPECT_EQ(version(kAnna), std::pair(3L, 1L)) << "neither its row nor its records are there";
  write_rows();
  EXPECT_EQ(version(kAnna), std::pair(3L, 2L)) << "the birth is shown";
  EXPECT_EQ(version(kBen), std::pair(1L, 1L));
  const std::int64_t stroke = put_one(chunk_entry(kRec, Stream::stroke, 0, 10)).server_seq;
  EXPECT_EQ(version(kAnna), std::pair(stroke, 2L));
  load();
  EXPECT_EQ(version(kAnna), std::pair(stroke, stroke));
  // A row that was read before the newest changes, and is written after them.
  const auto read = *ledger_->dirty_sessions(10);
  const std::int64_t seal = put_one(seal_entry(kRec, 1, 10)).server_seq;
  const std::int64_t title = put_one(title_entry(kRec, 900, "5 x 500")).server_seq;
  ASSERT_TRUE(ledger_->sessions_written(read));
  EXPECT_EQ(version(kAnna).first, title);
  EXPECT_LT(version(kAnna).second, seal);
  EXPECT_GE(version(kAnna).second, stroke);
  write_rows();
  EXPECT_EQ(version(kAnna), std::pair(title, title));
  ASSERT_TRUE(ledger_->remove({kRec, Stream::stroke, {0, 10}}));
  write_rows();
  const auto removed = version(kAnna);
  EXPECT_GT(removed.first, title);
  EXPECT_EQ(removed.second, removed.first - 1) << "rows are still to be erased";
  const auto bens = submit(*ledger_, kBen, {chunk_entry(uuid(7), Stream::sample, 0, 10)});
  ASSERT_TRUE(bens);
  EXPECT_EQ(version(kAnna), removed);
  EXPECT_EQ(version(kBen), std::pair(bens->at(0).server_seq, bens->at(0).server_seq - 1));
}

TEST_P(TrailTest, NamesWhatWasKeptAsideRefusedAndRemoved) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 10, 20),
       chunk_entry(kRec, Stream::sample, 20, 30), seal_entry(kRec, 1, 30)});
  put({chunk_entry(kRec, Stream::sample, 10, 20, "other")});
  Entry unread = chunk_entry(kRec, Stream::stroke, 0, 5);
  unread.refusal.emplace();
  unread.refusal->detail = "this is broken";
  Entry of_another = seal_entry(uuid(555), 1, 5);
  of_another.refusal.emplace();
  of_another.refusal->detail = "the item says " + kRec.text() + " somewhere";
  put({unread, of_another});
  ASSERT_TRUE(ledger_->remove({kRec, Stream::sample, {0, 10}}));
  ASSERT_TRUE(ledger_->remove({kRec, Stream::sample, {10, 20}}));
  const auto now = trail();
  EXPECT_THAT(now->gone.at(Stream::sample), ElementsAre(Range{0, 20}));
  ASSERT_EQ(now->quarantined.size(), 1U);
  EXPECT_EQ(now->quarantined[0].kind, wire::ItemKind::chunk);
  EXPECT_EQ(now->quarantined[0].range, (Range{10, 20}));
  EXPECT_EQ(now->quarantined[0].sha256, chunk_entry(kRec, Stream::sample, 10, 20, "other").sha256);
  EXPECT_THAT(now->quarantined[0].reason, HasSubstr("kept aside"));
  ASSERT_EQ(now->refused.size(), 2U);
  EXPECT_THAT(now->refused[0].entry.what, HasSubstr("stroke 0-5"));
  EXPECT_THAT(now->refused[0].entry.what, HasSubstr("this is broken"));
  EXPECT_THAT(now->refused[1].entry.what, HasSubstr("outcome=mismatch"));
}

TEST_P(TrailTest, FindsEachOfManyItemsThatWereRefusedTogether) {
  std::vector<Entry> entries;
  for (std::uint64_t i = 0; i < 500; ++i) entries.push_back(chunk_entry(uuid(10'000 + i), Stream::sample, 0, 10));
  put(entries);
  for (const Entry& entry : {entries.front(), entries[250], entries.back()}) {
    const auto found = trail(kAnna, entry.rec_id);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->refused.size(), 1U);
    EXPECT_THAT(found->refused[0].entry.what, HasSubstr("item=chunk " + entry.rec_id.text() + " sample 0-10 sha256="));
  }
}

// Records of before are found too.
TEST_P(TrailTest, RefusalsOfVersion12AreFound) {
  sql::TestDatabase old(GetParam(), folder_.file("old.db"));
  auto connection = sql::Connection::open(old.place());
  ASSERT_TRUE(connection);
  ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(12)}));
  std::int64_t n = 0;
  for (const std::string& what :
       {"outcome=rejected item=chunk " + kRec.text() + " sample 0-10 sha256=00 reason=an item=seal of it",
        "outcome=mismatch item=birth " + uuid(555).text() + " sha256=00 reason=other",
        std::string("more=180 digest=00")}) {
    auto insert = connection->prepare(
        "INSERT INTO audit (n, at_ms, kind, athlete, what, hash) VALUES (?1, 1, 'refused', ?2, ?3, ?4)");
    insert->bind(1, ++n).bind(2, base::ByteView(kAnna.bytes)).bind(3, what).bind(4, base::Digest{});
    const auto done = insert->run();
    ASSERT_TRUE(done) << done.error().text;
  }
  const auto migrated = sql::migrate(*connection, kSchema);
  ASSERT_TRUE(migrated) << migrated.error().text;
  std::vector<std::pair<std::int64_t, base::Uuid>> found;
  auto select = connection->prepare("SELECT n, rec_id FROM refusal WHERE athlete = ?1 AND digest IS NULL ORDER BY n");
  select->bind(1, base::ByteView(kAnna.bytes));
  ASSERT_TRUE(each_row(
      *select, [&found](const sql::Statement& row) { found.emplace_back(row.integer(0), uuid_of(row.blob(1))); }));
  EXPECT_THAT(found, ElementsAre(std::pair(1, kRec), std::pair(2, uuid(555))));
}

TEST_P(TrailTest, OfAPurgedOneTheDateIsLeft) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 0, 10, "other")});
  put({flag_entry(kRec, 2, EditField::deleted, true), flag_entry(kRec, 3, EditField::purged, true)});
  const auto now = trail();
  EXPECT_EQ(now->purged_ms, clock_.utc_ms());
  EXPECT_EQ(now->athlete, kAnna);
  EXPECT_FALSE(now->state);
  EXPECT_THAT(now->refused, IsEmpty());
}

TEST_P(TrailTest, SomebodyElsesIsAsUnknownAsNone) {
  put({birth_entry(kRec)});
  EXPECT_TRUE(trail());
  EXPECT_TRUE(trail(std::nullopt));
  EXPECT_FALSE(trail(kBen));
  // Who has tried to write into it sees the own refusals, the same as for an id that is nobody's.
  const auto refused = [this](const base::Uuid& rec_id) {
    put(kBen, {chunk_entry(rec_id, Stream::sample, 0, 10)});
    const auto found = trail(kBen, rec_id);
    EXPECT_TRUE(found);
    EXPECT_FALSE(found->state);
    EXPECT_FALSE(found->athlete);
    EXPECT_EQ(found->refused.size(), 1U);
    std::string what = found->refused.at(0).entry.what;
    return what.replace(what.find(rec_id.text()), 36, "ID");
  };
  EXPECT_EQ(refused(kRec), refused(uuid(555)));
  EXPECT_THAT(trail()->refused, IsEmpty());
  EXPECT_EQ(trail(std::nullopt, uuid(555))->refused.size(), 1U);
  put({flag_entry(kRec, 2, EditField::deleted, true), flag_entry(kRec, 3, EditField::purged, true)});
  EXPECT_FALSE(trail(kBen)->purged_ms);
}

INSTANTIATE_TEST_SUITE_P(Databases, TrailTest, both_databases(), database_name);

}  // namespace
}  // namespace boathouse::ledger
