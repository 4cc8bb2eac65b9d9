#include "core/db/damaged_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "core/db/sqlite.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::db {
namespace {

constexpr int kRows = 300;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kFrame = kPage + 24;

std::string load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
void store(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

std::string text_of(std::int64_t id) {
  return std::string(id % 50 == 0 ? 9000 : 100, static_cast<char>('a' + id % 26));  // some go on in other pages
}

// A table, and one without a rowid, of kRows rows each; half of them came after a checkpoint.
class DamagedFiles : public testing::Test {
 protected:
  void SetUp() override {
    auto connection = Connection::open(folder_.file("whole.db"));
    ASSERT_TRUE(connection.ok());
    ASSERT_TRUE(connection
                    ->execute("CREATE TABLE boat(id INTEGER PRIMARY KEY, name TEXT NOT NULL, seats INTEGER);"
                              "CREATE TABLE oar(boat INTEGER, number INTEGER, PRIMARY KEY(boat, number)) WITHOUT ROWID")
                    .ok());
    for (int id = 1; id <= kRows; ++id) {
      if (id % 10 == 1) {
        ASSERT_TRUE(connection->execute("BEGIN").ok());
      }
      auto boat = connection->prepare("INSERT INTO boat VALUES (?1, ?2, ?3)");
      ASSERT_TRUE(boat->bind(1, id).bind(2, text_of(id)).bind(3, -id).run().ok());
      auto oar = connection->prepare("INSERT INTO oar VALUES (?1, 1000000)");
      ASSERT_TRUE(oar->bind(1, id).run().ok());
      if (id % 10 == 0) {
        ASSERT_TRUE(connection->execute("COMMIT").ok());
        if (id == kRows / 2) {
          ASSERT_TRUE(connection->execute("PRAGMA wal_checkpoint(TRUNCATE)").ok());
        }
      }
    }
    file_ = load(folder_.file("whole.db"));
    log_ = load(folder_.file("whole.db-wal"));
  }

  // What lies in a file of these bytes, each row as it was written.
  struct Read {
    std::map<std::int64_t, int> boats;
    std::map<std::int64_t, int> oars;
    std::vector<std::string> problems;
  };
  Read read(const std::string& file, const std::string& log) {
    store(folder_.file("copy.db"), file);
    store(folder_.file("copy.db-wal"), log);
    auto damaged = DamagedFile::open(folder_.file("copy.db"));
    EXPECT_TRUE(damaged.ok());
    Read found;
    damaged->read([&](const FoundPage& page) {
      for (const FoundRow& row : page.rows) {
        if (row.of_table && row.values.size() == 3) {
          ++found.boats[row.rowid];
          EXPECT_EQ(base::as_text(row.values[1].bytes), text_of(row.rowid));
          EXPECT_EQ(row.values[2].integer, -row.rowid);
          const auto again = damaged->read_again(row.place);
          EXPECT_TRUE(again && again->payload == row.payload);
        } else if (!row.of_table && row.values.size() == 2) {
          ++found.oars[row.values[0].integer];
          EXPECT_EQ(row.values[1].integer, 1'000'000);
        }
      }
    });
    found.problems = damaged->problems();
    return found;
  }

  test_support::TemporaryFolder folder_;
  std::string file_;
  std::string log_;
};

TEST_F(DamagedFiles, AWholeFileIsReadOnceAndWholly) {
  const Read found = read(file_, log_);
  EXPECT_EQ(found.boats.size(), kRows);
  EXPECT_EQ(found.oars.size(), kRows);
  for (const auto& [id, times] : found.boats) EXPECT_EQ(times, 1) << id;
  EXPECT_TRUE(found.problems.empty()) << found.problems.front();
}

TEST_F(DamagedFiles, WhateverPageIsGoneTheOthersAreReadAndItIsNamed) {
  const Read before = read(file_, "");
  ASSERT_TRUE(before.problems.empty()) << before.problems.front();
  for (std::size_t at = 0; at < file_.size(); at += kPage) {
    // The pointer map holds nothing that is needed, and what is in a long row is its reader's to check.
    if (at == kPage || file_[at] == 0) continue;
    std::string damaged = file_;
    damaged.replace(at, kPage, kPage, '\0');
    const Read found = read(damaged, "");
    EXPECT_FALSE(found.problems.empty()) << at / kPage + 1;
    EXPECT_GE(found.boats.size() + 45, before.boats.size()) << at / kPage + 1;
  }
}

TEST_F(DamagedFiles, AFileWithoutItsHeadLosesNoRow) {
  std::string damaged = file_;
  damaged.replace(0, 100, 100, 'x');
  EXPECT_EQ(read(damaged, log_).boats.size(), kRows);
}

TEST_F(DamagedFiles, ARowThatIsMissingFromItsPageIsNamed) {
  const std::string path = folder_.file("copy.db");
  std::size_t tried = 0;
  for (std::size_t at = 2 * kPage; at < file_.size(); at += kPage) {
    if (file_[at] != 13 || file_[at + 4] == 0) continue;
    std::string damaged = file_;
    --damaged[at + 4];  // one cell fewer
    EXPECT_FALSE(read(damaged, "").problems.empty()) << at / kPage + 1;
    ++tried;
  }
  EXPECT_GT(tried, 0u);
}

TEST_F(DamagedFiles, APageThatHasTheSameRowManyTimesGivesItOnceAndIsNamed) {
  std::size_t tried = 0;
  for (std::size_t at = 2 * kPage; at < file_.size(); at += kPage) {
    if (file_[at] != 13 || file_[at + 3] != 0 || file_[at + 4] < 3) continue;
    std::string damaged = file_;
    const std::string first = damaged.substr(at + 8, 2);
    for (std::size_t i = 1; i < static_cast<std::size_t>(file_[at + 4]); ++i) damaged.replace(at + 8 + 2 * i, 2, first);
    const Read found = read(damaged, "");
    for (const auto& [id, times] : found.boats) EXPECT_EQ(times, 1) << id;
    EXPECT_FALSE(found.problems.empty());
    ++tried;
  }
  EXPECT_GT(tried, 0u);
}

TEST_F(DamagedFiles, APageWhoseRowsAreTooMuchIsReadInPartAndNamed) {
  {
    auto connection = Connection::open(folder_.file("large.db"));
    ASSERT_TRUE(connection->execute("CREATE TABLE boat(id INTEGER PRIMARY KEY, name BLOB)").ok());
    // Of this size little of a row lies in the table's page, and all six rows are in one.
    for (int id = 1; id <= 6; ++id) {
      ASSERT_TRUE(connection->execute("INSERT INTO boat VALUES (" + std::to_string(id) + ", zeroblob(3998372))").ok());
    }
  }
  auto damaged = DamagedFile::open(folder_.file("large.db"));
  ASSERT_TRUE(damaged.ok());
  std::size_t most = 0;
  damaged->read([&](const FoundPage& page) {
    std::size_t payload = 0;
    for (const FoundRow& row : page.rows) payload += row.payload.size();
    most = std::max(most, payload);
  });
  EXPECT_GT(most, 16'000'000u);
  EXPECT_LT(most, 21'000'000u);
  EXPECT_FALSE(damaged->problems().empty());
}

TEST_F(DamagedFiles, ADamagedFrameOfTheLogDoesNotHideTheLaterOnes) {
  const std::size_t frames = (log_.size() - 32) / kFrame;
  ASSERT_GT(frames, 20u);
  std::string damaged = log_;
  damaged[32 + 5 * kFrame + 3000] = static_cast<char>(damaged[32 + 5 * kFrame + 3000] ^ 1);
  const Read found = read(file_, damaged);
  EXPECT_EQ(found.boats.size(), kRows);
  EXPECT_FALSE(found.problems.empty());
  damaged = log_;
  damaged[16] = static_cast<char>(damaged[16] ^ 1);  // a salt in the header
  const Read without_header = read(file_, damaged);
  EXPECT_EQ(without_header.boats.size(), kRows);
  EXPECT_FALSE(without_header.problems.empty());
}

TEST_F(DamagedFiles, ACutFileIsNamed) {
  const Read found = read(file_.substr(0, file_.size() - kPage), "");
  EXPECT_FALSE(found.problems.empty());
  EXPECT_FALSE(read("", "").problems.empty());
}

TEST_F(DamagedFiles, RubbishIsReadWithoutACrash) {
  std::string rubbish = file_;
  unsigned state = 1;
  for (char& byte : rubbish) {
    state = state * 1'103'515'245 + 12'345;
    if (state % 7 == 0) byte = static_cast<char>(state >> 16);
  }
  store(folder_.file("copy.db"), rubbish);
  auto damaged = DamagedFile::open(folder_.file("copy.db"));
  ASSERT_TRUE(damaged.ok());
  damaged->read([](const FoundPage&) {});
  EXPECT_FALSE(damaged->problems().empty());
}

TEST(DamagedFile, AFileThatIsNotThereIsSaid) {
  const auto opened = DamagedFile::open("/nowhere/device.db");
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, base::ErrorCode::io);
}

}  // namespace
}  // namespace boathouse::db
