// The tables on a real engine: what the loader and the migrations do with rows in them.
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "apps/boathouse/test_engine_store.hpp"
#include "core/base/utc_time.hpp"
#include "server/timeseries/quick_count.hpp"
#include "server/timeseries/reconciler.hpp"
#include "server/timeseries/schema.hpp"
#include "server/timeseries/session_columns.hpp"

namespace boathouse::app {
namespace {

using ledger::uuid;

class EngineStoreTest : public EngineStoreFixture {
 protected:
  static std::vector<std::string> tables() {
    std::vector<std::string> all;
    for (const rowing::Stream stream : rowing::kStreams) {
      if (timeseries::has_table(stream)) all.emplace_back(rowing::name(stream));
    }
    all.emplace_back("session");
    return all;
  }
  std::string columns(const std::string& table) {
    return text(
        "SELECT arrayStringConcat(groupArray(name), ', ') AS t FROM (SELECT name FROM system.columns WHERE database = "
        "currentDatabase() AND table = '" +
        table + "' ORDER BY position)");
  }
  // Of all tables, in whatever order they lie. Splits, summaries and events keep the codecs that they were made with:
  // there are too few of them.
  std::string shape() {
    return text(
        "SELECT arrayStringConcat(arraySort(groupArray(concat(table, '.', name, ' ', type, ' ', default_expression, ' "
        "', if(table IN ('split', 'summary', 'event'), '', compression_codec)))), '\n') AS t FROM system.columns WHERE "
        "database = currentDatabase()");
  }
  // The tables as the program of then made them: what `boathouse schema` of the version's last commit printed, never
  // changed since.
  void make_tables_of(std::int64_t version) {
    const auto file = test_support::source_dir() / "tests/data/tables" / ("v" + std::to_string(version) + ".sql");
    std::ifstream in(file);
    ASSERT_TRUE(in) << file << ": a version that is followed by another one is kept there";
    for (std::string line; std::getline(in, line);) {
      ASSERT_TRUE(line.ends_with(';')) << line;
      execute(line.substr(0, line.size() - 1));
    }
  }
  // Rows of all kinds of values.
  void fill(const std::string& table) {
    const auto structure = client().select(
        "SELECT arrayStringConcat(groupArray(concat(name, ' ', type)), ', ') AS t FROM (SELECT name, type FROM "
        "system.columns WHERE database = currentDatabase() AND table = {table:String} ORDER BY position)",
        {{"table", table}});
    ASSERT_TRUE(structure) << structure.error().text;
    const base::Status done =
        client().execute("INSERT INTO " + table +
                             " SELECT * REPLACE (toDateTime64(1700000000 + rand(1) % 1000000, 3, 'UTC') AS started" +
                             (table == "session" ? ", ver % 2 AS is_deleted" : "") +
                             ") FROM generateRandom({structure:String}, 7, 8, 5) LIMIT 100",
                         {{"structure", structure->find("t")->texts.at(0)}});
    ASSERT_TRUE(done) << table << ": " << done.error().text;
  }
  // What ClickHouse packs is the row that it has, of every row.
  void expect_packed_rows() {
    const auto rows = client().select("SELECT *, packed FROM session ORDER BY session");
    ASSERT_TRUE(rows) << rows.error().text;
    ASSERT_GT(rows->rows, 0U);
    const auto unpacked = timeseries::unpack_sessions(rows->find("packed")->texts);
    ASSERT_TRUE(unpacked) << unpacked.error().text;
    ASSERT_EQ(unpacked->rows, rows->rows);
    ASSERT_EQ(unpacked->columns.size() + 1, rows->columns.size()) << "and `packed` itself";
    for (const timeseries::NativeColumn& column : unpacked->columns) {
      const timeseries::NativeColumn* const there = rows->find(column.name);
      ASSERT_NE(there, nullptr) << column.name;
      EXPECT_EQ(column.type, there->type) << column.name;
      EXPECT_EQ(column.integers, there->integers) << column.name;
      EXPECT_EQ(column.texts, there->texts) << column.name;
      EXPECT_EQ(column.uuids, there->uuids) << column.name;
      EXPECT_EQ(column.arrays, there->arrays) << column.name;
      EXPECT_EQ(column.text_arrays, there->text_arrays) << column.name;
      EXPECT_EQ(column.uuid_arrays, there->uuid_arrays) << column.name;
    }
  }
  std::string content(const std::string& table, const std::string& of) {
    return text("SELECT concat(toString(count()), ' ', toString(sum(cityHash64(toString(tuple(" + of +
                "))))) ) AS t FROM " + table);
  }
};

// A device may say any year from 1 to 9999, and one block holds recordings of all athletes: one of them must not stop
// what the others have.
TEST_F(EngineStoreTest, ABlockWithRecordingsOfManyYearsIsLoaded) {
  const auto first_of = [](int year) { return base::days_from_civil({year, 1, 1}) * std::int64_t{86'400'000}; };
  std::vector<std::int64_t> starts{first_of(1), first_of(10'000) - 1, first_of(1899), first_of(2300)};
  const std::size_t extremes = starts.size();
  for (int year = 1950; year < 2050; ++year) starts.push_back(first_of(year));
  for (std::size_t n = 0; n < starts.size(); ++n) store(1 + n, starts[n]);
  const base::Status loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().text;
  const auto found = timeseries::reconcile_some(*ledger_, client(), std::nullopt, [] { return false; });
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_TRUE(found->differences.empty());
  EXPECT_EQ(found->misplaced, 0U);
  EXPECT_EQ(found->sessions, starts.size());
  EXPECT_EQ(number("SELECT uniqExact(_partition_id) AS n FROM sample"), static_cast<std::int64_t>(starts.size()));
  for (std::size_t n = 0; n < extremes; ++n) {
    EXPECT_EQ(number("SELECT count() AS n FROM sample FINAL WHERE rec_id = '" + uuid(1 + n).text() +
                     "' AND started = fromUnixTimestamp64Milli(toInt64(" + std::to_string(starts[n]) + "), 'UTC')"),
              10)
        << starts[n];
  }
}

// Nor may a few recordings of an athlete who has very many cost the reading of all.
TEST_F(EngineStoreTest, AFewRecordingsAreCountedByReadingTheirRowsAlone) {
  constexpr std::size_t kRecordings = 400;
  constexpr std::uint64_t kRecords = 256;
  const auto start_of = [](std::size_t n) {
    return 1'600'000'000'000 + static_cast<std::int64_t>(n * 7'919 % 400) * 3'600'000;
  };
  for (std::size_t n = 0; n < kRecordings; ++n) store(1 + n, start_of(n), kRecords);
  ASSERT_TRUE(load());
  execute("OPTIMIZE TABLE sample FINAL");

  timeseries::Endpoint bounded = endpoint();
  bounded.settings = "&max_rows_to_read=50000";
  client().set_endpoint(bounded);
  ASSERT_FALSE(client().select("SELECT count() AS n FROM sample WHERE NOT ignore(seq)")) << "of 102,400";
  timeseries::QuickCount quick(client(), clock_, {.within_ms = 60'000});
  timeseries::QuickCount::Records up_to;
  timeseries::QuickCount::Starts started_ms;
  for (const std::size_t n : {7U, 300U}) {
    up_to[rowing::Stream::sample][uuid(1 + n)] = kRecords;
    started_ms[uuid(1 + n)] = start_of(n);
  }
  EXPECT_EQ(quick.count(kAnna, up_to, started_ms), up_to);

  // Rows that lie under another start are of no query's.
  client().set_endpoint(endpoint());
  execute("INSERT INTO sample SELECT * REPLACE (started + INTERVAL 1 HOUR AS started) FROM sample WHERE rec_id = '" +
          uuid(8).text() + "'");
  execute("DELETE FROM sample WHERE seq = 5 AND rec_id = '" + uuid(301).text() + "'");
  timeseries::QuickCount::Records counted = up_to;
  counted[rowing::Stream::sample][uuid(301)] = kRecords - 1;
  EXPECT_EQ(quick.count(kAnna, up_to, started_ms), counted);
}

// The catalogue grows, and the tables of before are there, with rows in them.
TEST_F(EngineStoreTest, ATableOfBeforeGetsTheColumnsOfNewMetrics) {
  ASSERT_TRUE(timeseries::migrate(client()));
  const std::string whole = shape();
  execute("ALTER TABLE sample DROP COLUMN pace_cs_per_500m, DROP COLUMN heart_rate_bpm");
  execute("ALTER TABLE stroke DROP COLUMN peak_force_dlbf");
  fill("sample");
  const std::string before = columns("sample");
  const std::string rows = content("sample", before);
  ASSERT_NE(shape(), whole);
  const base::Status done = timeseries::migrate(client());
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(shape(), whole);
  EXPECT_EQ(content("sample", before), rows);
  EXPECT_EQ(number("SELECT count() AS n FROM sample WHERE heart_rate_bpm IS NULL"), 100);
  store(1, 1'700'000'000'000);
  const base::Status loaded = load();
  EXPECT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(number("SELECT count() AS n FROM sample WHERE heart_rate_bpm IS NOT NULL"), 10);
}

TEST_F(EngineStoreTest, RowsOfEveryReleasedVersionAreTheSameAfterTheMigration) {
  ASSERT_TRUE(timeseries::migrate(client()));
  const std::string whole = shape();
  for (std::int64_t version = 1; version < timeseries::kSchemaVersion; ++version) {
    SCOPED_TRACE(version);
    for (const std::string& table : tables()) execute("DROP TABLE " + table + " SYNC");
    make_tables_of(version);
    std::map<std::string, std::pair<std::string, std::string>> before;  // table -> columns, content
    for (const std::string& table : tables()) {
      fill(table);
      const std::string of = columns(table);
      before[table] = {of, content(table, of)};
      EXPECT_TRUE(before[table].second.starts_with("100 ")) << before[table].second;
    }
    const base::Status done = timeseries::migrate(client());
    ASSERT_TRUE(done) << done.error().text;
    EXPECT_EQ(shape(), whole);
    EXPECT_EQ(text("SELECT comment AS t FROM system.tables WHERE database = currentDatabase() AND name = 'session'"),
              "schema " + std::to_string(timeseries::kSchemaVersion));
    expect_packed_rows();
    for (const auto& [table, rows] : before) {
      EXPECT_EQ(content(table, rows.first), rows.second) << table;
      execute("OPTIMIZE TABLE " + table + " FINAL");  // written anew, with the codecs of now
      EXPECT_EQ(content(table, rows.first), rows.second) << table;
    }
    expect_packed_rows();
    if (version == 1) {
      EXPECT_EQ(number("SELECT count() AS n FROM session WHERE recordings = [primary_rec]"), 100);
    }
  }
}

}  // namespace
}  // namespace boathouse::app
