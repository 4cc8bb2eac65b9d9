// The loader's half: blocks that are the same after every restart, and the sessions that wait.
#include <gmock/gmock.h>

#include "server/ledger/ledger.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/schema.hpp"
#include "server/ledger/test_ledger.hpp"

namespace boathouse::ledger {

static bool operator==(const LoadItem& a, const LoadItem& b) {
  return a.server_seq == b.server_seq && a.athlete == b.athlete && a.rec_id == b.rec_id &&
         a.started_ms == b.started_ms && a.stream == b.stream && a.from == b.from && a.to == b.to &&
         a.sha256 == b.sha256 && a.body == b.body;
}

static bool operator==(const LoadBlock& a, const LoadBlock& b) {
  return a.block_id == b.block_id && a.stream == b.stream && a.token == b.token && a.items == b.items;
}

namespace {

using rowing::Stream;
using testing::ElementsAre;
using testing::IsEmpty;

class LoadingTest : public LedgerTest {
 protected:
  LoadBlock next(std::uint64_t max_records = kMany, std::size_t max_bytes = kMany, std::int64_t after = 0) {
    auto block = ledger_->next_block(max_records, max_bytes, after);
    EXPECT_TRUE(block) << block.error().text;
    EXPECT_TRUE(block->has_value());
    return block->value_or(LoadBlock{});
  }
  bool nothing_waits(std::int64_t after = 0) {
    const auto block = ledger_->next_block(kMany, kMany, after);
    return block && !block->has_value();
  }
  void purge(const base::Uuid& rec_id) {
    put({flag_entry(rec_id, 900, rowing::EditField::deleted, true),
         flag_entry(rec_id, 901, rowing::EditField::purged, true)});
  }
  static std::vector<std::uint64_t> starts(const LoadBlock& block) {
    std::vector<std::uint64_t> result;
    for (const LoadItem& item : block.items) {
      result.push_back(item.from);
    }
    return result;
  }
  std::vector<base::Uuid> dirty() {
    std::vector<base::Uuid> result;
    const auto sessions = ledger_->dirty_sessions(100);
    for (const auto& session : *sessions) {
      result.push_back(session.rec_id);
    }
    return result;
  }
  void write_all_sessions() { ASSERT_TRUE(ledger_->sessions_written(*ledger_->dirty_sessions(100))); }
};

TEST_P(LoadingTest, NothingWaitsAtFirstAndSourceNever) {
  EXPECT_TRUE(nothing_waits());
  put({birth_entry(kRec), chunk_entry(kRec, Stream::source, 0, 3)});
  EXPECT_TRUE(nothing_waits());
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
}

TEST_P(LoadingTest, ANewBlockTakesNothingThatCameLaterThanItIsTold) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  const std::int64_t before = ledger_->seen().server_seq + 1;
  put({chunk_entry(kRec, Stream::sample, 10, 20), chunk_entry(kRec, Stream::stroke, 0, 10)});
  const auto block = ledger_->next_block(kMany, kMany, 0, before);
  ASSERT_TRUE(block && *block);
  EXPECT_THAT(starts(**block), ElementsAre(0U));
  const std::int64_t made = (*block)->block_id;
  const auto no_more = ledger_->next_block(kMany, kMany, made, before);
  ASSERT_TRUE(no_more);
  EXPECT_FALSE(*no_more);
  EXPECT_EQ((*ledger_->next_block(kMany, kMany, 0, before))->block_id, made) << "one that is made is had again";
  EXPECT_THAT(starts(next(kMany, kMany, made)), ElementsAre(10U));
  EXPECT_FALSE(nothing_waits(made));
}

TEST_P(LoadingTest, TheOldestStreamComesFirstInTheOrderOfCommit) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::stroke, 10, 20), chunk_entry(kRec, Stream::sample, 0, 10)});
  put({chunk_entry(kRec, Stream::stroke, 0, 10), chunk_entry(kRec, Stream::source, 0, 1)});
  const LoadBlock strokes = next();
  EXPECT_EQ(strokes.stream, Stream::stroke);
  EXPECT_THAT(starts(strokes), ElementsAre(10, 0));
  EXPECT_EQ(strokes.items[0].athlete, kAnna);
  EXPECT_EQ(strokes.items[0].started_ms, 1'700'000'000'000);
  EXPECT_EQ(strokes.items[0].body, chunk_entry(kRec, Stream::stroke, 10, 20).body);
  ASSERT_TRUE(ledger_->finish_block(strokes.block_id));
  const LoadBlock samples = next();
  EXPECT_EQ(samples.stream, Stream::sample);
  EXPECT_NE(samples.token, strokes.token);
  ASSERT_TRUE(ledger_->finish_block(samples.block_id));
  EXPECT_TRUE(nothing_waits());
}

TEST_P(LoadingTest, LimitsCutABlockButNeverBelowOneChunk) {
  put({birth_entry(kRec)});
  for (std::uint64_t i = 0; i < 5; ++i) {
    put({chunk_entry(kRec, Stream::sample, 100 * i, 100 * i + 100, "xxxxxxxxxx")});
  }
  const LoadBlock by_records = next(250);
  EXPECT_THAT(starts(by_records), ElementsAre(0, 100));
  ASSERT_TRUE(ledger_->finish_block(by_records.block_id));
  const std::size_t body = chunk_entry(kRec, Stream::sample, 200, 300, "xxxxxxxxxx").body.size();
  const LoadBlock by_bytes = next(kMany, 2 * body);
  EXPECT_THAT(starts(by_bytes), ElementsAre(200, 300));
  ASSERT_TRUE(ledger_->finish_block(by_bytes.block_id));
  EXPECT_THAT(starts(next(1, 1)), ElementsAre(400));
}

TEST_P(LoadingTest, AnUnfinishedBlockComesAgainAndTakesNothingNew) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  const LoadBlock first = next();
  put({chunk_entry(kRec, Stream::sample, 10, 20)});
  EXPECT_EQ(next(), first);
  const LoadBlock second = next(kMany, kMany, first.block_id);
  EXPECT_THAT(starts(second), ElementsAre(10));
  EXPECT_GT(second.block_id, first.block_id);
  EXPECT_TRUE(nothing_waits(second.block_id));
  // The later one may be done first.
  ASSERT_TRUE(ledger_->finish_block(second.block_id));
  EXPECT_EQ(next(), first);
}

TEST_P(LoadingTest, BlocksAreTheSameAfterARestart) {
  put({birth_entry(kRec), birth_entry(uuid(101))});
  for (std::uint64_t i = 0; i < 6; ++i) {
    put({chunk_entry(uuid(100 + i % 2), Stream::sample, 10 * i, 10 * i + 10),
         chunk_entry(kRec, Stream::stroke, i, i + 1)});
  }
  std::vector<LoadBlock> blocks;
  std::int64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    blocks.push_back(next(20, kMany, last));
    last = blocks.back().block_id;
  }
  reopen();
  put({chunk_entry(kRec, Stream::sample, 500, 510)});
  last = 0;
  for (const LoadBlock& block : blocks) {
    // Other limits than before: the boundaries are what was stored.
    EXPECT_EQ(next(kMany, kMany, last), block);
    last = block.block_id;
  }
}

// What a purge leaves of a block goes into another, which ends where the next that is there begins.
TEST_P(LoadingTest, WhatIsLeftOfABlockLiesBetweenOthers) {
  const base::Uuid left = uuid(101);
  const base::Uuid purged = uuid(102);
  put({birth_entry(kRec), birth_entry(left), birth_entry(purged)});
  put({chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 10, 20)});
  put({chunk_entry(left, Stream::sample, 0, 10), chunk_entry(purged, Stream::sample, 0, 10)});
  put({chunk_entry(kRec, Stream::sample, 20, 30), chunk_entry(kRec, Stream::sample, 30, 40)});
  std::vector<LoadBlock> blocks;
  for (int i = 0; i < 3; ++i) blocks.push_back(next(20, kMany, blocks.empty() ? 0 : blocks.back().block_id));
  purge(purged);
  put({chunk_entry(left, Stream::sample, 10, 20)});
  EXPECT_EQ(next(), blocks[0]);
  EXPECT_EQ(next(kMany, kMany, blocks[0].block_id), blocks[2]);
  const LoadBlock between = next(kMany, kMany, blocks[2].block_id);
  EXPECT_THAT(starts(between), ElementsAre(0));
  const LoadBlock after = next(kMany, kMany, between.block_id);
  EXPECT_THAT(starts(after), ElementsAre(10));
  EXPECT_TRUE(nothing_waits(after.block_id));
  ASSERT_TRUE(ledger_->finish_block(blocks[1].block_id)) << "it is no more";
  while (*ledger_->drop_some(1)) continue;
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 6U);
  for (const LoadBlock* block : std::vector<const LoadBlock*>{&after, &blocks[0], &blocks[2], &between}) {
    ASSERT_TRUE(ledger_->finish_block(block->block_id));
  }
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
  EXPECT_TRUE(nothing_waits());
}

// A chunk that is to be loaded once more lies among those of a block, and is not of it.
TEST_P(LoadingTest, WhatIsLoadedOnceMoreIsInABlockOfItsOwn) {
  const base::Uuid again = uuid(101);
  const base::Uuid purged = uuid(102);
  put({birth_entry(kRec), birth_entry(again), birth_entry(purged)});
  put({chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(purged, Stream::sample, 0, 10)});
  put({chunk_entry(again, Stream::sample, 0, 10), chunk_entry(again, Stream::sample, 10, 20)});
  put({chunk_entry(kRec, Stream::sample, 10, 20), chunk_entry(purged, Stream::sample, 10, 20)});
  std::vector<LoadBlock> blocks;
  for (int i = 0; i < 3; ++i) blocks.push_back(next(20, kMany, blocks.empty() ? 0 : blocks.back().block_id));
  ASSERT_TRUE(ledger_->finish_block(blocks[1].block_id));
  purge(purged);
  const LoadBlock around = next();
  EXPECT_THAT(starts(around), ElementsAre(0, 10));
  ASSERT_EQ(*ledger_->load_again(again, Stream::sample), 2U);
  EXPECT_EQ(next(), around);
  const LoadBlock once_more = next(kMany, kMany, around.block_id);
  EXPECT_EQ(once_more.items, blocks[1].items);
  EXPECT_NE(once_more.token, blocks[1].token);
  ASSERT_TRUE(ledger_->finish_block(around.block_id));
  EXPECT_EQ(next(), once_more);
  while (*ledger_->drop_some(1)) continue;
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 2U);
}

// Blocks of version 8, which were any chunks. Those that lie together stay, under their tokens; a block around chunks
// that are not its own is dissolved.
TEST_P(LoadingTest, BlocksOfVersion8Stay) {
  sql::TestDatabase old(GetParam(), folder_.file("old.db"));
  auto connection = sql::Connection::open(old.place());
  ASSERT_TRUE(connection);
  ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(8)}));
  for (const auto& [block_id, stream] : {std::pair{20, 1}, {21, 2}, {22, 2}, {23, 1}, {24, 3}}) {
    auto insert = connection->prepare("INSERT INTO load_block (block_id, stream, token) VALUES (?1, ?2, ?3)");
    ASSERT_TRUE(insert->bind(1, block_id).bind(2, stream).bind(3, "token" + std::to_string(block_id)).run());
  }
  struct Waiting {
    int server_seq, stream, round, block_id;
  };
  for (const Waiting& chunk : std::vector<Waiting>{{3, 1, 0, 20},
                                                   {4, 2, 0, 21},
                                                   {5, 1, 0, 20},
                                                   {6, 2, 0, 22},
                                                   {7, 2, 0, 21},
                                                   {8, 1, 0, 0},
                                                   {9, 1, 6, 23},
                                                   {10, 1, 0, 0},
                                                   {11, 1, 6, 23}}) {
    auto insert = connection->prepare(
        "INSERT INTO unloaded (server_seq, rec_id, stream, from_seq, records, size, block_id, round, since_ms) "
        "VALUES (?1, ?2, ?3, 0, 10, 5, ?4, ?5, 17)");
    insert->bind(1, chunk.server_seq).bind(2, base::ByteView(kRec.bytes)).bind(3, chunk.stream);
    insert->bind(4, chunk.block_id == 0 ? std::nullopt : std::optional(chunk.block_id)).bind(5, chunk.round);
    const auto done = insert->run();
    ASSERT_TRUE(done) << done.error().text;
  }
  const auto migrated = sql::migrate(*connection, kSchema);
  ASSERT_TRUE(migrated) << migrated.error().text;
  std::vector<std::string> blocks;
  auto select =
      connection->prepare("SELECT token, stream, round, first_seq, last_seq FROM load_block ORDER BY block_id");
  ASSERT_TRUE(each_row(*select, [&blocks](const sql::Statement& row) {
    std::string text(row.text(0));
    for (int column = 1; column < 5; ++column) text += " " + std::to_string(row.integer(column));
    blocks.push_back(text);
  }));
  EXPECT_THAT(blocks, ElementsAre("token20 1 0 3 5", "token22 2 0 6 6", "token23 1 6 9 11"));
  auto count = connection->prepare("SELECT count(*), min(since_ms), CAST(sum(round) AS BIGINT) FROM unloaded");
  ASSERT_TRUE(*count->step());
  EXPECT_EQ(count->integer(0), 9);
  EXPECT_EQ(count->integer(1), 17);
  EXPECT_EQ(count->integer(2), 12);
}

TEST_P(LoadingTest, FinishingIsIdempotentAndKnowsItsBlocks) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  const LoadBlock block = next();
  EXPECT_EQ(ledger_->finish_block(block.block_id + 1).error().code, base::ErrorCode::not_found);
  EXPECT_EQ(ledger_->finish_block(0).error().code, base::ErrorCode::not_found);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 1U);
  EXPECT_TRUE(ledger_->finish_block(block.block_id));
  EXPECT_TRUE(ledger_->finish_block(block.block_id));
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 0U);
  reopen();
  EXPECT_TRUE(nothing_waits());
}

TEST_P(LoadingTest, LoadedRecordsGrowWithFinishedBlocks) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 10, 15),
       chunk_entry(kRec, Stream::source, 0, 3)});
  const auto loaded = [this] { return (*ledger_->recording(kRec))->streams.at(0).loaded_records; };
  const LoadBlock block = next(10);
  EXPECT_EQ(loaded(), 0U);
  const std::int64_t before = (*ledger_->recording(kRec))->server_seq;
  ASSERT_TRUE(ledger_->finish_block(block.block_id));
  EXPECT_EQ(loaded(), 10U);
  EXPECT_GT((*ledger_->recording(kRec))->server_seq, before);
  ASSERT_TRUE(ledger_->finish_block(next().block_id));
  EXPECT_EQ(loaded(), 15U);
  EXPECT_EQ((*ledger_->recording(kRec))->streams.at(1).loaded_records, 0U);
}

TEST_P(LoadingTest, ATamperedBlockIsNotHandedOut) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 10, 20)});
  next();
  {
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(connection->execute("DELETE FROM unloaded WHERE from_seq = 10"));
  }
  EXPECT_EQ(ledger_->next_block(kMany, kMany).error().code, base::ErrorCode::corrupt);
}

TEST_P(LoadingTest, SessionsWaitForBirthSealSourceAndLoad) {
  put({birth_entry(kRec)});
  EXPECT_THAT(dirty(), ElementsAre(kRec));
  write_all_sessions();
  EXPECT_THAT(dirty(), IsEmpty());
  put({chunk_entry(kRec, Stream::sample, 0, 10)});
  EXPECT_THAT(dirty(), IsEmpty());
  ASSERT_TRUE(ledger_->finish_block(next().block_id));
  EXPECT_THAT(dirty(), ElementsAre(kRec));
  write_all_sessions();
  put({seal_entry(kRec, 1, 10)});
  EXPECT_THAT(dirty(), ElementsAre(kRec));
  write_all_sessions();
  put({chunk_entry(kRec, Stream::source, 0, 1)});
  reopen();
  EXPECT_THAT(dirty(), ElementsAre(kRec));
  write_all_sessions();
  put({seal_entry(kRec, 1, 10), birth_entry(kRec)});
  EXPECT_THAT(dirty(), IsEmpty());
}

TEST_P(LoadingTest, ASessionThatClickHouseLostIsWrittenAgainAsAChange) {
  put({birth_entry(kRec)});
  const auto seen = *ledger_->dirty_sessions(100);
  write_all_sessions();
  ASSERT_TRUE(ledger_->write_session_again(kRec));
  ASSERT_TRUE(ledger_->write_session_again(uuid(77)));  // never heard of
  const auto again = *ledger_->dirty_sessions(100);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].rec_id, kRec);
  EXPECT_GT(again[0].up_to_seq, seen[0].up_to_seq) << "ClickHouse would pass over a row that it remembers";
  EXPECT_GE(ledger_->sessions_around(kRec)->server_seq, again[0].up_to_seq);
  reopen();
  EXPECT_THAT(dirty(), ElementsAre(kRec));
}

TEST_P(LoadingTest, AChangeWhileASessionIsWrittenIsNotLost) {
  put({birth_entry(kRec)});
  const auto seen = *ledger_->dirty_sessions(100);
  put({seal_entry(kRec, 1, 10)});
  ASSERT_TRUE(ledger_->session_written(seen[0].rec_id, seen[0].up_to_seq));
  const auto left = *ledger_->dirty_sessions(100);
  ASSERT_EQ(left.size(), 1U);
  EXPECT_GT(left[0].up_to_seq, seen[0].up_to_seq);
  ASSERT_TRUE(ledger_->session_written(left[0].rec_id, left[0].up_to_seq));
  EXPECT_THAT(dirty(), IsEmpty());
}

TEST_P(LoadingTest, WhoWaitsLongestComesFirstAndNobodyStarves) {
  const base::Uuid b = uuid(50);
  const base::Uuid c = uuid(40);
  put({birth_entry(kRec)});
  put({birth_entry(b)});
  put({birth_entry(c)});
  put({seal_entry(kRec, 1, 1)});  // changed again, but has waited longest all the same
  EXPECT_THAT(dirty(), ElementsAre(kRec, b, c));
  EXPECT_EQ(ledger_->dirty_sessions(2)->size(), 2U);
  const auto first = ledger_->dirty_sessions(1)->at(0);
  put({seal_entry(kRec, 2, 1)});
  ASSERT_TRUE(ledger_->session_written(first.rec_id, first.up_to_seq));
  EXPECT_THAT(dirty(), ElementsAre(b, c, kRec));
}

INSTANTIATE_TEST_SUITE_P(Databases, LoadingTest, both_databases(), database_name);

}  // namespace
}  // namespace boathouse::ledger
