// The figures that retention keeps, on a real engine: those of all records that the ledger has, or none yet.
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/boathouse/test_engine_store.hpp"
#include "server/jobs/queue.hpp"
#include "server/jobs/runner.hpp"
#include "server/ledger/backup_mark.hpp"
#include "server/retention/remover.hpp"
#include "server/timeseries/rolling_reconciler.hpp"

namespace boathouse::app {
namespace {

using ledger::uuid;
using rowing::EditField;
using rowing::Stream;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class EngineRetentionTest : public EngineStoreFixture {
 protected:
  void SetUp() override {
    EngineStoreFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    queue_ = *jobs::Queue::open({.sqlite_file = folder_.file("jobs.db")}, random_);
    runner_ =
        std::make_unique<jobs::Runner>(*queue_, clock_, random_, jobs::Runner::Options{}, [](std::string_view) {});
    remover_ = std::make_unique<retention::Remover>(
        retention::Remover::Options{
            .look_at = [this](const std::vector<base::Uuid>& recordings) { looked_at_ = recordings; }},
        *ledger_, client(), *runner_, clock_, [this](std::string_view line) { log_.emplace_back(line); });
  }

  // Half a second and a metre and a quarter each.
  static ledger::Entry samples(std::uint64_t recording, std::size_t from, std::size_t to) {
    std::vector<rowing::Record> records(to - from);
    for (std::size_t i = 0; i < records.size(); ++i) {
      rowing::Record& record = records[i];
      record.stream = Stream::sample;
      record.values.assign(rowing::metrics(Stream::sample).size(), rowing::kNull);
      const auto set = [&record](const char* column, std::int64_t value) {
        record.values[rowing::column_index(Stream::sample, column)] = value;
      };
      const auto n = static_cast<std::int64_t>(from + i) + 1;
      set("elapsed_cs", n * 50);
      set("distance_dm", n * 25);
      set("workout_state", 1);
      set("workout_type", 1);
      set("rowing_state", 1);
      set("pace_cs_per_500m", 10'000);
    }
    const auto chunk = wire::seal_chunk(Stream::sample, from, records);
    ledger::Entry entry = ledger::chunk_entry(uuid(recording), Stream::sample, from, to);
    entry.body = chunk->body;
    entry.sha256 = chunk->sha256;
    return entry;
  }
  // In two parts.
  void row(std::uint64_t recording) {
    put({ledger::birth_entry(uuid(recording)), samples(recording, 0, 2000)});
    ASSERT_TRUE(load());
    put_one(samples(recording, 2000, 4000));
    ASSERT_TRUE(load());
  }
  void lose_the_newest_part() {
    execute("ALTER TABLE sample DETACH PART '" +
            text("SELECT max(name) AS t FROM system.parts WHERE active AND table = 'sample'") + "'");
  }
  void apply(const std::vector<ledger::Retirement>& retirements) {
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(), {"backup", 1'000'000, 1}));
    ASSERT_TRUE(ledger_->apply_plan(retirements, "plan=ret_1", {}));
    ASSERT_TRUE(remover_->order());
  }
  static ledger::Retirement all_samples(std::uint64_t recording) {
    return {uuid(recording), Stream::sample, 4000, "ret_1", 1'000'000};
  }
  // Every job that is due after so much time.
  void work(std::int64_t after_ms = 0) {
    clock_.advance_ms(after_ms);
    while (*runner_->step()) {
    }
  }
  std::int64_t work_dm(std::uint64_t session) {
    return number("SELECT work_distance_dm AS n FROM session FINAL WHERE session = '" + uuid(session).text() + "'");
  }

  std::unique_ptr<jobs::Queue> queue_;
  std::unique_ptr<jobs::Runner> runner_;
  std::unique_ptr<retention::Remover> remover_;
  std::vector<base::Uuid> looked_at_;
  std::vector<std::string> log_;
};

constexpr std::int64_t kTwoMinutes = 120'000;

// As a damaged part that ClickHouse has put aside at its start.
TEST_F(EngineRetentionTest, FiguresWaitForWhatClickHouseHasLost) {
  row(1);
  const std::int64_t whole = work_dm(1);
  lose_the_newest_part();
  apply({all_samples(1)});
  work();
  EXPECT_EQ(ledger_->retirements(10)->size(), 1U);
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_THAT(log_[0], HasSubstr("ClickHouse has 2000 records and the ledger 4000"));
  EXPECT_THAT(looked_at_, ElementsAre(uuid(1)));

  timeseries::RollingReconciler reconciler(*ledger_, client(), clock_, {}, [](std::string_view) {});
  ASSERT_TRUE(reconciler.look_at(looked_at_));
  ASSERT_TRUE(load());
  work(kTwoMinutes);
  EXPECT_THAT(*ledger_->retirements(10), IsEmpty());
  ASSERT_TRUE(load());
  EXPECT_EQ(work_dm(1), whole);
  EXPECT_EQ(number_in_file("SELECT count(*) FROM chunk"), 0);
}

// What was chosen for the session is acknowledged, and comes from another device.
TEST_F(EngineRetentionTest, FiguresWaitForTheRecordsOfALinkedRecording) {
  put({ledger::birth_entry(uuid(1)), samples(1, 0, 2000), ledger::birth_entry(uuid(2))});
  put_one(ledger::edit_entry(uuid(1), 500, 1'700'000'000'000, [](rowing::Edit& edit) {
    edit.field = EditField::link;
    edit.other = uuid(2);
    edit.flag = true;
  }));
  put_one(ledger::edit_entry(uuid(1), 501, 1'700'000'000'001, [](rowing::Edit& edit) {
    edit.field = EditField::primary;
    edit.stream = Stream::sample;
    edit.primary = uuid(2);
  }));
  ASSERT_TRUE(load());
  put_one(samples(2, 0, 4000));
  apply({all_samples(1)});
  work();
  EXPECT_EQ(ledger_->retirements(10)->size(), 1U);
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_THAT(log_[0], HasSubstr(uuid(2).text()));

  ASSERT_TRUE(load());
  const std::int64_t whole = work_dm(1);
  EXPECT_GT(whole, 0);
  work(kTwoMinutes);
  EXPECT_THAT(*ledger_->retirements(10), IsEmpty());
  ASSERT_TRUE(load());
  EXPECT_EQ(work_dm(1), whole);
}

// Its body is lost, too, say: nobody can load it again.
TEST_F(EngineRetentionTest, WhatNeverComesBackIsSaidAgainAndHoldsUpNoOther) {
  row(1);
  lose_the_newest_part();
  std::vector<ledger::Retirement> all{all_samples(1)};
  for (std::uint64_t n = 2; n < 5; ++n) {
    put({ledger::birth_entry(uuid(n)), samples(n, 0, 100)});
    all.push_back(all_samples(n));
  }
  ASSERT_TRUE(load());
  apply(all);
  work();
  ASSERT_EQ(ledger_->retirements(10)->size(), 1U);
  EXPECT_EQ(ledger_->retirements(10)->at(0).rec_id, uuid(1));
  EXPECT_EQ(number_in_file("SELECT count(*) FROM gone"), 3);
  EXPECT_EQ(log_.size(), 1U);
  work(kTwoMinutes);
  EXPECT_EQ(log_.size(), 1U) << "said once an hour";
  work(3'600'000);
  EXPECT_EQ(log_.size(), 2U);
  EXPECT_EQ(queue_->counts()->waiting, 1U) << "it goes on looking";
}

}  // namespace
}  // namespace boathouse::app
