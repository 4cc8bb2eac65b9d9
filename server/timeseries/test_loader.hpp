// For tests of the loader: it, a real ledger with what is stored by hand, and a scripted ClickHouse.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/edit.hpp"
#include "core/wire/facts.hpp"
#include "server/ledger/backup_mark.hpp"
#include "server/timeseries/loader.hpp"
#include "server/timeseries/test_clickhouse.hpp"

namespace boathouse::timeseries {

class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "loader_test_XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    open();
  }
  ~LoaderTest() override {
    ledger_.reset();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    ledger_.reset();
    auto opened = ledger::Ledger::open({.place = {.sqlite_file = folder_ / "ledger.db"}}, clock_, random_);
    ASSERT_TRUE(opened.ok()) << opened.error().text;
    ledger_ = std::move(*opened);
    loader_ = std::make_unique<Loader>(*ledger_, client_, Loader::Options{}, [](std::string_view) {});
  }

  // A birth and one chunk of `count` samples. What the chunk was answered.
  wire::ItemResult store(std::uint8_t recording, std::size_t count, std::uint8_t athlete = 1) {
    ledger::Submission submission;
    submission.athlete.bytes[0] = athlete;
    rowing::Birth birth;
    birth.rec_id.bytes[15] = recording;
    birth.started_ms = 1795372620000;
    const std::string json = wire::encode_birth(birth);
    ledger::Entry entry;
    entry.kind = wire::ItemKind::birth;
    entry.rec_id = birth.rec_id;
    entry.started_ms = birth.started_ms;
    entry.body.assign(json.begin(), json.end());
    entry.sha256 = base::sha256(entry.body);
    submission.entries.push_back(std::move(entry));

    std::vector<rowing::Record> records(count);
    for (std::size_t i = 0; i < count; ++i) {
      records[i].values.assign(rowing::metrics(rowing::Stream::sample).size(), static_cast<std::int64_t>(i % 100));
    }
    const auto chunk = wire::seal_chunk(rowing::Stream::sample, 0, records);
    EXPECT_TRUE(chunk.ok());
    entry = {};
    entry.rec_id = birth.rec_id;
    entry.to = chunk->to;
    entry.version = chunk->version;
    entry.sha256 = chunk->sha256;
    entry.body = chunk->body;
    submission.entries.push_back(std::move(entry));

    std::promise<wire::ItemResult> done;
    ledger_->submit(std::move(submission), [&](const auto& results) {
      EXPECT_TRUE(results.ok());
      done.set_value(results.ok() ? results->at(1) : wire::ItemResult{});
    });
    return done.get_future().get();
  }

  // In the database, as a damaged disk or a newer program has it.
  void execute(const std::string& sql) {
    auto connection = sql::Connection::open({.sqlite_file = folder_ / "ledger.db"});
    ASSERT_TRUE(connection.ok());
    const auto done = connection->execute(sql);
    ASSERT_TRUE(done.ok()) << done.error().text;
  }
  // Those that have a row.
  std::set<base::Uuid> sessions() {
    std::set<base::Uuid> all;
    for (const Insert& insert : clickhouse_.inserts("session")) {
      const auto rows = read_native(base::as_bytes(insert.body));
      all.insert(rows->find("session")->uuids.begin(), rows->find("session")->uuids.end());
    }
    return all;
  }

  // The first athlete says that they are one workout.
  void link(const base::Uuid& session, const base::Uuid& other) {
    rowing::Edit edit;
    edit.op_id.bytes[0] = 9;
    edit.op_seq = 1;
    edit.session = session;
    edit.field = rowing::EditField::link;
    edit.other = other;
    edit.flag = true;
    const std::string json = wire::encode_edit(edit);
    ledger::Entry entry;
    entry.kind = wire::ItemKind::edit;
    entry.rec_id = session;
    entry.body.assign(json.begin(), json.end());
    entry.sha256 = base::sha256(entry.body);
    entry.edit = edit;
    ledger::Submission submission;
    submission.athlete.bytes[0] = 1;
    submission.entries.push_back(std::move(entry));
    std::promise<bool> done;
    ledger_->submit(std::move(submission), [&](const auto& results) { done.set_value(results.ok()); });
    ASSERT_TRUE(done.get_future().get());
  }

  // A verified backup has all that is stored.
  void note_backup() {
    auto connection = sql::Connection::open({.sqlite_file = folder_ / "ledger.db"});
    ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(), {"backup", 1'000'000, 1}).ok());
  }

  // The tables that rows were deleted from, in order.
  std::vector<std::string> deletes() {
    std::vector<std::string> tables;
    for (const std::string& statement : clickhouse_.statements()) {
      const std::size_t end = statement.find(" DELETE WHERE ");
      if (end != std::string::npos) tables.push_back(statement.substr(12, end - 12));
    }
    return tables;
  }

  std::filesystem::path folder_;
  base::ManualClock clock_{1795372620000, 0};
  base::SystemRandom random_;
  FakeClickHouse clickhouse_;
  ClickHouseClient client_{Endpoint{clickhouse_.url()}};
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<Loader> loader_;
};

}  // namespace boathouse::timeseries
