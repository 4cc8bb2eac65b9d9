// Ledger and a scripted ClickHouse that has lost rows, or has too many.
#include "server/timeseries/rolling_reconciler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.hpp"
#include "core/wire/facts.hpp"
#include "server/timeseries/test_clickhouse.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::timeseries {
namespace {

using rowing::Stream;
using testing::HasSubstr;

class RollingReconcilerTest : public ::testing::Test {
 protected:
  RollingReconcilerTest() {
    auto opened = ledger::Ledger::open({.place = {.sqlite_file = folder_.file("ledger.db")}}, clock_, random_);
    EXPECT_TRUE(opened.ok()) << opened.error().text;
    ledger_ = std::move(*opened);
    reconciler_ = make({});
    run();  // the first one only notes where the changes begin, and looks at nothing that is there
  }

  std::unique_ptr<RollingReconciler> make(RollingReconciler::Options options) {
    return std::make_unique<RollingReconciler>(*ledger_, client_, clock_, options,
                                               [this](std::string_view line) { log_ += std::string(line) + "\n"; });
  }
  void run() {
    const auto done = reconciler_->run([] { return base::Status(); });
    ASSERT_TRUE(done.ok()) << done.error().text;
  }

  static base::Uuid recording(std::uint8_t number) {
    base::Uuid id;
    id.bytes[15] = number;
    return id;
  }
  // A birth and chunks of ten samples each; the ledger opens none.
  void store(std::uint8_t number, std::uint64_t chunks) {
    ledger::Submission submission;
    submission.athlete.bytes[0] = 1;
    rowing::Birth birth;
    birth.rec_id = recording(number);
    birth.started_ms = 1795372620000;
    const std::string json = wire::encode_birth(birth);
    ledger::Entry entry;
    entry.kind = wire::ItemKind::birth;
    entry.rec_id = birth.rec_id;
    entry.started_ms = birth.started_ms;
    entry.body.assign(json.begin(), json.end());
    entry.sha256 = base::sha256(entry.body);
    submission.entries.push_back(entry);
    for (std::uint64_t n = 0; n < chunks; ++n) {
      ledger::Entry chunk;
      chunk.rec_id = birth.rec_id;
      chunk.from = 10 * n;
      chunk.to = 10 * n + 10;
      chunk.version = 1;
      chunk.body = {static_cast<std::uint8_t>(n), number};
      chunk.sha256 = base::sha256(chunk.body);
      submission.entries.push_back(std::move(chunk));
    }
    std::promise<bool> done;
    ledger_->submit(std::move(submission), [&](const auto& results) { done.set_value(results.ok()); });
    ASSERT_TRUE(done.get_future().get());
  }
  // As the loader does, without an insert. The tokens of the blocks.
  std::vector<std::string> load() {
    std::vector<std::string> tokens;
    while (true) {
      const auto block = ledger_->next_block(1'000'000, 1'000'000);
      EXPECT_TRUE(block.ok());
      if (!block.ok() || !*block) return tokens;
      tokens.push_back((*block)->token);
      EXPECT_TRUE(ledger_->finish_block((*block)->block_id).ok());
    }
  }
  // What ClickHouse counts of samples from now on.
  void clickhouse_has(const std::vector<std::pair<std::uint8_t, std::int64_t>>& rows) {
    NativeBlock block;
    block.rows = rows.size();
    NativeColumn ids{"rec_id", "UUID", {}, {}, {}, {}, {}};
    NativeColumn counts{"n", "UInt64", {}, {}, {}, {}, {}};
    for (const auto& [number, count] : rows) {
      ids.uuids.push_back(recording(number));
      counts.integers.push_back(count);
    }
    block.columns.push_back(std::move(ids));
    block.columns.push_back(std::move(counts));
    clickhouse_.answer_selects("FROM sample FINAL", std::move(block));
  }

  // The session rows are written, as the ledger is told.
  void written() { ASSERT_TRUE(ledger_->sessions_written(*ledger_->dirty_sessions(100)).ok()); }
  // These stand in so many of ClickHouse's session rows from now on.
  void shown(std::vector<base::Uuid> recordings, std::int64_t rows = 1) {
    NativeBlock block;
    block.rows = recordings.size();
    NativeColumn counts{"n", "UInt64", std::vector(recordings.size(), rows), {}, {}, {}, {}};
    block.columns.push_back({"recording", "UUID", {}, {}, std::move(recordings), {}, {}});
    block.columns.push_back(std::move(counts));
    clickhouse_.answer_selects("FROM session FINAL", std::move(block));
  }

  test_support::TemporaryFolder folder_;
  base::ManualClock clock_{1795372620000, 0};
  base::SeededRandom random_{3};
  FakeClickHouse clickhouse_;
  ClickHouseClient client_{Endpoint{clickhouse_.url()}};
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<RollingReconciler> reconciler_;
  std::string log_;
};

TEST_F(RollingReconcilerTest, WhatIsEqualIsLeftAlone) {
  store(1, 3);
  load();
  clickhouse_has({{1, 30}});
  clock_.advance_ms(5000);
  run();
  const auto state = reconciler_->state();
  EXPECT_EQ(state.differences, 0U);
  EXPECT_EQ(state.not_repairable, 0U);
  EXPECT_GE(state.looked_at, 1U);
  EXPECT_EQ(state.last_run_ms, clock_.utc_ms());
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
  EXPECT_EQ(log_, "");
}

TEST_F(RollingReconcilerTest, WhatIsOnItsWayIsNoDifference) {
  store(1, 3);
  clickhouse_has({});
  run();
  EXPECT_EQ(reconciler_->state().differences, 0U);
  // ClickHouse has a block whose acknowledgement the ledger has not noted.
  clickhouse_has({{1, 30}});
  run();
  EXPECT_EQ(reconciler_->state().differences, 0U);
}

TEST_F(RollingReconcilerTest, WhatIsMissingIsLoadedAgainUnderAnotherToken) {
  store(1, 3);
  const auto tokens = load();
  clickhouse_has({{1, 20}});
  run();
  EXPECT_EQ(reconciler_->state().differences, 1U);
  EXPECT_EQ(reconciler_->state().not_repairable, 0U);
  EXPECT_THAT(log_,
              HasSubstr(recording(1).text() + ", sample: the ledger has loaded 30 records, ClickHouse counts 20"));
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 3U);
  run();
  EXPECT_EQ(reconciler_->state().differences, 1U) << "on its way again, and not found twice";
  EXPECT_EQ(reconciler_->state().repaired, 0U) << "nobody knows yet";
  const auto again = load();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_NE(again, tokens) << "ClickHouse would remember the token, though the rows are gone";
  clickhouse_has({{1, 30}});
  run();
  EXPECT_EQ(reconciler_->state().repaired, 1U);
  run();
  EXPECT_EQ(reconciler_->state().repaired, 1U);
  EXPECT_EQ(reconciler_->state().differences, 1U);
}

TEST_F(RollingReconcilerTest, WhatSomebodyHasCountedOtherwiseIsLookedAtAlone) {
  store(1, 3);
  store(2, 3);
  load();
  clickhouse_has({{1, 20}});
  ASSERT_TRUE(reconciler_->look_at(std::vector{recording(1), recording(9)}).ok());
  EXPECT_EQ(reconciler_->state().looked_at, 1U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 3U);
  load();
  clickhouse_has({{1, 30}, {2, 30}});
  run();
  EXPECT_EQ(reconciler_->state().repaired, 1U) << "it is one of those that differed";
}

TEST_F(RollingReconcilerTest, WhatLoadingDoesNotHelpIsAnAlarmUntilItIsWell) {
  store(1, 3);
  load();
  clickhouse_has({{1, 20}});
  for (int i = 0; i < 3; ++i) {
    run();
    EXPECT_EQ(reconciler_->state().not_repairable, 0U) << i;
    EXPECT_EQ(load().size(), 1U);
  }
  run();
  EXPECT_EQ(reconciler_->state().not_repairable, 1U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U) << "not for ever";
  EXPECT_THAT(log_, HasSubstr("loading again does not help"));
  const std::string said = log_;
  run();
  EXPECT_EQ(log_, said) << "said once";
  clickhouse_has({{1, 30}});
  run();
  EXPECT_EQ(reconciler_->state().not_repairable, 0U);
  EXPECT_EQ(reconciler_->state().repaired, 1U);
}

TEST_F(RollingReconcilerTest, TooManyRowsCannotBeRepaired) {
  store(1, 3);
  load();
  clickhouse_has({{1, 31}});
  run();
  EXPECT_EQ(reconciler_->state().differences, 1U);
  EXPECT_EQ(reconciler_->state().not_repairable, 1U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
}

TEST_F(RollingReconcilerTest, RowsThatRetentionIsRemovingAreNoDifference) {
  store(1, 3);
  load();
  ASSERT_TRUE(ledger_->remove({recording(1), Stream::sample, {0, 10}}).ok());
  clickhouse_has({{1, 30}});
  run();
  EXPECT_EQ(reconciler_->state().differences, 0U);
}

TEST_F(RollingReconcilerTest, WhatWasPurgedIsForgotten) {
  store(1, 3);
  load();
  clickhouse_has({{1, 31}});
  run();
  ASSERT_EQ(reconciler_->state().not_repairable, 1U);
  ASSERT_TRUE(ledger_->remove({recording(1), std::nullopt, {}}).ok());
  run();
  EXPECT_EQ(reconciler_->state().not_repairable, 0U);
}

TEST_F(RollingReconcilerTest, ASessionRowThatIsLostIsWrittenAgain) {
  store(1, 3);
  store(2, 3);
  load();
  clickhouse_has({{1, 30}, {2, 30}});
  shown({});
  run();
  EXPECT_EQ(reconciler_->state().differences, 0U) << "they are on their way";
  written();
  shown({recording(2)});
  run();
  EXPECT_EQ(reconciler_->state().differences, 1U);
  EXPECT_EQ(reconciler_->state().repaired, 0U);
  EXPECT_THAT(log_, HasSubstr("recording " + recording(1).text() +
                              " is in no session row of ClickHouse; writing it "
                              "again\n"));
  const auto dirty = *ledger_->dirty_sessions(100);
  ASSERT_EQ(dirty.size(), 1U);
  EXPECT_EQ(dirty[0].rec_id, recording(1));
  written();
  shown({recording(1), recording(2)});
  run();
  EXPECT_EQ(reconciler_->state().repaired, 1U);
  EXPECT_TRUE(ledger_->dirty_sessions(100)->empty());

  // In vain: it is named, and no longer written.
  shown({recording(2)});
  for (int i = 0; i < 3; ++i) {
    run();
    EXPECT_EQ(ledger_->dirty_sessions(100)->size(), 1U);
    written();
  }
  EXPECT_EQ(reconciler_->state().not_repairable, 0U);
  run();
  EXPECT_EQ(reconciler_->state().not_repairable, 1U);
  EXPECT_TRUE(ledger_->dirty_sessions(100)->empty());
  EXPECT_THAT(log_, HasSubstr("writing it again does not help"));
}

TEST_F(RollingReconcilerTest, ARecordingInTwoSessionRowsIsWrittenAgainAndNamedWhenThatIsInVain) {
  store(1, 3);
  load();
  clickhouse_has({{1, 30}});
  written();
  shown({recording(1)}, 2);
  run();
  EXPECT_EQ(reconciler_->state().differences, 1U);
  EXPECT_THAT(
      log_, HasSubstr("recording " + recording(1).text() + " is in 2 session rows of ClickHouse; writing it again\n"));
  EXPECT_EQ(ledger_->dirty_sessions(100)->size(), 1U);
  written();
  shown({recording(1)});
  run();
  EXPECT_EQ(reconciler_->state().repaired, 1U);
  EXPECT_TRUE(ledger_->dirty_sessions(100)->empty());

  shown({recording(1)}, 2);
  for (int i = 0; i < 3; ++i) {
    run();
    EXPECT_EQ(ledger_->dirty_sessions(100)->size(), 1U);
    written();
  }
  EXPECT_EQ(reconciler_->state().not_repairable, 0U);
  run();
  EXPECT_EQ(reconciler_->state().not_repairable, 1U);
  EXPECT_TRUE(ledger_->dirty_sessions(100)->empty());
}

// Nothing has changed for long, so only the pass over all finds it: a page in each run, and then from the beginning.
TEST_F(RollingReconcilerTest, EachRecordingHasItsTurn) {
  for (std::uint8_t number = 1; number <= 9; ++number) store(number, 1);
  load();
  clickhouse_has({{1, 10}, {2, 10}, {3, 10}, {4, 10}, {5, 10}, {6, 10}, {7, 10}, {8, 10}});
  reconciler_ = make({.page = 2, .runs_of_a_pass = 5});
  int runs = 0;
  while (reconciler_->state().differences == 0) {
    ASSERT_LT(runs, 5);
    run();
    ++runs;
  }
  EXPECT_EQ(runs, 5);
  EXPECT_EQ(reconciler_->state().passes, 1U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 1U);
}

// Of many that one block has loaded, all under one number.
// Its rows are counted all the same, and whether it should be in a session's row the loader has to say.
TEST_F(RollingReconcilerTest, WhatCannotBeReadOfOneHoldsUpNoOthers) {
  for (std::uint8_t number = 1; number <= 3; ++number) store(number, 3);
  load();
  written();
  {
    auto connection = sql::Connection::open({.sqlite_file = folder_.file("ledger.db")});
    ASSERT_TRUE(connection
                    ->execute("UPDATE recording SET birth = x'7b7d' WHERE rec_id = (SELECT min(rec_id) FROM "
                              "recording)")
                    .ok());
  }
  clickhouse_has({{1, 20}, {2, 30}, {3, 20}});
  shown({recording(2), recording(3)});
  run();
  EXPECT_THAT(log_, HasSubstr("recording " + recording(1).text() + ", sample: the ledger has loaded 30"));
  EXPECT_THAT(log_, HasSubstr("recording " + recording(3).text() + ", sample: the ledger has loaded 30"));
  EXPECT_THAT(log_, HasSubstr("recording " + recording(1).text() + " is in no session row"));
  EXPECT_EQ(reconciler_->state().passes, 2U);
  load();
  written();
  clickhouse_has({{1, 30}, {2, 30}, {3, 30}});
  shown({recording(1), recording(2), recording(3)});
  run();
  EXPECT_EQ(reconciler_->state().repaired, 3U);
}

TEST_F(RollingReconcilerTest, WhatHasChangedIsLookedAtInTheNextRunWhoseverTurnItIs) {
  reconciler_ = make({.page = 2, .runs_of_a_pass = 1000});
  for (std::uint8_t number = 1; number <= 9; ++number) store(number, 1);
  run();
  load();
  clickhouse_has({});
  run();
  EXPECT_EQ(reconciler_->state().differences, 9U);
}

TEST_F(RollingReconcilerTest, AClickHouseThatIsAwayIsNoDifference) {
  store(1, 3);
  load();
  client_.set_endpoint(Endpoint{});
  EXPECT_FALSE(reconciler_->run([] { return base::Status(); }).ok());
  EXPECT_EQ(reconciler_->state().differences, 0U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
}

TEST_F(RollingReconcilerTest, AnEmptyClickHouseIsFilledFromTheLedgerWithFewWords) {
  for (std::uint8_t number = 1; number <= 40; ++number) store(number, 2);
  load();
  clickhouse_has({});
  run();
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 80U);
  EXPECT_EQ(std::count(log_.begin(), log_.end(), '\n'), 21);
  EXPECT_THAT(log_, HasSubstr("and 20 lines more"));
}

}  // namespace
}  // namespace boathouse::timeseries
