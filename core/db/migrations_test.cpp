#include "core/db/migrations.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace boathouse::db {
namespace {

using base::ErrorCode;

constexpr std::array kMigrations{
    Migration{1, "CREATE TABLE boat (name TEXT NOT NULL) STRICT; INSERT INTO boat VALUES ('eight')"},
    Migration{2, "ALTER TABLE boat ADD COLUMN seats INTEGER; UPDATE boat SET seats = 8"},
};
constexpr Schema kFirst{"device store", 0x424F4154, std::span(kMigrations).first(1)};
constexpr Schema kSecond{"device store", 0x424F4154, kMigrations};

class Migrations : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("boathouse-migrations-" + std::to_string(getpid()) + "-" +
             testing::UnitTest::GetInstance()->current_test_info()->name() + ".db");
    remove();
  }
  void TearDown() override { remove(); }
  void remove() const {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
      std::filesystem::remove(path_.string() + suffix);
    }
  }

  [[nodiscard]] base::Status migrate_file(const Schema& schema) const {
    auto connection = Connection::open(path_.string());
    return connection.ok() ? migrate(*connection, schema) : connection.error();
  }
  [[nodiscard]] std::string value(std::string_view sql) const {
    auto connection = Connection::open(path_.string());
    auto statement = connection->prepare(sql);
    return statement.ok() && statement->step().ok() ? std::string(statement->text(0)) : "error";
  }
  void execute(const std::string& sql) const { ASSERT_TRUE(Connection::open(path_.string())->execute(sql).ok()); }
  [[nodiscard]] std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::filesystem::path path_;
};

TEST_F(Migrations, ANewFileGetsAllOfThem) {
  ASSERT_TRUE(migrate_file(kSecond).ok());
  EXPECT_EQ(value("SELECT seats FROM boat"), "8");
  EXPECT_EQ(value("PRAGMA user_version"), "2");
  EXPECT_EQ(value("PRAGMA application_id"), std::to_string(0x424F4154));
}

TEST_F(Migrations, AnOldFileGetsWhatIsMissingAndOnlyOnce) {
  ASSERT_TRUE(migrate_file(kFirst).ok());
  execute("UPDATE boat SET name = 'four'");
  ASSERT_TRUE(migrate_file(kSecond).ok());
  EXPECT_EQ(value("SELECT name FROM boat"), "four");
  EXPECT_EQ(value("SELECT seats FROM boat"), "8");
  execute("UPDATE boat SET seats = 4");
  ASSERT_TRUE(migrate_file(kSecond).ok());
  EXPECT_EQ(value("SELECT seats FROM boat"), "4");
}

TEST_F(Migrations, ANewerFileIsRefusedUntouched) {
  ASSERT_TRUE(migrate_file(kSecond).ok());
  const std::string before = content();
  const auto status = migrate_file(kFirst);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::unsupported);
  EXPECT_NE(status.error().text.find("version 2"), std::string::npos) << status.error().text;
  EXPECT_EQ(content(), before);
}

TEST_F(Migrations, AForeignFileIsRefusedUntouched) {
  execute("CREATE TABLE theirs (x); PRAGMA application_id = 252006673; PRAGMA journal_mode = DELETE");
  const std::string before = content();
  const auto status = migrate_file(kSecond);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::unsupported);
  EXPECT_NE(status.error().text.find("not a device store"), std::string::npos) << status.error().text;
  EXPECT_EQ(content(), before);
}

TEST_F(Migrations, TablesOfNobodyAreForeign) {
  execute("CREATE TABLE theirs (x)");
  EXPECT_EQ(migrate_file(kSecond).error().code, ErrorCode::unsupported);
  EXPECT_EQ(value("SELECT group_concat(name) FROM sqlite_schema"), "theirs");
}

TEST_F(Migrations, AFailureLeavesTheVersionThatWasThere) {
  ASSERT_TRUE(migrate_file(kFirst).ok());
  constexpr std::array kBroken{kMigrations[0], Migration{2, "CREATE TABLE half (x); INSERT INTO absent VALUES (1)"}};
  const auto status = migrate_file(Schema{"device store", 0x424F4154, kBroken});
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().text.find("migration 2"), std::string::npos) << status.error().text;
  EXPECT_EQ(value("PRAGMA user_version"), "1");
  EXPECT_EQ(value("SELECT count(*) FROM sqlite_schema WHERE name = 'half'"), "0");
  EXPECT_TRUE(migrate_file(kSecond).ok());
}

TEST_F(Migrations, AFileOfOursInAnotherJournalModeIsBroughtBack) {
  ASSERT_TRUE(migrate_file(kSecond).ok());
  execute("PRAGMA journal_mode = DELETE");
  EXPECT_EQ(value("PRAGMA journal_mode"), "delete");
  ASSERT_TRUE(migrate_file(kSecond).ok());
  EXPECT_EQ(value("PRAGMA journal_mode"), "wal");
}

TEST_F(Migrations, AListWithAHoleIsABug) {
  constexpr std::array kHole{kMigrations[1]};
  EXPECT_EQ(migrate_file(Schema{"device store", 1, kHole}).error().code, ErrorCode::internal);
  EXPECT_EQ(migrate_file(Schema{"device store", 0, kMigrations}).error().code, ErrorCode::internal);
  EXPECT_EQ(migrate_file(Schema{"device store", 1, {}}).error().code, ErrorCode::internal);
}

}  // namespace
}  // namespace boathouse::db
