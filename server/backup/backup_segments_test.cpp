// Backups of a ledger whose bodies lie in segments.
#include <gtest/gtest.h>

#include <fstream>

#include "server/backup/backup.hpp"
#include "server/backup/find_bodies.hpp"
#include "server/backup/restore.hpp"
#include "server/backup/test_backup.hpp"
#include "server/ledger/bodies.hpp"
#include "server/ledger/body_mover.hpp"
#include "server/segments/folder_store.hpp"

namespace boathouse::backup {
namespace {

// Some bodies lie in the ledger, some have left it: a backup has them all, and a restored ledger has them in itself.
TEST_P(BackupTest, BodiesThatHaveLeftTheLedgerAreInIt) {
  auto store = segments::FolderStore::open(folder_.file("segments"), true);
  ASSERT_TRUE(store);
  ledger_->use_segments(**store);
  fill(1, 40);
  while (true) {
    const auto block = ledger_->next_block(100'000, 1'000'000);
    ASSERT_TRUE(block) << block.error().text;
    if (!*block) break;
    ASSERT_TRUE(ledger_->finish_block((*block)->block_id));
  }
  ledger::BodyMover mover(ledger_->bodies(), **store, ledger_->epoch(), clock_, random_, {.segment_bytes = 3000}, {});
  const auto report = mover.run([] { return base::Status(); });
  ASSERT_TRUE(report) << report.error().text;
  ASSERT_GT(report->written, 1u);
  fill(2, 3);
  ASSERT_GT(ledger_->bodies().body_counts()->bodies, 20u);

  const auto without = backup::create(source(), destination(), {}, clock_, ignore());
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().text.find("name the folder of segments"), std::string::npos) << without.error().text;
  Source with_segments = source();
  with_segments.segments = store->get();
  const auto made = backup::create(with_segments, destination(), {.segment_bytes = 2000}, clock_, ignore());
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(made->manifest.chunks, 43u);
  EXPECT_EQ(differences(made->folder), "");
  for (const auto to : {sql::Dialect::sqlite, sql::Dialect::postgres}) {
    sql::TestDatabase database(to, "");
    const auto restored = restore(made->folder, to, database);
    ASSERT_TRUE(restored) << restored.error().text;
    auto again = open_restored(to, database);
    EXPECT_EQ(description(*again), description(*ledger_)) << "without a folder of segments";
    EXPECT_EQ(again->bodies().body_counts()->segments, 0u);
  }

  // What the ledger loses it finds there again.
  const auto found = find_bodies(destination(), ledger_->epoch(), {5, 7, 999'999}, ignore());
  ASSERT_TRUE(found) << found.error().text;
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ(found->at(5), *ledger_->bodies().body(5));
  EXPECT_EQ(found->at(7), *ledger_->bodies().body(7));
  EXPECT_TRUE(find_bodies(destination(), "another", {5}, ignore())->empty());
  EXPECT_FALSE(find_bodies(folder_.file("nothing"), ledger_->epoch(), {5}, ignore()));

  // A byte that changed in a segment does not go into a backup as if it were right, and ends none.
  const auto rows = ledger_->bodies().segment_rows(0, 1);
  std::fstream damaged(folder_.file("segments/" + rows->at(0).key), std::ios::in | std::ios::out | std::ios::binary);
  damaged.seekp(30);
  damaged.put('\0');
  damaged.close();
  const auto spoiled = backup::create(with_segments, destination(), {.full = true}, clock_, ignore());
  ASSERT_TRUE(spoiled) << spoiled.error().text;
  ASSERT_EQ(spoiled->manifest.left_out.size(), 1u);
  ASSERT_EQ(spoiled->lost.size(), 1u);
  EXPECT_EQ(spoiled->lost[0].server_seq, spoiled->manifest.left_out[0]);
  EXPECT_EQ(differences(spoiled->folder), "");

  // A disk that is away is nobody's loss.
  std::filesystem::rename(folder_.file("segments"), folder_.file("unmounted"));
  EXPECT_EQ(backup::create(with_segments, destination(), {.full = true}, clock_, ignore()).error().code,
            base::ErrorCode::unavailable);
}

// The move to another database takes the places along: the segments stay where they are.
TEST_F(SqliteBackupTest, AMovedLedgerFindsItsSegments) {
  auto store = segments::FolderStore::open(folder_.file("segments"), true);
  ASSERT_TRUE(store);
  ledger_->use_segments(**store);
  fill(1, 10);
  const auto block = ledger_->next_block(100'000, 1'000'000);
  ASSERT_TRUE(block && *block);
  ASSERT_TRUE(ledger_->finish_block((*block)->block_id));
  ledger::BodyMover mover(ledger_->bodies(), **store, ledger_->epoch(), clock_, random_, {.segment_bytes = 1000}, {});
  ASSERT_TRUE(mover.run([] { return base::Status(); }));
  ASSERT_GT(ledger_->bodies().body_counts()->segments, 0u);
  const std::string before = description(*ledger_);
  ledger_.reset();
  sql::TestDatabase postgres(sql::Dialect::postgres, "");
  std::vector<Database> to = source().databases;
  for (Database& database : to) database.place = postgres.place();
  const auto moved = migrate(source().databases, to, ignore());
  ASSERT_TRUE(moved) << moved.error().text;
  auto again = ledger::Ledger::open({.place = postgres.place()}, clock_, random_);
  ASSERT_TRUE(again) << again.error().text;
  (*again)->use_segments(**store);
  EXPECT_EQ(description(**again), before);
}

}  // namespace
}  // namespace boathouse::backup
