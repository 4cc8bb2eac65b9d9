// For tests of backups: a ledger whose chunks can be opened, and a small database beside it.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/hex.hpp"
#include "core/wire/compression.hpp"
#include "server/backup/backup.hpp"
#include "server/backup/restore.hpp"
#include "server/ledger/schema.hpp"
#include "server/ledger/test_ledger.hpp"

namespace boathouse::backup {

inline constexpr std::array kOtherMigrations{sql::Migration{1, R"sql(
CREATE TABLE note (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  title TEXT NOT NULL,
  body BLOB
) STRICT;
CREATE TABLE begun (id INTEGER PRIMARY KEY, changes INTEGER NOT NULL) STRICT;
INSERT INTO begun (id, changes) VALUES (1, 0);
)sql"}};
inline const sql::Schema kOtherSchema{"other database", 0x42684f74, kOtherMigrations};

inline Watch ignore() {
  return [](std::uint64_t) { return base::Status(); };
}

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class BackupFixture : public ledger::LedgerFixture {
 protected:
  explicit BackupFixture(sql::Dialect dialect) : LedgerFixture(dialect) {}

  void SetUp() override {
    LedgerFixture::SetUp();
    auto other = sql::Connection::open(other_place());
    ASSERT_TRUE(other);
    ASSERT_TRUE(sql::migrate(*other, kOtherSchema));
    ASSERT_TRUE(
        other->execute("INSERT INTO note (title) VALUES ('née'); INSERT INTO note (title) VALUES ('b');"
                       "INSERT INTO note (title) VALUES ('c'); DELETE FROM note WHERE id = 3"));
    std::ofstream(folder_.file("pepper.key")) << "pepper\n";
  }

  [[nodiscard]] sql::Place other_place() const {
    return place_.postgres_url.empty() ? sql::Place{.sqlite_file = folder_.file("other.db")} : place_;
  }
  [[nodiscard]] Source source() const {
    return {{{"ledger", place_, &ledger::kSchema}, {"other", other_place(), &kOtherSchema}},
            {folder_.file("pepper.key"), folder_.file("operator.key")}};
  }
  [[nodiscard]] std::filesystem::path destination() const { return folder_.file("backups"); }

  static base::Uuid recording(std::uint64_t n) { return ledger::uuid(100 + n); }
  // The n-th chunk of ten records.
  static ledger::Entry chunk(std::uint64_t n, std::uint64_t index) {
    ledger::Entry entry = ledger::chunk_entry(recording(n), rowing::Stream::sample, 10 * index, 10 * index + 10);
    std::string content = "canonical bytes " + std::to_string(n) + " " + std::to_string(index);
    base::SeededRandom noise(1000 * n + index);
    for (int i = 0; i < 200; ++i) content += static_cast<char>(noise.below(256));
    entry.sha256 = base::sha256(base::as_bytes(content));
    entry.body = wire::compress(base::as_bytes(content));
    return entry;
  }
  static std::vector<ledger::Entry> one(ledger::Entry entry) {
    std::vector<ledger::Entry> entries;
    entries.push_back(std::move(entry));
    return entries;
  }
  void fill(std::uint64_t n, std::uint64_t chunks) {
    put_one(ledger::birth_entry(recording(n)));
    for (std::uint64_t i = 0; i < chunks; ++i) put_one(chunk(n, i));
  }

  Created create(const CreateOptions& options = {}) {
    auto made = backup::create(source(), destination(), options, clock_, ignore());
    EXPECT_TRUE(made) << made.error().text;
    return std::move(*made);
  }
  std::string differences(const std::filesystem::path& folder) {
    const auto found = verify(folder, clock_, ignore());
    EXPECT_TRUE(found) << found.error().text;
    std::string text;
    for (const Difference& difference : found->differences) text += difference.file + ": " + difference.text + "\n";
    return text;
  }
  [[nodiscard]] std::vector<Listed> backups() const {
    auto found = list(destination());
    EXPECT_TRUE(found) << found.error().text;
    return std::move(*found);
  }

  base::Result<Restored> restore(const std::filesystem::path& backup, sql::Dialect to,
                                 const sql::TestDatabase& database) {
    RestoreTarget target{folder_.file("restored"), {}, source().databases};
    if (to == sql::Dialect::postgres) target.shared = database.place();
    if (restored_before_) std::filesystem::remove_all(folder_.file("restored"));
    auto restored = backup::restore(backup, target, clock_, random_, ignore());
    restored_before_ = restored_before_ || (restored && restored->verification.differences.empty());
    return restored;
  }
  [[nodiscard]] sql::Place restored_place(sql::Dialect to, const sql::TestDatabase& database,
                                          const std::string& name) const {
    return to == sql::Dialect::postgres ? database.place()
                                        : sql::Place{.sqlite_file = folder_.file("restored/" + name + ".db")};
  }
  std::unique_ptr<ledger::Ledger> open_restored(sql::Dialect to, const sql::TestDatabase& database) {
    auto opened = ledger::Ledger::open({.place = restored_place(to, database, "ledger")}, clock_, random_);
    EXPECT_TRUE(opened) << opened.error().text;
    return opened ? std::move(*opened) : nullptr;
  }

  // What is in a ledger, but for its epoch and what waits to be loaded.
  static std::string description(ledger::Ledger& ledger) {
    std::string text;
    const auto recordings = ledger.recordings(std::nullopt, std::nullopt, 1000);
    EXPECT_TRUE(recordings);
    for (const ledger::RecordingState& recording : *recordings) {
      text += recording.rec_id.text() + " " + std::to_string(recording.received_ms) + "\n";
      for (const ledger::StreamState& stream : recording.streams) {
        text += " " + std::to_string(stream.records) + " " + base::to_hex(stream.root) + "\n";
        const auto chunks = ledger.chunks(recording.rec_id, stream.stream);
        EXPECT_TRUE(chunks);
        for (const ledger::LoadItem& item : *chunks) {
          text += "  " + std::to_string(item.server_seq) + " " + base::to_hex(base::sha256(item.body)) + "\n";
        }
      }
    }
    const auto feed = ledger.changes(kAnna, 0, 1000, wire::kMaxChangesBytes);
    EXPECT_TRUE(feed);
    for (const wire::Change& change : feed->changes) text += "change " + std::to_string(change.seq) + "\n";
    return text;
  }

 private:
  bool restored_before_ = false;
};

class BackupTest : public BackupFixture, public testing::WithParamInterface<sql::Dialect> {
 protected:
  BackupTest() : BackupFixture(GetParam()) {}
};
class SqliteBackupTest : public BackupFixture {
 protected:
  SqliteBackupTest() : BackupFixture(sql::Dialect::sqlite) {}
};
class PostgresBackupTest : public BackupFixture {
 protected:
  PostgresBackupTest() : BackupFixture(sql::Dialect::postgres) {}
};

}  // namespace boathouse::backup
