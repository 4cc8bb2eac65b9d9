// A lost disk of backups: devices are told of no more than what is still there.
#include "apps/boathouse/backup_watch.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "apps/boathouse/backup_run.hpp"
#include "server/control/accounts.hpp"
#include "server/ledger/test_ledger.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::app {
namespace {

class BackupWatchTest : public ledger::SqliteLedgerTest {
 protected:
  void SetUp() override {
    SqliteLedgerTest::SetUp();
    ASSERT_TRUE(control::Accounts::open(folder_.path(), clock_, random_, place_));
  }
  // Of something new; its last server_seq.
  std::int64_t back_up(const std::filesystem::path& destination) {
    put_one(ledger::birth_entry(ledger::uuid(++recordings_)));
    clock_.advance_ms(1);
    const auto run = run_backup(backup_source(folder_.path(), place_), destination, {}, clock_,
                                [](std::uint64_t) { return base::Status(); });
    EXPECT_TRUE(run) << run.error().text;
    return *ledger_->backed_up_seq();
  }
  std::unique_ptr<BackupWatch> watch() {
    return std::make_unique<BackupWatch>(destination_, *ledger_, clock_,
                                         [this](std::string_view line) { log_ += std::string(line) + "\n"; });
  }

  test_support::TemporaryFolder disk_;  // of the backups, which may not lie with the data
  const std::filesystem::path destination_ = disk_.file("backups");
  const std::filesystem::path away_ = disk_.file("away");
  std::uint64_t recordings_ = 0;
  std::string log_;
};

TEST_F(BackupWatchTest, WhatIsAwayCountsForNothingUntilItIsBack) {
  const std::int64_t told = back_up(destination_);
  const auto backups = watch();
  EXPECT_EQ(backups->there_of(told), told);
  EXPECT_EQ(log_, "");
  std::filesystem::rename(destination_, away_);
  backups->look();
  EXPECT_EQ(backups->there_of(told), 0);
  EXPECT_EQ(backups->reach(), 0);
  backups->look();
  EXPECT_EQ(log_, "the verified backups in " + destination_.string() +
                      " reach to server_seq 0, and the ledger was told of one up to " + std::to_string(told) +
                      ": devices may remove nothing beyond the former until it is there (docs/operations/backup.md)\n");
  log_.clear();
  std::filesystem::rename(away_, destination_);
  backups->look();
  EXPECT_EQ(backups->there_of(told), told);
  EXPECT_EQ(log_, "the backups in " + destination_.string() + " are there again\n");
}

TEST_F(BackupWatchTest, AnOlderOneThatIsThereCountsForWhatItHas) {
  const std::int64_t first = back_up(destination_);
  const std::int64_t second = back_up(disk_.file("elsewhere"));
  ASSERT_GT(second, first);
  EXPECT_EQ(watch()->there_of(second), first);
}

// What an older one lacks the ledger no longer knows.
TEST_F(BackupWatchTest, AnOlderOneCountsUpToTheFirstBodyThatItLacks) {
  put_one(ledger::birth_entry(kRec));
  const std::int64_t lost = put_one(ledger::chunk_entry(kRec, rowing::Stream::sample, 0, 10)).server_seq;
  const std::int64_t first = back_up(destination_);
  ASSERT_EQ(backup::list(destination_)->at(0).manifest->left_out, std::vector{lost});
  EXPECT_EQ(watch()->there_of(first), first) << "of this one it does";
  const std::int64_t second = back_up(disk_.file("elsewhere"));
  EXPECT_EQ(watch()->there_of(second), lost - 1);
}

TEST_F(BackupWatchTest, ANewOneCountsAtOnce) {
  const auto backups = watch();
  EXPECT_EQ(backups->there_of(0), 0);
  const std::int64_t told = back_up(destination_);
  EXPECT_EQ(backups->there_of(told), told);
}

TEST_F(BackupWatchTest, WhenNoLookComesBackNothingCounts) {
  const std::int64_t told = back_up(destination_);
  const auto backups = watch();
  clock_.advance_ms(299'999);
  EXPECT_EQ(backups->there_of(told), told);
  clock_.advance_ms(1);
  EXPECT_EQ(backups->there_of(told), 0);
  backups->look();
  EXPECT_EQ(backups->there_of(told), told);
}

}  // namespace
}  // namespace boathouse::app
