// What the rules would remove: the most specific rule counts, a hold wins, and the id stands for the content.
#include "server/retention/plan.hpp"

#include <gmock/gmock.h>

#include "server/ledger/backup_mark.hpp"
#include "server/ledger/bodies.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/retention/cost.hpp"
#include "server/timeseries/test_clickhouse.hpp"

namespace boathouse::retention {
namespace {

using ledger::birth_entry;
using ledger::chunk_entry;
using ledger::uuid;
using rowing::Stream;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kNow = 1'800'000'000'000;

Policy policy(std::vector<ledger::RetentionRule> rules) { return {std::move(rules), {}, {}}; }

TEST(YearsKept, WithoutARuleForEver) {
  EXPECT_FALSE(years_kept(policy({}), uuid(1), Stream::sample));
  EXPECT_FALSE(years_kept(policy({{"all", Stream::stroke, 2}}), uuid(1), Stream::sample));
}

TEST(YearsKept, TheMostSpecificRuleCounts) {
  Policy some = policy({{"all", Stream::sample, 2},
                        {ledger::scope_of_team(uuid(50)), Stream::sample, 3},
                        {ledger::scope_of_team(uuid(51)), Stream::sample, 7},
                        {ledger::scope_of_athlete(uuid(1)), Stream::sample, 1}});
  for (const std::uint64_t member : {1U, 2U, 4U}) some.teams_of[uuid(member)] = {uuid(50), uuid(51)};
  EXPECT_EQ(years_kept(some, uuid(1), Stream::sample), 1);
  EXPECT_EQ(years_kept(some, uuid(2), Stream::sample), 7) << "of several teams the longest";
  EXPECT_EQ(years_kept(some, uuid(3), Stream::sample), 2);
  some.rules.push_back({ledger::scope_of_athlete(uuid(2)), Stream::sample, std::nullopt});
  EXPECT_FALSE(years_kept(some, uuid(2), Stream::sample)) << "for ever is a rule, too";
  some.rules[2].years = std::nullopt;
  EXPECT_FALSE(years_kept(some, uuid(4), Stream::sample));
}

TEST(GrainOf, SummariesAreAlwaysKept) {
  EXPECT_EQ(*grain_of("force_curve"), Stream::force_curve);
  EXPECT_THAT(grain_of("summary").error().text, testing::HasSubstr("always kept"));
  EXPECT_FALSE(grain_of("samples"));
}

class PlanTest : public ledger::SqliteLedgerTest {
 protected:
  // Received at the ledger's clock of then; everything is loaded and in a backup.
  void row(std::uint64_t recording, const base::Uuid& athlete) {
    put(athlete,
        {birth_entry(uuid(recording)), chunk_entry(uuid(recording), Stream::sample, 0, 10),
         chunk_entry(uuid(recording), Stream::summary, 0, 1), chunk_entry(uuid(recording), Stream::source, 0, 2)});
    load_all();
  }
  void load_all() {
    while (const auto block = *ledger_->next_block(1'000'000, 1'000'000)) {
      ASSERT_TRUE(ledger_->finish_block(block->block_id));
    }
    ASSERT_TRUE(ledger_->sessions_written(*ledger_->dirty_sessions(1000)));
  }
  void back_up(const std::vector<std::int64_t>& lacking = {}) {
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(),
                                    {"backup", ledger_->hello({kAnna, uuid(1)})->server_seq, 1}, lacking));
  }
  Plan plan(std::int64_t now_ms = kNow) {
    const auto rules = policy_of(*ledger_, {});
    EXPECT_TRUE(rules);
    auto made = make_plan(*ledger_, *rules, now_ms, *backed_up_seq(*ledger_, {}));
    EXPECT_TRUE(made) << made.error().text;
    return *made;
  }
  void keep(Stream stream, int years, const std::string& scope = "all") {
    ASSERT_TRUE(ledger_->set_retention_rule({scope, stream, years}, {}));
  }
};

TEST_F(PlanTest, TheDefaultKeepsAll) {
  row(100, kAnna);
  EXPECT_EQ(plan().id, "");
  EXPECT_THAT(plan(kNow * 100).items, IsEmpty());
}

TEST_F(PlanTest, WhatIsOldEnoughGoesAndNothingElse) {
  row(100, kAnna);
  back_up();
  keep(Stream::sample, 3);
  const std::int64_t due = clock_.utc_ms() + 3 * kYearMs;
  EXPECT_THAT(plan(due - 1).items, IsEmpty());
  const Plan now = plan(due);
  ASSERT_EQ(now.items.size(), 1U);
  EXPECT_EQ(now.items[0].rec_id, uuid(100));
  EXPECT_EQ(now.items[0].stream, Stream::sample);
  EXPECT_EQ(now.items[0].to, 10U);
  EXPECT_EQ(now.items[0].plan, now.id);
  EXPECT_EQ(now.streams.at(Stream::sample).records, 10U);
  EXPECT_EQ(now.recordings, 1U);
  EXPECT_EQ(now.not_backed_up.recordings, 0U);
  EXPECT_TRUE(now.id.starts_with("ret_")) << now.id;
  EXPECT_EQ(plan(due + kYearMs).id, now.id) << "of the same content";
  clock_.set_utc_ms(clock_.utc_ms() + 1);
  row(101, kAnna);
  EXPECT_EQ(plan(due).id, now.id) << "a later one is not due";
  EXPECT_NE(plan(due + 1).id, now.id);
}

// Ten years slow: it says that it was rowed long ago, and the server has it since today.
TEST_F(PlanTest, ADeviceWhoseClockIsTenYearsSlowLosesNothing) {
  clock_.set_utc_ms(1'700'000'000'000 + 10 * kYearMs);
  row(100, kAnna);
  back_up();
  keep(Stream::sample, 3);
  EXPECT_THAT(plan(clock_.utc_ms() + 3 * kYearMs - 1).items, IsEmpty());
  EXPECT_EQ(plan(clock_.utc_ms() + 3 * kYearMs).items.size(), 1U);
}

// It was rowed and begun to be sent years ago; the rest of it came yesterday.
TEST_F(PlanTest, AnOldSessionKeepsTheStreamWhoseChunkCameYesterday) {
  row(100, kAnna);
  keep(Stream::sample, 3);
  keep(Stream::source, 3);
  const std::int64_t today = clock_.utc_ms() + 4 * kYearMs;
  EXPECT_EQ(plan(today).items.size(), 2U);
  clock_.set_utc_ms(today - 86'400'000);
  put({chunk_entry(uuid(100), Stream::sample, 10, 20)});
  load_all();
  back_up();
  const Plan now = plan(today);
  ASSERT_EQ(now.items.size(), 1U);
  EXPECT_EQ(now.items[0].stream, Stream::source);
  EXPECT_EQ(plan(clock_.utc_ms() + 3 * kYearMs).items.size(), 2U) << "in its turn it goes";
}

// Two years lie on the replicas' disks, older ones in S3: received in November 2023, cold from January 2025 on.
TEST_F(PlanTest, WhatIsOlderThanTheLastYearIsCountedAsCold) {
  row(100, kAnna);
  back_up();
  keep(Stream::sample, 1);
  constexpr std::int64_t kNewYear2025 = 1'735'689'600'000;
  EXPECT_EQ(plan(kNewYear2025 - 1).streams.at(Stream::sample).records, 10U);
  EXPECT_THAT(plan(kNewYear2025 - 1).cold_records, IsEmpty());
  EXPECT_EQ(plan(kNewYear2025).cold_records.at(Stream::sample), 10U);
}

TEST(UsdAMonth, IsThatOfWhereTheBytesLie) {
  EXPECT_DOUBLE_EQ(usd_a_month({{}, 3'000'000'000, 2'000'000'000, 0, 0}), 0.16 + 2 * 0.046);
  EXPECT_DOUBLE_EQ(usd_a_month({{}, 0, 0, 1'000'000'000, 0}), 2.71 * 0.115);
}

// Of a cluster with several shards the parts are those of the tables under the Distributed ones, and not every
// replica's.
TEST(FreedBy, CountsOneReplicaOfEachShard) {
  timeseries::FakeClickHouse clickhouse;
  timeseries::ClickHouseClient client(timeseries::Endpoint{clickhouse.url()});
  const auto integer = [](const char* name, std::int64_t value) {
    return timeseries::NativeColumn{name, "UInt64", {value}, {}, {}, {}, {}};
  };
  clickhouse.answer_selects("system.parts", {1, {integer("n", 1000), integer("bytes", 5000)}});
  Plan plan;
  plan.streams[Stream::sample] = {1, 10, 0};
  EXPECT_EQ(freed_by(client, plan, {"club", true})->clickhouse_total, 50U);
  EXPECT_EQ(freed_by(client, plan, {"club", false})->clickhouse_total, 50U);
  EXPECT_EQ(freed_by(client, plan)->clickhouse_total, 50U);
  const auto said = clickhouse.statements();
  ASSERT_EQ(said.size(), 3U);
  EXPECT_THAT(said[0], testing::HasSubstr("FROM cluster(`club`, system.parts) WHERE"));
  EXPECT_THAT(said[2], testing::HasSubstr("FROM system.parts WHERE"));
  const auto asked = clickhouse.parameters("system.parts");
  EXPECT_EQ(asked.at(0).at("table"), "sample_shard");
  EXPECT_EQ(asked.at(1).at("table"), "sample");
  EXPECT_EQ(asked.at(2).at("table"), "sample");
}

TEST_F(PlanTest, WhatIsInNoBackupIsSaid) {
  row(100, kAnna);
  back_up();
  row(101, kAnna);
  keep(Stream::sample, 1);
  const Plan now = plan();
  EXPECT_EQ(now.items.size(), 2U);
  EXPECT_EQ(now.not_backed_up.recordings, 1U);
  EXPECT_EQ(now.not_backed_up.records, 10U);
}

// The backup reaches so far and was made without a body that was lost.
TEST_F(PlanTest, WhatTheBackupLacksIsSaidAndWhatNoBackupWillHaveIsLeftOut) {
  row(100, kAnna);
  row(101, kAnna);
  ledger::LostBody lost;
  lost.server_seq = number_in_file("SELECT max(server_seq) FROM chunk WHERE stream = 1");
  lost.reason = "a test";
  ASSERT_TRUE(ledger_->bodies().lose_bodies({&lost, 1}));
  back_up({lost.server_seq});
  keep(Stream::sample, 1);
  const Plan without_it = plan();
  ASSERT_EQ(without_it.items.size(), 1U);
  EXPECT_EQ(without_it.items[0].rec_id, uuid(100));
  EXPECT_EQ(without_it.lost.records, 10U);
  EXPECT_EQ(without_it.not_backed_up.recordings, 0U);
  put({chunk_entry(uuid(101), Stream::sample, 0, 10)});  // the device has it still
  load_all();
  const Plan now = plan();
  EXPECT_EQ(now.items.size(), 2U);
  EXPECT_EQ(now.lost.recordings, 0U);
  EXPECT_EQ(now.not_backed_up.records, 10U) << "until there is another backup";
}

TEST_F(PlanTest, HeldThingsAreLeftOutAndCounted) {
  row(100, kAnna);
  row(200, kBen);
  back_up();
  keep(Stream::sample, 1);
  keep(Stream::source, 1);
  ASSERT_TRUE(ledger_->set_legal_hold({ledger::scope_of_athlete(kAnna), "a dispute"}, {}));
  Plan now = plan();
  ASSERT_EQ(now.items.size(), 2U);
  EXPECT_EQ(now.items[0].rec_id, uuid(200));
  EXPECT_EQ(now.held.recordings, 1U);
  EXPECT_EQ(now.held.records, 12U);
  ASSERT_EQ(now.holds.size(), 1U);
  EXPECT_EQ(now.holds[0].reason, "a dispute");
  ASSERT_TRUE(ledger_->set_legal_hold({"all", "a merger"}, {}));
  EXPECT_EQ(plan().id, "");
  EXPECT_EQ(plan().held.recordings, 2U);
}

TEST_F(PlanTest, AnAthletesOwnRuleCountsBeforeThatOfAll) {
  row(100, kAnna);
  row(200, kBen);
  back_up();
  keep(Stream::sample, 100);
  keep(Stream::sample, 1, ledger::scope_of_athlete(kBen));
  const Plan now = plan();
  ASSERT_EQ(now.items.size(), 1U);
  EXPECT_EQ(now.items[0].rec_id, uuid(200));
}

TEST_F(PlanTest, WhatIsOnItsWayWaits) {
  put({birth_entry(uuid(100)), chunk_entry(uuid(100), Stream::sample, 0, 10)});
  back_up();
  keep(Stream::sample, 1);
  EXPECT_THAT(plan().items, IsEmpty());
  EXPECT_EQ(plan().on_its_way.recordings, 1U);
}

}  // namespace
}  // namespace boathouse::retention
