// ClickHouse's part of backups: the commands on a data folder with a real engine and rows that the loader loaded.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "apps/boathouse/backup_commands.hpp"
#include "apps/boathouse/engine_access.hpp"
#include "apps/boathouse/output.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/record.hpp"
#include "core/wire/chunk.hpp"
#include "server/backup/backup.hpp"
#include "server/backup/clickhouse.hpp"
#include "server/control/accounts.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/timeseries/loader.hpp"
#include "server/timeseries/reconciler.hpp"
#include "server/timeseries/test_clickhouse.hpp"
#include "tests/support/paths.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using ledger::uuid;

class ClickHouseBackupTest : public ledger::LedgerFixture {
 protected:
  ClickHouseBackupTest() : LedgerFixture(sql::Dialect::sqlite) {}

  void SetUp() override {
    ASSERT_TRUE(fs::exists(engine_binary_)) << "no " << engine_binary_ << ": build boathouse-engine first";
    LedgerFixture::SetUp();
    ASSERT_TRUE(control::Accounts::open(folder_.path(), clock_, random_));
    options_.data = folder_.path();
    options_.to = elsewhere_.file("backups");
    options_.from = options_.to;
    options_.engine_binary = engine_binary_;
  }

  static base::Uuid recording(std::uint64_t n) { return uuid(1000 + n); }
  void birth(std::uint64_t n) { put_one(ledger::birth_entry(recording(n))); }
  // Ten samples.
  void store(std::uint64_t n, std::uint64_t index) {
    std::vector<rowing::Record> records;
    for (std::uint64_t i = 0; i < 10; ++i) {
      rowing::Record record;
      record.stream = rowing::Stream::sample;
      record.values.assign(rowing::metrics(record.stream).size(), rowing::kNull);
      record.values[0] = static_cast<std::int64_t>(10 * index + i);
      records.push_back(std::move(record));
    }
    auto chunk = wire::seal_chunk(rowing::Stream::sample, 10 * index, records);
    ASSERT_TRUE(chunk);
    ledger::Entry entry = ledger::chunk_entry(recording(n), rowing::Stream::sample, 10 * index, 10 * index + 10);
    entry.body = chunk->body;
    entry.sha256 = chunk->sha256;
    put_one(std::move(entry));
  }

  // The engine of a data folder, for as long as `work` takes.
  template <typename Work>
  void with_engine(const std::string& data, Work work) {
    auto engine = EngineAccess::open(data, engine_binary_, true);
    ASSERT_TRUE(engine) << engine.error().text;
    work((*engine)->client());
  }
  void load() {
    with_engine(folder_.path(), [this](timeseries::ClickHouseClient& client) { load(*ledger_, client); });
  }
  static void load(ledger::Ledger& ledger, timeseries::ClickHouseClient& client) {
    timeseries::Loader loader(ledger, client, {}, [](std::string_view) {});
    const base::Status loaded = loader.drain();
    EXPECT_TRUE(loaded) << loaded.error().text;
  }
  static std::int64_t samples(timeseries::ClickHouseClient& client) {
    const auto block = client.select("SELECT count() AS n FROM sample FINAL");
    EXPECT_TRUE(block) << block.error().text;
    return block ? block->integer("n", 0) : -1;
  }

  // The engine of a folder, as a server of its own whose password is in `password_file`.
  class EngineElsewhere {
   public:
    EngineElsewhere(const std::string& binary, const std::string& folder, const std::string& password_file,
                    const std::string& password)
        : engine_(
              {binary, folder, password_file, password},
              [this](const timeseries::Endpoint& endpoint) {
                if (!endpoint.url.empty()) started_.set_value(endpoint);
              },
              [](std::string_view) {}) {
      EXPECT_TRUE(engine_.start());
      endpoint_ = started_.get_future().get();
    }
    ~EngineElsewhere() { engine_.stop(); }
    EngineElsewhere(const EngineElsewhere&) = delete;
    EngineElsewhere& operator=(const EngineElsewhere&) = delete;
    [[nodiscard]] const timeseries::Endpoint& endpoint() const { return endpoint_; }

   private:
    std::promise<timeseries::Endpoint> started_;
    timeseries::EngineProcess engine_;
    timeseries::Endpoint endpoint_{};
  };
  std::unique_ptr<EngineElsewhere> engine_on(const std::string& folder, const std::string& password_file) {
    const auto password = make_engine_password(password_file, random_);
    EXPECT_TRUE(password);
    return std::make_unique<EngineElsewhere>(engine_binary_, folder, password_file, *password);
  }
  // Of every table of the server's own folder, while no engine has it open.
  void damage_parts() {
    std::size_t damaged = 0;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder_.file("clickhouse/store"))) {
      const std::string path = entry.path().string();
      if (!entry.is_regular_file() || !path.ends_with(".bin") || fs::file_size(entry) < 100) continue;
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(60);
      file << "damage";
      ++damaged;
    }
    ASSERT_GT(damaged, 0u);
  }

  // A new data folder from the newest backup. `rows`: of samples in ClickHouse; `to_load`: chunks that wait.
  void expect_restored(const std::string& name, std::int64_t rows, std::uint64_t to_load) {
    BackupOptions options = options_;
    options.data = folder_.file(name);
    ASSERT_EQ(app::restore(options), kDone);
    auto ledger = ledger::Ledger::open({.place = {.sqlite_file = options.data + "/ledger.db"}}, clock_, random_);
    ASSERT_TRUE(ledger) << ledger.error().text;
    EXPECT_EQ((*ledger)->counts()->unloaded_chunks, to_load);
    with_engine(options.data, [&](timeseries::ClickHouseClient& client) {
      if (rows >= 0) {
        EXPECT_EQ(samples(client), rows);
      }
      load(**ledger, client);
      const auto found = timeseries::reconcile_some(**ledger, client, std::nullopt, [] { return false; });
      ASSERT_TRUE(found) << found.error().text;
      EXPECT_TRUE(found->differences.empty());
      EXPECT_EQ(found->misplaced, 0u);
      EXPECT_EQ(found->unloaded_chunks, 0u);
    });
    for (const fs::directory_entry& entry : fs::directory_iterator(options.data)) {
      EXPECT_EQ(entry.path().filename().string().find("password"), std::string::npos) << "the engine's, which is gone";
    }
  }
  // After a reload of the server's own folder.
  void expect_reloaded(std::uint64_t to_load) {
    reopen();
    EXPECT_EQ(ledger_->counts()->unloaded_chunks, to_load);
    with_engine(folder_.path(), [&](timeseries::ClickHouseClient& client) {
      load(*ledger_, client);
      const auto found = timeseries::reconcile_some(*ledger_, client, std::nullopt, [] { return false; });
      ASSERT_TRUE(found) << found.error().text;
      EXPECT_TRUE(found->differences.empty());
      EXPECT_EQ(found->misplaced, 0u);
      const auto sum = client.select("SELECT count() AS n, sum(seq) AS s FROM sample FINAL");
      ASSERT_TRUE(sum);
      EXPECT_EQ(sum->integer("n", 0), 30);
      EXPECT_EQ(sum->integer("s", 0), 3 * 45);
    });
  }
  [[nodiscard]] backup::Manifest newest() const {
    const auto backups = backup::list(options_.to);
    EXPECT_TRUE(backups);
    return backups->front().manifest.value();
  }
  [[nodiscard]] fs::path clickhouse_file(std::size_t index) const {
    return fs::path(options_.to) / "clickhouse" / newest().clickhouse->files.at(index).name;
  }

  const test_support::TemporaryFolder elsewhere_;
  const std::string engine_binary_ = test_support::engine_binary().string();
  BackupOptions options_;
};

TEST_F(ClickHouseBackupTest, WhatItHasIsRestoredAndOnlyTheRestIsLoaded) {
  birth(1);
  birth(2);
  for (std::uint64_t i = 0; i < 3; ++i) store(1, i);
  store(2, 0);
  load();
  store(2, 1);  // nobody has loaded it when the backup is made
  // A recording that the ledger does not know, and rows of chunks that came after its part of the backup.
  with_engine(folder_.path(), [](timeseries::ClickHouseClient& client) {
    ASSERT_TRUE(
        client.execute("INSERT INTO sample (athlete, started, rec_id, seq, ver) SELECT athlete, started, "
                       "toUUID('00000000-0000-7000-8000-000000000009'), seq, ver FROM sample WHERE seq < 5"));
    ASSERT_TRUE(
        client.execute("INSERT INTO sample (athlete, started, rec_id, seq, ver) SELECT athlete, started, "
                       "rec_id, seq + 1000, ver + 1000 FROM sample WHERE seq < 5"));
  });
  ASSERT_EQ(backup_create(options_), kDone);
  ASSERT_TRUE(newest().clickhouse);
  EXPECT_EQ(newest().clickhouse->files.size(), 1u);
  EXPECT_EQ(backup_verify(options_), kDone);
  expect_restored("new", 30, 2);  // the second recording is loaded as a whole
}

TEST_F(ClickHouseBackupTest, AnIncrementHasWhatIsNewAndIsGoodElsewhereToo) {
  birth(1);
  for (std::uint64_t i = 0; i < 20; ++i) store(1, i);
  load();
  ASSERT_EQ(backup_create(options_), kDone);
  birth(2);
  store(2, 0);
  load();
  ASSERT_EQ(backup_create(options_), kDone);
  const backup::Manifest made = newest();
  ASSERT_TRUE(made.clickhouse);
  ASSERT_EQ(made.clickhouse->files.size(), 2u);
  EXPECT_NE(made.clickhouse->files[1].name.find("increment"), std::string::npos);
  const std::string moved = elsewhere_.file("moved");
  fs::rename(options_.to, moved);
  options_.to = options_.from = moved;
  EXPECT_EQ(backup_verify(options_), kDone);
  expect_restored("new", 210, 0);
  options_.full = true;
  ASSERT_EQ(backup_create(options_), kDone);
  EXPECT_EQ(newest().clickhouse->files.size(), 1u);
}

// A backup without ClickHouse's part came between: the full copy of before the erasure is still the newest one.
TEST_F(ClickHouseBackupTest, NoIncrementStandsOnACopyOfBeforeAnErasure) {
  birth(1);
  for (std::uint64_t i = 0; i < 20; ++i) store(1, i);
  load();
  ASSERT_EQ(backup_create(options_), kDone);
  ASSERT_EQ(backup_create(options_), kDone);
  ASSERT_EQ(newest().clickhouse->files.size(), 2u);
  // The commands have the machine's clock, this ledger has one of its own.
  auto connection = sql::Connection::open({.sqlite_file = folder_.file("ledger.db")});
  ASSERT_TRUE(connection);
  const std::int64_t erased_ms = newest().made_ms;
  ASSERT_TRUE(
      connection->execute("INSERT INTO erasure (athlete, asked_ms, due_ms, erasing_ms, erased_ms) VALUES "
                          "(x'00000000000070008000000000000009', 1, 1, 1, " +
                          std::to_string(erased_ms) + ")"));
  BackupOptions without = options_;
  without.without_clickhouse = true;
  ASSERT_EQ(backup_create(without), kDone);
  ASSERT_EQ(backup_create(options_), kDone);
  ASSERT_TRUE(newest().clickhouse);
  EXPECT_EQ(newest().clickhouse->files.size(), 1u) << "a full one";
  ASSERT_EQ(backup_create(options_), kDone);
  EXPECT_EQ(newest().clickhouse->files.size(), 2u) << "once is enough";
  EXPECT_EQ(backup::holding_from_before(*backup::list(options_.to), erased_ms).size(), 2u);
}

TEST_F(ClickHouseBackupTest, ADamagedPartIsNamedAndLoadedFromTheLedger) {
  birth(1);
  store(1, 0);
  load();
  ASSERT_EQ(backup_create(options_), kDone);
  const fs::path file = clickhouse_file(0);
  fs::resize_file(file, fs::file_size(file) / 2);
  EXPECT_EQ(backup_verify(options_), kFailed);
  const auto found = backup::verify(options_.from, clock_, [](std::uint64_t) { return base::Status(); });
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->differences.empty());
  ASSERT_EQ(found->clickhouse.size(), 1u);
  EXPECT_EQ(found->clickhouse[0].file, file.filename().string());
  expect_restored("damaged", -1, 1);
  fs::remove(file);
  EXPECT_EQ(backup_verify(options_), kFailed);
  expect_restored("missing", -1, 1);
  // The next one does not lean on it.
  ASSERT_EQ(backup_create(options_), kDone);
  EXPECT_EQ(newest().clickhouse->files.size(), 1u);
  expect_restored("again", 10, 0);
}

TEST_F(ClickHouseBackupTest, WithoutItEverythingIsLoaded) {
  birth(1);
  store(1, 0);
  load();
  ASSERT_EQ(backup_create(options_), kDone);
  BackupOptions options = options_;
  options.data = folder_.file("without");
  options.without_clickhouse = true;
  ASSERT_EQ(app::restore(options), kDone);
  auto ledger = ledger::Ledger::open({.place = {.sqlite_file = options.data + "/ledger.db"}}, clock_, random_);
  ASSERT_TRUE(ledger);
  EXPECT_EQ((*ledger)->counts()->unloaded_chunks, 1u);
  EXPECT_FALSE(fs::exists(options.data + "/clickhouse"));

  options = options_;
  options.without_clickhouse = true;
  ASSERT_EQ(backup_create(options), kDone);
  EXPECT_FALSE(newest().clickhouse);
  options = options_;
  options.engine_binary = folder_.file("none");
  ASSERT_EQ(backup_create(options), kDone) << "the ledger's part is what counts";
  EXPECT_FALSE(newest().clickhouse);
  options = options_;
  options.clickhouse = "http://127.0.0.1:1";
  EXPECT_EQ(backup_create(options), kWrongUse);
  EXPECT_EQ(backup_verify(options_), kDone);
  expect_restored("rebuilt", -1, 1);
}

// Rows that went, rows that came from nowhere and a part whose bytes were changed.
TEST_F(ClickHouseBackupTest, AReloadLoadsAgainWhatIsLackingOrDamaged) {
  for (std::uint64_t n = 1; n <= 3; ++n) {
    birth(n);
    store(n, 0);
    load();  // a block, and so a token, of its own
  }
  with_engine(folder_.path(), [](timeseries::ClickHouseClient& client) {
    ASSERT_TRUE(client.execute("DELETE FROM sample WHERE rec_id = {r:UUID}", {{"r", recording(1).text()}}));
    ASSERT_TRUE(
        client.execute("INSERT INTO sample (athlete, started, rec_id, seq, ver) SELECT athlete, started, "
                       "rec_id, seq + 1000, ver FROM sample WHERE rec_id = {r:UUID}",
                       {{"r", recording(2).text()}}));
  });
  EXPECT_EQ(app::reload(options_), kWrongUse) << "the ledger is open";
  ledger_.reset();
  ASSERT_EQ(app::reload(options_), kDone);
  expect_reloaded(2);

  damage_parts();
  ledger_.reset();
  ASSERT_EQ(app::reload(options_), kDone);
  expect_reloaded(3);
}

// A ClickHouse of its own that was restored from its own backup has again what was removed since: rows, session rows
// and all. What it lacks is loaded under new tokens.
TEST_F(ClickHouseBackupTest, AReloadTakesOutOfAnotherServerWhatARestoreBroughtBack) {
  for (std::uint64_t n = 1; n <= 3; ++n) {
    birth(n);
    store(n, 0);
  }
  load();
  const std::string elsewhere = folder_.file("elsewhere");
  fs::create_directory(elsewhere);
  fs::rename(folder_.file("clickhouse"), elsewhere + "/clickhouse");
  const std::string password_file = folder_.file("password");
  const auto engine = engine_on(elsewhere + "/clickhouse", password_file);
  const timeseries::Endpoint endpoint = engine->endpoint();
  timeseries::ClickHouseClient client(endpoint);
  // As if the ledger had removed them after ClickHouse's backup: a recording, a session of two, and one's rows.
  const auto revive = [&](std::uint64_t from, std::uint64_t unknown, const std::string& recordings) {
    ASSERT_TRUE(client.execute("INSERT INTO session SELECT * REPLACE ({r:UUID} AS session, " + recordings +
                                   " AS recordings) FROM session FINAL WHERE has(recordings, {f:UUID})",
                               {{"r", uuid(unknown).text()}, {"f", recording(from).text()}}));
    ASSERT_TRUE(
        client.execute("INSERT INTO sample SELECT * REPLACE ({r:UUID} AS rec_id) FROM sample FINAL WHERE "
                       "rec_id = {f:UUID}",
                       {{"r", uuid(unknown).text()}, {"f", recording(from).text()}}));
  };
  revive(1, 77, "[{r:UUID}]");
  revive(2, 78, "[{r:UUID}, {f:UUID}]");
  ASSERT_TRUE(client.execute("DELETE FROM sample WHERE rec_id = {r:UUID}", {{"r", recording(3).text()}}));
  BackupOptions options = options_;
  options.clickhouse = endpoint.url;
  options.clickhouse_password_file = password_file;

  EXPECT_EQ(app::reload(options), kWrongUse) << "the ledger is open";
  ledger_.reset();
  ASSERT_EQ(app::reload(options), kDone);
  EXPECT_FALSE(fs::exists(folder_.file("clickhouse"))) << "an engine of our own was not asked for";
  const auto counted = [&client](const std::string& sql) {
    const auto block = client.select("SELECT count() AS n FROM " + sql);
    EXPECT_TRUE(block) << block.error().text;
    return block ? block->integer("n", 0) : -1;
  };
  EXPECT_EQ(counted("sample FINAL WHERE rec_id IN ('" + uuid(77).text() + "', '" + uuid(78).text() + "')"), 0);
  EXPECT_EQ(counted("session FINAL WHERE hasAny(recordings, [toUUID('" + uuid(77).text() + "'), toUUID('" +
                    uuid(78).text() + "')])"),
            0);
  reopen();
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 1u) << "the third one's";
  {
    auto connection = sql::Connection::open({.sqlite_file = folder_.file("ledger.db")});
    ASSERT_TRUE(connection);
    auto round = connection->prepare("SELECT min(round), (SELECT last_seq FROM state) FROM unloaded");
    ASSERT_TRUE(round && *round->step());
    EXPECT_GT(round->integer(0), 0) << "tokens that ClickHouse never saw";
    EXPECT_EQ(round->integer(0), round->integer(1));
  }
  load(*ledger_, client);
  EXPECT_EQ(samples(client), 30);
  EXPECT_EQ(counted("session FINAL"), 3) << "with the one that shared a row";
}

// The ledger's epoch is renewed only when the rest can be done, too; of several servers the one that answers does it.
TEST_F(ClickHouseBackupTest, ANewEpochIsBegunWhenClickHouseAnswers) {
  birth(1);
  store(1, 0);
  load();
  const std::string epoch = ledger_->epoch();
  ledger_.reset();
  const std::string password_file = folder_.file("password");
  const auto engine = engine_on(folder_.file("clickhouse"), password_file);
  const std::string nobody = "http://127.0.0.1:1";
  BackupOptions options = options_;
  options.new_epoch = true;
  options.clickhouse_password_file = password_file;
  const auto epoch_after = [&](const std::string& servers, int code) {
    options.clickhouse = servers;
    EXPECT_EQ(app::reload(options), code) << servers;
    reopen();
    const std::string now = ledger_->epoch();
    ledger_.reset();
    return now;
  };
  EXPECT_EQ(epoch_after("127.0.0.1:8123", kFailed), epoch);
  EXPECT_EQ(epoch_after(nobody, kFailed), epoch);
  const std::string good = engine->endpoint().url;
  options.clickhouse_user = "somebody";
  EXPECT_EQ(epoch_after(good, kFailed), epoch);
  options.clickhouse_user = "default";
  EXPECT_NE(epoch_after(nobody + "," + good, kDone), epoch);

  options.clickhouse = good + "," + good;
  options.clickhouse_backup_to = "https://bucket.s3.eu-central-1.amazonaws.com/clickhouse";
  EXPECT_EQ(app::backup_create(options), kWrongUse) << "a backup is the work of one";
  EXPECT_EQ(app::backup_verify(options), kWrongUse);
  options.data = folder_.file("new");
  EXPECT_EQ(app::restore(options), kWrongUse);
}

// Reading the parts takes the longest, and comes before the epoch. What fails later leaves nothing to be guessed.
TEST_F(ClickHouseBackupTest, ANewEpochIsBegunWhenThePartsAreRead) {
  const std::string epoch = ledger_->epoch();
  ledger_.reset();
  timeseries::FakeClickHouse clickhouse;
  const auto texts = [](const char* name, std::vector<std::string> values) {
    return timeseries::NativeColumn{name, "String", {}, std::move(values), {}, {}, {}};
  };
  clickhouse.answer_selects("FROM system.parts", {1, {texts("table", {"sample"}), texts("name", {"2026_1_1_0"})}});
  BackupOptions options = options_;
  options.engine_binary.clear();
  options.new_epoch = true;
  options.clickhouse = clickhouse.url();
  options.clickhouse_password_file = folder_.file("its password");
  ASSERT_TRUE(make_engine_password(options.clickhouse_password_file, random_));
  const auto said = [&] {
    testing::internal::CaptureStderr();
    EXPECT_EQ(app::reload(options), kFailed);
    return testing::internal::GetCapturedStderr();
  };
  const auto epoch_now = [&] {
    reopen();
    const std::string now = ledger_->epoch();
    ledger_.reset();
    return now;
  };
  const std::string rest = "--data " + folder_.path() + " --clickhouse " + clickhouse.url() +
                           " --clickhouse-user default --clickhouse-password-file '" +
                           options.clickhouse_password_file + "'\n";
  clickhouse.fail_statements("CHECK TABLE", "Code: 159. DB::Exception: it takes too long (TIMEOUT_EXCEEDED)");
  const std::string unread = said();
  EXPECT_NE(unread.find("run it again: boathouse reload --new-epoch " + rest), std::string::npos) << unread;
  EXPECT_EQ(epoch_now(), epoch);

  clickhouse.fail_statements("CHECK TABLE", "Code: 232. DB::Exception: no such part (NO_SUCH_DATA_PART)");
  clickhouse.fail_statements("extract(engine_full", "Code: 1000. DB::Exception: why");
  const std::string begun = said();
  EXPECT_NE(begun.find("run it again, the new epoch stays: boathouse reload " + rest), std::string::npos) << begun;
  EXPECT_NE(epoch_now(), epoch);
}

// ClickHouse drops no table of more than 50 GB unless it is told to; here that is one byte.
TEST_F(ClickHouseBackupTest, ADamagedTableIsMadeAnewHoweverLargeItIs) {
  birth(1);
  store(1, 0);
  load();
  damage_parts();
  ledger_.reset();
  const auto engine = engine_on(folder_.file("clickhouse"), folder_.file("password"));
  timeseries::Endpoint endpoint = engine->endpoint();
  endpoint.settings = "&max_table_size_to_drop=1";
  timeseries::ClickHouseClient client(endpoint);
  const base::Status refused = client.execute("DROP TABLE sample SYNC");
  ASSERT_FALSE(refused);
  ASSERT_NE(refused.error().text.find("359"), std::string::npos) << refused.error().text;
  const auto done = backup::reload(client, place_, [](std::uint64_t) { return base::Status(); });
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_FALSE(done->made_anew.empty());
  EXPECT_EQ(done->to_load, 1u);
}

// Signs that could end a literal stay inside of it; ClickHouse reads the statements as they are meant.
TEST_F(ClickHouseBackupTest, TheStatementsAreThoseOfClickHouse) {
  EXPECT_EQ(backup::file_place("/mnt/it's \\ here/a.tar"), "File('/mnt/it\\'s \\\\ here/a.tar')");
  const std::string full = backup::s3_place("https://bucket.s3.eu-central-1.amazonaws.com/clickhouse/", "full");
  EXPECT_EQ(full, "S3('https://bucket.s3.eu-central-1.amazonaws.com/clickhouse/full')");
  with_engine(folder_.path(), [&](timeseries::ClickHouseClient& client) {
    for (const std::string& statement :
         {backup::backup_statement(full, "", "an id"), backup::backup_statement(full, full, "an 'id'"),
          backup::restore_statement(full, "", "x"), backup::restore_statement(full, full, "x"),
          backup::backup_statement(backup::file_place("/it's"), "", "x")}) {
      const auto read = client.select("SELECT formatQuerySingleLine({q:String}) AS q", {{"q", statement}});
      ASSERT_TRUE(read) << read.error().text;
      EXPECT_NE(read->find("q")->texts[0].find(statement.substr(0, statement.find(" SETTINGS"))), std::string::npos)
          << read->find("q")->texts[0];
    }
    EXPECT_FALSE(client.select("SELECT formatQuerySingleLine({q:String}) AS q", {{"q", "BACKUP DATABASE TO x"}}));
  });
}

}  // namespace
}  // namespace boathouse::app
