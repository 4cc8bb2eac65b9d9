// For tests of what a real engine does with the server's rows: a ledger, an engine that is started again when it dies,
// the client of both.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "apps/boathouse/engine_access.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/record.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/facts.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"
#include "server/timeseries/engine_process.hpp"
#include "server/timeseries/loader.hpp"
#include "tests/support/paths.hpp"

namespace boathouse::app {

// One engine for each test; its folder is the ledger's.
class EngineStoreFixture : public ledger::LedgerFixture {
 protected:
  EngineStoreFixture() : LedgerFixture(sql::Dialect::sqlite) {}

  void SetUp() override {
    const std::string binary = test_support::engine_binary().string();
    ASSERT_TRUE(std::filesystem::exists(binary)) << "no " << binary << ": build boathouse-engine first";
    LedgerFixture::SetUp();
    prepare();
    if (IsSkipped()) return;
    const std::string password_file = folder_.file("engine.password");
    const auto password = make_engine_password(password_file, random_);
    ASSERT_TRUE(password) << password.error().text;
    engine_ = std::make_unique<timeseries::EngineProcess>(
        timeseries::EngineProcess::Options{
            .binary = binary, .data_path = clickhouse(), .password_file = password_file, .password = *password},
        [this](const timeseries::Endpoint& endpoint) {
          client_.set_endpoint(endpoint);
          const std::lock_guard lock(mutex_);
          endpoint_ = endpoint;
          if (!endpoint.url.empty()) ++starts_;
          changed_.notify_all();
        },
        [](std::string_view) {});
    ASSERT_TRUE(engine_->start());
    wait_for_starts(1);
  }
  void TearDown() override { engine_.reset(); }
  // Before the engine is started.
  virtual void prepare() {}

  timeseries::ClickHouseClient& client() { return client_; }
  [[nodiscard]] std::string clickhouse() const { return folder_.file("clickhouse"); }
  timeseries::Endpoint endpoint() {
    const std::lock_guard lock(mutex_);
    return endpoint_;
  }
  void wait_for_starts(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return starts_ >= count; });
  }
  base::Status load() {
    timeseries::Loader loader(*ledger_, client_, {}, [](std::string_view) {});
    return loader.drain();
  }

  // A recording with samples.
  void store(std::uint64_t n, std::int64_t started_ms, std::size_t count = 10) {
    ledger::Entry birth = ledger::birth_entry(ledger::uuid(n));
    rowing::Birth facts = ledger::birth_of(ledger::uuid(n));
    facts.started_ms = birth.started_ms = started_ms;
    const std::string json = wire::encode_birth(facts);
    birth.body.assign(json.begin(), json.end());
    birth.sha256 = base::sha256(birth.body);
    std::vector<rowing::Record> records(count);
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].stream = rowing::Stream::sample;
      records[i].values.assign(rowing::metrics(records[i].stream).size(), static_cast<std::int64_t>(i % 100));
    }
    const auto chunk = wire::seal_chunk(rowing::Stream::sample, 0, records);
    ASSERT_TRUE(chunk);
    ledger::Entry samples = ledger::chunk_entry(ledger::uuid(n), rowing::Stream::sample, 0, records.size());
    samples.body = chunk->body;
    samples.sha256 = chunk->sha256;
    std::vector<ledger::Entry> entries;
    entries.push_back(std::move(birth));
    entries.push_back(std::move(samples));
    put(std::move(entries));
  }

  std::int64_t number(const std::string& sql) {
    const auto block = client_.select(sql);
    EXPECT_TRUE(block) << sql << ": " << block.error().text;
    return block && block->rows == 1 ? block->integer("n", 0) : -1;
  }
  std::string text(const std::string& sql) {
    const auto block = client_.select(sql);
    EXPECT_TRUE(block) << sql << ": " << block.error().text;
    return block && block->rows == 1 ? block->find("t")->texts.at(0) : "";
  }
  void execute(const std::string& sql) {
    const base::Status done = client_.execute(sql);
    ASSERT_TRUE(done) << sql << ": " << done.error().text;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  timeseries::Endpoint endpoint_;
  int starts_ = 0;

 protected:
  timeseries::ClickHouseClient client_{timeseries::Endpoint{}};
  std::unique_ptr<timeseries::EngineProcess> engine_;  // ends before what it tells
};

}  // namespace boathouse::app
