// For tests of the ledger: a folder of its own, entries with made-up bodies (the ledger opens none), calls that wait.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/edit.hpp"
#include "core/wire/facts.hpp"
#include "server/ledger/ledger.hpp"
#include "server/sql/test_postgres.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::ledger {

using test_support::TemporaryFolder;

inline constexpr std::int64_t kDay = 86'400'000;
inline constexpr std::size_t kMany = 1'000'000;  // more than any test has

inline base::Uuid uuid(std::uint64_t number) {
  base::Uuid id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return id;
}

inline rowing::Birth birth_of(const base::Uuid& rec_id) {
  rowing::Birth birth;
  birth.rec_id = rec_id;
  birth.started_ms = 1'700'000'000'000;
  birth.zone = "Europe/Berlin";
  birth.monitor_serial = "430123456";
  return birth;
}

inline Entry birth_entry(const base::Uuid& rec_id, const std::string& serial = "430123456") {
  rowing::Birth birth = birth_of(rec_id);
  birth.monitor_serial = serial;
  const std::string json = wire::encode_birth(birth);
  Entry entry;
  entry.kind = wire::ItemKind::birth;
  entry.rec_id = rec_id;
  entry.started_ms = birth.started_ms;
  entry.body.assign(json.begin(), json.end());
  entry.sha256 = base::sha256(entry.body);
  return entry;
}

inline Entry chunk_entry(const base::Uuid& rec_id, rowing::Stream stream, std::uint64_t from, std::uint64_t to,
                         const std::string& content = "a") {
  const std::string body = content + ":" + std::to_string(from) + "-" + std::to_string(to);
  Entry entry;
  entry.kind = wire::ItemKind::chunk;
  entry.rec_id = rec_id;
  entry.stream = stream;
  entry.from = from;
  entry.to = to;
  entry.version = 1;
  entry.body.assign(body.begin(), body.end());
  entry.sha256 = base::sha256(entry.body);
  return entry;
}

inline Entry seal_entry(const base::Uuid& rec_id, std::uint32_t revision, std::uint64_t count) {
  rowing::Seal seal;
  seal.rec_id = rec_id;
  seal.revision = revision;
  seal.streams[rowing::Stream::sample] = {count, base::sha256(base::as_bytes("root"))};
  const std::string json = wire::encode_seal(seal);
  Entry entry;
  entry.kind = wire::ItemKind::seal;
  entry.rec_id = rec_id;
  entry.revision = revision;
  entry.body.assign(json.begin(), json.end());
  entry.sha256 = base::sha256(entry.body);
  return entry;
}

// A valid edit: `make` fills in field and value.
template <typename Make>
Entry edit_entry(const base::Uuid& session, std::uint64_t op_id, std::int64_t stamp_ms, Make make) {
  rowing::Edit edit;
  edit.op_id = uuid(op_id);
  edit.replica_id = uuid(99);
  edit.op_seq = op_id;
  edit.stamp = {stamp_ms, 0};
  edit.session = session;
  make(edit);
  const std::string json = wire::encode_edit(edit);
  Entry entry;
  entry.kind = wire::ItemKind::edit;
  entry.rec_id = session;
  entry.body.assign(json.begin(), json.end());
  entry.sha256 = base::sha256(entry.body);
  entry.op_id = edit.op_id;
  entry.edit = edit;
  return entry;
}

inline Entry title_entry(const base::Uuid& session, std::uint64_t op_id, const std::string& title = "5 x 500",
                         std::int64_t stamp_ms = 1'700'000'000'000) {
  return edit_entry(session, op_id, stamp_ms, [&title](rowing::Edit& edit) { edit.text = title; });
}

inline Entry flag_entry(const base::Uuid& session, std::uint64_t op_id, rowing::EditField field, bool flag,
                        std::int64_t stamp_ms = 1'700'000'000'000) {
  return edit_entry(session, op_id, stamp_ms, [&](rowing::Edit& edit) {
    edit.field = field;
    edit.flag = flag;
  });
}

using Results = std::vector<wire::ItemResult>;

inline base::Result<Results> submit(Ledger& ledger, const base::Uuid& athlete, std::vector<Entry> entries) {
  std::promise<base::Result<Results>> promise;
  auto answer = promise.get_future();
  ledger.submit(Submission{athlete, uuid(99), std::move(entries)},
                [&promise](base::Result<Results> results) { promise.set_value(std::move(results)); });
  return answer.get();
}

// With another epoch than the fixture's own random numbers would give, so that theirs is a new one.
inline void make_ledger(const sql::Place& place) {
  base::ManualClock clock{1'700'000'100'000};
  base::SeededRandom random{8};
  if (!Ledger::open({.place = place}, clock, random)) std::abort();
}

// A ledger on the database that is named.
class LedgerFixture : public testing::Test {
 protected:
  explicit LedgerFixture(sql::Dialect dialect) : database_(dialect, folder_.file("ledger.db"), make_ledger) {}

  void SetUp() override {
    ASSERT_EQ(database_.missing(), "");
    reopen();
  }

  void reopen(std::size_t max_queued_bytes = std::size_t{64} << 20) {
    ledger_.reset();
    auto opened = Ledger::open({.place = place_, .max_queued_bytes = max_queued_bytes}, clock_, random_);
    ASSERT_TRUE(opened) << opened.error().text;
    ledger_ = std::move(*opened);
  }

  [[nodiscard]] std::string path() const { return place_.sqlite_file; }

  Results put(std::vector<Entry> entries) { return put(kAnna, std::move(entries)); }
  Results put(const base::Uuid& athlete, std::vector<Entry> entries) {
    const std::size_t count = entries.size();
    auto results = submit(*ledger_, athlete, std::move(entries));
    EXPECT_TRUE(results) << results.error().text;
    EXPECT_EQ(results->size(), count);
    return std::move(*results);
  }
  wire::ItemResult put_one(Entry entry) {
    std::vector<Entry> entries;
    entries.push_back(std::move(entry));
    return put(std::move(entries)).at(0);
  }

  // From `since` to the end, in pages of `limit`.
  std::vector<wire::Change> feed(const base::Uuid& athlete, std::int64_t since = 0, std::size_t limit = 1000) {
    std::vector<wire::Change> all;
    while (true) {
      const auto page = ledger_->changes(athlete, since, limit, wire::kMaxChangesBytes);
      EXPECT_TRUE(page) << page.error().text;
      EXPECT_LE(page->changes.size(), limit);
      EXPECT_EQ(page->next, page->changes.empty() ? since : page->changes.back().seq);
      all.insert(all.end(), page->changes.begin(), page->changes.end());
      since = page->next;
      if (!page->more) {
        return all;
      }
    }
  }

  // One number that the database holds.
  std::int64_t number_in_file(const std::string& sql, const std::optional<base::Uuid>& parameter = std::nullopt) {
    std::optional<sql::Connection> own;  // a file is closed again: some tests look at what is left of it
    const bool kept = place_.sqlite_file.empty();
    std::optional<sql::Connection>& connection = kept ? looking_ : own;
    if (!connection) {
      auto opened = sql::Connection::open(place_);
      EXPECT_TRUE(opened) << opened.error().text;
      connection.emplace(std::move(*opened));
    }
    auto select = connection->prepare(sql);
    EXPECT_TRUE(select) << select.error().text;
    if (parameter) {
      select->bind(1, parameter->bytes);
    }
    EXPECT_TRUE(*select->step());
    return select->integer(0);
  }

  static inline const base::Uuid kAnna = uuid(1);
  static inline const base::Uuid kBen = uuid(2);
  static inline const base::Uuid kRec = uuid(100);

  TemporaryFolder folder_;
  sql::TestDatabase database_;
  const sql::Place& place_ = database_.place();
  base::ManualClock clock_{1'700'000'100'000};
  base::SeededRandom random_{7};
  std::optional<sql::Connection> looking_;  // number_in_file()'s: PostgreSQL starts a process for each
  std::unique_ptr<Ledger> ledger_;
};

// The rules of the ledger are the same on both databases: one suite for both.
class LedgerTest : public LedgerFixture, public testing::WithParamInterface<sql::Dialect> {
 protected:
  LedgerTest() : LedgerFixture(GetParam()) {}
};

// What is about the file itself.
class SqliteLedgerTest : public LedgerFixture {
 protected:
  SqliteLedgerTest() : LedgerFixture(sql::Dialect::sqlite) {}
};

inline auto both_databases() { return testing::Values(sql::Dialect::sqlite, sql::Dialect::postgres); }
inline std::string database_name(const testing::TestParamInfo<sql::Dialect>& info) {
  return info.param == sql::Dialect::sqlite ? "sqlite" : "postgres";
}

}  // namespace boathouse::ledger
