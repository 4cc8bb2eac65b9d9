// The tables on a real engine: what the loader and the migrations do with rows in them.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/boathouse/engine_access.hpp"
#include "core/base/utc_time.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/record.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/facts.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/timeseries/loader.hpp"
#include "server/timeseries/reconciler.hpp"
#include "server/timeseries/schema.hpp"
#include "server/timeseries/session_summary.hpp"
#include "tests/support/paths.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using ledger::uuid;
using timeseries::ClickHouseClient;

// One engine for each test; its folder is the ledger's.
class EngineStoreTest : public ledger::LedgerFixture {
 protected:
  EngineStoreTest() : LedgerFixture(sql::Dialect::sqlite) {}

  void SetUp() override {
    const std::string binary = test_support::engine_binary().string();
    if (!fs::exists(binary)) GTEST_SKIP() << "no boathouse-engine at " << binary;
    LedgerFixture::SetUp();
    auto engine = EngineAccess::open(folder_.path(), binary, true);
    ASSERT_TRUE(engine) << engine.error().text;
    engine_ = std::move(*engine);
  }
  void TearDown() override { engine_.reset(); }

  ClickHouseClient& client() { return engine_->client(); }
  base::Status load() {
    timeseries::Loader loader(*ledger_, client(), {}, [](std::string_view) {});
    return loader.drain();
  }

  // A recording with ten samples.
  void store(std::uint64_t n, std::int64_t started_ms) {
    ledger::Entry birth = ledger::birth_entry(uuid(n));
    rowing::Birth facts = ledger::birth_of(uuid(n));
    facts.started_ms = birth.started_ms = started_ms;
    const std::string json = wire::encode_birth(facts);
    birth.body.assign(json.begin(), json.end());
    birth.sha256 = base::sha256(birth.body);
    std::vector<rowing::Record> records(10);
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].stream = rowing::Stream::sample;
      records[i].values.assign(rowing::metrics(records[i].stream).size(), static_cast<std::int64_t>(i));
    }
    const auto chunk = wire::seal_chunk(rowing::Stream::sample, 0, records);
    ASSERT_TRUE(chunk);
    ledger::Entry samples = ledger::chunk_entry(uuid(n), rowing::Stream::sample, 0, records.size());
    samples.body = chunk->body;
    samples.sha256 = chunk->sha256;
    std::vector<ledger::Entry> entries;
    entries.push_back(std::move(birth));
    entries.push_back(std::move(samples));
    put(std::move(entries));
  }

  std::int64_t number(const std::string& sql) {
    const auto block = client().select(sql);
    EXPECT_TRUE(block) << sql << ": " << block.error().text;
    return block && block->rows == 1 ? block->integer("n", 0) : -1;
  }
  std::string text(const std::string& sql) {
    const auto block = client().select(sql);
    EXPECT_TRUE(block) << sql << ": " << block.error().text;
    return block && block->rows == 1 ? block->find("t")->texts.at(0) : "";
  }
  void execute(const std::string& sql) {
    const base::Status done = client().execute(sql);
    ASSERT_TRUE(done) << sql << ": " << done.error().text;
  }

  std::unique_ptr<EngineAccess> engine_;
};

// A device may say any year from 1 to 9999, and one block holds recordings of all athletes: one of them must not stop
// what the others have.
TEST_F(EngineStoreTest, ABlockWithRecordingsOfManyYearsIsLoaded) {
  const auto first_of = [](int year) { return base::days_from_civil({year, 1, 1}) * std::int64_t{86'400'000}; };
  std::vector<std::int64_t> starts{first_of(1), first_of(10'000) - 1, first_of(1899), first_of(2300)};
  const std::size_t extremes = starts.size();
  for (int year = 1950; year < 2050; ++year) starts.push_back(first_of(year));
  for (std::size_t n = 0; n < starts.size(); ++n) store(1 + n, starts[n]);
  const base::Status loaded = load();
  ASSERT_TRUE(loaded) << loaded.error().text;
  const auto found = timeseries::reconcile(*ledger_, client(), std::nullopt);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_TRUE(found->differences.empty());
  EXPECT_EQ(found->misplaced, 0U);
  EXPECT_EQ(found->sessions, starts.size());
  EXPECT_EQ(number("SELECT uniqExact(_partition_id) AS n FROM sample"), static_cast<std::int64_t>(starts.size()));
  for (std::size_t n = 0; n < extremes; ++n) {
    EXPECT_EQ(number("SELECT count() AS n FROM sample FINAL WHERE rec_id = '" + uuid(1 + n).text() +
                     "' AND started = fromUnixTimestamp64Milli(toInt64(" + std::to_string(starts[n]) + "), 'UTC')"),
              10)
        << starts[n];
  }
}

}  // namespace
}  // namespace boathouse::app
