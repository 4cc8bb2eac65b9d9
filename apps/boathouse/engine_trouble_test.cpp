// What becomes of rows when the real engine is asked too much, has no room, or is killed.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "apps/boathouse/doctor.hpp"
#include "apps/boathouse/test_engine_store.hpp"
#include "server/timeseries/reconciler.hpp"
#include "server/timeseries/rolling_reconciler.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::app {
namespace {

using ledger::uuid;
using timeseries::ClickHouseClient;

constexpr std::int64_t kStarted = 1'700'000'000'000;

class EngineTroubleTest : public EngineStoreFixture {
 protected:
  void expect_equal_counts(std::int64_t samples) {
    const auto found = timeseries::reconcile_some(*ledger_, client(), std::nullopt, [] { return false; });
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_TRUE(found->differences.empty());
    EXPECT_EQ(found->misplaced, 0U);
    EXPECT_EQ(found->unloaded_chunks, 0U);
    EXPECT_EQ(number("SELECT count() AS n FROM sample FINAL"), samples);
  }
};

TEST_F(EngineTroubleTest, AQuestionThatIsTooLongOrTooWideEndsAndSaysWhatToDo) {
  ClickHouseClient impatient({endpoint()}, {.select_limit_ms = 100}, clock_);
  // As many as the engine has handles: each is free again afterwards.
  for (int i = 0; i < 8; ++i) {
    const auto too_long =
        impatient.select("SELECT count() AS n FROM numbers(1000000000000) WHERE sipHash64(number) = 1");
    ASSERT_FALSE(too_long);
    EXPECT_NE(too_long.error().text.find("Code: 159."), std::string::npos) << too_long.error().text;
    EXPECT_NE(too_long.error().text.find("-> ask for less at once"), std::string::npos) << too_long.error().text;
    EXPECT_TRUE(timeseries::is_transient(too_long.error()));
  }
  const auto too_wide = client().select(
      "SELECT sum(length(range(toUInt64(1000000000000)))) AS n SETTINGS function_range_max_elements_in_block = "
      "1000000000000");
  ASSERT_FALSE(too_wide);
  EXPECT_NE(too_wide.error().text.find("Code: 241."), std::string::npos) << too_wide.error().text;
  EXPECT_NE(too_wide.error().text.find("-> ask for less at once"), std::string::npos) << too_wide.error().text;
  const auto too_many = client().select("SELECT count() AS n FROM numbers(1000) SETTINGS max_rows_to_read = 10");
  ASSERT_FALSE(too_many);
  EXPECT_NE(too_many.error().text.find("Code: 158."), std::string::npos) << too_many.error().text;
  EXPECT_NE(too_many.error().text.find("-> ask for less at once"), std::string::npos) << too_many.error().text;

  store(1, kStarted);
  const base::Status loaded = load();
  EXPECT_TRUE(loaded) << loaded.error().text;
  expect_equal_counts(10);
}

// The engine ends it by itself, and the next question on the same connection is bounded no more.
TEST_F(EngineTroubleTest, AResultThatIsTooLargeEnds) {
  constexpr std::size_t kMost = std::size_t{8} << 20;
  const auto long_texts = [this](int rows, const std::string& settings, const timeseries::SelectBounds& bounds) {
    // Of different lengths: the same one for all rows would count once.
    const std::string sql =
        "SELECT repeat('x', 65536 - number % 2) AS t FROM numbers(" + std::to_string(rows) + ")" + settings;
    return client().select(sql, {}, bounds);
  };
  const auto by_the_engine = long_texts(1000, " SETTINGS max_result_bytes = " + std::to_string(kMost), {});
  ASSERT_FALSE(by_the_engine);
  EXPECT_NE(by_the_engine.error().text.find("Code: 396."), std::string::npos) << by_the_engine.error().text;
  const auto too_large = long_texts(1000, "", {.result_bytes = kMost});
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code, base::ErrorCode::too_large) << too_large.error().text;
  for (const int rows : {120, 1000}) {
    const auto bounds = rows == 120 ? timeseries::SelectBounds{.result_bytes = kMost} : timeseries::SelectBounds{};
    const auto all = long_texts(rows, "", bounds);
    ASSERT_TRUE(all) << all.error().text;
    EXPECT_EQ(all->rows, static_cast<std::size_t>(rows));
  }
}

// Killed while rows are on their way in: what was not acknowledged comes again under its token.
TEST_F(EngineTroubleTest, AnEngineThatIsKilledInTheMiddleOfAnInsertCountsEachRowOnce) {
  constexpr std::size_t kRows = 4'000;
  ASSERT_TRUE(timeseries::migrate(client()));
  std::uint64_t recordings = 0;
  int killed = 0;
  for (int round = 0; round < 20 && killed < 2; ++round) {
    for (int i = 0; i < 25; ++i) store(++recordings, kStarted, kRows);
    std::atomic<bool> ended{false};
    base::Status loaded;
    std::thread loader([&] {
      loaded = load();
      ended = true;
    });
    while (!ended) {
      const auto running = client().select("SELECT count() AS n FROM system.processes WHERE query_kind = 'Insert'");
      if (!running || running->integer("n", 0) == 0) continue;
      std::ifstream status(clickhouse() + "/status");
      std::string word;
      pid_t pid = 0;
      EXPECT_TRUE(status >> word >> pid) << "PID: and its number";
      if (pid > 0 && ::kill(pid, SIGKILL) == 0) ++killed;
      break;
    }
    loader.join();
    wait_for_starts(1 + killed);
    const base::Status rest = load();
    ASSERT_TRUE(rest) << rest.error().text;
    expect_equal_counts(static_cast<std::int64_t>(recordings * kRows));
  }
  EXPECT_EQ(killed, 2) << "no insert was seen on its way";
}

// Not under the tokens that ClickHouse remembers: it would pass over the same rows.
TEST_F(EngineTroubleTest, SessionRowsThatAreLostAreWrittenAgain) {
  store(1, kStarted);
  store(2, kStarted + 1000);
  ASSERT_TRUE(load());
  timeseries::RollingReconciler reconciler(*ledger_, client(), clock_, {}, [](std::string_view) {});
  const auto run = [&] {
    const base::Status done = reconciler.run([] { return base::Status(); });
    ASSERT_TRUE(done) << done.error().text;
  };
  run();
  EXPECT_EQ(reconciler.state().differences, 0U);
  execute("ALTER TABLE session DELETE WHERE session = '" + uuid(1).text() + "' SETTINGS mutations_sync = 2");
  ASSERT_EQ(number("SELECT count() AS n FROM session FINAL"), 1);
  run();
  EXPECT_EQ(reconciler.state().differences, 1U);
  ASSERT_TRUE(load());
  run();
  EXPECT_EQ(reconciler.state().repaired, 1U);
  expect_equal_counts(20);
}

TEST_F(EngineTroubleTest, TheDoctorFindsAPartThatIsDamaged) {
  store(1, kStarted, 4'000);
  ASSERT_TRUE(load());
  note_engine(folder_.path(), endpoint());
  DoctorOptions options;
  options.data = folder_.path();
  const auto parts = [&] {
    for (const Finding& finding : examine(options)) {
      if (finding.check == "parts") return finding;
    }
    return Finding{};
  };
  const Finding whole = parts();
  EXPECT_EQ(whole.health, Health::ok) << whole.text;
  EXPECT_EQ(whole.text, "2 of ClickHouse's 2 parts were read and are whole");

  const std::string file =
      text("SELECT path AS t FROM system.parts WHERE active AND table = 'sample' AND database = currentDatabase()") +
      "data.bin";
  std::fstream data(file, std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(data) << file;
  data.seekp(100);
  data << std::string(16, 'x');
  data.close();
  const Finding damaged = parts();
  EXPECT_EQ(damaged.health, Health::fail) << damaged.text;
  EXPECT_TRUE(damaged.text.starts_with("ClickHouse's part sample 2023_")) << damaged.text;
  const auto read = client().select("SELECT sum(cityHash64(*)) AS n FROM sample");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().text.find("run `boathouse reload --data DIR`"), std::string::npos) << read.error().text;
}

// Where the blocks of a part's columns begin stands in a file of its own; without it the error is one of the library's.
TEST_F(EngineTroubleTest, APartWithoutItsMarksSaysWhatToDo) {
  store(1, kStarted, 4'000);
  ASSERT_TRUE(load());
  const std::string part =
      text("SELECT path AS t FROM system.parts WHERE active AND table = 'sample' AND database = currentDatabase()");
  int marks = 0;
  for (const auto& file : std::filesystem::directory_iterator(part)) {
    if (file.path().extension().string().starts_with(".cmrk")) marks += std::filesystem::remove(file.path()) ? 1 : 0;
  }
  ASSERT_EQ(marks, 1) << part;
  execute("SYSTEM DROP MARK CACHE");
  const auto read = client().select("SELECT sum(cityHash64(*)) AS n FROM sample");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().text.find("run `boathouse reload --data DIR`"), std::string::npos) << read.error().text;

  note_engine(folder_.path(), endpoint());
  DoctorOptions options;
  options.data = folder_.path();
  const auto findings = examine(options);
  const auto parts = std::ranges::find(findings, "parts", &Finding::check);
  ASSERT_NE(parts, findings.end());
  EXPECT_EQ(parts->health, Health::fail) << parts->text;
  EXPECT_TRUE(parts->text.starts_with("ClickHouse's part sample 2023_")) << parts->text;
}

// A disk of its own, which is small.
class FullDiskTest : public EngineTroubleTest {
 protected:
  void prepare() override {
    std::filesystem::create_directory(clickhouse());
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", clickhouse().c_str(), "tmpfs", 0, "size=32m") != 0) {
      GTEST_SKIP() << "no small disk can be mounted here: " << std::strerror(errno);
    }
    mounted_ = true;
  }
  void TearDown() override {
    EngineTroubleTest::TearDown();
    if (mounted_) ::umount2(clickhouse().c_str(), MNT_DETACH);
  }

 private:
  bool mounted_ = false;
};

TEST_F(FullDiskTest, RowsThatFindNoRoomAreLoadedWhenThereIsSome) {
  ASSERT_TRUE(timeseries::migrate(client()));
  const std::string filler = clickhouse() + "/filler";
  {
    std::ofstream fill(filler, std::ios::binary);
    const std::string mebibyte(1 << 20, 'x');
    for (int i = 0; i < 64 && fill; ++i) fill << mebibyte << std::flush;
    ASSERT_FALSE(fill) << "the disk is larger than it should be";
  }
  store(1, kStarted);
  const base::Status refused = load();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("Code: 243."), std::string::npos) << refused.error().text;
  EXPECT_NE(refused.error().text.find("its disk is full: free or grow it"), std::string::npos) << refused.error().text;
  EXPECT_TRUE(timeseries::is_transient(refused.error()));
  std::filesystem::remove(filler);
  const base::Status loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().text;
  expect_equal_counts(10);
}

}  // namespace
}  // namespace boathouse::app
