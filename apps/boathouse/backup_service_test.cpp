#include "apps/boathouse/backup_service.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/boathouse/backup_run.hpp"
#include "apps/boathouse/test_time.hpp"
#include "core/wire/compression.hpp"
#include "server/control/accounts.hpp"
#include "server/jobs/queue.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/retention/eraser.hpp"

namespace boathouse::app {
namespace {

class BackupServiceTest : public ledger::LedgerFixture, public testing::WithParamInterface<sql::Dialect> {
 protected:
  BackupServiceTest() : LedgerFixture(GetParam()) {}

  void SetUp() override {
    LedgerFixture::SetUp();
    ASSERT_TRUE(control::Accounts::open(folder_.path(), clock_, random_, place_));
    auto queue = jobs::Queue::open({.sqlite_file = folder_.file("jobs.db")}, random_);
    ASSERT_TRUE(queue);
    queue_ = std::move(*queue);
    const auto log = [this](std::string_view line) { log_ += std::string(line) + "\n"; };
    runner_ = std::make_unique<jobs::Runner>(*queue_, clock_, random_, jobs::Runner::Options{}, log);
    service_ = std::make_unique<BackupService>(
        BackupService::Options{backup_source(folder_.path(), place_), destination_, kDay}, *runner_, *ledger_, clock_,
        log);
  }

  // Does what is due.
  void work() {
    while (true) {
      const auto more = runner_->step();
      ASSERT_TRUE(more) << more.error().text;
      if (!*more) return;
    }
  }
  std::int64_t store(std::uint64_t index, bool good = true) {
    ledger::Entry entry = ledger::chunk_entry(kRec, rowing::Stream::sample, 10 * index, 10 * index + 10);
    const std::string content = "canonical " + std::to_string(index);
    entry.sha256 = base::sha256(base::as_bytes(content));
    entry.body = wire::compress(base::as_bytes(good ? content : "something else"));
    return put_one(std::move(entry)).server_seq;
  }
  [[nodiscard]] std::size_t backups() const {
    const auto found = backup::list(destination_);
    return found ? found->size() : 0;
  }

  const test_support::TemporaryFolder elsewhere_;
  const std::filesystem::path destination_ = elsewhere_.file("backups");
  std::unique_ptr<jobs::Queue> queue_;
  std::unique_ptr<BackupService> service_;
  std::unique_ptr<jobs::Runner> runner_;
  std::string log_;
};

TEST_P(BackupServiceTest, MakesOneAPeriodHoweverOftenItIsStarted) {
  put_one(ledger::birth_entry(kRec));
  const std::int64_t first = store(0);
  ASSERT_TRUE(service_->start());
  work();
  EXPECT_EQ(backups(), 1u) << log_;
  EXPECT_EQ(*ledger_->purge_safe_seq(), first);
  const auto audit = ledger_->audit(0, 10, {{}, "backup"});
  ASSERT_TRUE(audit);
  EXPECT_EQ(audit->size(), 1u);

  const std::int64_t second = store(1);
  clock_.advance_ms(60'000);
  ASSERT_TRUE(service_->start());
  work();
  EXPECT_EQ(backups(), 1u);
  EXPECT_EQ(*ledger_->purge_safe_seq(), first);

  for (std::size_t day = 2; day <= 4; ++day) {
    clock_.advance_ms(kDay);
    work();
    EXPECT_EQ(backups(), day) << log_;
    EXPECT_EQ(*ledger_->purge_safe_seq(), second);
  }
}

TEST_P(BackupServiceTest, NoneIsMadeOfALedgerThatWentBack) {
  put_one(ledger::birth_entry(kRec));
  store(0);
  {
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(connection->execute("UPDATE state SET last_seq = 1"));
  }
  ASSERT_FALSE(ledger_->check());
  ASSERT_TRUE(service_->start());
  work();
  EXPECT_EQ(backups(), 0u);
  EXPECT_NE(log_.find("reload --new-epoch"), std::string::npos) << log_;
}

TEST_P(BackupServiceTest, TheOneAfterAnErasureLeansOnNothingOfBefore) {
  put_one(ledger::birth_entry(kRec));
  store(0);
  put(kBen, {ledger::birth_entry(ledger::uuid(200))});
  ASSERT_TRUE(service_->start());
  work();
  ASSERT_TRUE(ledger_->ask_erasure(kBen, clock_.utc_ms(), {}));
  ASSERT_TRUE(ledger_->begin_erasing(kBen));
  while (*ledger_->erase_some(kBen, 10)) {
  }
  for (const ledger::RowsToErase& rows : *ledger_->rows_to_erase(10)) {
    ASSERT_TRUE(ledger_->rows_erased(std::vector{rows.server_seq}));
  }
  clock_.advance_ms(kDay);
  ASSERT_TRUE(ledger_->finish_erasure(kBen));
  const std::int64_t erased_ms = clock_.utc_ms();
  clock_.advance_ms(1);
  // One by hand, to another place, says nothing of this one.
  ASSERT_TRUE(run_backup(backup_source(folder_.path(), place_), elsewhere_.file("by-hand"), {}, clock_,
                         [](std::uint64_t) { return base::Status(); }));
  const auto before = *retention::backups_from_before(destination_, erased_ms);
  work();
  EXPECT_EQ(backups(), 2u) << log_;
  EXPECT_EQ(*retention::backups_from_before(destination_, erased_ms), before);
  EXPECT_NE(backup::list(destination_)->at(0).manifest->segments.at(0).file,
            backup::list(destination_)->at(1).manifest->segments.at(0).file)
      << "written anew";

  clock_.advance_ms(kDay);
  work();
  EXPECT_EQ(backups(), 3u) << log_;
  EXPECT_EQ(backup::list(destination_)->at(0).manifest->segments, backup::list(destination_)->at(1).manifest->segments)
      << "once is enough";
}

TEST_P(BackupServiceTest, TriesAgainAfterAFailure) {
  put_one(ledger::birth_entry(kRec));
  const std::int64_t seq = store(0);
  std::ofstream(destination_) << "a file in its way";
  ASSERT_TRUE(service_->start());
  work();
  EXPECT_NE(log_.find("the backup failed: "), std::string::npos) << log_;
  EXPECT_EQ(*ledger_->purge_safe_seq(), 0);
  std::filesystem::remove(destination_);
  clock_.advance_ms(600'000);
  work();
  EXPECT_EQ(backups(), 1u) << log_;
  EXPECT_EQ(*ledger_->purge_safe_seq(), seq);
}

TEST_P(BackupServiceTest, AClockThatWasAheadOnceStopsNoLaterBackup) {
  put_one(ledger::birth_entry(kRec));
  store(0);
  const std::int64_t today = clock_.utc_ms();
  clock_.set_utc_ms(today + 400 * kDay);
  ASSERT_TRUE(service_->start());
  work();
  EXPECT_EQ(backups(), 1u) << log_;
  clock_.set_utc_ms(today);
  ASSERT_TRUE(service_->start());
  work();
  EXPECT_EQ(backups(), 2u) << log_;
}

// Without a new start: the job of its next period is years ahead, too.
TEST_P(BackupServiceTest, AClockThatIsSetBackUnderTheServerStopsNoLaterBackup) {
  put_one(ledger::birth_entry(kRec));
  store(0);
  ASSERT_TRUE(service_->start());
  work();
  const std::int64_t today = clock_.utc_ms();
  clock_.set_utc_ms(today + 400 * kDay);
  work();
  EXPECT_EQ(backups(), 2u) << log_;
  clock_.set_utc_ms(today + 1000);
  for (std::size_t day = 1; day <= 3; ++day) {
    clock_.advance_ms(kDay);
    work();
    EXPECT_EQ(backups(), 2u + day) << log_;
  }
}

// However many attempts are in vain, and the next period has its own.
TEST_P(BackupServiceTest, TriesAsLongAsItTakes) {
  put_one(ledger::birth_entry(kRec));
  const std::int64_t seq = store(0);
  std::ofstream(destination_) << "a file in its way";
  ASSERT_TRUE(service_->start());
  for (int i = 0; i < 20; ++i) {
    work();
    clock_.advance_ms(600'000);
  }
  EXPECT_EQ(queue_->counts()->failed, 0u);
  std::filesystem::remove(destination_);
  clock_.advance_ms(600'000);
  work();
  EXPECT_EQ(backups(), 1u) << log_;
  EXPECT_EQ(*ledger_->purge_safe_seq(), seq);
  clock_.advance_ms(kDay);
  work();
  EXPECT_EQ(backups(), 2u) << log_;
}

// It is left out, named, and asked for again; it ends no backup, and what came later is safe for everybody else.
TEST_P(BackupServiceTest, ABodyThatIsNotWhatTheLedgerSaysIsLeftOutAndLost) {
  put_one(ledger::birth_entry(kRec));
  store(0);
  const std::int64_t lost = store(1, false);
  const std::int64_t last = store(2);
  ASSERT_TRUE(service_->start());
  work();
  EXPECT_EQ(backups(), 1u) << log_;
  EXPECT_NE(log_.find("sample [10, 20)"), std::string::npos) << log_;
  EXPECT_NE(log_.find("left_out=1"), std::string::npos) << log_;
  EXPECT_EQ(*ledger_->purge_safe_seq(), last);
  EXPECT_EQ(*ledger_->first_lacking_seq(kAnna), lost);
  EXPECT_FALSE(*ledger_->first_lacking_seq(kBen));
  ASSERT_EQ(ledger_->bodies().lost(10)->size(), 1u);
  EXPECT_EQ(ledger_->bodies().lost(10)->at(0).server_seq, lost);

  // A day on it is still lost, and nothing is written anew for that.
  clock_.advance_ms(kDay);
  work();
  EXPECT_EQ(backups(), 2u) << log_;
  EXPECT_EQ(backup::list(destination_)->at(0).manifest->segments, backup::list(destination_)->at(1).manifest->segments);

  // A device sends it again: from the next backup on nothing is held back.
  EXPECT_EQ(store(1), lost);
  EXPECT_EQ(ledger_->bodies().body_counts()->lost, 0u);
  EXPECT_EQ(*ledger_->first_lacking_seq(kAnna), lost);
  clock_.advance_ms(kDay);
  work();
  EXPECT_EQ(backups(), 3u) << log_;
  EXPECT_TRUE(backup::list(destination_)->at(0).manifest->left_out.empty());
  EXPECT_FALSE(*ledger_->first_lacking_seq(kAnna));
  EXPECT_GE(*ledger_->purge_safe_seq(), last);
}

INSTANTIATE_TEST_SUITE_P(On, BackupServiceTest, ledger::both_databases(), ledger::database_name);

}  // namespace
}  // namespace boathouse::app
