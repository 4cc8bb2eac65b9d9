// Backups of a ledger that has lost bodies.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/backup/backup.hpp"
#include "server/backup/restore.hpp"
#include "server/backup/test_backup.hpp"
#include "server/ledger/backup_mark.hpp"
#include "server/ledger/bodies.hpp"

namespace boathouse::backup {
namespace {

class LeftOutTest : public BackupTest {
 protected:
  void SetUp() override {
    BackupTest::SetUp();
    fill(1, 4);
    lost_ = number_in_file("SELECT min(server_seq) FROM chunk_body") + 1;
  }

  // Its body is another's from now on, and nobody has noticed.
  void spoil(std::int64_t server_seq) {
    auto connection = sql::Connection::open(place_);
    auto update = connection->prepare("UPDATE chunk_body SET body = ?2 WHERE server_seq = ?1");
    ASSERT_TRUE(update->bind(1, server_seq).bind(2, base::as_bytes("something else")).run());
  }
  // As run_backup() does.
  void note(const Created& made) {
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(ledger::note_lost(*connection, ledger_->epoch(), made.lost, clock_.utc_ms()));
  }
  Created create_later(const CreateOptions& options = {}) {
    clock_.advance_ms(1);
    return create(options);
  }

  std::int64_t lost_ = 0;  // of the second chunk
};

TEST_P(LeftOutTest, ALostBodyIsNamedAndAllOthersAreInIt) {
  spoil(lost_);
  const Created made = create();
  EXPECT_EQ(made.manifest.left_out, std::vector{lost_});
  ASSERT_EQ(made.lost.size(), 1u);
  EXPECT_EQ(made.lost[0].server_seq, lost_);
  const auto found = verify(made.folder, clock_, ignore());
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->differences.empty()) << differences(made.folder);
  EXPECT_EQ(found->bodies, 3u);
  ASSERT_EQ(found->left_out.size(), 1u);
  EXPECT_NE(found->left_out[0].find("sample [10, 20), server_seq " + std::to_string(lost_)), std::string::npos);
  EXPECT_TRUE(backups().at(0).verified_ms);

  note(made);
  ASSERT_EQ(ledger_->bodies().lost(10)->size(), 1u);
  EXPECT_EQ(ledger_->bodies().lost(10)->at(0).server_seq, lost_);
  EXPECT_TRUE(create_later({.full = true}).lost.empty()) << "the ledger knows";
}

TEST_P(LeftOutTest, ARestoredLedgerAsksForIt) {
  spoil(lost_);
  const Created made = create();
  for (const auto to : {sql::Dialect::sqlite, sql::Dialect::postgres}) {
    sql::TestDatabase database(to, "");
    const auto restored = restore(made.folder, to, database);
    ASSERT_TRUE(restored) << restored.error().text;
    EXPECT_EQ(restored->chunks, 4u);
    EXPECT_EQ(restored->to_load, 3u) << "nothing waits for it";
    auto again = open_restored(to, database);
    ASSERT_EQ(again->bodies().lost(10)->size(), 1u);
    EXPECT_EQ(again->bodies().lost(10)->at(0).server_seq, lost_);
    EXPECT_EQ(*again->first_lacking_seq(kAnna), lost_);
    const auto results = ledger::submit(*again, kAnna, one(chunk(1, 1)));
    ASSERT_TRUE(results) << results.error().text;
    EXPECT_EQ(results->at(0).outcome, wire::Outcome::duplicate);
    EXPECT_EQ(again->bodies().body_counts()->lost, 0u);
    EXPECT_EQ(again->chunks(recording(1), rowing::Stream::sample)->size(), 4u);
  }
}

TEST_P(LeftOutTest, WhatIsBackIsInTheNextBackup) {
  spoil(lost_);
  const Created first = create({.segment_bytes = 1});
  note(first);
  fill(2, 2);
  const Created second = create_later({.segment_bytes = 1});
  EXPECT_EQ(second.manifest.left_out, std::vector{lost_});
  EXPECT_EQ(differences(second.folder), "");

  ASSERT_EQ(put_one(chunk(1, 1)).outcome, wire::Outcome::duplicate);
  const Created third = create_later({.segment_bytes = 1});
  EXPECT_TRUE(third.manifest.left_out.empty());
  EXPECT_EQ(differences(third.folder), "");
  EXPECT_EQ(verify(third.folder, clock_, ignore())->bodies, 6u);
  ASSERT_EQ(third.manifest.segments.size(), second.manifest.segments.size());
  std::size_t anew = 0;
  for (std::size_t i = 0; i < third.manifest.segments.size(); ++i) {
    anew += third.manifest.segments[i] == second.manifest.segments[i] ? 0u : 1u;
  }
  EXPECT_EQ(anew, 1u) << "only the segment that it belongs in";
  sql::TestDatabase database(GetParam(), "");
  ASSERT_TRUE(restore(third.folder, GetParam(), database));
  EXPECT_EQ(description(*open_restored(GetParam(), database)), description(*ledger_));
  EXPECT_EQ(differences(second.folder), "") << "the older one is as it was";
}

// Not a difference to an earlier backup that has it: that one's segment is named again.
TEST_P(LeftOutTest, WhatAnEarlierBackupHasIsInTheNext) {
  create();
  spoil(lost_);
  const Created made = create_later();
  EXPECT_TRUE(made.manifest.left_out.empty());
  EXPECT_EQ(differences(made.folder), "");
  EXPECT_EQ(create_later({.full = true}).manifest.left_out, std::vector{lost_});
}

TEST_P(LeftOutTest, WhatIsPurgedIsNoLongerNamed) {
  spoil(lost_);
  note(create());
  ASSERT_TRUE(ledger_->remove({recording(1), rowing::Stream::sample, {10, 20}}));
  const Created made = create_later();
  EXPECT_TRUE(made.manifest.left_out.empty());
  EXPECT_EQ(differences(made.folder), "");
}

// What was removed after the moment comes from the backup before it, which was made without one body.
TEST_P(LeftOutTest, AMomentBetweenTwoBackupsIsLackingWhatTheEarlierOneLacked) {
  spoil(lost_);
  note(create());
  const std::int64_t moment = backups().at(0).manifest->last_seq;
  ASSERT_TRUE(ledger_->remove({recording(1), rowing::Stream::sample, {0, 10}}));
  create_later();
  sql::TestDatabase database(GetParam(), "");
  RestoreTarget target{folder_.file("restored"), {}, source().databases, {}, Moment{.server_seq = moment}};
  if (GetParam() == sql::Dialect::postgres) target.shared = database.place();
  const auto restored = backup::restore(destination(), target, clock_, random_, ignore());
  ASSERT_TRUE(restored) << restored.error().text;
  ASSERT_TRUE(restored->verification.differences.empty());
  EXPECT_EQ(restored->chunks, 4u);
  auto again = open_restored(GetParam(), database);
  ASSERT_EQ(again->bodies().lost(10)->size(), 1u);
  EXPECT_EQ(again->bodies().lost(10)->at(0).server_seq, lost_);
}

INSTANTIATE_TEST_SUITE_P(From, LeftOutTest, ledger::both_databases(), ledger::database_name);

}  // namespace
}  // namespace boathouse::backup
