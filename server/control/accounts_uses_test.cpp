// When keys were used is saved in nobody's way, and comes to nothing less when that fails.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "server/control/test_accounts.hpp"
#include "server/sql/rows.hpp"

namespace boathouse::control {
namespace {

// More than one statement takes, and not twice as many.
constexpr std::size_t kMany = 300;

class AccountsUsesTest : public OnBothTest {
 protected:
  void make_keys() {
    for (std::size_t i = 0; i < kMany; ++i) {
      keys_.push_back(key_of("Athlete " + std::to_string(i)));
    }
  }
  // All of them, each at a time of its own; the first of these.
  std::int64_t use_all() {
    const std::int64_t first_ms = clock_.utc_ms() + 1;
    for (const NewKey& key : keys_) {
      clock_.advance_ms(1);
      EXPECT_TRUE(accounts_->authenticate(key.text));
    }
    return first_ms;
  }
  // What the database has, in the order of making.
  std::vector<std::int64_t> saved() {
    auto connection = sql::Connection::open(place_);
    auto select = connection->prepare("SELECT last_used_ms FROM api_key ORDER BY id");
    std::vector<std::int64_t> times;
    EXPECT_TRUE(sql::each_row(*select, [&times](const sql::Statement& row) { times.push_back(row.integer(0)); }));
    return times;
  }
  static std::vector<std::int64_t> from(std::int64_t first_ms) {
    std::vector<std::int64_t> times;
    for (std::size_t i = 0; i < kMany; ++i) {
      times.push_back(first_ms + static_cast<std::int64_t>(i));
    }
    return times;
  }

  std::vector<NewKey> keys_;
};

class AccountsUsesOfNodesTest : public AccountsFixture {
 protected:
  AccountsUsesOfNodesTest() : AccountsFixture(sql::Dialect::postgres) {}
};

TEST_P(AccountsUsesTest, ManyAreSavedWhileOthersAreLetIn) {
  make_keys();
  const std::int64_t first_ms = use_all();
  auto writer = sql::Connection::open(place_);
  auto writing = sql::Transaction::begin(*writer);
  ASSERT_TRUE(writing) << writing.error().text;
  std::thread saver([this] { EXPECT_TRUE(accounts_->save_uses()); });  // on SQLite it waits
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(accounts_->refresh());
    EXPECT_TRUE(accounts_->authenticate(keys_.back().text));
    EXPECT_EQ(accounts_->keys(std::nullopt, kMany)->size(), kMany);
  }
  EXPECT_TRUE(writing->commit());
  saver.join();
  EXPECT_EQ(saved(), from(first_ms));
}

TEST_P(AccountsUsesTest, WhatCouldNotBeSavedIsSavedNextTime) {
  make_keys();
  const std::int64_t first_ms = use_all();
  auto connection = sql::Connection::open(place_);
  ASSERT_TRUE(connection->execute("ALTER TABLE api_key RENAME TO elsewhere"));
  EXPECT_FALSE(accounts_->save_uses());
  EXPECT_TRUE(accounts_->authenticate(keys_.back().text)) << "whether the disk is good or not";
  ASSERT_TRUE(connection->execute("ALTER TABLE elsewhere RENAME TO api_key"));
  ASSERT_TRUE(accounts_->save_uses());
  EXPECT_EQ(saved(), from(first_ms));
}

TEST_P(AccountsUsesTest, AnEarlierUseIsNotWrittenOverALaterOne) {
  make_keys();
  const std::int64_t first_ms = use_all();
  auto connection = sql::Connection::open(place_);
  const std::string later = std::to_string(first_ms + 5000);
  ASSERT_TRUE(connection->execute("UPDATE api_key SET last_used_ms = " + later));  // by another node
  ASSERT_TRUE(accounts_->save_uses());
  EXPECT_EQ(saved(), std::vector<std::int64_t>(kMany, first_ms + 5000));
}

// The ledger's commits hold that lock; saving neither waits for it nor takes it.
TEST_F(AccountsUsesOfNodesTest, SavingDoesNotStandInTheRowOfCommits) {
  const NewKey key = key_of("Anna");
  clock_.advance_ms(1000);
  ASSERT_TRUE(accounts_->refresh());
  ASSERT_TRUE(accounts_->authenticate(key.text));
  auto writer = sql::Connection::open(place_);
  const auto writing = sql::Transaction::begin(*writer);
  ASSERT_TRUE(writing) << writing.error().text;
  EXPECT_TRUE(accounts_->save_uses());
  auto reader = sql::Connection::open(place_);
  auto select = reader->prepare("SELECT last_used_ms FROM api_key");
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->integer(0), 1'700'000'001'000);
}

// Two that save the same keys cannot wait for each other in a circle.
TEST_F(AccountsUsesOfNodesTest, ARowThatSomebodyChangesIsNotWaitedFor) {
  const NewKey busy = key_of("Anna");
  const NewKey free = key_of("Ben");
  clock_.advance_ms(1000);
  ASSERT_TRUE(accounts_->refresh());
  ASSERT_TRUE(accounts_->authenticate(busy.text));
  ASSERT_TRUE(accounts_->authenticate(free.text));
  auto changer = sql::Connection::open(place_);
  ASSERT_TRUE(changer->execute(
      "BEGIN; UPDATE api_key SET label = 'x' WHERE id = (SELECT id FROM api_key ORDER BY id LIMIT 1)"));
  EXPECT_TRUE(accounts_->save_uses());
  ASSERT_TRUE(changer->execute("ROLLBACK"));
  auto select = changer->prepare("SELECT last_used_ms FROM api_key ORDER BY id");
  ASSERT_TRUE(*select->step());
  EXPECT_TRUE(select->is_null(0));
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->integer(0), 1'700'000'001'000);
}

INSTANTIATE_TEST_SUITE_P(Databases, AccountsUsesTest, kDatabases, name_of_database);

}  // namespace
}  // namespace boathouse::control
