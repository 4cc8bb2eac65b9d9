// The periodic jobs of `serve` that keep bodies: once a period, by whoever takes it, also after a failure.
#include "apps/boathouse/segment_service.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "apps/boathouse/test_time.hpp"
#include "core/wire/compression.hpp"
#include "server/jobs/queue.hpp"
#include "server/ledger/bodies.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/segments/folder_store.hpp"

namespace boathouse::app {
namespace {

class SegmentServiceTest : public ledger::LedgerFixture {
 protected:
  SegmentServiceTest() : LedgerFixture(sql::Dialect::sqlite) {}

  void SetUp() override {
    LedgerFixture::SetUp();
    auto queue = jobs::Queue::open({.sqlite_file = folder_.file("jobs.db")}, random_);
    ASSERT_TRUE(queue);
    queue_ = std::move(*queue);
    const auto log = [this](std::string_view line) { log_ += std::string(line) + "\n"; };
    runner_ = std::make_unique<jobs::Runner>(*queue_, clock_, random_, jobs::Runner::Options{}, log);
    auto store = segments::FolderStore::open(root_, true);
    ASSERT_TRUE(store);
    store_ = std::move(*store);
    ledger_->use_segments(*store_);
    SegmentService::Options options;
    options.mover.segment_bytes = 100;
    service_ = std::make_unique<SegmentService>(options, *runner_, *ledger_, *store_, clock_, random_, log);
  }

  void work() {
    while (true) {
      const auto more = runner_->step();
      ASSERT_TRUE(more) << more.error().text;
      if (!*more) return;
    }
  }
  // Chunks that ClickHouse has.
  void store(std::uint64_t first, std::uint64_t last) {
    put_one(ledger::birth_entry(kRec));
    for (std::uint64_t n = first; n < last; ++n) {
      ledger::Entry entry = ledger::chunk_entry(kRec, rowing::Stream::sample, 10 * n, 10 * n + 10);
      const std::string content = "canonical bytes of chunk " + std::to_string(n);
      entry.sha256 = base::sha256(base::as_bytes(content));
      entry.body = wire::compress(base::as_bytes(content));
      put_one(std::move(entry));
    }
    const auto block = ledger_->next_block(1'000'000, 1'000'000);
    ASSERT_TRUE(block && *block);
    ASSERT_TRUE(ledger_->finish_block((*block)->block_id));
  }
  [[nodiscard]] std::uint64_t segments() const { return ledger_->bodies().body_counts()->segments; }

  const std::filesystem::path root_ = folder_.file("segments");
  std::unique_ptr<segments::FolderStore> store_;
  std::unique_ptr<jobs::Queue> queue_;
  std::unique_ptr<SegmentService> service_;
  std::unique_ptr<jobs::Runner> runner_;
  std::string log_;
};

TEST_F(SegmentServiceTest, MovesWhatIsThereEachPeriod) {
  store(0, 5);
  ASSERT_TRUE(service_->start());
  work();
  const std::uint64_t first = segments();
  EXPECT_GE(first, 1u) << log_;
  EXPECT_NE(log_.find(" bodies moved into "), std::string::npos) << log_;
  store(5, 10);
  work();
  EXPECT_EQ(segments(), first) << "not in the same period";
  clock_.advance_ms(kHour);
  work();
  EXPECT_GT(segments(), first);
  EXPECT_EQ(ledger_->chunks(kRec, rowing::Stream::sample)->size(), 10u);
}

TEST_F(SegmentServiceTest, AFailureIsLoggedAndTheNextPeriodTriesAgain) {
  store(0, 5);
  std::filesystem::rename(root_, folder_.file("unmounted"));
  ASSERT_TRUE(service_->start());
  work();
  EXPECT_NE(log_.find("segments failed, to be tried again: "), std::string::npos) << log_;
  EXPECT_NE(log_.find("is its disk mounted?"), std::string::npos) << log_;
  std::filesystem::rename(folder_.file("unmounted"), root_);
  clock_.advance_ms(kHour);
  work();
  EXPECT_GE(segments(), 1u) << log_;
}

// Weeks without a server, or a clock that jumped: the next period is that of now, not each that was missed.
TEST_F(SegmentServiceTest, MissedPeriodsAreNotMadeUpFor) {
  ASSERT_TRUE(service_->start());
  work();
  clock_.advance_ms(500 * kHour);
  int runs = 0;
  while (*runner_->step()) ++runs;
  EXPECT_EQ(runs, 1);
  clock_.advance_ms(kHour);
  while (*runner_->step()) ++runs;
  EXPECT_EQ(runs, 2);
}

TEST_F(SegmentServiceTest, AClockThatIsSetBackStopsNothing) {
  ASSERT_TRUE(service_->start());
  work();
  const std::int64_t now = clock_.utc_ms();
  clock_.set_utc_ms(now + 90'000 * kHour);
  work();
  clock_.set_utc_ms(now);
  int runs = 0;
  for (int minute = 0; minute < 10 * 60; ++minute) {
    clock_.advance_ms(60'000);
    while (*runner_->step()) ++runs;
  }
  EXPECT_GE(runs, 10) << "one an hour";
  EXPECT_LE(runs, 12) << "and the one that was years ahead";
}

TEST_F(SegmentServiceTest, WhatIsLostIsNamedInTheLog) {
  store(0, 5);
  ASSERT_TRUE(service_->start());
  work();
  std::filesystem::remove(root_ / ledger_->bodies().segment_rows(0, 1)->at(0).key);
  EXPECT_FALSE(ledger_->chunks(kRec, rowing::Stream::sample));
  ASSERT_TRUE(ledger_->check());
  clock_.advance_ms(kHour);
  work();
  EXPECT_NE(log_.find("segments: lost is recording " + kRec.text() + ", sample 0-10: "), std::string::npos) << log_;
}

}  // namespace
}  // namespace boathouse::app
