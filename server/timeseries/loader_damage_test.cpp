// What of a block cannot be loaded, and that the rest is.
#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server/ledger/bodies.hpp"
#include "server/timeseries/blocks.hpp"
#include "server/timeseries/test_loader.hpp"

namespace boathouse::timeseries {
namespace {

class LoaderDamageTest : public LoaderTest {
 protected:
  // As a disk does that lies: the database itself sees nothing wrong.
  void damage(std::int64_t server_seq) {
    execute("UPDATE chunk_body SET body = x'0102' WHERE server_seq = " + std::to_string(server_seq));
  }
  // Of a recording's samples, what an offer is told.
  std::vector<wire::Range> have(std::uint8_t number) {
    base::Uuid athlete;
    athlete.bytes[0] = 1;
    ledger::Question question;
    question.rec_id.bytes[15] = number;
    question.up_to[rowing::Stream::sample] = 1000;
    const auto held = ledger_->held(athlete, {&question, 1}, 1000);
    EXPECT_TRUE(held.ok()) << held.error().text;
    return held->at(0).streams.at(rowing::Stream::sample).have;
  }
  std::uint64_t samples() {
    std::uint64_t rows = 0;
    for (const Insert& insert : clickhouse_.inserts("sample")) rows += read_native(base::as_bytes(insert.body))->rows;
    return rows;
  }
};

TEST_F(LoaderDamageTest, ADamagedBodyIsLostAndTheOthersAreLoaded) {
  std::string log;
  loader_ = std::make_unique<Loader>(*ledger_, client_, Loader::Options{},
                                     [&log](std::string_view line) { log.append(line).append("\n"); });
  store(1, 10);
  const wire::ItemResult receipt = store(2, 20);
  store(3, 30);
  damage(receipt.server_seq);
  const auto drained = loader_->drain();
  ASSERT_TRUE(drained.ok()) << drained.error().text;
  EXPECT_EQ(samples(), 40U);
  EXPECT_EQ(sessions().size(), 3U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
  const auto lost = ledger_->bodies().lost(10);
  ASSERT_EQ(lost->size(), 1U);
  EXPECT_EQ(lost->at(0).server_seq, receipt.server_seq);
  EXPECT_NE(log.find("server_seq " + std::to_string(receipt.server_seq)), std::string::npos) << log;

  // Its device is asked for it again, and what it sends is loaded.
  EXPECT_EQ(have(1).size(), 1U);
  EXPECT_TRUE(have(2).empty());
  EXPECT_EQ(store(2, 20).outcome, wire::Outcome::duplicate);
  EXPECT_EQ(have(2), (std::vector<wire::Range>{{0, 20}}));
  ASSERT_TRUE(loader_->drain().ok());
  EXPECT_EQ(samples(), 60U);
  EXPECT_EQ(ledger_->bodies().body_counts()->lost, 0U);
}

// A ledger of before may have them: as rows they would be others'.
TEST_F(LoaderDamageTest, RecordsBeyondWhatTablesHoldAreNotLoadedAndTheirBytesStay) {
  std::string log;
  loader_ = std::make_unique<Loader>(*ledger_, client_, Loader::Options{},
                                     [&log](std::string_view line) { log.append(line).append("\n"); });
  store(1, 10);
  const std::int64_t server_seq = store(2, 20).server_seq;
  const std::string of_it = " WHERE server_seq = " + std::to_string(server_seq);
  execute("UPDATE chunk SET from_seq = 4294967296, to_seq = 4294967316" + of_it +
          "; UPDATE unloaded SET from_seq = 4294967296" + of_it);
  const auto drained = loader_->drain();
  ASSERT_TRUE(drained.ok()) << drained.error().text;
  EXPECT_EQ(samples(), 10U);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
  EXPECT_EQ(ledger_->bodies().body_counts()->lost, 1U);
  EXPECT_NE(log.find("records beyond 4294967296"), std::string::npos) << log;
  EXPECT_TRUE(ledger_->bodies().body(server_seq).ok());
}

// The block's first part is in ClickHouse by then.
TEST_F(LoaderDamageTest, InALaterPartOfABlockToo) {
  Loader::Options small;
  small.max_insert_bytes = 1;
  loader_ = std::make_unique<Loader>(*ledger_, client_, small, [](std::string_view) {});
  store(1, 10);
  damage(store(2, 20).server_seq);
  store(3, 30);
  const auto drained = loader_->drain();
  ASSERT_TRUE(drained.ok()) << drained.error().text;
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
  EXPECT_EQ(ledger_->bodies().body_counts()->lost, 1U);
  EXPECT_EQ(samples(), 10U + 40U) << "those before it twice, with the same keys and versions";
  EXPECT_EQ(sessions().size(), 3U);
}

TEST_F(LoaderDamageTest, WhatClickHouseNeverTakesKeepsNoSessionRowsWaiting) {
  store(1, 10);
  ASSERT_TRUE(loader_->drain().ok());
  base::Uuid gone;
  gone.bytes[15] = 1;
  ASSERT_TRUE(ledger_->remove({gone, std::nullopt, {}}).ok());
  store(2, 10);
  const std::size_t before = clickhouse_.inserts("session").size();
  clickhouse_.fail_inserts(1, "Code: 53. DB::Exception: Type mismatch. (TYPE_MISMATCH)");
  const auto failed = loader_->drain();
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.error().text.find("TYPE_MISMATCH"), std::string::npos) << failed.error().text;
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 1U);
  EXPECT_EQ(ledger_->bodies().body_counts()->lost, 0U) << "its body is what was stored";
  EXPECT_GT(clickhouse_.inserts("session").size(), before);
  EXPECT_TRUE(ledger_->dirty_sessions(1)->empty());
  EXPECT_TRUE(ledger_->rows_to_erase(1)->empty()) << "what is gone is looked for all the same";
}

// While ClickHouse is away nothing else is tried.
TEST_F(LoaderDamageTest, WhatClickHouseCannotTakeNowIsTriedAlone) {
  store(1, 10);
  clickhouse_.fail_inserts(1);
  ASSERT_FALSE(loader_->drain().ok());
  EXPECT_TRUE(clickhouse_.inserts("session").empty());
}

// As when memory is short, or no thread can be made: it is no reason for uploads to end.
TEST_F(LoaderDamageTest, AnExceptionIsTriedAgain) {
  constexpr int kThrows = 5;  // more than there are inserts in flight
  std::atomic<int> asked = 0;
  std::string log;
  Loader::Options options;
  options.live_pause_ms = options.max_back_off_ms = 1;
  options.max_insert_bytes = 1;
  options.before_insert = [&asked] {
    if (asked++ < kThrows) throw std::bad_alloc();
  };
  loader_ = std::make_unique<Loader>(*ledger_, client_, options,
                                     [&log](std::string_view line) { log.append(line).append("\n"); });
  store(1, 10);
  store(2, 20);
  loader_->start();
  while (ledger_->counts()->unloaded_chunks > 0) std::this_thread::yield();
  loader_->stop();
  EXPECT_GT(asked, kThrows);
  EXPECT_EQ(samples(), 30U);
  EXPECT_NE(log.find("loading into ClickHouse failed: "), std::string::npos) << log;
}

// A program whose rows are laid out otherwise goes on with a block of which parts went out: ClickHouse must not take
// its part for one that it has.
TEST_F(LoaderDamageTest, PartsOfOtherLengthsHaveOtherTokens) {
  for (std::uint8_t number = 1; number <= 3; ++number) store(number, 500);
  const auto block = ledger_->next_block(1'000'000, 1'000'000);
  ASSERT_TRUE(block.ok() && *block);
  Loader::Options options;
  options.max_insert_bytes = 1;
  loader_ = std::make_unique<Loader>(*ledger_, client_, options, [](std::string_view) {});
  clickhouse_.fail_inserts(1);
  ASSERT_FALSE(loader_->drain().ok());
  options.max_insert_bytes = make_insert(**block, 0, 1)->joined().size() + 1;  // more than one, less than two
  loader_ = std::make_unique<Loader>(*ledger_, client_, options, [](std::string_view) {});
  ASSERT_TRUE(loader_->drain().ok());
  const auto inserts = clickhouse_.inserts("sample");
  ASSERT_EQ(inserts.size(), 3U);
  EXPECT_EQ(read_native(base::as_bytes(inserts[0].body))->rows, 500U);
  EXPECT_EQ(read_native(base::as_bytes(inserts[1].body))->rows, 1000U);
  EXPECT_NE(inserts[1].token, inserts[0].token);
  EXPECT_NE(inserts[2].token, inserts[1].token);
}

}  // namespace
}  // namespace boathouse::timeseries
