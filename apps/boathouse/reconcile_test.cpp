// The comparison of ledger and ClickHouse over more recordings than are asked for at once, with a real engine: its
// order of UUIDs is what the pages are cut by.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/boathouse/engine_access.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/record.hpp"
#include "core/wire/chunk.hpp"
#include "server/backup/clickhouse.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/timeseries/engine_process.hpp"
#include "server/timeseries/loader.hpp"
#include "server/timeseries/reconciler.hpp"
#include "tests/support/paths.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using rowing::Stream;
using timeseries::Difference;

class ReconcileTest : public ledger::LedgerFixture {
 protected:
  static constexpr std::uint64_t kRecords = 100;  // of each recording

  ReconcileTest() : LedgerFixture(sql::Dialect::sqlite) {}

  void SetUp() override {
    const fs::path binary = test_support::engine_binary();
    ASSERT_TRUE(fs::exists(binary)) << "no " << binary << ": build boathouse-engine first";
    LedgerFixture::SetUp();
    const std::string password_file = folder_.file("password");
    const auto password = make_engine_password(password_file, random_);
    ASSERT_TRUE(password);
    std::promise<timeseries::Endpoint> ready;
    auto endpoint = ready.get_future();
    const auto on_ready = [&ready, told = false](const timeseries::Endpoint& where) mutable {
      if (!std::exchange(told, true)) ready.set_value(where);
    };
    engine_ = std::make_unique<timeseries::EngineProcess>(
        timeseries::EngineProcess::Options{binary.string(), folder_.file("clickhouse"), password_file, *password},
        on_ready, [](std::string_view) {});
    ASSERT_TRUE(engine_->start());
    endpoint_ = endpoint.get();
    client_.set_endpoint(endpoint_);
  }
  void TearDown() override {
    if (engine_) engine_->stop();
  }

  base::Uuid random_id() {
    base::Uuid id;
    random_.fill(id.bytes);
    return id;
  }
  // Of one athlete.
  void store(const base::Uuid& athlete, std::size_t recordings) {
    std::vector<rowing::Record> records(kRecords);
    for (rowing::Record& record : records) {
      record.stream = Stream::sample;
      record.values.assign(rowing::metrics(record.stream).size(), rowing::kNull);
    }
    const auto chunk = wire::seal_chunk(Stream::sample, 0, records);
    ASSERT_TRUE(chunk);
    std::vector<ledger::Entry> entries;
    for (std::size_t i = 0; i < recordings; ++i) {
      const base::Uuid id = random_id();
      entries.push_back(ledger::birth_entry(id, ""));
      entries.push_back(ledger::chunk_entry(id, Stream::sample, 0, kRecords));
      entries.back().body = chunk->body;
      entries.back().sha256 = chunk->sha256;
      last_ = id;
    }
    put(athlete, std::move(entries));
  }
  void load() {
    timeseries::Loader loader(*ledger_, client_, {}, [](std::string_view) {});
    const base::Status loaded = loader.drain();
    ASSERT_TRUE(loaded) << loaded.error().text;
  }
  timeseries::Reconciliation reconcile() {
    auto found = timeseries::reconcile_some(*ledger_, client_, std::nullopt, [] { return false; });
    EXPECT_TRUE(found) << found.error().text;
    return found ? std::move(*found) : timeseries::Reconciliation{};
  }
  timeseries::Reconciliation reconcile(const base::Uuid& athlete) {
    auto found = timeseries::reconcile_athlete(*ledger_, client_, athlete, [] { return true; });
    EXPECT_TRUE(found) << found.error().text;
    return found ? std::move(*found) : timeseries::Reconciliation{};
  }
  static std::vector<std::string> texts(const std::vector<Difference>& differences) {
    std::vector<std::string> all;
    for (const Difference& one : differences) {
      all.push_back(one.rec_id.text() + " " + std::to_string(one.ledger) + " " + std::to_string(one.clickhouse));
    }
    return all;
  }

  std::unique_ptr<timeseries::EngineProcess> engine_;
  timeseries::Endpoint endpoint_;
  timeseries::ClickHouseClient client_{timeseries::Endpoint{}};
  base::Uuid last_;
};

TEST_F(ReconcileTest, ManyRecordingsAreComparedPageByPageWithTheSameAnswer) {
  const base::Uuid busy = random_id();
  store(busy, 600);
  const base::Uuid of_busy = last_;
  for (int i = 0; i < 60; ++i) store(random_id(), 20);
  load();
  // No question reads them all.
  endpoint_.settings = "&max_rows_to_read=150000";
  client_.set_endpoint(endpoint_);
  ASSERT_FALSE(client_.select("SELECT rec_id, count() AS n FROM sample FINAL GROUP BY rec_id"));

  const auto all = reconcile();
  EXPECT_EQ(all.recordings, 1800u);
  EXPECT_EQ(all.sessions, 1800u);
  EXPECT_EQ(all.misplaced, 0u);
  EXPECT_EQ(all.streams.at(0).ledger, 1800 * kRecords);
  EXPECT_EQ(all.streams.at(0).clickhouse, 1800 * kRecords);
  EXPECT_EQ(texts(all.differences), std::vector<std::string>());
  const auto one = reconcile(busy);
  EXPECT_EQ(one.recordings, 600u);
  EXPECT_EQ(one.sessions, 600u);
  EXPECT_EQ(one.streams.at(0).clickhouse, 600 * kRecords);

  // Rows that went; rows of a recording that the ledger does not know, of athletes that it knows and does not know.
  ASSERT_TRUE(client_.execute("DELETE FROM sample WHERE rec_id = {r:UUID} AND seq < 30", {{"r", last_.text()}}));
  std::vector<std::string> expected{last_.text() + " 100 70"};
  std::vector<base::Uuid> strangers{busy, random_id(), random_id()};
  strangers.emplace_back();
  strangers.emplace_back().bytes.fill(0xff);
  for (const base::Uuid& athlete : strangers) {
    const base::Uuid id = random_id();
    ASSERT_TRUE(
        client_.execute("INSERT INTO sample (athlete, started, rec_id, seq, ver) SELECT {a:UUID}, started, {r:UUID}, "
                        "seq, ver FROM sample WHERE athlete = {busy:UUID} AND rec_id = {of:UUID} AND seq < 7",
                        {{"a", athlete.text()}, {"r", id.text()}, {"busy", busy.text()}, {"of", of_busy.text()}}));
    expected.push_back(id.text() + " 0 7");
  }
  std::sort(expected.begin(), expected.end());
  const auto differing = reconcile();
  EXPECT_EQ(texts(differing.differences), expected);
  EXPECT_EQ(differing.streams.at(0).clickhouse, 1800 * kRecords - 30 + 5 * 7);
  EXPECT_FALSE(differing.next);

  // Parts of one athlete: the same again.
  constexpr std::size_t kAFew = 70;
  const auto never = [] { return false; };
  const auto in_parts = timeseries::reconcile_some(*ledger_, client_, std::nullopt, never, kAFew);
  const auto busy_in_parts = timeseries::reconcile_athlete(*ledger_, client_, busy, never, kAFew);
  const auto busy_whole = reconcile(busy);
  for (const auto& [whole, parts] : {std::pair{&differing, &in_parts}, std::pair{&busy_whole, &busy_in_parts}}) {
    ASSERT_TRUE(*parts) << parts->error().text;
    EXPECT_EQ((*parts)->recordings, whole->recordings);
    EXPECT_EQ((*parts)->sessions, whole->sessions);
    EXPECT_EQ((*parts)->misplaced, 0u);
    EXPECT_EQ((*parts)->streams.at(0).ledger, whole->streams.at(0).ledger);
    EXPECT_EQ((*parts)->streams.at(0).clickhouse, whole->streams.at(0).clickhouse);
    EXPECT_EQ(texts((*parts)->differences), texts(whole->differences));
  }
  const auto cut = timeseries::reconcile_athlete(
      *ledger_, client_, busy, [] { return true; }, kAFew);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, base::ErrorCode::too_large);

  // One page at a go: together they are the same.
  std::optional<base::Uuid> after;
  timeseries::Reconciliation sum;
  std::uint64_t rows = 0;
  int goes = 0;
  do {
    ASSERT_LT(++goes, 10);
    auto some = timeseries::reconcile_some(*ledger_, client_, after, [] { return true; });
    ASSERT_TRUE(some) << some.error().text;
    EXPECT_LE(some->recordings, 1100u) << "a page is full with 500, or with an athlete's all";
    sum.recordings += some->recordings;
    sum.sessions += some->sessions;
    rows += some->streams.at(0).clickhouse;
    std::ranges::move(some->differences, std::back_inserter(sum.differences));
    after = some->next;
  } while (after);
  EXPECT_GE(goes, 3);
  EXPECT_EQ(sum.recordings, differing.recordings);
  EXPECT_EQ(sum.sessions, differing.sessions);
  EXPECT_EQ(rows, differing.streams.at(0).clickhouse);
  auto named = texts(sum.differences);
  std::ranges::sort(named);
  EXPECT_EQ(named, expected);
}

// Only its session's row is missing.
TEST_F(ReconcileTest, WhatCannotBeReadOfOneIsComparedLikeTheOthers) {
  for (int i = 0; i < 3; ++i) store(random_id(), 2);
  auto connection = sql::Connection::open({.sqlite_file = folder_.file("ledger.db")});
  auto damage = connection->prepare("UPDATE recording SET birth = ?2 WHERE rec_id = ?1");
  ASSERT_TRUE(damage->bind(1, last_.bytes).bind(2, base::as_bytes("{}")).run());
  load();
  const auto all = reconcile();
  EXPECT_EQ(all.recordings, 6u);
  EXPECT_EQ(all.sessions, 5u);
  EXPECT_EQ(all.misplaced, 1u);
  EXPECT_EQ(all.streams.at(0).ledger, 6 * kRecords);
  EXPECT_EQ(all.streams.at(0).clickhouse, 6 * kRecords);
  EXPECT_EQ(texts(all.differences), std::vector<std::string>());
}

// What `reload` and `restore` ask and remove.
TEST_F(ReconcileTest, WhatIsLoadedIsFoundPageByPageAndWhatTheLedgerDoesNotKnowGoes) {
  for (int i = 0; i < 60; ++i) store(random_id(), 20);
  const base::Uuid whole = last_;
  const base::Uuid busy = random_id();
  store(busy, 20);
  load();
  const auto insert = [&](const std::string& athlete, const std::string& rec_id, const std::string& ver) {
    const base::Status done =
        client_.execute("INSERT INTO sample (athlete, started, rec_id, seq, ver) SELECT " + athlete + ", started, " +
                            rec_id + ", seq, " + ver + " FROM sample WHERE rec_id = {of:UUID} AND seq < 30",
                        {{"of", last_.text()}});
    ASSERT_TRUE(done) << done.error().text;
  };
  const std::string unknown = "toUUID('" + random_id().text() + "')";
  insert("athlete", unknown, "ver");                                         // of an athlete whom it knows
  insert("toUUID('ffffffff-ffff-ffff-ffff-ffffffffffff')", unknown, "ver");  // and of one whom it does not
  insert("athlete", "rec_id", "ver + 1000000");                              // of a chunk that came later
  ASSERT_TRUE(client_.execute("INSERT INTO session SELECT * REPLACE (" + unknown + " AS session, [" + unknown +
                                  ", {r:UUID}] AS recordings) FROM session FINAL WHERE has(recordings, {r:UUID})",
                              {{"r", whole.text()}}));
  ASSERT_TRUE(
      client_.execute("INSERT INTO session SELECT * REPLACE (ver + 1000000 AS ver) FROM session FINAL WHERE "
                      "athlete = {a:UUID}",
                      {{"a", busy.text()}}));
  // No question may read a table.
  endpoint_.settings = "&max_rows_to_read=60000";
  client_.set_endpoint(endpoint_);
  ASSERT_FALSE(client_.select("SELECT rec_id, count() AS n FROM sample FINAL GROUP BY rec_id"));

  auto connection = sql::Connection::open({.sqlite_file = folder_.file("ledger.db")});
  ASSERT_TRUE(connection);
  int pages = 0;
  const auto watch = [&pages](std::uint64_t bytes) {
    pages += bytes > 0 ? 1 : 0;
    return base::Status();
  };
  const auto found = backup::find_loaded(client_, *connection, 1'000'000, watch, 10'000);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(pages, 13) << "of five athletes each";
  EXPECT_EQ(found->streams.size(), 61U * 20 - 1) << "all but the one with later rows";
  EXPECT_EQ(found->sessions.size(), 60U * 20 - 1) << "all but the one in two rows, and those that are of later";

  endpoint_.settings = "";
  client_.set_endpoint(endpoint_);
  const auto counted = [&](const std::string& sql) {
    const auto block = client_.select("SELECT count() AS n FROM " + sql);
    EXPECT_TRUE(block) << block.error().text;
    return block ? block->integer("n", 0) : -1;
  };
  EXPECT_EQ(counted("sample"), 61 * 20 * 100 - 100) << "and it goes as a whole";
  EXPECT_EQ(counted("session WHERE has(recordings, " + unknown + ")"), 0);
  EXPECT_EQ(counted("session WHERE ver > 1000000"), 0);
}

}  // namespace
}  // namespace boathouse::app
