// /readyz: nobody who asks it often makes work of it.
#include "server/api/operator_routes.hpp"

#include <gtest/gtest.h>

#include "core/base/random.hpp"
#include "server/control/test_call.hpp"

namespace boathouse::api {
namespace {

TEST(OperatorRoutes, ReadinessIsLookedAtOnceASecond) {
  const control::TemporaryFolder folder;
  base::ManualClock clock{1'700'000'000'000};
  base::SystemRandom random;
  const auto accounts = *control::Accounts::open(folder.path(), clock, random);
  const auto ledger = *ledger::Ledger::open({.place = {.sqlite_file = folder.file("ledger.db")}}, clock, random);
  timeseries::ClickHouseClient nowhere(timeseries::Endpoint{"http://127.0.0.1:1"});
  int looks = 0;
  std::uint64_t differences = 0;
  http::RouteTable routes;
  ASSERT_TRUE(add_operator_routes(
      routes, *accounts, *ledger, nowhere, clock,
      [&looks] {
        ++looks;
        return false;
      },
      [&differences] { return differences; }));
  const auto ready = [&routes] { return control::call(routes, {http::Method::get, "/readyz", {}, ""}); };

  const http::Response first = ready();
  EXPECT_EQ(first.status, 503);
  EXPECT_NE(first.body.find(R"("differences":0)"), std::string::npos) << first.body;
  differences = 3;
  clock.advance_ms(999);
  EXPECT_EQ(ready().body, first.body);
  EXPECT_EQ(looks, 1);
  clock.advance_ms(1);
  EXPECT_NE(ready().body.find(R"("differences":3)"), std::string::npos);
  EXPECT_EQ(looks, 2);
}

}  // namespace
}  // namespace boathouse::api
