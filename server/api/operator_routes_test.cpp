// Readiness, and the comparison's pages over REST, against a scripted ClickHouse.
#include "server/api/operator_routes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>

#include "server/api/test_routes.hpp"
#include "server/control/ids.hpp"
#include "server/timeseries/test_clickhouse.hpp"

namespace boathouse::api {
namespace {

using testing::HasSubstr;

class OperatorRoutesTest : public RoutesFixture {
 protected:
  OperatorRoutesTest() {
    EXPECT_TRUE(add_operator_routes(
        routes_, *accounts_, *ledger_, client_, clock_,
        [this] {
          ++looks_;
          return is_loading_;
        },
        [this] { return differences_; }));
  }
  http::Response reconcile(const std::string& query, const std::string& key) {
    return get("/v1/reconcile" + query, key);
  }
  // Of the first page of sessions that ClickHouse was asked for.
  std::map<std::string, std::string> asked() { return clickhouse_.parameters("FROM session FINAL").at(0); }

  timeseries::FakeClickHouse clickhouse_;
  timeseries::ClickHouseClient client_{timeseries::Endpoint{clickhouse_.url()}};
  int looks_ = 0;
  bool is_loading_ = true;
  std::uint64_t differences_ = 0;
};

// Nobody who asks it often makes work of it.
TEST_F(OperatorRoutesTest, ReadinessIsLookedAtOnceASecond) {
  const auto ready = [this] { return control::call(routes_, {http::Method::get, "/readyz", {}, ""}); };
  is_loading_ = false;
  const http::Response first = ready();
  EXPECT_EQ(first.status, 503);
  EXPECT_THAT(first.body, HasSubstr(R"("differences":0)"));
  differences_ = 3;
  clock_.advance_ms(999);
  EXPECT_EQ(ready().body, first.body);
  EXPECT_EQ(looks_, 1);
  clock_.advance_ms(1);
  EXPECT_THAT(ready().body, HasSubstr(R"("differences":3)"));
  EXPECT_EQ(looks_, 2);
}

// ClickHouse hangs: the one that looks waits for it, and nobody else does.
TEST_F(OperatorRoutesTest, WhileALookHangsTheLastAnswerIsGiven) {
  const auto ready = [this] { return control::call(routes_, {http::Method::get, "/readyz", {}, ""}); };
  const auto while_one_hangs = [&] {
    clickhouse_.hold_selects();
    std::thread hanging([&] { EXPECT_EQ(ready().status, 200); });
    clickhouse_.until_a_select_is_held();
    const http::Response answer = ready();
    clickhouse_.go_on();
    hanging.join();
    return answer;
  };
  const http::Response first = while_one_hangs();
  EXPECT_EQ(first.status, 503) << "nobody knows yet";
  EXPECT_EQ(first.body, R"({"status":"not_ready"})");
  clock_.advance_ms(1'000);
  EXPECT_EQ(while_one_hangs().status, 200);
}

TEST_F(OperatorRoutesTest, ACursorLeadsBehindAnAthlete) {
  const auto response = reconcile("?cursor=" + control::format_id(control::kAthletePrefix, anna_), operator_);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_THAT(response.body, HasSubstr(R"("page":{"next_cursor":null})"));
  EXPECT_EQ(asked().at("after"), anna_.text());
}

TEST_F(OperatorRoutesTest, WithoutOneItBeginsWithTheFirst) {
  EXPECT_EQ(reconcile("", operator_).status, 200);
  EXPECT_FALSE(asked().contains("after"));
}

TEST_F(OperatorRoutesTest, AnAthletesOwnIsOnePage) {
  EXPECT_EQ(reconcile("", anna_key_).status, 200);
  EXPECT_EQ(asked().at("athlete"), anna_.text());
  const std::string cursor = control::format_id(control::kAthletePrefix, anna_);
  EXPECT_EQ(reconcile("?cursor=" + cursor, anna_key_).status, 400);
}

TEST_F(OperatorRoutesTest, BeforeThereAreTablesItIsToBeAskedAgain) {
  clickhouse_.fail_statements("FROM session FINAL", "Code: 60. DB::Exception: Unknown table (UNKNOWN_TABLE)");
  is_loading_ = false;
  EXPECT_EQ(reconcile("", operator_).status, 503);
  EXPECT_EQ(reconcile("?cursor=5", operator_).status, 400);
  is_loading_ = true;
  EXPECT_EQ(reconcile("", operator_).status, 500);
}

TEST_F(OperatorRoutesTest, ACursorThatIsNoneIsNamed) {
  for (const char* bad : {"?cursor=", "?cursor=5", "?cursor=ses_018bcfe5-6800-7abc-8def-0123456789ab", "?after=5"}) {
    EXPECT_EQ(reconcile(bad, operator_).status, 400) << bad;
  }
  EXPECT_THAT(reconcile("?cursor=5", operator_).body, HasSubstr("cursor: "));
}

}  // namespace
}  // namespace boathouse::api
