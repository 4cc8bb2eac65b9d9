#include "server/timeseries/blocks.hpp"

#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/record.hpp"
#include "core/wire/chunk.hpp"
#include "server/timeseries/native.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::timeseries {
namespace {

using rowing::kNull;
using rowing::Stream;

std::vector<rowing::Record> some_records(Stream stream, std::size_t count, std::uint64_t seed) {
  base::SeededRandom random(seed);
  std::vector<rowing::Record> records(count);
  for (rowing::Record& record : records) {
    record.stream = stream;
    for (const rowing::Metric& metric : rowing::metrics(stream)) {
      const auto span = static_cast<std::uint64_t>(rowing::max_value(metric)) + 1;
      record.values.push_back(random.below(5) == 0 ? kNull : static_cast<std::int64_t>(random.below(span)));
    }
    if (rowing::has_points(stream))
      record.points.assign(random.below(40), static_cast<std::int64_t>(random.below(300)));
    if (random.below(3) == 0) record.bytes = "tail\n\n" + std::to_string(random.below(100));
  }
  return records;
}

ledger::LoadItem item_of(Stream stream, std::uint64_t from, std::span<const rowing::Record> records, std::int64_t seq) {
  const auto chunk = wire::seal_chunk(stream, from, records);
  ledger::LoadItem item;
  item.server_seq = seq;
  item.athlete.bytes[0] = 1;
  item.rec_id.bytes[15] = static_cast<std::uint8_t>(seq);
  item.started_ms = 1795372620000;
  item.stream = stream;
  item.from = chunk->from;
  item.to = chunk->to;
  item.sha256 = chunk->sha256;
  item.body = chunk->body;
  return item;
}

TEST(Blocks, EveryRecordOfEveryStreamArrivesAsARow) {
  for (const Stream stream : rowing::kStreams) {
    if (!has_table(stream)) continue;
    const auto first = some_records(stream, 50, 1);
    const auto second = some_records(stream, 3, 2);
    const ledger::LoadBlock block{1, stream, "token", {item_of(stream, 0, first, 7), item_of(stream, 50, second, 9)}};
    const auto insert = make_insert(block);
    ASSERT_TRUE(insert.ok()) << insert.error().text;
    EXPECT_EQ(insert->rows, 53U);
    const auto rows = read_native(insert->joined());
    ASSERT_TRUE(rows.ok()) << rows.error().text;
    ASSERT_EQ(rows->rows, 53U);

    auto all = first;
    all.insert(all.end(), second.begin(), second.end());
    const auto metrics = rowing::metrics(stream);
    for (std::size_t row = 0; row < all.size(); ++row) {
      EXPECT_EQ(rows->integer("seq", row), static_cast<std::int64_t>(row));
      EXPECT_EQ(rows->integer("ver", row), row < 50 ? 7 : 9);
      EXPECT_EQ(rows->find("rec_id")->uuids[row].bytes[15], row < 50 ? 7 : 9);
      for (std::size_t m = 0; m < metrics.size(); ++m) {
        EXPECT_EQ(rows->integer(metrics[m].column, row), all[row].values[m]) << metrics[m].column << " of row " << row;
      }
      if (rowing::has_points(stream)) {
        EXPECT_EQ(rows->find("points")->arrays[row], all[row].points);
      }
      EXPECT_EQ(rows->find(rowing::bytes_column(stream))->texts[row], all[row].bytes);
    }
  }
}

TEST(Blocks, ColumnsStandInTheOrderOfTheTable) {
  const auto records = some_records(Stream::stroke, 50, 3);
  const ledger::LoadBlock block{1, Stream::stroke, "token", {item_of(Stream::stroke, 0, records, 1)}};
  const auto insert = make_insert(block);
  ASSERT_TRUE(insert.ok());
  const auto rows = read_native(insert->joined());
  ASSERT_TRUE(rows.ok());
  std::vector<std::string> names;
  for (const NativeColumn& column : rows->columns) names.push_back(column.name);
  EXPECT_EQ(names, table_columns(Stream::stroke));
}

// Catalogue metrics 0 and 1 of a stroke are those that two chunks have in turn.
TEST(Blocks, WhatNoRowHasIsNotSentAndWhatSomeHaveIsNullInTheOthers) {
  const auto metrics = rowing::metrics(Stream::stroke);
  auto first = some_records(Stream::stroke, 20, 5);
  auto second = some_records(Stream::stroke, 10, 6);
  auto third = some_records(Stream::stroke, 5, 7);
  for (auto* records : {&first, &second, &third}) {
    for (rowing::Record& record : *records) {
      std::ranges::fill(record.values, kNull);
      record.bytes.clear();
    }
  }
  for (rowing::Record& record : second) record.values[0] = 3;
  second.back().bytes = "tail";
  third.front().values[1] = 4;
  const ledger::LoadBlock block{1,
                                Stream::stroke,
                                "token",
                                {item_of(Stream::stroke, 0, first, 1), item_of(Stream::stroke, 20, second, 2),
                                 item_of(Stream::stroke, 30, third, 3)}};
  const auto insert = make_insert(block);
  ASSERT_TRUE(insert.ok()) << insert.error().text;
  const auto rows = read_native(insert->joined());
  ASSERT_TRUE(rows.ok()) << rows.error().text;
  const std::vector<std::string> expected{"athlete",
                                          "started",
                                          "rec_id",
                                          "seq",
                                          std::string(metrics[0].column),
                                          std::string(metrics[1].column),
                                          std::string(rowing::bytes_column(Stream::stroke)),
                                          "ver"};
  std::vector<std::string> names;
  for (const NativeColumn& column : rows->columns) names.push_back(column.name);
  EXPECT_EQ(names, expected);
  EXPECT_EQ(insert->sql, "INSERT INTO stroke (athlete, started, rec_id, seq, " + expected[4] + ", " + expected[5] +
                             ", " + expected[6] + ", ver)");
  for (std::size_t row = 0; row < 35; ++row) {
    EXPECT_EQ(rows->integer(metrics[0].column, row), row >= 20 && row < 30 ? 3 : kNull) << row;
    EXPECT_EQ(rows->integer(metrics[1].column, row), row == 30 ? 4 : kNull) << row;
    EXPECT_EQ(rows->find(expected[6])->texts[row], row == 29 ? "tail" : "") << row;
  }
}

TEST(Blocks, APartOfABlockHasItsItemsFromTheFirstOnAndAtLeastOne) {
  const auto records = some_records(Stream::stroke, 10, 8);
  ledger::LoadBlock block{1, Stream::stroke, "token", {}};
  for (std::uint8_t i = 0; i < 4; ++i) block.items.push_back(item_of(Stream::stroke, 10U * i, records, i + 1));
  const auto first_rows = [](const InsertBody& insert) { return read_native(insert.joined())->integer("seq", 0); };
  const auto one = make_insert(block, 1, 1);
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->items, 1U);
  EXPECT_EQ(one->rows, 10U);
  EXPECT_EQ(first_rows(*one), 10);
  const auto two = make_insert(block, 2, one->joined().size());  // names and types are not counted
  ASSERT_TRUE(two.ok());
  EXPECT_EQ(two->items, 2U);
  EXPECT_EQ(first_rows(*two), 20);
  EXPECT_EQ(make_insert(block)->items, 4U);
}

// As rows they would have the numbers 0 to 4, which others have.
TEST(Blocks, RecordsBeyondWhatTheTableHoldsAreNotLoaded) {
  const auto records = some_records(Stream::sample, 5, 4);
  const auto insert_from = [&records](std::uint64_t from) {
    return make_insert({1, Stream::sample, "token", {item_of(Stream::sample, from, records, 42)}});
  };
  const auto last = insert_from(wire::kMaxStreamRecords - 5);
  ASSERT_TRUE(last.ok()) << last.error().text;
  EXPECT_EQ(read_native(last->joined())->integer("seq", 4), UINT32_MAX);
  for (const std::uint64_t from : {wire::kMaxStreamRecords - 4, wire::kMaxStreamRecords}) {
    const auto insert = insert_from(from);
    ASSERT_FALSE(insert.ok()) << from;
    EXPECT_EQ(insert.error().code, base::ErrorCode::too_large);
    EXPECT_NE(insert.error().text.find("chunk 42"), std::string::npos) << insert.error().text;
  }
}

TEST(Blocks, ABodyThatFailsItsHashIsNotLoaded) {
  const auto records = some_records(Stream::sample, 5, 4);
  ledger::LoadBlock block{1, Stream::sample, "token", {item_of(Stream::sample, 0, records, 42)}};
  block.items[0].sha256[0] ^= 1;
  const auto insert = make_insert(block);
  ASSERT_FALSE(insert.ok());
  EXPECT_NE(insert.error().text.find("chunk 42"), std::string::npos);
}

}  // namespace
}  // namespace boathouse::timeseries
