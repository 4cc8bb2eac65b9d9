// The ledger as it was at a moment between two backups.
#include "server/backup/point_in_time.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "server/backup/restore.hpp"
#include "server/backup/test_backup.hpp"

namespace boathouse::backup {
namespace {

namespace fs = std::filesystem;

class PointInTimeTest : public BackupTest {
 protected:
  std::int64_t seq() { return number_in_file("SELECT last_seq FROM state"); }

  // Restored to `moment` from the folder of backups; its ledger, or nullptr.
  std::unique_ptr<ledger::Ledger> restore_to(const Moment& moment, const sql::TestDatabase& database,
                                             Rewound* rewound = nullptr) {
    RestoreTarget target{folder_.file("restored"), {}, source().databases};
    if (GetParam() == sql::Dialect::postgres) target.shared = database.place();
    target.moment = moment;
    fs::remove_all(folder_.file("restored"));
    const auto restored = backup::restore(destination(), target, clock_, random_, ignore());
    EXPECT_TRUE(restored) << restored.error().text;
    if (!restored || !restored->verification.differences.empty()) return nullptr;
    EXPECT_NE(restored->epoch, ledger_->epoch());
    EXPECT_EQ(restored->chunks, restored->to_load);
    if (rewound != nullptr) *rewound = restored->rewound;
    return open_restored(GetParam(), database);
  }
};

TEST_P(PointInTimeTest, WhatCameLaterIsNotThere) {
  fill(1, 3);
  create();
  clock_.advance_ms(1000);
  fill(2, 2);
  put_one(ledger::seal_entry(recording(1), 1, 30));
  put_one(ledger::title_entry(recording(1), 900, "as it was"));
  put_one(chunk(1, 4));  // and chunk 3 comes later
  const std::int64_t moment = seq();
  const std::int64_t moment_ms = clock_.utc_ms();
  const std::string then = description(*ledger_);
  const std::uint64_t chunks = ledger_->counts()->chunks;
  clock_.advance_ms(60'000);
  fill(3, 4);
  put_one(chunk(1, 3));
  put_one(ledger::title_entry(recording(1), 901, "changed by mistake", 1'700'000'000'001));
  clock_.advance_ms(1000);
  create();

  for (const Moment& asked : {Moment{.server_seq = moment}, Moment{.utc_ms = moment_ms + 30'000}}) {
    sql::TestDatabase database(GetParam(), "");
    auto again = restore_to(asked, database);
    ASSERT_TRUE(again);
    EXPECT_EQ(description(*again), then);
    EXPECT_EQ(again->counts()->chunks, chunks);
    EXPECT_EQ(again->counts()->recordings, 2u);
    EXPECT_FALSE(again->verify_audit()->difference);
    auto restored = sql::Connection::open(restored_place(GetParam(), database, "ledger"));
    auto gaps = restored->prepare("SELECT count(*) FROM chunk WHERE gap_before = 1");
    ASSERT_TRUE(*gaps->step());
    EXPECT_EQ(gaps->integer(0), 1) << "else the session would be told complete without chunk 3";
    // What a device offers again is stored again, under a number that nothing had before.
    auto offered = ledger::submit(*again, kAnna, one(chunk(1, 3)));
    ASSERT_TRUE(offered);
    EXPECT_EQ(offered->at(0).outcome, wire::Outcome::stored);
    EXPECT_GT(offered->at(0).server_seq, seq());
  }
}

TEST_P(PointInTimeTest, APurgeByMistakeIsTakenBack) {
  fill(1, 3);
  put_one(ledger::seal_entry(recording(1), 1, 30));
  fill(2, 1);
  create();
  clock_.advance_ms(1000);
  put_one(chunk(2, 1));
  const std::string then = description(*ledger_);
  // No backup has these but among what the purge has yet to drop.
  ledger::Entry other = chunk(1, 0);
  other.sha256[0] ^= 1;
  put({ledger::seal_entry(recording(1), 2, 30), std::move(other)});
  const std::int64_t moment = seq();
  // After it one goes that the backup has, and one that no backup ever had.
  fill(3, 1);
  for (const std::uint64_t n : {1U, 3U}) {
    put_one(ledger::flag_entry(recording(n), 900 + 2 * n, rowing::EditField::deleted, true));
    put_one(ledger::flag_entry(recording(n), 901 + 2 * n, rowing::EditField::purged, true));
  }
  clock_.advance_ms(1000);
  create();
  sql::TestDatabase database(GetParam(), "");
  Rewound rewound;
  auto again = restore_to({.server_seq = moment}, database, &rewound);
  ASSERT_TRUE(again);
  EXPECT_EQ(description(*again), then);
  EXPECT_EQ(rewound.brought_back, 1u);
  EXPECT_EQ(rewound.not_found, 1u);
  EXPECT_EQ(again->counts()->chunks, 5u);
  EXPECT_EQ(again->counts()->quarantined, 0u);
  const auto changes = again->changes(kAnna, 0, 1000, 1'000'000);
  ASSERT_TRUE(changes) << changes.error().text;
  for (const wire::Change& change : changes->changes) EXPECT_LE(change.revision, 1u);
  EXPECT_EQ(again->counts()->rows_to_erase, 0u) << "else ClickHouse would lose what is there again";
  EXPECT_FALSE(*again->drop_some(1)) << "nothing of it is to be dropped";
}

// The backup was made in the middle of it.
TEST_P(PointInTimeTest, WhatWasPurgedAndIsNotDroppedYetIsDroppedAfterARestore) {
  fill(1, 3);
  fill(2, 2);
  put_one(ledger::flag_entry(recording(1), 900, rowing::EditField::deleted, true));
  put_one(ledger::flag_entry(recording(1), 901, rowing::EditField::purged, true));
  ASSERT_TRUE(*ledger_->drop_some(1));
  create();
  sql::TestDatabase database(GetParam(), "");
  auto again = restore_to({.server_seq = seq()}, database);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->counts()->chunks, 4u);
  EXPECT_FALSE(again->recording(recording(1))->has_value());
  const auto block = *again->next_block(1'000'000, 1'000'000);
  ASSERT_TRUE(block);
  EXPECT_EQ(block->items.size(), 2u);
  EXPECT_FALSE(*again->drop_some(100));
  EXPECT_EQ(again->counts()->chunks, 2u);
}

// Nobody can reckon them again: the records they were reckoned from went before the earlier backup.
TEST_P(PointInTimeTest, FiguresOfAThinnedSessionComeBackWithIt) {
  fill(1, 2);
  fill(2, 2);
  {
    auto connection = sql::Connection::open(place_);
    for (const std::uint64_t n : {1U, 2U}) {
      auto keep = connection->prepare("INSERT INTO kept_figures (rec_id, figures) VALUES (?1, ?2)");
      ASSERT_TRUE(keep->bind(1, recording(n).bytes).bind(2, base::as_bytes("figures")).run());
    }
  }
  create();
  clock_.advance_ms(1000);
  fill(3, 1);
  const std::int64_t moment = seq();
  put_one(ledger::flag_entry(recording(1), 902, rowing::EditField::deleted, true));
  put_one(ledger::flag_entry(recording(1), 903, rowing::EditField::purged, true));
  clock_.advance_ms(1000);
  create();
  EXPECT_EQ(number_in_file("SELECT count(*) FROM kept_figures"), 1);
  sql::TestDatabase database(GetParam(), "");
  auto again = restore_to({.server_seq = moment}, database);
  ASSERT_TRUE(again);
  auto restored = sql::Connection::open(restored_place(GetParam(), database, "ledger"));
  auto figures = restored->prepare("SELECT rec_id, figures FROM kept_figures ORDER BY rec_id");
  for (const std::uint64_t n : {1U, 2U}) {
    ASSERT_TRUE(*figures->step()) << n;
    EXPECT_EQ(base::to_hex(figures->blob(0)), base::to_hex(recording(n).bytes));
    EXPECT_EQ(base::as_text(figures->blob(1)), "figures");
  }
  EXPECT_FALSE(*figures->step());
}

TEST_P(PointInTimeTest, AMomentThatNoBackupReachesIsRefused) {
  fill(1, 1);
  create();
  const auto beyond = find_point(destination(), {.server_seq = seq() + 1});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, base::ErrorCode::not_found);
  EXPECT_NE(beyond.error().text.find("server_seq " + std::to_string(seq())), std::string::npos);
  EXPECT_FALSE(find_point(destination(), {.utc_ms = clock_.utc_ms() + 1}));
  EXPECT_FALSE(find_point(folder_.file("nowhere"), {.server_seq = 1}));
  const auto exactly = find_point(destination(), {.server_seq = seq()});
  ASSERT_TRUE(exactly);
  EXPECT_EQ(exactly->earlier, exactly->later);
}

TEST_P(PointInTimeTest, OfTwoHistoriesTheNewerOneIsTaken) {
  fill(1, 1);
  create();
  const std::int64_t moment = seq();
  sql::TestDatabase database(GetParam(), "");
  auto again = restore_to({.server_seq = moment}, database);
  ASSERT_TRUE(again);
  const std::string epoch = again->epoch();
  again.reset();
  clock_.advance_ms(1000);
  Source other = source();
  other.databases.front().place = restored_place(GetParam(), database, "ledger");
  ASSERT_TRUE(backup::create(other, destination(), {}, clock_, ignore()));
  const auto found = find_point(destination(), {.server_seq = moment});
  ASSERT_TRUE(found);
  EXPECT_NE(found->later.filename().string().find(epoch.substr(0, 8)), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(On, PointInTimeTest, ledger::both_databases(), ledger::database_name);

}  // namespace
}  // namespace boathouse::backup
