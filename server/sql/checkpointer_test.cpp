#include "server/sql/checkpointer.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/random.hpp"
#include "tests/support/killed_child.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::sql {
namespace {

using test_support::TemporaryFolder;

constexpr Checkpointer::Bounds kSmall{.begin = 150, .few = 50, .most = 4000};

// A file with a checkpointer, and the connection that writes it.
class Written {
 public:
  Written(const std::string& path, const Checkpointer::Bounds& bounds) {
    db::Options options;
    auto started = Checkpointer::start(path, options, bounds);
    if (!started) throw std::runtime_error(started.error().text);
    checkpointer_ = std::move(*started);
    options.must_checkpoint = [this](int wal_pages) {
      begun_anew_ = begun_anew_ || wal_pages < wal_pages_;
      wal_pages_ = wal_pages;
      const bool is_mine = checkpointer_->after_commit(wal_pages);
      left_to_it_ += is_mine && wal_pages < kSmall.most ? 1 : 0;
      return is_mine;
    };
    auto opened = db::Connection::open(path, options);
    if (!opened) throw std::runtime_error(opened.error().text);
    connection_.emplace(std::move(*opened));
    good(connection_->execute("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT"));
  }

  // A commit of three pages or more.
  void write() {
    auto insert = connection_->prepare("INSERT INTO t (body) VALUES (zeroblob(8000))");
    good(insert ? insert->run() : base::Status(insert.error()));
  }
  // Commits until it is so, or for too long.
  bool write_until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      write();
      ++commits_;
    }
    return true;
  }
  [[nodiscard]] int wal_pages() const { return wal_pages_; }
  [[nodiscard]] int commits() const { return commits_; }
  // How often the thread had copied all but a few pages, which were the writer's.
  [[nodiscard]] int left_to_it() const { return left_to_it_; }
  bool take_begun_anew() { return std::exchange(begun_anew_, false); }

 private:
  static void good(const base::Status& status) {
    if (!status) throw std::runtime_error(status.error().text);
  }

  std::unique_ptr<Checkpointer> checkpointer_;
  std::optional<db::Connection> connection_;
  int wal_pages_ = 0;
  int commits_ = 0;
  int left_to_it_ = 0;
  bool begun_anew_ = false;
};

std::int64_t read_number(db::Connection& connection, std::string_view sql) {
  auto select = connection.prepare(sql);
  EXPECT_TRUE(select && *select->step());
  return select->integer(0);
}

void expect_whole(const std::string& path, std::int64_t rows) {
  auto connection = db::Connection::open(path);
  ASSERT_TRUE(connection);
  EXPECT_EQ(read_number(*connection, "SELECT count(*) FROM t"), rows);
  auto check = connection->prepare("PRAGMA integrity_check");
  ASSERT_TRUE(check && *check->step());
  EXPECT_EQ(check->text(0), "ok");
}

TEST(Checkpointer, CopiesWhileItsFileIsWrittenAndTheWalBeginsAnew) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.db");
  {
    Written file(path, kSmall);
    for (int round = 0; round < 5; ++round) {
      ASSERT_TRUE(file.write_until([&] { return file.take_begun_anew(); })) << file.wal_pages() << " pages";
      EXPECT_LT(file.wal_pages(), kSmall.begin);
    }
    EXPECT_GT(file.left_to_it(), 0) << "the thread copies nothing";
    expect_whole(path, file.commits());
  }
  EXPECT_FALSE(std::filesystem::exists(path + "-wal")) << "closed whole";
}

// What it reads stays as it was, the writer waits for nobody, and what could not be copied is copied later.
TEST(Checkpointer, SomebodyWhoReadsForLongHoldsUpTheCopyAndNothingElse) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.db");
  Written file(path, kSmall);
  file.write();
  auto reading = db::Connection::open(path);
  ASSERT_TRUE(reading && reading->execute("BEGIN"));
  ASSERT_EQ(read_number(*reading, "SELECT count(*) FROM t"), 1);
  ASSERT_TRUE(file.write_until([&] { return file.wal_pages() > 5 * kSmall.begin; }));
  EXPECT_FALSE(file.take_begun_anew());
  EXPECT_EQ(read_number(*reading, "SELECT count(*) FROM t"), 1);
  ASSERT_TRUE(reading->execute("COMMIT"));
  ASSERT_TRUE(file.write_until([&] { return file.take_begun_anew(); })) << file.wal_pages() << " pages";
  expect_whole(path, 1 + file.commits());
}

TEST(Checkpointer, WhatIsBetweenBeginAndMostIsTheThreadsAndAllBeyondIsTheWriters) {
  const TemporaryFolder folder;
  // Its file has no table: the thread finds nothing to copy whatever it is told.
  auto started = Checkpointer::start(folder.file("a.db"), {}, {.begin = 100, .few = 10, .most = 200});
  ASSERT_TRUE(started);
  Checkpointer& checkpointer = **started;
  EXPECT_FALSE(checkpointer.after_commit(99));
  EXPECT_FALSE(checkpointer.after_commit(150)) << "the thread's";
  EXPECT_TRUE(checkpointer.after_commit(200)) << "who reads for long holds it up, or it cannot keep up";
  EXPECT_FALSE(checkpointer.after_commit(3)) << "begun anew";
  // Few beyond begin are left for the writer only after the thread has copied the others.
  EXPECT_FALSE(checkpointer.after_commit(105));
}

TEST(Checkpointer, AFolderThatIsNotThereIsAnError) {
  const TemporaryFolder folder;
  const auto started = Checkpointer::start(folder.file("no/a.db"), {}, kSmall);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, base::ErrorCode::io);
}

// Wherever the two threads are when the process is killed, each commit that returned is there.
TEST(Checkpointer, WhatWasCommittedSurvivesSigkill) {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.db");
  base::SeededRandom dice(271);
  std::int64_t committed = 0;
  for (int generation = 0; generation < 12; ++generation) {
    ASSERT_NO_FATAL_FAILURE(test_support::kill_after<std::int64_t>(
        20 + dice.below(300),
        [&](int pipe) {
          Written file(path, kSmall);
          for (std::int64_t n = committed + 1;; ++n) {
            file.write();
            if (write(pipe, &n, sizeof n) != sizeof n) _exit(4);
          }
        },
        [&](std::int64_t n) { committed = n; }));
    auto connection = db::Connection::open(path);
    ASSERT_TRUE(connection);
    const std::int64_t found = read_number(*connection, "SELECT count(*) FROM t");
    ASSERT_GE(found, committed) << "lost";
    ASSERT_LE(found, committed + 1) << "one may have been committed without being reported";
    expect_whole(path, found);
    committed = found;
  }
  EXPECT_GT(committed, 300);
}

}  // namespace
}  // namespace boathouse::sql
