// For tests of routes: an operator, Anna and Ben with a key each, a ledger, and a GET as one of them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "server/control/accounts.hpp"
#include "server/control/test_call.hpp"
#include "server/http/router.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::api {

// The routes are the test's to add.
class RoutesFixture : public testing::Test {
 protected:
  RoutesFixture() {
    accounts_ = *control::Accounts::open(folder_.path(), clock_, random_);
    ledger_ = *ledger::Ledger::open({.place = {.sqlite_file = folder_.file("ledger.db")}}, clock_, random_);
    operator_ = accounts_->create_operator_key()->text;
    const auto anna = accounts_->create_athlete_key("Anna");
    anna_key_ = anna->text;
    anna_ = anna->key.athlete->id;
    const auto ben = accounts_->create_athlete_key("Ben");
    ben_key_ = ben->text;
    ben_ = ben->key.athlete->id;
  }

  http::Response get(const std::string& target, const std::string& key) {
    http::Headers headers;
    headers.add("Authorization", "Bearer " + key);
    return control::call(routes_, {http::Method::get, target, std::move(headers), ""});
  }

  control::TemporaryFolder folder_;
  base::ManualClock clock_{1'700'000'100'000};
  base::SystemRandom random_;
  std::unique_ptr<control::Accounts> accounts_;
  std::unique_ptr<ledger::Ledger> ledger_;
  http::RouteTable routes_;
  std::string operator_, anna_key_, ben_key_;
  base::Uuid anna_, ben_;
};

}  // namespace boathouse::api
