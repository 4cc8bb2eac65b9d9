#include "server/timeseries/session_columns.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/base/bytes.hpp"
#include "core/rowing/record.hpp"
#include "server/timeseries/schema.hpp"
#include "server/timeseries/test_packed.hpp"

namespace boathouse::timeseries {
namespace {

using rowing::FigureSource;
using rowing::kNull;
using rowing::Stream;

base::Uuid numbered_uuid(std::uint8_t number) {
  base::Uuid id;
  id.bytes[15] = number;
  return id;
}

ledger::RecordingState recording_state(std::uint8_t id, std::int64_t started_ms) {
  ledger::RecordingState state;
  state.rec_id = numbered_uuid(id);
  state.athlete = numbered_uuid(200);
  state.birth.rec_id = state.rec_id;
  state.birth.started_ms = started_ms;
  return state;
}

void add_stream(ledger::RecordingState& recording, Stream stream, std::uint64_t records) {
  ledger::StreamState state;
  state.stream = stream;
  state.records = records;
  state.have = {{0, records}};
  recording.streams.push_back(state);
}

// The second one has the samples that count, the first the strokes.
ledger::SessionState linked() {
  ledger::SessionState session;
  session.recordings = {recording_state(1, 1000), recording_state(2, 900)};
  add_stream(session.recordings[0], Stream::sample, 10);
  add_stream(session.recordings[0], Stream::stroke, 5);
  add_stream(session.recordings[1], Stream::sample, 20);
  session.primaries = {{Stream::sample, numbered_uuid(2)}, {Stream::stroke, numbered_uuid(1)}};
  return session;
}

rowing::SessionFigures some_figures() {
  rowing::SessionFigures figures;
  for (std::size_t i = 0; i < rowing::kTotals.size(); ++i) {
    figures.*rowing::kTotals[i].figure = {static_cast<std::int64_t>(i) + 1,
                                          i % 2 == 0 ? FigureSource::monitor : FigureSource::derived};
  }
  figures.rest_time_cs = {};
  figures.workout_type = 3;
  figures.best_times_cs[2] = {42'400, FigureSource::monitor};
  figures.best_times_cs[0] = {10'000, FigureSource::derived};
  figures.best_distances_dm[0] = {3'000, FigureSource::derived};
  figures.power_from = rowing::PowerSource::strokes;
  figures.power_w = {500, 400, 300};
  figures.heart_rate_ms = {{120, 99'500}, {160, 100'000}};
  figures.pace_ms = {{100, 199'500}, {655, 1}};
  figures.gaps = 2;
  figures.clock_jumps = 1;
  figures.has_summary = true;
  return figures;
}

NativeBlock through_native(const NativeBlock& block) {
  base::ByteWriter out;
  write_native(out, block);
  return read_native(out.take()).value();
}

TEST(SessionColumns, FiguresComeBackAsTheyWere) {
  NativeBlock block;
  add_session_row(block, linked(), some_figures(), 7);
  add_session_row(block, linked(), {}, 8);
  const NativeBlock read = through_native(block);
  ASSERT_EQ(read.rows, 2U);
  EXPECT_EQ(figures_of(read, 0), some_figures());
  EXPECT_EQ(figures_of(read, 1), rowing::SessionFigures{});
  EXPECT_EQ(read.integer("ver", 1), 8);
  EXPECT_EQ(read.integer("is_deleted", 0), 0);
  EXPECT_EQ(read.find("totals_from")->texts[0], "derived");
  EXPECT_EQ(read.integer("summary_version", 0), rowing::kFiguresVersion);
}

TEST(SessionColumns, AValueThatAColumnCannotHoldIsUnknown) {
  rowing::SessionFigures figures;
  figures.max_power_w = {70'000, FigureSource::derived};
  figures.avg_heart_rate_bpm = {256, FigureSource::derived};
  figures.work_time_cs = {-1, FigureSource::derived};
  NativeBlock block;
  add_session_row(block, linked(), figures, 1);
  for (const char* column : {"max_power_w", "avg_heart_rate_bpm", "work_time_cs"}) {
    EXPECT_EQ(through_native(block).integer(column, 0), kNull) << column;
  }
}

TEST(SessionColumns, ASessionHasTheFirstIdAndTheStartOfWhatCounts) {
  EXPECT_EQ(session_key(linked()), (SessionKey{numbered_uuid(200), 900, numbered_uuid(1)}));
  NativeBlock block;
  add_session_row(block, linked(), {}, 1);
  EXPECT_EQ(block.find("recordings")->uuid_arrays[0], (std::vector<base::Uuid>{numbered_uuid(1), numbered_uuid(2)}));
  EXPECT_EQ(block.find("recordings_started")->arrays[0], (std::vector<std::int64_t>{1000, 900}));
  EXPECT_EQ(block.find("primaries")->arrays[0], (std::vector<std::int64_t>{1, 0, 255, 255, 255, 255, 255}));
  EXPECT_EQ(block.integer("samples", 0), 20);
  EXPECT_EQ(block.integer("strokes", 0), 5);
  EXPECT_EQ(block.find("primary_rec")->uuids[0], numbered_uuid(2));

  ledger::SessionState empty;
  empty.recordings = {recording_state(3, 5)};
  EXPECT_EQ(session_key(empty), (SessionKey{numbered_uuid(200), 5, numbered_uuid(3)}));
}

TEST(SessionColumns, ATombstoneHasTheKeyAndFitsAmongRows) {
  NativeBlock block;
  add_session_row(block, linked(), some_figures(), 7);
  add_tombstone(block, {numbered_uuid(200), 1000, numbered_uuid(2)}, 9);
  const NativeBlock read = through_native(block);
  EXPECT_EQ(read.integer("is_deleted", 1), 1);
  EXPECT_EQ(read.integer("started", 1), 1000);
  EXPECT_EQ(read.find("session")->uuids[1], numbered_uuid(2));
  EXPECT_EQ(read.integer("ver", 1), 9);
}

TEST(SessionColumns, OnlyWhatWasPromisedAndNotRemovedIsMissing) {
  ledger::SessionState session = linked();
  EXPECT_EQ(missing_records(session), 0U);
  rowing::Seal seal;
  seal.streams[Stream::sample].count = 25;
  seal.streams[Stream::force_curve].count = 4;  // none has come
  session.recordings[1].seal = seal;
  EXPECT_EQ(missing_records(session), 5U + 4U);
  session.recordings[1].removed[Stream::sample] = 3;
  EXPECT_EQ(missing_records(session), 2U + 4U);
  session.recordings[0].streams[1].have = {{0, 2}, {4, 9}};  // strokes 2 and 3 are not there, of 9 there are 5
  EXPECT_EQ(missing_records(session), 2U + 4U + 4U);
  session.recordings[0].streams[0].have = {{90, 100}};
  EXPECT_EQ(missing_records(session), 2U + 4U + 4U) << "these samples do not count";
}

// In the order in which they are written, as unpack_sessions() reads them. A column that is new here makes a new
// version of the tables, in which `packed` has it too.
TEST(SessionColumns, EveryColumnIsInThePackedOne) {
  NativeBlock block;
  add_session_row(block, linked(), some_figures(), 7);
  std::string names;
  for (const NativeColumn& column : block.columns) names += (names.empty() ? "" : ", ") + column.name;
  const std::string sql = migration_statements(6).at(0);
  EXPECT_NE(sql.find(" packed String MATERIALIZED formatRow('RowBinary', " + names + ")"), std::string::npos) << names;
}

TEST(SessionColumns, APackedRowIsTheRow) {
  NativeBlock block;
  add_session_row(block, linked(), some_figures(), 7);
  add_tombstone(block, {numbered_uuid(1), 2, numbered_uuid(3)}, 8);
  const NativeBlock packed = packed_sessions(block);
  const auto unpacked = unpack_sessions(packed.columns[0].texts);
  ASSERT_TRUE(unpacked) << unpacked.error().text;
  base::ByteWriter expected;
  write_native(expected, block);
  base::ByteWriter read;
  write_native(read, *unpacked);
  EXPECT_EQ(read.take(), expected.take());
  EXPECT_FALSE(unpack_sessions(std::vector<std::string>{packed.columns[0].texts[0] + "x"}));
}

// What is written has a column to go to.
TEST(SessionColumns, EveryColumnIsInTheTable) {
  std::string tables;
  for (const std::string& statement : create_statements()) {
    if (statement.starts_with("CREATE TABLE IF NOT EXISTS session ")) tables += statement;
  }
  for (std::int64_t version = 2; version <= kSchemaVersion; ++version) {
    for (const std::string& statement : migration_statements(version)) tables += statement;
  }
  NativeBlock block;
  add_session_row(block, linked(), some_figures(), 7);
  for (const NativeColumn& column : block.columns) {
    const std::string type = column.type == "String" ? "" : " " + column.type;
    const bool there = tables.find("(" + column.name + type) != std::string::npos ||
                       tables.find(" " + column.name + type) != std::string::npos;
    EXPECT_TRUE(there) << column.name << type;
  }
}

}  // namespace
}  // namespace boathouse::timeseries
