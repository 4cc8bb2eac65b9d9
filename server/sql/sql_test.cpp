// What both databases promise, on both; then what is PostgreSQL's own.
#include "server/sql/sql.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <future>
#include <thread>
#include <vector>

#include "server/sql/drivers.hpp"
#include "server/sql/migrations.hpp"
#include "server/sql/test_postgres.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::sql {
namespace {

using base::ErrorCode;
using testing::HasSubstr;
using testing::Not;

constexpr std::array kVersions{
    Migration{1, R"sql(
CREATE TABLE thing (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  body BLOB CHECK (length(body) <= 1000),
  number INTEGER
) STRICT;
)sql"},
    Migration{2, R"sql(
CREATE TABLE part (
  thing INTEGER NOT NULL REFERENCES thing (id),
  key BLOB NOT NULL,
  PRIMARY KEY (thing, key)
) STRICT, WITHOUT ROWID;
)sql",
              "INSERT INTO part SELECT id, x'07' FROM thing;", "INSERT INTO part SELECT id, '\\x07' FROM thing;"}};
constexpr Schema kThings{"things", 0x42687467, kVersions};

using test_support::TemporaryFolder;

class SqlTest : public testing::TestWithParam<Dialect> {
 protected:
  SqlTest() : database_(GetParam(), folder_.file("a.db")) {}

  void SetUp() override {
    ASSERT_EQ(database_.missing(), "");
    connection_.emplace(open());
    const base::Status made = migrate(*connection_, kThings);
    ASSERT_TRUE(made) << made.error().text;
  }

  Connection open() {
    auto opened = Connection::open(place_);
    if (!opened) {
      ADD_FAILURE() << opened.error().text;
      std::abort();
    }
    return std::move(*opened);
  }
  static base::Status add(Connection& connection, std::string_view name, std::optional<std::int64_t> number = 1) {
    auto insert = connection.prepare("INSERT INTO thing (name, number) VALUES (?1, ?2)");
    if (!insert) return insert.error();
    return insert->bind(1, name).bind(2, number).run();
  }
  static std::int64_t number(Connection& connection, std::string_view sql) {
    auto select = connection.prepare(sql);
    EXPECT_TRUE(select) << select.error().text;
    const auto row = select->step();
    EXPECT_TRUE(row) << row.error().text;
    return row && *row ? select->integer(0) : -1;
  }

  TemporaryFolder folder_;
  TestDatabase database_;
  const Place& place_ = database_.place();
  std::optional<Connection> connection_;
};

TEST_P(SqlTest, ValuesComeBackAsTheyWent) {
  const std::string text = "Zoë's \"6 x 500\"; ?1 \\ \n \x01";
  base::Bytes bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  auto insert = connection_->prepare("INSERT INTO thing (id, name, body, number) VALUES (?1, ?2, ?3, ?4)");
  ASSERT_TRUE(insert->bind(1, 5).bind(2, text).bind(3, bytes).bind(4, INT64_MIN).run());
  ASSERT_TRUE(insert->bind(1, 6).bind(2, "").bind(3, base::ByteView()).bind(4, INT64_MAX).run());
  ASSERT_TRUE(insert->bind(1, 7).bind(2, "none").bind(3, nullptr).bind(4, std::optional<int>()).run());
  EXPECT_EQ(connection_->changes(), 1);

  auto select = connection_->prepare("SELECT id, name, body, number, number IS NULL FROM thing ORDER BY id");
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->integer(0), 5);
  EXPECT_EQ(select->text(1), text);
  EXPECT_EQ(base::Bytes(select->blob(2).begin(), select->blob(2).end()), bytes);
  EXPECT_EQ(select->integer(3), INT64_MIN);
  EXPECT_EQ(select->integer(4), 0);
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->text(1), "");
  EXPECT_FALSE(select->is_null(2));
  EXPECT_TRUE(select->blob(2).empty());
  EXPECT_EQ(select->integer(3), INT64_MAX);
  ASSERT_TRUE(*select->step());
  EXPECT_TRUE(select->is_null(2));
  EXPECT_EQ(select->optional_integer(3), std::nullopt);
  EXPECT_EQ(select->integer(3), 0);
  EXPECT_EQ(select->integer(4), 1);
  EXPECT_FALSE(*select->step());
  // Done, and ready to be executed again.
  EXPECT_TRUE(*select->step());
  EXPECT_EQ(select->integer(0), 5);
}

// SQLite keeps it, as it always did; PostgreSQL's text cannot, and must not become another one.
TEST_P(SqlTest, ATextWithAZeroIsKeptOrRefusedAndNeverCut) {
  const std::string text("a\0b", 3);
  const base::Status added = add(*connection_, text);
  if (GetParam() == Dialect::postgres) {
    EXPECT_EQ(added.error().code, ErrorCode::internal);
    EXPECT_THAT(added.error().text, HasSubstr("U+0000"));
    EXPECT_EQ(number(*connection_, "SELECT count(*) FROM thing"), 0);
    EXPECT_TRUE(add(*connection_, "ab").ok());
    return;
  }
  ASSERT_TRUE(added.ok());
  auto select = connection_->prepare("SELECT name FROM thing");
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->text(0), text);
}

TEST_P(SqlTest, AStatementServesWhileAnotherStandsOnARow) {
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(add(*connection_, name));
  auto outer = connection_->prepare("SELECT id FROM thing ORDER BY id");
  std::string names;
  for (auto row = outer->step(); row && *row; row = outer->step()) {
    auto inner = connection_->prepare("SELECT name FROM thing WHERE id = ?1");
    ASSERT_TRUE(*inner->bind(1, outer->integer(0)).step());
    names += inner->text(0);
  }
  EXPECT_EQ(names, "abc");
}

TEST_P(SqlTest, ErrorsHaveTheirKind) {
  ASSERT_TRUE(add(*connection_, "a"));
  EXPECT_EQ(add(*connection_, "a").error().code, ErrorCode::internal) << "whoever writes has looked before";
  auto orphan = connection_->prepare("INSERT INTO part (thing, key) VALUES (99, ?1)");
  EXPECT_EQ(orphan->bind(1, base::Bytes{1}).run().error().code, ErrorCode::internal);
  auto beyond = connection_->prepare("SELECT ?1 + 1");
  EXPECT_EQ(beyond->bind(1, UINT64_MAX).step().error().code, ErrorCode::internal);
  auto wrong = connection_->prepare("SELECT no_such_column FROM thing");
  EXPECT_EQ(wrong ? wrong->step().error().code : wrong.error().code, ErrorCode::internal);
}

TEST_P(SqlTest, WhatIsNotCommittedNeverHappened) {
  {
    auto transaction = Transaction::begin(*connection_);
    ASSERT_TRUE(add(*connection_, "a"));
  }
  EXPECT_EQ(number(*connection_, "SELECT count(*) FROM thing"), 0);
  {
    auto transaction = Transaction::begin(*connection_);
    ASSERT_TRUE(add(*connection_, "a"));
    ASSERT_TRUE(transaction->commit());
  }
  EXPECT_EQ(number(*connection_, "SELECT count(*) FROM thing"), 1);
}

// On SQLite an error undoes its statement alone, on PostgreSQL it ends the transaction: whoever goes on after one is
// told at the latest by commit().
TEST_P(SqlTest, ACommitAfterAnErrorIsNeverHalf) {
  auto transaction = Transaction::begin(*connection_);
  ASSERT_TRUE(add(*connection_, "a"));
  EXPECT_FALSE(add(*connection_, "a"));
  const bool committed = transaction->commit().ok();
  Connection other = open();
  EXPECT_EQ(number(other, "SELECT count(*) FROM thing"), committed ? 1 : 0);
}

TEST_P(SqlTest, WritersOfSeveralConnectionsStandInARow) {
  constexpr int kTimes = 25;
  ASSERT_TRUE(add(*connection_, "counter", 0));
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([this] {
      Connection mine = open();
      for (int n = 0; n < kTimes; ++n) {
        auto transaction = Transaction::begin(mine);
        ASSERT_TRUE(transaction) << transaction.error().text;
        const std::int64_t seen = number(mine, "SELECT number FROM thing");
        auto update = mine.prepare("UPDATE thing SET number = ?1");
        ASSERT_TRUE(update->bind(1, seen + 1).run());
        ASSERT_TRUE(transaction->commit());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(number(*connection_, "SELECT number FROM thing"), 3 * kTimes);
}

TEST_P(SqlTest, ASnapshotSeesOneState) {
  ASSERT_TRUE(add(*connection_, "a"));
  Connection reader = open();
  {
    const auto snapshot = Snapshot::begin(reader);
    ASSERT_TRUE(snapshot);
    EXPECT_EQ(number(reader, "SELECT count(*) FROM thing"), 1);
    ASSERT_TRUE(add(*connection_, "b"));
    EXPECT_EQ(number(reader, "SELECT count(*) FROM thing"), 1);
  }
  EXPECT_EQ(number(reader, "SELECT count(*) FROM thing"), 2);
}

TEST_P(SqlTest, VersionsAreAppliedOnceAndInOrder) {
  const TestDatabase earlier(GetParam(), folder_.file("old.db"));
  {
    auto old = Connection::open(earlier.place());
    ASSERT_TRUE(migrate(*old, {kThings.name, kThings.application_id, kThings.migrations.first(1)}));
    ASSERT_TRUE(add(*old, "a"));
    ASSERT_TRUE(migrate(*old, kThings));
    ASSERT_TRUE(migrate(*old, kThings));
    EXPECT_EQ(number(*old, "SELECT count(*) FROM part"), 1);
    const base::Status newer = migrate(*old, {kThings.name, kThings.application_id, kThings.migrations.first(1)});
    EXPECT_EQ(newer.error().code, ErrorCode::unsupported);
    EXPECT_THAT(newer.error().text, HasSubstr("newer program"));
  }
}

INSTANTIATE_TEST_SUITE_P(Databases, SqlTest, testing::Values(Dialect::sqlite, Dialect::postgres),
                         [](const auto& of) { return of.param == Dialect::sqlite ? "sqlite" : "postgres"; });

// ---- PostgreSQL's own ----

class PostgresTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(TestPostgres::get().missing(), ""); }
};

TEST_F(PostgresTest, AfterARestartOfTheServerItGoesOn) {
  TestPostgres& server = TestPostgres::get();
  const Place place = server.make_database();
  {
    auto connection = Connection::open(place);
    ASSERT_TRUE(migrate(*connection, kThings));
    auto transaction = Transaction::begin(*connection);
    ASSERT_TRUE(transaction);
    auto insert = connection->prepare("INSERT INTO thing (name) VALUES ('a')");
    ASSERT_TRUE(insert->run());
    server.kill_and_restart();
    const base::Status lost = transaction->commit();
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().code, ErrorCode::unavailable) << lost.error().text;
  }
  auto connection = Connection::open(place);
  server.kill_and_restart();
  {
    auto transaction = Transaction::begin(*connection);
    ASSERT_TRUE(transaction) << transaction.error().text;
    auto insert = connection->prepare("INSERT INTO thing (name) VALUES ('b')");
    ASSERT_TRUE(insert->run());
    ASSERT_TRUE(transaction->commit());
  }
  auto select = connection->prepare("SELECT name FROM thing");
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->text(0), "b");
  EXPECT_FALSE(*select->step());
  server.drop_database(place);
}

// It takes a connection, and says nothing: every call ends, and when the server goes on everything does.
TEST_F(PostgresTest, AServerThatHangsIsUnavailable) {
  TestPostgres& server = TestPostgres::get();
  Place place = server.make_database();
  place.patience_ms = 2000;
  auto connection = Connection::open(place);
  ASSERT_TRUE(migrate(*connection, kThings));
  {
    auto transaction = Transaction::begin(*connection);
    auto insert = connection->prepare("INSERT INTO thing (name) VALUES ('a')");
    ASSERT_TRUE(insert->run());
    server.freeze();
    const base::Status committed = transaction->commit();
    EXPECT_EQ(committed.error().code, ErrorCode::unavailable);
    EXPECT_THAT(committed.error().text, HasSubstr("no answer within 2000 ms"));
  }
  EXPECT_EQ(Transaction::begin(*connection).error().code, ErrorCode::unavailable);
  const auto behind = Snapshot::begin(*connection);
  EXPECT_EQ(behind.error().code, ErrorCode::unavailable);
  EXPECT_EQ(connection->lead().error().code, ErrorCode::unavailable);
  EXPECT_EQ(Connection::open(place).error().code, ErrorCode::unavailable);
  server.thaw();
  for (bool again = false; !again;) {
    auto transaction = Transaction::begin(*connection);
    auto insert = connection->prepare("INSERT INTO thing (name) VALUES ('a') ON CONFLICT DO NOTHING");
    again = transaction && insert && insert->run() && transaction->commit();
  }
  auto select = connection->prepare("SELECT count(*) FROM thing");
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->integer(0), 1) << "whether the first one was done or not";
  server.drop_database(place);
}

TEST_F(PostgresTest, AStatementThatTakesTooLongIsEndedByTheServer) {
  TestPostgres& server = TestPostgres::get();
  Place place = server.make_database();
  place.patience_ms = 2500;
  auto connection = Connection::open(place);
  const base::Status slow = connection->execute("SELECT pg_sleep(3600)");
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, ErrorCode::unavailable);
  EXPECT_THAT(slow.error().text, HasSubstr("57014")) << "and nothing runs on there without its client";
  server.drop_database(place);
}

// What a process that is frozen, or a host that has gone, would hold for ever.
TEST_F(PostgresTest, ASilentWriterHoldsUpNobody) {
  TestPostgres& server = TestPostgres::get();
  Place place = server.make_database();
  auto other = Connection::open(place);
  place.patience_ms = 3000;
  auto silent = Connection::open(place);
  ASSERT_TRUE(migrate(*other, kThings));
  {
    auto transaction = Transaction::begin(*silent);
    ASSERT_TRUE(transaction);
    auto insert = silent->prepare("INSERT INTO thing (name) VALUES ('a')");
    ASSERT_TRUE(insert->run());
    EXPECT_TRUE(Transaction::begin(*other)) << "the lock is given up long before kLockTimeoutMs";
    const base::Status late = transaction->commit();
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::unavailable) << late.error().text;
  }
  EXPECT_TRUE(Transaction::begin(*silent)) << "it goes on by itself";
  auto select = other->prepare("SELECT name FROM thing");
  EXPECT_FALSE(*select->step());
  server.drop_database(place);
}

TEST_F(PostgresTest, ASilentLeaderLeadsNoMore) {
  TestPostgres& server = TestPostgres::get();
  Place place = server.make_database();
  auto other = Connection::open(place);
  place.patience_ms = 1000;
  auto silent = Connection::open(place);
  ASSERT_TRUE(*silent->lead());
  ASSERT_FALSE(*other->lead());
  bool leads = false;
  for (int tries = 0; tries < 1'000'000 && !leads; ++tries) leads = *other->lead();
  EXPECT_TRUE(leads);
  EXPECT_FALSE(*silent->lead()) << "it finds out before it does anything";
  server.drop_database(place);
}

// A commit that the server answers before it is on the disk is no receipt.
TEST_F(PostgresTest, ACommitIsOnTheDiskWhateverTheDatabaseSays) {
  TestPostgres& server = TestPostgres::get();
  const auto setting_of = [](const Place& place) {
    auto connection = Connection::open(place);
    EXPECT_TRUE(connection) << connection.error().text;
    auto select = connection->prepare("SELECT current_setting('synchronous_commit')");
    EXPECT_TRUE(select && *select->step());
    return std::string(select->text(0));
  };
  const Place place = server.make_database();
  const auto set = [&place](const std::string& value) {
    auto connection = Connection::open(place);
    auto select = connection->prepare("SELECT current_database()");
    ASSERT_TRUE(*select->step());
    const std::string name(select->text(0));
    const base::Status done = connection->execute("ALTER DATABASE " + name + " SET synchronous_commit = " + value);
    ASSERT_TRUE(done) << done.error().text;
  };
  set("off");
  EXPECT_EQ(setting_of(place), "on");
  for (const char* stricter : {"local", "remote_apply"}) {
    set(stricter);
    EXPECT_EQ(setting_of(place), stricter) << "what waits for a disk is the operator's choice";
  }
  server.drop_database(place);
}

TEST_F(PostgresTest, AServerThatDoesNotSyncIsRefused) {
  const Place place = TestPostgres::get().make_database();
  auto before = Connection::open(place);
  ASSERT_TRUE(before);
  // The server takes a setting when it comes to it. Whether it is as is wanted, of so many tries; the last one's
  // answer.
  std::string said;
  const auto becomes = [&](const std::string& statement, bool opens) {
    EXPECT_TRUE(before->execute(statement));
    EXPECT_TRUE(before->execute("SELECT pg_reload_conf()"));
    for (int i = 0; i < 2000; ++i) {
      const auto opened = Connection::open(place);
      said = opened ? "" : std::string(base::name(opened.error().code)) + ": " + opened.error().text;
      if (opened.ok() == opens) return true;
    }
    return false;
  };
  EXPECT_TRUE(becomes("ALTER SYSTEM SET fsync = off", false));
  EXPECT_THAT(said, HasSubstr("unsupported: "));
  EXPECT_THAT(said, HasSubstr("set fsync = on"));
  EXPECT_TRUE(becomes("ALTER SYSTEM RESET fsync", true)) << said;
  TestPostgres::get().drop_database(place);
}

// As a standby is, which may lag behind what other connections have seen.
TEST_F(PostgresTest, AServerThatTakesNoWritesIsNotRead) {
  const Place place = TestPostgres::get().make_database();
  {
    auto connection = Connection::open(place);
    ASSERT_TRUE(connection);
    auto select = connection->prepare("SELECT current_database()");
    ASSERT_TRUE(*select->step());
    const std::string name(select->text(0));
    ASSERT_TRUE(connection->execute("ALTER DATABASE " + name + " SET default_transaction_read_only = on"));
  }
  const auto opened = Connection::open(place);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_THAT(opened.error().text, HasSubstr("read-only"));
  TestPostgres::get().drop_database(place);
}

TEST_F(PostgresTest, AnUnreachableServerIsUnavailableAndNamesNoPassword) {
  Place place;
  place.postgres_url = "postgresql://anna:secret@localhost:1/ledger";
  EXPECT_EQ(place.text(), "postgresql://anna@localhost:1/ledger");
  const auto opened = Connection::open(place);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_THAT(opened.error().text, HasSubstr("localhost:1"));
  EXPECT_THAT(opened.error().text, Not(HasSubstr("secret")));
}

// However libpq lets somebody spell it.
TEST(Place, ShowsNoSecret) {
  const auto shown = [](const std::string& url) {
    const auto place = Place::parse(url, "");
    return place ? place->text() : "refused: " + place.error().text;
  };
  EXPECT_EQ(shown("postgresql://anna:secret@h:5433/ledger"), "postgresql://anna@h:5433/ledger");
  EXPECT_EQ(shown("postgres://anna:secret@h/ledger?sslmode=require"), "postgresql://anna@h/ledger");
  EXPECT_EQ(shown("postgresql://anna@h/ledger?password=secret"), "postgresql://anna@h/ledger");
  EXPECT_EQ(shown("postgresql://h/ledger?password=secret&user=anna"), "postgresql://anna@h/ledger");
  EXPECT_EQ(shown("postgresql://anna@h/ledger?pass%77ord=secret"), "postgresql://anna@h/ledger");
  EXPECT_EQ(shown("postgresql://anna@h/ledger?sslkey=k&sslpassword=secret"), "postgresql://anna@h/ledger");
  EXPECT_EQ(shown("postgresql://anna:secret@h,i:1/ledger"), "postgresql://anna@h,i:,1/ledger");
  EXPECT_EQ(shown("postgresql:///ledger?host=/run/pg&user=anna&password=secret"),
            "postgresql://anna@/ledger?host=/run/pg");
  EXPECT_EQ(shown("postgresql://anna:se%2Fcret@h/ledger"), "postgresql://anna@h/ledger");
  EXPECT_EQ((Place{.postgres_url = "host=h user=anna password=secret dbname=ledger"}.text()),
            "postgresql://anna@h/ledger");
  for (const char* wrong :
       {"postgresql://anna:sec/ret@h/ledger", "postgresql://anna:sec@ret@h/ledger",
        "postgresql://anna:1/secret@h/ledger", "postgresql://anna:%zzsecret@h/ledger",
        "postgresql://anna@h/ledger?secret", "postgresql://anna@h/l?secret=1", "postgresql://h/ledger?password=sec=ret",
        "host=h password=secret", "anna:secret@h/ledger"}) {
    const auto place = Place::parse(wrong, "");
    ASSERT_FALSE(place) << wrong;
    EXPECT_EQ(place.error().code, ErrorCode::invalid_input);
    EXPECT_THAT(place.error().text, Not(HasSubstr("sec"))) << wrong;
    EXPECT_THAT(place.error().text, Not(HasSubstr("ret"))) << wrong;
  }
  EXPECT_EQ((Place{.postgres_url = "postgresql://anna:%zzsecret@h/ledger"}.text()), "PostgreSQL");
}

TEST(Place, HasThreeForms) {
  EXPECT_EQ(Place::parse("", "/d/ledger.db")->sqlite_file, "/d/ledger.db");
  EXPECT_EQ(Place::parse("sqlite:/x.db", "/d/ledger.db")->sqlite_file, "/x.db");
  EXPECT_EQ(Place::parse("postgresql://h/d", "/d/ledger.db")->postgres_url, "postgresql://h/d");
  EXPECT_EQ(Place::parse("sqlite:", "/d/ledger.db").error().code, ErrorCode::invalid_input);
  EXPECT_EQ(Place::parse("mysql://h/d", "/d/ledger.db").error().code, ErrorCode::invalid_input);
}

TEST(Dialects, TextIsTranslatedOutsideOfQuotes) {
  EXPECT_EQ(with_dollars("SELECT ?1, '?2 it''s ?3', ?12"), "SELECT $1, '?2 it''s ?3', $12");
  EXPECT_EQ(for_postgres("CREATE TABLE a (id INTEGER PRIMARY KEY, b BLOB, c INTEGER) STRICT, WITHOUT ROWID;"),
            "CREATE TABLE a (id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, b BYTEA, c BIGINT);");
}

}  // namespace
}  // namespace boathouse::sql
