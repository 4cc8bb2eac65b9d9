// The loader against a scripted ClickHouse: an HTTP server that remembers inserts and fails when it is told to.
#include "server/timeseries/loader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "server/timeseries/eraser.hpp"
#include "server/timeseries/session_columns.hpp"
#include "server/timeseries/session_summary.hpp"
#include "server/timeseries/test_listener.hpp"
#include "server/timeseries/test_loader.hpp"

namespace boathouse::timeseries {
namespace {

// While a page of session rows is made no block goes out: it is one of so many records, not of so many sessions.
TEST_F(LoaderTest, SessionRowsOfManyRecordsAreMadeAFewAtATime) {
  constexpr std::size_t kMost = wire::kMaxChunkRecords;
  const std::size_t recordings = kRecordsAtOnce / kMost + 10;
  for (std::size_t i = 1; i <= recordings; ++i) store(static_cast<std::uint8_t>(i), kMost);
  const auto drained = loader_->drain();
  ASSERT_TRUE(drained.ok()) << drained.error().text;
  EXPECT_EQ(clickhouse_.inserts("session").size(), 2U);
  const auto left = ledger_->dirty_sessions(1);
  ASSERT_TRUE(left.ok());
  EXPECT_TRUE(left->empty());
}

// A leader that starts while a replica is away, which answers nothing ON CLUSTER, loads all the same.
TEST_F(LoaderTest, AReplicaThatIsAwayKeepsNoNewLeaderFromLoading) {
  clickhouse_.has_tables(kSchemaVersion);
  clickhouse_.lose_a_host();
  loader_ = std::make_unique<Loader>(*ledger_, client_, Loader::Options{.cluster = "boat"}, [](std::string_view) {});
  store(1, 10);
  const auto drained = loader_->drain();
  ASSERT_TRUE(drained.ok()) << drained.error().text;
  EXPECT_EQ(clickhouse_.inserts("sample").size(), 1U);
}

TEST_F(LoaderTest, WhatTheLedgerHoldsIsInsertedOnceAndTheSessionWritten) {
  store(1, 10);
  ASSERT_TRUE(loader_->drain().ok());
  ASSERT_EQ(clickhouse_.inserts("sample").size(), 1U);
  const auto rows = read_native(base::as_bytes(clickhouse_.inserts("sample")[0].body));
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(rows->rows, 10U);
  EXPECT_EQ(clickhouse_.inserts("session").size(), 1U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);

  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_EQ(clickhouse_.inserts("sample").size(), 1U);
  EXPECT_EQ(clickhouse_.inserts("session").size(), 1U);
}

TEST_F(LoaderTest, ChunksThatWaitTogetherGoInOneInsert) {
  for (std::uint8_t recording = 1; recording <= 5; ++recording) store(recording, 10);
  ASSERT_TRUE(loader_->drain().ok());
  ASSERT_EQ(clickhouse_.inserts("sample").size(), 1U);
  EXPECT_EQ(read_native(base::as_bytes(clickhouse_.inserts("sample")[0].body))->rows, 50U);
  ASSERT_EQ(clickhouse_.inserts("session").size(), 1U);
  EXPECT_EQ(read_native(base::as_bytes(clickhouse_.inserts("session")[0].body))->rows, 5U);
}

// The answer of an insert can be lost: ClickHouse must see the very same bytes under the same token again, whatever has
// come in since.
TEST_F(LoaderTest, ARetryIsTheSameBytesUnderTheSameToken) {
  store(1, 10);
  clickhouse_.fail_inserts(1);
  const auto failed = loader_->drain();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, base::ErrorCode::unavailable) << failed.error().text;
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 1U);

  store(2, 7);
  open();  // and the process was restarted
  ASSERT_TRUE(loader_->drain().ok());
  auto inserts = clickhouse_.inserts("sample");
  ASSERT_EQ(inserts.size(), 3U);
  if (inserts[1].token != inserts[0].token) std::swap(inserts[1], inserts[2]);  // two are in flight
  EXPECT_EQ(inserts[0].token, inserts[1].token);
  EXPECT_EQ(inserts[0].body == inserts[1].body, true);
  EXPECT_NE(inserts[1].token, inserts[2].token);
  EXPECT_EQ(read_native(base::as_bytes(inserts[2].body))->rows, 7U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
}

// Of several in flight one fails: what is in counts, and only that one goes again, as it was.
TEST_F(LoaderTest, OfSeveralInFlightOnlyWhatFailedGoesAgain) {
  Loader::Options small;
  small.max_block_records = 10;
  loader_ = std::make_unique<Loader>(*ledger_, client_, small, [](std::string_view) {});
  for (std::uint8_t number = 1; number <= 12; ++number) store(number, 10);
  clickhouse_.fail_inserts(1);
  ASSERT_FALSE(loader_->drain().ok());
  const std::uint64_t left = ledger_->counts()->unloaded_chunks;
  EXPECT_GE(left, 6U) << "it is of the first four, three are beside it";
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
  std::map<std::string, std::vector<std::string>> by_token;
  for (const Insert& insert : clickhouse_.inserts("sample")) by_token[insert.token].push_back(insert.body);
  EXPECT_EQ(by_token.size(), 12U);
  std::size_t again = 0;
  for (const auto& [token, bodies] : by_token) {
    again += bodies.size() - 1;
    EXPECT_EQ(bodies.front(), bodies.back());
  }
  EXPECT_EQ(again, 1U);
}

// Tails that repeat take next to nothing in a chunk and much in a row: what a block comes to is not known before.
TEST_F(LoaderTest, ABlockThatIsTooLargeLaidOutGoesInSeveralInsertsTheSameEachTime) {
  Loader::Options small;
  small.max_insert_bytes = 1;
  loader_ = std::make_unique<Loader>(*ledger_, client_, small, [](std::string_view) {});
  for (std::uint8_t number = 1; number <= 3; ++number) store(number, 10);
  clickhouse_.fail_inserts(1);
  ASSERT_FALSE(loader_->drain().ok());
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
  const auto inserts = clickhouse_.inserts("sample");
  ASSERT_EQ(inserts.size(), 4U);
  EXPECT_EQ(inserts[1].token, inserts[0].token);
  EXPECT_EQ(inserts[1].body, inserts[0].body);
  std::set<std::string> tokens;
  for (const Insert& insert : inserts) {
    tokens.insert(insert.token);
    EXPECT_EQ(read_native(base::as_bytes(insert.body))->rows, 10U);
  }
  EXPECT_EQ(tokens.size(), 3U);
}

// A rare stream's blocks are always small: they do not hold up the large ones of a backlog.
TEST_F(LoaderTest, ABacklogIsLoadedBeforeItsSessionRowsAreWritten) {
  Loader::Options small;
  small.max_block_records = 10;
  loader_ = std::make_unique<Loader>(*ledger_, client_, small, [](std::string_view) {});
  for (std::uint8_t number = 1; number <= 20; ++number) store(number, number % 2 == 0 ? 10 : 3);
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_EQ(clickhouse_.inserts("sample").size(), 20U);
  EXPECT_EQ(clickhouse_.inserts("session").size(), 1U);
}

TEST_F(LoaderTest, ABacklogKeepsSessionRowsWaitingOnlySoLong) {
  Loader::Options small;
  small.max_block_records = 10;
  small.most_loading_ms = 0;
  loader_ = std::make_unique<Loader>(*ledger_, client_, small, [](std::string_view) {});
  for (std::uint8_t number = 1; number <= 5; ++number) store(number, 10);
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_EQ(clickhouse_.inserts("session").size(), 5U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
}

// What a live stream waits for does not wait for session rows, which take as long as their recordings are.
TEST_F(LoaderTest, BlocksGoOutWhileSessionRowsAreMade) {
  store(1, 10);
  ASSERT_TRUE(loader_->drain().ok());
  clickhouse_.hold_selects();
  store(2, 10);
  auto drained = std::async(std::launch::async, [this] { return loader_->drain(); });
  clickhouse_.until_a_select_is_held();
  store(3, 10);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (ledger_->counts()->unloaded_chunks > 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(clickhouse_.inserts("sample").size(), 3U);
  EXPECT_EQ(clickhouse_.inserts("session").size(), 1U);
  clickhouse_.go_on();
  EXPECT_TRUE(drained.get().ok());
  EXPECT_GT(clickhouse_.inserts("session").size(), 1U);
  EXPECT_TRUE(ledger_->dirty_sessions(1)->empty());
}

// One question for those that lie together reads little; for those that waited longest it would read most of what is
// live.
TEST_F(LoaderTest, APageOfSessionRowsIsOfSessionsThatLieTogether) {
  Loader::Options small;
  small.sessions_at_once = 2;
  loader_ = std::make_unique<Loader>(*ledger_, client_, small, [](std::string_view) {});
  for (std::uint8_t number = 1; number <= 6; ++number) store(number, 10, number % 3 + 1);
  ASSERT_TRUE(loader_->drain().ok());
  const auto inserts = clickhouse_.inserts("session");
  ASSERT_EQ(inserts.size(), 3U);
  std::set<base::Uuid> athletes;
  for (const Insert& insert : inserts) {
    const auto rows = read_native(base::as_bytes(insert.body));
    ASSERT_EQ(rows->rows, 2U);
    const auto& of = rows->find("athlete")->uuids;
    EXPECT_EQ(of[0], of[1]);
    athletes.insert(of[0]);
  }
  EXPECT_EQ(athletes.size(), 3U);
}

TEST_F(LoaderTest, ClickHouseAwayLosesNothing) {
  store(1, 10);
  client_.set_endpoint(Endpoint{});
  ASSERT_FALSE(loader_->drain().ok());
  client_.set_endpoint(Endpoint{clickhouse_.url()});
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_EQ(clickhouse_.inserts("sample").size(), 1U);
}

// Its disk is full, it has too many parts, it is short of memory: uploads go on, the lag is seen, and when it has room
// again it catches up, under the tokens of before.
TEST_F(LoaderTest, WhateverClickHouseIsShortOfUploadsGoOnAndItCatchesUp) {
  std::uint8_t next = 1;
  for (const char* why : {"Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)",
                          "Code: 252. DB::Exception: Too many parts (300). (TOO_MANY_PARTS)",
                          "Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)"}) {
    SCOPED_TRACE(why);
    const std::size_t before = clickhouse_.inserts("sample").size();
    store(next++, 10);
    clickhouse_.fail_inserts(1'000, why);
    for (int i = 0; i < 3; ++i) {
      const auto failed = loader_->drain();
      ASSERT_FALSE(failed.ok());
      EXPECT_TRUE(is_transient(failed.error())) << failed.error().text;
      store(next++, 10);  // acknowledged all the same
    }
    EXPECT_EQ(ledger_->counts()->unloaded_chunks, 4U);
    const auto gauges = ledger_->gauges();
    ASSERT_TRUE(gauges.ok());
    EXPECT_EQ(gauges->oldest_chunk_ms, clock_.utc_ms());
    clickhouse_.fail_inserts(0, why);
    ASSERT_TRUE(loader_->drain().ok());
    EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
    EXPECT_FALSE(ledger_->gauges()->oldest_chunk_ms);
    auto inserts = clickhouse_.inserts("sample");
    inserts.erase(inserts.begin(), inserts.begin() + static_cast<std::ptrdiff_t>(before));
    EXPECT_GE(inserts.size(), 4U);
    EXPECT_GE(std::ranges::count(inserts, inserts[0].token, &Insert::token), 4) << "each time it is tried again";
    std::map<std::string, std::string> blocks;
    std::uint64_t rows = 0;
    for (const Insert& insert : inserts) {
      const auto [block, is_new] = blocks.try_emplace(insert.token, insert.body);
      EXPECT_EQ(insert.body, block->second) << "another block under a token of before";
      if (is_new) rows += read_native(base::as_bytes(insert.body))->rows;
    }
    EXPECT_EQ(rows, 40U);
  }
}

// It takes its time for an insert: acknowledgements do not wait for it.
TEST_F(LoaderTest, ClickHouseThatIsSlowHoldsUpNoUpload) {
  store(1, 10);
  clickhouse_.hold_inserts();
  ledger_->on_commit([this] { loader_->wake(); });
  loader_->start();
  while (clickhouse_.inserts("sample").empty()) std::this_thread::yield();
  for (std::uint8_t recording = 2; recording < 10; ++recording) store(recording, 10);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 9U);
  EXPECT_EQ(clickhouse_.inserts("sample").size(), 1U);
  clickhouse_.go_on();
  while (ledger_->counts()->unloaded_chunks > 0) std::this_thread::yield();
  loader_->stop();
  EXPECT_EQ(clickhouse_.inserts("sample").size(), 2U) << "what came meanwhile went in one block";
  ledger_->on_commit([] {});
}

NativeBlock tables(std::string comment) {
  NativeBlock block;
  block.rows = 1;
  block.columns.push_back({"comment", "String", {}, {std::move(comment)}, {}, {}, {}});
  block.columns.push_back({"engine", "String", {}, {"ReplacingMergeTree"}, {}, {}, {}});
  return block;
}

NativeBlock column_of(NativeColumn column, std::size_t rows) {
  NativeBlock block;
  block.rows = rows;
  block.columns.push_back(std::move(column));
  return block;
}

TEST_F(LoaderTest, TablesOfANewerProgramAreLeftAlone) {
  clickhouse_.answer_selects("system.tables", tables("schema " + std::to_string(kSchemaVersion + 1)));
  store(1, 10);
  const auto refused = loader_->drain();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, base::ErrorCode::unsupported);
  EXPECT_EQ(clickhouse_.inserts("sample").size(), 0U);
}

TEST_F(LoaderTest, TablesOfThisVersionAreNotChanged) {
  clickhouse_.has_tables(kSchemaVersion);
  ASSERT_TRUE(loader_->drain().ok());
  const std::vector<std::string> asked = clickhouse_.statements();
  for (const std::string& statement : asked) EXPECT_TRUE(statement.starts_with("SELECT")) << statement;
  EXPECT_TRUE(std::ranges::any_of(asked, [](const std::string& statement) {
    return statement.find("FROM system.columns") != std::string::npos;
  })) << "is a metric new?";
  clickhouse_.answer_selects("system.tables", tables(""));
  open();
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_TRUE(std::ranges::any_of(clickhouse_.statements(), [](const std::string& statement) {
    return statement == "ALTER TABLE session MODIFY COMMENT 'schema " + std::to_string(kSchemaVersion) + "'";
  }));
}

TEST_F(LoaderTest, RowsOfAnOlderSummaryAreMadeAgainPageByPage) {
  store(1, 10);
  store(2, 10);
  ASSERT_TRUE(loader_->drain().ok());
  ASSERT_EQ(clickhouse_.inserts("session").size(), 1U);
  const base::Uuid old = recording(2);
  clickhouse_.answer_selects("summary_version <", column_of({"session", "UUID", {}, {}, {old}, {}, {}}, 1));
  EXPECT_EQ(loader_->renew_old_sessions().value(), true);
  ASSERT_EQ(clickhouse_.inserts("session").size(), 2U);
  const auto rows = read_native(base::as_bytes(clickhouse_.inserts("session")[1].body));
  ASSERT_EQ(rows->rows, 1U);
  EXPECT_EQ(rows->find("session")->uuids[0], old);
  clickhouse_.answer_selects("summary_version <", {});
  EXPECT_EQ(loader_->renew_old_sessions().value(), false);
}

rowing::SessionFigures with_best(std::int64_t time_cs) {
  rowing::SessionFigures figures;
  figures.best_times_cs[2] = {time_cs, rowing::FigureSource::derived};
  return figures;
}

TEST_F(LoaderTest, ASessionWhoseRecordsRetentionTookKeepsItsFigures) {
  store(1, 10);
  ASSERT_TRUE(loader_->drain().ok());
  ASSERT_TRUE(ledger_->remove({recording(1), rowing::Stream::sample, {0, 10}}).ok());
  NativeBlock stored;
  add_session_row(stored, ledger_->sessions_around(recording(1))->sessions.at(0), with_best(42'400), 1);
  clickhouse_.answer_selects("SELECT * FROM session FINAL", stored);
  ASSERT_TRUE(loader_->drain().ok());
  const auto rows = read_native(base::as_bytes(clickhouse_.inserts("session").back().body));
  ASSERT_EQ(rows->rows, 1U);
  EXPECT_EQ(figures_of(*rows, 0), with_best(42'400));
  EXPECT_EQ(rows->integer("samples", 0), 0);
  EXPECT_EQ(rows->integer("missing_records", 0), 0);
  EXPECT_GT(rows->integer("ver", 0), 1);
}

TEST_F(LoaderTest, KeptFiguresCountWhateverTheRowSays) {
  store(1, 10);
  ASSERT_TRUE(loader_->drain().ok());
  note_backup();
  const auto state = ledger_->recording(recording(1));
  const ledger::Retirement retirement{recording(1), rowing::Stream::sample, 10, "plan", 1'000'000};
  const ledger::FiguresToKeep keep{recording(1), (*state)->server_seq, pack_figures(with_best(42'400))};
  ASSERT_TRUE(ledger_->apply_plan({&retirement, 1}, "", {}).ok());
  ASSERT_EQ(ledger_->retire({&retirement, 1}, {&keep, 1}, 1'000, 1'000'000)->removed, 1U);
  ASSERT_TRUE(loader_->drain().ok());
  const auto rows = read_native(base::as_bytes(clickhouse_.inserts("session").back().body));
  ASSERT_EQ(rows->rows, 1U);
  EXPECT_EQ(figures_of(*rows, 0), with_best(42'400));
  EXPECT_EQ(rows->integer("samples", 0), 0);
  EXPECT_EQ(rows->integer("removed_streams", 0), 1);
}

// ---- what is gone ----

NativeBlock one_athlete() { return column_of({"athlete", "UUID", {}, {}, {recording(1)}, {}, {}}, 1); }

TEST_F(LoaderTest, RowsOfWhatIsGoneAreDeletedUntilNoneIsLeft) {
  store(1, 10);
  ASSERT_TRUE(loader_->drain().ok());
  ASSERT_TRUE(ledger_->remove({recording(1), std::nullopt, {}}).ok());
  clickhouse_.answer_selects("SELECT athlete FROM sample", one_athlete());
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_EQ(deletes(), (std::vector<std::string>{"sample"}));
  EXPECT_EQ(ledger_->rows_to_erase(10)->size(), 1U) << "nobody has seen that they are gone";

  // It runs: no other is started.
  clickhouse_.answer_selects("system.mutations", column_of({"latest_fail_reason", "String", {}, {""}, {}, {}, {}}, 1));
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_EQ(deletes().size(), 1U);
  EXPECT_EQ(ledger_->counts()->rows_to_erase, 1U);

  clickhouse_.answer_selects("SELECT athlete FROM sample", {});
  open();  // and the process was restarted
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_EQ(deletes().size(), 1U);
  EXPECT_TRUE(ledger_->rows_to_erase(10)->empty());
}

// A Distributed table deletes nothing: its shards do, and all of them are asked whether one is at it.
TEST_F(LoaderTest, OnSeveralShardsEachDeletes) {
  const ledger::RowsToErase rows{1, recording(1), recording(2), 0, rowing::Stream::sample, {0, 10}};
  clickhouse_.answer_selects("SELECT athlete FROM clusterAllReplicas(`club`, currentDatabase(), sample_shard)",
                             one_athlete());
  const auto none_left = erase_rows(client_, {&rows, 1}, Layout("club", true));
  ASSERT_TRUE(none_left.ok()) << none_left.error().text;
  EXPECT_FALSE(*none_left);
  const auto said = clickhouse_.statements();
  ASSERT_EQ(said.size(), 4U);
  EXPECT_NE(said[0].find("FROM clusterAllReplicas(`club`, system.processes)"), std::string::npos) << said[0];
  EXPECT_NE(said[2].find("FROM clusterAllReplicas(`club`, system.mutations)"), std::string::npos) << said[2];
  EXPECT_TRUE(said[3].starts_with("ALTER TABLE sample_shard ON CLUSTER `club` DELETE WHERE ")) << said[3];
}

// Its rows would come when nobody looks for them any more.
TEST_F(LoaderTest, AnInsertThatNobodyWaitsForEndsBeforeRowsAreCalledGone) {
  store(1, 10);
  ASSERT_TRUE(loader_->drain().ok());
  ASSERT_TRUE(ledger_->remove({recording(1), rowing::Stream::sample, {0, 10}}).ok());
  clickhouse_.answer_selects("system.processes", column_of({"query_id", "String", {}, {"late"}, {}, {}, {}}, 1));
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_EQ(ledger_->rows_to_erase(10)->size(), 1U);
  clickhouse_.answer_selects("system.processes", {});
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_TRUE(ledger_->rows_to_erase(10)->empty());
}

TEST_F(LoaderTest, AQuorumThatReadsCannotRelyOnIsNamed) {
  const auto warning = [this](std::int64_t replicas, std::int64_t quorum) {
    NativeBlock block = column_of({"replicas", "UInt64", {replicas}, {}, {}, {}, {}}, 1);
    block.columns.push_back({"quorum", "UInt64", {quorum}, {}, {}, {}, {}});
    clickhouse_.answer_selects("insert_quorum", block);
    return *quorum_warning(client_, "club");
  };
  EXPECT_NE(warning(2, 0).find("insert_quorum is 0 and cluster club has 2 replicas"), std::string::npos);
  EXPECT_NE(warning(3, 2), "");
  EXPECT_EQ(warning(3, 3), "");
  EXPECT_EQ(warning(1, 0), "");
  clickhouse_.answer_selects("insert_quorum", {});
  EXPECT_EQ(*quorum_warning(client_, "club"), "");
  EXPECT_EQ(*quorum_warning(client_, ""), "");
}

// A replica that is behind still has them, whatever the server that is asked says of itself.
TEST_F(LoaderTest, EveryReplicaIsAskedWhetherTheRowsAreGone) {
  const ledger::RowsToErase rows{1, recording(1), recording(2), 0, rowing::Stream::sample, {0, 10}};
  clickhouse_.answer_selects("clusterAllReplicas(`club`, currentDatabase(), sample)", one_athlete());
  clickhouse_.answer_selects("clusterAllReplicas(`club`, system.mutations)",
                             column_of({"latest_fail_reason", "String", {}, {""}, {}, {}, {}}, 1));
  const auto none_left = erase_rows(client_, {&rows, 1}, Layout("club"));
  ASSERT_TRUE(none_left.ok()) << none_left.error().text;
  EXPECT_FALSE(*none_left);
  EXPECT_TRUE(deletes().empty()) << "one runs";
}

TEST_F(LoaderTest, ADeleteThatFailsHoldsUpNoLoading) {
  store(1, 10);
  ASSERT_TRUE(loader_->drain().ok());
  ASSERT_TRUE(ledger_->remove({recording(1), rowing::Stream::sample, {0, 10}}).ok());
  clickhouse_.answer_selects("SELECT athlete FROM sample", one_athlete());
  clickhouse_.answer_selects("system.mutations",
                             column_of({"latest_fail_reason", "String", {}, {"no room"}, {}, {}, {}}, 1));
  store(2, 10);
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_EQ(clickhouse_.inserts("sample").size(), 2U);
  EXPECT_TRUE(deletes().empty());
  EXPECT_EQ(ledger_->rows_to_erase(10)->size(), 1U);
}

// The row of the one that is merged goes, whatever key it has, and no row of a session that stays.
TEST_F(LoaderTest, WhatIsMergedLeavesATombstone) {
  store(1, 10);
  store(2, 20);
  ASSERT_TRUE(loader_->drain().ok());
  link(recording(2), recording(1));
  base::Uuid athlete;
  athlete.bytes[0] = 1;
  const std::int64_t started = 1795372620000;
  NativeBlock stored;
  stored.rows = 3;
  stored.columns.push_back({"athlete", "UUID", {}, {}, {athlete, athlete, athlete}, {}, {}});
  stored.columns.push_back({"started", "DateTime64(3, 'UTC')", {started, started, started - 1}, {}, {}, {}, {}});
  stored.columns.push_back({"session", "UUID", {}, {}, {recording(1), recording(2), recording(1)}, {}, {}});
  clickhouse_.answer_selects("(athlete, session) IN", stored);
  ASSERT_TRUE(loader_->drain().ok());
  const auto rows = read_native(base::as_bytes(clickhouse_.inserts("session").back().body));
  ASSERT_EQ(rows->rows, 3U);
  EXPECT_EQ(rows->find("session")->uuids, (std::vector<base::Uuid>{recording(1), recording(2), recording(1)}));
  EXPECT_EQ(rows->find("is_deleted")->integers, (std::vector<std::int64_t>{0, 1, 1}));
  EXPECT_EQ(rows->find("started")->integers, (std::vector<std::int64_t>{started, started, started - 1}));
  EXPECT_EQ(rows->find("recordings")->uuid_arrays[0], (std::vector<base::Uuid>{recording(1), recording(2)}));
}

TEST_F(LoaderTest, WhoLinksAnothersRecordingHoldsUpNothing) {
  store(1, 10);
  store(2, 20, 2);
  link(recording(1), recording(2));
  ASSERT_TRUE(loader_->drain().ok());
  const auto rows = read_native(base::as_bytes(clickhouse_.inserts("session").back().body));
  ASSERT_EQ(rows->rows, 2U);
  for (std::size_t row = 0; row < 2; ++row) {
    EXPECT_EQ(rows->find("recordings")->uuid_arrays[row].size(), 1U);
    EXPECT_NE(rows->find("athlete")->uuids[0], rows->find("athlete")->uuids[1]);
  }
}

TEST_F(LoaderTest, WhatIsPurgedIsDroppedThoughClickHouseIsAway) {
  store(1, 10);
  store(2, 10);
  base::Uuid purged;
  purged.bytes[15] = 1;
  ASSERT_TRUE(ledger_->remove({purged, std::nullopt, {}}));
  EXPECT_EQ(ledger_->counts()->chunks, 2U);
  TestListener gone;
  gone.close();
  ClickHouseClient nobody(Endpoint{gone.url()});
  Loader loader(*ledger_, nobody, {}, [](std::string_view) {});
  loader.start();
  while (ledger_->counts()->chunks > 1) std::this_thread::yield();
  loader.stop();
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 1U);
}

TEST_F(LoaderTest, TheThreadLoadsWhatIsCommittedAndStopsAtOnce) {
  ledger_->on_commit([this] { loader_->wake(); });
  loader_->start();
  store(1, 10);
  while (ledger_->counts()->unloaded_chunks > 0) std::this_thread::yield();
  loader_->stop();
  EXPECT_EQ(clickhouse_.inserts("sample").size(), 1U);
  ledger_->on_commit([] {});
}

}  // namespace
}  // namespace boathouse::timeseries
