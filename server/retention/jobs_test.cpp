// The jobs that remove and erase: they go on after whatever ends in between, and wait for what is away.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "server/backup/backup.hpp"
#include "server/jobs/queue.hpp"
#include "server/ledger/backup_mark.hpp"
#include "server/ledger/schema.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/retention/eraser.hpp"
#include "server/retention/remover.hpp"

namespace boathouse::retention {
namespace {

using ledger::birth_entry;
using ledger::chunk_entry;
using ledger::uuid;
using rowing::Stream;
using testing::IsEmpty;

class RetentionJobsTest : public ledger::SqliteLedgerTest {
 protected:
  void SetUp() override {
    SqliteLedgerTest::SetUp();
    queue_ = *jobs::Queue::open({.sqlite_file = folder_.file("jobs.db")}, random_);
    restart();
  }
  // As after the end of the process: other objects, the same files.
  void restart() {
    eraser_.reset();
    remover_.reset();
    runner_ =
        std::make_unique<jobs::Runner>(*queue_, clock_, random_, jobs::Runner::Options{}, [](std::string_view) {});
    remover_ = std::make_unique<Remover>(Remover::Options{.backups = backups_}, *ledger_, client_, *runner_, clock_,
                                         [this](std::string_view line) { log_ += line; });
    Eraser::Options options;
    options.rooms.push_back({"accounts",
                             [this](const base::Uuid& athlete) {
                               forgotten_.push_back(athlete);
                               return base::Status();
                             },
                             [](const base::Uuid&) {
                               return std::vector<ledger::TableCount>{{"athlete", 0}};
                             }});
    eraser_ = std::make_unique<Eraser>(std::move(options), *ledger_, client_, *runner_, clock_,
                                       [this](std::string_view line) { log_ += line; });
  }
  void fill(std::uint64_t recordings) {
    for (std::uint64_t n = 0; n < recordings; ++n) {
      put({birth_entry(uuid(100 + n)), chunk_entry(uuid(100 + n), Stream::force_curve, 0, 10),
           chunk_entry(uuid(100 + n), Stream::sample, 0, 10)});
    }
    while (const auto block = *ledger_->next_block(1'000'000, 1'000'000)) {
      ASSERT_TRUE(ledger_->finish_block(block->block_id));
    }
    ASSERT_TRUE(ledger_->sessions_written(*ledger_->dirty_sessions(1000)));
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(), {"backup", 1'000'000, 1}));
  }
  // Every job that is due.
  void work() {
    while (*runner_->step()) {
    }
  }
  void apply(Stream stream, std::uint64_t recordings) {
    std::vector<ledger::Retirement> items;
    for (std::uint64_t n = 0; n < recordings; ++n) {
      items.push_back({uuid(100 + n), stream, 10, "ret_1", 1'000'000});
    }
    ASSERT_TRUE(ledger_->apply_plan(items, "plan=ret_1", {}));
    ASSERT_TRUE(remover_->order());
  }

  timeseries::ClickHouseClient client_{timeseries::Endpoint{}};  // away
  std::unique_ptr<jobs::Queue> queue_;
  std::unique_ptr<jobs::Runner> runner_;
  std::unique_ptr<Remover> remover_;
  std::unique_ptr<Eraser> eraser_;
  std::vector<base::Uuid> forgotten_;
  std::filesystem::path backups_;  // none: the ledger's word counts
  std::string log_;
};

TEST_F(RetentionJobsTest, APlanIsRemovedInSeveralTransactions) {
  fill(120);
  apply(Stream::force_curve, 120);
  work();
  EXPECT_THAT(*ledger_->retirements(1000), IsEmpty());
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone WHERE why = 'ret_1'"), 120);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM chunk WHERE stream = 3"), 0);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM chunk WHERE stream = 1"), 120);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM kept_figures"), 0) << "no figure is made of curves";
  EXPECT_EQ(queue_->counts()->waiting, 0U);
}

TEST_F(RetentionJobsTest, FiguresAreKeptBeforeAnythingGoesSoItWaitsForClickHouse) {
  fill(2);
  apply(Stream::sample, 2);
  work();
  EXPECT_EQ(ledger_->retirements(10)->size(), 2U);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone"), 0);
  EXPECT_EQ(queue_->counts()->waiting, 1U) << "it tries again";
  restart();
  clock_.set_utc_ms(clock_.utc_ms() + 60'000);
  work();
  EXPECT_EQ(queue_->counts()->waiting, 1U);
}

TEST_F(RetentionJobsTest, WhatStaysAfterAllIsSaidAndWrittenDown) {
  fill(2);
  {
    auto connection = sql::Connection::open(place_);
    const std::vector<std::int64_t> lacking{number_in_file("SELECT min(server_seq) FROM chunk WHERE stream = 3")};
    ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(), {"next", 1'000'000, 2}, lacking));
  }
  apply(Stream::force_curve, 2);
  work();
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone"), 1);
  EXPECT_THAT(log_, testing::HasSubstr("1 streams of recordings of an applied plan stay"));
  EXPECT_THAT(log_, testing::HasSubstr("boathouse backup create"));
  log_.clear();
  apply(Stream::force_curve, 2);
  ASSERT_TRUE(ledger_->set_legal_hold({"all", "a dispute"}, {}));
  work();
  EXPECT_THAT(log_, testing::HasSubstr("a legal hold has come"));
  EXPECT_THAT(*ledger_->retirements(10), IsEmpty());
  const auto kept = *ledger_->audit(0, 100, {{}, "retention.kept"});
  ASSERT_EQ(kept.size(), 2U);
  const std::string what = "recording=" + uuid(100).text() + " stream=force_curve plan=ret_1 why=";
  EXPECT_EQ(kept[0].entry.what, what + "not_in_backup");
  EXPECT_EQ(kept[1].entry.what, what + "hold");
  EXPECT_EQ(kept[1].entry.athlete, kAnna);
}

// The plan was applied, the removal waited, and the disk of the backups was lost meanwhile.
TEST_F(RetentionJobsTest, WhatLiesInNoBackupAnyMoreStays) {
  fill(1);
  backups_ = folder_.file("backups");
  const auto made = backup::create({{{"ledger", place_, &ledger::kSchema}}, {}}, backups_, {}, clock_,
                                   [](std::uint64_t) { return base::Status(); });
  ASSERT_TRUE(made) << made.error().text;
  std::ofstream(made->folder / "verified.json") << R"({"verified_ms":1})";
  {
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(connection->execute("DELETE FROM backup_mark"));
    ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(),
                                    {made->folder.filename().string(), made->manifest.last_seq, 1}));
  }
  restart();
  apply(Stream::force_curve, 1);
  const std::filesystem::path away = folder_.file("away");
  std::filesystem::rename(backups_, away);
  work();
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone"), 0);
  EXPECT_THAT(log_, testing::HasSubstr("no verified backup has them now"));
  std::filesystem::rename(away, backups_);
  apply(Stream::force_curve, 1);
  work();
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone"), 1);
}

TEST_F(RetentionJobsTest, OneThatCannotBeReadKeepsTheOthersFromNothing) {
  fill(3);
  {
    auto connection = sql::Connection::open(place_);
    auto update = connection->prepare("UPDATE recording SET birth = ?2 WHERE rec_id = ?1");
    ASSERT_TRUE(update->bind(1, uuid(100).bytes).bind(2, base::as_bytes("{}")).run());
    // Figures that are kept already ask ClickHouse nothing.
    for (std::uint64_t n = 0; n < 3; ++n) {
      auto keep = connection->prepare("INSERT INTO kept_figures (rec_id, figures) VALUES (?1, ?2)");
      ASSERT_TRUE(keep->bind(1, uuid(100 + n).bytes).bind(2, base::as_bytes("x")).run());
    }
    ASSERT_TRUE(ledger_->remove({uuid(101), Stream::force_curve, {0, 10}}));
    ASSERT_TRUE(ledger_->remove({uuid(102), Stream::force_curve, {0, 10}}));
    ASSERT_TRUE(ledger_->sessions_written(*ledger_->dirty_sessions(1000)));
  }
  apply(Stream::sample, 3);
  work();
  const auto left = *ledger_->retirements(10);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].rec_id, uuid(100));
  EXPECT_EQ(queue_->counts()->waiting, 1U) << "it is tried again";
}

TEST_F(RetentionJobsTest, AnErasureWaits30DaysThenRemovesAllAndWaitsForClickHouse) {
  fill(45);
  put(kBen, {birth_entry(uuid(900)), chunk_entry(uuid(900), Stream::sample, 0, 10)});
  const std::int64_t due = clock_.utc_ms() + kReversibleMs;
  ASSERT_TRUE(ledger_->ask_erasure(kAnna, due, {}));
  ASSERT_TRUE(eraser_->order(kAnna, due));
  work();
  EXPECT_THAT(forgotten_, IsEmpty());
  EXPECT_EQ(number_in_file("SELECT count(*) FROM recording"), 46);

  clock_.set_utc_ms(due);
  restart();
  ASSERT_TRUE(eraser_->start());
  work();
  EXPECT_THAT(forgotten_, testing::Contains(kAnna));
  EXPECT_EQ(number_in_file("SELECT count(*) FROM recording"), 1);
  EXPECT_EQ(ledger_->erasures()->at(0).state(), ledger::ErasureState::erasing);
  const auto rows = *ledger_->rows_to_erase(10);
  ASSERT_EQ(rows.size(), 1U);

  clock_.set_utc_ms(due + 5000);
  work();
  EXPECT_EQ(ledger_->rows_to_erase(10)->at(0).server_seq, rows[0].server_seq) << "it is not asked for again";
  ASSERT_TRUE(ledger_->rows_erased(std::vector{rows[0].server_seq}));
  clock_.set_utc_ms(due + 10'000);
  work();
  EXPECT_EQ(ledger_->erasures()->at(0).state(), ledger::ErasureState::erased);
  EXPECT_EQ(queue_->counts()->waiting, 0U);
  ASSERT_TRUE(eraser_->start());
  EXPECT_EQ(queue_->counts()->waiting, 0U) << "what is done is not ordered";
}

TEST_F(RetentionJobsTest, AnErasureThatWasTakenBackOrIsHeldDoesNothing) {
  fill(2);
  const std::int64_t due = clock_.utc_ms() + kReversibleMs;
  ASSERT_TRUE(ledger_->ask_erasure(kAnna, due, {}));
  ASSERT_TRUE(eraser_->order(kAnna, due));
  ASSERT_TRUE(ledger_->take_back_erasure(kAnna, {}));
  clock_.set_utc_ms(due);
  work();
  EXPECT_EQ(queue_->counts()->waiting, 0U);

  ASSERT_TRUE(ledger_->ask_erasure(kAnna, due, {}));
  ASSERT_TRUE(eraser_->order(kAnna, due));
  ASSERT_TRUE(ledger_->set_legal_hold({"all", "a dispute"}, {}));
  work();
  EXPECT_THAT(log_, testing::HasSubstr("legal hold"));
  EXPECT_EQ(queue_->counts()->waiting, 1U) << "it asks again tomorrow";
  EXPECT_THAT(forgotten_, IsEmpty());
  EXPECT_EQ(number_in_file("SELECT count(*) FROM recording"), 2);
}

TEST_F(RetentionJobsTest, WhereThereIsNoBackupNoneHoldsAnything) {
  EXPECT_THAT(*backups_from_before(folder_.file("none"), 1), IsEmpty());
}

}  // namespace
}  // namespace boathouse::retention
