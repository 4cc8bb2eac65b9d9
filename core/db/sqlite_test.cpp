#include "core/db/sqlite.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

namespace boathouse::db {
namespace {

using base::ErrorCode;

class Sqlite : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              ("boathouse-db-" + std::to_string(getpid()) + "-" + info->test_suite_name() + "-" + info->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string file(const std::string& name = "a.db") const { return (folder_ / name).string(); }

  static Connection open(const std::string& path, const Options& options = {}) {
    auto opened = Connection::open(path, options);
    if (!opened.ok()) {
      throw std::runtime_error(opened.error().text);
    }
    return std::move(*opened);
  }

  static std::string value(Connection& connection, std::string_view sql) {
    auto statement = connection.prepare(sql);
    if (!statement.ok()) {
      return "error: " + statement.error().text;
    }
    const auto row = statement->step();
    if (!row.ok()) {
      return "error: " + row.error().text;
    }
    return *row ? std::string(statement->text(0)) : "no row";
  }

  std::filesystem::path folder_;
};

TEST_F(Sqlite, ANewFileHasTheSettings) {
  Connection connection = open(file(), {.journal_size_limit = 1234});
  EXPECT_EQ(value(connection, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(value(connection, "PRAGMA synchronous"), "2");
  EXPECT_EQ(value(connection, "PRAGMA foreign_keys"), "1");
  EXPECT_EQ(value(connection, "PRAGMA page_size"), "4096");
  EXPECT_EQ(value(connection, "PRAGMA auto_vacuum"), "2");
  EXPECT_EQ(value(connection, "PRAGMA journal_size_limit"), "1234");
  EXPECT_EQ(value(connection, "PRAGMA trusted_schema"), "0");
  EXPECT_EQ(value(connection, "PRAGMA busy_timeout"), "5000");
  EXPECT_EQ(value(connection, "PRAGMA cell_size_check"), "1");
  EXPECT_EQ(value(connection, "PRAGMA fullfsync"), "1");
}

TEST_F(Sqlite, SettingsOfTheFileStayAndThoseOfTheConnectionComeBack) {
  { ASSERT_TRUE(open(file()).execute("CREATE TABLE t (x INTEGER) STRICT").ok()); }
  Connection again = open(file(), {.create = false});
  EXPECT_EQ(value(again, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(value(again, "PRAGMA auto_vacuum"), "2");
  EXPECT_EQ(value(again, "PRAGMA synchronous"), "2");
  EXPECT_EQ(value(again, "PRAGMA foreign_keys"), "1");
}

TEST_F(Sqlite, EveryKindOfValueComesBack) {
  Connection connection = open(file());
  ASSERT_TRUE(connection.execute("CREATE TABLE t (i INTEGER, s TEXT, b BLOB, n INTEGER, e TEXT, z BLOB) STRICT").ok());
  const base::Bytes blob{0, 255, 0, 7};
  const std::string text("a\0\xC3\xA9", 4);
  {
    auto insert = connection.prepare("INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    ASSERT_TRUE(insert.ok()) << insert.error().text;
    insert->bind(1, INT64_MIN).bind(2, text).bind(3, blob).bind(4, nullptr).bind(5, "").bind(6, base::ByteView{});
    ASSERT_TRUE(insert->run().ok());
    EXPECT_EQ(connection.changes(), 1);
    EXPECT_EQ(connection.last_insert_rowid(), 1);
    insert->bind(1, std::uint64_t{INT64_MAX}).bind(2, std::optional<std::string>()).bind(3, nullptr).bind(4, true);
    ASSERT_TRUE(insert->run().ok());
  }
  auto select = connection.prepare("SELECT i, s, b, n, e, z FROM t ORDER BY rowid");
  ASSERT_TRUE(select.ok());
  auto row = select->step();
  ASSERT_TRUE(row.ok() && *row);
  EXPECT_EQ(select->integer(0), INT64_MIN);
  EXPECT_EQ(select->text(1), text);
  EXPECT_EQ(base::Bytes(select->blob(2).begin(), select->blob(2).end()), blob);
  EXPECT_TRUE(select->is_null(3));
  EXPECT_EQ(select->optional_integer(3), std::nullopt);
  EXPECT_EQ(select->integer(3), 0);
  EXPECT_FALSE(select->is_null(4));  // an empty text is not NULL
  EXPECT_EQ(select->text(4), "");
  EXPECT_FALSE(select->is_null(5));
  EXPECT_TRUE(select->blob(5).empty());
  row = select->step();
  ASSERT_TRUE(row.ok() && *row);
  EXPECT_EQ(select->optional_integer(0), INT64_MAX);
  EXPECT_TRUE(select->is_null(1));
  EXPECT_EQ(select->text(1), "");
  EXPECT_TRUE(select->blob(2).empty());
  EXPECT_EQ(select->integer(3), 1);
  row = select->step();
  ASSERT_TRUE(row.ok());
  EXPECT_FALSE(*row);
}

TEST_F(Sqlite, ABindThatFailsIsToldByTheNextStepAndOnlyByThat) {
  Connection connection = open(file());
  auto statement = connection.prepare("SELECT ?1");
  ASSERT_TRUE(statement.ok());
  statement->bind(2, 5);
  auto row = statement->step();
  ASSERT_FALSE(row.ok());
  EXPECT_EQ(row.error().code, ErrorCode::internal);
  EXPECT_NE(row.error().text.find("parameter 2"), std::string::npos) << row.error().text;
  statement->bind(1, std::uint64_t{1} << 63);
  EXPECT_FALSE(statement->step().ok());
  row = statement->bind(1, 7).step();
  ASSERT_TRUE(row.ok() && *row);
  EXPECT_EQ(statement->integer(0), 7);
  row = statement->bind(1, 8).step();  // in the middle of an execution: begins anew
  ASSERT_TRUE(row.ok() && *row);
  EXPECT_EQ(statement->integer(0), 8);
}

TEST_F(Sqlite, AStatementComesBackFromTheCacheWithoutItsOldBindings) {
  Connection connection = open(file());
  {
    auto first = connection.prepare("SELECT ?1");
    ASSERT_TRUE(first.ok());
    ASSERT_TRUE(first->bind(1, "secret").step().ok());
    auto second = connection.prepare("SELECT ?1");  // the same text while the first is in use
    ASSERT_TRUE(second.ok());
    ASSERT_TRUE(second->bind(1, "other").step().ok());
    EXPECT_EQ(first->text(0), "secret");
    EXPECT_EQ(second->text(0), "other");
  }
  for (int i = 0; i < 3; ++i) {
    auto again = connection.prepare("SELECT ?1");
    ASSERT_TRUE(again.ok());
    const auto row = again->step();
    ASSERT_TRUE(row.ok() && *row);
    EXPECT_TRUE(again->is_null(0));
  }
  auto moved = connection.prepare("SELECT 1");
  ASSERT_TRUE(moved.ok());
  moved = connection.prepare("SELECT 2");
  ASSERT_TRUE(moved.ok());
  ASSERT_TRUE(moved->step().ok());
  EXPECT_EQ(moved->integer(0), 2);
}

TEST_F(Sqlite, OneStatementAtATime) {
  Connection connection = open(file());
  EXPECT_EQ(connection.prepare("SELECT 1; SELECT 2").error().code, ErrorCode::internal);
  EXPECT_EQ(connection.prepare("").error().code, ErrorCode::internal);
  const auto wrong = connection.prepare("SELEC 1");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().text.find("SELEC 1"), std::string::npos) << wrong.error().text;
  EXPECT_EQ(connection.prepare("SELECT \"no_such_column\"").error().code, ErrorCode::internal);
  EXPECT_EQ(connection.execute("CREATE TABLE t (x); oops; CREATE TABLE u (x)").error().code, ErrorCode::internal);
  EXPECT_EQ(value(connection, "SELECT group_concat(name) FROM sqlite_schema"), "t");
}

TEST_F(Sqlite, ConstraintsAreConflicts) {
  Connection connection = open(file());
  ASSERT_TRUE(connection
                  .execute("CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT;"
                           "CREATE TABLE child (parent INTEGER NOT NULL REFERENCES parent (id)) STRICT;"
                           "INSERT INTO parent VALUES (1)")
                  .ok());
  EXPECT_EQ(connection.execute("INSERT INTO parent VALUES (1)").error().code, ErrorCode::conflict);
  EXPECT_EQ(connection.execute("INSERT INTO child VALUES (2)").error().code, ErrorCode::conflict);
  EXPECT_EQ(connection.execute("INSERT INTO child VALUES (NULL)").error().code, ErrorCode::conflict);
  EXPECT_TRUE(connection.execute("INSERT INTO child VALUES (1)").ok());
}

TEST_F(Sqlite, ATransactionIsAllOrNothing) {
  Connection connection = open(file());
  ASSERT_TRUE(connection.execute("CREATE TABLE t (x INTEGER) STRICT").ok());
  {
    auto transaction = Transaction::begin(connection);
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(connection.execute("INSERT INTO t VALUES (1)").ok());
    EXPECT_TRUE(connection.in_transaction());
    EXPECT_FALSE(Transaction::begin(connection).ok());  // they do not nest, and the failed one ends nothing
    EXPECT_TRUE(connection.in_transaction());
  }
  EXPECT_FALSE(connection.in_transaction());
  EXPECT_EQ(value(connection, "SELECT count(*) FROM t"), "0");
  {
    auto transaction = Transaction::begin(connection);
    ASSERT_TRUE(transaction.ok());
    Transaction moved = std::move(*transaction);
    ASSERT_TRUE(connection.execute("INSERT INTO t VALUES (1)").ok());
    EXPECT_FALSE(transaction->commit().ok());
    ASSERT_TRUE(moved.commit().ok());
    EXPECT_FALSE(moved.commit().ok());
  }
  EXPECT_EQ(value(connection, "SELECT count(*) FROM t"), "1");
}

TEST_F(Sqlite, ACommittedTransactionIsSeenByTheNextConnection) {
  Connection writer = open(file());
  ASSERT_TRUE(writer.execute("CREATE TABLE t (x INTEGER) STRICT").ok());
  Connection reader = open(file());
  auto transaction = Transaction::begin(writer);
  ASSERT_TRUE(transaction.ok());
  ASSERT_TRUE(writer.execute("INSERT INTO t VALUES (1)").ok());
  EXPECT_EQ(value(reader, "SELECT count(*) FROM t"), "0");  // and the reader does not wait
  ASSERT_TRUE(transaction->commit().ok());
  EXPECT_EQ(value(reader, "SELECT count(*) FROM t"), "1");
}

TEST_F(Sqlite, ASecondWriterIsTurnedAwayAsBusy) {
  Connection first = open(file());
  Connection second = open(file(), {.busy_timeout_ms = 0});
  auto held = Transaction::begin(first);
  ASSERT_TRUE(held.ok());
  const auto refused = Transaction::begin(second);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable) << refused.error().text;
  ASSERT_TRUE(held->commit().ok());
  EXPECT_TRUE(Transaction::begin(second).ok());
}

TEST_F(Sqlite, WhatCannotBeOpenedIsNamed) {
  const auto no_folder = Connection::open(file("no/such/a.db"));
  ASSERT_FALSE(no_folder.ok());
  EXPECT_EQ(no_folder.error().code, ErrorCode::io);
  EXPECT_NE(no_folder.error().text.find("no/such/a.db"), std::string::npos) << no_folder.error().text;
  EXPECT_NE(no_folder.error().text.find("folder"), std::string::npos) << no_folder.error().text;
  EXPECT_EQ(Connection::open(file("absent.db"), {.create = false}).error().code, ErrorCode::io);
  EXPECT_FALSE(std::filesystem::exists(file("absent.db")));

  std::ofstream(file("text.db")) << std::string(5000, 'x');
  const auto no_database = Connection::open(file("text.db"));
  ASSERT_FALSE(no_database.ok());
  EXPECT_EQ(no_database.error().code, ErrorCode::corrupt) << no_database.error().text;
}

TEST_F(Sqlite, ADamagedPageIsCorrupt) {
  {
    Connection connection = open(file());
    ASSERT_TRUE(connection
                    .execute("CREATE TABLE t (x TEXT) STRICT; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
                             " FROM n WHERE i < 500) INSERT INTO t SELECT printf('%0100d', i) FROM n")
                    .ok());
  }
  std::fstream damaged(file(), std::ios::in | std::ios::out | std::ios::binary);
  damaged.seekp(std::streamoff{4096} * 4);
  damaged << std::string(std::size_t{4096} * 4, '\xA5');
  damaged.close();
  Connection connection = open(file());
  auto select = connection.prepare("SELECT x FROM t");
  ASSERT_TRUE(select.ok());
  const auto status = select->run();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::corrupt) << status.error().text;
}

TEST_F(Sqlite, AConnectionMayMoveToAnotherThread) {
  Connection connection = open(file());
  ASSERT_TRUE(connection.execute("CREATE TABLE t (x INTEGER) STRICT").ok());
  std::thread([&] { EXPECT_TRUE(connection.execute("INSERT INTO t VALUES (1)").ok()); }).join();
  Connection moved = std::move(connection);
  EXPECT_EQ(value(moved, "SELECT count(*) FROM t"), "1");
  EXPECT_EQ(moved.path(), file());
}

// ---- a disk that fails ----

// Passes everything on to the system's VFS, but writes and syncs fail with `failure` once `allowed` more have gone
// well.
struct FailingDisk {
  static inline int failure = SQLITE_OK;
  static inline int allowed = 0;

  struct File {
    sqlite3_file base;
    sqlite3_file* real;
  };
  static sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }
  static bool fails() { return failure != SQLITE_OK && allowed-- <= 0; }

  static int close(sqlite3_file* file) {
    const int result = real(file)->pMethods != nullptr ? real(file)->pMethods->xClose(real(file)) : SQLITE_OK;
    sqlite3_free(real(file));
    return result;
  }
  static int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    return fails() ? failure : real(file)->pMethods->xWrite(real(file), data, size, offset);
  }
  static int sync(sqlite3_file* file, int flags) {
    return fails() ? SQLITE_IOERR_FSYNC : real(file)->pMethods->xSync(real(file), flags);
  }

  static sqlite3_vfs* system() { return sqlite3_vfs_find(nullptr); }

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    static const sqlite3_io_methods kMethods = [] {
      sqlite3_io_methods methods{};
      methods.iVersion = 2;
      methods.xClose = close;
      methods.xRead = [](sqlite3_file* f, void* data, int size, sqlite3_int64 offset) {
        return real(f)->pMethods->xRead(real(f), data, size, offset);
      };
      methods.xWrite = write;
      methods.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
        return real(f)->pMethods->xTruncate(real(f), size);
      };
      methods.xSync = sync;
      methods.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
        return real(f)->pMethods->xFileSize(real(f), size);
      };
      methods.xLock = [](sqlite3_file* f, int lock) { return real(f)->pMethods->xLock(real(f), lock); };
      methods.xUnlock = [](sqlite3_file* f, int lock) { return real(f)->pMethods->xUnlock(real(f), lock); };
      methods.xCheckReservedLock = [](sqlite3_file* f, int* out) {
        return real(f)->pMethods->xCheckReservedLock(real(f), out);
      };
      methods.xFileControl = [](sqlite3_file* f, int op, void* arg) {
        return real(f)->pMethods->xFileControl(real(f), op, arg);
      };
      methods.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
      methods.xDeviceCharacteristics = [](sqlite3_file* f) {
        return real(f)->pMethods->xDeviceCharacteristics(real(f));
      };
      methods.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
        return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
      };
      methods.xShmLock = [](sqlite3_file* f, int offset, int n, int f2) {
        return real(f)->pMethods->xShmLock(real(f), offset, n, f2);
      };
      methods.xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); };
      methods.xShmUnmap = [](sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); };
      return methods;
    }();
    auto* own = reinterpret_cast<File*>(file);
    own->real = static_cast<sqlite3_file*>(sqlite3_malloc(system()->szOsFile));
    own->real->pMethods = nullptr;
    own->base.pMethods = &kMethods;
    return system()->xOpen(system(), name, own->real, flags, out_flags);
  }

  static void install() {
    static sqlite3_vfs vfs = [] {
      sqlite3_vfs copy = *system();
      copy.szOsFile = sizeof(File);
      copy.zName = "failing-disk";
      copy.pNext = nullptr;
      copy.xOpen = open;
      return copy;
    }();
    sqlite3_vfs_register(&vfs, 0);
    failure = SQLITE_OK;
  }
};

// Whatever write or sync of a transaction fails: an error, nothing of it visible, all that was committed still
// there.
TEST_F(Sqlite, AFullOrBrokenDiskLosesNothingThatWasCommitted) {
  FailingDisk::install();
  for (const int failure : {SQLITE_FULL, SQLITE_IOERR_WRITE}) {
    const std::string path = file(std::to_string(failure) + ".db");
    Connection connection = open(path, {.vfs = "failing-disk"});
    ASSERT_TRUE(connection.execute("CREATE TABLE t (x TEXT) STRICT; INSERT INTO t VALUES ('kept')").ok());
    int kept = 1;
    int failed = 0;
    int without_room = 0;
    for (int allowed = 0; allowed < 20; ++allowed) {
      FailingDisk::allowed = allowed;
      FailingDisk::failure = failure;
      base::Status status;
      {
        auto transaction = Transaction::begin(connection);
        ASSERT_TRUE(transaction.ok());
        auto insert = connection.prepare("INSERT INTO t VALUES (?1)");
        ASSERT_TRUE(insert.ok());
        status = insert->bind(1, std::string(10000, 'x')).run();
        if (status.ok()) {
          status = transaction->commit();
        }
      }
      FailingDisk::failure = SQLITE_OK;
      if (status.ok()) {
        ++kept;
      } else {
        ++failed;
        const bool no_room = status.error().code == ErrorCode::no_room;
        EXPECT_TRUE(no_room ? failure == SQLITE_FULL : status.error().code == ErrorCode::io) << status.error().text;
        EXPECT_NE(status.error().text.find(no_room ? "free disk space" : path), std::string::npos)
            << status.error().text;
        if (no_room) ++without_room;
      }
      EXPECT_FALSE(connection.in_transaction());
      EXPECT_EQ(value(connection, "SELECT count(*) FROM t"), std::to_string(kept));
    }
    EXPECT_GT(failed, 3);
    EXPECT_EQ(without_room > 0, failure == SQLITE_FULL);
    EXPECT_GT(kept, 1);
    EXPECT_EQ(value(connection, "PRAGMA integrity_check"), "ok");
  }
}

TEST_F(Sqlite, SuspendedItAnswersUnavailableAndRollsBackWhatWasOpen) {
  Connection connection = open(file());
  ASSERT_TRUE(connection.execute("CREATE TABLE t (x INTEGER) STRICT").ok());
  {
    auto transaction = Transaction::begin(connection);
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(connection.execute("INSERT INTO t VALUES (1)").ok());
    connection.suspend();
    EXPECT_TRUE(connection.suspended());
    const base::Status commit = transaction->commit();
    ASSERT_FALSE(commit.ok());
    EXPECT_EQ(commit.error().code, ErrorCode::unavailable);
    EXPECT_NE(commit.error().text.find("suspended"), std::string::npos) << commit.error().text;
  }
  EXPECT_FALSE(connection.in_transaction());
  EXPECT_FALSE(Transaction::begin(connection).ok());
  EXPECT_NE(value(connection, "SELECT count(*) FROM t").find("suspended"), std::string::npos);
  connection.resume();
  EXPECT_EQ(value(connection, "SELECT count(*) FROM t"), "0");
}

// An SQL function by which a statement says that it runs.
std::atomic<bool> statement_runs = false;
int add_says_it_runs(sqlite3* connection, char** /*error*/, const sqlite3_api_routines* /*unused*/) {
  const auto say = [](sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
    statement_runs = true;
    statement_runs.notify_one();
    sqlite3_result_int(context, 1);
  };
  return sqlite3_create_function_v2(connection, "says_it_runs", 0, SQLITE_UTF8, nullptr, say, nullptr, nullptr,
                                    nullptr);
}

TEST_F(Sqlite, SuspendingEndsAStatementThatRuns) {
  sqlite3_auto_extension(reinterpret_cast<void (*)()>(add_says_it_runs));
  Connection connection = open(file());
  sqlite3_reset_auto_extension();
  base::Status status;
  std::thread worker([&] {
    auto endless = connection.prepare(
        "WITH RECURSIVE n(i) AS (SELECT says_it_runs() UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
    ASSERT_TRUE(endless.ok()) << endless.error().text;
    status = endless->run();
  });
  statement_runs.wait(false);
  connection.suspend();
  worker.join();
  EXPECT_EQ(status.error().code, ErrorCode::unavailable) << status.error().text;
}

}  // namespace
}  // namespace boathouse::db
