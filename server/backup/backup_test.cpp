#include "server/backup/backup.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>
#include <utility>

#include "server/backup/restore.hpp"
#include "server/backup/test_backup.hpp"
#include "server/ledger/backup_mark.hpp"

namespace boathouse::backup {
namespace {

namespace fs = std::filesystem;
using ledger::uuid;

TEST_P(BackupTest, ARestoredLedgerHoldsWhatTheBackupHolds) {
  fill(1, 5);
  auto seal = put_one(ledger::seal_entry(recording(1), 1, 50));
  auto title = put_one(ledger::title_entry(recording(1), 900, "5 x 500 ☀"));
  const Created made = create();
  EXPECT_EQ(made.manifest.last_seq, title.server_seq);
  EXPECT_EQ(made.manifest.chunks, 5u);
  EXPECT_EQ(differences(made.folder), "");

  for (const auto to : {sql::Dialect::sqlite, sql::Dialect::postgres}) {
    SCOPED_TRACE(to == sql::Dialect::sqlite ? "to SQLite" : "to PostgreSQL");
    sql::TestDatabase database(to, "");
    const auto restored = restore(made.folder, to, database);
    ASSERT_TRUE(restored) << restored.error().text;
    EXPECT_EQ(restored->chunks, 5u);
    auto again = open_restored(to, database);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->epoch(), restored->epoch);
    EXPECT_NE(again->epoch(), ledger_->epoch());
    EXPECT_EQ(description(*again), description(*ledger_));
    const auto counts = again->counts();
    ASSERT_TRUE(counts);
    EXPECT_EQ(counts->unloaded_chunks, 5u);
    EXPECT_EQ(counts->recordings, 1u);
    EXPECT_EQ(*again->purge_safe_seq(), 0);
    // What it has is a duplicate, with the receipt of before.
    auto same = ledger::submit(*again, kAnna, one(ledger::seal_entry(recording(1), 1, 50)));
    ASSERT_TRUE(same);
    EXPECT_EQ(same->at(0).outcome, wire::Outcome::duplicate);
    EXPECT_EQ(same->at(0).server_seq, seal.server_seq);
    // It goes on: ids, sequence numbers and the audit's chain.
    auto next = ledger::submit(*again, kAnna, one(chunk(1, 5)));
    ASSERT_TRUE(next);
    EXPECT_EQ(next->at(0).outcome, wire::Outcome::stored);
    EXPECT_GT(next->at(0).server_seq, made.manifest.last_seq);
    const auto audit = again->verify_audit();
    ASSERT_TRUE(audit);
    EXPECT_FALSE(audit->difference);
  }
}

TEST_P(BackupTest, TheOtherDatabasesAndTheSecretsComeWithIt) {
  fill(1, 1);
  const Created made = create();
  sql::TestDatabase database(GetParam(), "");
  const auto restored = restore(made.folder, GetParam(), database);
  ASSERT_TRUE(restored) << restored.error().text;
  EXPECT_EQ(text_of(folder_.file("restored/pepper.key")), "pepper\n");
  auto connection = sql::Connection::open(restored_place(GetParam(), database, "other"));
  ASSERT_TRUE(connection);
  EXPECT_EQ(*number_of(*connection, "SELECT count(*) FROM note"), 2);
  EXPECT_EQ(*number_of(*connection, "SELECT count(*) FROM note WHERE body IS NULL AND title = 'née'"), 1);
  // Numbers that were given are not given again, though the row is gone.
  ASSERT_TRUE(connection->execute("INSERT INTO note (title) VALUES ('next')"));
  EXPECT_EQ(*number_of(*connection, "SELECT max(id) FROM note"), 4);
  EXPECT_EQ(*number_of(*connection, "SELECT count(*) FROM begun"), 1);
}

TEST_P(BackupTest, ALaterBackupWritesOnlyWhatIsNew) {
  fill(1, 40);
  const Created first = create({.segment_bytes = 2000});
  EXPECT_GT(first.manifest.segments.size(), 3u);
  clock_.advance_ms(1000);
  fill(2, 1);
  const Created second = create({.segment_bytes = 2000});
  ASSERT_EQ(second.manifest.segments.size(), first.manifest.segments.size() + 1);
  EXPECT_TRUE(
      std::equal(first.manifest.segments.begin(), first.manifest.segments.end(), second.manifest.segments.begin()));
  EXPECT_EQ(second.manifest.segments.back().bodies, 1u);
  EXPECT_EQ(differences(first.folder), "");
  EXPECT_EQ(differences(second.folder), "");
  clock_.advance_ms(1000);
  const Created third = create();
  EXPECT_EQ(third.manifest.segments, second.manifest.segments);
  EXPECT_EQ(third.manifest.chunks, 41u);
}

TEST_P(BackupTest, WhatWasPurgedIsNotRestoredFromASegmentThatHasIt) {
  fill(1, 3);
  fill(2, 2);
  create();
  clock_.advance_ms(1000);
  put_one(ledger::flag_entry(recording(1), 901, rowing::EditField::deleted, true));
  put_one(ledger::flag_entry(recording(1), 902, rowing::EditField::purged, true));
  while (*ledger_->drop_some(1)) continue;
  const Created made = create();
  EXPECT_EQ(made.manifest.chunks, 2u);
  EXPECT_EQ(differences(made.folder), "");
  sql::TestDatabase database(GetParam(), "");
  ASSERT_TRUE(restore(made.folder, GetParam(), database));
  auto again = open_restored(GetParam(), database);
  EXPECT_EQ(description(*again), description(*ledger_));
  // Written in full it has none of them, and the older segments can go.
  clock_.advance_ms(1000);
  const Created full = create({.full = true});
  ASSERT_EQ(full.manifest.segments.size(), 1u);
  EXPECT_EQ(full.manifest.segments[0].bodies, 2u);
}

TEST_P(BackupTest, IsOneStateWhileOthersWrite) {
  fill(1, 1);
  std::atomic<bool> stop = false;
  std::atomic<std::int64_t> acknowledged = 0;
  std::thread writer([&] {
    for (std::uint64_t i = 1; !stop; ++i) {
      const auto results = ledger::submit(*ledger_, kAnna, one(chunk(1, i)));
      if (!results) break;
      acknowledged = results->at(0).server_seq;
    }
  });
  std::vector<fs::path> made;
  for (int i = 0; i < 5; ++i) {
    const std::int64_t before = acknowledged;
    const Created one_more = create();
    EXPECT_GE(one_more.manifest.last_seq, before);
    made.push_back(one_more.folder);
    clock_.advance_ms(1000);
  }
  stop = true;
  writer.join();
  EXPECT_GT(acknowledged, 5);
  for (const fs::path& folder : made) {
    EXPECT_EQ(differences(folder), "");
  }
}

TEST_P(BackupTest, PurgeSafeSeqFollowsTheVerifiedBackup) {
  fill(1, 2);
  EXPECT_EQ(*ledger_->purge_safe_seq(), 0);
  const Created made = create();
  EXPECT_EQ(*ledger_->purge_safe_seq(), 0);
  auto connection = sql::Connection::open(place_);
  const ledger::BackupMark mark{"backup-1", made.manifest.last_seq, 5};
  ASSERT_TRUE(ledger::note_backup(*connection, made.manifest.epoch, mark));
  EXPECT_EQ(*ledger_->purge_safe_seq(), made.manifest.last_seq);
  // Neither an older one nor one of another history moves it.
  ASSERT_TRUE(ledger::note_backup(*connection, made.manifest.epoch, {"backup-0", 1, 9}));
  EXPECT_EQ(*ledger_->purge_safe_seq(), made.manifest.last_seq);
  const auto foreign = ledger::note_backup(*connection, "another", {"backup-2", 1000, 9});
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, base::ErrorCode::conflict);
  EXPECT_EQ(*ledger_->purge_safe_seq(), made.manifest.last_seq);
}

TEST_P(BackupTest, ALedgerThatWasPutBackOtherwiseGetsANewEpoch) {
  fill(1, 3);
  const Created made = create();
  EXPECT_EQ(differences(made.folder), "");
  {
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(ledger::note_backup(*connection, made.manifest.epoch, {"backup-1", made.manifest.last_seq, 5}));
  }
  ASSERT_GT(*ledger_->purge_safe_seq(), 0);
  const std::string before = description(*ledger_);
  const std::string old_epoch = ledger_->epoch();
  ASSERT_TRUE(ledger_->append_audit({"key.create", {}, {}, {}, "step=intent"}));
  ASSERT_TRUE(*ledger_->leads());
  const auto in_use = begin_new_epoch(source().databases.front(), clock_, random_);
  ASSERT_FALSE(in_use);
  EXPECT_EQ(in_use.error().code, base::ErrorCode::conflict) << in_use.error().text;
  ledger_.reset();
  const auto epoch = begin_new_epoch(source().databases.front(), clock_, random_);
  ASSERT_TRUE(epoch) << epoch.error().text;
  EXPECT_NE(*epoch, old_epoch);
  reopen();
  const auto records = *ledger_->audit(0, 100, {{}, "restore"});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].entry.what, "by=other-means epoch=" + *epoch);
  EXPECT_EQ(number_in_file("SELECT restored_ms FROM state"), clock_.utc_ms());
  EXPECT_FALSE(ledger_->verify_audit()->difference);
  EXPECT_TRUE(ledger_->open_intents(records[0].n)->empty()) << "nobody knows whether that was done";
  EXPECT_EQ(ledger_->epoch(), *epoch);
  EXPECT_EQ(*ledger_->purge_safe_seq(), 0) << "devices may hold what it lacks";
  EXPECT_EQ(description(*ledger_), before);
}

TEST_P(BackupTest, ARestoreOntoDataIsRefusedAndChangesNothing) {
  fill(1, 1);
  const Created made = create();
  fs::create_directories(folder_.file("restored"));
  std::ofstream(folder_.file("restored/ledger.db")) << "precious";
  sql::TestDatabase database(GetParam(), "");
  const auto refused = restore(made.folder, GetParam(), database);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::conflict);
  EXPECT_NE(refused.error().text.find("restore onto data"), std::string::npos) << refused.error().text;
  EXPECT_EQ(text_of(folder_.file("restored/ledger.db")), "precious");
}

TEST_F(PostgresBackupTest, ARestoreOntoALedgerInPostgresIsRefused) {
  fill(1, 1);
  const Created made = create();
  const auto refused = restore(made.folder, sql::Dialect::postgres, database_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::conflict);
  EXPECT_FALSE(fs::exists(folder_.file("restored")));
  EXPECT_EQ(ledger_->counts()->chunks, 1u);
}

// Every region of every file: its name is said, and of a body which record it is.
TEST_F(SqliteBackupTest, AnAlteredByteIsFoundAndNamed) {
  fill(1, 6);
  const Created made = create();
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(made.folder)) files.push_back(entry.path());
  for (const auto& entry : fs::directory_iterator(bodies_folder(made.folder))) files.push_back(entry.path());
  ASSERT_GE(files.size(), 5u);
  for (const fs::path& file : files) {
    const std::string whole = text_of(file);
    const std::size_t step = std::max<std::size_t>(1, whole.size() / 23);
    for (std::size_t at = 0; at < whole.size(); at += step) {
      SCOPED_TRACE(file.filename().string() + " byte " + std::to_string(at));
      std::string altered = whole;
      altered[at] = static_cast<char>(altered[at] ^ 0x20);
      std::ofstream(file, std::ios::binary) << altered;
      const auto found = verify(made.folder, clock_, ignore());
      ASSERT_TRUE(found) << found.error().text;
      ASSERT_FALSE(found->differences.empty());
      EXPECT_EQ(found->differences[0].file, file.filename().string());
      EXPECT_FALSE(fs::exists(made.folder / "verified.json"));
    }
    std::ofstream(file, std::ios::binary) << whole.substr(0, whole.size() - 1);
    EXPECT_NE(differences(made.folder), "") << file;
    std::ofstream(file, std::ios::binary) << whole;
    ASSERT_EQ(differences(made.folder), "");
    fs::remove(made.folder / "verified.json");
  }

  const fs::path segment = bodies_folder(made.folder) / made.manifest.segments.at(0).file;
  std::string altered = text_of(segment);
  altered[altered.size() - 3] = static_cast<char>(altered[altered.size() - 3] ^ 1);
  std::ofstream(segment, std::ios::binary) << altered;
  EXPECT_NE(differences(made.folder).find("recording " + recording(1).text() + ", sample [50, 60)"), std::string::npos)
      << differences(made.folder);
  sql::TestDatabase database(sql::Dialect::sqlite, "");
  const auto refused = restore(made.folder, sql::Dialect::sqlite, database);
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->verification.differences.empty());
  EXPECT_FALSE(fs::exists(folder_.file("restored")));

  // A full backup writes the segment anew, for the older backup too.
  clock_.advance_ms(1000);
  EXPECT_NE(differences(create().folder), "");
  clock_.advance_ms(1000);
  EXPECT_EQ(differences(create({.full = true}).folder), "");
  EXPECT_EQ(differences(made.folder), "");
}

TEST_F(SqliteBackupTest, AMissingFileIsFound) {
  fill(1, 2);
  const Created made = create();
  fs::remove(made.folder / "pepper.key");
  EXPECT_EQ(differences(made.folder), "pepper.key: is missing\n");
  fs::remove(bodies_folder(made.folder) / made.manifest.segments.at(0).file);
  EXPECT_NE(differences(made.folder).find("server_seq"), std::string::npos);
}

TEST_F(SqliteBackupTest, OneThatFailsOnItsWayIsNoBackup) {
  fill(1, 3);
  // The number of times that it asks, then fail at each of them.
  int asked = 0;
  ASSERT_TRUE(backup::create(source(), destination(), {.segment_bytes = 500}, clock_, [&asked](std::uint64_t) {
    ++asked;
    return base::Status();
  }));
  ASSERT_GT(asked, 20);
  for (int last = 0; last < asked; ++last) {
    clock_.advance_ms(1000);
    int n = 0;
    const auto failed = backup::create(source(), destination(), {.full = true, .segment_bytes = 500}, clock_,
                                       [&n, last](std::uint64_t) -> base::Status {
                                         if (n++ == last) return base::Error{base::ErrorCode::no_room, "full"};
                                         return {};
                                       });
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, base::ErrorCode::no_room);
    ASSERT_EQ(backups().size(), 1u);
  }
  EXPECT_EQ(differences(destination()), "");
}

TEST_F(SqliteBackupTest, OneThatIsKilledIsNoBackup) {
  fill(1, 20);
  base::SeededRandom dice(99);
  for (int round = 0; round < 10; ++round) {
    clock_.advance_ms(100'000);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (int i = 0; i < 1000; ++i) {
        clock_.advance_ms(1);
        const auto tell = [&ends](std::uint64_t) -> base::Status {
          if (write(ends[1], "w", 1) != 1) _exit(5);
          return {};
        };
        if (!backup::create(source(), destination(), {.full = true, .segment_bytes = 1000}, clock_, tell)) _exit(3);
        if (write(ends[1], "f", 1) != 1) _exit(5);
      }
      _exit(4);
    }
    // One is whole, and the next somewhere in its work.
    std::uint64_t finished = 0;
    char told = 0;
    for (std::uint64_t more = 1 + dice.below(60); more > 0; more -= finished > 0 ? 1 : 0) {
      ASSERT_EQ(read(ends[0], &told, 1), 1);
      finished += told == 'f' ? 1 : 0;
    }
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    close(ends[0]);
    close(ends[1]);
    EXPECT_GE(backups().size(), finished);
    for (const Listed& listed : backups()) {
      EXPECT_TRUE(listed.manifest) << listed.trouble;
      EXPECT_EQ(differences(listed.folder), "");
      fs::remove_all(listed.folder);
    }
  }
  EXPECT_EQ(differences(create().folder), "");
}

TEST_F(SqliteBackupTest, OnlyOneAtATime) {
  fill(1, 1);
  create();
  const auto lock = FolderLock::take(destination());
  ASSERT_TRUE(lock);
  const auto second = backup::create(source(), destination(), {}, clock_, ignore());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::ErrorCode::unavailable);
}

TEST_F(SqliteBackupTest, OldOnesGoAndTheirBodiesWithTheLastThatNamesThem) {
  constexpr std::int64_t kDay = 86'400'000;
  clock_.set_utc_ms(std::int64_t{1'700'000'000'000} / kDay * kDay);
  fill(1, 1);
  const fs::path oldest = create().folder;
  EXPECT_EQ(differences(oldest), "");  // the only one that was ever verified
  for (const auto& [count, days] : {std::pair(14, 30), std::pair(6, 7), std::pair(9, 1)}) {
    for (int i = 0; i < count; ++i) {
      clock_.advance_ms(days * kDay);
      create();
    }
  }
  fill(2, 1);
  clock_.advance_ms(1000);
  const Created newest = create({.full = true});
  const auto removed = prune(destination(), {});
  ASSERT_TRUE(removed) << removed.error().text;
  const auto kept = backups();
  // 7 days; 3 or 4 more weeks, because the days reach into the second; 9 to 11 more months; the one that was verified.
  EXPECT_GE(kept.size(), 7u + 3u + 9u + 1u);
  EXPECT_LE(kept.size(), 7u + 4u + 11u + 1u);
  EXPECT_EQ(kept.front().folder, newest.folder);
  EXPECT_EQ(kept.back().folder, oldest);
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(kept[i].manifest->made_ms / kDay, kept[0].manifest->made_ms / kDay - static_cast<std::int64_t>(i));
  }
  for (const Listed& listed : kept) {
    EXPECT_EQ(differences(listed.folder), "");
  }
  const auto again = prune(destination(), {.days = 1, .weeks = 0, .months = 0});
  ASSERT_TRUE(again);
  ASSERT_EQ(backups().size(), 1u);
  EXPECT_EQ(differences(newest.folder), "");
  std::size_t segments = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(bodies_folder(newest.folder))) ++segments;
  EXPECT_EQ(segments, newest.manifest.segments.size());
}

TEST_F(SqliteBackupTest, TheOneThatReachesFarthestStaysHoweverOldItLooks) {
  constexpr std::int64_t kDay = 86'400'000;
  fill(1, 1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(differences(create().folder), "");
    clock_.advance_ms(kDay);
  }
  fill(2, 1);
  clock_.set_utc_ms(clock_.utc_ms() - 4000 * kDay);
  const fs::path farthest = create().folder;
  EXPECT_EQ(differences(farthest), "");
  ASSERT_TRUE(prune(destination(), {.days = 1, .weeks = 0, .months = 0}));
  const auto kept = backups();
  ASSERT_EQ(kept.size(), 2u) << "the newest by the clock, too";
  EXPECT_EQ(kept[1].folder, farthest);
}

// Its folder's name begins with the time, and the clock was wrong when it was made.
TEST_F(SqliteBackupTest, OfADestinationTheOneThatReachesFarthestIsRestored) {
  fill(1, 1);
  const fs::path earlier = create().folder;
  fill(2, 1);
  clock_.set_utc_ms(clock_.utc_ms() - 86'400'000);
  const Created farthest = create();
  ASSERT_LT(farthest.folder, earlier);
  EXPECT_EQ(*find_backup(destination()), earlier);
  sql::TestDatabase database(sql::Dialect::sqlite, "");
  const auto restored = restore(destination(), sql::Dialect::sqlite, database);
  ASSERT_TRUE(restored) << restored.error().text;
  EXPECT_EQ(restored->verification.folder, farthest.folder);
  EXPECT_EQ(restored->chunks, 2u);
  EXPECT_EQ(*find_backup_to_restore(earlier), earlier) << "named, it is that one";
}

TEST_F(SqliteBackupTest, ADestinationOfTwoLedgersMustBeNamedMoreExactly) {
  fill(1, 1);
  const fs::path before = create().folder;
  auto connection = sql::Connection::open(place_);
  ASSERT_TRUE(connection->execute("UPDATE state SET epoch = 'ffffffffffffffff'"));
  clock_.advance_ms(1000);
  const fs::path after = create().folder;
  sql::TestDatabase database(sql::Dialect::sqlite, "");
  const auto restored = restore(destination(), sql::Dialect::sqlite, database);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, base::ErrorCode::conflict);
  EXPECT_NE(restored.error().text.find(before.filename().string()), std::string::npos) << restored.error().text;
  EXPECT_NE(restored.error().text.find(after.filename().string()), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_.file("restored")));
  EXPECT_TRUE(restore(after, sql::Dialect::sqlite, database));
}

TEST_F(SqliteBackupTest, ADestinationWithABackupThatCannotBeReadMustBeNamedMoreExactly) {
  fill(1, 1);
  const fs::path readable = create().folder;
  clock_.advance_ms(1000);
  std::ofstream(create().folder / "manifest.json") << "{}";
  sql::TestDatabase database(sql::Dialect::sqlite, "");
  const auto restored = restore(destination(), sql::Dialect::sqlite, database);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, base::ErrorCode::conflict);
  EXPECT_TRUE(restore(readable, sql::Dialect::sqlite, database));
}

TEST_F(SqliteBackupTest, OfADayAVerifiedOneStaysBeforeANewerOne) {
  fill(1, 1);
  create();
  clock_.advance_ms(1000);
  const fs::path verified = create().folder;
  EXPECT_EQ(differences(verified), "");
  clock_.advance_ms(1000);
  create();
  clock_.advance_ms(86'400'000);
  const fs::path next_day = create().folder;
  EXPECT_EQ(differences(next_day), "");
  ASSERT_TRUE(prune(destination(), {}));
  const auto kept = backups();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].folder, next_day);
  EXPECT_EQ(kept[1].folder, verified);
}

TEST_F(SqliteBackupTest, NothingIsPrunedBesideAManifestThatCannotBeRead) {
  fill(1, 1);
  const fs::path first = create().folder;
  clock_.advance_ms(1000);
  create();
  EXPECT_EQ(differences(first), "");
  EXPECT_TRUE(backups().back().verified_ms);
  std::ofstream(first / "manifest.json") << "{}";
  EXPECT_FALSE(backups().back().verified_ms) << "what was verified then is not there now";
  const auto refused = prune(destination(), {.days = 1, .weeks = 0, .months = 0});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::corrupt);
  EXPECT_EQ(backups().size(), 2u);
}

TEST_F(SqliteBackupTest, ThereMustBeALedger) {
  Source nothing = source();
  nothing.databases[0].place.sqlite_file = folder_.file("nowhere.db");
  const auto failed = backup::create(nothing, destination(), {}, clock_, ignore());
  ASSERT_FALSE(failed);
  EXPECT_FALSE(fs::exists(folder_.file("nowhere.db")));
  const auto none = verify(destination(), clock_, ignore());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, base::ErrorCode::not_found);
}

// To PostgreSQL and back: the same rows, the same history.
TEST_F(SqliteBackupTest, ALedgerMovesToPostgresAndBack) {
  fill(1, 4);
  put_one(ledger::title_entry(recording(1), 900, "ünï"));
  const std::string epoch = ledger_->epoch();
  const std::string before = description(*ledger_);
  sql::TestDatabase postgres(sql::Dialect::postgres, "");
  ASSERT_EQ(postgres.missing(), "");
  const std::vector<Database> here = source().databases;
  std::vector<Database> there = here;
  for (Database& database : there) database.place = postgres.place();

  const auto in_use = migrate(here, there, ignore());
  ASSERT_FALSE(in_use);
  EXPECT_EQ(in_use.error().code, base::ErrorCode::conflict) << in_use.error().text;
  EXPECT_NE(in_use.error().text.find("stop the server"), std::string::npos) << in_use.error().text;
  sql::TestDatabase second(sql::Dialect::postgres, "");
  for (Database& database : there) database.place = second.place();
  ledger_.reset();

  const auto moved = migrate(here, there, ignore());
  ASSERT_TRUE(moved) << moved.error().text;
  EXPECT_FALSE(fs::exists(path()));
  EXPECT_TRUE(fs::exists(path() + ".moved"));
  {
    auto on_postgres = ledger::Ledger::open({.place = second.place()}, clock_, random_);
    ASSERT_TRUE(on_postgres) << on_postgres.error().text;
    EXPECT_EQ((*on_postgres)->epoch(), epoch);
    EXPECT_EQ(description(**on_postgres), before);
    ASSERT_TRUE(ledger::submit(**on_postgres, kAnna, one(chunk(1, 9))));
    ASSERT_TRUE(*(*on_postgres)->leads());
    const auto running = migrate(there, here, ignore());
    ASSERT_FALSE(running);
    EXPECT_EQ(running.error().code, base::ErrorCode::conflict) << running.error().text;
  }
  std::vector<Database> elsewhere = here;
  for (Database& database : elsewhere) database.place.sqlite_file += ".back";
  const auto back = migrate(there, elsewhere, ignore());
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(back->databases.back().tables.at("chunk_body").rows, 5u);
  auto again = ledger::Ledger::open({.place = elsewhere[0].place}, clock_, random_);
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->epoch(), epoch);
  EXPECT_NE(description(**again), before);
  EXPECT_EQ((*again)->counts()->chunks, 5u);
}

// Tags of before may have U+0000 in their names: their edits keep it, their keys cannot on PostgreSQL.
TEST_F(SqliteBackupTest, ATagThatPostgresCannotHoldMovesAndIsNamed) {
  fill(1, 1);
  const auto tag = [](std::uint64_t op_id, bool there) {
    return ledger::edit_entry(recording(1), op_id, 1'700'000'000'000 + static_cast<std::int64_t>(op_id),
                              [there](rowing::Edit& edit) {
                                edit.field = rowing::EditField::tag;
                                edit.name = std::string("a\0b", 3);
                                edit.flag = there;
                              });
  };
  const std::int64_t server_seq = put({tag(900, true), tag(901, false)}).at(0).server_seq;
  const auto tags = [](ledger::Ledger& ledger) { return ledger.sessions_around(recording(1))->sessions.at(0).tags; };
  const std::vector<std::string> before = tags(*ledger_);
  ASSERT_EQ(before, (std::vector<std::string>{std::string("a\0b", 3)})) << "who took it away had not seen it";
  const fs::path backup = create().folder;
  ledger_.reset();
  sql::TestDatabase postgres(sql::Dialect::postgres, "");
  ASSERT_EQ(postgres.missing(), "");
  std::vector<Database> there = source().databases;
  for (Database& database : there) database.place = postgres.place();
  const auto moved = migrate(source().databases, there, ignore());
  ASSERT_TRUE(moved) << moved.error().text;
  ASSERT_EQ(moved->altered.size(), 2u);
  EXPECT_EQ(moved->altered[0].find("table edit, server_seq " + std::to_string(server_seq) + ": U+0000 in its field"),
            0u)
      << moved->altered[0];
  auto on_postgres = ledger::Ledger::open({.place = postgres.place()}, clock_, random_);
  ASSERT_TRUE(on_postgres) << on_postgres.error().text;
  EXPECT_EQ(tags(**on_postgres), before);

  // The same from a backup.
  sql::TestDatabase other(sql::Dialect::postgres, "");
  const auto restored = restore(backup, sql::Dialect::postgres, other);
  ASSERT_TRUE(restored) << restored.error().text;
  EXPECT_EQ(restored->altered.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(On, BackupTest, ledger::both_databases(), ledger::database_name);

}  // namespace
}  // namespace boathouse::backup
