#include "server/timeseries/schema.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/base/bytes.hpp"
#include "core/base/hex.hpp"
#include "core/base/sha256.hpp"

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
  EXPECT_EQ(hash({statement_of("session")}), "c68d0b4189038f22");
  EXPECT_EQ(hash(migration_statements(2)), "dcee3cf1fbabb0e3");
  EXPECT_TRUE(migration_statements(kSchemaVersion + 1).empty());
  EXPECT_FALSE(migration_statements(kSchemaVersion).empty());
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
    EXPECT_NE(statement.find("non_replicated_deduplication_window = 10000"), std::string::npos) << statement;
    EXPECT_NE(statement.find("ReplacingMergeTree(ver"), std::string::npos) << statement;
    EXPECT_EQ(statement.find("TTL"), std::string::npos) << statement;
  }
}

// The same tables on a cluster: every replica has every row, a retry after weeks still counts once.
TEST(Schema, AClusterHasTheSameTablesReplicated) {
  const auto single = create_statements();
  const auto replicated = create_statements("boat-1");
  ASSERT_EQ(single.size(), replicated.size());
  for (std::size_t i = 0; i < single.size(); ++i) {
    const std::string& statement = replicated[i];
    EXPECT_NE(statement.find(" ON CLUSTER `boat-1` ("), std::string::npos) << statement;
    EXPECT_NE(statement.find(" ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', "
                             "'{replica}', ver"),
              std::string::npos)
        << statement;
    EXPECT_NE(statement.find(" replicated_deduplication_window_seconds = 2592000"), std::string::npos) << statement;
    EXPECT_NE(statement.find("fsync_after_insert = 1"), std::string::npos) << statement;
    EXPECT_EQ(statement.find("TTL"), std::string::npos) << statement;
    const auto columns = [](const std::string& sql) {
      const auto begin = sql.find('(');
      return sql.substr(begin, sql.find(" ENGINE = ") - begin);
    };
    const auto keys = [](const std::string& sql) {
      const auto begin = sql.find(" ORDER BY ");
      return sql.substr(begin, sql.find(" SETTINGS ") - begin);
    };
    EXPECT_EQ(columns(single[i]), columns(statement));
    EXPECT_EQ(keys(single[i]), keys(statement));
  }
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
