// For tests: accounts on either database.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "server/control/accounts.hpp"
#include "server/control/test_call.hpp"
#include "server/sql/test_postgres.hpp"

namespace boathouse::control {

class AccountsFixture : public testing::Test {
 protected:
  explicit AccountsFixture(sql::Dialect dialect) : database_(dialect, folder_.file("control.db")) {}

  void SetUp() override {
    ASSERT_EQ(database_.missing(), "");
    reopen();
  }

  void reopen() {
    accounts_.reset();
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().text;
    accounts_ = std::move(*opened);
  }
  base::Result<std::unique_ptr<Accounts>> open() { return Accounts::open(folder_.path(), clock_, random_, place_); }

  NewKey key_of(const std::string& name) {
    auto key = accounts_->create_athlete_key(name);
    EXPECT_TRUE(key) << key.error().text;
    return *key;
  }
  Key listed(const base::Uuid& id) {
    const auto keys = accounts_->keys(std::nullopt, 100);
    for (const Key& key : *keys) {
      if (key.id == id) {
        return key;
      }
    }
    ADD_FAILURE() << "not listed";
    return {};
  }

  TemporaryFolder folder_;
  sql::TestDatabase database_;
  const sql::Place& place_ = database_.place();
  base::ManualClock clock_{1'700'000'000'000};
  base::SystemRandom random_;
  std::unique_ptr<Accounts> accounts_;
};

// The same on each of both: INSTANTIATE_TEST_SUITE_P(Databases, ..., kDatabases, name_of_database).
class OnBothTest : public AccountsFixture, public testing::WithParamInterface<sql::Dialect> {
 protected:
  OnBothTest() : AccountsFixture(GetParam()) {}
};
inline const auto kDatabases = testing::Values(sql::Dialect::sqlite, sql::Dialect::postgres);
inline std::string name_of_database(const testing::TestParamInfo<sql::Dialect>& of) {
  return of.param == sql::Dialect::sqlite ? "sqlite" : "postgres";
}

}  // namespace boathouse::control
