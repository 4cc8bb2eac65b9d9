#include "engine/http/statement.hpp"

#include <gtest/gtest.h>

#include <string>

#include "engine/http/exception.hpp"

namespace boathouse::engine_http {
namespace {

Statement good(std::string_view sql) {
  auto statement = read_statement(sql);
  EXPECT_TRUE(statement) << sql << ": " << statement.error().text;
  return statement ? *statement : Statement{};
}

int statement_error(std::string_view sql) {
  const auto statement = read_statement(sql);
  return statement ? 0 : exception_code(statement.error().text);
}

TEST(Statement, SplitsAnInsertFromItsFormat) {
  for (const auto& [sql, before, format] : {
           std::tuple{"INSERT INTO t FORMAT Native", "INSERT INTO t ", "Native"},
           std::tuple{"insert into t format CSV;", "insert into t ", "CSV"},
           std::tuple{"INSERT INTO db.t (a, b)\nFORMAT RowBinary -- rows follow", "INSERT INTO db.t (a, b)\n",
                      "RowBinary"},
           std::tuple{"/* why */ INSERT t(a) VALUES", "/* why */ INSERT t(a) ", "Values"},
           std::tuple{"INSERT INTO t SETTINGS x = 'FORMAT', y=1 FORMAT TSV ;\n;",
                      "INSERT INTO t SETTINGS x = 'FORMAT', y=1 ", "TSV"},
           std::tuple{"INSERT INTO {t:Identifier} FORMAT Native", "INSERT INTO {t:Identifier} ", "Native"},
           std::tuple{"INSERT INTO TABLE FUNCTION f('a', 1) FORMAT CSV", "INSERT INTO TABLE FUNCTION f('a', 1) ",
                      "CSV"},
           std::tuple{"INSERT INTO format FORMAT CSV", "INSERT INTO format ", "CSV"},
           std::tuple{"INSERT INTO a.values VALUES", "INSERT INTO a.values ", "Values"},
           std::tuple{"INSERT INTO `FORMAT x` (`VALUES`) FORMAT CSV", "INSERT INTO `FORMAT x` (`VALUES`) ", "CSV"},
           std::tuple{"INSERT INTO t (* EXCEPT(values)) FORMAT CSV", "INSERT INTO t (* EXCEPT(values)) ", "CSV"},
       }) {
    const Statement statement = good(sql);
    EXPECT_TRUE(statement.takes_data) << sql;
    EXPECT_EQ(statement.sql, before);
    EXPECT_EQ(statement.format, format);
  }
}

TEST(Statement, AnInsertWithoutFormatTakesRowsToo) {
  const Statement statement = good("INSERT INTO t (a) -- the last word");
  EXPECT_TRUE(statement.takes_data);
  EXPECT_EQ(statement.sql, "INSERT INTO t (a) -- the last word\n");
  EXPECT_EQ(statement.format, "");
  EXPECT_EQ(good("INSERT INTO t;").sql, "INSERT INTO t\n");
}

TEST(Statement, AnInsertOfASelectTakesNone) {
  for (const char* sql : {"INSERT INTO t SELECT 1", "INSERT INTO t (a) WITH 1 AS x SELECT x",
                          "INSERT INTO t SELECT format, values FROM u", "INSERT INTO t SELECT input FROM u",
                          "WITH 1 AS x INSERT INTO t SELECT x", "EXPLAIN INSERT INTO t SELECT 1"}) {
    EXPECT_FALSE(good(sql).takes_data) << sql;
    EXPECT_EQ(good(sql).sql, sql);
  }
}

TEST(Statement, RowsInsideTheTextAreRefused) {
  for (const char* sql : {"INSERT INTO t VALUES (1)", "INSERT INTO t FORMAT CSV 1,2",
                          "INSERT INTO t FORMAT CSV\n1,2\n\nDROP TABLE t", "INSERT INTO t FORMAT TSV 'unclosed",
                          "INSERT INTO t FORMAT JSONEachRow {\"a\":1}", "WITH 1 AS x INSERT INTO t VALUES (1)",
                          "EXPLAIN INSERT INTO t FORMAT CSV", "explain ast insert into t values (1)",
                          "INSERT INTO t FORMAT Values SETTINGS a = 1", "INSERT INTO t VALUES /* c */ (1)"}) {
    EXPECT_EQ(statement_error(sql), 62) << sql;
  }
  EXPECT_EQ(statement_error("INSERT INTO t SELECT * FROM input('a Int') FORMAT CSV 1"), 48);
  EXPECT_EQ(statement_error("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV"), 48);
  EXPECT_EQ(statement_error("SELECT 1 INTO OUTFILE '/x'"), 48);
}

TEST(Statement, OnlyOne) {
  for (const char* sql :
       {"SELECT 1; SELECT 2", "SELECT 1;;x", "INSERT INTO t; DROP TABLE t", "INSERT INTO t SELECT 1; SELECT 2",
        "INSERT INTO t FORMAT CSV; DROP TABLE t", "SELECT 1 --;\n; DROP TABLE t", "SELECT '\\'; DROP TABLE t; --'; x",
        "SELECT 1 /* /* */ ; */ ; x"}) {
    EXPECT_EQ(statement_error(sql), 62) << sql;
  }
  for (const char* sql :
       {"SELECT 1;", "SELECT ';'", "SELECT ';\\';' -- ; x", "SELECT \"a;b\", `c;d`", "SELECT $$;x$$",
        "SELECT $t$ ; $$ ; $t$", "SELECT /* ; /* ; */ ; */ 1", "SELECT 'it''s; x'", "SELECT 1 # ; x", ";; SELECT 1"}) {
    EXPECT_EQ(statement_error(sql), 0) << sql;
  }
}

TEST(Statement, AnEmptyOrOpenTextIsRefused) {
  for (const char* sql : {"", "  ", ";", "-- only a comment", "SELECT 'a", "SELECT `a", "SELECT \"a\\\"", "/* a",
                          "INSERT INTO t FORMAT", "INSERT INTO t FORMAT 'x'"}) {
    EXPECT_EQ(statement_error(sql), 62) << sql;
  }
}

TEST(Statement, FindsTheFormatOfAResult) {
  EXPECT_EQ(good("SELECT 1 FORMAT JSON").format, "JSON");
  EXPECT_EQ(good("SELECT 1 FORMAT Native SETTINGS max_threads = 1;").format, "Native");
  EXPECT_EQ(good("SELECT (SELECT 1 FORMAT x) AS y").format, "");
  EXPECT_EQ(good("SELECT 'FORMAT CSV'").format, "");
  EXPECT_TRUE(good("/* c */ select 1").is_select);
  EXPECT_TRUE(good("WITH 1 AS x SELECT x").is_select);
  EXPECT_FALSE(good("SHOW TABLES").is_select);
  EXPECT_EQ(good("CREATE TABLE t (a Int8) ENGINE = Memory").sql, "CREATE TABLE t (a Int8) ENGINE = Memory");
}

TEST(Statement, NoBytesCrash) {
  const std::string sql =
      "WITH 'a\\'' AS x, $t$;$t$ AS y INSERT INTO `t` (\"a\") /* /* */ */ SELECT x -- c\n FORMAT CSV;";
  for (std::size_t i = 0; i <= sql.size(); ++i) {
    (void)read_statement(std::string(sql, 0, i));
    (void)read_statement(std::string(sql, i));
  }
  std::string any;
  for (int i = 0; i < 256; ++i) any.push_back(static_cast<char>(i));
  for (std::size_t i = 0; i < any.size(); ++i) (void)read_statement(std::string(any, i));
}

}  // namespace
}  // namespace boathouse::engine_http
