// Of several nodes the one does a period's work that may, and says what it has found.
#include "apps/boathouse/periodic_job.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "apps/boathouse/ledger_metrics.hpp"
#include "apps/boathouse/test_time.hpp"
#include "core/base/random.hpp"
#include "server/jobs/queue.hpp"
#include "server/ledger/ledger.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::app {
namespace {

class PeriodicJobTest : public testing::Test {
 protected:
  struct Node {
    std::unique_ptr<jobs::Queue> queue;
    std::unique_ptr<jobs::Runner> runner;
    std::unique_ptr<PeriodicJob> job;
    bool leads = false;
    int runs = 0;

    // Does what is due.
    void work() {
      while (*runner->step()) {
      }
    }
  };
  // On the table that all of them share.
  void open(Node& node) {
    auto queue = jobs::Queue::open({.sqlite_file = folder_.file("jobs.db")}, random_);
    ASSERT_TRUE(queue);
    node.queue = std::move(*queue);
    const auto log = [](std::string_view) {};
    node.runner = std::make_unique<jobs::Runner>(*node.queue, clock_, random_, jobs::Runner::Options{}, log);
    const auto count = [&node](const PeriodicJob::Watch&) {
      ++node.runs;
      return base::Status();
    };
    node.job = std::make_unique<PeriodicJob>("test", kHour, count, *node.runner, clock_, log,
                                             [&node]() -> base::Result<bool> { return node.leads; });
    ASSERT_TRUE(node.job->start());
  }

  test_support::TemporaryFolder folder_;
  base::ManualClock clock_{1'700'000'000'000};
  base::SeededRandom random_{7};
};

TEST_F(PeriodicJobTest, ANodeThatMayNotLeavesItToTheOneThatMay) {
  Node one;
  Node two;
  open(one);
  open(two);
  two.leads = true;
  for (int period = 1; period <= 3; ++period) {
    one.work();
    EXPECT_EQ(one.runs, 0);
    clock_.advance_ms(2'000);
    two.work();
    EXPECT_EQ(two.runs, period);
    clock_.advance_ms(kHour - 2'000);
  }
  two.leads = false;
  one.leads = true;
  two.work();
  clock_.advance_ms(2'000);
  one.work();
  EXPECT_EQ(one.runs, 1);
  EXPECT_EQ(two.runs, 3);
}

TEST_F(PeriodicJobTest, WhatANodeThatLedHasFoundIsNotSaidByIt) {
  auto ledger = ledger::Ledger::open({.place = {.sqlite_file = folder_.file("ledger.db")}}, clock_, random_);
  ASSERT_TRUE(ledger);
  timeseries::ClickHouseClient client{timeseries::Endpoint{}};
  const timeseries::RollingReconciler reconciler(**ledger, client, clock_, {}, [](std::string_view) {});
  bool leads = true;
  ops::Registry registry;
  add_reconciler_metrics(registry, reconciler, [&leads] { return leads; });
  EXPECT_THAT(registry.text(), testing::HasSubstr("\nboathouse_reconciler_not_repairable 0\n"));
  leads = false;
  EXPECT_THAT(registry.text(), testing::Not(testing::HasSubstr("\nboathouse_reconciler_not_repairable ")));
  EXPECT_THAT(registry.text(), testing::HasSubstr("\nboathouse_reconciler_differences_total 0\n"));
}

}  // namespace
}  // namespace boathouse::app
