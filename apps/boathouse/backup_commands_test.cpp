#include "apps/boathouse/backup_commands.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "apps/boathouse/output.hpp"
#include "server/backup/backup.hpp"
#include "server/control/accounts.hpp"
#include "server/ledger/backup_mark.hpp"
#include "server/ledger/test_ledger.hpp"

namespace boathouse::app {
namespace {

class BackupCommandsTest : public ledger::LedgerFixture {
 protected:
  BackupCommandsTest() : LedgerFixture(sql::Dialect::sqlite) {}

  void SetUp() override {
    LedgerFixture::SetUp();
    auto accounts = control::Accounts::open(folder_.path(), clock_, random_);
    ASSERT_TRUE(accounts);
    auto key = (*accounts)->create_athlete_key("Zoë");
    ASSERT_TRUE(key);
    key_ = key->text;
    put_one(ledger::birth_entry(kRec));
    ledger_.reset();
    options_.data = folder_.path();
  }

  // The key and the recording are there, whatever the databases are.
  void expect_all(const std::string& data, const sql::Place& place) {
    auto accounts = control::Accounts::open(data, clock_, random_, place);
    ASSERT_TRUE(accounts) << accounts.error().text;
    EXPECT_TRUE((*accounts)->authenticate(key_));
    auto ledger = ledger::Ledger::open({.place = place}, clock_, random_);
    ASSERT_TRUE(ledger) << ledger.error().text;
    EXPECT_EQ((*ledger)->counts()->recordings, 1u);
  }

  const test_support::TemporaryFolder elsewhere_;
  std::string key_;
  BackupOptions options_;
};

TEST_F(BackupCommandsTest, MigrateMovesLedgerAndAccountsToPostgresAndBack) {
  const sql::TestDatabase postgres(sql::Dialect::postgres, "");
  ASSERT_EQ(postgres.missing(), "");
  EXPECT_EQ(migrate(options_), kWrongUse);
  options_.to_ledger = postgres.place().postgres_url;
  ASSERT_EQ(migrate(options_), kDone);
  expect_all(folder_.path(), postgres.place());
  EXPECT_FALSE(std::filesystem::exists(path()));
  EXPECT_FALSE(std::filesystem::exists(path() + "-wal"));
  EXPECT_EQ(migrate(options_), kFailed);  // there is nothing any more

  options_.ledger = postgres.place().postgres_url;
  options_.to_ledger.clear();
  ASSERT_EQ(migrate(options_), kDone);
  expect_all(folder_.path(), place_);
  EXPECT_EQ(migrate(options_), kWrongUse);  // onto data
}

TEST_F(BackupCommandsTest, APostgresLedgerIsBackedUpAndRestoredToAnother) {
  const sql::TestDatabase first(sql::Dialect::postgres, "");
  const sql::TestDatabase second(sql::Dialect::postgres, "");
  ASSERT_EQ(first.missing(), "");
  options_.to_ledger = first.place().postgres_url;
  ASSERT_EQ(migrate(options_), kDone);

  options_.ledger = first.place().postgres_url;
  options_.to = elsewhere_.file("backups");
  ASSERT_EQ(backup_create(options_), kDone);
  auto backed_up = ledger::Ledger::open({.place = first.place()}, clock_, random_);
  ASSERT_TRUE(backed_up);
  EXPECT_GT(*(*backed_up)->purge_safe_seq(), 0);

  options_.from = options_.to;
  options_.data = folder_.file("new");
  EXPECT_EQ(restore(options_), kWrongUse);  // onto data
  EXPECT_FALSE(std::filesystem::exists(options_.data));
  options_.ledger = second.place().postgres_url;
  ASSERT_EQ(restore(options_), kDone);
  expect_all(options_.data, second.place());
  auto restored = ledger::Ledger::open({.place = second.place()}, clock_, random_);
  ASSERT_TRUE(restored);
  EXPECT_NE((*restored)->epoch(), (*backed_up)->epoch());
  EXPECT_EQ((*restored)->audit(0, 10, {{}, "restore"})->size(), 1u);
}

// Devices remove by the ledger's word, so what it rests on must be whole: it goes back to an older backup that is.
TEST_F(BackupCommandsTest, AVerifyThatFindsDamageTakesTheLedgersWordBack) {
  options_.to = options_.from = elsewhere_.file("backups");
  const auto mark = [this] {
    auto connection = sql::Connection::open(place_);
    EXPECT_TRUE(connection);
    return *ledger::backup_mark(*connection);
  };
  const auto damage = [](const std::filesystem::path& backup) {
    std::filesystem::resize_file(backup / "ledger.db", std::filesystem::file_size(backup / "ledger.db") / 2);
  };
  ASSERT_EQ(backup_create(options_), kDone);
  const ledger::BackupMark first = mark().value();
  const auto record = [this](std::uint64_t n) {
    reopen();
    put_one(ledger::birth_entry(ledger::uuid(n)));
    ledger_.reset();
  };
  record(201);
  ASSERT_EQ(backup_create(options_), kDone);
  record(202);
  ASSERT_EQ(backup_create(options_), kDone);
  const ledger::BackupMark third = mark().value();
  ASSERT_GT(third.up_to_seq, first.up_to_seq);
  EXPECT_EQ(backup_verify(options_), kDone);
  EXPECT_EQ(mark()->name, third.name) << "it is good";

  // The one before is damaged too, and nobody has noticed yet.
  const auto backups = *backup::list(options_.to);
  ASSERT_EQ(backups.size(), 3u);
  damage(backups[0].folder);
  damage(backups[1].folder);
  BackupOptions without = options_;
  without.data.clear();
  EXPECT_EQ(backup_verify(without), kFailed);
  EXPECT_EQ(mark()->name, third.name) << "no ledger was named";
  EXPECT_EQ(backup_verify(options_), kFailed);
  EXPECT_EQ(mark()->name, first.name);
  EXPECT_EQ(mark()->up_to_seq, first.up_to_seq);
  EXPECT_EQ(backup_verify(options_), kFailed);
  EXPECT_EQ(mark()->name, first.name) << "the damaged one is no more the one that it rests on";

  options_.from = backups[2].folder.string();
  damage(backups[2].folder);
  EXPECT_EQ(backup_verify(options_), kFailed);
  EXPECT_FALSE(mark()) << "none is left";
  reopen();
  EXPECT_EQ(*ledger_->purge_safe_seq(), 0);
}

}  // namespace
}  // namespace boathouse::app
