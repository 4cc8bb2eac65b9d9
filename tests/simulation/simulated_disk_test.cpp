#include "tests/simulation/simulated_disk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "core/db/sqlite.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::simulation {
namespace {

using store::ok;

base::Bytes bytes_of(std::size_t count, std::uint8_t value) { return base::Bytes(count, value); }

// ---- The medium ----

TEST(StoredFile, WhatWasSyncedSurvivesAndTheRestIsLeftToTheFate) {
  for (const Unsynced fate : {Unsynced::dropped, Unsynced::kept, Unsynced::chosen}) {
    StoredFile file;
    file.write(0, bytes_of(1000, 1));
    file.sync();
    file.write(500, bytes_of(1000, 2));
    EXPECT_EQ(file.bytes().size(), 1500u);
    base::SeededRandom random(1);
    file.lose_power(fate, random);
    EXPECT_EQ(base::Bytes(file.bytes().begin(), file.bytes().begin() + 500), bytes_of(500, 1));
    if (fate == Unsynced::dropped) {
      EXPECT_EQ(file.bytes(), bytes_of(1000, 1));
    } else if (fate == Unsynced::kept) {
      EXPECT_EQ(file.bytes().size(), 1500u);
    }
  }
}

// Of ten sectors written in two writes some are new and some old, in any order, but each is wholly one of them.
TEST(StoredFile, WritesAreTornAtSectorsAndReordered) {
  bool torn = false;
  bool reordered = false;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    StoredFile file(bytes_of(10 * kSector, 0));
    file.write(0, bytes_of(5 * kSector, 1));
    file.write(5 * kSector, bytes_of(5 * kSector, 1));
    base::SeededRandom random(seed);
    file.lose_power(Unsynced::chosen, random);
    std::string sectors;
    for (std::size_t i = 0; i < 10; ++i) {
      const auto first = file.bytes().begin() + static_cast<std::ptrdiff_t>(i * kSector);
      const base::Bytes sector(first, first + kSector);
      ASSERT_TRUE(sector == bytes_of(kSector, 0) || sector == bytes_of(kSector, 1));
      sectors += static_cast<char>('0' + sector[0]);
    }
    torn = torn || sectors.substr(0, 5).find("01") != std::string::npos;
    reordered = reordered || sectors == "0000011111";
  }
  EXPECT_TRUE(torn);
  EXPECT_TRUE(reordered);
}

TEST(StoredFile, ASyncAfterAFailedOneDoesNotBringBackWhatWasForgotten) {
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    StoredFile file;
    file.write(0, bytes_of(kSector, 1));
    base::SeededRandom random(seed);
    file.fail_sync(random);
    EXPECT_EQ(file.bytes(), bytes_of(kSector, 1)) << "programs read what they wrote";
    file.sync();
    file.lose_power(Unsynced::kept, random);
    lost = lost || file.bytes() != bytes_of(kSector, 1);
  }
  EXPECT_TRUE(lost);
}

TEST(Medium, NamesSurviveOnceTheFolderIsSynced) {
  Medium medium;
  medium.create("a");
  medium.sync_names();
  medium.create("b");
  medium.remove("a");
  medium.lose_power(Unsynced::dropped, 1);
  EXPECT_TRUE(medium.find("a"));
  EXPECT_FALSE(medium.find("b"));
}

// ---- Errors at their points ----

// A file of the disk as SQLite uses it.
class RawFile {
 public:
  RawFile(const SimulatedDisk& disk, const char* path)
      : vfs_(sqlite3_vfs_find(disk.name().c_str())), memory_(static_cast<std::size_t>(vfs_->szOsFile)) {
    opened = vfs_->xOpen(vfs_, path, file(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB, nullptr);
  }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;
  ~RawFile() {
    if (file()->pMethods != nullptr) file()->pMethods->xClose(file());
  }
  int write(std::size_t count = 1024) {
    const base::Bytes bytes(count, 7);
    return file()->pMethods->xWrite(file(), bytes.data(), static_cast<int>(count), 0);
  }
  int read() {
    std::array<char, 4> out{};
    return file()->pMethods->xRead(file(), out.data(), 4, 0);
  }
  int sync() { return file()->pMethods->xSync(file(), SQLITE_SYNC_NORMAL); }
  int truncate() { return file()->pMethods->xTruncate(file(), 1); }
  int remove(const char* path) { return vfs_->xDelete(vfs_, path, 0); }

  int opened = SQLITE_OK;

 private:
  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(memory_.data()); }
  sqlite3_vfs* vfs_;
  std::vector<std::max_align_t> memory_;
};

struct PointCase {
  IoKind kind;
  DiskError error;
  int code;
};

class AtItsPoint : public testing::TestWithParam<PointCase> {};

// One call of each kind, twice: the second call of the planned kind fails, and nothing else does.
TEST_P(AtItsPoint, TheErrorComesOnceAndNowhereElse) {
  SimulatedDisk disk;
  disk.arm({2, false, bit(GetParam().kind), GetParam().error});
  std::vector<int> codes;
  for (int i = 0; i < 3; ++i) {
    RawFile file(disk, "/a");
    codes.push_back(file.opened);
    if (file.opened != SQLITE_OK) continue;
    codes.insert(codes.end(), {file.write(), file.read(), file.sync(), file.truncate(), file.remove("/a")});
  }
  EXPECT_EQ(disk.faults(), 1u);
  EXPECT_EQ(std::count(codes.begin(), codes.end(), GetParam().code), 1);
  for (const int code : codes) EXPECT_TRUE(code == SQLITE_OK || code == GetParam().code) << code;
  EXPECT_EQ(disk.count(GetParam().kind), 3u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, AtItsPoint,
                         testing::Values(PointCase{IoKind::open, DiskError::io, SQLITE_CANTOPEN},
                                         PointCase{IoKind::read, DiskError::io, SQLITE_IOERR_READ},
                                         PointCase{IoKind::write, DiskError::io, SQLITE_IOERR_WRITE},
                                         PointCase{IoKind::write, DiskError::full, SQLITE_FULL},
                                         PointCase{IoKind::write, DiskError::no_memory, SQLITE_IOERR_NOMEM},
                                         PointCase{IoKind::sync, DiskError::io, SQLITE_IOERR_FSYNC},
                                         PointCase{IoKind::truncate, DiskError::io, SQLITE_IOERR_TRUNCATE},
                                         PointCase{IoKind::remove, DiskError::io, SQLITE_IOERR_DELETE}));

TEST(SimulatedDisk, AnErrorFromThenOnStaysUntilItIsLifted) {
  SimulatedDisk disk;
  RawFile file(disk, "/a");
  disk.arm({2, true});
  EXPECT_EQ(file.write(), SQLITE_OK);
  EXPECT_EQ(file.sync(), SQLITE_IOERR_FSYNC);
  EXPECT_EQ(file.write(), SQLITE_IOERR_WRITE);
  EXPECT_EQ(file.sync(), SQLITE_IOERR_FSYNC);
  disk.disarm();
  EXPECT_EQ(file.write(), SQLITE_OK);
  EXPECT_EQ(file.sync(), SQLITE_OK);
}

TEST(SimulatedDisk, NothingHappensWithoutPower) {
  SimulatedDisk disk;
  {
    RawFile file(disk, "/a");
    EXPECT_EQ(file.write(), SQLITE_OK);
    disk.power_off_at(1);
    EXPECT_EQ(file.sync(), SQLITE_IOERR_FSYNC);
    EXPECT_FALSE(disk.powered());
    EXPECT_NE(file.write(4096), SQLITE_OK);
    EXPECT_EQ(disk.size("/a"), 1024u);
  }
  disk.power_on(1);
  EXPECT_EQ(disk.size("/a"), 1024u);
}

TEST(SimulatedDisk, FullAtItsLimit) {
  SimulatedDisk disk;
  disk.set_limit(2000);
  RawFile file(disk, "/a");
  EXPECT_EQ(file.write(2000), SQLITE_OK);
  EXPECT_EQ(file.write(2001), SQLITE_FULL);
  EXPECT_EQ(file.write(1500), SQLITE_OK) << "what is there may be written over";
  disk.set_limit(std::nullopt);
  EXPECT_EQ(file.write(2001), SQLITE_OK);
}

// ---- SQLite on it ----

base::Result<db::Connection> connect(const SimulatedDisk& disk) {
  db::Options options;
  options.vfs = disk.name();
  return db::Connection::open("/sim.db", options);
}

std::int64_t count(db::Connection& connection) {
  auto select = connection.prepare("SELECT count(*) FROM t");
  if (!select || !select->step()) return -1;
  return select->integer(0);
}

// Commits that returned ok, and how many of them are there after the power cut.
std::int64_t kept_of_ten(const std::string& pragma, std::uint64_t seed) {
  SimulatedDisk disk;
  {
    auto connection = connect(disk);
    EXPECT_TRUE(ok(connection));
    EXPECT_TRUE(ok(connection->execute("CREATE TABLE t(a)")));
    EXPECT_TRUE(ok(connection->execute(pragma)));
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(ok(connection->execute("INSERT INTO t VALUES (randomblob(3000))")));
    disk.power_off();
  }
  disk.power_on(seed);
  auto connection = connect(disk);
  EXPECT_TRUE(ok(connection));
  return count(*connection);
}

TEST(SimulatedDisk, CommitsSurviveAPowerCut) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) EXPECT_EQ(kept_of_ten("PRAGMA synchronous = FULL", seed), 10) << seed;
}

TEST(SimulatedDisk, CommitsWithoutSyncAreLostInAPowerCut) {
  EXPECT_EQ(kept_of_ten("PRAGMA synchronous = OFF", 0), 0);
  EXPECT_EQ(kept_of_ten("PRAGMA synchronous = OFF", 1), 10);
  int some = 0;
  for (std::uint64_t seed = 2; seed < 40; ++seed) {
    const std::int64_t kept = kept_of_ten("PRAGMA synchronous = OFF", seed);
    if (kept > 0 && kept < 10) ++some;
  }
  EXPECT_GT(some, 0);
}

TEST(SimulatedDisk, TwoConnectionsKeepOutOfEachOthersWay) {
  SimulatedDisk disk;
  auto one = connect(disk);
  auto two = connect(disk);
  ASSERT_TRUE(ok(one));
  ASSERT_TRUE(ok(two));
  ASSERT_TRUE(ok(one->execute("CREATE TABLE t(a); INSERT INTO t VALUES (1)")));
  EXPECT_EQ(count(*two), 1);
  ASSERT_TRUE(ok(one->execute("BEGIN IMMEDIATE; INSERT INTO t VALUES (2)")));
  EXPECT_EQ(count(*two), 1) << "not yet committed";
  const auto refused = two->execute("INSERT INTO t VALUES (3)");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::unavailable);
  ASSERT_TRUE(ok(one->execute("COMMIT")));
  EXPECT_EQ(count(*two), 2);
  EXPECT_TRUE(ok(two->execute("INSERT INTO t VALUES (3); PRAGMA wal_checkpoint(TRUNCATE)")));
  EXPECT_EQ(disk.size("/sim.db-wal"), 0u);
  EXPECT_EQ(count(*one), 3);
}

TEST(SimulatedDisk, AFullDiskGivesItsNameAndTheStoreGoesOnAfterwards) {
  SimulatedDisk disk;
  auto connection = connect(disk);
  ASSERT_TRUE(ok(connection));
  ASSERT_TRUE(ok(connection->execute("CREATE TABLE t(a)")));
  disk.set_limit(*disk.size("/sim.db") + *disk.size("/sim.db-wal") + 6000);
  ASSERT_TRUE(ok(connection->execute("INSERT INTO t VALUES (1)")));
  const auto full = connection->execute("INSERT INTO t VALUES (randomblob(20000))");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, base::ErrorCode::no_room);
  EXPECT_THAT(full.error().text, testing::HasSubstr("free disk space"));
  disk.set_limit(std::nullopt);
  EXPECT_TRUE(ok(connection->execute("INSERT INTO t VALUES (randomblob(20000))")));
  EXPECT_EQ(count(*connection), 2);
}

TEST(SimulatedDisk, DamageIsWhereItWasPut) {
  SimulatedDisk disk;
  disk.load({{"/a", bytes_of(10, 0)}});
  EXPECT_TRUE(disk.flip_bit("/a", 9, 3));
  EXPECT_FALSE(disk.flip_bit("/a", 10, 3));
  EXPECT_FALSE(disk.flip_bit("/b", 0, 0));
  EXPECT_EQ(disk.contents().at("/a")[9], 8);
  EXPECT_TRUE(disk.truncate("/a", 5));
  EXPECT_EQ(disk.size("/a"), 5u);
}

}  // namespace
}  // namespace boathouse::simulation
