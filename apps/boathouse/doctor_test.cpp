// The doctor on data folders that something was done to. Where the machine itself is judged: doctor_checks_test.cpp.
#include "apps/boathouse/doctor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "apps/boathouse/backup_run.hpp"
#include "apps/boathouse/output.hpp"
#include "server/control/accounts.hpp"
#include "server/jobs/queue.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/webhooks/store.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;

class DoctorTest : public ledger::LedgerFixture {
 protected:
  DoctorTest() : LedgerFixture(sql::Dialect::sqlite) {}

  void SetUp() override {
    LedgerFixture::SetUp();
    ASSERT_TRUE(control::Accounts::open(folder_.path(), clock_, random_));
    ASSERT_TRUE(jobs::Queue::open({.sqlite_file = folder_.file("jobs.db")}, random_));
    ASSERT_TRUE(webhooks::Store::open({.sqlite_file = folder_.file("webhooks.db")}, clock_, random_));
    put_one(ledger::birth_entry(kRec));
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_.path())) close_to_others(entry.path());
    close_to_others(folder_.path());
    options_.data = folder_.path();
  }
  static void close_to_others(const fs::path& path) {
    fs::permissions(path, fs::perms::group_all | fs::perms::others_all, fs::perm_options::remove);
  }

  Finding find(const std::string& check) {
    const std::vector<Finding> findings = examine(options_);
    const auto found = std::ranges::find(findings, check, &Finding::check);
    EXPECT_NE(found, findings.end()) << check;
    return found == findings.end() ? Finding{} : *found;
  }
  void expect(const std::string& check, Health health, const std::string& part = "") {
    const Finding finding = find(check);
    EXPECT_EQ(finding.health, health) << check << ": " << finding.text;
    EXPECT_NE(finding.text.find(part), std::string::npos) << finding.text;
  }
  void write_sql(const std::string& file, const std::string& statements) {
    auto connection = sql::Connection::open({.sqlite_file = folder_.file(file)});
    ASSERT_TRUE(connection);
    const base::Status done = connection->execute(statements);
    ASSERT_TRUE(done) << done.error().text;
  }

  DoctorOptions options_;
};

TEST_F(DoctorTest, AHealthyFolder) {
  for (const char* check : {"permissions", "ledger", "loader", "schema of ledger", "schema of control",
                            "schema of jobs", "schema of webhooks", "jobs", "webhooks"}) {
    expect(check, Health::ok);
  }
  expect("engine", Health::skipped);
  expect("backup", Health::fail, "no verified backup");
  EXPECT_EQ(doctor(options_), kFailed);
  options_.data = folder_.file("nowhere");
  EXPECT_EQ(doctor(options_), kWrongUse);
}

TEST_F(DoctorTest, ABackupAndItsFolder) {
  const test_support::TemporaryFolder elsewhere;
  options_.backup_to = elsewhere.file("backups");
  expect("backup folder", Health::fail);
  base::SystemClock now;
  const auto ignore = [](std::uint64_t) { return base::Status(); };
  const auto made = run_backup(backup_source(folder_.path(), place_), options_.backup_to, {}, now, ignore);
  ASSERT_TRUE(made) << made.error().text;
  expect("backup", Health::ok);
  expect("backup folder", Health::ok);
  fs::remove(made->created.folder / "verified.json");
  expect("backup folder", Health::warn, "not verified");
  std::ofstream(made->created.folder / "manifest.json") << "other";
  expect("backup folder", Health::fail);
  // Two days on nobody has made another.
  write_sql("ledger.db", "UPDATE backup_mark SET made_ms = made_ms - 172800000");
  expect("backup", Health::warn);
}

TEST_F(DoctorTest, FilesThatOthersCanRead) {
  fs::permissions(folder_.file("pepper.key"), fs::perms::group_read, fs::perm_options::add);
  expect("permissions", Health::fail, "pepper.key");
}

TEST_F(DoctorTest, ADamagedLedger) {
  ledger_.reset();
  write_sql("ledger.db", "PRAGMA wal_checkpoint(TRUNCATE)");
  const auto size = fs::file_size(path());
  std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
  for (std::uintmax_t page = 2; page < size / 4096; ++page) {
    file.seekp(static_cast<std::streamoff>(page * 4096));
    file << std::string(64, 'x');
  }
  file.close();
  expect("ledger", Health::fail, "ledger.db");
  fs::remove(path());
  expect("ledger", Health::fail);
  expect("schema of ledger", Health::fail, "missing");
}

TEST_F(DoctorTest, ATableOfANewerProgram) {
  write_sql("control.db", "PRAGMA user_version = 1000");
  expect("schema of control", Health::fail);
}

TEST_F(DoctorTest, ALoaderThatDoesNotLoad) {
  put_one(ledger::chunk_entry(kRec, rowing::Stream::sample, 0, 10));
  expect("loader", Health::fail, "1 chunks");  // the tests' clock is years ago
}

TEST_F(DoctorTest, AClockThatWentBack) {
  expect("clock", find("clock").health);
  clock_.set_utc_ms(base::SystemClock().utc_ms() + 86'400'000);
  put_one(ledger::chunk_entry(kRec, rowing::Stream::sample, 0, 10));
  expect("clock", Health::fail, "behind");
}

TEST_F(DoctorTest, AnEngineThatDoesNotAnswer) {
  std::ofstream(folder_.file("engine.url")) << "http://127.0.0.1:1\n";
  std::ofstream(folder_.file("engine.password")) << "p\n";
  expect("engine", Health::fail);
}

TEST_F(DoctorTest, AServerThatDoesNotAnswer) {
  options_.server.server = "http://127.0.0.1:1";
  expect("server", Health::fail);
  expect("counts", Health::fail);
}

TEST_F(DoctorTest, JobsAndWebhooks) {
  write_sql("jobs.db",
            "INSERT INTO job (kind, payload, state, due_ms, owner, attempt, failures, lost, last_error, created_ms, "
            "finished_ms) VALUES ('mail', '', 4, 0, '', 1, 1, 0, 'no room', 0, 1)");
  expect("jobs", Health::warn, "no room");
  write_sql("jobs.db",
            "INSERT INTO job (kind, payload, state, due_ms, owner, attempt, failures, lost, last_error, created_ms) "
            "VALUES ('mail', '', 1, 1, '', 0, 0, 0, '', 0)");
  expect("jobs", Health::fail);
  write_sql("webhooks.db",
            "INSERT INTO endpoint (id, athlete, url, events, secret, enabled, disabled_why, created_ms) VALUES "
            "(x'00000000000000000000000000000001', x'00000000000000000000000000000001', 'https://hook.example', '', "
            "zeroblob(32), 0, 'failed for 3 days', 0)");
  expect("webhooks", Health::warn, "hook.example");
}

}  // namespace
}  // namespace boathouse::app
