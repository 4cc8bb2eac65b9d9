#include "server/timeseries/schema.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/base/bytes.hpp"
#include "core/base/hex.hpp"
#include "core/base/sha256.hpp"
#include "server/timeseries/test_clickhouse.hpp"

namespace boathouse::timeseries {
namespace {

using rowing::Stream;

std::string statement_of(std::string_view table) {
  const std::string head = "CREATE TABLE IF NOT EXISTS " + std::string(table) + " (";
  for (const std::string& statement : create_statements()) {
    if (statement.starts_with(head)) return statement;
  }
  return "";
}

TEST(Schema, EveryStreamButSourceHasATable) {
  for (const Stream stream : rowing::kStreams) {
    EXPECT_EQ(statement_of(rowing::name(stream)).empty(), stream == Stream::source) << rowing::name(stream);
  }
  EXPECT_FALSE(statement_of("session").empty());
}

TEST(Schema, EveryMetricIsAColumnThatCanHoldItsLargestValue) {
  for (const Stream stream : rowing::kStreams) {
    if (!has_table(stream)) continue;
    const std::string sql = statement_of(rowing::name(stream));
    for (const rowing::Metric& metric : rowing::metrics(stream)) {
      const std::string column =
          ", " + std::string(metric.column) + " Nullable(" + std::string(integer_type(metric)) + ") CODEC(";
      EXPECT_NE(sql.find(column), std::string::npos) << metric.column;
      const std::int64_t holds = integer_type(metric) == "UInt8"    ? 0xFF
                                 : integer_type(metric) == "UInt16" ? 0xFFFF
                                                                    : 0xFFFFFFFF;
      EXPECT_GE(holds, rowing::max_value(metric)) << metric.column;
    }
  }
}

// What is out there was made by these very words: a change is another version.
TEST(Schema, TheFirstVersionsSessionTableAndTheMigrationsAreFrozen) {
  const auto hash = [](const std::vector<std::string>& statements) {
    std::string all;
    for (const std::string& statement : statements) all += statement + "\n";
    return base::to_hex(base::sha256(base::as_bytes(all))).substr(0, 16);
  };
  // But for how many rows are read together, which a table of before need not have.
  constexpr std::string_view kGranules = ", index_granularity = 512, min_compress_block_size = 16384";
  std::string session = statement_of("session");
  ASSERT_TRUE(session.ends_with(kGranules)) << session;
  session.resize(session.size() - kGranules.size());
  EXPECT_EQ(hash({session}), "c68d0b4189038f22");
  EXPECT_EQ(hash(migration_statements(2)), "dcee3cf1fbabb0e3");
  EXPECT_EQ(hash(migration_statements(3)), "8e557503373928ef");
  EXPECT_EQ(hash(migration_statements(4)), "85339dfb1a075022");
  EXPECT_EQ(hash(migration_statements(5)), "e41021b163de5acc");
  EXPECT_EQ(hash(migration_statements(6)), "ee1c9a0de9ffe782");
  EXPECT_TRUE(migration_statements(kSchemaVersion + 1).empty());
  EXPECT_FALSE(migration_statements(kSchemaVersion).empty());
}

// New tables have the codecs from the start; the older ones of a migration come to the same.
TEST(Schema, TheThirdVersionBringsOldTablesTheCodecsOfNewOnes) {
  constexpr std::string_view kModify = " MODIFY COLUMN ";
  std::size_t columns = 0;
  for (const std::string_view table : {"sample", "stroke", "force_curve"}) {
    for (const std::string& statement : migration_statements(3)) {
      if (!statement.starts_with("ALTER TABLE " + std::string(table) + " ")) continue;
      for (std::size_t at = statement.find(kModify); at != std::string::npos; at = statement.find(kModify, at + 1)) {
        const std::size_t begin = at + kModify.size();
        const std::string column = statement.substr(begin, statement.find("))", begin) + 2 - begin);
        EXPECT_NE(statement_of(table).find(", " + column), std::string::npos) << table << ": " << column;
        ++columns;
      }
    }
  }
  EXPECT_EQ(columns, 19U);
}

// As a new table has it, in the table that holds the rows.
TEST(Schema, ANewMetricsColumnIsAddedWhereTheRowsLie) {
  const auto metrics = rowing::metrics(Stream::stroke).subspan(0, 2);
  const std::string one = new_metrics_statement(Stream::stroke, metrics);
  EXPECT_EQ(one,
            "ALTER TABLE stroke ADD COLUMN IF NOT EXISTS at_ms Nullable(UInt32) CODEC(Delta, T64, ZSTD(1)), ADD COLUMN "
            "IF NOT EXISTS interval Nullable(UInt16) CODEC(ZSTD(1))");
  EXPECT_TRUE(new_metrics_statement(Stream::stroke, metrics, {"boat-1", true})
                  .starts_with("ALTER TABLE stroke_shard ON CLUSTER `boat-1` ADD COLUMN IF NOT EXISTS at_ms "));
}

TEST(Schema, ColumnNamesAreUnique) {
  for (const Stream stream : rowing::kStreams) {
    if (!has_table(stream)) continue;
    const auto columns = table_columns(stream);
    EXPECT_EQ(std::set<std::string>(columns.begin(), columns.end()).size(), columns.size()) << rowing::name(stream);
  }
}

// A device clock that is ten years slow must not let anything expire, a power cut not undo an acknowledged insert, a
// retry not count twice.
TEST(Schema, EveryTableIsDurableDeduplicatedAndKeepsEverything) {
  for (const std::string& statement : create_statements()) {
    EXPECT_NE(statement.find("fsync_after_insert = 1"), std::string::npos) << statement;
    EXPECT_NE(statement.find("fsync_part_directory = 1"), std::string::npos) << statement;
    EXPECT_NE(statement.find("min_rows_to_fsync_after_merge = 1"), std::string::npos) << statement;
    EXPECT_NE(statement.find("non_replicated_deduplication_window = 10000"), std::string::npos) << statement;
    EXPECT_NE(statement.find("ReplacingMergeTree(ver"), std::string::npos) << statement;
    EXPECT_EQ(statement.find("TTL"), std::string::npos) << statement;
    // By the year that was rowed in, which is in the key: two of a row always meet. Sessions are few.
    const bool is_session = statement.starts_with("CREATE TABLE IF NOT EXISTS session ");
    EXPECT_EQ(statement.find(" PARTITION BY toYear(started) ORDER BY (athlete, started, rec_id, seq) SETTINGS ") ==
                  std::string::npos,
              is_session)
        << statement;
    EXPECT_EQ(statement.find("PARTITION BY") == std::string::npos, is_session) << statement;
  }
}

// The same tables on a cluster: every replica has every row, a retry after weeks still counts once.
TEST(Schema, AClusterHasTheSameTablesReplicated) {
  const auto single = create_statements();
  const auto replicated = create_statements({"boat-1"});
  ASSERT_EQ(single.size(), replicated.size());
  for (std::size_t i = 0; i < single.size(); ++i) {
    const std::string& statement = replicated[i];
    EXPECT_NE(statement.find(" ON CLUSTER `boat-1` ("), std::string::npos) << statement;
    EXPECT_NE(statement.find(" ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', "
                             "'{replica}', ver"),
              std::string::npos)
        << statement;
    EXPECT_NE(statement.find(" replicated_deduplication_window = 100000, "), std::string::npos) << statement;
    EXPECT_NE(statement.find(" replicated_deduplication_window_seconds = 2592000"), std::string::npos) << statement;
    const auto durable = [](const std::string& sql) {
      const auto begin = sql.find("fsync_after_insert = 1");
      return begin == std::string::npos ? "" : sql.substr(begin);
    };
    EXPECT_NE(durable(statement), "") << statement;
    EXPECT_EQ(durable(statement), durable(single[i]));
    EXPECT_EQ(statement.find("TTL"), std::string::npos) << statement;
    const auto columns = [](const std::string& sql) {
      const auto begin = sql.find('(');
      return sql.substr(begin, sql.find(" ENGINE = ") - begin);
    };
    const auto keys = [](const std::string& sql) {
      const auto begin = std::min(sql.find(" PARTITION BY "), sql.find(" ORDER BY "));
      return sql.substr(begin, sql.find(" SETTINGS ") - begin);
    };
    EXPECT_EQ(columns(single[i]), columns(statement));
    EXPECT_EQ(keys(single[i]), keys(statement));
  }
}

TEST(Schema, AStoredTableLeadsBackToItsTableInEveryLayout) {
  for (const Layout& layout : {Layout{}, Layout{"boat-1"}, Layout{"boat-1", true}}) {
    for (const std::string_view table : {"sample", "force_curve", "session"}) {
      EXPECT_EQ(table_of_stored(stored_table(table, layout)), table);
    }
  }
}

// Rows lie in the shards' own tables, as they do on one shard; what is asked and written is the Distributed table.
TEST(Schema, SeveralShardsHaveDistributedTablesOverTheSameTables) {
  const auto one = create_statements({"boat-1"});
  const auto several = create_statements({"boat-1", true});
  ASSERT_EQ(one.size(), several.size());
  const auto front = distributed_statements({"boat-1", true});
  ASSERT_EQ(front.size(), one.size());
  constexpr std::string_view kHead = "CREATE TABLE IF NOT EXISTS ";
  for (std::size_t i = 0; i < one.size(); ++i) {
    const std::string table = one[i].substr(kHead.size(), one[i].find(' ', kHead.size()) - kHead.size());
    std::string shard = one[i];
    EXPECT_EQ(shard.replace(kHead.size(), table.size(), table + "_shard"), several[i]);
    EXPECT_EQ(front[i], "CREATE OR REPLACE TABLE " + table + " ON CLUSTER `boat-1` AS " + table +
                            "_shard ENGINE = Distributed(`boat-1`, currentDatabase(), " + table +
                            "_shard, cityHash64(athlete)) COMMENT 'schema 6'");
  }
  for (const std::string& statement : migration_statements(2, {"boat-1", true})) {
    EXPECT_TRUE(statement.starts_with("ALTER TABLE session_shard ON CLUSTER `boat-1` ")) << statement;
  }
  EXPECT_TRUE(distributed_statements({"boat-1"}).empty());
  EXPECT_EQ(all_statements({"boat-1", true}).back(), front.back()) << "its comment says that all is there";
}

// Also when the program ended between the two.
TEST(Schema, ShardsGetNewMetricsAndTheirDistributedTablesAreMadeAnew) {
  FakeClickHouse clickhouse;
  ClickHouseClient client{Endpoint{clickhouse.url()}};
  // All columns of all tables, but this one of these tables.
  const auto lacks = [&](const std::set<std::string_view>& where) {
    clickhouse.has_tables(
        kSchemaVersion,
        [&where](std::string_view table, std::string_view column) {
          return column != "drive_length_cm" || !where.contains(table);
        },
        true);
  };
  const auto changes = [&] {
    const std::size_t before = clickhouse.statements().size();
    const base::Status done = migrate(client, "boat");
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().text);
    std::vector<std::string> heads;
    const auto all = clickhouse.statements();
    for (std::size_t i = before; i < all.size(); ++i) {
      if (!all[i].starts_with("ALTER") && !all[i].starts_with("CREATE OR")) continue;
      heads.push_back(all[i].substr(0, all[i].find(" ON CLUSTER ")));
    }
    return heads;
  };
  lacks({});
  EXPECT_TRUE(changes().empty());
  lacks({"stroke", "stroke_shard"});
  const auto both = changes();
  ASSERT_EQ(both.size(), 1 + distributed_statements({"boat", true}).size());
  EXPECT_EQ(both[0], "ALTER TABLE stroke_shard");
  EXPECT_EQ(both[1], "CREATE OR REPLACE TABLE sample");
  lacks({"stroke"});
  EXPECT_EQ(changes().size(), distributed_statements({"boat", true}).size());
}

// A start sends nothing that a replica which is away would have to do. When tables change it does that later; new ones
// wait for it.
TEST(Schema, AReplicaThatIsAwayKeepsNobodyFromStarting) {
  FakeClickHouse clickhouse;
  clickhouse.lose_a_host();
  Endpoint endpoint{clickhouse.url()};
  endpoint.settings = kClusterSettings;
  ClickHouseClient client{endpoint};
  const auto sent = [&] {
    const auto all = clickhouse.statements();
    return std::ranges::count_if(all,
                                 [](const std::string& one) { return one.find(" ON CLUSTER ") != std::string::npos; });
  };
  const auto migrated = [&] {
    const base::Status done = migrate(client, "boat");
    return done ? "" : done.error().text;
  };
  clickhouse.has_tables(kSchemaVersion);
  EXPECT_EQ(migrated(), "");
  EXPECT_EQ(sent(), 0);

  clickhouse.has_tables(kSchemaVersion - 1);
  EXPECT_EQ(migrated(), "");
  EXPECT_EQ(sent(), static_cast<std::ptrdiff_t>(migration_statements(kSchemaVersion, {"boat"}).size()));

  const auto but_for = [](std::string_view wanted) {
    return [wanted](std::string_view, std::string_view column) { return column != wanted; };
  };
  clickhouse.has_tables(kSchemaVersion, but_for("drive_length_cm"));
  EXPECT_EQ(migrated(), "") << "a metric that is new";

  clickhouse.has_tables(kSchemaVersion, [](std::string_view table, std::string_view) { return table != "split"; });
  const base::Status none = migrate(client, "boat");
  ASSERT_FALSE(none);
  EXPECT_TRUE(is_transient(none.error()));
  EXPECT_TRUE(none.error().text.starts_with("making tables, which all replicas must be there for: "))
      << none.error().text;
}

// Of what a table has had changed since version 1, which is how it is made.
TEST(Schema, ATableThatIsMadeAnewGetsTheMigrationsToo) {
  FakeClickHouse clickhouse;
  ClickHouseClient client{Endpoint{clickhouse.url()}};
  clickhouse.has_tables(kSchemaVersion, [](std::string_view table, std::string_view) { return table != "split"; });
  ASSERT_TRUE(migrate(client));
  const auto all = clickhouse.statements();
  for (const std::string& statement : all_statements()) {
    EXPECT_NE(std::ranges::find(all, statement), all.end()) << statement;
  }
}

// Both are waits at the same time, and who gives up first must not be the one who is to be told.
TEST(Schema, TheWaitForHostsEndsBeforeTheCall) {
  constexpr std::string_view kTimeout = "&distributed_ddl_task_timeout=";
  const std::size_t at = kClusterSettings.find(kTimeout);
  ASSERT_NE(at, std::string_view::npos);
  const std::int64_t seconds = std::stoll(std::string(kClusterSettings.substr(at + kTimeout.size())));
  EXPECT_LT(seconds * 1000, ClickHouseClient::Options{}.call_timeout_ms);
}

TEST(Schema, AClusterNameCannotLeaveItsQuotes) {
  EXPECT_TRUE(cluster_name("boathouse"));
  EXPECT_TRUE(cluster_name("Boat_house-2"));
  EXPECT_FALSE(cluster_name(""));
  EXPECT_FALSE(cluster_name("a`b"));
  EXPECT_FALSE(cluster_name("a b"));
  EXPECT_FALSE(cluster_name(std::string(65, 'a')));
}

}  // namespace
}  // namespace boathouse::timeseries
